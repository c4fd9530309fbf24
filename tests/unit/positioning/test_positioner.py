"""Fixes and odometer together say where the robot is, how surely, and when nobody knows."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from agriseg.field_config import PositionConfig
from agriseg.messages import FixQuality, OdometrySource, PositionFix, VehicleState
from agriseg.positioning.local_frame import LocalFrame
from agriseg.positioning.positioner import Positioner

FRAME = LocalFrame(48.0, 11.0)
NAN = math.nan


def vehicle(t_s: float, distance_m: float, speed_m_s: float = 1.0) -> VehicleState:
    return VehicleState(
        t_s=t_s,
        distance_m=distance_m,
        speed_m_s=speed_m_s,
        x_m=distance_m,
        y_m=0.0,
        heading_rad=0.0,
        source=OdometrySource.WHEEL,
        age_s=0.0,
    )


def fix(t_s: float, east_m: float, north_m: float, **other: float) -> PositionFix:
    latitude, longitude = FRAME.geographic([[east_m, north_m]])[0]
    return PositionFix(
        t_s=t_s,
        latitude_deg=float(latitude),
        longitude_deg=float(longitude),
        altitude_m=500.0,
        quality=FixQuality.RTK_FIXED,
        satellites=15,
        accuracy_m=0.02,
        **other,
    )


def drive(
    positioner: Positioner,
    seconds: float,
    *,
    course_deg: float = 90.0,
    antenna: tuple[float, float] = (0.0, 0.0),
    speed_m_s: float = 1.0,
    start: tuple[float, float] = (0.0, 0.0),
    told: bool = False,
) -> None:
    """Drive straight from odometer 0, with a fix ten times a second."""
    heading = math.radians(90.0 - course_deg)
    cos, sin = math.cos(heading), math.sin(heading)
    for tick in range(round(10 * seconds) + 1):
        t_s = 0.1 * tick
        d = speed_m_s * t_s
        x, y = d + antenna[0], antenna[1]
        place = (start[0] + cos * x - sin * y, start[1] + sin * x + cos * y)
        extra = {"speed_m_s": abs(speed_m_s), "course_deg": course_deg} if told else {}
        positioner.add(fix(t_s, *place, **extra), vehicle(t_s, d, speed_m_s))


def east_north(positioner: Positioner, at: VehicleState) -> tuple[float, float]:
    pose = positioner.pose(at)
    assert pose is not None
    east, north = FRAME.local([pose.latitude_longitude_deg])[0]
    return float(east), float(north)


@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize("course_deg", [0.0, 90.0, 205.0])
def test_the_place_of_base_link_between_fixes(course_deg: float, told: bool) -> None:
    positioner = Positioner(PositionConfig(antenna_x_m=0.8, antenna_y_m=-0.3))
    drive(positioner, 3.0, course_deg=course_deg, antenna=(0.8, -0.3), told=told)
    pose = positioner.pose(vehicle(3.05, 3.05))
    assert pose is not None
    assert pose.course_deg % 360.0 == pytest.approx(course_deg, abs=0.5)
    heading = math.radians(90.0 - course_deg)
    expected = (3.05 * math.cos(heading), 3.05 * math.sin(heading))
    assert east_north(positioner, vehicle(3.05, 3.05)) == pytest.approx(expected, abs=0.02)
    assert 0.02 <= pose.accuracy_m < 0.03


def test_driving_backwards_the_robot_looks_where_it_came_from() -> None:
    positioner = Positioner(PositionConfig())
    heading_west = 270.0
    for tick in range(30):
        t_s = 0.1 * tick
        positioner.add(
            fix(t_s, t_s, 0.0, speed_m_s=1.0, course_deg=90.0), vehicle(t_s, -t_s, speed_m_s=-1.0)
        )
    pose = positioner.pose(vehicle(3.0, -3.0, -1.0))
    assert pose is not None
    assert pose.course_deg == pytest.approx(heading_west, abs=1.0)


def test_a_receiver_with_two_antennas_knows_the_direction_at_a_standstill() -> None:
    positioner = Positioner(PositionConfig(antenna_x_m=1.0))
    positioner.add(fix(0.0, 0.0, 0.0, heading_deg=180.0), vehicle(0.0, 0.0, 0.0))
    assert positioner.problem(0.1) == ""
    assert east_north(positioner, vehicle(0.1, 0.0, 0.0)) == pytest.approx((0.0, 1.0), abs=1e-3)


def test_standing_still_the_direction_is_not_known() -> None:
    positioner = Positioner(PositionConfig())
    for tick in range(20):
        positioner.add(fix(0.1 * tick, 0.0, 0.0), vehicle(0.1 * tick, 0.0, 0.0))
    assert "direction is not known" in positioner.problem(2.0)
    assert positioner.pose(vehicle(2.0, 0.0)) is None


def test_nothing_heard_silence_no_fix_and_a_poor_fix_are_told_apart() -> None:
    positioner = Positioner(PositionConfig(required_quality="rtk-fixed"))
    assert "No position has come" in positioner.problem(0.0)
    drive(positioner, 2.0)
    assert positioner.problem(2.1) == ""
    assert "silent for 3.0 s" in positioner.problem(5.0)
    lost = replace(fix(2.1, 0.0, 0.0), quality=FixQuality.NONE, latitude_deg=NAN, longitude_deg=NAN)
    positioner.add(lost, vehicle(2.1, 2.1))
    assert "no fix (15 satellites)" in positioner.problem(2.1)
    positioner.add(replace(fix(2.2, 2.2, 0.0), quality=FixQuality.RTK_FLOAT), vehicle(2.2, 2.2))
    assert "only rtk-float" in positioner.problem(2.2)
    positioner.add(fix(2.3, 2.3, 0.0), vehicle(2.3, 2.3))
    assert positioner.problem(2.3) == ""


def test_a_jump_is_not_believed_until_it_lasts() -> None:
    positioner = Positioner(PositionConfig())
    drive(positioner, 3.0)
    for tick in range(1, 10):
        t_s = 3.0 + 0.1 * tick
        positioner.add(fix(t_s, t_s, 4.0), vehicle(t_s, t_s))
        assert "jumped by 4.0 m" in positioner.problem(t_s)
    assert positioner.jumps == 1
    pose = positioner.pose(vehicle(3.9, 3.9))
    assert pose is not None
    assert east_north(positioner, vehicle(3.9, 3.9)) == pytest.approx((3.9, 0.0), abs=0.05)
    positioner.add(fix(4.0, 4.0, 4.0), vehicle(4.0, 4.0))
    assert positioner.problem(4.0) == ""
    assert east_north(positioner, vehicle(4.0, 4.0)) == pytest.approx((4.0, 4.0), abs=0.05)


def test_one_wild_fix_changes_nothing() -> None:
    positioner = Positioner(PositionConfig())
    drive(positioner, 3.0)
    positioner.add(fix(3.1, 40.0, 40.0), vehicle(3.1, 3.1))
    positioner.add(fix(3.2, 3.2, 0.0), vehicle(3.2, 3.2))
    assert positioner.problem(3.2) == ""
    assert east_north(positioner, vehicle(3.2, 3.2)) == pytest.approx((3.2, 0.0), abs=0.05)


def test_turning_is_no_jump() -> None:
    """A circle of 3 m radius at 1.5 m/s, one fix a second."""
    positioner = Positioner(PositionConfig())
    for tick in range(12):
        t_s = float(tick)
        turned = 1.5 * t_s / 3.0
        place = (3.0 * math.sin(turned), 3.0 - 3.0 * math.cos(turned))
        course = (90.0 - math.degrees(turned)) % 360.0
        positioner.add(
            fix(t_s, *place, speed_m_s=1.5, course_deg=course), vehicle(t_s, 1.5 * t_s, 1.5)
        )
    assert positioner.jumps == 0


def test_the_place_is_less_sure_the_longer_ago_the_fix() -> None:
    positioner = Positioner(PositionConfig())
    drive(positioner, 3.0)
    near, far = positioner.pose(vehicle(3.1, 3.1)), positioner.pose(vehicle(6.0, 9.0))
    assert near is not None
    assert far is not None
    assert far.accuracy_m > 3.0 * near.accuracy_m
    assert positioner.pose(vehicle(30.0, 40.0)) is None


def test_an_odometer_that_begins_anew_is_not_mixed_with_the_old_one() -> None:
    positioner = Positioner(PositionConfig())
    drive(positioner, 3.0)
    positioner.break_off()
    assert positioner.pose(vehicle(3.1, 0.1)) is None
    assert positioner.problem(3.1) != ""


def test_metres_of_the_local_frame_are_metres_on_the_earth() -> None:
    from pyproj import Geod

    geod = Geod(ellps="WGS84")
    places = FRAME.geographic([[0.0, 0.0], [300.0, 400.0], [-5000.0, 2000.0]])
    for place, metres in zip(places[1:], (500.0, math.hypot(5000.0, 2000.0)), strict=True):
        _, _, length = geod.inv(places[0][1], places[0][0], place[1], place[0])
        assert length == pytest.approx(metres, abs=1e-3)
    back = FRAME.local(places).ravel()
    assert back == pytest.approx([0, 0, 300, 400, -5000, 2000], abs=1e-5)
