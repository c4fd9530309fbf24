"""Grids along the track, and connected patches of cells in them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from agriseg.messages import Float64Array


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
    """Connected patches of cells (8-neighbours), numbered from 0.

    Attributes
    ----------
    labels : (R, C) int32
        Number of the patch plus 1; 0 where there is none.
    columns, rows : (P, 2) int64
        First column (row), and the one after the last.
    cells : (P,) int64
        How many cells each has.
    centroids : (P, 2) float64
        (column, row).
    """

    labels: NDArray[np.int32]
    columns: NDArray[np.int64]
    rows: NDArray[np.int64]
    cells: NDArray[np.int64]
    centroids: Float64Array


def find_patches(mask: NDArray[np.bool_]) -> Patches:
    """Return the connected patches of a mask (R, C)."""
    _, labels, stats, centroids = cv2.connectedComponentsWithStats(
        mask.view(np.uint8), connectivity=8
    )
    table = np.asarray(stats, np.int64)[1:]
    left, top = table[:, cv2.CC_STAT_LEFT], table[:, cv2.CC_STAT_TOP]
    return Patches(
        labels=np.asarray(labels, np.int32),
        columns=np.column_stack((left, left + table[:, cv2.CC_STAT_WIDTH])),
        rows=np.column_stack((top, top + table[:, cv2.CC_STAT_HEIGHT])),
        cells=table[:, cv2.CC_STAT_AREA],
        centroids=np.asarray(centroids, np.float64)[1:],
    )
