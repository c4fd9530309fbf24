"""The camera's pose from points on the ground, with what is known of its uncertainty."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from agriseg.calibration.lens_fit import PARAMETERS
from agriseg.config import CameraPoseConfig, IntrinsicsConfig
from agriseg.errors import CalibrationError
from agriseg.geometry.ground_plane import (
    GroundPlane,
    camera_axes,
    image_from_base,
    pose_from_axes,
)
from agriseg.geometry.intrinsics import Lens
from agriseg.messages import Float64Array
from agriseg.opencv import cv2

POSE = ("x_m", "y_m", "z_m", "roll_deg", "pitch_deg", "yaw_deg")
"""Order of the covariance's rows."""

_STEPS = np.array([1e-5, 1e-5, 1e-5, 1e-4, 1e-4, 1e-4])
_LENS_STEPS = np.array([1e-2, 1e-2, 1e-2, 1e-2, 1e-5, 1e-5, 1e-6, 1e-6, 1e-5])
_ROUNDS = 20

_PointsOf = Callable[[Float64Array], Float64Array]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placing:
    """How exactly the target was laid out, as standard uncertainties.

    It is where it was said to be to ``along_m`` and ``across_m``, and turned to ``turn_rad`` about
    ``about_m`` (x, y) in base_link. The picture cannot tell these errors from the camera's own.
    """

    along_m: float = 0.002
    across_m: float = 0.002
    turn_rad: float = 0.004
    about_m: tuple[float, float] = (0.0, 0.0)


