"""Counts of the wheel encoder per metre, by driving over a measured distance several times."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from agriseg.calibration.entries import MeasuredValue
from agriseg.calibration.gnss_distance import GnssDistance, distance_between, standing_place
from agriseg.calibration.steps import StepResult
from agriseg.calibration.yard import Yard
from agriseg.config import Config
from agriseg.errors import CalibrationError
from agriseg.geometry.visual_odometry import VisualOdometry
from agriseg.messages import Frame

LEAST_DISTANCE_M = 5.0
_LEAST_COUNTS = 100.0
_LARGEST_DIFFERENCE = 0.02
_PICTURES_DIFFER = 0.03
_COVERS = 2.0
"""Standard uncertainties within which tape and satellites agree."""
_TAPE_STD_M = 0.01
_GOOD_STD = 0.003


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelRun:
    """One drive over the measured distance.

    Attributes
    ----------
    counts : float
        By the encoder, forward positive.
    tape_m : float
        The distance by the tape.
    visual_m : float
        The distance by the pictures; NaN where they did not show it.
    gnss : GnssDistance
        By the satellite receiver, or why not.
    """

    counts: float
    tape_m: float
    visual_m: float = math.nan
    gnss: GnssDistance = field(default_factory=GnssDistance)


class DistanceByPictures:
    """Adds up how far the ground has moved in the pictures."""

    def __init__(self, yard: Yard) -> None:
        self._odometry = VisualOdometry(yard.ground)
        self._first_m: float | None = None
        self._last_m = 0.0

    def add(self, frame: Frame) -> None:
        """Take a frame."""
        sample = self._odometry.add(frame)
        if sample is not None:
            self._first_m = 0.0 if self._first_m is None else self._first_m
            self._last_m = sample.distance_m

    @property
    def distance_m(self) -> float:
        """Distance since the first frame; NaN where the pictures were lost on the way."""
        lost = self._odometry.breaks > 0 or self._first_m is None
        return math.nan if lost else self._last_m


def wheel_run(config: Config, reading_m: float, tape_m: float, visual_m: float) -> WheelRun:
    """Return a run from what the odometer showed by the configured counts per metre.

    Raises
    ------
    CalibrationError
        The tape is too short, the wheel did not turn, or turned backwards.
    """
    if not tape_m >= LEAST_DISTANCE_M:
        raise CalibrationError(
            f"a distance of {tape_m:g} m is too short; measure at least {LEAST_DISTANCE_M:g} m,"
            " better 20 m"
        )
    counts = reading_m * config.wheel.counts_per_m
    if abs(counts) < _LEAST_COUNTS:
        raise CalibrationError(
            f"the wheel did not turn ({abs(counts):.0f} counts over {tape_m:g} m): check the"
            " encoder's cable and mounting, then drive again; the old value is kept"
        )
    if counts < 0.0:
        raise CalibrationError(
            "the wheel encoder counted backwards while the machine drove forward: swap its two"
            " signal wires, then drive again; the old value is kept"
        )
    return WheelRun(counts=counts, tape_m=tape_m, visual_m=visual_m)


def counts_result(config: Config, runs: Sequence[WheelRun]) -> StepResult:
    """Return the counts per metre that the runs say.

    Raises
    ------
    CalibrationError
        There is no run, or the runs contradict each other.
    """
    if not runs:
        raise CalibrationError("nothing was driven yet; drive over the measured distance first")
    each = np.array([run.counts / run.tape_m for run in runs])
    mean = float(each.mean())
    furthest = int(np.abs(each - np.median(each)).argmax())
    differs = abs(float(each[furthest]) / float(np.median(each)) - 1.0)
    if len(runs) > 1 and differs > _LARGEST_DIFFERENCE:
        raise CalibrationError(
            f"run {furthest + 1} differs from the others by {100.0 * differs:.1f} %: the wheel"
            " slipped or the marks were missed; drive again; the old value is kept"
        )
    std = _std(each, runs)
    warnings = [
        *_pictures_differ(runs),
        *_satellites_differ(runs),
    ]
    if len(runs) == 1:
        warnings.append("One run does not show how well it repeats; drive at least three.")
    elif std > _GOOD_STD * mean:
        warnings.append(
            f"The runs repeat to {100.0 * std / mean:.2f} % only; drive a longer distance."
        )
    change = 100.0 * (mean / config.wheel.counts_per_m - 1.0)
    return StepResult(
        values=(MeasuredValue(key="wheel.counts_per_m", value=mean, std=std),),
        method=f"{len(runs)} drives over {runs[0].tape_m:g} m",
        observations=len(runs),
        summary=f"{mean:.1f} counts per metre, known to {100.0 * std / mean:.2f} %; that is"
        f" {change:+.1f} % against before. {compared_distances(runs)}",
        warnings=tuple(warnings),
        facts={
            "counts_per_m": [round(float(value), 3) for value in each],
            "tape_m": [run.tape_m for run in runs],
            "visual_m": [run.visual_m for run in runs],
            "gnss_m": [run.gnss.distance_m for run in runs],
            "gnss_std_m": [run.gnss.std_m for run in runs],
            "gnss_quality": [run.gnss.quality for run in runs],
            "gnss_problem": next((run.gnss.problem for run in runs if run.gnss.problem), ""),
        },
    )


def drive_taped_distance(
    yard: Yard, tape_m: float, *, share: tuple[float, float] = (0.0, 1.0)
) -> WheelRun:
    """Have the machine driven over the measured distance once.

    It begins where the machine stands at the first mark and ends where it stands at the second:
    the operator's marks say how far that was, not the odometer.

    Raises
    ------
    CalibrationError
        The wheel did not turn, or the test was interrupted.
    """
    yard.connect()
    if yard.capabilities is not None and not yard.capabilities.has_encoder:
        raise CalibrationError(
            "the controller has no wheel encoder; speed is measured in the pictures, and there is"
            " nothing to calibrate here"
        )
    pictures = DistanceByPictures(yard)
    yard.on_frame = pictures.add
    begin = standing_place(yard, share[0])
    begun_m = yard.odometer.distance_m
    try:
        yard.drive_to_mark(tape_m, share)
    finally:
        yard.on_frame = None
    reading_m = yard.odometer.distance_m - begun_m
    run = wheel_run(yard.config, reading_m, tape_m, pictures.distance_m)
    return replace(run, gnss=distance_between(begin, standing_place(yard, share[1])))


def measure_wheel(yard: Yard, *, tape_m: float = 20.0, runs: int = 3) -> StepResult:
    """Drive over the measured distance several times.

    Raises
    ------
    CalibrationError
        As `drive_taped_distance` and `counts_result`.
    """
    driven: list[WheelRun] = []
    for index in range(runs):
        share = (index / runs, (index + 0.6) / runs)
        driven.append(drive_taped_distance(yard, tape_m, share=share))
        if index + 1 < runs:
            back_m = -driven[-1].counts / yard.config.wheel.counts_per_m
            share = ((index + 0.6) / runs, (index + 1.0) / runs)
            yard.drive("Go back to the first mark.", back_m, 1.0, share)
    return counts_result(yard.config, driven)


def _std(
    each: np.ndarray[tuple[int, ...], np.dtype[np.float64]], runs: Sequence[WheelRun]
) -> float:
    tape = _TAPE_STD_M / runs[0].tape_m * float(each.mean())
    repeat = float(each.std(ddof=1)) / math.sqrt(len(each)) if len(each) > 1 else 2.0 * tape
    return math.hypot(tape, repeat)


def compared_distances(runs: Sequence[WheelRun]) -> str:
    """Return a mean drive by tape, pictures and satellites in a sentence; what is missing, why."""
    parts = [f"tape {_mean([run.tape_m for run in runs]):.2f} m"]
    visual_m = _mean([run.visual_m for run in runs])
    parts.append(f"pictures {visual_m:.2f} m" if math.isfinite(visual_m) else "no pictures")
    gnss = _mean_gnss(runs)
    if gnss.problem:
        return f"A drive by {', '.join(parts)}. {gnss.problem}"
    return f"A drive by {', '.join(parts)}, {satellite_words(gnss)}."


def satellite_words(gnss: GnssDistance) -> str:
    """Return such as ``satellites 20.01 ± 0.03 m (RTK fixed)``."""
    return f"satellites {gnss.distance_m:.2f} ± {_COVERS * gnss.std_m:.2f} m ({gnss.quality})"


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return float(np.mean(known)) if known else math.nan


def _mean_gnss(runs: Sequence[WheelRun]) -> GnssDistance:
    """Return the mean distance; drives err alike, so that it is no surer than the least sure."""
    known = [run.gnss for run in runs if math.isfinite(run.gnss.distance_m)]
    if not known:
        return GnssDistance(
            problem=next((run.gnss.problem for run in runs if run.gnss.problem), "No satellites.")
        )
    worst = max(known, key=lambda gnss: gnss.std_m)
    return replace(worst, distance_m=_mean([gnss.distance_m for gnss in known]))


def _pictures_differ(runs: Sequence[WheelRun]) -> list[str]:
    off = _mean([run.visual_m / run.tape_m - 1.0 for run in runs])
    if not abs(off) > _PICTURES_DIFFER:
        return []
    return [
        f"By the pictures the distance was {100.0 * off:+.1f} % off the tape's: check the tape, and"
        " the camera's height in the ground step."
    ]


def _satellites_differ(runs: Sequence[WheelRun]) -> list[str]:
    known = [run for run in runs if math.isfinite(run.gnss.distance_m)]
    if not known:
        return []
    gnss = _mean_gnss(known)
    off_m = gnss.distance_m - _mean([run.tape_m for run in known])
    if abs(off_m) <= _COVERS * math.hypot(gnss.std_m, _TAPE_STD_M):
        return []
    return [
        f"The {satellite_words(gnss)} are {100.0 * off_m:+.1f} cm off the tape, more than both may"
        " be off: measure the distance between the lines again before accepting."
    ]
