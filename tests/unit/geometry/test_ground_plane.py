"""Picture to ground and back, with answers worked out by hand."""

import math

import numpy as np
import pytest

from agriseg.config import CameraPoseConfig, IntrinsicsConfig
from agriseg.errors import CalibrationError
from agriseg.geometry.ground_plane import GroundPlane

SIZE = (960, 544)
CENTRE = [[479.5, 271.5]]


def plane(
    intrinsics: IntrinsicsConfig | None = None,
    size: tuple[int, int] = SIZE,
    **pose: float,
) -> GroundPlane:
    return GroundPlane(intrinsics or IntrinsicsConfig(), CameraPoseConfig(**pose), size)


def test_straight_down_camera_maps_by_similar_triangles() -> None:
    ground = plane(x_m=1.55, y_m=0.1, z_m=2.0)
    points = np.array([[479.5, 271.5], [479.5, 231.5], [519.5, 271.5], [439.5, 311.5]])
    # 40 px at fx 800 and 2 m height are 0.1 m; up in the picture is forward, right is -y.
    expected = [[1.55, 0.1], [1.65, 0.1], [1.55, 0.0], [1.45, 0.2]]
    assert ground.ground_from_image(points) == pytest.approx(np.array(expected), abs=1e-9)


def test_pitch_swings_the_view_forward_by_the_tangent() -> None:
    ground = plane(x_m=1.0, z_m=1.0, pitch_deg=30.0)
    assert ground.ground_from_image(np.array(CENTRE)) == pytest.approx(
        np.array([[1.0 + math.tan(math.radians(30)), 0.0]]), abs=1e-9
    )


def test_roll_swings_the_view_to_the_left() -> None:
    ground = plane(x_m=1.0, z_m=1.0, roll_deg=20.0)
    assert ground.ground_from_image(np.array(CENTRE)) == pytest.approx(
        np.array([[1.0, math.tan(math.radians(20))]]), abs=1e-9
    )


def test_yaw_turns_the_top_of_the_picture_to_the_left() -> None:
    ground = plane(x_m=0.0, z_m=1.0, yaw_deg=90.0)
    top = ground.ground_from_image(np.array([[479.5, 191.5]]))
    assert top == pytest.approx(np.array([[0.0, 0.1]]), abs=1e-9)


def test_yaw_turns_a_pitched_view_as_a_whole() -> None:
    ground = plane(x_m=0.0, z_m=1.0, pitch_deg=45.0, yaw_deg=90.0)
    centre = ground.ground_from_image(np.array(CENTRE))
    assert centre == pytest.approx(np.array([[0.0, 1.0]]), abs=1e-9)


@pytest.mark.parametrize(
    "pose",
    [
        {},
        {"pitch_deg": 25.0},
        {"pitch_deg": 35.0, "roll_deg": -12.0, "yaw_deg": 40.0, "y_m": -0.3},
        {"pitch_deg": -20.0, "yaw_deg": 180.0},
    ],
)
@pytest.mark.parametrize("distorted", [False, True])
def test_there_and_back(pose: dict[str, float], distorted: bool) -> None:
    lens = IntrinsicsConfig(k1=-0.28, k2=0.09, p1=0.001, p2=-0.002, k3=-0.01)
    ground = plane(lens if distorted else None, **pose)
    rng = np.random.default_rng(3)
    points = rng.uniform([0, 0], [959, 543], (200, 2))
    metres = ground.ground_from_image(points)
    assert np.isfinite(metres).all()
    assert ground.image_from_ground(metres) == pytest.approx(points, abs=0.01)


def test_homography_is_the_undistorted_projection() -> None:
    ground = plane(pitch_deg=30.0, roll_deg=5.0, yaw_deg=-10.0)
    metres = np.array([[1.9, 0.2], [2.2, -0.3]])
    homogeneous = np.column_stack((metres, np.ones(2))) @ ground.h_image_base.T
    assert homogeneous[:, :2] / homogeneous[:, 2:] == pytest.approx(
        ground.image_from_ground(metres), abs=1e-6
    )


def test_barrel_distortion_shows_more_ground_at_the_edge() -> None:
    straight, barrel = plane(), plane(IntrinsicsConfig(k1=-0.2))
    assert barrel.view_polygon_m[:, 1].max() > straight.view_polygon_m[:, 1].max() + 0.03


def test_intrinsics_scale_with_the_picture() -> None:
    full, half = plane(), plane(size=(480, 272))
    # The outer edges of the picture are half a pixel outside the outer pixel centres.
    edge_full = full.ground_from_image(np.array([[-0.5, -0.5]]))
    edge_half = half.ground_from_image(np.array([[-0.5, -0.5]]))
    assert edge_half == pytest.approx(edge_full, abs=1e-9)


def test_rays_above_the_horizon_have_no_ground() -> None:
    ground = plane(pitch_deg=75.0, z_m=1.0)
    points = np.array([[479.5, 0.0], [479.5, 543.0]])
    metres = ground.ground_from_image(points)
    assert np.isnan(metres[0]).all()
    assert np.isfinite(metres[1]).all()


def test_points_behind_the_camera_are_not_in_the_picture() -> None:
    ground = plane(x_m=1.0, z_m=1.0, pitch_deg=60.0)
    assert np.isnan(ground.image_from_ground(np.array([[-5.0, 0.0]]))).all()


def test_strong_barrel_does_not_fold_far_ground_into_the_picture() -> None:
    ground = plane(IntrinsicsConfig(k1=-0.3))
    assert np.isnan(ground.image_from_ground(np.array([[3.5, 0.0]]))).all()


def test_view_polygon_and_gsd_of_the_standard_camera() -> None:
    ground = plane(x_m=1.55, z_m=1.0)
    assert ground.near_x_m == pytest.approx(1.55 - 271.5 / 800, abs=1e-6)
    assert ground.far_x_m == pytest.approx(1.55 + 271.5 / 800, abs=1e-6)
    assert ground.view_polygon_m[:, 1].max() == pytest.approx(479.5 / 800, abs=1e-6)
    assert ground.centre_gsd_m == pytest.approx(1 / 800, rel=1e-6)


def test_tilted_view_leaves_out_coarse_ground_and_sky() -> None:
    ground = plane(pitch_deg=70.0, z_m=1.0)
    gsd = ground.gsd_m(ground.view_polygon_m)
    assert np.isfinite(ground.view_polygon_m).all()
    assert gsd.max() <= 3.05 * gsd.min()


def test_camera_that_looks_at_the_sky_is_refused_by_name() -> None:
    lens = IntrinsicsConfig(cy_px=4000.0)
    with pytest.raises(CalibrationError, match=r"camera\.pose.*pitch_deg 75"):
        plane(lens, pitch_deg=75.0)


def test_lens_that_folds_the_picture_is_refused_by_name() -> None:
    with pytest.raises(CalibrationError, match=r"k1 -1\.5.*calibrate"):
        plane(IntrinsicsConfig(k1=-1.5))