EXACT = Placing(along_m=0.0, across_m=0.0, turn_rad=0.0)
"""Nothing is exact but a simulation."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroundFit:
    """A camera's pose as fitted.

    Attributes
    ----------
    pose : CameraPoseConfig
    covariance : (6, 6) float64
        Of `POSE`, with the lens's and the target's part in it.
    residuals_px : (N, 2) float64
        Seen less projected.
    residuals_mm : (N, 2) float64
        The same on the target's plane, in base_link: what is drawn on the picture.
    noise_px : float
        Standard deviation of a point along one axis that the fit assumes.
    """

    pose: CameraPoseConfig
    covariance: Float64Array
    residuals_px: Float64Array
    residuals_mm: Float64Array
    noise_px: float
    lens_share: Float64Array = field(repr=False)
    """(6, 9) float64: how the pose moves with each of the lens's `PARAMETERS`."""
    own_covariance: Float64Array = field(repr=False)
    """(6, 6) float64: the part of the covariance that is not the lens's."""

    @property
    def std(self) -> Float64Array:
        """(6,) float64: standard uncertainty of `POSE`."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def rms_px(self) -> float:
        """Root mean square distance between points seen and projected."""
        return float(np.sqrt(np.mean(np.sum(self.residuals_px**2, axis=1))))

    @property
    def rms_mm(self) -> float:
        """The same in millimetres on the ground."""
        return float(np.sqrt(np.mean(np.sum(self.residuals_mm**2, axis=1))))


def fit_ground(
    *,
    intrinsics: IntrinsicsConfig,
    size: tuple[int, int],
    image_px: Float64Array,
    points_m: Float64Array,
    lens_covariance: Float64Array | None = None,
    placing: Placing = EXACT,
    least_noise_px: float = 0.02,
) -> GroundFit:
    """Return the pose from which the points are seen where they were seen.

    Parameters
    ----------
    intrinsics : IntrinsicsConfig
    size : (width, height), px
    image_px : (N, 2) float64
        (u, v), at least four.
    points_m : (N, 3) float64
        The same points in base_link, all at one height.
    lens_covariance : (9, 9) float64, optional
        Of the intrinsics (`PARAMETERS`); nothing is added for the lens without it.
    placing : Placing
    least_noise_px : float
        Points are not believed to be placed in the picture better than this.

    Raises
    ------
    CalibrationError
        No pose explains the points.
    """
    lens = Lens(intrinsics, size)
    pose = _refined(lens, _start(lens, image_px, points_m), image_px, points_m)
    residuals_px = image_px - image_from_base(lens, pose, points_m)
    freedom = max(1, residuals_px.size - len(POSE))
    noise_px = max(least_noise_px, float(np.sqrt(np.sum(residuals_px**2) / freedom)))
    jacobian = _pose_jacobian(lens, pose, points_m)
    inverse = np.linalg.inv(jacobian.T @ jacobian)
    own = noise_px**2 * inverse + _placing_covariance(placing, pose)
    lens_share = -inverse @ jacobian.T @ _lens_jacobian(intrinsics, size, pose, points_m)
    covariance = own
    if lens_covariance is not None:
        covariance = own + lens_share @ lens_covariance @ lens_share.T
    height_m = float(points_m[0, 2])
    seen_m = ground_at(lens, pose, image_px, height_m)
    return GroundFit(
        pose=pose,
        covariance=covariance,
        residuals_px=residuals_px,
        residuals_mm=1e3 * (seen_m - points_m[:, :2]),
        noise_px=noise_px,
        lens_share=lens_share,
        own_covariance=own,
    )


def ground_std_m(
    fit: GroundFit,
    intrinsics: IntrinsicsConfig,
    size: tuple[int, int],
    points_px: Float64Array,
    lens_covariance: Float64Array | None = None,
) -> Float64Array:
    """Return the standard uncertainty (N, 2) of where picture points are on the ground, metres.

    Lens and pose are not independent: an error of the lens moves the pose that was fitted with
    it, and much of it cancels.
    """
    lens = Lens(intrinsics, size)
    by_pose = _differences(
        lambda values: ground_at(lens, _posed(values), points_px), _values(fit.pose), _STEPS
    )
    covariance = by_pose @ fit.own_covariance @ by_pose.transpose(0, 2, 1)
    if lens_covariance is not None:
        by_lens = _differences(
            lambda values: ground_at(
                Lens(_with_lens(intrinsics, values), size), fit.pose, points_px
            ),
            _lens_values(intrinsics),
            _LENS_STEPS,
        )
        total = by_lens + by_pose @ fit.lens_share
        covariance = covariance + total @ lens_covariance @ total.transpose(0, 2, 1)
    std: Float64Array = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    return std


def working_area_px(ground: GroundPlane) -> Float64Array:
    """Return picture points (N, 2) spread over the ground that is sprayed by."""
    outline = ground.image_from_ground(ground.view_polygon_m)
    low, high = np.nanmin(outline, axis=0), np.nanmax(outline, axis=0)
    grid = np.stack(
        np.meshgrid(np.linspace(low[0], high[0], 9), np.linspace(low[1], high[1], 7)), axis=2
    ).reshape(-1, 2)
    return grid[np.isfinite(ground.gsd_m(ground.ground_from_image(grid)))]


def ground_at(
    lens: Lens, pose: CameraPoseConfig, points_px: Float64Array, height_m: float = 0.0
) -> Float64Array:
    """Return (N, 2) in base_link of picture points on a plane ``height_m`` above the ground."""
    lowered = pose.model_copy(update={"z_m": pose.z_m - height_m})
    camera = np.array([lowered.x_m, lowered.y_m, lowered.z_m])
    rays = lens.rays_from_image(points_px)
    directions = np.column_stack((rays, np.ones(len(rays)))) @ camera_axes(lowered).T
    depth = np.where(directions[:, 2] < -1e-9, -camera[2] / directions[:, 2], np.nan)
    ground: Float64Array = camera[:2] + directions[:, :2] * depth[:, None]
    return ground


def _start(lens: Lens, image_px: Float64Array, points_m: Float64Array) -> CameraPoseConfig:
    """Return the better of the two poses from which a plane looks almost the same."""
    rays = lens.rays_from_image(image_px)
    middle = points_m.mean(axis=0)
    flat = points_m - middle
    count, rotations, translations, errors = cv2.solvePnPGeneric(
        flat, rays.reshape(-1, 1, 2), np.eye(3), np.zeros(5), flags=cv2.SOLVEPNP_IPPE
    )
    order = np.argsort(np.asarray(errors, np.float64).ravel()[:count])
    for index in order:
        turn, _ = cv2.Rodrigues(rotations[index])
        axes = np.asarray(turn, np.float64).T
        camera = -axes @ np.asarray(translations[index], np.float64).ravel() + middle
        if camera[2] > middle[2] and np.isfinite(camera).all():
            return pose_from_axes(axes, camera)
    raise CalibrationError(
        "from no place above the ground would the target look like this; check its size, its"
        " corners and that it lies flat"
    )


def _refined(
    lens: Lens, pose: CameraPoseConfig, image_px: Float64Array, points_m: Float64Array
) -> CameraPoseConfig:
    """Return the pose of least squares in the picture, by Levenberg's method."""
    values = _values(pose)
    error = image_px - image_from_base(lens, pose, points_m)
    damping = 1e-3
    for _ in range(_ROUNDS):
        jacobian = _pose_jacobian(lens, _posed(values), points_m)
        normal = jacobian.T @ jacobian
        step = np.linalg.solve(
            normal + damping * np.diag(np.diag(normal)), jacobian.T @ error.ravel()
        )
        trial = values + step
        better = image_px - image_from_base(lens, _posed(trial), points_m)
        if np.isfinite(better).all() and np.sum(better**2) <= np.sum(error**2):
            values, error, damping = trial, better, 0.1 * damping
            if np.all(np.abs(step) < 1e-9):
                break
        else:
            damping *= 10.0
    return _posed(values)


