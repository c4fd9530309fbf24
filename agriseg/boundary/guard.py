"""Keeps each nozzle inside the boundary and out of the no-spray zones."""

from __future__ import annotations

import math

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from agriseg.boundary.field_boundary import FieldBoundary
from agriseg.boundary.local_boundary import ELSEWHERE_M, LocalBoundary, in_frame
from agriseg.field_config import BoundaryConfig
from agriseg.messages import Float64Array, VehicleState
from agriseg.positioning.local_frame import LocalFrame
from agriseg.positioning.positioner import GroundPose, Positioner
from agriseg.spraying.boom import Boom
from agriseg.spraying.intervals import Interval, merged

_SIGMAS = 2.0
_AROUND_M = 4.0 * ELSEWHERE_M
_TURN_M = 2.0


class BoundaryGuard:
    """Bars ground to nozzles (implements `spraying.restricting.SprayLimits`).

    A nozzle is closed ``margin_m`` and twice the position's standard deviation before the
    boundary, to all sides. Without a sure position all nozzles are held closed.

    Parameters
    ----------
    boundary : FieldBoundary
    config : BoundaryConfig
    boom : Boom
    positioner : Positioner
    """

    def __init__(
        self, boundary: FieldBoundary, config: BoundaryConfig, boom: Boom, positioner: Positioner
    ) -> None:
        self._boundary = boundary
        self._config = config
        self._boom = boom
        self._positioner = positioner
        self._local: LocalBoundary | None = None
        self._forbidden: BaseGeometry = shapely.Polygon()

    @property
    def name(self) -> str:
        """What the operator knows the boundary by."""
        return self._boundary.name or self._boundary.source

    def hold(self, now_s: float, vehicle: VehicleState) -> str:
        """Return why no nozzle may open at all now; empty where they may."""
        problem = self._positioner.problem(now_s)
        if problem:
            return problem
        pose = self._positioner.pose(vehicle)
        if pose is None:
            return "The position is not known."
        limit_m = self._config.max_uncertainty_m
        if pose.accuracy_m > limit_m:
            return (
                f"The position is sure to {pose.accuracy_m:.2f} m only; boundary.max_uncertainty_m"
                f" is {limit_m:g}."
            )
        return self._elsewhere(pose)

    def barred(self, vehicle: VehicleState, from_x_m: float, to_x_m: float) -> list[list[Interval]]:
        """Return for each nozzle where along the track it may not spray, sorted."""
        start_m, end_m = vehicle.distance_m + from_x_m, vehicle.distance_m + to_x_m
        pose = self._positioner.pose(vehicle)
        if pose is None:
            return [[(-np.inf, np.inf)] for _ in self._boom.nozzles]
        near = self._near(pose, from_x_m, to_x_m)
        beyond = (end_m, np.inf)
        if shapely.is_empty(near):
            return [[beyond] for _ in self._boom.nozzles]
        margin_m = self._config.margin_m + _SIGMAS * pose.accuracy_m
        turn_rad = _SIGMAS * pose.heading_sigma_rad
        strips = self._boom.footprint_y_m
        return [
            merged([*_along(near, float(right), float(left), start_m, end_m, wide_m), beyond])
            for (right, left), wide_m in zip(
                strips,
                margin_m + turn_rad * (abs(self._boom.y_m) + _TURN_M),
                strict=True,
            )
        ]

    def barred_now(self, vehicle: VehicleState) -> tuple[int, str]:
        """Return how many nozzles may not spray where they are, and what bars them."""
        pose = self._positioner.pose(vehicle)
        if pose is None:
            return 0, ""
        reach_m = 0.5 * self._boom.config.footprint_along_m
        front_m = float(self._boom.x_m.max()) + reach_m
        intervals = self.barred(vehicle, self._boom.rear_x_m, front_m + 1.0)
        at_m = vehicle.distance_m + self._boom.x_m
        count = sum(
            any(a < at + reach_m and b > at - reach_m for a, b in barred)
            for barred, at in zip(intervals, at_m, strict=True)
        )
        return count, self._what_bars(pose) if count else ""

    def _what_bars(self, pose: GroundPose) -> str:
        boom = self._boom
        ends = np.array([[x, y] for x, y in zip(boom.x_m, boom.y_m, strict=True)])
        ends[:, 0] += pose.distance_m
        line = shapely.MultiPoint(pose.from_track(ends))
        reach_m = self._config.margin_m + _SIGMAS * pose.accuracy_m + boom.width_m
        for zone in self._bring_into(pose.frame).zones:
            if shapely.dwithin(zone.area, line, reach_m):
                return f"in or close to {zone.name}"
        return f"at the edge or outside of {self.name}"

    def _elsewhere(self, pose: GroundPose) -> str:
        away_m = self._bring_into(pose.frame).away_m(pose.east_m, pose.north_m)
        if away_m <= ELSEWHERE_M:
            return ""
        return (
            f"The boundary {self._boundary.source} lies elsewhere: it is {away_m / 1000.0:,.1f} km"
            " away from here. Choose the boundary of this field, or none."
        )

    def _near(self, pose: GroundPose, from_x_m: float, to_x_m: float) -> BaseGeometry:
        """Return the forbidden ground around the machine, in along-track coordinates."""
        self._bring_into(pose.frame)
        span_m = max(abs(from_x_m), abs(to_x_m)) + self._boom.width_m + 5.0
        around = shapely.box(
            pose.east_m - span_m, pose.north_m - span_m, pose.east_m + span_m, pose.north_m + span_m
        )
        if not shapely.intersects(self._forbidden, around):
            return shapely.Polygon()
        clipped = shapely.intersection(self._forbidden, around)
        cos, sin = math.cos(pose.heading_rad), math.sin(pose.heading_rad)

        def to_track(points: Float64Array) -> Float64Array:
            east, north = points[:, 0] - pose.east_m, points[:, 1] - pose.north_m
            return np.column_stack(
                (cos * east + sin * north + pose.distance_m, cos * north - sin * east)
            )

        return shapely.transform(clipped, to_track)

    def _bring_into(self, frame: LocalFrame) -> LocalBoundary:
        """Put the boundary into the frame of the positions, once."""
        if self._local is not None and self._local.frame is frame:
            return self._local
        local = self._local = in_frame(self._boundary, frame)
        forbidden = [zone.area for zone in local.zones]
        if local.field is not None:
            around = shapely.box(*shapely.bounds(local.field)).buffer(_AROUND_M)
            forbidden.append(shapely.difference(around, local.field))
        self._forbidden = shapely.union_all(forbidden)
        shapely.prepare(self._forbidden)
        return local


def _along(
    near: BaseGeometry, right_m: float, left_m: float, from_m: float, to_m: float, margin_m: float
) -> list[Interval]:
    """Return where forbidden ground, widened by the margin, lies in a strip of the track."""
    strip = shapely.box(from_m - margin_m, right_m - margin_m, to_m + margin_m, left_m + margin_m)
    shared = shapely.intersection(near, strip)
    parts = shapely.get_parts(shared)
    bounds = shapely.bounds(parts[~shapely.is_empty(parts)])
    return [(float(a) - margin_m, float(b) + margin_m) for a, _, b, _ in bounds]
