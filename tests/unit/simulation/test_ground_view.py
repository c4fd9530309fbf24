"""What the camera shows lies where the ground plane says."""

from __future__ import annotations

import numpy as np
import pytest
from painted_world import PaintedWorld, Rectangle

from agriseg.config import CameraPoseConfig, IntrinsicsConfig
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.messages import ClassId
from agriseg.simulation.ground_view import GroundView
from agriseg.simulation.trajectory import TruePose

PLANT = Rectangle(2_000_000_123, ClassId.WEED, 3.49, 3.51, 0.19, 0.21)
PLAIN = IntrinsicsConfig()
BARREL = IntrinsicsConfig(k1=-0.18, k2=0.03, p1=0.002, p2=-0.001)


def _pose(x_m: float, y_m: float, heading_rad: float) -> TruePose:
    return TruePose(
        t_s=0.0,
        distance_m=x_m,
        speed_m_s=1.0,
        x_m=x_m,
        y_m=y_m,
        heading_rad=heading_rad,
        yaw_rate_rad_s=0.0,
    )


def _plane(intrinsics: IntrinsicsConfig, **pose: float) -> GroundPlane:
    return GroundPlane(intrinsics, CameraPoseConfig(**pose), (960, 544))


@pytest.mark.parametrize("intrinsics", [PLAIN, BARREL])
@pytest.mark.parametrize(
    ("camera", "robot"),
    [
        ({}, (1.9, 0.0, 0.0)),
        ({}, (2.1, 0.05, 0.1)),
        ({"pitch_deg": 25.0, "z_m": 1.2}, (1.3, 0.0, -0.05)),
        ({"yaw_deg": 15.0, "roll_deg": -8.0, "y_m": 0.1}, (1.95, 0.03, 0.02)),
    ],
)
def test_a_plant_appears_where_the_ground_plane_projects_it(
    intrinsics: IntrinsicsConfig, camera: dict[str, float], robot: tuple[float, float, float]
) -> None:
    plane = _plane(intrinsics, **camera)
    pose = _pose(*robot)
    view = GroundView(PaintedWorld([PLANT]), plane)

    rows, columns = np.nonzero(view.labels(pose) == ClassId.WEED)
    shown = np.array([columns.mean(), rows.mean()])

    cos, sin = np.cos(pose.heading_rad), np.sin(pose.heading_rad)
    offset = np.array([3.5 - pose.x_m, 0.2 - pose.y_m])
    base = np.array([[cos, sin], [-sin, cos]]) @ offset
    expected = plane.image_from_ground(base[None])[0]
    assert rows.size > 50
    # A distorted picture is sampled to whole cells and pixels without a common grid.
    tolerance_px = 0.25 if intrinsics is PLAIN else 0.5
    np.testing.assert_allclose(shown, expected, atol=tolerance_px)


def test_picture_labels_and_ids_show_the_same_plant() -> None:
    view = GroundView(PaintedWorld([PLANT]), _plane(PLAIN))
    pose = _pose(1.9, 0.0, 0.0)

    labels, ids, picture = view.labels(pose), view.plant_ids(pose), view.picture(pose)

    np.testing.assert_array_equal(labels == ClassId.WEED, ids == PLANT.plant_id)
    assert set(np.unique(ids).tolist()) == {0, PLANT.plant_id}
    green = picture[..., 1] > 150
    assert np.count_nonzero(green ^ (labels == ClassId.WEED)) < 0.15 * np.count_nonzero(green)


def test_left_of_the_robot_is_left_in_the_picture_and_ahead_is_up() -> None:
    left_ahead = Rectangle(1, ClassId.CROP, 3.70, 3.72, 0.30, 0.32)
    view = GroundView(PaintedWorld([left_ahead]), _plane(PLAIN))

    rows, columns = np.nonzero(view.labels(_pose(1.95, 0.0, 0.0)))

    assert columns.mean() < 479.5
    assert rows.mean() < 271.5


def test_ground_moves_down_the_picture_as_the_robot_drives() -> None:
    view = GroundView(PaintedWorld([]), _plane(PLAIN))

    du, dv = view.motion_px_per_m()

    assert du == pytest.approx(0.0, abs=1e-6)
    assert dv == pytest.approx(800.0, rel=1e-6)


def test_a_high_camera_sees_averaged_ground() -> None:
    speckled = PaintedWorld(
        [
            Rectangle(i + 1, ClassId.WEED, 3.0 + 0.002 * i, 3.001 + 0.002 * i, -0.5, 0.5)
            for i in range(500)
        ]
    )
    plane = GroundPlane(PLAIN, CameraPoseConfig(z_m=3.2), (960, 544))

    picture = GroundView(speckled, plane).picture(_pose(1.95, 0.0, 0.0))

    middle = picture[262:282, 470:490, 1].astype(float)
    assert middle.mean() == pytest.approx(145.0, abs=12.0)
    assert middle.std() < 20.0
