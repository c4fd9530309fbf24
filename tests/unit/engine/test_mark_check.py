"""Marks of the machine: moved closes and stays closed, unseen is only told, none does nothing."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from fakes import FakeCamera, FakeController, FakeSegmenter, FakeSink

from agriseg.clock import VirtualClock
from agriseg.config import parse_config
from agriseg.engine import EngineParts, FieldEngine
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.geometry.machine_marks import MachineMark, cut_mark
from agriseg.messages import CommandKind, EngineCommand, EngineState, Frame, UInt8Array
from agriseg.opencv import cv2
from agriseg.pipeline import FieldPipeline
from agriseg.segmenting import InlineSegmenting
from agriseg.spraying.boom import Boom

SIZE = (480, 272)
PLACES = ((80, 220), (240, 225), (400, 220))
TICK_S = 0.05
GROUNDS = 5


@cache
def picture(index: int, shift_px: int = 0, *, covered: bool = False) -> UInt8Array:
    """Return ground that is another in each of five pictures, with three patterned plates on it."""
    rng = np.random.default_rng([index, 9])
    grey = cv2.GaussianBlur(rng.normal(110.0, 60.0, (SIZE[1], SIZE[0])), (0, 0), 2.0)
    image = np.clip(grey, 0, 240).astype(np.uint8)
    for u, v in () if covered else PLACES:
        left = u + shift_px
        cv2.rectangle(image, (left - 20, v - 20), (left + 20, v + 20), 200, -1)
        cv2.rectangle(image, (left - 10, v - 10), (left - 1, v - 1), 30, -1)
        cv2.rectangle(image, (left + 2, v + 1), (left + 10, v + 9), 30, -1)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)


def marks() -> tuple[MachineMark, ...]:
    grey = np.asarray(cv2.cvtColor(picture(0), cv2.COLOR_BGR2GRAY), np.uint8)
    return tuple(cut_mark(grey, u, v) for u, v in PLACES)


class Machine:
    """An engine that stands, and whose camera shows what a test says."""

    def __init__(self, watched: tuple[MachineMark, ...], **camera: float) -> None:
        config = parse_config(
            {"camera": {"width_px": SIZE[0], "height_px": SIZE[1], **camera}}, source="test"
        )
        self.clock = VirtualClock(start_s=10.0)
        self.camera = FakeCamera()
        self.controller = FakeController(self.clock, speed_m_s=0.0)
        self.frames = 0
        ground = GroundPlane(config.camera.intrinsics, config.camera.pose, SIZE)
        boom = Boom(config.boom)
        self.engine = FieldEngine(
            EngineParts(
                config=config,
                clock=self.clock,
                camera=self.camera,
                segmenting=InlineSegmenting(FakeSegmenter()),
                boom=boom,
                pipeline=FieldPipeline(config, ground, boom),
                controller=self.controller,
                reopen_controller=None,
                open_run=FakeSink,
                on_run_closed=[].append,
                marks=watched,
            )
        )

    def run(self, seconds: float, shift_px: int = 0, *, covered: bool = False) -> None:
        """Let time pass, with a frame every 200 ms."""
        for tick in range(round(seconds / TICK_S)):
            if tick % 4 == 0:
                image = picture(self.frames % GROUNDS + 1, shift_px, covered=covered)
                self.camera.coming.append(
                    Frame(frame_id=self.frames, t_capture_s=self.clock.now_s(), image=image)
                )
                self.frames += 1
            self.engine.step()
            self.clock.sleep_until(self.clock.now_s() + TICK_S)

    def start(self) -> None:
        self.run(0.4)
        self.engine.handle(EngineCommand(kind=CommandKind.START))
        self.run(0.4)
        assert self.state is EngineState.SPRAYING

    @property
    def state(self) -> EngineState:
        return self.engine.snapshot().state

    @property
    def alarms(self) -> dict[str, str]:
        alarms = self.engine.snapshot().alarms
        return {alarm.code: alarm.text for alarm in alarms if alarm.active}


def test_a_camera_that_moved_closes_and_cannot_be_started_until_it_is_put_back() -> None:
    machine = Machine(marks())
    machine.start()
    machine.run(3.0)
    assert machine.alarms == {}
    machine.run(1.5, shift_px=15)
    assert machine.state is EngineState.STOPPED
    assert "15 px" in machine.alarms["marks-moved"]
    assert "All nozzles were closed" in machine.alarms["marks-moved"]
    machine.engine.handle(EngineCommand(kind=CommandKind.ACKNOWLEDGE, value="marks-moved"))
    machine.run(0.5, shift_px=15)
    assert "step Ground" in " ".join(machine.engine.not_ready())
    machine.run(2.5)
    assert machine.alarms == {}
    assert machine.engine.not_ready() == ()


def test_a_standing_machine_that_does_not_spray_is_watched_too() -> None:
    machine = Machine(marks())
    machine.run(3.0, shift_px=15)
    assert "marks-moved" in machine.alarms
    assert "were closed" not in machine.alarms["marks-moved"]


def test_marks_that_cannot_be_seen_are_told_after_a_while_and_close_nothing() -> None:
    machine = Machine(marks())
    machine.start()
    machine.run(3.0)
    machine.run(5.0, covered=True)
    assert machine.alarms == {}, "dust passes"
    machine.run(3.0)
    machine.run(13.0, covered=True)
    assert list(machine.alarms) == ["marks-doubtful"]
    assert "cannot be seen" in machine.alarms["marks-doubtful"]
    assert machine.state is EngineState.SPRAYING
    machine.run(3.0)
    assert machine.alarms == {}


def test_marks_of_another_size_of_picture_are_told() -> None:
    grey = np.zeros((400, 640), np.uint8)
    cv2.rectangle(grey, (300, 200), (312, 209), 200, -1)
    machine = Machine((cut_mark(grey, 306, 204),))
    machine.run(1.0)
    assert "another size" in machine.alarms["marks-doubtful"]


@pytest.mark.parametrize(("watched", "limit_mm"), [((), 10.0), (marks(), 0.0)])
def test_without_marks_or_with_a_limit_of_zero_nothing_is_said(
    watched: tuple[MachineMark, ...], limit_mm: float
) -> None:
    machine = Machine(watched, marks_stop_mm=limit_mm)
    machine.start()
    machine.run(3.0, shift_px=30)
    assert machine.alarms == {}
