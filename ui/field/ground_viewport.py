"""Where ground lies on the screen: metres east and north to pixels and back; the scale bar."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from PySide6.QtCore import QPointF
from PySide6.QtGui import QTransform

from agriseg.messages import Float64Array
from ui.units import UnitSystem

LEAST_SCALE, LARGEST_SCALE = 0.004, 400.0
"""Pixels a metre."""
_ROOM = 0.9
_M_PER_FOOT = 0.3048


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundViewport:
    """North is up.

    Attributes
    ----------
    scale : float
        Pixels for a metre.
    east_m, north_m : float
        The place in the middle of the view.
    width_px, height_px : int
    """

    scale: float = 10.0
    east_m: float = 0.0
    north_m: float = 0.0
    width_px: int = 1
    height_px: int = 1

    def to_screen(self, places_m: ArrayLike) -> Float64Array:
        """Return (N, 2) screen places of (N, 2) (east, north)."""
        places = np.asarray(places_m, np.float64).reshape(-1, 2)
        x = 0.5 * self.width_px + (places[:, 0] - self.east_m) * self.scale
        y = 0.5 * self.height_px - (places[:, 1] - self.north_m) * self.scale
        return np.column_stack((x, y))

    def to_ground(self, place: QPointF) -> tuple[float, float]:
        """Return (east, north) in metres of a place on the screen."""
        return (
            self.east_m + (place.x() - 0.5 * self.width_px) / self.scale,
            self.north_m - (place.y() - 0.5 * self.height_px) / self.scale,
        )

    @property
    def transform(self) -> QTransform:
        """From metres (east, north) to the screen."""
        made = QTransform()
        made.translate(0.5 * self.width_px, 0.5 * self.height_px)
        made.scale(self.scale, -self.scale)
        made.translate(-self.east_m, -self.north_m)
        return made

    def resized(self, width_px: int, height_px: int) -> GroundViewport:
        """Return the view with another size; its middle stays."""
        return replace(self, width_px=max(1, width_px), height_px=max(1, height_px))

    def zoomed(self, factor: float, at: QPointF) -> GroundViewport:
        """Return the view with another scale; the ground at ``at`` stays where it is."""
        scale = min(max(self.scale * factor, LEAST_SCALE), LARGEST_SCALE)
        east_m, north_m = self.to_ground(at)
        ratio = self.scale / scale
        return replace(
            self,
            scale=scale,
            east_m=east_m + (self.east_m - east_m) * ratio,
            north_m=north_m + (self.north_m - north_m) * ratio,
        )

    def panned(self, dx_px: float, dy_px: float) -> GroundViewport:
        """Return the view with its ground moved by screen pixels."""
        return self.centred(self.east_m - dx_px / self.scale, self.north_m + dy_px / self.scale)

    def centred(self, east_m: float, north_m: float) -> GroundViewport:
        """Return the view with another middle."""
        return replace(self, east_m=east_m, north_m=north_m)

    def fitted(self, bounds_m: tuple[float, float, float, float], largest: float) -> GroundViewport:
        """Return the view that shows west, south, east, north with some room around it."""
        west, south, east, north = bounds_m
        scale = _ROOM * min(
            self.width_px / max(east - west, 1e-3), self.height_px / max(north - south, 1e-3)
        )
        return replace(
            self,
            scale=min(max(scale, LEAST_SCALE), largest),
            east_m=0.5 * (west + east),
            north_m=0.5 * (south + north),
        )

    def is_inside(self, place_px: QPointF, margin_px: float) -> bool:
        """Return whether a screen place is in the view, a margin away from its edge."""
        return (
            margin_px <= place_px.x() <= self.width_px - margin_px
            and margin_px <= place_px.y() <= self.height_px - margin_px
        )


def scale_bar(scale: float, system: UnitSystem, most_px: float) -> tuple[float, str]:
    """Return the length of a scale bar in pixels and its words: 1, 2 or 5 of a power of ten."""
    per_unit = scale if system is UnitSystem.METRIC else scale * _M_PER_FOOT
    power = 10.0 ** math.floor(math.log10(most_px / per_unit))
    length = max(n * power for n in (1.0, 2.0, 5.0) if n * power * per_unit <= most_px * 1.0001)
    unit = "m" if system is UnitSystem.METRIC else "ft"
    if unit == "m" and length >= 1000.0:
        return length * per_unit, f"{length / 1000.0:g} km"
    return length * per_unit, f"{length:g} {unit}"
