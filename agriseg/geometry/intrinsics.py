"""The lens: pixels to rays and back, by OpenCV's Brown-Conrady model."""

from __future__ import annotations

import numpy as np

from agriseg.config import IntrinsicsConfig
from agriseg.errors import CalibrationError
from agriseg.messages import Float64Array
from agriseg.opencv import cv2

_REFINEMENTS = 12
_RADII = np.linspace(0.0, 4.0, 4001)


class Lens:
    """A pinhole camera with lens distortion, for pictures of one size.

    The intrinsics are scaled from the size they were measured at to ``image_size``; a
    pixel's centre is at whole coordinates, so its left edge is at -0.5.

    Parameters
    ----------
    intrinsics : IntrinsicsConfig
    image_size : (width, height), px

    Raises
    ------
    CalibrationError
        The distortion folds the picture over itself, so that a pixel has no single ray.
    """

    def __init__(self, intrinsics: IntrinsicsConfig, image_size: tuple[int, int]) -> None:
        self.image_size = image_size
        self.camera_matrix = _scaled_camera_matrix(intrinsics, image_size)
        self.distortion: Float64Array = np.array(
            [intrinsics.k1, intrinsics.k2, intrinsics.p1, intrinsics.p2, intrinsics.k3]
        )
        self.is_distorted = bool(np.any(self.distortion))
        self._max_radius = _unfolded_radius(intrinsics)
        self._check_folding(intrinsics)

    def rays_from_image(self, points_px: Float64Array) -> Float64Array:
        """Return where rays through picture points meet the plane at depth 1.

        Parameters
        ----------
        points_px : (N, 2) float64
            (u, v).

        Returns
        -------
        (N, 2) float64
            (x, y) in the camera frame: x right, y down, NaN where a point has no ray.
        """
        points = np.ascontiguousarray(points_px, dtype=np.float64).reshape(-1, 1, 2)
        if points.size == 0:
            return np.empty((0, 2))
        undistorted = cv2.undistortPoints(points, self.camera_matrix, self.distortion)
        rays: Float64Array = np.array(undistorted, dtype=np.float64).reshape(-1, 2)
        return self._refined(rays, points.reshape(-1, 2)) if self.is_distorted else rays

    def _refined(self, rays: Float64Array, points_px: Float64Array) -> Float64Array:
        """Correct OpenCV's few iterations by Newton's method; NaN where that finds no ray."""
        step = 1e-6
        for _ in range(_REFINEMENTS):
            rays = self._inside(rays)
            image = self.image_from_rays(rays)
            columns = [
                (self.image_from_rays(rays + offset) - image) / step
                for offset in (np.array([step, 0.0]), np.array([0.0, step]))
            ]
            jacobian = np.stack(columns, axis=2)
            rays = rays + np.linalg.solve(jacobian, (points_px - image)[:, :, None])[:, :, 0]
        error = np.abs(self.image_from_rays(rays) - points_px).max(axis=1)
        rays[~(error < 0.01)] = np.nan
        return rays

    def image_from_rays(self, rays: Float64Array) -> Float64Array:
        """Return the picture points of rays.

        Parameters
        ----------
        rays : (N, 2) float64
            (x, y) at depth 1 in the camera frame.

        Returns
        -------
        (N, 2) float64
            (u, v), also outside the picture; NaN where the distortion model does not reach.
        """
        if rays.shape[0] == 0:
            return np.empty((0, 2))
        usable = np.hypot(rays[:, 0], rays[:, 1]) < self._max_radius
        points = np.column_stack((np.where(usable[:, None], rays, 0.0), np.ones(len(rays))))
        projected, _ = cv2.projectPoints(
            points.reshape(-1, 1, 3), np.zeros(3), np.zeros(3), self.camera_matrix, self.distortion
        )
        image = np.asarray(projected, dtype=np.float64).reshape(-1, 2)
        return np.where(usable[:, None], image, np.nan)

    def _inside(self, rays: Float64Array) -> Float64Array:
        """Pull rays back to where the lens model is defined."""
        radius = np.maximum(np.hypot(rays[:, 0], rays[:, 1]), 1e-12)
        inside: Float64Array = rays * np.minimum(1.0, 0.999 * self._max_radius / radius)[:, None]
        return inside

    def _check_folding(self, intrinsics: IntrinsicsConfig) -> None:
        width, height = self.image_size
        corners = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]])
        if np.isnan(self.rays_from_image(corners.astype(np.float64))).any():
            raise CalibrationError(
                f"camera.intrinsics: the distortion k1 {intrinsics.k1:g}, k2 {intrinsics.k2:g},"
                f" k3 {intrinsics.k3:g}, p1 {intrinsics.p1:g}, p2 {intrinsics.p2:g} folds the"
                f" corners of a {width}x{height} picture over its inside; a lens gives every pixel"
                " a direction of its own: calibrate the camera again"
            )


def _scaled_camera_matrix(
    intrinsics: IntrinsicsConfig, image_size: tuple[int, int]
) -> Float64Array:
    scale_u = image_size[0] / intrinsics.width_px
    scale_v = image_size[1] / intrinsics.height_px
    return np.array(
        [
            [intrinsics.fx_px * scale_u, 0.0, (intrinsics.cx_px + 0.5) * scale_u - 0.5],
            [0.0, intrinsics.fy_px * scale_v, (intrinsics.cy_px + 0.5) * scale_v - 0.5],
            [0.0, 0.0, 1.0],
        ]
    )


def _unfolded_radius(intrinsics: IntrinsicsConfig) -> float:
    """Return the ray radius up to which the distorted radius still grows."""
    r2 = _RADII**2
    slope = 1.0 + 3.0 * intrinsics.k1 * r2 + 5.0 * intrinsics.k2 * r2**2
    slope += 7.0 * intrinsics.k3 * r2**3
    folded = np.flatnonzero(slope <= 0.0)
    return float(_RADII[folded[0]]) if folded.size else float("inf")
