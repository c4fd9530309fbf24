"""The verification drive: marks on the ground are sprayed with water, and the camera scores it.

The machine does what it does in the field: the same map, planner and controller, with green marks
as weeds and water in the tank. Then it reverses, and the camera measures on the ground where water
fell and where the marks are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agriseg.calibration.ground_survey import GroundPicture
from agriseg.calibration.steps import StepResult
from agriseg.calibration.strip_survey import TwoSurveys, way_to_boom_m
from agriseg.calibration.wet_ground import WetGround, wet_ground
from agriseg.calibration.yard import Yard
from agriseg.config import Config
from agriseg.errors import CalibrationError
from agriseg.messages import ClassId, Float64Array, Frame, Plant, SprayMode
from agriseg.pipeline import FieldPipeline
from agriseg.segmentation.color_index import ExcessGreenSegmenter
from agriseg.spraying.boom import Boom

LEAST_MARKS = 6
PASS_HITS = 0.95
PASS_EDGE_MM = 15.0
_SPEED_M_S = 1.0
_LANE_M = 4.0
_RUN_UP_M = 0.8
_RUN_OUT_M = 0.6
_HIT_SHARE = 0.5
_WET_SHARE = 0.45
_REACH_M = 0.12
_AROUND_M = 0.012


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkScore:
    """What happened to one mark; errors in metres, positive too far forward.

    ``begin_error_m`` and ``end_error_m`` compare the edges of the wet ground across the mark's
    middle with where the planner wanted them: the mark with its margin fore and aft. NaN where
    an edge was not seen.
    """

    s_m: float
    y_m: float
    hit: bool
    wet_share: float
    begin_error_m: float
    end_error_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The scores of a verification drive, and whether it is passed."""

    marks: tuple[MarkScore, ...]
    speed_m_s: float

    @property
    def hits(self) -> int:
        """How many marks were hit: at least half of each was wetted."""
        return sum(mark.hit for mark in self.marks)

    @property
    def edge_p95_mm(self) -> float:
        """Error of the leading edges that 95 % keep within; NaN where none was seen."""
        errors = [abs(m.begin_error_m) for m in self.marks if math.isfinite(m.begin_error_m)]
        return 1e3 * float(np.quantile(errors, 0.95)) if errors else math.nan

    @property
    def passed(self) -> bool:
        """Whether enough marks were hit, and precisely enough."""
        enough = self.hits >= PASS_HITS * len(self.marks)
        return enough and self.edge_p95_mm <= PASS_EDGE_MM


def verify_by_driving(yard: Yard, *, speed_m_s: float = _SPEED_M_S) -> StepResult:
    """Drive over the marks spraying, reverse, and score.

    Raises
    ------
    CalibrationError
        Too few marks were seen, the test was interrupted, or no wet ground was seen.
    """
    config = verification_config(yard.config)
    boom = Boom(config.boom)
    yard.connect()
    yard.require_reports()
    first_m = max(way_to_boom_m(yard, boom), _RUN_UP_M)
    drive_m = first_m + _LANE_M + _RUN_OUT_M
    surveys = TwoSurveys(yard, drive_m)
    sprayer = _Sprayer(yard, config, boom)
    surveys.look_dry()
    look = yard.on_frame
    assert look is not None

    def take(frame: Frame) -> None:
        look(frame)
        sprayer.take(frame)

    yard.on_frame = take
    yard.arm()
    try:
        yard.on_tick = sprayer.plan
        text = f"Drive forward over the marks at {3.6 * speed_m_s:.1f} km/h."
        yard.drive(text, drive_m, speed_m_s, (0.0, 0.5))
    finally:
        yard.on_tick = None
        yard.disarm()
    surveys.look_wet()
    surveys.reverse((0.5, 0.95))
    surveys.look_away()
    yard.say("Scoring the marks.", 0.96)
    lane = (surveys.start_m + first_m, surveys.start_m + drive_m - _RUN_OUT_M)
    marks = [plant for plant in sprayer.plants if lane[0] <= plant.s_m <= lane[1]]
    marks = [plant for plant in marks if _below_boom(boom, plant)]
    scored = score_marks(config, boom, marks, *surveys.pictures())
    return verification_result(
        Verification(marks=tuple(scored), speed_m_s=sprayer.speed_m_s), config
    )


