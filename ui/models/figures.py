"""The figures of the Operate page: what is read, in which unit, and why one is missing."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from agriseg.messages import ControllerState, EngineSnapshot, OdometrySource
from ui.units import DASH, Reading, Units, age_text, milliseconds, percent

STALE_AFTER_S = 0.5
"""A snapshot older than this is no longer the present."""

_ODOMETRY_WORDS = {
    OdometrySource.WHEEL: "by the wheel",
    OdometrySource.VISUAL: "by the picture",
    OdometrySource.ASSUMED: "not measured",
    OdometrySource.NONE: "no sensor",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure on the screen.

    Attributes
    ----------
    key, title : str
        Stable name, and what the operator reads above it.
    value, unit : str
        `DASH` as value where there is none.
    note : str
        Second line: what it is compared with, or how old it is.
    reason : str
        Why there is no value, or what it means; for the tooltip.
    stale : bool
        The value is not of now and must not look as if it were.
    attention : bool
        The value asks for a look (weeds missed, for one).
    """

    key: str
    title: str
    value: str
    unit: str
    note: str = ""
    reason: str = ""
    stale: bool = False
    attention: bool = False


FIGURE_TITLES = {
    "speed": "Speed",
    "area": "Area covered",
    "volume": "Sprayed, confirmed",
    "saving": "Saving",
    "weeds": "Weed cover",
    "missed": "Missed",
    "latency": "Latency",
    "pressure": "Pressure",
    "flow": "Flow",
    "tank": "Tank",
}
"""Keys in the order in which they are shown, with their titles."""

PRIMARY_KEYS = ("speed", "area", "volume", "saving")
"""The figures shown large."""


def figures(snapshot: EngineSnapshot | None, units: Units, now_s: float) -> tuple[Figure, ...]:
    """Return all figures in the order of `FIGURE_TITLES`.

    ``now_s`` is the monotonic host time: figures of a snapshot older than
    `STALE_AFTER_S` come back marked stale, with their age as the note.
    """
    if snapshot is None:
        return tuple(
            Figure(key=key, title=title, value=DASH, unit="", reason="No word from the engine yet.")
            for key, title in FIGURE_TITLES.items()
        )
    fresh = (
        _speed(snapshot, units),
        _area(snapshot, units),
        _volume(snapshot, units),
        _saving(snapshot, units),
        _weeds(snapshot),
        _missed(snapshot),
        _latency(snapshot),
        _pressure(snapshot, units),
        _flow(snapshot, units),
        _tank(snapshot, units),
    )
    age_s = now_s - snapshot.t_s
    if age_s <= STALE_AFTER_S:
        return fresh
    return tuple(
        replace(figure, stale=True, attention=False, note=f"{age_text(age_s)} old")
        for figure in fresh
    )


def _figure(
    key: str,
    reading: Reading,
    *,
    note: str = "",
    reason: str = "",
    missing: str = "",
    missing_note: str | None = None,
    attention: bool = False,
) -> Figure:
    """Build a figure; ``missing`` and ``missing_note`` say why, should it have no value."""
    has_value = reading.value != DASH
    if not has_value and missing_note is not None:
        note = missing_note
    return Figure(
        key=key,
        title=FIGURE_TITLES[key],
        value=reading.value,
        unit=reading.unit if has_value else "",
        note=note,
        reason=reason if has_value else missing,
        attention=attention,
    )


def _speed(snapshot: EngineSnapshot, units: Units) -> Figure:
    return _figure(
        "speed",
        units.speed(snapshot.speed_m_s),
        note=_ODOMETRY_WORDS[snapshot.odometry],
        reason="Speed over ground and where it comes from.",
        missing="Neither a wheel sensor nor the pictures give a speed.",
        missing_note="no reading",
    )


def _area(snapshot: EngineSnapshot, units: Units) -> Figure:
    totals = snapshot.totals
    return _figure(
        "area",
        units.area(totals.area_m2),
        note=f"treated {units.area(totals.treated_area_m2)}",
        reason="Ground driven over by the boom while the camera saw it;"
        " treated is the ground under nozzles confirmed open.",
    )


