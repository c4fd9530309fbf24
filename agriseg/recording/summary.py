"""The figures of a run, recomputed from its recording alone; SUMMARY.md defines each."""

from __future__ import annotations

import contextlib
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from agriseg.errors import RecordingError
from agriseg.messages import PulseOutcome
from agriseg.recording.ground import sprayed_extents
from agriseg.recording.history import RunHistory
from agriseg.recording.reader import Run

SUMMARY_VERSION = 1

TRUTH_FILE = "truth.json"

NO_TRUTH = "not available: real field"

TRUTH_KEYS = (
    "weeds_total",
    "weeds_reachable",
    "weeds_hit",
    "weeds_hit_fraction",
    "weeds_not_seen",
    "weeds_not_decided",
    "weeds_not_reached",
    "crop_area_sprayed_fraction",
    "crop_area_sprayed_beyond_margin_fraction",
    "position_error_mm",
)
"""Figures that only a world with true labels knows; null elsewhere."""

BASELINE = (
    "all nozzles open over the whole distance while the robot moved, at the nozzles' nominal flow"
)

_SINCE_VERSION_1 = frozenset({PulseOutcome.SENT, PulseOutcome.FAILED})
"""Outcomes that the first recordings did not know; they are listed where they occur."""

_STOP_KINDS = frozenset({"stop"})
_ALARM_KINDS = frozenset({"alarm", "stop", "start-refused", "recording"})
_STAGES = ("capture", "segment", "project", "plan", "link")
_WAITS = ("queue", "handover")


def summarize(run: Run, history: RunHistory, truth: Mapping[str, object] | None) -> dict[str, Any]:
    """Return the summary of a run as plain JSON values.

    Parameters
    ----------
    run : Run
    history : RunHistory
        Of the same run.
    truth : mapping, optional
        The simulation's score of the run, where there was one.
    """
    values: dict[str, Any] = {
        "summary_version": SUMMARY_VERSION,
        "run": run.directory.resolve().name,
        "started_at": run.info.started_at.isoformat(timespec="seconds"),
        "duration_s": run.duration_s,
        **_truth_figures(truth),
        **_ground_figures(history, truth),
        **_pulse_figures(history),
        **_time_figures(history),
        **_event_figures(history),
        "recording": _recording_figures(run, history),
        "segmenter": history.frames[-1].segmenter if history.frames else "",
        "model": dict(run.info.model),
        "versions": dict(run.info.versions),
        "calibration": _calibration(run.info.calibration),
    }
    clean: dict[str, Any] = _plain(values)
    return clean


def _calibration(lines: Mapping[str, str] | None) -> list[dict[str, Any]] | None:
    """Return the calibrations in force as they stand in their history; damaged ones are named."""
    if lines is None:
        return None
    return [_calibration_line(step, line) for step, line in sorted(lines.items())]


def _calibration_line(step: str, line: str) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads(line)
        values = {str(v["key"]): {"value": v["value"], "std": v["std"]} for v in data["values"]}
        return {
            "step": step,
            "time": str(data["time"]),
            "operator": str(data["operator"]),
            "method": str(data["method"]),
            "observations": int(data["observations"]),
            "values": values,
        }
    except (KeyError, TypeError, ValueError):
        return {"step": step, "problem": "the recorded line is damaged"}


def save_truth(run_directory: Path, truth: Mapping[str, object]) -> None:
    """Keep the simulation's score beside the recording, for later reports.

    Three numbers in a row are p50, p95 and p99.

    Raises
    ------
    RecordingError
        It cannot be written.
    """
    named = {key: _named_percentiles(value) for key, value in truth.items()}
    write_json(run_directory / TRUTH_FILE, _plain(named))


def load_truth(run_directory: Path) -> dict[str, object] | None:
    """Return the score that `save_truth` kept; None where there is none.

    Raises
    ------
    RecordingError
        The file is there and cannot be read.
    """
    path = run_directory / TRUTH_FILE
    if not path.exists():
        return None
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecordingError(f"{path}: the score cannot be read ({error}); delete it") from error
    if not isinstance(data, dict):
        raise RecordingError(f"{path}: expected an object with the score's figures; delete it")
    return data


def _named_percentiles(value: object) -> object:
    if isinstance(value, list | tuple) and len(value) == 3:
        return dict(zip(("p50", "p95", "p99"), value, strict=True))
    return value


