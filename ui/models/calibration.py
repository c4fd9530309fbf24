"""Calibrated values in words: names, units, uncertainty."""

from __future__ import annotations

import math
from dataclasses import dataclass

from agriseg.calibration.due import StepState, StepStatus, age_words
from agriseg.calibration.entries import CalibrationEntry
from agriseg.calibration.steps import ValueChange
from agriseg.config_values import Value
from ui.units import DASH

_NAMES = {
    "camera.intrinsics.fx_px": "Focal length across",
    "camera.intrinsics.fy_px": "Focal length down",
    "camera.intrinsics.cx_px": "Optical centre across",
    "camera.intrinsics.cy_px": "Optical centre down",
    "camera.intrinsics.k1": "Distortion k1",
    "camera.intrinsics.k2": "Distortion k2",
    "camera.intrinsics.p1": "Distortion p1",
    "camera.intrinsics.p2": "Distortion p2",
    "camera.intrinsics.k3": "Distortion k3",
    "camera.intrinsics.width_px": "Picture width",
    "camera.intrinsics.height_px": "Picture height",
    "camera.pose.x_m": "Camera, forward",
    "camera.pose.y_m": "Camera, to the left",
    "camera.pose.z_m": "Camera above ground",
    "camera.pose.roll_deg": "Camera, roll",
    "camera.pose.pitch_deg": "Camera, pitch",
    "camera.pose.yaw_deg": "Camera, yaw",
    "boom.height_m": "Nozzles above ground",
    "wheel.counts_per_m": "Counts per metre",
}
_UNITS: tuple[tuple[str, str, float, int], ...] = (
    ("_l_min", "L/min", 1.0, 3),
    ("_per_m", "per m", 1.0, 1),
    ("_deg", "°", 1.0, 2),
    ("_px", "px", 1.0, 1),
    ("_ms", "ms", 1.0, 1),
    ("_kpa", "kPa", 1.0, 0),
    ("_m", "mm", 1000.0, 1),
)
_COVERAGE = 2.0
"""About 95 % of a normal distribution lie within so many standard uncertainties."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueRow:
    """One line of the table of a result."""

    name: str
    before: str
    now: str
    uncertainty: str
    unit: str
    changed: bool
    """Whether the change is more than what is uncertain."""


def value_row(change: ValueChange) -> ValueRow:
    """Return the line for a value that a result would change."""
    unit, factor, digits = _unit(change.key)
    moved = change.step
    sure = _COVERAGE * change.std if math.isfinite(change.std) else 0.0
    return ValueRow(
        name=value_name(change.key),
        before=_written(change.before, factor, digits),
        now=_written(change.value, factor, digits),
        uncertainty=_uncertainty(change.std, factor, digits),
        unit=unit,
        changed=change.value != change.before if math.isnan(moved) else abs(moved) > sure,
    )


def value_name(key: str) -> str:
    """Return the words for a key; a nozzle's value names the nozzle, counted from 1."""
    if key in _NAMES:
        return _NAMES[key]
    parts = key.split(".")
    word = parts[-1]
    for suffix, *_ in _UNITS:
        word = word.removesuffix(suffix)
    words = word.replace("_", " ")
    if parts[:2] == ["boom", "nozzles"]:
        return f"Nozzle {int(parts[2]) + 1}, {words}"
    return f"{parts[0].capitalize()} {words}"


def state_word(status: StepStatus) -> str:
    """Return the line below a step's name in the list."""
    if status.state is StepState.MISSING:
        return "Never calibrated"
    if status.state is StepState.OVERTAKEN:
        return "Calibrate again"
    if status.state is StepState.OLD and status.age is not None:
        return f"{age_words(status.age)} old: again".capitalize()
    return status.text.split(": ", 1)[-1].removesuffix(".").capitalize()


def history_text(entry: CalibrationEntry, undone: bool, in_force: bool) -> str:
    """Return one entry of the history in two lines."""
    when = entry.accepted_at.astimezone().strftime("%Y-%m-%d %H:%M")
    state = "taken back" if undone else "in force" if in_force else "replaced"
    head = f"{when}   {state}   {entry.method}, {entry.observations} observations"
    summary = str(entry.facts.get("summary", ""))
    return f"{head}\n{summary}" if summary else head


def _unit(key: str) -> tuple[str, float, int]:
    for suffix, unit, factor, digits in _UNITS:
        if key.endswith(suffix):
            return unit, factor, digits
    return "", 1.0, 4


def _written(value: Value, factor: float, digits: int) -> str:
    if isinstance(value, str):
        return value or DASH
    if isinstance(value, int) and factor == 1.0:
        return str(value)
    if not math.isfinite(value):
        return DASH
    text = f"{value * factor:.{digits}f}"
    return text.lstrip("-") if float(text) == 0.0 else text.replace("-", "−")


def _uncertainty(std: float, factor: float, digits: int) -> str:
    if not math.isfinite(std):
        return ""
    half = _COVERAGE * std * factor
    if half == 0.0:
        return ""
    more = digits if half >= 0.5 * 10.0**-digits else digits + 1
    return f"± {half:.{more}f}"