def _pose_jacobian(lens: Lens, pose: CameraPoseConfig, points_m: Float64Array) -> Float64Array:
    """Return how the picture points move with `POSE`, (2 N, 6)."""
    moved = _differences(
        lambda values: image_from_base(lens, _posed(values), points_m), _values(pose), _STEPS
    )
    return moved.reshape(-1, len(POSE))


def _lens_jacobian(
    intrinsics: IntrinsicsConfig,
    size: tuple[int, int],
    pose: CameraPoseConfig,
    points_m: Float64Array,
) -> Float64Array:
    """Return how the picture points move with the lens's `PARAMETERS`, (2 N, 9)."""
    moved = _differences(
        lambda values: image_from_base(Lens(_with_lens(intrinsics, values), size), pose, points_m),
        _lens_values(intrinsics),
        _LENS_STEPS,
    )
    return moved.reshape(-1, len(PARAMETERS))


def _differences(function: _PointsOf, at: Float64Array, steps: Float64Array) -> Float64Array:
    """Return central differences of (N, 2) points by each of P values, (N, 2, P)."""
    columns = []
    for index, step in enumerate(steps):
        offset = np.zeros(len(at))
        offset[index] = step
        columns.append((function(at + offset) - function(at - offset)) / (2.0 * step))
    return np.stack(columns, axis=2)


def _placing_covariance(placing: Placing, pose: CameraPoseConfig) -> Float64Array:
    """Return the covariance (6, 6) that the target's placing adds: shifts, and a turn."""
    share = np.zeros((6, 3))
    share[0, 0] = share[1, 1] = 1.0
    share[0, 2] = -(pose.y_m - placing.about_m[1])
    share[1, 2] = pose.x_m - placing.about_m[0]
    share[5, 2] = float(np.rad2deg(1.0))
    variances = np.array([placing.along_m, placing.across_m, placing.turn_rad]) ** 2
    covariance: Float64Array = share @ np.diag(variances) @ share.T
    return covariance


def _values(pose: CameraPoseConfig) -> Float64Array:
    return np.array([getattr(pose, name) for name in POSE])


def _posed(values: Float64Array) -> CameraPoseConfig:
    """Return a pose without checking it: the search may pass where no camera can be."""
    x_m, y_m, z_m, roll_deg, pitch_deg, yaw_deg = (float(value) for value in values)
    return CameraPoseConfig.model_construct(
        x_m=x_m, y_m=y_m, z_m=z_m, roll_deg=roll_deg, pitch_deg=pitch_deg, yaw_deg=yaw_deg
    )


def _lens_values(intrinsics: IntrinsicsConfig) -> Float64Array:
    return np.array([getattr(intrinsics, name) for name in PARAMETERS])


def _with_lens(intrinsics: IntrinsicsConfig, values: Float64Array) -> IntrinsicsConfig:
    return intrinsics.model_copy(
        update={name: float(value) for name, value in zip(PARAMETERS, values, strict=True)}
    )
