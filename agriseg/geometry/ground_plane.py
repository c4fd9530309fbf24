"""The ground as the camera sees it: picture points to metres in base_link and back."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from agriseg.config import CameraPoseConfig, IntrinsicsConfig
from agriseg.errors import CalibrationError
from agriseg.geometry.intrinsics import Lens
from agriseg.messages import Float64Array

_MAX_RANGE_M = 25.0
_COARSEST_TO_FINEST = 3.0
_EDGE_SAMPLES = 24
_LOOKING_DOWN = np.array([[0.0, -1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])


class GroundPlane:
    """Maps a camera's picture to the flat ground below the robot (z = 0 of base_link).

    Parameters
    ----------
    intrinsics : IntrinsicsConfig
    pose : CameraPoseConfig
        The camera in base_link; see `camera_axes` for its angles.
    image_size : (width, height), px
        Of the frames that will be mapped.

    Raises
    ------
    CalibrationError
        The camera does not see the ground, or its lens model cannot be inverted.
    """

    def __init__(
        self,
        intrinsics: IntrinsicsConfig,
        pose: CameraPoseConfig,
        image_size: tuple[int, int],
    ) -> None:
        self.lens = Lens(intrinsics, image_size)
        self.lens_intrinsics = intrinsics
        self.image_size = image_size
        self.pose = pose
        self._r_base_camera = camera_axes(pose)
        self._camera_m = np.array([pose.x_m, pose.y_m, pose.z_m])
        self._check_sees_ground()

    def ground_from_image(self, points_px: Float64Array) -> Float64Array:
        """Return the ground points that picture points show.

        Parameters
        ----------
        points_px : (N, 2) float64
            (u, v).

        Returns
        -------
        (N, 2) float64
            (x, y) in base_link, metres; NaN where the ray does not hit the ground.
        """
        rays = self.lens.rays_from_image(np.asarray(points_px, dtype=np.float64))
        directions = np.column_stack((rays, np.ones(len(rays)))) @ self._r_base_camera.T
        falling = directions[:, 2] < -1e-9
        depth = np.full(len(rays), np.nan)
        depth[falling] = -self._camera_m[2] / directions[falling, 2]
        ground: Float64Array = self._camera_m[:2] + directions[:, :2] * depth[:, None]
        return ground

    def image_from_ground(self, points_m: Float64Array) -> Float64Array:
        """Return where ground points appear in the picture, also outside its edges.

        Parameters
        ----------
        points_m : (N, 2) float64
            (x, y) in base_link, metres.

        Returns
        -------
        (N, 2) float64
            (u, v); NaN where the point is behind the camera or beyond the lens model.
        """
        points = np.asarray(points_m, dtype=np.float64)
        raised = np.column_stack((points, np.zeros(len(points))))
        return image_from_base(self.lens, self.pose, raised)

    @cached_property
    def h_image_base(self) -> Float64Array:
        """Homography (3, 3) from base_link (x, y, 1) to the undistorted picture (u, v, 1)."""
        r_camera_base = self._r_base_camera.T
        columns = np.column_stack(
            (r_camera_base[:, 0], r_camera_base[:, 1], -r_camera_base @ self._camera_m)
        )
        homography: Float64Array = self.lens.camera_matrix @ columns
        return homography

    @cached_property
    def view_polygon_m(self) -> Float64Array:
        """Outline (M, 2) of the ground that the picture shows well, in base_link.

        Where the camera is tilted, ground beyond 25 m, and ground that is three times as
        coarse as the finest in the picture, is left out.
        """
        return self.view_outline_m(0.0)

    def view_outline_m(self, inset_px: float) -> Float64Array:
        """Return the outline of the view without a border of ``inset_px`` of the picture."""
        pixels = self._useful_outline_px(inset_px)
        return self.ground_from_image(pixels)

    @cached_property
    def near_x_m(self) -> float:
        """Forward distance of the view's rear edge in base_link."""
        return float(self.view_polygon_m[:, 0].min())

    @cached_property
    def far_x_m(self) -> float:
        """Forward distance of the view's front edge in base_link."""
        return float(self.view_polygon_m[:, 0].max())

    @cached_property
    def centre_gsd_m(self) -> float:
        """Metres per pixel in the middle of the useful view, in its coarser direction."""
        return float(self.gsd_m(self.view_polygon_m.mean(axis=0)[None])[0])

    def gsd_m(self, points_m: Float64Array) -> Float64Array:
        """Return the ground sampling distance at ground points.

        Parameters
        ----------
        points_m : (N, 2) float64
            (x, y) in base_link.

        Returns
        -------
        (N,) float64
            Metres of ground per pixel in the coarser direction; NaN outside the view.
        """
        points = np.asarray(points_m, dtype=np.float64)
        step_m = 1e-4
        forward, left = np.array([step_m, 0.0]), np.array([0.0, step_m])
        du = self.image_from_ground(points + forward) - self.image_from_ground(points - forward)
        dv = self.image_from_ground(points + left) - self.image_from_ground(points - left)
        jacobian = np.stack((du, dv), axis=2) / (2.0 * step_m)
        gsd: Float64Array = np.full(len(points), np.nan)
        known = ~np.isnan(jacobian).any(axis=(1, 2))
        if known.any():
            gsd[known] = 1.0 / np.linalg.svd(jacobian[known], compute_uv=False)[:, -1]
        return gsd

    def _useful_outline_px(self, inset_px: float) -> Float64Array:
        """Return the outline in the picture of the part that shows the ground well, (M, 2)."""
        rows_px, left_px, right_px = self._useful_rows_px(inset_px)
        left = np.column_stack((left_px, rows_px))
        right = np.column_stack((right_px, rows_px))
        top = np.linspace(left[0], right[0], _EDGE_SAMPLES)
        bottom = np.linspace(right[-1], left[-1], _EDGE_SAMPLES)
        return np.concatenate((top[:-1], right[:-1], bottom[:-1], left[:0:-1]))

    def _useful_rows_px(self, inset_px: float) -> tuple[Float64Array, Float64Array, Float64Array]:
        """Return picture rows and, for each, the left and right end of its useful part."""
        width, height = self.image_size
        columns = np.linspace(inset_px, width - 1 - inset_px, 4 * _EDGE_SAMPLES)
        rows = np.linspace(inset_px, height - 1 - inset_px, 4 * _EDGE_SAMPLES)
        grid = np.stack(np.meshgrid(columns, rows), axis=2)
        ground = self.ground_from_image(grid.reshape(-1, 2))
        distance = np.hypot(*(ground - self._camera_m[:2]).T)
        gsd = self.gsd_m(ground)
        near = distance < _MAX_RANGE_M
        finest = np.nanmin(np.where(near, gsd, np.nan), initial=np.inf)
        useful = (near & (gsd <= _COARSEST_TO_FINEST * finest)).reshape(grid.shape[:2])
        kept = np.flatnonzero(useful.any(axis=1))
        first = useful[kept].argmax(axis=1)
        last = useful.shape[1] - 1 - useful[kept][:, ::-1].argmax(axis=1)
        return rows[kept], columns[first], columns[last]

    def _check_sees_ground(self) -> None:
        rows, _, _ = self._useful_rows_px(0.0)
        if len(rows) < 8:
            pose = self.pose
            raise CalibrationError(
                f"camera.pose: a camera {pose.z_m:g} m up with pitch_deg {pose.pitch_deg:g} and"
                f" roll_deg {pose.roll_deg:g} sees no ground within {_MAX_RANGE_M:g} m; measure"
                " the angles again (0 looks straight down) and check cx_px and cy_px"
            )


