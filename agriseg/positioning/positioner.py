"""Ties a receiver's fixes to the odometer: where base_link is, and which way it points."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from agriseg.field_config import PositionConfig
from agriseg.messages import FixQuality, Float64Array, PositionFix, VehicleState
from agriseg.positioning.local_frame import LocalFrame, course_from_heading, heading_from_course

_RANK = {
    FixQuality.NONE: 0,
    FixQuality.MANUAL: 0,
    FixQuality.ESTIMATED: 1,
    FixQuality.GNSS: 2,
    FixQuality.SIMULATED: 2,
    FixQuality.DGNSS: 3,
    FixQuality.RTK_FLOAT: 4,
    FixQuality.RTK_FIXED: 5,
}

_DOPPLER_M_S = 0.05
"""Standard deviation of a receiver's own speed, each way; its course is as good as that allows."""
_LEAST_COURSE_M_S = 0.3
_BASELINE_ACCURACIES = 10.0
_LEAST_BASELINE_M, _MOST_BASELINE_M = 0.5, 15.0
_RELATIVE = 0.35
"""Positions a few seconds apart are so much better against each other than against the earth."""
_HEADING_LASTS_M = 5.0
"""A direction of travel is believed for so long without a new one."""
_ODOMETER_ERROR = 0.02
_AGREEING_FIXES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundPose:
    """Where base_link is on the earth.

    ``east_m`` and ``north_m`` are in ``frame``; ``heading_rad`` is counter-clockwise from east;
    ``accuracy_m`` the standard deviation of the place. ``distance_m`` is the odometer there.
    """

    frame: LocalFrame
    east_m: float
    north_m: float
    heading_rad: float
    heading_sigma_rad: float
    accuracy_m: float
    distance_m: float

    @property
    def course_deg(self) -> float:
        """Direction of the x axis, clockwise from north."""
        return course_from_heading(self.heading_rad)

    @property
    def latitude_longitude_deg(self) -> tuple[float, float]:
        """The place in WGS84."""
        latitude, longitude = self.frame.geographic([[self.east_m, self.north_m]])[0]
        return float(latitude), float(longitude)

    def from_track(self, points_m: Float64Array) -> Float64Array:
        """Return (N, 2) (east, north) of along-track points (s, y), should it drive straight on."""
        cos, sin = math.cos(self.heading_rad), math.sin(self.heading_rad)
        points = np.asarray(points_m, np.float64)
        x, y = points[:, 0] - self.distance_m, points[:, 1]
        east, north = self.east_m + cos * x - sin * y, self.north_m + sin * x + cos * y
        return np.column_stack((east, north))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fix:
    """A fix that was believed, with the antenna's place and the odometer then."""

    t_s: float
    distance_m: float
    east_m: float
    north_m: float
    accuracy_m: float
    is_reverse: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heading:
    rad: float
    sigma_rad: float
    distance_m: float