def verification_config(config: Config) -> Config:
    """Return the configuration of a verification: marks as weeds, one by one."""
    spray = config.spray.model_copy(update={"mode": SprayMode.SPOT, "sensitivity": 0.5})
    return config.model_copy(update={"spray": spray})


def score_marks(
    config: Config,
    boom: Boom,
    marks: Sequence[Plant],
    dry: GroundPicture,
    wet: GroundPicture,
) -> list[MarkScore]:
    """Measure on the ground what became of each mark.

    Parameters
    ----------
    config : Config
        Its margins are what was asked for.
    boom : Boom
    marks : sequence of Plant
        As the map showed them, along the track.
    dry, wet : GroundPicture
        Before and after.

    Raises
    ------
    CalibrationError
        There are too few marks, or no wet ground.
    """
    if len(marks) < LEAST_MARKS:
        raise CalibrationError(
            f"{len(marks)} marks were seen, at least {LEAST_MARKS} are needed: lay out green discs"
            " of 5 to 8 cm at least 40 cm apart over 4 m below the boom, then drive again"
        )
    water = wet_ground(dry, wet)
    if not (water.depth[water.known] > 0.15).any():
        raise CalibrationError(
            "no wet ground was seen: check that water came out and that the ground was dry, then"
            " drive again"
        )
    return [_score(config, boom, mark, water) for mark in marks]


def verification_result(found: Verification, config: Config) -> StepResult:
    """Return what is kept: a judgement, no values."""
    count = len(found.marks)
    verdict = "Passed" if found.passed else "Not passed"
    warnings: list[str] = []
    if not found.passed:
        signed = [m.begin_error_m for m in found.marks if math.isfinite(m.begin_error_m)]
        mean_mm = 1e3 * float(np.mean(signed)) if signed else math.nan
        warnings.append(
            f"The wet ground begins on average {mean_mm:+.0f} mm from where it should (plus is too"
            " late); calibrate ground, nozzles and latency again."
        )
    ends = [abs(m.end_error_m) for m in found.marks if math.isfinite(m.end_error_m)]
    return StepResult(
        values=(),
        method=f"verification drive at {found.speed_m_s:.1f} m/s, excess green",
        observations=count,
        summary=f"{verdict}: {found.hits} of {count} marks hit, leading edge within"
        f" {found.edge_p95_mm:.0f} mm (95 %).",
        warnings=tuple(warnings),
        facts={
            "passed": found.passed,
            "hits": found.hits,
            "marks": count,
            "speed_m_s": round(found.speed_m_s, 2),
            "edge_p95_mm": round(found.edge_p95_mm, 1),
            "end_p95_mm": round(1e3 * float(np.quantile(ends, 0.95)), 1) if ends else None,
            "limits": {"hits_share": PASS_HITS, "edge_mm": PASS_EDGE_MM},
            "margin_mm": round(1e3 * config.spray.weed_margin_m, 1),
            "scores": [
                {
                    "s_m": round(mark.s_m, 3),
                    "y_m": round(mark.y_m, 3),
                    "hit": mark.hit,
                    "wet_percent": round(100.0 * mark.wet_share, 1),
                    "begin_error_mm": round(1e3 * mark.begin_error_m, 1),
                    "end_error_mm": round(1e3 * mark.end_error_m, 1),
                }
                for mark in found.marks
            ],
        },
    )


class _Sprayer:
    """The field's pipeline on the yard's frames, odometry and controller."""

    def __init__(self, yard: Yard, config: Config, boom: Boom) -> None:
        self._yard = yard
        self._pipeline = FieldPipeline(config, yard.ground, boom)
        self._pipeline.capabilities = yard.capabilities
        self._segmenter = ExcessGreenSegmenter()
        self._fed_s = -math.inf
        self._speeds: list[float] = []
        self.plants: list[Plant] = []

    def take(self, frame: Frame) -> None:
        """Add a frame to the map."""
        self._feed()
        self._pipeline.integrate(frame, self._segmenter.segment(frame))

    def plan(self) -> None:
        """Command what is due."""
        self._feed()
        plan = self._pipeline.plan(self._yard.clock.now_s())
        self._yard.command(plan.events)
        self.plants += [plant for plant in plan.plants if plant.class_id is ClassId.WEED]
        if plan.events:
            self._speeds.append(self._yard.odometer.speed_m_s)

    @property
    def speed_m_s(self) -> float:
        """Mean speed while spraying; NaN before any."""
        return float(np.mean(self._speeds)) if self._speeds else math.nan

    def _feed(self) -> None:
        for sample in self._yard.odometer.samples_after(self._fed_s):
            self._pipeline.odometry.add(sample)
            self._fed_s = sample.t_s


