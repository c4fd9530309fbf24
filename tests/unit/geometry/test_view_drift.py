"""A camera that looks elsewhere than it was calibrated is noticed; one that does not is not."""

from __future__ import annotations

import numpy as np
import pytest

from agriseg.config import CameraPoseConfig, IntrinsicsConfig
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.geometry.view_drift import Drift, Travel, ViewDrift
from agriseg.opencv import cv2

SIZE = (640, 360)
LENS = IntrinsicsConfig(width_px=640, height_px=360, fx_px=540, fy_px=540, cx_px=319.5, cy_px=179.5)
CELL_M = 0.002


@pytest.fixture(scope="module")
def soil() -> np.ndarray:
    """Return ground with texture of all sizes, 4 m along x (rows), 2 m across (columns)."""
    rng = np.random.default_rng(5)
    layers = [
        cv2.resize(
            rng.normal(0, 26, (2000 // step, 1000 // step)).astype(np.float32),
            (1000, 2000),
            interpolation=cv2.INTER_CUBIC,
        )
        for step in (4, 10, 25)
    ]
    return np.clip(110 + sum(layers), 0, 255).astype(np.uint8)


def picture(soil: np.ndarray, ground: GroundPlane, x_m: float) -> np.ndarray:
    """Return what the camera sees when base_link is at ``x_m``."""
    grid = np.stack(np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1])), axis=2)
    seen = ground.ground_from_image(grid.reshape(-1, 2).astype(float)).reshape(*grid.shape[:2], 2)
    rows = ((seen[..., 0] + x_m) / CELL_M).astype(np.float32)
    columns = ((seen[..., 1] + 1.0) / CELL_M).astype(np.float32)
    grey = cv2.remap(soil, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)


def drive(
    soil: np.ndarray, calibrated: CameraPoseConfig, slip: float = 0.0, **turned: float
) -> Drift:
    """Return what was found after 12 pairs of pictures with a camera moved by so much."""
    true = calibrated.model_copy(
        update={name: getattr(calibrated, name) + by for name, by in turned.items()}
    )
    ground = GroundPlane(LENS, true, SIZE)
    found = ViewDrift(GroundPlane(LENS, calibrated, SIZE))
    rng = np.random.default_rng(1)
    for index in range(12):
        x_m = 0.1 * index
        pair = [picture(soil, ground, at) for at in (x_m, x_m + 0.06)]
        noisy = [np.clip(p + rng.normal(0, 2, p.shape), 0, 255).astype(np.uint8) for p in pair]
        travel = Travel(forward_m=0.06 * (1.0 + slip), left_m=0.0, turn_rad=0.0)
        found.add(*noisy, travel, distance_m=x_m)
    assert found.pairs == 12
    assert found.drift(13) is None
    drift = found.drift(12)
    assert drift is not None
    return drift


POSE = CameraPoseConfig(x_m=1.0, z_m=1.0, pitch_deg=10.0)


def test_a_camera_as_calibrated_is_left_alone_even_with_a_slipping_wheel(soil: np.ndarray) -> None:
    drift = drive(soil, POSE, slip=0.02)
    assert np.abs(drift.angles_deg).max() < 0.5
    assert np.abs(drift.sure_angles_deg).max() < 0.3
    assert drift.faster == pytest.approx(-0.02, abs=0.004)
    assert drift.travel_m == pytest.approx(1.1)


@pytest.mark.parametrize(("name", "index"), [("roll_deg", 0), ("pitch_deg", 1), ("yaw_deg", 2)])
@pytest.mark.parametrize("by_deg", [4.0, -1.5])
def test_a_turned_camera_is_found_and_by_how_much(
    soil: np.ndarray, name: str, index: int, by_deg: float
) -> None:
    drift = drive(soil, POSE, **{name: by_deg})
    assert drift.angles_deg[index] == pytest.approx(by_deg, abs=0.6)
    assert abs(drift.sure_angles_deg[index]) > 0.5 * abs(by_deg)
    assert np.sign(drift.sure_angles_deg[index]) == np.sign(by_deg)


@pytest.mark.parametrize("higher_m", [0.03, -0.03])
def test_a_camera_that_stands_higher_sees_the_ground_pass_slower(
    soil: np.ndarray, higher_m: float
) -> None:
    drift = drive(soil, POSE, z_m=higher_m)
    assert drift.faster == pytest.approx(-higher_m, abs=0.005)
    assert abs(drift.sure_faster) > 0.015
    assert np.abs(drift.sure_angles_deg).max() < 0.3


def test_few_pairs_are_less_sure_than_many(soil: np.ndarray) -> None:
    ground = GroundPlane(LENS, POSE, SIZE)
    found = ViewDrift(ground)
    for index in range(12):
        pair = [picture(soil, ground, 0.1 * index + at) for at in (0.0, 0.06)]
        found.add(*pair, Travel(forward_m=0.06, left_m=0.0, turn_rad=0.0))
    few, many = found.drift(4), found.drift(12)
    assert few is not None
    assert many is not None
    assert np.all(few.std_deg > many.std_deg)


def test_a_standing_machine_says_nothing(soil: np.ndarray) -> None:
    ground = GroundPlane(LENS, POSE, SIZE)
    found = ViewDrift(ground)
    seen = picture(soil, ground, 0.0)
    for _ in range(10):
        found.add(seen, seen, Travel(forward_m=0.0, left_m=0.0, turn_rad=0.0))
    assert found.pairs == 0
    assert found.drift(3) is None
