"""Two runs side by side: figures and their differences."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ui.units import DASH, Reading, Units, clock_text, percent


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedFigure:
    """A figure of two runs; ``difference`` is the second less the first."""

    name: str
    first: str
    second: str
    difference: str


Write = Callable[[float], str]


def compared(
    first: Mapping[str, Any], second: Mapping[str, Any], units: Units
) -> tuple[ComparedFigure, ...]:
    """Return the figures of two summaries; unlike ground makes rates say more than totals."""
    rows: list[tuple[str, Callable[[Mapping[str, Any]], float], Write]] = [
        ("Length", lambda s: _of(s, "duration_s"), clock_text),
        ("Area", lambda s: _of(s, "area_m2"), _by(units.area)),
        ("Sprayed, commanded", lambda s: _of(s, "litres", "commanded"), _by(units.volume)),
        ("Sprayed, confirmed", lambda s: _of(s, "litres", "confirmed"), _by(units.volume)),
        (
            f"Confirmed per {'hectare' if units.area_unit == 'ha' else 'acre'}",
            lambda s: _per_m2(s) * units.area_unit_m2,
            lambda v: f"{units.volume(v)}/{units.area_unit}",
        ),
        ("Saving", lambda s: _of(s, "saving_fraction"), lambda v: str(percent(v))),
        ("Weeds found", lambda s: _of(s, "weeds_seen"), _count),
        ("Weeds missed, too late", lambda s: _of(s, "missed_late"), _count),
        ("Missed of found", _missed_share, lambda v: str(percent(v))),
        ("Pulses confirmed", lambda s: _of(s, "pulses", "confirmed"), _count),
        ("Pulses failed", lambda s: _of(s, "pulses", "failed"), _count),
        (
            "Opening error, p95",
            lambda s: 1e-3 * _of(s, "opening_error_mm", "p95"),
            _by(units.short_length),
        ),
        ("Latency, p95", lambda s: _of(s, "latency_ms", "p95"), lambda v: _with(v, 0, "ms")),
        ("Pictures dropped", lambda s: _of(s, "frames_dropped"), _count),
        ("Mean speed", lambda s: _of(s, "speed_m_s", "mean"), _by(units.speed)),
        ("Stops", lambda s: _of(s, "stops"), _count),
    ]
    return tuple(_row(name, pick(first), pick(second), write) for name, pick, write in rows)


def _row(name: str, one: float, two: float, write: Write) -> ComparedFigure:
    difference = two - one
    if not math.isfinite(difference):
        text = DASH
    elif write(abs(difference)) == write(0.0):
        text = "same"
    else:
        text = ("+" if difference > 0.0 else "−") + write(abs(difference)).lstrip("−")
    return ComparedFigure(name=name, first=write(one), second=write(two), difference=text)


def _of(summary: Mapping[str, Any], *path: str) -> float:
    value: Any = summary
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return float(value) if isinstance(value, int | float) else math.nan


def _per_m2(summary: Mapping[str, Any]) -> float:
    area_m2 = _of(summary, "area_m2")
    return _of(summary, "litres", "confirmed") / area_m2 if area_m2 > 0.0 else math.nan


def _missed_share(summary: Mapping[str, Any]) -> float:
    weeds = _of(summary, "weeds_seen")
    return _of(summary, "missed_late") / weeds if weeds > 0.0 else math.nan


def _by(write: Callable[[float], Reading]) -> Write:
    return lambda value: str(write(value))


def _count(value: float) -> str:
    return f"{value:,.0f}" if math.isfinite(value) else DASH


def _with(value: float, digits: int, unit: str) -> str:
    return f"{value:.{digits}f} {unit}" if math.isfinite(value) else f"{DASH} {unit}"
