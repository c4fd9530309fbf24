"""Straw, dead leaves and stones on the soil."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from agriseg.messages import Float64Array, UInt8Array
from agriseg.simulation.field_parameters import FieldParameters
from agriseg.simulation.soil import chunk_rng
from agriseg.simulation.sprites import Sun

_SHIFT = 4
_MOST_STRAWS_PER_M2 = 1500.0
_MOST_STONES_PER_M2 = 130.0
_DEAD_LEAVES_PER_M2 = 4.0


class Litter:
    """Strews what lies on the soil, tile by tile.

    Parameters
    ----------
    field : FieldParameters
    y_range_m : (y_min, y_max)
    cell_m : float
    sun : Sun
    """

    def __init__(
        self, field: FieldParameters, y_range_m: tuple[float, float], cell_m: float, sun: Sun
    ) -> None:
        self._field = field
        self._y_range_m = y_range_m
        self._cell_m = cell_m
        self._sun = sun

    def strew(
        self,
        ground: UInt8Array,
        first_cell: tuple[int, int],
        tile: int,
        start_m: float,
        length_m: float,
    ) -> None:
        """Draw the litter that belongs to ``tile`` into ``ground``, as far as it lies in it.

        Parameters
        ----------
        ground : (H, W, 3) uint8
            Changed in place.
        first_cell : (row, column)
            Global cell of the ground's first cell.
        tile : int
        start_m, length_m : float
            Where the tile begins and how long it is.
        """
        rng = chunk_rng(self._field.seed, tile, 20)
        y_min, y_max = self._y_range_m
        area_m2 = length_m * (y_max - y_min)
        low, high = (start_m, y_min), (start_m + length_m, y_max)
        brush = _Brush(ground, first_cell, self._cell_m)
        for place in rng.uniform(low, high, (self._count(rng, self._stones_per_m2, area_m2), 2)):
            self._stone(brush, place, rng)
        straws = self._count(rng, _MOST_STRAWS_PER_M2 * self._field.straw**1.6, area_m2)
        for place in rng.uniform(low, high, (straws, 2)):
            self._straw(brush, place, rng)
        dead = self._count(rng, _DEAD_LEAVES_PER_M2 * self._field.straw, area_m2)
        for place in rng.uniform(low, high, (dead, 2)):
            self._dead_leaf(brush, place, rng)

    @property
    def _stones_per_m2(self) -> float:
        return _MOST_STONES_PER_M2 * self._field.stones

    @staticmethod
    def _count(rng: np.random.Generator, per_m2: float, area_m2: float) -> int:
        return int(rng.poisson(per_m2 * area_m2))

    def _stone(self, brush: _Brush, place: Float64Array, rng: np.random.Generator) -> None:
        radius_m = 0.0015 + 0.018 * float(rng.beta(0.7, 5.0))
        corners = int(rng.integers(6, 11))
        angle = np.sort(rng.uniform(0.0, 2.0 * np.pi, corners))
        radius = radius_m * rng.uniform(0.7, 1.15, corners)
        turn = rng.uniform(0.0, np.pi)
        outline = np.column_stack((np.cos(angle), 0.75 * np.sin(angle))) * radius[:, None]
        outline = outline @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        tone = rng.uniform(0.75, 1.45)
        grey = np.array(self._field.soil_bgr) * 0.6 + np.array([60.0, 62.0, 64.0])
        colour = grey * tone * (1.0 + rng.normal(0.0, 0.04, 3))
        shade = np.array(self._sun.shadow_per_height) * radius_m * 0.5
        lit = np.array(self._sun.towards) * radius_m * 0.25
        brush.shade(outline + place + shade, 1.0 - 0.55 * self._sun.hardness)
        brush.fill(outline + place, colour)
        brush.fill(outline * 0.6 + place + lit, colour * (1.0 + 0.1 + 0.1 * self._sun.hardness))

    def _straw(self, brush: _Brush, place: Float64Array, rng: np.random.Generator) -> None:
        length_m = float(rng.gamma(2.2, 0.018)) + 0.006
        width_m = float(rng.uniform(0.0007, 0.0032))
        angle = rng.uniform(0.0, np.pi)
        along = np.array([np.cos(angle), np.sin(angle)]) * length_m / 2.0
        across = np.array([-np.sin(angle), np.cos(angle)]) * width_m / 2.0
        kink = across * rng.normal(0.0, 3.0)
        outline = np.stack(
            (
                place - along + across,
                place + kink + across,
                place + along + across * 0.7,
                place + along - across * 0.7,
                place + kink - across,
                place - along - across,
            )
        )
        tone = float(rng.beta(2.0, 1.6)) * 1.05 + 0.3
        colour = np.array([118.0, 160.0, 186.0]) * tone
        lift_m = float(rng.uniform(0.0005, 0.004))
        offset = np.array(self._sun.shadow_per_height) * lift_m
        brush.shade(outline + offset, 1.0 - 0.5 * self._sun.hardness)
        brush.fill(outline, colour)

    def _dead_leaf(self, brush: _Brush, place: Float64Array, rng: np.random.Generator) -> None:
        length_m = float(rng.uniform(0.01, 0.06))
        t = np.linspace(0.0, 1.0, 10)
        half = np.sin(np.pi * t) ** 0.8 * length_m * rng.uniform(0.12, 0.3)
        bend = rng.normal(0.0, 0.25) * np.sin(np.pi * t) * length_m
        local = np.concatenate(
            (
                np.column_stack((t * length_m, bend + half)),
                np.column_stack((t * length_m, bend - half))[::-1],
            )
        )
        angle = rng.uniform(0.0, 2.0 * np.pi)
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        outline = local @ turn + place
        colour = np.array([70.0, 100.0, 135.0]) * rng.uniform(0.5, 1.4)
        offset = np.array(self._sun.shadow_per_height) * 0.004
        brush.shade(outline + offset, 1.0 - 0.5 * self._sun.hardness)
        brush.fill(outline, colour)
        brush.line(np.stack((outline[0], outline[9])), colour * 1.2)


class _Brush:
    """Draws outlines in metres on a ground raster."""

    def __init__(self, ground: UInt8Array, first_cell: tuple[int, int], cell_m: float) -> None:
        self._ground = ground
        self._first = np.array(first_cell)
        self._cell_m = cell_m

    def fill(self, outline_m: Float64Array, bgr: Float64Array) -> None:
        points = self._points(outline_m)
        if self._outside(points):
            return
        cv2.fillPoly(self._ground, [points], _colour(bgr), cv2.LINE_AA, _SHIFT)

    def line(self, points_m: Float64Array, bgr: Float64Array) -> None:
        points = self._points(points_m)
        cv2.polylines(self._ground, [points], False, _colour(bgr), 1, cv2.LINE_AA, _SHIFT)

    def shade(self, outline_m: Float64Array, keep: float) -> None:
        """Darken what lies below an outline to ``keep`` of its brightness."""
        points = self._points(outline_m)
        if self._outside(points):
            return
        low = np.maximum((points.min(axis=0) >> _SHIFT) - 1, 0)
        high = (points.max(axis=0) >> _SHIFT) + 2
        region = self._ground[low[1] : high[1], low[0] : high[0]]
        if region.size == 0:
            return
        mask = np.zeros(region.shape[:2], np.uint8)
        cv2.fillPoly(mask, [points - (low << _SHIFT).astype(np.int32)], 255, cv2.LINE_8, _SHIFT)
        cv2.copyTo(cv2.convertScaleAbs(region, alpha=keep), mask, region)

    def _points(self, points_m: Float64Array) -> NDArray[np.int32]:
        cells = points_m / self._cell_m - self._first - 0.5
        return np.asarray(np.rint(cells[:, ::-1] * (1 << _SHIFT)), np.int32)

    def _outside(self, points: NDArray[np.int32]) -> bool:
        low, high = points.min(axis=0) >> _SHIFT, points.max(axis=0) >> _SHIFT
        rows, columns = self._ground.shape[:2]
        return bool(high[0] < 0 or high[1] < 0 or low[0] >= columns or low[1] >= rows)


def _colour(bgr: Float64Array) -> tuple[float, ...]:
    return tuple(float(c) for c in np.clip(bgr, 0.0, 255.0))
