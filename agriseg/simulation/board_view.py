"""A flat board in front of the simulated camera: its print, bent by the lens as a lens does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agriseg.geometry.intrinsics import Lens
from agriseg.messages import Float64Array, UInt8Array
from agriseg.opencv import cv2
from agriseg.simulation.sensor import Float32Array

_SAMPLES = 3
_CELL_PX = 12
_MARGIN_CELLS = 6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BoardPose:
    """A board in the camera frame (x right, y down, z along the view).

    ``r_camera_board`` (3, 3) turns, ``origin_m`` (3,) is where the outer corner of its first
    square is.
    """

    r_camera_board: Float64Array
    origin_m: Float64Array


class BoardView:
    """Draws a board into pictures of one lens, averaged over each pixel's area.

    Parameters
    ----------
    lens : Lens
        Of the true camera.
    cells : (R, C) uint8
        The print: 0 black, 255 white, equal square cells.
    size_m : (width, height)
        Of all cells together.
    blur_px : float
        Standard deviation of the optics' blur.
    """

    def __init__(
        self,
        lens: Lens,
        cells: UInt8Array,
        size_m: tuple[float, float],
        blur_px: float = 0.5,
    ) -> None:
        self._lens = lens
        self._blur_px = blur_px
        self._rays = _pixel_rays(lens)
        self._cell_m = size_m[0] / cells.shape[1]
        # Printer's black and paper's white are neither 0 nor 255.
        shade = np.pad(np.where(cells > 127, 225, 28), _MARGIN_CELLS, constant_values=225)
        layers = np.stack((shade, np.full_like(shade, 255)), axis=2).astype(np.uint8)
        self._texture: UInt8Array = layers.repeat(_CELL_PX, axis=0).repeat(_CELL_PX, axis=1)

    def draw(self, picture: UInt8Array, pose: BoardPose) -> UInt8Array:
        """Return ``picture`` (H, W, 3) uint8 with the board in front of it."""
        window = self._window(pose)
        if window is None:
            return picture
        rows, columns = window
        sampled = self._sampled(rows, columns, pose)
        cover = sampled[:, :, 1:].astype(np.uint16)
        result = picture.copy()
        below = result[rows, columns].astype(np.uint16) * (255 - cover) // 255
        # The shade of samples beside the board is 0, so it is weighted by the cover already.
        result[rows, columns] = np.minimum(below + sampled[:, :, :1], 255).astype(np.uint8)
        return result

    def _sampled(self, height_range: slice, width_range: slice, pose: BoardPose) -> UInt8Array:
        """Return brightness and cover (0 to 255) of a window's pixels, from 3 x 3 samples each."""
        rays = self._rays[height_range, width_range]
        height, width = rays.shape[:2]
        size = (width * _SAMPLES, height * _SAMPLES)
        fine = cv2.resize(rays, size, interpolation=cv2.INTER_LINEAR)
        points = cv2.perspectiveTransform(fine, self._h_texture_ray(pose))
        columns, rows = (
            np.ascontiguousarray(np.asarray(points, np.float32)[:, :, axis]) for axis in (0, 1)
        )
        samples = cv2.remap(
            self._texture,
            columns,
            rows,
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(0,),
        )
        if self._blur_px > 0.0:
            samples = cv2.GaussianBlur(samples, (0, 0), self._blur_px * _SAMPLES)
        return np.asarray(
            cv2.resize(samples, (width, height), interpolation=cv2.INTER_AREA), np.uint8
        )

    def _h_texture_ray(self, pose: BoardPose) -> Float64Array:
        """Return the homography (3, 3) from rays (x, y, 1) to the texture (column, row, 1)."""
        board_from_ray = np.linalg.inv(np.column_stack((pose.r_camera_board[:, :2], pose.origin_m)))
        scale = _CELL_PX / self._cell_m
        offset = _MARGIN_CELLS * _CELL_PX - 0.5
        texture_from_board = np.array([[scale, 0.0, offset], [0.0, scale, offset], [0.0, 0.0, 1.0]])
        h: Float64Array = texture_from_board @ board_from_ray
        return h

    def _window(self, pose: BoardPose) -> tuple[slice, slice] | None:
        """Return the rows and columns of the picture that may show the board."""
        rows, columns = self._texture.shape[:2]
        width_m = columns / _CELL_PX * self._cell_m
        height_m = rows / _CELL_PX * self._cell_m
        margin_m = _MARGIN_CELLS * self._cell_m
        share = np.linspace(0.0, 1.0, 9)
        edge = np.array(
            [(s, 0.0) for s in share]
            + [(s, 1.0) for s in share]
            + [(0.0, s) for s in share]
            + [(1.0, s) for s in share]
        )
        points = edge * np.array([width_m, height_m]) - margin_m
        camera = points @ pose.r_camera_board[:, :2].T + pose.origin_m
        if (camera[:, 2] < 0.02).any():
            return None
        image = self._lens.image_from_rays(camera[:, :2] / camera[:, 2:])
        width, height = self._lens.image_size
        image = np.nan_to_num(image, nan=-1.0)
        border = 3.0 + 4.0 * self._blur_px
        low = np.floor(image.min(axis=0) - border).astype(int)
        high = np.ceil(image.max(axis=0) + border).astype(int)
        u0, v0 = max(0, int(low[0])), max(0, int(low[1]))
        u1, v1 = min(width, int(high[0]) + 1), min(height, int(high[1]) + 1)
        if u1 - u0 < 2 or v1 - v0 < 2:
            return None
        return slice(v0, v1), slice(u0, u1)


def _pixel_rays(lens: Lens) -> Float32Array:
    """Return each pixel's ray at depth 1, (H, W, 2) float32, NaN-free."""
    width, height = lens.image_size
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=2).astype(np.float64)
    rays = lens.rays_from_image(grid.reshape(-1, 2)).reshape(height, width, 2)
    return np.nan_to_num(rays, nan=1e3).astype(np.float32)
