"""Speed over ground from pairs of pictures now and then, to judge a wheel encoder by."""

from __future__ import annotations

from dataclasses import dataclass

from agriseg.errors import CalibrationError
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.geometry.visual_odometry import VisualOdometry
from agriseg.messages import Frame

PAIR_PERIOD_S = 0.25
"""Pairs begin this far apart: one costs about 2 ms for pictures of 960 x 544."""

_LONGEST_PAIR_S = 0.25
_LEAST_QUALITY = 0.75
"""Pairs without common ground reach 0.66, true ones 0.89 and more, on rendered and real soil."""
_MOST_SPREAD_M = 0.02
_MOST_SPREAD_SHARE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureSpeed:
    """What two pictures, exposed at ``t_from_s`` and ``t_to_s``, say of the speed between them."""

    t_from_s: float
    t_to_s: float
    speed_m_s: float


class PictureSpeedometer:
    """Compares two successive frames every quarter of a second, each pair by itself.

    Nothing is carried from pair to pair, and no other sensor is asked: neither an old error
    nor a faulty wheel can lead a match astray. Only sure matches count: both halves of the
    view must correlate well and agree.

    Parameters
    ----------
    ground : GroundPlane

    Raises
    ------
    CalibrationError
        The view is too small to follow anything in it.
    """

    def __init__(self, ground: GroundPlane) -> None:
        self._odometry = VisualOdometry(ground)
        self._ground_size = ground.image_size
        self._first_s: float | None = None
        self._due_s = float("-inf")

    def forget(self) -> None:
        """Begin a new pair with the next frame."""
        self._first_s = None
        self._due_s = float("-inf")

    def add(self, frame: Frame) -> PictureSpeed | None:
        """Take a frame; return a speed if it ends a pair that says one.

        Raises
        ------
        CalibrationError
            The frame's size is not the one that the ground is mapped for.
        """
        t_s = frame.t_capture_s
        if self._first_s is None and t_s < self._due_s:
            return None
        height_px, width_px = frame.image.shape[:2]
        if (width_px, height_px) != self._ground_size:
            raise CalibrationError(
                f"the picture has {width_px} x {height_px} pixels, the ground is mapped for"
                f" {self._ground_size[0]} x {self._ground_size[1]}"
            )
        if self._first_s is None or not 0.0 < t_s - self._first_s <= _LONGEST_PAIR_S:
            self._odometry.forget()
            self._odometry.add(frame)
            self._first_s = t_s
            return None
        first_s, self._first_s = self._first_s, None
        self._due_s = first_s + PAIR_PERIOD_S
        sample = self._odometry.add(frame)
        if sample is None or not self._is_sure(sample.speed_m_s * (t_s - first_s)):
            return None
        return PictureSpeed(t_from_s=first_s, t_to_s=t_s, speed_m_s=sample.speed_m_s)

    def _is_sure(self, advance_m: float) -> bool:
        allowed_m = _MOST_SPREAD_M + _MOST_SPREAD_SHARE * abs(advance_m)
        return self._odometry.quality >= _LEAST_QUALITY and self._odometry.spread_m <= allowed_m
