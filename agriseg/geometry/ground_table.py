"""Where ground appears in the picture of a distorting lens: a table instead of the lens model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agriseg.geometry.ground_plane import GroundPlane
from agriseg.messages import Float64Array, UInt8Array
from agriseg.opencv import cv2

_MOST_NODES = 800
_BEYOND_PX = -1e6
Float32Array = NDArray[np.float32]


class GroundTable:
    """Looks up the picture point of ground cells.

    The lens is worked out once, on a grid of ground points in base_link that covers the view.
    Between them points are interpolated, so that the distortion costs nothing per frame and
    the picture is resampled only once, straight to the cells that are asked for. Over a grid
    cell of a few millimetres the interpolation is off by about a hundredth of a pixel, and OpenCV
    interpolates in steps of 1/32 of a grid cell.

    Parameters
    ----------
    ground : GroundPlane
    node_m : float
        Side of a grid cell; greater where the view would need more than 800 nodes a side.
    """

    def __init__(self, ground: GroundPlane, node_m: float) -> None:
        low_m = ground.view_polygon_m.min(axis=0)
        high_m = ground.view_polygon_m.max(axis=0)
        node_m = max(node_m, float((high_m - low_m).max()) / _MOST_NODES)
        self._origin_m = low_m - 2.0 * node_m
        self._node_m = node_m
        columns, rows = (int(n) for n in np.ceil((high_m - low_m) / node_m) + 5)
        x_m = self._origin_m[0] + node_m * np.arange(columns)
        y_m = self._origin_m[1] + node_m * np.arange(rows)
        nodes = np.stack(np.meshgrid(x_m, y_m), axis=2)
        image = ground.image_from_ground(nodes.reshape(-1, 2)).reshape(nodes.shape)
        self._image_px: Float32Array = _continued(image).astype(np.float32)

    def image_points(
        self, cells_from_base: Float64Array, size: tuple[int, int]
    ) -> tuple[NDArray[np.int16], NDArray[np.uint16]]:
        """Return where cells appear in the picture, as `cv2.remap` takes it.

        Parameters
        ----------
        cells_from_base : (3, 3) float64
            Affine, base_link (x, y, 1) to cells (column, row, 1).
        size : (int, int)
            Columns and rows of cells.
        """
        base_from_nodes = np.array(
            [
                [self._node_m, 0.0, self._origin_m[0]],
                [0.0, self._node_m, self._origin_m[1]],
                [0.0, 0.0, 1.0],
            ]
        )
        points = cv2.warpAffine(
            self._image_px,
            (cells_from_base @ base_from_nodes)[:2],
            size,
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(_BEYOND_PX, _BEYOND_PX),
        )
        first, second = cv2.convertMaps(points, None, cv2.CV_16SC2)  # type: ignore[call-overload]
        return np.asarray(first, np.int16), np.asarray(second, np.uint16)


def sampled(plane: UInt8Array, points: tuple[NDArray[np.int16], NDArray[np.uint16]]) -> UInt8Array:
    """Return the values of a picture at points from `GroundTable.image_points`; 0 beyond it."""
    return np.asarray(cv2.remap(plane, *points, cv2.INTER_LINEAR), np.uint8)


def _continued(image_px: Float64Array) -> Float64Array:
    """Continue (R, C, 2) points by one node to where the lens model does not reach.

    A cell at the edge of what the lens shows lies between a node that has a picture point and
    one that has none.
    """
    known = np.isfinite(image_px[:, :, 0])
    weight = cv2.blur(known.astype(np.float64), (3, 3))
    mean = cv2.blur(np.where(known[:, :, None], image_px, 0.0), (3, 3))
    near = np.where(weight > 0.0, 1.0 / np.maximum(weight, 1e-9), np.nan)
    continued: Float64Array = np.where(known[:, :, None], image_px, mean * near[:, :, None])
    return np.nan_to_num(continued, nan=_BEYOND_PX)
