"""Closes the nozzles when the camera no longer looks where it was calibrated to look."""

from __future__ import annotations

import logging
import math

from agriseg.alarms import CAMERA_MOVED
from agriseg.engine.parts import EngineParts
from agriseg.engine.spray_gate import SprayGate
from agriseg.errors import CalibrationError
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.geometry.view_drift import Drift, Travel, ViewDrift
from agriseg.messages import ClassId, Frame, VehicleState
from agriseg.segmenting import SegmentedFrame

_log = logging.getLogger(__name__)

PERIOD_S = 0.5
"""A pair of pictures is looked at this often: some milliseconds of work each time."""

LEAST_PAIRS = 10
"""So many pairs must agree before the nozzles are closed."""

_LONGEST_GAP_S = 0.3


class ViewCheck:
    """Compares how the ground passes through the picture with how the machine drives.

    While spraying, a segmented frame and a newer one are taken every half second; only what was
    seen as soil counts.
    """

    def __init__(self, parts: EngineParts, gate: SprayGate) -> None:
        self._pipeline = parts.pipeline
        self._limit_deg = parts.config.camera.moved_stop_deg
        self._gate = gate
        self._meter = _meter(parts.pipeline.ground) if self._limit_deg > 0.0 else None
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

    def _compare(self, meter: ViewDrift, segmented: SegmentedFrame, newest: Frame) -> None:
        before = segmented.arrival.frame
        first = self._pipeline.vehicle_at(before.t_capture_s)
        second = self._pipeline.vehicle_at(newest.t_capture_s)
        if first is None or second is None:
            return
        self._looked_s = newest.t_capture_s
        self._is_new = False
        soil = segmented.segmentation.labels == ClassId.SOIL
        meter.add(before.image, newest.image, _travel(first, second), soil)
        self._judge(meter.drift)

    def _judge(self, drift: Drift | None) -> None:
        if drift is None or drift.pairs < LEAST_PAIRS:
            return
        _log.debug("camera drift %s deg from %d pairs", drift.angles_deg, drift.pairs)
        if not drift.surely_exceeds(self._limit_deg):
            self._gate.alarms.clear(CAMERA_MOVED)
            return
        roll, pitch, yaw = drift.angles_deg
        self._gate.stop(
            CAMERA_MOVED,
            f"The camera looks elsewhere than it was calibrated: turned by {roll:+.1f}° roll,"
            f" {pitch:+.1f}° pitch, {yaw:+.1f}° yaw. All nozzles were closed.",
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
