"""Straw, dead leaves and stones on the soil."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agriseg.messages import Float64Array, UInt8Array
from agriseg.opencv import cv2
from agriseg.simulation.field_parameters import FieldParameters
from agriseg.simulation.soil import chunk_rng
from agriseg.simulation.sprites import Sun
from agriseg.simulation.world import LruCache

_SHIFT = 4
_MOST_STRAWS_PER_M2 = 1500.0
_MOST_STONES_PER_M2 = 130.0
_DEAD_LEAVES_PER_M2 = 4.0
_STONE_CORNERS = 9
_LEAF_STEPS = 9
_CACHED_TILES = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Shapes:
    """Outlines of one kind: ``(N, M, 2)`` points (column, row) in fixed point, global cells."""

    shadows: NDArray[np.int64]
    outlines: NDArray[np.int64]
    colours: NDArray[np.float64]
    keep: float


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
        self._shadow_m = np.array(sun.shadow_per_height)
        self._tiles: LruCache[int, list[_Shapes]] = LruCache(_CACHED_TILES)

    def strew(
        self,
        ground: UInt8Array,
        first_cell: tuple[int, int],
        tile: int,
        tile_m: float,
    ) -> None:
        """Draw the litter that belongs to ``tile`` into ``ground``, as far as it lies in it.

        Parameters
        ----------
        ground : (H, W, 3) uint8
            Changed in place.
        first_cell : (row, column)
            Global cell of the ground's first cell.
        tile : int
        tile_m : float
            Length of a tile; tile 0 begins at x = 0.
        """
        for shapes in self._tiles.get(tile, lambda: self._shapes(tile, tile_m)):
            _draw(ground, first_cell, shapes)

    def _shapes(self, tile: int, tile_m: float) -> list[_Shapes]:
        rng = chunk_rng(self._field.seed, tile, 20)
        y_min, y_max = self._y_range_m
        low, high = (tile * tile_m, y_min), ((tile + 1) * tile_m, y_max)
        area_m2 = tile_m * (y_max - y_min)

        def places(per_m2: float) -> Float64Array:
            return np.asarray(rng.uniform(low, high, (int(rng.poisson(per_m2 * area_m2)), 2)))

        straw = self._field.straw
        return [
            *self._stones(places(_MOST_STONES_PER_M2 * self._field.stones), rng),
            self._straws(places(_MOST_STRAWS_PER_M2 * straw**1.6), rng),
            self._dead_leaves(places(_DEAD_LEAVES_PER_M2 * straw), rng),
        ]

    def _stones(self, places: Float64Array, rng: np.random.Generator) -> list[_Shapes]:
        count = len(places)
        radius_m = 0.0015 + 0.018 * rng.beta(0.7, 5.0, count)
        angle = np.sort(rng.uniform(0.0, 2.0 * np.pi, (count, _STONE_CORNERS)), axis=1)
        radius = radius_m[:, None] * rng.uniform(0.7, 1.15, (count, _STONE_CORNERS))
        local = np.stack((np.cos(angle) * radius, 0.75 * np.sin(angle) * radius), axis=2)
        local = _turned(local, rng.uniform(0.0, np.pi, count))
        grey = np.array(self._field.soil_bgr) * 0.6 + np.array([60.0, 62.0, 64.0])
        colours = grey * rng.uniform(0.75, 1.45, (count, 1)) * rng.normal(1.0, 0.04, (count, 3))
        hardness = self._sun.hardness
        middle = places[:, None, :]
        lit = np.array(self._sun.towards) * radius_m[:, None, None] * 0.25
        shadow = self._shadow_m * radius_m[:, None, None] * 0.5
        body = self._pack(local + middle, shadow, colours, 1.0 - 0.55 * hardness)
        top = self._pack(local * 0.6 + middle + lit, None, colours * (1.1 + 0.1 * hardness), 1.0)
        return [body, top]

    def _straws(self, places: Float64Array, rng: np.random.Generator) -> _Shapes:
        count = len(places)
        half_m = (rng.gamma(2.2, 0.018, count) + 0.006) / 2.0
        width_m = rng.uniform(0.0007, 0.0032, count) / 2.0
        kink_m = width_m * rng.normal(0.0, 3.0, count)
        along = np.stack((-half_m, 0.0 * half_m, half_m, half_m, 0.0 * half_m, -half_m), axis=1)
        across = np.stack(
            (
                width_m,
                kink_m + width_m,
                0.7 * width_m,
                -0.7 * width_m,
                kink_m - width_m,
                -width_m,
            ),
            axis=1,
        )
        local = _turned(np.stack((along, across), axis=2), rng.uniform(0.0, np.pi, count))
        tone = rng.beta(2.0, 1.6, (count, 1)) * 1.05 + 0.3
        shadow = self._shadow_m * rng.uniform(0.0005, 0.004, count)[:, None, None]
        colours = np.array([118.0, 160.0, 186.0]) * tone
        return self._pack(
            local + places[:, None, :], shadow, colours, 1.0 - 0.5 * self._sun.hardness
        )

    def _dead_leaves(self, places: Float64Array, rng: np.random.Generator) -> _Shapes:
        count = len(places)
        length_m = rng.uniform(0.01, 0.06, count)[:, None]
        t = np.linspace(0.0, 1.0, _LEAF_STEPS)[None]
        half = np.sin(np.pi * t) ** 0.8 * length_m * rng.uniform(0.12, 0.3, (count, 1))
        bend = rng.normal(0.0, 0.25, (count, 1)) * np.sin(np.pi * t) * length_m
        along = np.concatenate((t * length_m, (t * length_m)[:, ::-1]), axis=1)
        across = np.concatenate((bend + half, (bend - half)[:, ::-1]), axis=1)
        local = _turned(np.stack((along, across), axis=2), rng.uniform(0.0, 2.0 * np.pi, count))
        colours = np.array([70.0, 100.0, 135.0]) * rng.uniform(0.5, 1.4, (count, 1))
        shadow = np.broadcast_to(self._shadow_m * 0.004, (count, 1, 2))
        return self._pack(
            local + places[:, None, :], shadow, colours, 1.0 - 0.5 * self._sun.hardness
        )

    def _pack(
        self,
        outlines_m: Float64Array,
        shadow_m: Float64Array | None,
        colours: Float64Array,
        keep: float,
    ) -> _Shapes:
        shadows_m = outlines_m[:0] if shadow_m is None else outlines_m + shadow_m
        return _Shapes(
            shadows=self._fixed(shadows_m),
            outlines=self._fixed(outlines_m),
            colours=np.clip(colours, 0.0, 255.0),
            keep=keep,
        )

    def _fixed(self, points_m: Float64Array) -> NDArray[np.int64]:
        cells = points_m[..., ::-1] / self._cell_m - 0.5
        return np.asarray(np.rint(cells * (1 << _SHIFT)), np.int64)


def _turned(points: Float64Array, angle_rad: Float64Array) -> Float64Array:
    """Turn each outline ``(N, M, 2)`` by its angle."""
    cos, sin = np.cos(angle_rad)[:, None], np.sin(angle_rad)[:, None]
    x, y = points[..., 0], points[..., 1]
    return np.stack((x * cos - y * sin, x * sin + y * cos), axis=2)


def _draw(ground: UInt8Array, first_cell: tuple[int, int], shapes: _Shapes) -> None:
    """Darken what lies in the shapes' shadows, then fill the shapes."""
    shadows, _ = _near(shapes.shadows, first_cell, ground.shape[:2])
    if len(shadows):
        shade = np.zeros(ground.shape[:2], np.uint8)
        for points in shadows:
            cv2.fillPoly(shade, [points], 255, cv2.LINE_8, _SHIFT)
        cv2.copyTo(cv2.convertScaleAbs(ground, alpha=shapes.keep), shade, ground)
    outlines, kept = _near(shapes.outlines, first_cell, ground.shape[:2])
    for points, colour in zip(outlines, shapes.colours[kept].tolist(), strict=True):
        cv2.fillPoly(ground, [points], colour, cv2.LINE_AA, _SHIFT)


def _near(
    outlines: NDArray[np.int64], first_cell: tuple[int, int], shape: tuple[int, ...]
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Return the outlines that touch a ground of ``shape``, in its cells, and which they are."""
    local = outlines - (np.array(first_cell[::-1], np.int64) << _SHIFT)
    size = np.array(shape[::-1], np.int64) << _SHIFT
    kept = ((local.max(axis=1) >= -16) & (local.min(axis=1) <= size)).all(axis=1)
    return local[kept].astype(np.int32), kept
