"""Poses from odometer readings."""

import math

import numpy as np
import pytest

from agriseg.geometry.poses import (
    WheelOdometry,
    field_from_base,
    field_from_track,
    track_from_base,
    track_from_field,
)
from agriseg.messages import OdometrySample, OdometrySource, VehicleState


def reading(
    t_s: float,
    distance_m: float,
    speed_m_s: float = 1.0,
    yaw_rate_rad_s: float = 0.0,
    source: OdometrySource = OdometrySource.WHEEL,
) -> OdometrySample:
    return OdometrySample(
        t_s=t_s,
        distance_m=distance_m,
        speed_m_s=speed_m_s,
        source=source,
        yaw_rate_rad_s=yaw_rate_rad_s,
    )


def at(odometry: WheelOdometry, t_s: float) -> VehicleState:
    state = odometry.state_at(t_s)
    assert state is not None
    return state


def test_nothing_is_known_before_the_first_reading() -> None:
    odometry = WheelOdometry()
    assert odometry.state_at(0.0) is None
    odometry.add(reading(1.0, 5.0))
    assert odometry.state_at(0.99) is None
    assert at(odometry, 1.0).distance_m == 5.0


def test_between_readings_is_interpolated_and_fresh() -> None:
    odometry = WheelOdometry()
    odometry.add(reading(0.0, 0.0, 1.0))
    odometry.add(reading(0.1, 0.2, 3.0))
    state = at(odometry, 0.025)
    assert state.distance_m == pytest.approx(0.05)
    assert state.x_m == pytest.approx(0.05)
    assert state.speed_m_s == pytest.approx(1.5)
    assert state.age_s == 0.0


def test_after_the_newest_reading_its_age_is_told() -> None:
    odometry = WheelOdometry()
    odometry.add(reading(0.0, 0.0, 2.0))
    assert at(odometry, 0.25).distance_m == pytest.approx(0.5)
    assert at(odometry, 0.25).age_s == pytest.approx(0.25)


def test_extrapolation_ends_but_the_age_goes_on() -> None:
    odometry = WheelOdometry()
    odometry.add(reading(0.0, 0.0, 2.0))
    assert at(odometry, 10.0).distance_m == pytest.approx(1.0)
    assert at(odometry, 10.0).age_s == pytest.approx(10.0)


def test_quarter_circle_ends_where_geometry_says() -> None:
    odometry = WheelOdometry()
    radius_m, rate = 2.0, 0.5
    for index in range(101):
        t_s = index * (0.5 * math.pi / rate) / 100
        odometry.add(reading(t_s, radius_m * rate * t_s, radius_m * rate, rate))
    state = at(odometry, 0.5 * math.pi / rate)
    assert (state.x_m, state.y_m) == pytest.approx((radius_m, radius_m), abs=1e-3)
    assert state.heading_rad == pytest.approx(0.5 * math.pi)


def test_reversing_goes_back() -> None:
    odometry = WheelOdometry()
    odometry.add(reading(0.0, 1.0, -1.0))
    odometry.add(reading(0.1, 0.9, -1.0))
    assert at(odometry, 0.1).x_m == pytest.approx(-0.1)
    assert at(odometry, 0.2).distance_m == pytest.approx(0.8)
    assert odometry.resets == 0


@pytest.mark.parametrize(
    "second",
    [
        reading(0.02, 500.0),
        reading(0.02, 10.0, source=OdometrySource.VISUAL),
    ],
)
def test_an_odometer_that_begins_anew_keeps_the_place_and_is_counted(
    second: OdometrySample,
) -> None:
    odometry = WheelOdometry()
    odometry.add(reading(0.0, 10.0))
    odometry.add(reading(0.01, 10.01))
    odometry.add(second)
    state = at(odometry, 0.02)
    assert odometry.resets == 1
    assert state.x_m == pytest.approx(0.01)
    assert state.distance_m == second.distance_m
    assert state.source is second.source


def test_a_break_begins_a_new_history() -> None:
    odometry = WheelOdometry()
    odometry.add(reading(0.0, 0.0))
    odometry.break_off()
    odometry.add(reading(0.4, 0.1))
    assert odometry.resets == 1
    assert odometry.state_at(0.3) is None


def test_old_and_repeated_readings_are_ignored() -> None:
    odometry = WheelOdometry()
    odometry.add(reading(1.0, 1.0))
    odometry.add(reading(1.1, 1.1))
    odometry.add(reading(1.1, 7.0))
    odometry.add(reading(0.5, 7.0))
    assert at(odometry, 1.1).distance_m == pytest.approx(1.1)
    assert odometry.resets == 0


def test_history_stays_bounded_and_recent_poses_stay_known() -> None:
    odometry = WheelOdometry()
    for index in range(5000):
        odometry.add(reading(0.02 * index, 0.02 * index))
    assert at(odometry, 0.02 * 4999 - 3.0).distance_m == pytest.approx(96.98)
    assert odometry.state_at(50.0) is None


def test_frames_go_there_and_back() -> None:
    state = VehicleState(
        t_s=0.0,
        distance_m=12.0,
        speed_m_s=1.0,
        x_m=3.0,
        y_m=-1.0,
        heading_rad=0.5 * math.pi,
        source=OdometrySource.WHEEL,
        age_s=0.0,
    )
    # Heading left: one metre ahead in base_link is one metre along y of the field.
    ahead = field_from_base(state) @ [1.0, 0.5, 1.0]
    assert ahead == pytest.approx([2.5, 0.0, 1.0])
    assert track_from_base(np.array([[1.0, 0.5]]), state) == pytest.approx(np.array([[13.0, 0.5]]))
    points = np.array([[13.0, 0.5], [11.0, -0.2]])
    assert track_from_field(field_from_track(points, state), state) == pytest.approx(points)
    assert field_from_track(points, state)[0] == pytest.approx([2.5, 0.0])
