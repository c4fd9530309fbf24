"""Ground that is dark where water fell on it, and dries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agriseg.messages import Float64Array
from agriseg.opencv import cv2
from agriseg.simulation.sensor import Float32Array
from agriseg.simulation.world import Layer, Patch, Tile, TruePlant, World

_RAGGED_CELLS = 512
_BORDER_M = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Drying:
    """How water shows on the ground.

    Attributes
    ----------
    depth : float
        Share of the light that freshly wetted ground swallows.
    feather_m : float
        Width of the edge, from wet to dry.
    ragged_m : float
        By how much the edge strays.
    time_s : float
        After this time a third of the darkness is left.
    creep_m_s : float
        Speed at which the edge draws back while it dries.
    """

    depth: float = 0.38
    feather_m: float = 0.004
    ragged_m: float = 0.0015
    time_s: float = 240.0
    creep_m_s: float = 6e-6


class WateredWorld(World):
    """Another world with water on it.

    Parameters
    ----------
    dry : World
    now_s : callable
        Present time, seconds.
    drying : Drying
    """

    def __init__(self, dry: World, now_s: Callable[[], float], drying: Drying) -> None:
        super().__init__(
            name=dry.name,
            cell_m=dry.cell_m,
            tile_rows=dry.tile_rows,
            first_column=dry.first_column,
            columns=dry.columns,
            x_min_m=dry.x_min_m,
            x_max_m=dry.x_max_m,
            light=dry.light,
        )
        self._dry = dry
        self._now_s = now_s
        self._drying = drying
        self._puddles: list[tuple[Float64Array, float]] = []
        rng = np.random.default_rng(71)
        rough = cv2.GaussianBlur(
            rng.standard_normal((_RAGGED_CELLS, _RAGGED_CELLS), np.float32), (0, 0), 2.0
        )
        self._ragged_m = np.asarray(rough / rough.std() * drying.ragged_m, np.float32)

    def pour(self, boxes: Float64Array, t_s: float) -> None:
        """Wet ground at ``t_s``.

        Parameters
        ----------
        boxes : (N, 5) float64
            Rectangles in the field frame: middle x and y, length, width, heading.
        t_s : float
        """
        self._puddles += [(box, t_s) for box in np.asarray(boxes, np.float64)]

    def patch(self, layer: Layer, x_min_m: float, x_max_m: float) -> Patch:
        """Return one layer of the ground; its colour as wet as it is now."""
        patch = self._dry.patch(layer, x_min_m, x_max_m)
        if layer != "colour" or not self._puddles:
            return patch
        wet = self._wetness(patch)
        if not wet.any():
            return patch
        gain = (1.0 - self._drying.depth * wet)[..., None]
        darker = np.asarray(np.clip(patch.array * gain, 0.0, 255.0), np.uint8)
        return Patch(array=darker, row=patch.row, column=patch.column, cell_m=patch.cell_m)

    def plants(self, x_min_m: float, x_max_m: float) -> Sequence[TruePlant]:
        """Return the plants whose middle lies in ``x_min_m <= x < x_max_m``."""
        return self._dry.plants(x_min_m, x_max_m)

    def _make_tile(self, index: int) -> Tile:
        return self._dry.tile(index)

    def _wetness(self, patch: Patch) -> Float32Array:
        """Return how wet each cell is, 0 to 1, (H, W) float32."""
        rows, columns = patch.array.shape[:2]
        wet = np.zeros((rows, columns), np.float32)
        now_s, drying = self._now_s(), self._drying
        for box, t_s in self._puddles:
            window = _window(box, patch)
            if window is None:
                continue
            age_s = max(0.0, now_s - t_s)
            depth_m = _depth_m(box, patch, window) + self._ragged(patch, window)
            level = (depth_m - drying.creep_m_s * age_s) / drying.feather_m + 0.5
            fresh = np.float32(np.exp(-age_s / drying.time_s))
            part = wet[window]
            np.maximum(part, np.clip(level, 0.0, 1.0) * fresh, out=part)
        return wet

    def _ragged(self, patch: Patch, window: tuple[slice, slice]) -> Float32Array:
        rows = (np.arange(window[0].start, window[0].stop) + patch.row) % _RAGGED_CELLS
        columns = (np.arange(window[1].start, window[1].stop) + patch.column) % _RAGGED_CELLS
        ragged: Float32Array = self._ragged_m[np.ix_(rows, columns)]
        return ragged


def _window(box: Float64Array, patch: Patch) -> tuple[slice, slice] | None:
    """Return the cells of a patch around a rectangle; None where it lies elsewhere."""
    x_m, y_m, length_m, width_m, _ = box.tolist()
    reach_m = 0.5 * float(np.hypot(length_m, width_m)) + _BORDER_M
    shape = patch.array.shape
    slices = []
    for middle_m, first, size in ((x_m, patch.row, shape[0]), (y_m, patch.column, shape[1])):
        low = max(0, int(np.floor((middle_m - reach_m) / patch.cell_m)) - first)
        high = min(size, int(np.ceil((middle_m + reach_m) / patch.cell_m)) - first)
        if low >= high:
            return None
        slices.append(slice(low, high))
    return slices[0], slices[1]


def _depth_m(box: Float64Array, patch: Patch, window: tuple[slice, slice]) -> NDArray[np.float32]:
    """Return how far inside a rectangle cells lie, negative outside."""
    x0, y0, length_m, width_m, heading = box.tolist()
    cell = patch.cell_m
    dx = (np.arange(window[0].start, window[0].stop) + patch.row + 0.5) * cell - x0
    dy = (np.arange(window[1].start, window[1].stop) + patch.column + 0.5) * cell - y0
    cos, sin = np.cos(heading), np.sin(heading)
    along = np.abs(dx[:, None] * cos + dy[None] * sin)
    across = np.abs(dy[None] * cos - dx[:, None] * sin)
    depth = np.minimum(0.5 * length_m - along, 0.5 * width_m - across)
    return np.asarray(depth, np.float32)