class Positioner:
    """Follows the antenna from fix to fix, and the odometer in between.

    The direction is that of a receiver with two antennas, else the course over ground: the
    receiver's own while it moves, or the line through two places far enough apart. A fix that
    the odometer does not allow is a jump: it is not believed until ten in a row agree.

    Attributes
    ----------
    newest : PositionFix, optional
        The last fix that came, believed or not.
    jumps : int
        How often the position jumped.
    """

    def __init__(self, config: PositionConfig) -> None:
        self._config = config
        self._required = _RANK[FixQuality(config.required_quality)]
        self._frame: LocalFrame | None = None
        self._trail: deque[_Fix] = deque()
        self._heading: _Heading | None = None
        self._doubted: deque[_Fix] = deque(maxlen=_AGREEING_FIXES)
        self._jump_m = 0.0
        self.newest: PositionFix | None = None
        self.jumps = 0

    @property
    def frame(self) -> LocalFrame | None:
        """The plane of all poses, about the first believed fix; None before it."""
        return self._frame

    def add(self, fix: PositionFix, vehicle: VehicleState | None) -> None:
        """Take a fix; ``vehicle`` is the odometry's pose at the fix's time, if it is known."""
        self.newest = fix
        if vehicle is None or _RANK[fix.quality] < self._required:
            return
        place = self._placed(fix, vehicle)
        if self._trail and not self._is_possible(self._trail[-1], place):
            if not self._settles(place):
                return
        else:
            self._jump_m = 0.0
            self._doubted.clear()
        self._trail.append(place)
        self._forget(place)
        self._note_heading(fix, vehicle, place)

    def break_off(self) -> None:
        """Say that the odometer began anew: what is known does not fit its readings any more."""
        self._trail.clear()
        self._doubted.clear()
        self._heading = None

    def problem(self, now_s: float) -> str:
        """Return why there is no usable position, in a sentence; empty where there is one."""
        newest = self.newest
        if newest is None:
            return "No position has come from the satellite receiver yet."
        age_s = now_s - newest.t_s
        if age_s > 1e-3 * self._config.stale_after_ms:
            return f"The satellite receiver has been silent for {age_s:.1f} s."
        if newest.quality is FixQuality.NONE:
            return f"The satellite receiver has no fix ({newest.satellites} satellites)."
        if _RANK[newest.quality] < self._required:
            return (
                f"The satellite fix is only {newest.quality.value}; position.required_quality is"
                f" {self._config.required_quality}."
            )
        if self._jump_m > 0.0:
            return f"The position jumped by {self._jump_m:.1f} m, which the wheel did not drive."
        if not self._trail:
            return "The position cannot be tied to the odometer yet."
        if self._heading is None:
            return "The direction is not known yet: drive some metres straight on."
        return ""

    def pose(self, vehicle: VehicleState) -> GroundPose | None:
        """Return where base_link is now; None while the place or the direction is unknown.

        Its accuracy counts what the odometer and the direction may be off since the last fix.
        """
        heading = self._heading
        if self._frame is None or not self._trail or heading is None:
            return None
        last = self._trail[-1]
        driven_m = vehicle.distance_m - last.distance_m
        since_m = abs(vehicle.distance_m - heading.distance_m)
        if max(abs(driven_m), since_m) > _HEADING_LASTS_M + _MOST_BASELINE_M:
            return None
        cos, sin = math.cos(heading.rad), math.sin(heading.rad)
        ahead_m = driven_m - self._config.antenna_x_m
        left_m = -self._config.antenna_y_m
        drift_m = abs(driven_m) * math.hypot(_ODOMETER_ERROR, heading.sigma_rad)
        return GroundPose(
            frame=self._frame,
            east_m=last.east_m + cos * ahead_m - sin * left_m,
            north_m=last.north_m + sin * ahead_m + cos * left_m,
            heading_rad=heading.rad,
            heading_sigma_rad=heading.sigma_rad,
            accuracy_m=math.hypot(last.accuracy_m, drift_m),
            distance_m=vehicle.distance_m,
        )

    def _placed(self, fix: PositionFix, vehicle: VehicleState) -> _Fix:
        if self._frame is None:
            self._frame = LocalFrame(fix.latitude_deg, fix.longitude_deg)
        east, north = self._frame.local([[fix.latitude_deg, fix.longitude_deg]])[0]
        return _Fix(
            t_s=fix.t_s,
            distance_m=vehicle.distance_m,
            east_m=float(east),
            north_m=float(north),
            accuracy_m=fix.accuracy_m if math.isfinite(fix.accuracy_m) else 5.0,
            is_reverse=vehicle.speed_m_s < 0.0,
        )

    def _is_possible(self, last: _Fix, place: _Fix) -> bool:
        """Return whether the odometer allows to have come from one place to the other."""
        driven_m = abs(place.distance_m - last.distance_m)
        moved_m = math.hypot(place.east_m - last.east_m, place.north_m - last.north_m)
        noise_m = 0.2 + 3.0 * math.hypot(last.accuracy_m, place.accuracy_m)
        off_m = max(0.0, moved_m - driven_m)
        heading = self._heading
        if heading is not None:
            signed_m = place.distance_m - last.distance_m
            off_m = math.hypot(
                place.east_m - last.east_m - signed_m * math.cos(heading.rad),
                place.north_m - last.north_m - signed_m * math.sin(heading.rad),
            )
        if off_m <= noise_m + 0.5 * driven_m:
            return True
        if self._jump_m == 0.0:
            self.jumps += 1
        self._jump_m = off_m
        return False

    def _settles(self, place: _Fix) -> bool:
        """Note a fix after a jump; return whether so many agree that it must be believed."""
        if self._doubted:
            last = self._doubted[-1]
            driven_m = abs(place.distance_m - last.distance_m)
            moved_m = math.hypot(place.east_m - last.east_m, place.north_m - last.north_m)
            noise_m = 0.2 + 3.0 * math.hypot(last.accuracy_m, place.accuracy_m)
            if abs(moved_m - driven_m) > noise_m + 0.5 * driven_m:
                self._doubted.clear()
        self._doubted.append(place)
        if len(self._doubted) < _AGREEING_FIXES:
            return False
        self._trail.clear()
        self._trail.extend(self._doubted)
        self._doubted.clear()
        self._jump_m = 0.0
        return True

    def _forget(self, newest: _Fix) -> None:
        trail = self._trail
        while len(trail) > 2 and abs(newest.distance_m - trail[1].distance_m) > _MOST_BASELINE_M:
            trail.popleft()
        while len(trail) > 500:
            trail.popleft()

    def _note_heading(self, fix: PositionFix, vehicle: VehicleState, place: _Fix) -> None:
        if math.isfinite(fix.heading_deg):
            rad = heading_from_course(fix.heading_deg)
            self._heading = _Heading(rad=rad, sigma_rad=0.01, distance_m=place.distance_m)
            return
        found = [one for one in (self._by_doppler(fix, place), self._by_line(place)) if one]
        if found:
            self._heading = min(found, key=lambda one: one.sigma_rad)
        elif self._heading is not None:
            since_m = abs(vehicle.distance_m - self._heading.distance_m)
            if since_m > _HEADING_LASTS_M:
                self._heading = None

    def _by_doppler(self, fix: PositionFix, place: _Fix) -> _Heading | None:
        if not fix.speed_m_s > _LEAST_COURSE_M_S or math.isnan(fix.course_deg):
            return None
        rad = heading_from_course(fix.course_deg) + (math.pi if place.is_reverse else 0.0)
        sigma_rad = _DOPPLER_M_S / fix.speed_m_s
        return _Heading(rad=rad, sigma_rad=sigma_rad, distance_m=place.distance_m)

    def _by_line(self, place: _Fix) -> _Heading | None:
        """Return the direction of the shortest line that is long against the fixes' errors."""
        least_m = max(_LEAST_BASELINE_M, _BASELINE_ACCURACIES * _RELATIVE * place.accuracy_m)
        for older in reversed(self._trail):
            if older.is_reverse != place.is_reverse:
                return None
            east, north = place.east_m - older.east_m, place.north_m - older.north_m
            length_m = math.hypot(east, north)
            if length_m >= least_m:
                rad = math.atan2(north, east) + (math.pi if place.is_reverse else 0.0)
                error_m = _RELATIVE * math.hypot(older.accuracy_m, place.accuracy_m)
                # A curve's chord points where the robot was half-way; the shorter the better.
                sigma_rad = error_m / length_m + 0.005 * length_m
                return _Heading(rad=rad, sigma_rad=sigma_rad, distance_m=place.distance_m)
        return None
