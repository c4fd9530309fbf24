"""The engine judges the encoder by the pictures and tells the controller their speed."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from fakes import FakeCamera, FakeController, FakeSegmenter, FakeSink

from agriseg.clock import VirtualClock
from agriseg.config import parse_config
from agriseg.engine import EngineParts, FieldEngine
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.messages import (
    CommandKind,
    ControllerCapabilities,
    ControllerMessage,
    EngineCommand,
    EngineState,
    Frame,
    OdometrySample,
    UInt8Array,
)
from agriseg.pipeline import FieldPipeline
from agriseg.segmenting import InlineSegmenting
from agriseg.spraying.boom import Boom

WIDTH, HEIGHT = 480, 272
GSD_M = 1.2 / WIDTH
TICK_S = 0.01
LENGTH_PX = 20_000


def soil() -> UInt8Array:
    """Return 50 m of soil, forward up."""
    noise = np.random.default_rng(3).normal(0.0, 1.0, (LENGTH_PX, WIDTH)).astype(np.float32)
    texture = cv2.GaussianBlur(noise, (0, 0), 3.0)
    return np.clip(110.0 + 45.0 * texture / texture.std(), 0, 250).astype(np.uint8)


class WheelController(FakeController):
    """Its wheel moves at `speed_m_s`, which may change on the way; it may lack the encoder."""

    def __init__(self, clock: VirtualClock, has_encoder: bool) -> None:
        super().__init__(clock)
        self._now_s = clock.now_s
        self._has_encoder = has_encoder
        self._wheel = (clock.now_s(), 0.0)

    def poll(self) -> list[ControllerMessage]:
        """Return what the fake says, with the distance summed up."""
        before_s, distance_m = self._wheel
        self._wheel = (self._now_s(), distance_m + self.speed_m_s * (self._now_s() - before_s))
        placed: list[ControllerMessage] = []
        for message in super().poll():
            if isinstance(message, ControllerCapabilities):
                placed.append(replace(message, has_encoder=self._has_encoder))
            elif not isinstance(message, OdometrySample):
                placed.append(message)
            elif self._has_encoder:
                placed.append(replace(message, distance_m=self._wheel[1]))
        return placed


class Ride:
    """An engine whose pictures and whose wheel move at speeds of their own."""

    def __init__(self, soil_px: UInt8Array, has_encoder: bool = True) -> None:
        config = parse_config({"camera": {"width_px": WIDTH, "height_px": HEIGHT}}, source="test")
        self.clock = VirtualClock(start_s=10.0)
        self.camera = FakeCamera()
        self.controller = WheelController(self.clock, has_encoder)
        self.picture_m_s = 1.0
        self._soil = soil_px
        self._driven_m = 0.0
        self._frames = 0
        ground = GroundPlane(config.camera.intrinsics, config.camera.pose, (WIDTH, HEIGHT))
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
            )
        )

    def run(self, seconds: float) -> None:
        """Let time pass, with a frame every 50 ms."""
        for tick in range(round(seconds / TICK_S)):
            if tick % 5 == 0:
                self._expose()
            self.engine.step()
            self.clock.sleep_until(self.clock.now_s() + TICK_S)
            self._driven_m += self.picture_m_s * TICK_S

    def start(self) -> None:
        """Bring the engine to SPRAYING."""
        self.run(0.2)
        self.engine.handle(EngineCommand(kind=CommandKind.START))
        self.run(0.2)
        assert self.state is EngineState.SPRAYING

    def _expose(self) -> None:
        top = LENGTH_PX - HEIGHT - round(self._driven_m / GSD_M)
        image = cv2.cvtColor(self._soil[top : top + HEIGHT], cv2.COLOR_GRAY2BGR)
        self.camera.coming.append(
            Frame(frame_id=self._frames, t_capture_s=self.clock.now_s(), image=np.asarray(image))
        )
        self._frames += 1

    @property
    def state(self) -> EngineState:
        return self.engine.snapshot().state

    @property
    def alarms(self) -> dict[str, str]:
        alarms = self.engine.snapshot().alarms
        return {alarm.code: alarm.text for alarm in alarms if alarm.active}

    @property
    def told_m_s(self) -> float:
        return self.controller.ground_m_s[-1]


@pytest.fixture(scope="module")
def soil_px() -> UInt8Array:
    return soil()


@pytest.fixture
def ride(soil_px: UInt8Array) -> Ride:
    return Ride(soil_px)


def test_controller_is_told_the_pictures_speed_while_spraying_only(ride: Ride) -> None:
    ride.run(1.0)
    assert all(np.isnan(ride.controller.ground_m_s))
    ride.start()
    ride.run(0.5)
    assert ride.told_m_s == pytest.approx(1.0, rel=0.02)
    ride.engine.handle(EngineCommand(kind=CommandKind.PAUSE))
    ride.run(0.2)
    assert np.isnan(ride.told_m_s)


def test_without_an_encoder_there_is_nothing_to_judge(soil_px: UInt8Array) -> None:
    ride = Ride(soil_px, has_encoder=False)
    ride.start()
    ride.run(1.0)
    assert ride.state is EngineState.SPRAYING
    assert all(np.isnan(ride.controller.ground_m_s))


def test_a_speed_of_old_pictures_is_not_told(ride: Ride) -> None:
    ride.start()
    ride.run(0.5)
    for _ in range(60):  # no frames
        ride.engine.step()
        ride.clock.sleep_until(ride.clock.now_s() + TICK_S)
    assert ride.state is EngineState.SPRAYING
    assert np.isnan(ride.told_m_s)


def test_braking_is_told_before_the_next_pictures(ride: Ride) -> None:
    ride.start()
    ride.run(0.5)
    told = len(ride.controller.ground_m_s)
    for _ in range(20):
        ride.picture_m_s = ride.controller.speed_m_s = max(0.0, ride.controller.speed_m_s - 0.05)
        ride.run(TICK_S)
    ride.run(0.15)
    late = ride.controller.ground_m_s[told + 10 :]
    assert max(late) < 0.3
    assert ride.alarms == {}


def test_an_encoder_that_falls_silent_does_not_pass_for_braking(ride: Ride) -> None:
    ride.start()
    ride.run(0.5)
    ride.controller.speed_m_s = 0.0
    ride.run(0.4)
    assert ride.told_m_s == pytest.approx(1.0, rel=0.02)


@pytest.mark.parametrize("wheel_m_s", [0.0, 0.3, 2.5])
def test_a_wrong_encoder_closes_the_nozzles_and_says_both_speeds(
    ride: Ride, wheel_m_s: float
) -> None:
    ride.start()
    ride.run(1.0)
    ride.controller.speed_m_s = wheel_m_s
    ride.run(0.45)
    assert ride.state is EngineState.SPRAYING
    ride.run(0.55)
    assert ride.state is not EngineState.SPRAYING
    assert "disarm" in ride.controller.orders
    text = ride.alarms["wheel-wrong"]
    assert f"The wheel sensor says {wheel_m_s:.2f} m/s, the pictures say 1.0" in text


def test_a_doubtful_encoder_is_told_of_and_spraying_goes_on(ride: Ride) -> None:
    ride.start()
    ride.controller.speed_m_s = 0.6
    ride.run(1.2)
    assert "says 0.60 m/s, the pictures say 1.0" in ride.alarms["wheel-doubtful"]
    assert ride.state is EngineState.SPRAYING
    ride.controller.speed_m_s = 1.0
    ride.run(0.6)
    assert ride.alarms == {}


def test_slow_driving_and_short_differences_raise_no_alarm(ride: Ride) -> None:
    ride.start()
    ride.controller.speed_m_s = 0.3
    ride.run(0.4)
    ride.controller.speed_m_s = 1.0
    ride.run(1.0)
    assert ride.alarms == {}
    ride.picture_m_s, ride.controller.speed_m_s = 0.25, 0.1
    ride.run(1.5)
    assert ride.alarms == {}
    assert ride.state is EngineState.SPRAYING
