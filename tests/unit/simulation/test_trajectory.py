"""The true motion is exact, smooth and the same for everyone."""

from __future__ import annotations

import numpy as np
import pytest

from agriseg.config import SimulationConfig, SpeedStep
from agriseg.simulation.trajectory import Trajectory, changing_speed_profile


def test_constant_speed_covers_speed_times_time() -> None:
    trajectory = Trajectory(SimulationConfig(speed_m_s=2.5))

    pose = trajectory.pose_at(4.0)

    assert pose.distance_m == pytest.approx(10.0, abs=1e-12)
    assert pose.speed_m_s == 2.5


def test_acceleration_is_integrated_exactly() -> None:
    profile = (SpeedStep(t_s=1.0, speed_m_s=4.0, accel_m_s2=1.5),)
    trajectory = Trajectory(SimulationConfig(speed_m_s=1.0, speed_profile=profile))

    assert trajectory.pose_at(2.0).distance_m == pytest.approx(1.0 + 1.0 + 0.75, abs=1e-12)
    assert trajectory.pose_at(3.0).speed_m_s == pytest.approx(4.0)
    assert trajectory.pose_at(5.0).distance_m == pytest.approx(1.0 + 2.0 + 3.0 + 8.0, abs=1e-12)


def test_a_step_takes_over_from_one_that_is_not_finished() -> None:
    profile = (
        SpeedStep(t_s=0.0, speed_m_s=6.0, accel_m_s2=1.0),
        SpeedStep(t_s=2.0, speed_m_s=0.0, accel_m_s2=2.0),
    )
    trajectory = Trajectory(SimulationConfig(speed_m_s=0.0, speed_profile=profile))

    assert trajectory.pose_at(2.0).speed_m_s == pytest.approx(2.0)
    assert trajectory.pose_at(3.0).speed_m_s == pytest.approx(0.0)
    assert trajectory.pose_at(9.0).distance_m == pytest.approx(2.0 + 1.0)


def test_acceptance_profile_agrees_with_numerical_integration() -> None:
    profile = changing_speed_profile(20.0)
    trajectory = Trajectory(SimulationConfig(speed_m_s=1.0, speed_profile=profile))
    t_s = np.linspace(0.0, 20.0, 200_001)

    poses = trajectory.poses_at(t_s)
    steps = np.diff(t_s) * (poses.speed_m_s[1:] + poses.speed_m_s[:-1]) / 2.0

    assert poses.distance_m[-1] == pytest.approx(steps.sum(), abs=1e-6)
    assert poses.speed_m_s.min() == pytest.approx(1.0)
    assert poses.speed_m_s.max() == pytest.approx(4.0)
    assert np.abs(np.diff(poses.speed_m_s) / np.diff(t_s)).max() <= 1.5 + 1e-6


def test_times_at_distance_inverts_the_motion() -> None:
    profile = changing_speed_profile(12.0)
    trajectory = Trajectory(SimulationConfig(speed_m_s=1.0, speed_profile=profile))
    t_s = np.linspace(0.01, 12.0, 400)

    times = trajectory.times_at_distance(trajectory.poses_at(t_s).distance_m)

    np.testing.assert_allclose(times, t_s, atol=1e-9)


def test_a_distance_beyond_a_final_stop_is_never_reached() -> None:
    profile = (SpeedStep(t_s=1.0, speed_m_s=0.0, accel_m_s2=1.0),)
    trajectory = Trajectory(SimulationConfig(speed_m_s=1.0, speed_profile=profile))

    assert np.isnan(trajectory.times_at_distance(np.array([5.0]))[0])


def test_before_the_start_the_robot_stands_at_the_origin() -> None:
    pose = Trajectory(SimulationConfig(speed_m_s=2.0)).pose_at(-3.0)

    assert (pose.x_m, pose.y_m, pose.heading_rad, pose.speed_m_s) == (0.0, 0.0, 0.0, 0.0)


def test_wobble_keeps_its_limit_and_its_heading_is_the_path_s_slope() -> None:
    trajectory = Trajectory(SimulationConfig(speed_m_s=1.0, wobble_m=0.02))
    poses = trajectory.poses_at(np.linspace(0.0, 60.0, 60_001))

    assert np.abs(poses.y_m).max() <= 0.02
    assert np.ptp(poses.y_m) > 0.01
    slope = np.gradient(poses.y_m, poses.x_m)
    np.testing.assert_allclose(np.tan(poses.heading_rad[1:-1]), slope[1:-1], atol=1e-5)


def test_yaw_rate_is_the_heading_s_change() -> None:
    trajectory = Trajectory(SimulationConfig(speed_m_s=2.0, wobble_m=0.05))
    change = trajectory.pose_at(7.001).heading_rad - trajectory.pose_at(6.999).heading_rad

    assert trajectory.pose_at(7.0).yaw_rate_rad_s == pytest.approx(change / 0.002, rel=1e-3)


def test_wheel_runs_fast_or_slow_by_no_more_than_the_slip() -> None:
    trajectory = Trajectory(SimulationConfig(slip_fraction=0.01))
    distance = np.linspace(0.0, 100.0, 10_001)

    reading = trajectory.encoder_from_distance(distance)
    slip = np.diff(reading) / np.diff(distance) - 1.0

    assert reading[0] == 0.0
    assert np.abs(slip).max() <= 0.01
    assert np.ptp(slip) > 0.005


def test_encoder_reading_can_be_traced_back() -> None:
    trajectory = Trajectory(SimulationConfig(slip_fraction=0.05))
    distance = np.linspace(0.0, 50.0, 777)

    back = trajectory.distance_from_encoder(trajectory.encoder_from_distance(distance))

    np.testing.assert_allclose(back, distance, atol=1e-9)


def test_one_reading_of_the_wheel_is_one_of_many_at_once() -> None:
    profile = changing_speed_profile(12.0)
    config = SimulationConfig(seed=4, speed_m_s=1.0, speed_profile=profile, slip_fraction=0.03)
    trajectory = Trajectory(config)
    t_s = np.linspace(-1.0, 15.0, 300)

    many = trajectory.encoder_from_distance(trajectory.poses_at(t_s).distance_m)

    one_by_one = [trajectory.encoder_distance_m(float(t)) for t in t_s]
    np.testing.assert_allclose(one_by_one, many, atol=1e-12)
    assert one_by_one[0] == 0.0


def test_two_processes_with_the_same_seed_agree_and_another_seed_differs() -> None:
    config = SimulationConfig(seed=4, wobble_m=0.02, slip_fraction=0.01)
    one, other = Trajectory(config), Trajectory(config)
    third = Trajectory(config.model_copy(update={"seed": 5}))

    other.pose_at(3.0)
    assert one.pose_at(17.3) == other.pose_at(17.3)
    assert one.encoder_distance_m(17.3) == other.encoder_distance_m(17.3)
    assert one.pose_at(17.3).y_m != third.pose_at(17.3).y_m
