"""Whether the camera still looks as it was calibrated, by how the ground passes through its view.

Ground that is mapped with the right pose passes everywhere by what the machine has driven. A
camera that has come loose sees it pass faster ahead than behind (pitch), faster at one side
(roll), or to the side (yaw). Each pair of pictures gives an estimate of the three angles by least
squares; many pairs together make it sure. How fast the ground passes on the whole is left free,
since wheel slip and the camera's height change that alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agriseg.geometry.ground_plane import GroundPlane
from agriseg.messages import Float64Array, UInt8Array
from agriseg.opencv import cv2

_WIDTH_PX = 640
_FEATURES = 120
_STEP_DEG = 0.3
_FORGET = 0.97
_LEAST_FEATURES = 25
_LEAST_TRAVEL_M = 0.02
_ANGLES = ("roll_deg", "pitch_deg", "yaw_deg")


@dataclass(frozen=True, slots=True, kw_only=True)
class Travel:
    """How base_link moved between two pictures, in its own frame before: metres, radians."""

    forward_m: float
    left_m: float
    turn_rad: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drift:
    """By how much the camera looks elsewhere than calibrated.

    ``angles_deg`` (3,) are roll, pitch and yaw to be added to the calibrated ones, ``std_deg`` (3,)
    their standard uncertainties by the pictures' spread, ``pairs`` how many pictures they rest on.
    """

    angles_deg: Float64Array
    std_deg: Float64Array
    pairs: int

    def surely_exceeds(self, limit_deg: float) -> bool:
        """Return whether one of the angles is beyond ``limit_deg`` with all its uncertainty."""
        return bool(np.any(np.abs(self.angles_deg) - 3.0 * self.std_deg > limit_deg))


class ViewDrift:
    """Estimates the camera's drift from pairs of pictures.

    Parameters
    ----------
    ground : GroundPlane
        As calibrated.

    Raises
    ------
    CalibrationError
        The camera looks so flat over the ground that a turned one would not see it.
    """

    def __init__(self, ground: GroundPlane) -> None:
        self._ground = ground
        self._turned = [
            GroundPlane(
                ground.lens_intrinsics,
                ground.pose.model_copy(update={name: getattr(ground.pose, name) + _STEP_DEG}),
                ground.image_size,
            )
            for name in _ANGLES
        ]
        self._scale = min(1.0, _WIDTH_PX / ground.image_size[0])
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self._normal = np.zeros((4, 4))
        self._right = np.zeros(4)
        self._pairs = 0

    def add(
        self,
        before: UInt8Array,
        now: UInt8Array,
        travel: Travel,
        soil: NDArray[np.bool_] | None = None,
    ) -> None:
        """Take two pictures (H, W, 3) uint8 and how the machine drove in between.

        ``soil`` (H, W) bool, of the first picture, says where the ground is: plants stand nearer
        to the camera and pass faster than it does.
        """
        height, width = before.shape[:2]
        if np.hypot(travel.forward_m, travel.left_m) < _LEAST_TRAVEL_M:
            return
        if (width, height) != self._ground.image_size or now.shape != before.shape:
            return  # the pipeline refuses such pictures, and stops
        flat = None if soil is None else self._flat(soil)
        tracked = self._tracked(self._small(before), self._small(now), travel, flat)
        if tracked is None:
            return
        first_px, second_px = tracked
        jacobian, residual = self._equations(first_px, second_px, travel)
        keep = np.ones(len(residual), bool)
        for _ in range(3):
            solution, *_ = np.linalg.lstsq(
                jacobian[keep].reshape(-1, 4), residual[keep].ravel(), rcond=None
            )
            left = np.hypot(*(residual - jacobian @ solution).T)
            sigma = max(float(np.median(left[keep])) / 1.1774, 1e-5)
            keep = left < 3.0 * sigma
            if keep.sum() < _LEAST_FEATURES:
                return
        design = jacobian[keep].reshape(-1, 4) / sigma
        self._normal = _FORGET * self._normal + design.T @ design
        self._right = _FORGET * self._right + design.T @ (residual[keep].ravel() / sigma)
        self._pairs += 1

    @property
    def drift(self) -> Drift | None:
        """What all pairs together say; None before they say anything."""
        if self._pairs < 5:
            return None
        try:
            covariance = np.linalg.inv(self._normal)
        except np.linalg.LinAlgError:
            return None
        angles: Float64Array = (covariance @ self._right)[:3]
        return Drift(angles_deg=angles, std_deg=np.sqrt(np.diag(covariance))[:3], pairs=self._pairs)

    def _small(self, image: UInt8Array) -> UInt8Array:
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        width, height = self._ground.image_size
        size = (round(width * self._scale), round(height * self._scale))
        return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)

    def _flat(self, soil: NDArray[np.bool_]) -> UInt8Array:
        """Return where a window around a point sees ground alone, at the reduced size."""
        width, height = self._ground.image_size
        size = (round(width * self._scale), round(height * self._scale))
        small = cv2.resize(soil.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        return np.asarray(cv2.erode(small, np.ones((13, 13), np.uint8)), np.uint8)

    def _tracked(
        self,
        before: UInt8Array,
        now: UInt8Array,
        travel: Travel,
        flat: UInt8Array | None,
    ) -> tuple[Float64Array, Float64Array] | None:
        """Return points (N, 2) of both pictures, px at full size."""
        corners = cv2.goodFeaturesToTrack(before, _FEATURES, 0.02, 16, mask=flat)
        if corners is None or len(corners) < _LEAST_FEATURES:
            return None
        first = self._full(np.asarray(corners, np.float64).reshape(-1, 2))
        ground = self._ground.ground_from_image(first)
        expected = self._ground.image_from_ground(_moved(ground, travel))
        width, height = self._ground.image_size
        inside = np.all((expected > 8) & (expected < np.array([width, height]) - 9.0), axis=1)
        if inside.sum() < _LEAST_FEATURES:
            return None
        start = self._reduced(first[inside]).astype(np.float32).reshape(-1, 1, 2)
        guess = self._reduced(expected[inside]).astype(np.float32).reshape(-1, 1, 2)
        found, status, _ = cv2.calcOpticalFlowPyrLK(
            before,
            now,
            start,
            guess.copy(),
            winSize=(21, 21),
            maxLevel=2,
            flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
        )
        good = np.asarray(status, np.uint8).ravel() == 1
        if good.sum() < _LEAST_FEATURES:
            return None
        second = self._full(np.asarray(found, np.float64).reshape(-1, 2)[good])
        return first[inside][good], second

    def _equations(
        self, first_px: Float64Array, second_px: Float64Array, travel: Travel
    ) -> tuple[Float64Array, Float64Array]:
        """Return how the ground's motion depends on angles and scale (N, 2, 4), and the misfit."""
        plain = _misfit(self._ground, first_px, second_px, travel)
        columns = [
            (plain - _misfit(turned, first_px, second_px, travel)) / _STEP_DEG
            for turned in self._turned
        ]
        scale = np.tile(np.array([-travel.forward_m, -travel.left_m]), (len(plain), 1))
        jacobian = np.stack((*columns, scale), axis=2)
        known = np.isfinite(plain).all(axis=1) & np.isfinite(jacobian).all(axis=(1, 2))
        return jacobian[known], plain[known]

    def _full(self, points: Float64Array) -> Float64Array:
        full: Float64Array = (points + 0.5) / self._scale - 0.5
        return full

    def _reduced(self, points: Float64Array) -> Float64Array:
        reduced: Float64Array = (points + 0.5) * self._scale - 0.5
        return reduced


def _moved(points_m: Float64Array, travel: Travel) -> Float64Array:
    """Return where ground points (N, 2) are in base_link after the machine has moved."""
    shifted = points_m - np.array([travel.forward_m, travel.left_m])
    cos, sin = np.cos(travel.turn_rad), np.sin(travel.turn_rad)
    moved: Float64Array = shifted @ np.array([[cos, sin], [-sin, cos]]).T
    return moved


def _misfit(
    ground: GroundPlane, first_px: Float64Array, second_px: Float64Array, travel: Travel
) -> Float64Array:
    """Return where points are seen less where they should be, (N, 2) metres."""
    expected = _moved(ground.ground_from_image(first_px), travel)
    return ground.ground_from_image(second_px) - expected
