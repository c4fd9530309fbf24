"""An hour of spraying needs no more memory than its first minutes."""

from __future__ import annotations

import gc
import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fakes import FakeCamera, FakeController, FakeSegmenter

from agriseg.clock import VirtualClock
from agriseg.config import Config, parse_config
from agriseg.engine import EngineParts, FieldEngine
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.messages import (
    CommandKind,
    ControllerMessage,
    EngineCommand,
    EngineState,
    Frame,
    OdometrySample,
    PulseOutcome,
    PulseReport,
    ValveEvent,
)
from agriseg.pipeline import FieldPipeline
from agriseg.segmenting import InlineSegmenting
from agriseg.simulated_controller import build_simulator
from agriseg.spraying.boom import Boom
from agriseg.spraying.serial_controller import SerialController
from firmware_bridge.wires import SimulatedWire

WIDTH, HEIGHT = 120, 68
SPEED_M_S = 0.8
FRAME_TICKS = 10
TICK_S = 0.05
HOUR_S = 3600.0
LEAST_LEAK = 1000
"""Objects: an hour has 7200 frames and more pulses; to forget one in seven would show."""


def objects() -> int:
    """Return how many blocks of memory Python's objects take."""
    gc.collect()
    return sys.getallocatedblocks()


def small() -> Config:
    return parse_config(
        {
            "camera": {"width_px": WIDTH, "height_px": HEIGHT, "fps": 2.0},
            "boom": {"nozzle_count": 8},
            "simulation": {"speed_m_s": SPEED_M_S},
        },
        source="test",
    )


class AnsweringController(FakeController):
    """Carries every third pulse out, refuses the next, and forgets what it was asked."""

    pulses = 0

    def queue(self, events: Sequence[ValveEvent]) -> None:
        for event in events:
            self.pulses += 1
            self.extra.append(_answer(event, self.pulses % 3 != 0))

    def beat(
        self,
        camera_alive: bool,
        model_alive: bool,
        planner_alive: bool,
        ground_m_s: float = math.nan,
    ) -> None:
        assert camera_alive
        assert model_alive
        assert planner_alive or self.pulses == 0


def _answer(event: ValveEvent, done: bool) -> PulseReport:
    return PulseReport(
        event_id=event.event_id,
        nozzle_id=event.nozzle_id,
        outcome=PulseOutcome.DONE if done else PulseOutcome.REJECTED,
        t_open_s=event.open_at,
        t_close_s=event.close_at,
        open_m=event.open_at,
        close_m=event.close_at,
    )


class WeedyCamera(FakeCamera):
    """Shows weeds and crop at random places; some appear only in the rear half of the picture."""

    def __init__(self, config: Config, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock
        self._rng = np.random.default_rng(3)
        self._count = 0
        self._weeds = self._rng.integers(0, WIDTH - 4, (4096, 3))
        self._row_m = 1.0 / (HEIGHT / 0.68 * config.camera.pose.z_m)

    def expose(self) -> None:
        """Deliver a picture of the ground below, exposed now."""
        image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        top_row = int(SPEED_M_S * self._clock.now_s() / self._row_m)
        for row in range(0, HEIGHT - 3, 3):
            ground = (top_row + HEIGHT - row) // 3
            left, chance, colour = self._weeds[ground % len(self._weeds)]
            if chance % 4 == 0 and (chance % 8 or row > HEIGHT // 2):
                image[row : row + 3, left : left + 4, 0 if colour % 5 == 0 else 2] = 255
        self.coming.append(
            Frame(frame_id=self._count, t_capture_s=self._clock.now_s(), image=image)
        )
        self._count += 1


def test_an_hour_of_driving_leaves_nothing_in_the_engine() -> None:
    config, clock = small(), VirtualClock(10.0)
    camera, controller = WeedyCamera(config, clock), AnsweringController(clock, SPEED_M_S)
    view = config.camera
    boom = Boom(config.boom)
    engine = FieldEngine(
        EngineParts(
            config=config,
            clock=clock,
            camera=camera,
            segmenting=InlineSegmenting(FakeSegmenter()),
            boom=boom,
            pipeline=FieldPipeline(
                config, GroundPlane(view.intrinsics, view.pose, (WIDTH, HEIGHT)), boom
            ),
            controller=controller,
            reopen_controller=None,
            open_run=lambda: None,
            on_run_closed=lambda _: None,
        )
    )

    def drive(seconds: float) -> None:
        for tick in range(round(seconds / TICK_S)):
            if tick % FRAME_TICKS == 0:
                camera.expose()
            engine.step()
            if tick % 20 == 0:
                engine.snapshot()
            clock.sleep_until(clock.now_s() + TICK_S)

    drive(1.0)
    engine.handle(EngineCommand(kind=CommandKind.START))
    drive(300.0)
    early = objects()
    drive(HOUR_S - 300.0)
    grown = objects() - early
    snapshot = engine.snapshot()
    assert snapshot.state is EngineState.SPRAYING
    assert controller.pulses > 5000
    assert snapshot.totals.weeds_seen > 1000
    assert snapshot.totals.pulses_failed > 1000
    assert grown < LEAST_LEAK
    engine.close()


def test_minutes_of_pulses_leave_nothing_in_the_link() -> None:
    config, clock = small(), VirtualClock(0.0)
    simulator = build_simulator(config, 0.0, on_s=0.0, baud=500_000.0)
    link = SerialController(
        config=config, wire=SimulatedWire(simulator, baud=500_000.0), clock=clock
    )
    reports = 0
    here_m, event_id = 0.0, 0

    def take(messages: Sequence[ControllerMessage]) -> None:
        nonlocal here_m, reports
        for message in messages:
            if isinstance(message, OdometrySample):
                here_m = message.distance_m
            reports += isinstance(message, PulseReport)

    def serve(seconds: float, with_pulses: bool) -> None:
        nonlocal event_id
        for tick in range(round(seconds / TICK_S)):
            clock.sleep_until(clock.now_s() + TICK_S)
            link.beat(camera_alive=True, model_alive=True, planner_alive=True)
            take(link.poll())
            if with_pulses and tick % 4 == 0:
                link.queue(
                    [
                        replace(
                            PULSE,
                            event_id=event_id,
                            nozzle_id=event_id % 8,
                            open_at=here_m + 0.3,
                            close_at=here_m + 0.34,
                        )
                    ]
                )
                event_id += 1

    serve(5.0, with_pulses=False)
    link.arm()
    serve(110.0, with_pulses=True)  # until the simulator remembers as many edges as it may
    early = objects()
    serve(200.0, with_pulses=True)
    grown = objects() - early
    assert reports > 0.99 * event_id > 1400
    assert grown < 200
    link.close()


PULSE = ValveEvent(
    event_id=0,
    nozzle_id=0,
    by_distance=True,
    open_at=0.0,
    close_at=0.0,
    wanted_s_min_m=0.0,
    wanted_s_max_m=0.0,
)
