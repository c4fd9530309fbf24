"""Plants in the fused map, told once each as they leave the camera's view."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from agriseg.geometry.patches import Patches, TrackGrid
from agriseg.messages import ClassId, Float64Array, Plant, UInt8Array

_REMEMBERED = 512


class PlantWatch:
    """Finds plants of one class that have left the view: nothing more will be learned of them.

    A plant is a connected patch of the map, its position the patch's centroid.
    """

    def __init__(self, class_id: ClassId, min_area_m2: float) -> None:
        self._class_id = class_id
        self._min_area_m2 = min_area_m2
        self._told_to_m = -np.inf
        self._told: deque[tuple[float, float]] = deque(maxlen=_REMEMBERED)

    def restart(self, near_s_m: float) -> None:
        """Leave out plants that have left the view before ``near_s_m``."""
        self._told_to_m = near_s_m
        self._told.clear()

    def leaving(
        self,
        grid: TrackGrid,
        patches: Patches,
        probability: UInt8Array,
        near_s_m: float,
        ids: Iterator[int],
    ) -> tuple[Plant, ...]:
        """Return the plants that have left the view since the last call.

        Parameters
        ----------
        grid : TrackGrid
        patches : Patches
            Of this class in the grid.
        probability : (R, C) uint8
            Of this class in the grid, 0 to 255.
        near_s_m : float
            Along-track coordinate of the rear edge of the view.
        ids : iterator of int
            Where the plants' numbers come from.
        """
        s_max = grid.s0_m + grid.cell_m * (patches.columns[:, 1] - 0.5)
        candidates = (s_max > self._told_to_m - 2.0 * grid.cell_m) & (s_max <= near_s_m)
        candidates &= patches.cells * grid.cell_m**2 >= self._min_area_m2
        self._told_to_m = max(self._told_to_m, near_s_m)
        centres = _centres(grid, patches.centroids)
        fresh = [
            int(i) for i in np.flatnonzero(candidates) if self._is_new(centres[i], grid.cell_m)
        ]
        return tuple(self._plant(grid, patches, probability, i, next(ids)) for i in fresh)

    def _is_new(self, centre: Float64Array, cell_m: float) -> bool:
        """Remember a plant; the edge of one that was told may move by a cell with the grid."""
        s_m, y_m = float(centre[0]), float(centre[1])
        reach_m = 2.0 * cell_m
        if any(abs(s_m - s) <= reach_m and abs(y_m - y) <= reach_m for s, y in self._told):
            return False
        self._told.append((s_m, y_m))
        return True

    def _plant(
        self, grid: TrackGrid, patches: Patches, probability: UInt8Array, index: int, plant_id: int
    ) -> Plant:
        columns, rows = patches.columns[index], patches.rows[index]
        box = np.s_[rows[0] : rows[1], columns[0] : columns[1]]
        own = probability[box][patches.labels[box] == index + 1]
        s_m, y_m = _centres(grid, patches.centroids[index : index + 1])[0]
        s_edges = grid.s0_m + grid.cell_m * (columns - 0.5)
        y_edges = grid.y0_m + grid.cell_m * (rows - 0.5)
        return Plant(
            plant_id=plant_id,
            class_id=self._class_id,
            s_m=float(s_m),
            y_m=float(y_m),
            s_min_m=float(s_edges[0]),
            s_max_m=float(s_edges[1]),
            y_min_m=float(y_edges[0]),
            y_max_m=float(y_edges[1]),
            area_m2=float(patches.cells[index]) * grid.cell_m**2,
            confidence=float(own.mean()) / 255.0,
        )


def _centres(grid: TrackGrid, centroids: NDArray[np.float64]) -> Float64Array:
    return np.array([grid.s0_m, grid.y0_m]) + grid.cell_m * centroids
