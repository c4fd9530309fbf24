"""The ground without plants: crumbs and clods lit by the sun, tilling marks, straw, stones.

Arrays are ground rasters: axis 0 grows with x (forward), axis 1 with y (left); the centre of
cell ``[i, j]`` lies at ``((i + 0.5) * cell_m, (j + 0.5) * cell_m)`` for global indices.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agriseg.messages import UInt8Array
from agriseg.opencv import cv2
from agriseg.simulation.field_parameters import FieldParameters

Float32Array = NDArray[np.float32]

_GRAINS_M = (0.0007, 0.0018, 0.0045, 0.011, 0.028)
_GRAIN_WEIGHTS = (0.5, 0.75, 0.85, 0.7, 0.4)
_PERIODS = (509, 613, 701, 797, 907)
_SMALLEST_GRAIN_PX = 0.7
_CHUNK_KEY_OFFSET = 1 << 20


def chunk_rng(seed: int, chunk: int, purpose: int) -> np.random.Generator:
    """Return the generator of one chunk and purpose, the same whenever it is asked for."""
    return np.random.default_rng([seed, chunk + _CHUNK_KEY_OFFSET, purpose])


class Soil:
    """Paints soil for any range of rows of a ground raster of fixed width.

    Parameters
    ----------
    field : FieldParameters
    cell_m : float
        Size of a raster cell.
    columns : int
        Width of the raster, cells.
    first_column : int
        Global column index of the raster's first column.
    """

    def __init__(
        self, field: FieldParameters, *, cell_m: float, columns: int, first_column: int
    ) -> None:
        rng = np.random.default_rng([field.seed, 2])
        self._field = field
        self._cell_m = cell_m
        self._columns = columns
        self._first_column = first_column
        self._layers = [
            _widen(
                _grains(rng, radius_m * field.grain_scale / cell_m, period, field) * weight, columns
            )
            for radius_m, period, weight in zip(_GRAINS_M, _PERIODS, _GRAIN_WEIGHTS, strict=True)
            if radius_m * field.grain_scale >= _SMALLEST_GRAIN_PX * cell_m
        ]
        self._patches = _widen(_smooth_noise(rng, 1531, 0.09 / cell_m), columns)
        self._marks = _tilling_marks(rng, field, cell_m, columns, first_column)
        self._palette = _palette(field, rng)

    def paint(self, first_row: int, rows: int) -> UInt8Array:
        """Return ``(rows, columns, 3) uint8`` BGR soil for global rows."""
        relief = self._rows(self._layers[0], first_row, rows)
        for layer in self._layers[1:]:
            relief += self._rows(layer, first_row, rows)
        relief *= np.float32(26.0 * self._field.soil_contrast)
        relief += self._rows(self._patches, first_row, rows) * np.float32(9.0)
        relief += self._marks
        index = cv2.convertScaleAbs(np.clip(relief + 128.0, 0.0, 255.0))
        return np.ascontiguousarray(
            cv2.LUT(cv2.cvtColor(index, cv2.COLOR_GRAY2BGR), self._palette), dtype=np.uint8
        )

    @staticmethod
    def _rows(layer: Float32Array, first_row: int, rows: int) -> Float32Array:
        index = np.arange(first_row, first_row + rows) % layer.shape[0]
        return np.asarray(np.take(layer, index, axis=0), np.float32)


def _widen(tile: Float32Array, columns: int) -> Float32Array:
    wide: Float32Array = np.take(tile, np.arange(columns) % tile.shape[1], axis=1)
    return wide


def _grains(
    rng: np.random.Generator, radius_px: float, period: int, field: FieldParameters
) -> Float32Array:
    """Return a tileable layer of touching grains, brightness about 0, spread about 1."""
    radius_px = max(radius_px, 0.8)
    pad = min(int(4 * radius_px) + 2, period)
    count = max(int(period * period / (2.6 * radius_px * radius_px)), 12)
    seeds = np.full((period, period), 255, np.uint8)
    seeds[rng.integers(period, size=count), rng.integers(period, size=count)] = 0
    padded = np.pad(seeds, pad, mode="wrap")
    distance, labels = cv2.distanceTransformWithLabels(
        padded, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    inner = (slice(pad, pad + period), slice(pad, pad + period))
    cell = _wrapped_labels(np.asarray(labels, np.int32), padded, pad, period)[inner]
    sizes = rng.uniform(0.5, 1.5, size=int(cell.max()) + 1).astype(np.float32) * radius_px
    tones = rng.normal(0.0, 0.55, size=sizes.size).astype(np.float32)
    size = sizes[cell]
    inside = np.clip(1.0 - (distance[inner] / size) ** 2, 0.0, None)
    rough = _smooth_noise(rng, period, max(radius_px / 3.0, 1.5))
    height = np.asarray(np.sqrt(inside) * size + 0.07 * radius_px * rough, np.float32)
    gap = np.exp(-3.0 * inside)
    layer = _lit(height, field) + tones[cell] * (inside > 0) - 1.1 * gap
    return np.asarray((layer - layer.mean()) / (layer.std() + 1e-6), np.float32)


def _wrapped_labels(
    labels: NDArray[np.int32], padded: UInt8Array, pad: int, period: int
) -> NDArray[np.int32]:
    """Give copies of one seed at both sides of the seam the same label."""
    rows, columns = np.nonzero(padded == 0)
    keys = ((rows - pad) % period) * period + (columns - pad) % period
    table = np.zeros(int(labels.max()) + 1, np.int32)
    table[labels[rows, columns]] = np.unique(keys, return_inverse=True)[1]
    wrapped: NDArray[np.int32] = table[labels]
    return wrapped


def _lit(height: Float32Array, field: FieldParameters) -> Float32Array:
    """Shade a tileable relief by the sun's direction: the slope towards it is bright."""
    towards_x = float(np.cos(field.sun_azimuth_rad))
    towards_y = float(np.sin(field.sun_azimuth_rad))
    slope_x = (np.roll(height, -1, 0) - np.roll(height, 1, 0)) / 2.0
    slope_y = (np.roll(height, -1, 1) - np.roll(height, 1, 1)) / 2.0
    steepness = (0.35 + field.hardness) / np.tan(max(field.sun_elevation_rad, 0.3))
    shade = -(slope_x * towards_x + slope_y * towards_y) * steepness
    return np.asarray(np.clip(shade, -1.6, 1.6), np.float32)


