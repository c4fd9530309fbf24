"""The pipeline as the engine uses it: frames in, plans out, resets and limits said."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "sim"))

from label_field import SIZE, Drive, LabelField, capabilities, make_config

from agriseg.errors import CalibrationError
from agriseg.messages import ClassId, Frame, OdometrySample, OdometrySource, Segmentation


def steady(t: float) -> float:
    return 2.0


def blank(size: tuple[int, int] = SIZE, label: int = 0) -> tuple[Frame, Segmentation]:
    labels = np.full((size[1], size[0]), label, np.uint8)
    frame = Frame(frame_id=0, t_capture_s=0.0, image=np.zeros((size[1], size[0], 3), np.uint8))
    segmentation = Segmentation(
        frame_id=0,
        t_capture_s=0.0,
        labels=labels,
        weed_probability=np.zeros_like(labels),
        crop_probability=np.zeros_like(labels),
        forward_ms=0.0,
        segmenter="test",
    )
    return frame, segmentation


def wheel(t_s: float, distance_m: float) -> OdometrySample:
    return OdometrySample(
        t_s=t_s, distance_m=distance_m, speed_m_s=2.0, source=OdometrySource.WHEEL
    )


def one_weed() -> Drive:
    ground = LabelField(5.0)
    ground.disc(ClassId.WEED, 3.0, 0.02, 0.01)
    return Drive(ground, make_config(), steady)


def test_cover_is_the_share_of_the_picture() -> None:
    drive = one_weed()
    frame, segmentation = blank()
    half = segmentation.labels.copy()
    half[: SIZE[1] // 2] = ClassId.WEED
    half[SIZE[1] // 2 :, : SIZE[0] // 4] = ClassId.CROP
    halved = Segmentation(
        frame_id=0,
        t_capture_s=0.0,
        labels=half,
        weed_probability=segmentation.weed_probability,
        crop_probability=segmentation.crop_probability,
        forward_ms=0.0,
        segmenter="test",
    )
    result = drive.pipeline.integrate(frame, halved)
    assert result.weed_cover == pytest.approx(0.5)
    assert result.crop_cover == pytest.approx(0.125)
    assert result.vehicle is None


def test_without_odometry_there_is_no_plan_and_the_reason_is_said() -> None:
    drive = one_weed()
    drive.pipeline.integrate(*blank())
    plan = drive.pipeline.plan(0.05)
    assert plan.events == ()
    assert drive.pipeline.status.withheld == "no-odometry"
    assert math.isnan(drive.pipeline.lookahead_s(0.05))
    assert not any(drive.pipeline.commanded_at(0.05))


def test_frames_of_another_size_are_refused() -> None:
    drive = one_weed()
    drive.pipeline.odometry.add(wheel(0.0, 0.0))
    with pytest.raises(CalibrationError, match="640x480"):
        drive.pipeline.integrate(*blank((640, 480)))


def test_lookahead_is_what_segmenting_may_take() -> None:
    drive = one_weed()
    drive.pipeline.odometry.add(wheel(0.0, 0.0))
    near_m = 1.55 - 271.5 / 800 + 0.015
    # 12 ms valve, 20 ms fall.
    assert drive.pipeline.lookahead_s(0.0) == pytest.approx(near_m / 2.0 - 0.032)


def test_commanded_state_is_that_of_the_moment() -> None:
    drive = one_weed().run(1.5)
    (event,) = {e.event_id: e for e in drive.events if e.nozzle_id == 11}.values()
    middle_s = drive.time_at(0.5 * (event.open_at + event.close_at))
    assert drive.pipeline.commanded_at(middle_s)[11]
    assert not drive.pipeline.commanded_at(middle_s - 0.1)[11]


def test_a_restart_commands_again_what_had_not_begun() -> None:
    drive = one_weed().run(1.45)
    first = [e for e in drive.events if e.nozzle_id == 11]
    assert len(first) == 1
    drive.pipeline.restart(1.45)
    plan = drive.pipeline.plan(1.451)
    again = [e for e in plan.events if e.nozzle_id == 11]
    assert len(again) == 1
    assert again[0].open_at == pytest.approx(first[0].open_at)


def test_a_restart_does_not_count_what_passed_before_it() -> None:
    drive = one_weed()
    drive.capabilities = capabilities()
    for index in range(60):
        t_s = 0.05 * index
        drive.pipeline.odometry.add(wheel(t_s, 2.0 * t_s))
        drive.pipeline.integrate(*drive._see(index, t_s, 2.0 * t_s))
    # The engine was paused: frames came, nothing was planned, the weed is behind the boom.
    drive.pipeline.restart(2.96)
    plan = drive.pipeline.plan(2.96)
    assert plan.events == ()
    assert plan.missed == ()


def test_an_odometer_that_begins_anew_drops_the_map() -> None:
    drive = one_weed().run(1.0)
    drive.pipeline.odometry.add(wheel(1.02, 900.0))
    plan = drive.pipeline.plan(1.03)
    assert plan.events == ()
    assert drive.pipeline.status.withheld == "stale-frame"
    # Where the weed was in the old count there is nothing now.
    for t_s in np.arange(1.04, 2.0, 0.02):
        drive.pipeline.odometry.add(wheel(float(t_s), 900.0 + 2.0 * (float(t_s) - 1.02)))
        assert drive.pipeline.plan(float(t_s)).events == ()


def test_without_an_encoder_speed_comes_from_the_pictures() -> None:
    drive = one_weed()
    drive.pipeline.capabilities = capabilities(has_encoder=False)
    rng = np.random.default_rng(0)
    soil = rng.integers(0, 255, (2400, SIZE[0], 3), np.uint8)
    soil = cv2.GaussianBlur(soil, (0, 0), 4.0)
    _, segmentation = blank()
    for index in range(12):
        # 80 px of 1.25 mm in 50 ms: 2 m/s.
        top = 1700 - 80 * index
        image = np.ascontiguousarray(soil[top : top + SIZE[1]])
        frame = Frame(frame_id=index, t_capture_s=0.05 * index, image=image)
        drive.pipeline.integrate(frame, segmentation)
    vehicle = drive.pipeline.vehicle_at(0.55)
    assert vehicle is not None
    assert vehicle.source is OdometrySource.VISUAL
    assert vehicle.speed_m_s == pytest.approx(2.0, rel=0.02)
