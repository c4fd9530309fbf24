"""What a camera sees of the simulated ground: picture, true labels and plant ids."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from agriseg.geometry.ground_plane import GroundPlane
from agriseg.messages import Float64Array, UInt8Array
from agriseg.opencv import cv2
from agriseg.simulation.sensor import Float32Array
from agriseg.simulation.world import Layer, Patch, World

_NODE_PX = 8
_NOWHERE_M = -1e4


class PlanarPose(Protocol):
    """A pose of base_link in the field frame."""

    @property
    def x_m(self) -> float:
        """Forward."""

    @property
    def y_m(self) -> float:
        """Left."""

    @property
    def heading_rad(self) -> float:
        """Turn to the left."""


class GroundView:
    """Projects a world's layers into a camera's picture.

    Parameters
    ----------
    world : World
    ground_plane : GroundPlane
        Its lens may be distorted.
    """

    def __init__(self, world: World, ground_plane: GroundPlane) -> None:
        self._world = world
        self._plane = ground_plane
        self._outline_m = ground_plane.view_polygon_m
        gsd = ground_plane.gsd_m(self._outline_m)
        self.finest_gsd_m = float(np.nanmin(gsd, initial=ground_plane.centre_gsd_m))
        self._base_grid = _base_grid(ground_plane) if ground_plane.lens.is_distorted else None

    def picture(self, pose: PlanarPose) -> UInt8Array:
        """Return the ground's colours as ``(H, W, 3) uint8`` BGR, before light and sensor."""
        patch = self._patch("colour", pose)
        factor = int(self.finest_gsd_m / patch.cell_m)
        border = tuple(float(c) for c in patch.array[::64, ::64].reshape(-1, 3).mean(axis=0))
        if factor > 1:
            patch = _coarser(patch, factor)
        return np.asarray(self._project(patch, pose, cv2.INTER_LINEAR, border), np.uint8)

    def labels(self, pose: PlanarPose) -> UInt8Array:
        """Return the true `ClassId` of every pixel, ``(H, W) uint8``."""
        patch = self._patch("labels", pose)
        return np.asarray(self._project(patch, pose, cv2.INTER_NEAREST, (0.0,)), np.uint8)

    def plant_ids(self, pose: PlanarPose) -> NDArray[np.int32]:
        """Return the `TruePlant.plant_id` of every pixel, 0 on soil, ``(H, W) int32``."""
        ids = self._patch("plant_ids", pose)
        whole = np.ascontiguousarray(ids.array, np.int32)
        in_bytes = Patch(
            array=whole.view(np.uint8).reshape(*whole.shape, 4),
            row=ids.row,
            column=ids.column,
            cell_m=ids.cell_m,
        )
        projected = self._project(in_bytes, pose, cv2.INTER_NEAREST, (0.0,) * 4)
        return np.ascontiguousarray(projected, np.uint8).view(np.int32)[..., 0]

    def motion_px_per_m(self, point_m: tuple[float, float] | None = None) -> Float64Array:
        """Return how far (du, dv) ground moves in the picture when the robot drives 1 m."""
        middle = np.array(point_m) if point_m is not None else self._outline_m.mean(axis=0)
        step_m = np.array([0.005, 0.0])
        ends = self._plane.image_from_ground(np.stack((middle - step_m, middle + step_m)))
        return np.asarray((ends[0] - ends[1]) / (2.0 * step_m[0]), np.float64)

    def _patch(self, layer: Layer, pose: PlanarPose) -> Patch:
        x_m = (self._outline_m @ _rotation(pose).T)[:, 0] + pose.x_m
        margin_m = 3.0 * max(self._world.cell_m, self.finest_gsd_m)
        return self._world.patch(layer, float(x_m.min()) - margin_m, float(x_m.max()) + margin_m)

    def _project(
        self, patch: Patch, pose: PlanarPose, interpolation: int, border: tuple[float, ...]
    ) -> NDArray[Any]:
        if self._base_grid is None:
            h_image_patch = self._plane.h_image_base @ _h_base_field(pose) @ _h_field_patch(patch)
            return np.asarray(
                cv2.warpPerspective(
                    patch.array,
                    h_image_patch,
                    self._plane.image_size,
                    flags=interpolation,
                    borderMode=cv2.BORDER_CONSTANT,
                    borderValue=border,
                )
            )
        columns, rows = self._patch_maps(patch, pose)
        return np.asarray(
            cv2.remap(
                patch.array,
                columns,
                rows,
                interpolation,
                borderMode=cv2.BORDER_CONSTANT,
                borderValue=border,
            )
        )

    def _patch_maps(self, patch: Patch, pose: PlanarPose) -> tuple[Float32Array, Float32Array]:
        """Return for every pixel the (column, row) of the patch that it shows."""
        assert self._base_grid is not None
        base_x, base_y = self._base_grid
        cos, sin = np.cos(pose.heading_rad) / patch.cell_m, np.sin(pose.heading_rad) / patch.cell_m
        row0 = pose.x_m / patch.cell_m - patch.row - 0.5
        column0 = pose.y_m / patch.cell_m - patch.column - 0.5
        rows = base_x * np.float32(cos) - base_y * np.float32(sin) + np.float32(row0)
        columns = base_x * np.float32(sin) + base_y * np.float32(cos) + np.float32(column0)
        return columns, rows