def _volume(snapshot: EngineSnapshot, units: Units) -> Figure:
    totals = snapshot.totals
    metered = ""
    if math.isfinite(totals.volume_measured_l):
        metered = f" The flow meter counted {units.volume(totals.volume_measured_l)}."
    return _figure(
        "volume",
        units.volume(totals.volume_confirmed_l),
        note=f"commanded {units.volume(totals.volume_commanded_l)}",
        reason="From the opening times that the controller confirmed; commanded is what was"
        f" asked of it.{metered}",
    )


def _saving(snapshot: EngineSnapshot, units: Units) -> Figure:
    totals = snapshot.totals
    baseline = units.volume(totals.broadcast_volume_l)
    return _figure(
        "saving",
        percent(totals.saving_fraction, 0),
        note="vs. broadcast",
        reason=f"All nozzles open over the same ground would have used {baseline}.",
        missing="No ground has been covered yet, so there is nothing to compare with.",
    )


def _weeds(snapshot: EngineSnapshot) -> Figure:
    crop = percent(snapshot.crop_cover)
    return _figure(
        "weeds",
        percent(snapshot.weed_cover),
        note=f"crop {crop}" if crop.value != DASH else "",
        reason="Share of the newest picture that is weed, and crop.",
        missing="No picture has been looked at yet.",
        missing_note="no picture yet",
    )


def _missed(snapshot: EngineSnapshot) -> Figure:
    totals = snapshot.totals
    return _figure(
        "missed",
        Reading(value=str(totals.missed_late), unit=""),
        note=f"of {totals.weeds_seen}",
        reason="Weeds that could no longer be reached in time. They are counted, never sprayed"
        f" late. {totals.withheld_crop} more were left to protect the crop.",
        attention=totals.missed_late > 0,
    )


def _latency(snapshot: EngineSnapshot) -> Figure:
    age_ms = snapshot.frame_age_ms
    age = milliseconds(age_ms)
    words = str(age) if age_ms < 1000.0 else age_text(age_ms * 1e-3)
    return _figure(
        "latency",
        milliseconds(snapshot.latency_ms),
        note=f"picture {words}" if age.value != DASH else "no picture",
        reason="From the exposure of a picture to its pulses being sent;"
        " below it, how old the newest picture is.",
        missing="No picture has gone the whole way yet.",
        missing_note="no picture yet",
    )


def _pressure(snapshot: EngineSnapshot, units: Units) -> Figure:
    reading = units.pressure(snapshot.controller.pressure_kpa)
    return _measured("pressure", reading, snapshot, "pressure")


def _flow(snapshot: EngineSnapshot, units: Units) -> Figure:
    reading = units.flow(snapshot.controller.flow_l_min)
    return _measured("flow", reading, snapshot, "flow")


def _tank(snapshot: EngineSnapshot, units: Units) -> Figure:
    reading = units.volume(snapshot.controller.tank_l)
    return _measured("tank", reading, snapshot, "tank level")


def _measured(key: str, reading: Reading, snapshot: EngineSnapshot, sensor: str) -> Figure:
    """Build the figure of a sensor of the controller, or say why it has no value."""
    note, missing = _why_not(snapshot, sensor)
    return _figure(
        key,
        reading,
        note="measured",
        reason=f"The {sensor} that the sprayer controller measures.",
        missing=missing,
        missing_note=note,
    )


def _why_not(snapshot: EngineSnapshot, sensor: str) -> tuple[str, str]:
    """Say in a word and in a sentence why the controller gives no ``sensor`` value."""
    capabilities = snapshot.capabilities
    if snapshot.controller.state is ControllerState.DISCONNECTED or capabilities is None:
        return "not connected", "The sprayer controller is not connected."
    has = {
        "pressure": capabilities.has_pressure,
        "flow": capabilities.has_flow,
        "tank level": capabilities.has_tank,
    }
    if not has[sensor]:
        return "no sensor", f"This controller has no {sensor} sensor."
    return "no reading", f"The controller has not reported its {sensor} yet."
