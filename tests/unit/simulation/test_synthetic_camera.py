"""The simulated camera keeps time, counts drops, ends, and obeys its controls."""

from __future__ import annotations

import numpy as np
import pytest
from painted_world import PaintedWorld, Rectangle

from agriseg.cameras.synthetic import SyntheticCamera
from agriseg.clock import VirtualClock
from agriseg.config import CameraConfig, SimulationConfig
from agriseg.errors import CameraError
from agriseg.messages import ClassId, Frame
from agriseg.simulation.seen_plants import SeenPlants
from agriseg.simulation.trajectory import Trajectory
from agriseg.simulation.truth import TruthSegmenter
from agriseg.simulation.world import World

START_S = 50.0
WEED = Rectangle(77, ClassId.WEED, 2.0, 2.04, -0.02, 0.02)
CROP = Rectangle(78, ClassId.CROP, 2.1, 2.2, 0.2, 0.3)


def _camera(
    clock: VirtualClock, world: World | None = None, speed_m_s: float = 1.0, **config: object
) -> SyntheticCamera:
    return SyntheticCamera(
        world or PaintedWorld([WEED, CROP]),
        Trajectory(SimulationConfig(speed_m_s=speed_m_s, wobble_m=0.0)),
        CameraConfig.model_validate({"fps": 10.0, **config}),
        clock,
        START_S,
    )


def _read(camera: SyntheticCamera) -> Frame:
    frame = camera.read(1.0)
    assert frame is not None
    return frame


def test_reading_moves_virtual_time_from_frame_to_frame() -> None:
    clock = VirtualClock(START_S)
    camera = _camera(clock)

    frames = [_read(camera) for _ in range(3)]

    assert [f.t_capture_s - START_S for f in frames] == pytest.approx([0.0, 0.1, 0.2])
    assert [f.frame_id for f in frames] == [0, 1, 2]
    assert clock.now_s() == pytest.approx(START_S + 0.2 + 0.0006)
    assert frames[0].image.shape == (544, 960, 3)


def test_a_frame_can_be_read_when_its_exposure_and_delay_are_over() -> None:
    clock = VirtualClock(START_S)
    camera = _camera(clock, exposure_delay_ms=30.0)

    assert camera.read(0.02) is None
    assert clock.now_s() == pytest.approx(START_S + 0.02)
    assert _read(camera).t_capture_s == START_S


def test_the_newest_frame_wins_and_the_others_are_counted() -> None:
    clock = VirtualClock(START_S)
    camera = _camera(clock)
    _read(camera)
    clock.sleep_until(START_S + 0.55)

    frame = _read(camera)

    assert frame.frame_id == 5
    assert frame.dropped_before == 4
    assert _read(camera).dropped_before == 0


def test_before_the_start_there_is_no_frame() -> None:
    clock = VirtualClock(START_S - 2.0)

    assert _camera(clock).read(0.5) is None
    assert clock.now_s() == START_S - 1.5


def test_a_finite_world_ends() -> None:
    clock = VirtualClock(START_S)
    camera = _camera(clock, PaintedWorld([], length_m=1.0), speed_m_s=10.0)
    _read(camera)
    clock.sleep_until(START_S + 0.4)

    with pytest.raises(EOFError):
        camera.read(1.0)


def test_the_same_run_gives_the_same_pictures() -> None:
    one, other = _camera(VirtualClock(START_S)), _camera(VirtualClock(START_S))

    for _ in range(3):
        np.testing.assert_array_equal(_read(one).image, _read(other).image)


def test_longer_exposure_brightens_and_blurs() -> None:
    bright = _camera(VirtualClock(START_S), speed_m_s=3.0, controls={"exposure": 24.0})
    normal = _camera(VirtualClock(START_S), speed_m_s=3.0)
    images = [
        [_read(camera).image.astype(float) for _ in range(4)][-1] for camera in (normal, bright)
    ]

    edges = [np.abs(np.diff(image.mean(axis=2)[:, 470:490], axis=0)).max() for image in images]
    assert images[1].mean() == pytest.approx(2.0 * images[0].mean(), rel=0.1)
    assert edges[1] / images[1].mean() < 0.8 * edges[0] / images[0].mean()


def test_gain_adds_noise() -> None:
    quiet = _read(_camera(VirtualClock(START_S), controls={"exposure": 8.0}))
    noisy = _read(_camera(VirtualClock(START_S), controls={"exposure": 2.0, "gain": 4.0}))

    corner = (slice(0, 40), slice(0, 40))
    assert noisy.image[corner].std() > 1.5 * quiet.image[corner].std()


def test_controls_are_reported_and_bad_ones_refused() -> None:
    camera = _camera(VirtualClock(START_S))

    assert camera.set_control("exposure", 30.0) == 30.0
    assert camera.controls()["exposure"] == (1.0, 200.0, 30.0)
    with pytest.raises(CameraError, match="gain is 1 to 16, not 99"):
        camera.set_control("gain", 99.0)
    with pytest.raises(CameraError, match="no control 'focus'"):
        _camera(VirtualClock(START_S), controls={"focus": 3.0})


def test_truth_labels_are_those_below_the_frame() -> None:
    camera = _camera(VirtualClock(START_S))
    world, trajectory = PaintedWorld([WEED, CROP]), Trajectory(SimulationConfig(wobble_m=0.0))
    segmenter = TruthSegmenter(world, trajectory, CameraConfig(), START_S)
    frames = [_read(camera) for _ in range(6)]

    seen = segmenter.segment(frames[5])

    green = frames[5].image[..., 1].astype(int) > frames[5].image[..., 0].astype(int) + 60
    agree = np.mean(green == (seen.labels != ClassId.SOIL))
    assert agree > 0.999
    np.testing.assert_array_equal(seen.weed_probability, (seen.labels == ClassId.WEED) * 255)
    np.testing.assert_array_equal(seen.crop_probability, (seen.labels == ClassId.CROP) * 255)
    assert (seen.segmenter, seen.frame_id) == ("true labels", 5)


def test_weeds_labelled_as_weed_count_as_seen() -> None:
    camera = _camera(VirtualClock(START_S))
    world, trajectory = PaintedWorld([WEED, CROP]), Trajectory(SimulationConfig(wobble_m=0.0))
    segmenter = TruthSegmenter(world, trajectory, CameraConfig(), START_S)
    seen = SeenPlants(world, trajectory, CameraConfig(), START_S)

    for _ in range(6):
        seen.add(segmenter.segment(_read(camera)))

    assert seen.plant_ids == {WEED.plant_id}