def _base_grid(plane: GroundPlane) -> tuple[Float32Array, Float32Array]:
    """Return (x, y) in base_link of every pixel, far outside where no ground is seen.

    The lens is inverted at every eighth pixel and interpolated in between, where it is
    straight to a thousandth of a pixel.
    """
    width, height = plane.image_size
    node_u, node_v = np.meshgrid(
        np.arange(0, width + _NODE_PX, _NODE_PX), np.arange(0, height + _NODE_PX, _NODE_PX)
    )
    nodes = np.column_stack((node_u.ravel(), node_v.ravel())).astype(np.float64)
    ground = np.nan_to_num(plane.ground_from_image(nodes), nan=_NOWHERE_M)
    u, v = np.meshgrid(
        np.arange(width, dtype=np.float32) / _NODE_PX,
        np.arange(height, dtype=np.float32) / _NODE_PX,
    )
    x, y = (
        np.asarray(cv2.remap(axis.reshape(node_u.shape), u, v, cv2.INTER_LINEAR), np.float32)
        for axis in np.ascontiguousarray(ground.T, np.float32)
    )
    return x, y


def _rotation(pose: PlanarPose) -> Float64Array:
    cos, sin = np.cos(pose.heading_rad), np.sin(pose.heading_rad)
    return np.array([[cos, -sin], [sin, cos]])


def _h_base_field(pose: PlanarPose) -> Float64Array:
    turn = _rotation(pose).T
    h = np.eye(3)
    h[:2, :2] = turn
    h[:2, 2] = -turn @ np.array([pose.x_m, pose.y_m])
    return h


def _h_field_patch(patch: Patch) -> Float64Array:
    """Return the map from (column, row) of a patch, cell centres at .0, to (x, y) metres."""
    cell = patch.cell_m
    return np.array(
        [
            [0.0, cell, (patch.row + 0.5) * cell],
            [cell, 0.0, (patch.column + 0.5) * cell],
            [0.0, 0.0, 1.0],
        ]
    )


def _coarser(patch: Patch, factor: int) -> Patch:
    """Average blocks of cells, so that a far camera does not see single grains flicker."""
    top, left = -patch.row % factor, -patch.column % factor
    array = patch.array[top:, left:]
    rows, columns = array.shape[0] // factor, array.shape[1] // factor
    array = np.ascontiguousarray(array[: rows * factor, : columns * factor])
    return Patch(
        array=np.asarray(
            cv2.resize(array, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8
        ),
        row=(patch.row + top) // factor,
        column=(patch.column + left) // factor,
        cell_m=patch.cell_m * factor,
    )
