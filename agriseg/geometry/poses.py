"""Where the robot was and is: poses over time from odometer readings, and changes of frame."""

from __future__ import annotations

import math
from bisect import bisect_left

import numpy as np

from agriseg.messages import Float64Array, OdometrySample, OdometrySource, VehicleState
from agriseg.pipeline_journal import OdometryState, PipelineStep, PoseFix, StepJournal, StepKind

_HISTORY_S = 6.0
_MAX_EXTRAPOLATION_S = 0.5
_MAX_SPEED_M_S = 15.0
_JUMP_SLACK_M = 0.5


class WheelOdometry:
    """Integrates odometer readings to poses in the field frame (implements `ports.Odometry`).

    Between readings the pose is interpolated, after the newest it is continued at the
    last speed and yaw rate for at most half a second; `VehicleState.age_s` always says how
    old the newest reading was. A reading that no robot could have driven to (another
    source, a counter that began anew) starts a new history at the same place and is
    counted in `resets`.

    Examples
    --------
    >>> odometry = WheelOdometry()
    >>> for t, d in ((0.0, 0.0), (0.1, 0.2)):
    ...     odometry.add(
    ...         OdometrySample(t_s=t, distance_m=d, speed_m_s=2.0, source=OdometrySource.WHEEL)
    ...     )
    >>> round(odometry.state_at(0.15).distance_m, 6)
    0.3
    """

    def __init__(self) -> None:
        self._fixes: list[PoseFix] = []
        self._source = OdometrySource.NONE
        self._broken = False
        self.resets = 0
        self.journal: StepJournal | None = None

    def add(self, sample: OdometrySample) -> None:
        """Take one reading; one that is not newer than the last is ignored."""
        if self.journal is not None:
            self.journal.note(PipelineStep(kind=StepKind.READING, sample=sample))
        if not self._fixes:
            self._begin(sample, 0.0, 0.0, 0.0)
            return
        last = self._fixes[-1]
        elapsed_s = sample.t_s - last.t_s
        if elapsed_s <= 0.0:
            return
        step_m = sample.distance_m - last.distance_m
        jumped = abs(step_m) > _JUMP_SLACK_M + _MAX_SPEED_M_S * elapsed_s
        if jumped or self._broken or sample.source is not self._source:
            self.resets += 1
            self._begin(sample, last.x_m, last.y_m, last.heading_rad)
            return
        yaw_rate = 0.5 * (last.yaw_rate_rad_s + sample.yaw_rate_rad_s)
        x_m, y_m, heading = _advanced(last, step_m, yaw_rate * elapsed_s)
        self._fixes.append(_fix(sample, x_m, y_m, heading))
        self._forget(sample.t_s - _HISTORY_S)

    def break_off(self) -> None:
        """Say that the distance up to the next reading is unknown: it begins a new history."""
        if self.journal is not None:
            self.journal.note(PipelineStep(kind=StepKind.BREAK))
        self._broken = True

    def state_at(self, t_s: float) -> VehicleState | None:
        """Return the pose at ``t_s``; None before any reading or before the kept history."""
        fixes = self._fixes
        if not fixes or t_s < fixes[0].t_s:
            return None
        newest = fixes[-1]
        if t_s >= newest.t_s:
            return self._extrapolated(newest, t_s)
        index = bisect_left(fixes, t_s, key=lambda fix: fix.t_s)
        if fixes[index].t_s == t_s:
            return self._state(fixes[index], t_s, 0.0)
        before, after = fixes[index - 1], fixes[index]
        share = (t_s - before.t_s) / (after.t_s - before.t_s)
        return self._state(_between(before, after, share), t_s, 0.0)

    def state(self) -> OdometryState:
        """Return where the odometry stands."""
        return OdometryState(
            fixes=tuple(self._fixes),
            source=self._source,
            is_broken=self._broken,
            resets=self.resets,
        )

    def restore(self, state: OdometryState) -> None:
        """Go on from a state."""
        self._fixes = list(state.fixes)
        self._source, self._broken, self.resets = state.source, state.is_broken, state.resets

    def _begin(self, sample: OdometrySample, x_m: float, y_m: float, heading: float) -> None:
        self._source = sample.source
        self._broken = False
        self._fixes = [_fix(sample, x_m, y_m, heading)]

    def _forget(self, before_s: float) -> None:
        if self._fixes[0].t_s < before_s - _HISTORY_S:
            self._fixes = [fix for fix in self._fixes if fix.t_s >= before_s]

    def _extrapolated(self, newest: PoseFix, t_s: float) -> VehicleState:
        age_s = t_s - newest.t_s
        ahead_s = min(age_s, _MAX_EXTRAPOLATION_S)
        step_m = newest.speed_m_s * ahead_s
        x_m, y_m, heading = _advanced(newest, step_m, newest.yaw_rate_rad_s * ahead_s)
        fix = PoseFix(
            t_s=t_s,
            distance_m=newest.distance_m + step_m,
            speed_m_s=newest.speed_m_s,
            yaw_rate_rad_s=newest.yaw_rate_rad_s,
            x_m=x_m,
            y_m=y_m,
            heading_rad=heading,
        )
        return self._state(fix, t_s, age_s)

    def _state(self, fix: PoseFix, t_s: float, age_s: float) -> VehicleState:
        return VehicleState(
            t_s=t_s,
            distance_m=fix.distance_m,
            speed_m_s=fix.speed_m_s,
            x_m=fix.x_m,
            y_m=fix.y_m,
            heading_rad=fix.heading_rad,
            source=self._source,
            age_s=age_s,
        )


