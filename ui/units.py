"""SI values to what the operator reads: the only place of the window that converts units."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

DASH = "–"
"""Shown where there is no value; the reason goes beside it."""

_KM_H_PER_M_S = 3.6
_MPH_PER_M_S = 3600.0 / 1609.344
_M2_PER_HECTARE = 10_000.0
_M2_PER_ACRE = 4046.8564224
_M2_PER_FT2 = 0.09290304
_L_PER_US_GALLON = 3.785411784
_KPA_PER_BAR = 100.0
_KPA_PER_PSI = 6.894757293168
_M_PER_INCH = 0.0254
_M_PER_FOOT = 0.3048
_SMALL_AREA_M2 = 1000.0


class UnitSystem(Enum):
    """How quantities are written."""

    METRIC = "metric"
    IMPERIAL = "imperial"
    """US customary: mph, acres, US gallons, psi."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A number as text and its unit; the number is `DASH` where there is none."""

    value: str
    unit: str

    def __str__(self) -> str:
        return f"{self.value} {self.unit}"


@dataclass(frozen=True, slots=True)
class Units:
    """Writes SI values in one system of units; NaN becomes `DASH`."""

    system: UnitSystem

    @property
    def _metric(self) -> bool:
        return self.system is UnitSystem.METRIC

    @property
    def speed_unit(self) -> str:
        """Unit of `speed_number`."""
        return "km/h" if self._metric else "mph"

    def speed_number(self, speed_m_s: float) -> float:
        """Return the speed as a number in `speed_unit`, for plots."""
        return speed_m_s * (_KM_H_PER_M_S if self._metric else _MPH_PER_M_S)

    def speed(self, speed_m_s: float) -> Reading:
        """Return km/h or mph."""
        return Reading(value=_fixed(self.speed_number(speed_m_s), 1), unit=self.speed_unit)

    def area(self, area_m2: float) -> Reading:
        """Return hectares or acres; square metres or feet below a tenth of a hectare."""
        small = area_m2 < _SMALL_AREA_M2
        if self._metric:
            if small:
                return Reading(value=_small_area(area_m2), unit="m²")
            return Reading(value=_fixed(area_m2 / _M2_PER_HECTARE, 2), unit="ha")
        if small:
            return Reading(value=_small_area(area_m2 / _M2_PER_FT2), unit="ft²")
        return Reading(value=_fixed(area_m2 / _M2_PER_ACRE, 2), unit="ac")

    def volume(self, volume_l: float) -> Reading:
        """Return litres or US gallons."""
        if self._metric:
            return Reading(value=_by_size(volume_l), unit="L")
        return Reading(value=_by_size(volume_l / _L_PER_US_GALLON), unit="gal")

    def short_length(self, length_m: float, digits: int = 0) -> Reading:
        """Return millimetres, or inches with two digits more."""
        if self._metric:
            return Reading(value=_fixed(length_m * 1e3, digits), unit="mm")
        return Reading(value=_fixed(length_m / _M_PER_INCH, digits + 2), unit="in")

    @property
    def area_unit(self) -> str:
        """Unit of large areas."""
        return "ha" if self._metric else "ac"

    @property
    def area_unit_m2(self) -> float:
        """Square metres in `area_unit`."""
        return _M2_PER_HECTARE if self._metric else _M2_PER_ACRE

    @property
    def length_unit(self) -> str:
        """Unit of `length`."""
        return "m" if self._metric else "ft"

    def length_number(self, length_m: float) -> float:
        """Return the length as a number in `length_unit`, for plots."""
        return length_m if self._metric else length_m / _M_PER_FOOT

    def length(self, length_m: float, digits: int = 1) -> Reading:
        """Return metres or feet."""
        if self._metric:
            return Reading(value=_fixed(length_m, digits), unit="m")
        return Reading(value=_fixed(length_m / _M_PER_FOOT, digits), unit="ft")

    def flow(self, flow_l_min: float) -> Reading:
        """Return litres or US gallons a minute."""
        if self._metric:
            return Reading(value=_by_size(flow_l_min), unit="L/min")
        return Reading(value=_by_size(flow_l_min / _L_PER_US_GALLON), unit="gpm")

    def pressure(self, pressure_kpa: float) -> Reading:
        """Return bar or psi."""
        if self._metric:
            return Reading(value=_fixed(pressure_kpa / _KPA_PER_BAR, 1), unit="bar")
        return Reading(value=_fixed(pressure_kpa / _KPA_PER_PSI, 0), unit="psi")


def percent(fraction: float, digits: int = 1) -> Reading:
    """Return a share of 0 to 1 as per cent."""
    return Reading(value=_fixed(fraction * 100.0, digits), unit="%")


def milliseconds(duration_ms: float) -> Reading:
    """Return whole milliseconds."""
    return Reading(value=_fixed(duration_ms, 0), unit="ms")


def age_text(age_s: float) -> str:
    """Return an age in words: ``0.7 s``, ``12 s``, ``3 min``."""
    if not math.isfinite(age_s):
        return DASH
    if age_s < 10.0:
        return f"{max(age_s, 0.0):.1f} s"
    if age_s < 120.0:
        return f"{age_s:.0f} s"
    return f"{age_s / 60.0:.0f} min"


def clock_text(duration_s: float) -> str:
    """Return a running time as ``h:mm:ss``."""
    if not math.isfinite(duration_s):
        return DASH
    seconds = int(duration_s)
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _fixed(value: float, digits: int) -> str:
    if not math.isfinite(value):
        return DASH
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0.0 else text.replace("-", "−")


def _small_area(value: float) -> str:
    """Return one digit after the point below a hundred: the first sprayed spots are not zero."""
    return _fixed(value, 1 if value < 100.0 else 0)


def _by_size(value: float) -> str:
    """Return two digits after the point below ten, one below a thousand, else none."""
    size = abs(value)
    return _fixed(value, 2 if size < 10.0 else 1 if size < 1000.0 else 0)
