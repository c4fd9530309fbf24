"""Whether the camera still looks as it was calibrated, by how the ground passes through its view.

Ground that is mapped with the right pose passes everywhere by what the machine has driven. A
camera that has come loose sees it pass faster ahead than behind (pitch), faster at one side
(roll), or to the side (yaw). Each pair of pictures gives an estimate of the three angles by least
squares; several together make it sure, and by how far they scatter they say how sure. How fast
the ground passes on the whole tells the camera's height, as far as the wheel can be trusted: a
wheel that slips looks like a camera that stands higher.

What cannot be seen so: a camera that only slid. Driving straight on, the ground passes below it as
before. `agriseg.geometry.machine_marks` sees that too, where a part of the machine is in the view.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agriseg.geometry.ground_plane import GroundPlane
from agriseg.messages import Float64Array, UInt8Array
from agriseg.opencv import cv2

_WIDTH_PX = 640
_FEATURES = 120
_STEP_DEG = 0.3
_KEPT_PAIRS = 48
_LEAST_FEATURES = 25
_LEAST_TRAVEL_M = 0.02
_SURE = 4.0
_BELIEF = 4.0
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

    Attributes
    ----------
    angles_deg, std_deg : (3,) float64
        Roll, pitch and yaw to be added to the calibrated ones, and their standard uncertainties
        by the scatter from pair to pair.
    faster, faster_std : float
        By which share the ground passes faster than the machine drives, and its standard
        uncertainty. A camera that stands lower by this share of its height sees it so.
    pairs : int
        How many pairs of pictures it rests on.
    travel_m : float
        How far the machine drove from the first to the last of them.
    """

    angles_deg: Float64Array
    std_deg: Float64Array
    faster: float
    faster_std: float
    pairs: int
    travel_m: float

    @property
    def sure_angles_deg(self) -> Float64Array:
        """(3,) float64: by how much roll, pitch and yaw are off at least, with their sign."""
        least = np.maximum(np.abs(self.angles_deg) - _SURE * self.std_deg, 0.0)
        sure: Float64Array = np.copysign(least, self.angles_deg)
        return sure

    @property
    def sure_faster(self) -> float:
        """By which share the ground passes faster or slower at least, with its sign."""
        least = max(0.0, abs(self.faster) - _SURE * self.faster_std)
        return float(np.copysign(least, self.faster))


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """Normal equations of one pair of pictures for roll, pitch, yaw (deg) and speed (share)."""

    normal: Float64Array
    right: Float64Array
    distance_m: float


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
        self._pairs: deque[_Pair] = deque(maxlen=_KEPT_PAIRS)

    def add(
        self,
        before: UInt8Array,
        now: UInt8Array,
        travel: Travel,
        soil: NDArray[np.bool_] | None = None,
        *,
        distance_m: float = 0.0,
    ) -> None:
        """Take two pictures (H, W, 3) uint8 and how the machine drove in between.

        ``soil`` (H, W) bool, of the first picture, says where the ground is: plants stand nearer
        to the camera and pass faster than it does. ``distance_m`` is the odometer's reading.
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
        right = design.T @ (residual[keep].ravel() / sigma)
        self._pairs.append(_Pair(design.T @ design, right, distance_m))

    @property
    def pairs(self) -> int:
        """How many pairs there are, at most the newest 48."""
        return len(self._pairs)

    def drift(self, pairs: int) -> Drift | None:
        """Return what the newest ``pairs`` (3 or more) say together; None if there are fewer.

        How unsure each angle is follows from its own scatter from pair to pair (the sandwich
        estimate of the covariance): unevenness, nodding and weaving shift all points of a pair
        alike. A few pairs are never believed to agree better than their points do.
        """
        if len(self._pairs) < pairs:
            return None
        newest = list(self._pairs)[-pairs:]
        normal = np.sum([pair.normal for pair in newest], axis=0)
        try:
            covariance = np.linalg.inv(normal)
            mean: Float64Array = covariance @ np.sum([pair.right for pair in newest], axis=0)
        except np.linalg.LinAlgError:
            return None
        apart = [pair.right - pair.normal @ mean for pair in newest]
        scatter = np.sum([np.outer(left, left) for left in apart], axis=0)
        between = pairs / (pairs - 1.0) * np.diag(covariance @ scatter @ covariance)
        std = np.sqrt(np.maximum(between, _BELIEF / pairs * np.diag(covariance)))
        return Drift(
            angles_deg=mean[:3],
            std_deg=std[:3],
            faster=float(mean[3]),
            faster_std=float(std[3]),
            pairs=pairs,
            travel_m=abs(newest[-1].distance_m - newest[0].distance_m),
        )

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
        along = _moved(np.zeros((1, 2)), travel)
        scale = np.tile(along, (len(plain), 1))
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
