"""Each nozzle stays inside the boundary; without a sure position all are held closed."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from boundary_files import FRAME, box, feature, write_geojson

from agriseg.boundary.guard import BoundaryGuard
from agriseg.boundary.loading import load_boundary
from agriseg.config import Config, parse_config
from agriseg.messages import FixQuality, OdometrySource, PositionFix, VehicleState
from agriseg.positioning.positioner import Positioner
from agriseg.spraying.boom import Boom
from agriseg.spraying.restricting import restricted
from agriseg.spraying.targets import NO_TARGETS

MARGIN_M = 0.1
TURN_M = 2 * 0.01 * (0.75 + 2.0)
"""What the direction of a receiver with two antennas may be off, at the outer nozzle."""


def config(**boundary: float) -> Config:
    return parse_config(
        {
            "boom": {"nozzle_count": 4, "pitch_m": 0.5, "footprint_across_m": 0.5},
            "boundary": {"margin_m": MARGIN_M, **boundary},
        },
        source="test",
    )


def vehicle(distance_m: float, t_s: float) -> VehicleState:
    return VehicleState(
        t_s=t_s,
        distance_m=distance_m,
        speed_m_s=1.0,
        x_m=distance_m,
        y_m=0.0,
        heading_rad=0.0,
        source=OdometrySource.WHEEL,
        age_s=0.0,
    )


def fix(t_s: float, east_m: float, north_m: float, accuracy_m: float) -> PositionFix:
    latitude, longitude = FRAME.geographic([[east_m, north_m]])[0]
    return PositionFix(
        t_s=t_s,
        latitude_deg=float(latitude),
        longitude_deg=float(longitude),
        altitude_m=0.0,
        quality=FixQuality.RTK_FIXED,
        accuracy_m=accuracy_m,
        heading_deg=90.0,
    )


def guard_at(
    tmp_path: Path,
    *features: object,
    east_m: float,
    north_m: float = 0.0,
    accuracy_m: float = 0.0,
    **boundary: float,
) -> BoundaryGuard:
    """Return a guard of a machine at a place, looking east, odometer 100 m, time 10 s."""
    asked = config(**boundary)
    positioner = Positioner(asked.position)
    positioner.add(fix(10.0, east_m, north_m, accuracy_m), vehicle(100.0, 10.0))
    path = write_geojson(tmp_path / "b.geojson", *features)  # type: ignore[arg-type]
    return BoundaryGuard(load_boundary(path), asked.boundary, Boom(asked.boom), positioner)


def test_the_boundarys_end_ahead_closes_every_nozzle_before_it(tmp_path: Path) -> None:
    guard = guard_at(tmp_path, feature(box(-50, -20, 3, 20)), east_m=0.0)
    for intervals in guard.barred(vehicle(100.0, 10.0), -0.5, 6.0):
        assert intervals[0][0] == pytest.approx(103.0 - MARGIN_M, abs=TURN_M + 2e-3)
        assert intervals[-1][1] == math.inf


def test_only_the_nozzles_beyond_an_edge_beside_the_track_are_closed(tmp_path: Path) -> None:
    """The boundary's left edge runs 0.4 m to the left of the middle: under the left nozzles."""
    guard = guard_at(tmp_path, feature(box(-50, -20, 50, 0.4)), east_m=0.0)
    barred = guard.barred(vehicle(100.0, 10.0), -0.5, 3.0)
    closed_here = [any(a < 101.0 < b for a, b in intervals) for intervals in barred]
    assert closed_here == [True, True, False, False]
    count, what = guard.barred_now(vehicle(100.0, 10.0))
    assert count == 2
    assert "b.geojson" in what


def test_a_zone_ahead_is_a_gap_with_ground_before_and_behind(tmp_path: Path) -> None:
    pond = feature(box(2, -5, 3, 5), name="Pond", role="no-spray")
    guard = guard_at(tmp_path, feature(box(-50, -20, 50, 20)), pond, east_m=0.0)
    intervals = guard.barred(vehicle(100.0, 10.0), -0.5, 6.0)[0]
    assert intervals[0] == pytest.approx(
        (102.0 - MARGIN_M - TURN_M, 103.0 + MARGIN_M + TURN_M), abs=2e-3
    )
    assert intervals[1] == (106.0, math.inf), "what was not asked for counts as barred"
    inside = guard_at(tmp_path, pond, east_m=2.5)
    assert inside.barred_now(vehicle(100.0, 10.0)) == (4, "in or close to Pond")


def test_an_unsure_position_keeps_further_away(tmp_path: Path) -> None:
    guard = guard_at(tmp_path, feature(box(-50, -20, 3, 20)), east_m=0.0, accuracy_m=0.25)
    intervals = guard.barred(vehicle(100.0, 10.0), -0.5, 6.0)[0]
    assert intervals[0][0] == pytest.approx(103.0 - MARGIN_M - TURN_M - 0.5, abs=2e-3)


def test_hold_without_a_sure_position(tmp_path: Path) -> None:
    field = feature(box(-50, -20, 50, 20))
    sure = guard_at(tmp_path, field, east_m=0.0, accuracy_m=0.02)
    assert sure.hold(10.2, vehicle(100.2, 10.2)) == ""
    assert "silent for 5.0 s" in sure.hold(15.0, vehicle(105.0, 15.0))
    unsure = guard_at(tmp_path, field, east_m=0.0, accuracy_m=1.5)
    assert "sure to 1.50 m only" in unsure.hold(10.2, vehicle(100.2, 10.2))


def test_a_boundary_elsewhere_is_said(tmp_path: Path) -> None:
    guard = guard_at(tmp_path, feature(box(20000, 0, 20100, 100)), east_m=0.0)
    assert "lies elsewhere: it is 20.0 km away" in guard.hold(10.1, vehicle(100.1, 10.1))
    near = guard_at(tmp_path, feature(box(200, 0, 300, 100)), east_m=0.0)
    assert near.hold(10.1, vehicle(100.1, 10.1)) == ""
    assert near.barred_now(vehicle(100.0, 10.0))[0] == 4


def test_targets_lose_barred_ground_and_may_not_be_widened_into_it() -> None:
    from dataclasses import replace

    targets = replace(
        NO_TARGETS,
        nozzle=np.array([0, 1]),
        s_min_m=np.array([1.0, 1.0]),
        s_max_m=np.array([4.0, 4.0]),
        floor_m=np.array([-np.inf, 0.9]),
        ceiling_m=np.array([np.inf, np.inf]),
        weed_nozzle=np.array([0]),
        weed_s_min_m=np.array([1.5]),
        weed_s_max_m=np.array([2.5]),
    )
    cut = restricted(targets, [[(2.0, 3.0)], []])
    rows = list(
        zip(
            cut.nozzle.tolist(),
            cut.s_min_m.tolist(),
            cut.s_max_m.tolist(),
            cut.floor_m.tolist(),
            cut.ceiling_m.tolist(),
            strict=True,
        )
    )
    assert rows == [
        (0, 1.0, 2.0, -np.inf, 2.0),
        (0, 3.0, 4.0, 3.0, np.inf),
        (1, 1.0, 4.0, 0.9, np.inf),
    ]
    assert (cut.weed_s_min_m.tolist(), cut.weed_s_max_m.tolist()) == ([1.5], [2.0])
    assert (cut.barred_s_min_m.tolist(), cut.barred_s_max_m.tolist()) == ([2.0], [2.5])
