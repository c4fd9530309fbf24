"""Wetted ground turns and moves with the robot."""

from __future__ import annotations

import numpy as np
import pytest

from agriseg.config import BoomConfig, NozzleConfig, SimulationConfig
from agriseg.simulation.sprayed_ground import (
    SprayedExtent,
    SprayedGround,
    TrueNozzle,
    nozzle_positions,
    true_nozzles,
)
from agriseg.simulation.trajectory import Trajectory

CELL_M = 0.001
STICK = TrueNozzle(
    x_m=-0.4,
    y_m=0.3,
    along_m=0.2,
    across_m=0.01,
    open_latency_s=0.0,
    close_latency_s=0.0,
    fall_s=0.0,
)


def test_a_footprint_lies_along_the_robot_s_heading() -> None:
    trajectory = Trajectory(SimulationConfig(seed=5, wobble_m=0.2, speed_m_s=1.0))
    t_s = max(np.arange(4.0, 20.0, 0.1), key=lambda t: abs(trajectory.pose_at(t).heading_rad))
    extent = SprayedExtent(nozzle=0, t_first_s=t_s, t_last_s=t_s + 1e-6)
    ground = SprayedGround([extent], [STICK], trajectory)
    (place,), (heading,) = nozzle_positions(STICK, trajectory, np.array([t_s]))
    row, column = (int(v / CELL_M) - 200 for v in place)

    wet = ground.mask(row, column, (400, 400), CELL_M)

    points = (np.argwhere(wet) + 0.5 + [row, column]) * CELL_M
    axis = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)[2][0]
    assert abs(heading) > 0.1
    assert np.arctan(axis[1] / axis[0]) == pytest.approx(heading, abs=0.003)
    np.testing.assert_allclose(points.mean(axis=0), place, atol=0.001)
    assert len(points) * CELL_M**2 == pytest.approx(0.2 * 0.01, rel=0.02)


def test_nozzle_positions_are_rigid_with_the_robot() -> None:
    trajectory = Trajectory(SimulationConfig(seed=5, wobble_m=0.2, speed_m_s=1.0))
    pose = trajectory.pose_at(7.0)

    (place,), _ = nozzle_positions(STICK, trajectory, np.array([7.0]))

    cos, sin = np.cos(pose.heading_rad), np.sin(pose.heading_rad)
    back = np.array([[cos, sin], [-sin, cos]]) @ (place - [pose.x_m, pose.y_m])
    np.testing.assert_allclose(back, [STICK.x_m, STICK.y_m], atol=1e-12)


def test_a_long_extent_is_as_long_as_the_drive_and_the_footprint() -> None:
    trajectory = Trajectory(SimulationConfig(speed_m_s=2.0, wobble_m=0.0))
    extent = SprayedExtent(nozzle=0, t_first_s=1.0, t_last_s=2.5)

    wet = SprayedGround([extent], [STICK], trajectory).mask(0, 250, (6000, 100), CELL_M)

    rows = np.flatnonzero(wet.any(axis=1))
    assert (rows.min() * CELL_M, (rows.max() + 1) * CELL_M) == pytest.approx((1.5, 4.7), abs=0.001)
    assert wet[rows.min() : rows.max() + 1].sum(axis=1).tolist() == [10] * rows.size


def test_nozzles_are_numbered_from_the_left_and_may_differ() -> None:
    config = BoomConfig(
        nozzle_count=3,
        y_offset_m=0.1,
        nozzles=(NozzleConfig(nozzle=1, y_m=0.11, close_latency_ms=30.0),),
    )

    nozzles = true_nozzles(config)

    assert [n.y_m for n in nozzles] == pytest.approx([0.14, 0.11, 0.06])
    assert [n.close_latency_s for n in nozzles] == pytest.approx([0.01, 0.03, 0.01])