def _below_boom(boom: Boom, mark: Plant) -> bool:
    right, left = float(boom.footprint_y_m.min()), float(boom.footprint_y_m.max())
    return right <= mark.y_min_m and mark.y_max_m <= left


def _score(config: Config, boom: Boom, mark: Plant, water: WetGround) -> MarkScore:
    margin_m = config.spray.weed_margin_m
    level = _local_level(water, mark)
    cells = _window(water, (mark.s_min_m, mark.s_max_m), (mark.y_min_m, mark.y_max_m))
    wet_share = float((water.depth[cells] > _WET_SHARE * level).mean()) if level > 0.0 else 0.0
    hit = wet_share >= _HIT_SHARE
    begin = end = math.nan
    if hit:
        begin, end = _edges(boom, mark, water, level, margin_m)
    return MarkScore(
        s_m=mark.s_m,
        y_m=mark.y_m,
        hit=hit,
        wet_share=wet_share,
        begin_error_m=begin,
        end_error_m=end,
    )


def _local_level(water: WetGround, mark: Plant) -> float:
    """Return how dark wet ground is around a mark; 0 where nothing is wet."""
    around = _window(
        water,
        (mark.s_min_m - _AROUND_M, mark.s_max_m + _AROUND_M),
        (mark.y_min_m - _AROUND_M, mark.y_max_m + _AROUND_M),
    )
    depth = water.depth[around]
    wet = depth[depth > max(0.08, 5.0 * water.noise)]
    return float(np.median(wet)) if wet.size > 0.1 * depth.size else 0.0


def _edges(
    boom: Boom, mark: Plant, water: WetGround, level: float, margin_m: float
) -> tuple[float, float]:
    """Return the errors of the wet ground's edges along the nozzle over the mark's middle.

    A nozzle sprays what of the mark, widened by its margin, lies in its zone; the edge wanted is
    that of a round mark in this zone.
    """
    nozzle = boom.nozzles[int(np.abs(boom.y_m - mark.y_m).argmin())]
    wanted_begin, wanted_end = mark.s_min_m - margin_m, mark.s_max_m + margin_m
    columns, rows = (
        (mark.s_min_m - _REACH_M, mark.s_max_m + _REACH_M),
        (nozzle.y_m - 0.008, nozzle.y_m + 0.008),
    )
    window = _window(water, columns, rows)
    profile = np.asarray(water.depth[window].mean(axis=0), np.float64)
    middle = round((mark.s_m - columns[0]) / water.cell_m)
    first_m = water.s0_m + window[1].start * water.cell_m
    begin, end = _crossings(profile, middle, 0.5 * level)
    return (
        first_m + begin * water.cell_m - wanted_begin,
        first_m + end * water.cell_m - wanted_end,
    )


def _crossings(profile: Float64Array, middle: int, half: float) -> tuple[float, float]:
    """Return where a profile falls below half to both sides of its middle; NaN at its ends."""
    if not 0 <= middle < len(profile):
        return math.nan, math.nan
    below = np.flatnonzero(profile <= half)
    before, after = below[below < middle], below[below > middle]
    begin = end = math.nan
    if len(before):
        i = int(before[-1])
        begin = i + (half - profile[i]) / max(profile[i + 1] - profile[i], 1e-9)
    if len(after):
        i = int(after[0])
        end = i - (half - profile[i]) / max(profile[i - 1] - profile[i], 1e-9)
    return float(begin), float(end)


def _window(
    water: WetGround, s_m: tuple[float, float], y_m: tuple[float, float]
) -> tuple[slice, slice]:
    def cells(span: tuple[float, float], origin: float, size: int) -> slice:
        first = max(0, round((span[0] - origin) / water.cell_m))
        return slice(first, max(first + 1, min(size, round((span[1] - origin) / water.cell_m) + 1)))

    rows, columns = water.depth.shape
    return cells(y_m, water.y0_m, rows), cells(s_m, water.s0_m, columns)
