"""What a boundary and a receiver cost the engine: a look ahead a frame, a hold a round."""

from __future__ import annotations

import argparse
import math
import time

import numpy as np
import shapely

from agriseg.boundary.field_boundary import FieldBoundary, Zone
from agriseg.boundary.guard import BoundaryGuard
from agriseg.config import Config
from agriseg.messages import FixQuality, OdometrySource, PositionFix, VehicleState
from agriseg.positioning.local_frame import LocalFrame
from agriseg.positioning.positioner import Positioner
from agriseg.spraying.boom import Boom

FRAME = LocalFrame(48.0, 11.0)


def _vehicle(s_m: float) -> VehicleState:
    return VehicleState(
        t_s=s_m,
        distance_m=s_m,
        speed_m_s=1.0,
        x_m=s_m,
        y_m=0.0,
        heading_rad=0.0,
        source=OdometrySource.WHEEL,
        age_s=0.0,
    )


def _fix(s_m: float) -> PositionFix:
    latitude, longitude = FRAME.geographic([[s_m, 0.0]])[0]
    return PositionFix(
        t_s=s_m,
        latitude_deg=float(latitude),
        longitude_deg=float(longitude),
        altitude_m=0.0,
        quality=FixQuality.RTK_FIXED,
        accuracy_m=0.02,
        heading_deg=90.0,
    )


def _boundary(corners: int) -> FieldBoundary:
    """Return a ragged field of some hectares with twenty ponds; its edge runs along the track."""
    angle = np.linspace(0.0, 2.0 * math.pi, corners, endpoint=False)
    radius = 120.0 + 2.0 * np.sin(37.0 * angle)
    ring = np.column_stack((radius * np.cos(angle), 120.0 + radius * np.sin(angle)))
    ponds = [
        shapely.Point(20.0 * np.cos(k), 60.0 + 3.0 * k).buffer(2.0, quad_segs=8) for k in range(20)
    ]

    def degrees(points: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        return FRAME.geographic(points)[:, ::-1]

    return FieldBoundary(
        source="bench",
        name="bench",
        field=shapely.transform(shapely.Polygon(ring), degrees),
        zones=tuple(Zone(name="pond", area=shapely.transform(p, degrees)) for p in ponds),
    )


def main() -> None:
    """Print milliseconds of CPU."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corners", type=int, default=500, help="of the boundary (default 500)")
    parser.add_argument("--rounds", type=int, default=400)
    arguments = parser.parse_args()
    config = Config()
    positioner = Positioner(config.position)
    boundary = _boundary(arguments.corners)
    guard = BoundaryGuard(boundary, config.boundary, Boom(config.boom), positioner)
    costs: dict[str, list[float]] = {"fix": [], "hold": [], "barred": []}
    for index in range(arguments.rounds):
        s_m = 0.1 * index - 20.0
        fix, vehicle = _fix(s_m), _vehicle(s_m)
        marks = [time.process_time()]
        positioner.add(fix, vehicle)
        marks.append(time.process_time())
        guard.hold(s_m, vehicle)
        marks.append(time.process_time())
        guard.barred(vehicle, -0.2, 4.0)
        marks.append(time.process_time())
        for name, begun, ended in zip(costs, marks, marks[1:], strict=False):
            costs[name].append(1e3 * (ended - begun))
    for name, values in costs.items():
        p50, p99 = np.percentile(values, (50, 99))
        print(f"{name}: p50 {p50:.3f} ms, p99 {p99:.3f} ms")


if __name__ == "__main__":
    main()