def field_from_base(state: VehicleState) -> Float64Array:
    """Return the homogeneous transform (3, 3) from base_link to the field frame."""
    cos, sin = math.cos(state.heading_rad), math.sin(state.heading_rad)
    return np.array([[cos, -sin, state.x_m], [sin, cos, state.y_m], [0.0, 0.0, 1.0]])


def track_from_base(points_m: Float64Array, state: VehicleState) -> Float64Array:
    """Return along-track coordinates of ground points, should the robot drive straight on.

    Parameters
    ----------
    points_m : (N, 2) float64
        (x, y) in base_link.

    Returns
    -------
    (N, 2) float64
        (s, y): the odometer reading at which base_link is level with the point, and the
        lateral position, left positive.
    """
    track: Float64Array = np.asarray(points_m, dtype=np.float64) + np.array([state.distance_m, 0.0])
    return track


def track_from_field(points_m: Float64Array, state: VehicleState) -> Float64Array:
    """Return along-track coordinates (s, y) (N, 2) of points (x, y) of the field frame."""
    base_from_field = np.linalg.inv(field_from_base(state))
    points = np.asarray(points_m, dtype=np.float64)
    base: Float64Array = points @ base_from_field[:2, :2].T + base_from_field[:2, 2]
    return track_from_base(base, state)


def field_from_track(points_m: Float64Array, state: VehicleState) -> Float64Array:
    """Return field points (x, y) (N, 2) of along-track coordinates (s, y)."""
    base = np.asarray(points_m, dtype=np.float64) - np.array([state.distance_m, 0.0])
    transform = field_from_base(state)
    points: Float64Array = base @ transform[:2, :2].T + transform[:2, 2]
    return points


def _fix(sample: OdometrySample, x_m: float, y_m: float, heading_rad: float) -> PoseFix:
    return PoseFix(
        t_s=sample.t_s,
        distance_m=sample.distance_m,
        speed_m_s=sample.speed_m_s,
        yaw_rate_rad_s=sample.yaw_rate_rad_s,
        x_m=x_m,
        y_m=y_m,
        heading_rad=heading_rad,
    )


def _advanced(fix: PoseFix, step_m: float, turn_rad: float) -> tuple[float, float, float]:
    """Drive on along an arc; the chord's direction is that of half the turn."""
    direction = fix.heading_rad + 0.5 * turn_rad
    return (
        fix.x_m + step_m * math.cos(direction),
        fix.y_m + step_m * math.sin(direction),
        fix.heading_rad + turn_rad,
    )


def _between(before: PoseFix, after: PoseFix, share: float) -> PoseFix:
    def mix(a: float, b: float) -> float:
        return a + share * (b - a)

    return PoseFix(
        t_s=mix(before.t_s, after.t_s),
        distance_m=mix(before.distance_m, after.distance_m),
        speed_m_s=mix(before.speed_m_s, after.speed_m_s),
        yaw_rate_rad_s=mix(before.yaw_rate_rad_s, after.yaw_rate_rad_s),
        x_m=mix(before.x_m, after.x_m),
        y_m=mix(before.y_m, after.y_m),
        heading_rad=mix(before.heading_rad, after.heading_rad),
    )
