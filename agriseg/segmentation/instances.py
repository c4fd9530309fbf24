"""Plants in the fused map, told once each as they leave the camera's view."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np

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
        end = patches.s_m[:, 1]
        gone = (end > self._told_to_m - 2.0 * grid.cell_m) & (end <= near_s_m)
        gone &= patches.area_m2 >= self._min_area_m2
        self._told_to_m = max(self._told_to_m, near_s_m)
        fresh = [
            int(i) for i in np.flatnonzero(gone) if self._is_new(patches.centre_m[i], grid.cell_m)
        ]
        return tuple(self._plant(grid, patches, probability, i, next(ids)) for i in fresh)

    def _is_new(self, centre: Float64Array, cell_m: float) -> bool:
        """Remember a plant; the outline of one that was told may move by a cell or two."""
        s_m, y_m = float(centre[0]), float(centre[1])
        reach_m = 3.0 * cell_m
        if any(abs(s_m - s) <= reach_m and abs(y_m - y) <= reach_m for s, y in self._told):
            return False
        self._told.append((s_m, y_m))
        return True

    def _plant(
        self, grid: TrackGrid, patches: Patches, probability: UInt8Array, index: int, plant_id: int
    ) -> Plant:
        window, cells = patches.cells_of(index, grid)
        return Plant(
            plant_id=plant_id,
            class_id=self._class_id,
            s_m=float(patches.centre_m[index, 0]),
            y_m=float(patches.centre_m[index, 1]),
            s_min_m=float(patches.s_m[index, 0]),
            s_max_m=float(patches.s_m[index, 1]),
            y_min_m=float(patches.y_m[index, 0]),
            y_max_m=float(patches.y_m[index, 1]),
            area_m2=float(patches.area_m2[index]),
            confidence=float(probability[window][cells].mean()) / 255.0,
        )