def write_json(path: Path, value: object) -> None:
    """Write plain JSON values to a file, whole or not at all.

    Raises
    ------
    RecordingError
        It cannot be written.
    """
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a file of a run's folder that can be made again, whole or not at all.

    Raises
    ------
    RecordingError
        It cannot be written.
    """
    partial = path.with_name(path.name + ".part")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise RecordingError(
            f"{path}: the file cannot be written ({error.strerror}); the recording is kept, make"
            f" room and run `agriseg runs report {path.parent}`"
        ) from error


def _truth_figures(truth: Mapping[str, object] | None) -> dict[str, Any]:
    figures: dict[str, Any] = {"truth": NO_TRUTH if truth is None else "simulation"}
    figures |= {key: None if truth is None else truth.get(key) for key in TRUTH_KEYS}
    figures["truth_score"] = None if truth is None else dict(truth)
    return figures


def _ground_figures(history: RunHistory, truth: Mapping[str, object] | None) -> dict[str, Any]:
    totals = history.totals
    speed = history.odometry_columns()[:, 2]
    is_known = totals.area_m2 > 0.0 and not totals.pulses_unconfirmed
    by_reports = totals.treated_area_m2 / totals.area_m2 if is_known else None
    by_truth = None if truth is None else truth.get("sprayed_area_fraction")
    return {
        "distance_m": totals.distance_m,
        "area_m2": totals.area_m2,
        "treated_area_m2": totals.treated_area_m2,
        "sprayed_area_fraction": by_reports if by_truth is None else by_truth,
        "speed_m_s": {
            "mean": float(speed.mean()) if len(speed) else None,
            "max": float(speed.max()) if len(speed) else None,
        },
        "litres": {
            "commanded": totals.volume_commanded_l,
            "confirmed": totals.volume_confirmed_l,
            "measured": totals.volume_measured_l,
            "baseline": totals.broadcast_volume_l,
        },
        "saving_fraction": totals.saving_fraction,
        "saving_baseline": BASELINE,
    }


def _pulse_figures(history: RunHistory) -> dict[str, Any]:
    outcomes = Counter(pulse.outcome for pulse in history.pulses)
    answered = {pulse.event_id for pulse in history.pulses}
    missed = Counter(entry.missed.reason for entry in history.missed)
    lost_m = math.fsum(e.missed.s_max_m - e.missed.s_min_m for e in history.missed)
    errors_mm = 1e3 * np.abs(sprayed_extents(history).opening_error_m)
    confirmed, unconfirmed = outcomes[PulseOutcome.DONE], outcomes[PulseOutcome.SENT]
    return {
        "pulses": {
            "commanded": history.totals.pulses_commanded,
            "confirmed": confirmed,
            "failed": sum(outcomes.values()) - confirmed - unconfirmed,
            "unanswered": len(history.commanded.keys() - answered),
            "by_outcome": {
                outcome.value: outcomes[outcome]
                for outcome in PulseOutcome
                if outcome not in _SINCE_VERSION_1 or outcomes[outcome]
            },
        },
        "pulses_unconfirmed": unconfirmed,
        "weeds_seen": history.totals.weeds_seen,
        "missed_late": history.totals.missed_late,
        "missed_late_strips": history.totals.missed_late_strips,
        "missed": dict(missed.most_common()),
        "missed_length_m": lost_m,
        "opening_error_mm": percentiles(errors_mm, (50, 95, 99)),
    }


def _time_figures(history: RunHistory) -> dict[str, Any]:
    stages = [record.stage for record in history.frames if record.stage is not None]

    def column(name: str) -> list[float]:
        return [getattr(stage, name) for stage in stages]

    way = (*_STAGES, *_WAITS)
    latency = [np.nansum([getattr(stage, f"{name}_ms") for name in way]) for stage in stages]
    return {
        "frames": history.totals.frames,
        "frames_dropped": history.totals.frames_dropped,
        "stage_ms": {name: percentiles(column(f"{name}_ms"), (50, 95)) for name in _STAGES},
        "wait_ms": {name: percentiles(column(f"{name}_ms"), (50, 95)) for name in _WAITS},
        "forward_ms": percentiles(column("forward_ms"), (50, 95)),
        "overhead_ms": percentiles(column("overhead_ms"), (50, 95)),
        "latency_ms": percentiles(latency, (50, 95, 99)),
        "weed_cover_mean": mean([record.weed_cover for record in history.frames]),
        "crop_cover_mean": mean([record.crop_cover for record in history.frames]),
    }


def _event_figures(history: RunHistory) -> dict[str, Any]:
    alarms = [event for event in history.events if event.kind in _ALARM_KINDS]
    return {
        "alarms": [
            {"t_s": event.t_s - history.start_s, "kind": event.kind, "text": event.text}
            for event in alarms
        ],
        "stops": sum(event.kind in _STOP_KINDS for event in alarms),
    }


def _recording_figures(run: Run, history: RunHistory) -> dict[str, Any]:
    recovery, counters = run.recovery, history.counters
    return {
        "is_whole": recovery.is_whole,
        "recovered_s": recovery.recovered_s,
        "known_s": recovery.known_s,
        "sentence": recovery.sentence,
        "pictures": run.frame_count,
        "pictures_dropped": counters.pictures_dropped if counters else None,
        "telemetry_dropped": counters.telemetry_dropped if counters else None,
        "clock_shift_s": _clock_shift_s(run, history),
        "problems": list(run.problems),
    }


def _clock_shift_s(run: Run, history: RunHistory) -> float | None:
    """Return by how much the computer's clock was set during the run.

    None in virtual time, which has nothing to do with that clock, and where it is not known.
    """
    counters = history.counters
    if counters is None or run.info.virtual_time:
        return None
    return (counters.wall_ns - run.info.start_ns) * 1e-9 - (counters.t_s - run.info.start_s)


def percentiles(values: ArrayLike, which: Sequence[int]) -> dict[str, float | None]:
    """Return ``p50`` and so on of the finite values; None where there are none."""
    array = np.asarray(values, np.float64)
    array = array[np.isfinite(array)]
    return {f"p{p}": float(np.percentile(array, p)) if array.size else None for p in which}


def mean(values: Sequence[float]) -> float | None:
    """Return the mean of the finite values; None where there are none."""
    finite = [value for value in values if math.isfinite(value)]
    return math.fsum(finite) / len(finite) if finite else None


def _plain(value: Any) -> Any:
    """Return a copy of plain JSON types; what is not a finite number becomes null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value
