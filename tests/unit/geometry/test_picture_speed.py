"""Speed from pairs of pictures, each by itself: sure or silent, and seldom."""

import cv2
import numpy as np
import pytest

from agriseg.config import CameraPoseConfig, IntrinsicsConfig
from agriseg.errors import CalibrationError
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.geometry.picture_speed import PAIR_PERIOD_S, PictureSpeed, PictureSpeedometer
from agriseg.messages import Frame, UInt8Array

SIZE = (480, 272)
GSD_M = 1.2 / SIZE[0]
PERIOD_S = 0.05


def soil(seed: int) -> UInt8Array:
    """Return 10 m of soil, forward up."""
    noise = np.random.default_rng(seed).normal(0.0, 1.0, (4000, SIZE[0])).astype(np.float32)
    texture = cv2.GaussianBlur(noise, (0, 0), 3.0)
    return np.clip(110.0 + 45.0 * texture / texture.std(), 0, 255).astype(np.uint8)


def frames(seed: int, speed_m_s: float, count: int) -> list[Frame]:
    """Film the soil from straight above, driving over it from its end on."""
    ground, made = soil(seed), []
    for index in range(count):
        top = 4000 - SIZE[1] - round(speed_m_s * PERIOD_S * index / GSD_M)
        grey = ground[top : top + SIZE[1]]
        image = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
        made.append(Frame(frame_id=index, t_capture_s=PERIOD_S * index, image=np.asarray(image)))
    return made


@pytest.fixture
def meter() -> PictureSpeedometer:
    return PictureSpeedometer(GroundPlane(IntrinsicsConfig(), CameraPoseConfig(), SIZE))


def measured(meter: PictureSpeedometer, film: list[Frame]) -> list[PictureSpeed]:
    readings = [meter.add(frame) for frame in film]
    return [reading for reading in readings if reading is not None]


@pytest.mark.parametrize("speed_m_s", [0.0, 0.5, 2.0, 6.0])
def test_each_pair_says_the_speed_within_two_percent(
    meter: PictureSpeedometer, speed_m_s: float
) -> None:
    readings = measured(meter, frames(1, speed_m_s, 20))
    assert len(readings) == 4
    for reading in readings:
        assert reading.speed_m_s == pytest.approx(speed_m_s, rel=0.02, abs=0.01)
        assert reading.t_to_s - reading.t_from_s == pytest.approx(PERIOD_S)


def test_only_two_frames_are_looked_at_in_each_period(meter: PictureSpeedometer) -> None:
    readings = measured(meter, frames(1, 1.0, 41))
    gaps = np.diff([reading.t_from_s for reading in readings])
    assert gaps == pytest.approx(np.full(7, PAIR_PERIOD_S))


def test_pictures_without_common_ground_say_nothing(meter: PictureSpeedometer) -> None:
    for seed in range(20):
        meter.forget()
        before, now = frames(2 * seed, 0.0, 1)[0], frames(2 * seed + 1, 0.0, 2)[1]
        assert measured(meter, [before, now]) == []


def test_halves_that_disagree_say_nothing(meter: PictureSpeedometer) -> None:
    slow, fast = frames(1, 0.5, 2), frames(1, 3.0, 2)
    image = slow[1].image.copy()
    image[:, : SIZE[0] // 2] = fast[1].image[:, : SIZE[0] // 2]
    torn = Frame(frame_id=1, t_capture_s=PERIOD_S, image=image)
    assert measured(meter, [slow[0], torn]) == []


def test_frames_far_apart_are_no_pair(meter: PictureSpeedometer) -> None:
    first, second = frames(1, 0.1, 2)
    late = Frame(frame_id=1, t_capture_s=0.4, image=second.image)
    assert measured(meter, [first, late]) == []


def test_another_picture_size_is_refused(meter: PictureSpeedometer) -> None:
    small = Frame(frame_id=0, t_capture_s=0.0, image=np.zeros((136, 240, 3), np.uint8))
    with pytest.raises(CalibrationError, match="240 x 136 pixels"):
        meter.add(small)
