"""Speed from pictures of a textured ground with known motion."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from agriseg.config import CameraPoseConfig, IntrinsicsConfig
from agriseg.errors import CalibrationError
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.geometry.visual_odometry import VisualOdometry
from agriseg.messages import Frame, OdometrySample, OdometrySource

SIZE = (480, 272)
CELL_M = 0.002


class TexturedGround:
    """Random soil, 12 m long and 4 m wide, seen through a camera."""

    def __init__(self, pose: CameraPoseConfig | None = None) -> None:
        self.plane = GroundPlane(IntrinsicsConfig(), pose or CameraPoseConfig(), SIZE)
        rng = np.random.default_rng(7)
        noise = rng.normal(0.0, 1.0, (2000, 6000)).astype(np.float32)
        soil = cv2.GaussianBlur(noise, (0, 0), 3.0) + 2.0 * cv2.GaussianBlur(noise, (0, 0), 12.0)
        scaled = 110.0 + 45.0 * soil / soil.std()
        self._soil = np.clip(scaled, 0, 255).astype(np.uint8)
        grid = np.stack(np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1])), axis=2)
        self._ground = self.plane.ground_from_image(grid.reshape(-1, 2).astype(np.float64))

    def frame(self, index: int, t_s: float, x_m: float, heading_rad: float = 0.0) -> Frame:
        cos, sin = np.cos(heading_rad), np.sin(heading_rad)
        x = x_m + self._ground[:, 0] * cos - self._ground[:, 1] * sin
        y = self._ground[:, 0] * sin + self._ground[:, 1] * cos
        columns = ((x + 2.0) / CELL_M).astype(np.float32).reshape(SIZE[1], SIZE[0])
        rows = ((y + 2.0) / CELL_M).astype(np.float32).reshape(SIZE[1], SIZE[0])
        grey = cv2.remap(self._soil, columns, rows, cv2.INTER_LINEAR)
        return Frame(frame_id=index, t_capture_s=t_s, image=cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR))


@pytest.fixture(scope="module")
def ground() -> TexturedGround:
    return TexturedGround()


def drive(
    ground: TexturedGround, positions_m: NDArray[np.float64], period_s: float = 0.05
) -> tuple[VisualOdometry, list[OdometrySample | None]]:
    odometry = VisualOdometry(ground.plane)
    readings = [
        odometry.add(ground.frame(i, period_s * i, float(x))) for i, x in enumerate(positions_m)
    ]
    return odometry, readings


@pytest.mark.parametrize("speed", [0.3, 2.0, 6.0])
def test_distance_and_speed_are_within_a_percent(ground: TexturedGround, speed: float) -> None:
    positions = speed * 0.05 * np.arange(20)
    _, readings = drive(ground, positions)
    assert readings[0] is None
    last = readings[-1]
    assert last is not None
    assert last.source is OdometrySource.VISUAL
    assert last.distance_m == pytest.approx(positions[-1], rel=0.01)
    assert last.speed_m_s == pytest.approx(speed, rel=0.02)


def test_accelerating_from_rest_is_followed(ground: TexturedGround) -> None:
    t = 0.05 * np.arange(30)
    positions = 0.5 * 2.0 * t**2
    _, readings = drive(ground, positions)
    assert all(reading is not None for reading in readings[1:])
    assert readings[-1] is not None
    assert readings[-1].distance_m == pytest.approx(positions[-1], rel=0.01)


def test_reversing_counts_backwards(ground: TexturedGround) -> None:
    _, readings = drive(ground, 3.0 - 0.04 * np.arange(12))
    assert readings[-1] is not None
    assert readings[-1].distance_m == pytest.approx(-0.44, rel=0.02)
    assert readings[-1].speed_m_s == pytest.approx(-0.8, rel=0.05)


def test_turning_to_the_left_is_positive(ground: TexturedGround) -> None:
    odometry = VisualOdometry(ground.plane)
    rates = []
    for index in range(12):
        reading = odometry.add(ground.frame(index, 0.05 * index, 0.02 * index, 0.01 * index))
        if reading is not None:
            rates.append(reading.yaw_rate_rad_s)
    assert np.mean(rates) == pytest.approx(0.2, rel=0.15)


def test_tilted_camera_measures_the_same(ground: TexturedGround) -> None:
    tilted = TexturedGround(CameraPoseConfig(x_m=1.2, pitch_deg=30.0))
    _, readings = drive(tilted, 0.08 * np.arange(15))
    assert readings[-1] is not None
    assert readings[-1].distance_m == pytest.approx(1.12, rel=0.01)


def test_a_blind_frame_gives_no_reading_and_loses_no_ground(ground: TexturedGround) -> None:
    odometry = VisualOdometry(ground.plane)
    blind = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    readings = []
    for index in range(10):
        frame = ground.frame(index, 0.05 * index, 0.05 * index)
        if index == 5:
            frame = Frame(frame_id=index, t_capture_s=0.25, image=blind)
        readings.append(odometry.add(frame))
    assert readings[5] is None
    assert readings[9] is not None
    assert readings[9].distance_m == pytest.approx(0.45, rel=0.01)
    assert odometry.breaks == 0


def test_long_blindness_is_a_break(ground: TexturedGround) -> None:
    odometry = VisualOdometry(ground.plane)
    for index in range(3):
        odometry.add(ground.frame(index, 0.05 * index, 0.05 * index))
    assert odometry.add(ground.frame(3, 2.0, 3.0)) is None
    assert odometry.breaks == 1
    assert odometry.add(ground.frame(4, 2.05, 3.05)) is not None


def test_unrelated_pictures_give_no_reading(ground: TexturedGround) -> None:
    odometry = VisualOdometry(ground.plane)
    rng = np.random.default_rng(0)
    for index in range(6):
        noise = rng.integers(0, 255, (SIZE[1], SIZE[0], 3), np.uint8)
        frame = Frame(frame_id=index, t_capture_s=0.05 * index, image=noise)
        assert odometry.add(frame) is None


def test_a_view_too_narrow_is_refused() -> None:
    narrow = GroundPlane(IntrinsicsConfig(height_px=64, cy_px=31.5), CameraPoseConfig(), (960, 36))
    with pytest.raises(CalibrationError, match="too little to measure the speed"):
        VisualOdometry(narrow)


def preview(frame: Frame) -> Frame:
    return replace(frame, is_preview=True)


@pytest.mark.parametrize("speed", [0.0, 0.5, 2.0, 4.0, 8.0])
def test_a_recording_that_stood_still_is_followed_from_its_first_pair(
    ground: TexturedGround, speed: float
) -> None:
    odometry = VisualOdometry(ground.plane)
    for i in range(5):
        standing = odometry.add(preview(ground.frame(-i, 0.05 * i, 0.3)))
        assert standing is not None
        assert (standing.distance_m, standing.speed_m_s) == (0.0, 0.0)
    readings = [
        odometry.add(ground.frame(i, 0.27 + 0.05 * i, 0.3 + speed * 0.05 * i)) for i in range(8)
    ]
    for i, reading in enumerate(readings):
        assert reading is not None
        assert reading.t_s == pytest.approx(0.27 + 0.05 * i)
        assert reading.distance_m == pytest.approx(speed * 0.05 * i, rel=0.01, abs=1e-3)
    assert readings[1] is not None
    assert readings[1].speed_m_s == pytest.approx(speed, rel=0.02, abs=0.02)
    assert odometry.breaks == 0


def test_no_ground_is_lost_when_the_frame_it_was_held_at_was_not_looked_at(
    ground: TexturedGround,
) -> None:
    odometry = VisualOdometry(ground.plane)
    for i in range(5):
        odometry.add(ground.frame(i, 0.05 * i, 0.1 * i))
    held = [odometry.add(preview(ground.frame(-i, 0.3 + 0.05 * i, 0.5))) for i in range(3)]
    assert held[0] is not None
    assert held[-1] is not None
    assert held[-1].distance_m == pytest.approx(0.5, rel=0.01)
    assert held[-1].speed_m_s == 0.0
    resumed = [odometry.add(ground.frame(i, 0.3 + 0.05 * i, 0.1 * i)) for i in range(5, 9)]
    assert resumed[-1] is not None
    assert resumed[-1].distance_m == pytest.approx(0.8, rel=0.01)


def test_a_first_frame_that_is_skipped_does_not_mislead(ground: TexturedGround) -> None:
    """A slow model sees the second frame first: its pair spans more time than it should."""
    odometry = VisualOdometry(ground.plane)
    odometry.add(preview(ground.frame(-1, 0.0, 0.0)))
    late = [odometry.add(ground.frame(i, 0.1 + 0.05 * i, 0.15 * i)) for i in range(1, 6)]
    assert all(reading is not None for reading in late)
    assert late[-1] is not None
    assert late[-1].distance_m == pytest.approx(0.75, rel=0.01)


def test_pictures_without_common_ground_give_no_reading_after_standing(
    ground: TexturedGround,
) -> None:
    odometry = VisualOdometry(ground.plane)
    odometry.add(preview(ground.frame(-1, 0.0, 0.0)))
    odometry.add(ground.frame(0, 0.05, 0.0))
    far = [odometry.add(ground.frame(i, 0.05 + 0.05 * i, 1.5 * i)) for i in range(1, 6)]
    assert far == [None] * 5


def test_a_real_drive_is_followed_frame_by_frame(shared_data: Path) -> None:
    """A fifth of each picture is seen again in the next: less than a strip at other speeds."""
    size = (1296, 966)
    intrinsics = IntrinsicsConfig(
        width_px=size[0], height_px=size[1], fx_px=1080.0, fy_px=1080.0, cx_px=647.5, cy_px=482.5
    )
    odometry = VisualOdometry(GroundPlane(intrinsics, CameraPoseConfig(), size))
    images = sorted((shared_data / "sugarbeet_drive" / "images").iterdir())[:20]
    steps_m = []
    for i, path in enumerate(images):
        image = cv2.imread(str(path))
        assert image is not None
        frame = Frame(frame_id=i, t_capture_s=0.2 * i, image=np.asarray(image, np.uint8))
        if i == 0:
            odometry.add(preview(replace(frame, t_capture_s=-0.05)))
        reading = odometry.add(frame)
        assert reading is not None, path.name
        steps_m.append(reading.distance_m)
    # 765 of 966 pixels, as the data's own description says
    assert np.diff(steps_m) == pytest.approx(np.full(19, 765 / 1080), rel=0.03)
    assert odometry.breaks == 0
