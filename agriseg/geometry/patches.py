"""Grids along the track, and connected patches of cells in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agriseg.messages import Float64Array, UInt8Array
from agriseg.opencv import cv2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrackGrid:
    """Cells along the robot's path: rows across (right to left), columns along.

    Attributes
    ----------
    s0_m, y0_m : float
        Along-track and lateral coordinate of the centre of cell [0, 0].
    cell_m : float
        Side of a cell.
    """

    s0_m: float
    y0_m: float
    cell_m: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Patches:
    """Patches of cells in a grid, numbered from 0; gaps of a single cell do not part them.

    Attributes
    ----------
    mask : (R, C) bool
        The cells.
    labels : ((R + 1) // 2, (C + 1) // 2) int32
        For each block of 2 x 2 cells the number of its patch plus 1; 0 where there is none.
    area_m2 : (P,) float64
        Area of each patch's cells.
    centre_m : (P, 2) float64
        (s, y).
    s_m, y_m : (P, 2) float64
        Rear and front end; right and left end. Up to one cell wider than the cells.
    """

    mask: NDArray[np.bool_]
    labels: NDArray[np.int32]
    area_m2: Float64Array
    centre_m: Float64Array
    s_m: Float64Array
    y_m: Float64Array

    def cells_of(
        self, index: int, grid: TrackGrid
    ) -> tuple[tuple[slice, slice], NDArray[np.bool_]]:
        """Return a window of the grid, and which of its cells belong to a patch."""
        first = np.array([self.y_m[index, 0] - grid.y0_m, self.s_m[index, 0] - grid.s0_m])
        last = np.array([self.y_m[index, 1] - grid.y0_m, self.s_m[index, 1] - grid.s0_m])
        row, column = np.round(first / grid.cell_m + 0.5).astype(int)
        row_end, column_end = np.round(last / grid.cell_m + 0.5).astype(int)
        blocks = self.labels[row // 2 : row_end // 2, column // 2 : column_end // 2] == index + 1
        window = (slice(row, row_end), slice(column, column_end))
        cells = self.mask[window]
        return window, cells & _doubled(blocks)[: cells.shape[0], : cells.shape[1]]

    def cover(self, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return (R, C) bool: the blocks of the chosen patches, (P,) bool."""
        blocks = np.concatenate(([False], chosen))[self.labels]
        rows, columns = self.mask.shape
        return _doubled(blocks)[:rows, :columns]


def find_patches(mask: NDArray[np.bool_], grid: TrackGrid) -> Patches:
    """Return the connected patches of a mask (R, C) of cells of ``grid``.

    Blocks of 2 x 2 cells are joined where they touch, corners included: a quarter of the
    work, and plants whose leaves are a cell apart stay whole.
    """
    count = _block_counts(mask)
    _, labels, stats, centroids = cv2.connectedComponentsWithStats(
        (count > 0).view(np.uint8), connectivity=8
    )
    blocks = np.asarray(labels, np.int32)
    table = np.asarray(stats, np.float64)[1:]
    cells = np.bincount(blocks.ravel(), weights=count.ravel(), minlength=len(table) + 1)[1:]
    area_m2: Float64Array = cells.astype(np.float64) * grid.cell_m**2
    block_m, origin_m = 2.0 * grid.cell_m, np.array([grid.s0_m, grid.y0_m])
    left = table[:, [cv2.CC_STAT_LEFT, cv2.CC_STAT_TOP]]
    size = table[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
    low = origin_m + block_m * left - 0.5 * grid.cell_m
    high = low + block_m * size
    centre_m: Float64Array = (
        origin_m + 0.5 * grid.cell_m + block_m * np.asarray(centroids, np.float64)[1:]
    )
    return Patches(
        mask=mask,
        labels=blocks,
        area_m2=area_m2,
        centre_m=centre_m,
        s_m=np.column_stack((low[:, 0], high[:, 0])),
        y_m=np.column_stack((low[:, 1], high[:, 1])),
    )


def _block_counts(mask: NDArray[np.bool_]) -> UInt8Array:
    """Return how many cells of each block of 2 x 2 are set."""
    rows, columns = mask.shape
    # The mean of four cells of 0 or 252 is a multiple of 63, without rounding.
    cells = mask.view(np.uint8) * np.uint8(252)
    if rows % 2 or columns % 2:
        cells = np.pad(cells, ((0, rows % 2), (0, columns % 2)))
    size = (cells.shape[1] // 2, cells.shape[0] // 2)
    quarters = np.asarray(cv2.resize(cells, size, interpolation=cv2.INTER_AREA), np.uint8)
    count: UInt8Array = quarters // np.uint8(63)
    return count


def _doubled(blocks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return blocks.repeat(2, axis=0).repeat(2, axis=1)