def _smooth_noise(rng: np.random.Generator, period: int, size_px: float) -> Float32Array:
    """Return tileable smooth noise of unit spread; ``size_px`` is the patches' size."""
    coarse = max(int(period / size_px), 3)
    grid = rng.normal(size=(coarse, coarse)).astype(np.float32)
    padded = np.pad(grid, 2, mode="wrap")
    scale = period / coarse
    index = ((np.arange(period) + 0.5) / scale - 0.5 + 2.0).astype(np.float32)
    columns, rows = np.meshgrid(index, index)
    noise = cv2.remap(padded, columns, rows, cv2.INTER_CUBIC)
    return np.asarray(noise / (noise.std() + 1e-6), np.float32)


def _tilling_marks(
    rng: np.random.Generator,
    field: FieldParameters,
    cell_m: float,
    columns: int,
    first_column: int,
) -> Float32Array:
    """Return ``(columns,)`` brightness of ridges beside the rows and of drill and wheel tracks."""
    y_m = (np.arange(columns) + first_column + 0.5) * cell_m
    phase = 2.0 * np.pi * (y_m - field.row_offset_m) / field.row_spacing_m
    ridge = 5.0 * np.cos(phase) + 3.0 * np.cos(2.0 * phase + rng.uniform(0, 6.28))
    fine = sum(
        rng.uniform(1.0, 3.0) * np.sin(2.0 * np.pi * y_m / length_m + rng.uniform(0, 6.28))
        for length_m in (0.031, 0.057, 0.12)
    )
    return np.asarray(ridge + fine, np.float32)


def _palette(field: FieldParameters, rng: np.random.Generator) -> UInt8Array:
    """Return ``(1, 256, 3) uint8``: colour of each brightness; shadows cooler, lights paler."""
    level = (np.arange(256) - 128.0) / 128.0
    gain = np.exp(np.clip(level, -1.0, 1.0) * 0.95)[:, None]
    tint = np.array([1.06, 1.0, 0.95]) ** (-level[:, None] * rng.uniform(0.5, 1.5))
    pale = np.clip(level, 0.0, None)[:, None] * np.array([26.0, 20.0, 14.0])
    colour = np.array(field.soil_bgr)[None, :] * gain * tint + pale
    return np.asarray(np.clip(colour, 0, 255)[None], np.uint8)
