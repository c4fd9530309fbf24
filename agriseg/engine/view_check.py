"""Warns, then closes the nozzles, when the ground passes as below a camera that has moved."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping

import numpy as np

from agriseg.alarms import CAMERA_DOUBTFUL, CAMERA_MOVED
from agriseg.config import CameraConfig
from agriseg.engine.parts import EngineParts
from agriseg.engine.spray_gate import SprayGate
from agriseg.errors import CalibrationError
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.geometry.view_drift import Drift, Travel, ViewDrift
from agriseg.messages import ClassId, Frame, OdometrySource, VehicleState
from agriseg.segmenting import SegmentedFrame

_log = logging.getLogger(__name__)

PERIOD_S = 0.25
"""A pair of pictures is looked at this often: some milliseconds of work each time."""

LEAST_PAIRS = 8
"""So many pairs must agree before a warning, and before all is said to be well."""

_PAIRS = (4, 8, 16, 32)
"""What is far off shows in the newest second, what is a little off in the newest eight."""

_LEAST_PAIRS_TURNED = 16
"""For roll and yaw: a machine that weaves looks like these for a second or two."""

_LEAST_TRAVEL_M = 3.0
"""Steering to and fro evens out over this."""

_LONGEST_GAP_S = 0.3


class ViewCheck:
    """Compares how the ground passes through the picture with how the machine drives.

    While spraying, a segmented frame and a newer one are taken every quarter of a second; only
    what was seen as soil counts. What lasts longer is known better: a camera that is far off is
    told after a second, one that is a little off after several.
    """

    def __init__(self, parts: EngineParts, gate: SprayGate) -> None:
        self._pipeline = parts.pipeline
        self._limits = parts.config.camera
        self._gate = gate
        self._meter = _meter(parts.pipeline.ground) if _watches(self._limits) else None
        self._before: SegmentedFrame | None = None
        self._looked_s = -math.inf
        self._is_new = True

    def look(self, segmented: SegmentedFrame | None, newest: Frame | None) -> None:
        """Look at the newest pictures, if it is time to; judge the camera by all so far."""
        if self._meter is None or segmented is None or newest is None:
            return
        if not self._gate.is_open:
            self._forget(self._meter)
            return
        if self._before is None and newest.t_capture_s - self._looked_s >= PERIOD_S:
            self._before = segmented
        if self._before is None:
            return
        gap_s = newest.t_capture_s - self._before.arrival.frame.t_capture_s
        if gap_s <= 0.0:
            return
        pair, self._before = self._before, None
        if gap_s <= _LONGEST_GAP_S:
            self._compare(self._meter, pair, newest)

    def _forget(self, meter: ViewDrift) -> None:
        self._before = None
        if not self._is_new:
            meter.forget()
            self._is_new = True
            self._gate.alarms.clear(CAMERA_DOUBTFUL)

    def _compare(self, meter: ViewDrift, segmented: SegmentedFrame, newest: Frame) -> None:
        before = segmented.arrival.frame
        first = self._pipeline.vehicle_at(before.t_capture_s)
        second = self._pipeline.vehicle_at(newest.t_capture_s)
        if first is None or second is None:
            return
        self._looked_s = newest.t_capture_s
        self._is_new = False
        soil = segmented.segmentation.labels == ClassId.SOIL
        travel = _travel(first, second)
        meter.add(before.image, newest.image, travel, soil, distance_m=first.distance_m)
        self._judge(meter, has_wheel=second.source is OdometrySource.WHEEL)

    def _judge(self, meter: ViewDrift, *, has_wheel: bool) -> None:
        drifts = {pairs: meter.drift(pairs) for pairs in _PAIRS}
        known = {pairs: drift for pairs, drift in drifts.items() if drift is not None}
        limits = self._limits
        stop = _told(known, limits.moved_stop_deg, limits.height_stop_fraction * has_wheel)
        if stop:
            self._gate.stop(CAMERA_MOVED, f"{stop}. All nozzles were closed.")
            return
        slow = {pairs: drift for pairs, drift in known.items() if pairs >= LEAST_PAIRS}
        if not slow:
            return
        self._gate.alarms.clear(CAMERA_MOVED)
        warn = _told(slow, limits.moved_warn_deg, limits.height_warn_fraction * has_wheel)
        self._gate.set_alarm(CAMERA_DOUBTFUL, f"{warn}." if warn else "")


def _watches(limits: CameraConfig) -> bool:
    stops = limits.moved_stop_deg > 0.0 or limits.height_stop_fraction > 0.0
    return stops or limits.moved_warn_deg > 0.0 or limits.height_warn_fraction > 0.0


def _told(drifts: Mapping[int, Drift], limit_deg: float, limit: float) -> str:
    """Return what is surely beyond a limit, without full stop; a limit of 0 is none."""
    for pairs, drift in drifts.items():
        roll, pitch, yaw = np.abs(drift.sure_angles_deg)
        is_long = pairs >= _LEAST_PAIRS_TURNED and drift.travel_m >= _LEAST_TRAVEL_M
        if 0.0 < limit_deg < max(pitch, roll * is_long, yaw * is_long):
            return _turned(drift)
        if pairs >= LEAST_PAIRS and 0.0 < limit < abs(drift.sure_faster):
            return _raised(drift)
    return ""


def _turned(drift: Drift) -> str:
    roll, pitch, yaw = drift.angles_deg
    return (
        f"The camera looks elsewhere than it was calibrated: turned by {roll:+.1f}° roll,"
        f" {pitch:+.1f}° pitch, {yaw:+.1f}° yaw"
    )


def _raised(drift: Drift) -> str:
    percent = 100.0 * abs(drift.faster)
    way, height = ("faster", "lower") if drift.faster > 0.0 else ("slower", "higher")
    return (
        f"The ground passes {percent:.1f} % {way} than the wheel turns: the camera stands {height}"
        f" by {percent:.1f} % of its height than it was calibrated, or the wheel's counts are wrong"
    )


def _travel(first: VehicleState, second: VehicleState) -> Travel:
    """Return the motion from ``first`` to ``second`` in base_link at ``first``."""
    dx_m, dy_m = second.x_m - first.x_m, second.y_m - first.y_m
    cos, sin = math.cos(first.heading_rad), math.sin(first.heading_rad)
    return Travel(
        forward_m=cos * dx_m + sin * dy_m,
        left_m=-sin * dx_m + cos * dy_m,
        turn_rad=second.heading_rad - first.heading_rad,
    )


def _meter(ground: GroundPlane) -> ViewDrift | None:
    try:
        return ViewDrift(ground)
    except CalibrationError as error:
        _log.warning("The camera's direction cannot be watched: %s", error)
        return None