def camera_axes(pose: CameraPoseConfig) -> Float64Array:
    """Return the rotation (3, 3) from the camera frame to base_link.

    The camera frame has x right and y down in the picture, z along the view. At zero
    angles z points down and the top of the picture is forward. From there the camera is
    rolled about the forward axis (the view swings to the left), pitched about the lateral
    axis (the view swings forward) and then yawed to the left about the vertical.
    """
    roll, pitch, yaw = np.deg2rad([pose.roll_deg, pose.pitch_deg, pose.yaw_deg])
    rolled = np.array(
        [
            [1.0, 0.0, 0.0],
            [0.0, np.cos(roll), -np.sin(roll)],
            [0.0, np.sin(roll), np.cos(roll)],
        ]
    )
    pitched = np.array(
        [
            [np.cos(pitch), 0.0, -np.sin(pitch)],
            [0.0, 1.0, 0.0],
            [np.sin(pitch), 0.0, np.cos(pitch)],
        ]
    )
    yawed = np.array(
        [
            [np.cos(yaw), -np.sin(yaw), 0.0],
            [np.sin(yaw), np.cos(yaw), 0.0],
            [0.0, 0.0, 1.0],
        ]
    )
    axes: Float64Array = yawed @ pitched @ rolled @ _LOOKING_DOWN
    return axes


def pose_from_axes(axes: Float64Array, camera_m: Float64Array) -> CameraPoseConfig:
    """Return the pose whose `camera_axes` are ``axes`` (3, 3), with the camera at (3,) metres.

    Raises
    ------
    CalibrationError
        Such a pose is not one that a field camera can have.
    """
    turned = axes @ _LOOKING_DOWN.T
    pitch = np.arcsin(np.clip(turned[2, 0], -1.0, 1.0))
    roll = np.arctan2(turned[2, 1], turned[2, 2])
    yaw = np.arctan2(turned[1, 0], turned[0, 0])
    x_m, y_m, z_m = (float(value) for value in camera_m)
    roll_deg, pitch_deg, yaw_deg = (float(np.rad2deg(value)) for value in (roll, pitch, yaw))
    try:
        return CameraPoseConfig(
            x_m=x_m, y_m=y_m, z_m=z_m, roll_deg=roll_deg, pitch_deg=pitch_deg, yaw_deg=yaw_deg
        )
    except ValueError as error:
        raise CalibrationError(
            f"the camera would be at x {x_m:.2f} m, y {y_m:.2f} m, {z_m:.2f} m up, with roll"
            f" {roll_deg:.0f}, pitch {pitch_deg:.0f} and yaw {yaw_deg:.0f} degrees, which no field"
            " camera is: check what was entered, and which way the target lies"
        ) from error


def image_from_base(lens: Lens, pose: CameraPoseConfig, points_m: Float64Array) -> Float64Array:
    """Return where points in base_link appear in the picture, also outside its edges.

    Parameters
    ----------
    lens : Lens
    pose : CameraPoseConfig
    points_m : (N, 3) float64
        (x, y, z) in base_link, metres.

    Returns
    -------
    (N, 2) float64
        (u, v); NaN where the point is behind the camera or beyond the lens model.
    """
    camera_m = np.array([pose.x_m, pose.y_m, pose.z_m])
    seen = (np.asarray(points_m, dtype=np.float64) - camera_m) @ camera_axes(pose)
    ahead = seen[:, 2] > 1e-6
    depth = np.where(ahead, seen[:, 2], 1.0)
    image = lens.image_from_rays(seen[:, :2] / depth[:, None])
    visible: Float64Array = np.where(ahead[:, None], image, np.nan)
    return visible
