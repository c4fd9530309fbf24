"""The engine closes nozzles, says why, and never goes on by itself."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from fakes import FakeCamera, FakeController, FakeSegmenter, FakeSink

from agriseg.clock import VirtualClock
from agriseg.config import Config, parse_config
from agriseg.engine import ARM_TIMEOUT_S, REOPEN_S, ROUND_S, EngineParts, FieldEngine
from agriseg.errors import CameraError, CameraLostError, ControllerError, RecordingError
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.messages import (
    CommandKind,
    EngineCommand,
    EngineState,
    Frame,
    PulseOutcome,
    PulseReport,
    SprayMode,
    SprayPlan,
    ValveEvent,
)
from agriseg.pipeline import FieldPipeline
from agriseg.ports import RunSink, Segmenter
from agriseg.segmenting import InlineSegmenting
from agriseg.spraying.boom import Boom

WIDTH, HEIGHT = 240, 136
GSD_M = 1.2 / WIDTH
TICK_S = 0.01


class Bench:
    """An engine on fakes, with a clock that the test moves."""

    def __init__(
        self,
        speed_m_s: float = 1.0,
        camera: FakeCamera | None = None,
        pipeline: type[FieldPipeline] = FieldPipeline,
        segmenter: Segmenter | None = None,
        settings: Mapping[str, object] | None = None,
    ) -> None:
        self.config: Config = parse_config(
            {"camera": {"width_px": WIDTH, "height_px": HEIGHT}, **(settings or {})}, source="test"
        )
        self.clock = VirtualClock(start_s=10.0)
        self.camera = camera or FakeCamera()
        self.controller = FakeController(self.clock, speed_m_s)
        self.sinks: list[FakeSink] = []
        self.closed: list[RunSink] = []
        self.reopened_s: list[float] = []
        self.recording_error: RecordingError | None = None
        self.opening_takes_s = 0.0
        self.weed_s_m: tuple[float, ...] = ()
        """Where weeds of 5 cm stand in the middle of the track, by odometer."""
        self._frame_id = 0
        view = self.config.camera
        ground = GroundPlane(view.intrinsics, view.pose, (WIDTH, HEIGHT))
        boom = Boom(self.config.boom)
        self.pipeline = pipeline(self.config, ground, boom)
        self.engine = FieldEngine(
            EngineParts(
                config=self.config,
                clock=self.clock,
                camera=self.camera,
                segmenting=InlineSegmenting(segmenter or FakeSegmenter()),
                boom=boom,
                pipeline=self.pipeline,
                controller=self.controller,
                reopen_controller=lambda: self.reopened_s.append(self.clock.now_s()),
                open_run=self._open_run,
                on_run_closed=self.closed.append,
            )
        )

    def _open_run(self) -> FakeSink:
        if self.recording_error is not None:
            raise self.recording_error
        self.clock.sleep_until(self.clock.now_s() + self.opening_takes_s)
        self.sinks.append(FakeSink())
        return self.sinks[-1]

    def frame(self) -> None:
        """Let the camera deliver a picture of the ground below it, exposed now."""
        now_s = self.clock.now_s()
        image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        for s_m in self.weed_s_m:
            x_m = s_m - self.controller.speed_m_s * now_s
            row = round(HEIGHT / 2 - (x_m - self.config.camera.pose.x_m) / GSD_M)
            if 5 <= row < HEIGHT - 5:
                image[row - 5 : row + 5, WIDTH // 2 - 5 : WIDTH // 2 + 5, 2] = 255
        self.camera.coming.append(Frame(frame_id=self._frame_id, t_capture_s=now_s, image=image))
        self._frame_id += 1

    def plant_weeds(self, count: int = 1) -> None:
        """Put weeds on the ground, 0.2 m apart, that the camera is about to see."""
        first_m = self.controller.speed_m_s * self.clock.now_s() + 2.0
        self.weed_s_m = tuple(first_m + 0.2 * i for i in range(count))

    def run(self, seconds: float, frames: bool = True) -> None:
        """Let time pass, with a frame every 50 ms."""
        for tick in range(round(seconds / TICK_S)):
            if frames and tick % 5 == 0:
                self.frame()
            self.engine.step()
            self.clock.sleep_until(self.clock.now_s() + TICK_S)

    def order(self, kind: CommandKind, value: SprayMode | float | str | None = None) -> None:
        """Give an order as the window would."""
        self.engine.handle(EngineCommand(kind=kind, value=value))

    def start_spraying(self) -> None:
        """Bring the engine to SPRAYING."""
        self.run(0.2)
        self.order(CommandKind.START)
        self.run(0.2)
        assert self.state is EngineState.SPRAYING

    @property
    def state(self) -> EngineState:
        return self.engine.snapshot().state

    @property
    def alarms(self) -> list[str]:
        return [alarm.code for alarm in self.engine.snapshot().alarms]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_start_is_refused_with_reasons_until_all_is_there(bench: Bench) -> None:
    bench.controller.connected = False
    bench.order(CommandKind.START)
    bench.run(0.1, frames=False)
    reasons = " ".join(bench.engine.not_ready())
    assert "first picture" in reasons
    assert "not connected" in reasons
    assert "arm" not in bench.controller.orders


def test_sprays_only_once_the_controller_confirmed_armed(bench: Bench) -> None:
    bench.run(0.2)
    assert bench.state is EngineState.READY
    bench.order(CommandKind.START)
    assert bench.state is EngineState.READY
    bench.run(0.05)
    assert bench.state is EngineState.SPRAYING


def test_opening_the_recording_does_not_silence_the_engine_before_it_arms(bench: Bench) -> None:
    bench.opening_takes_s = 0.4
    bench.start_spraying()
    assert bench.controller.silence_before_arm_s < 0.1


def test_a_controller_that_does_not_arm_is_reported(bench: Bench) -> None:
    bench.controller.arms = False
    bench.run(0.2)
    bench.order(CommandKind.START)
    bench.run(ARM_TIMEOUT_S + 0.2)
    assert bench.state is EngineState.STOPPED
    assert bench.alarms == ["controller-stopped"]


def test_a_weed_is_commanded_counted_and_confirmed_apart(bench: Bench) -> None:
    bench.start_spraying()
    bench.plant_weeds()
    bench.run(3.0)
    assert bench.controller.queued
    totals = bench.engine.snapshot().totals
    assert totals.pulses_commanded == len(bench.controller.queued)
    assert (totals.pulses_confirmed, totals.volume_confirmed_l) == (0, 0.0)
    event = bench.controller.queued[0]
    bench.controller.extra.append(done(event))
    bench.run(0.05)
    totals = bench.engine.snapshot().totals
    assert totals.pulses_confirmed == 1
    assert totals.volume_confirmed_l > 0.0


@pytest.mark.parametrize(
    ("outcome", "detail"),
    [
        (PulseOutcome.FAILED, "the coil drew no current, so the valve did not open"),
        (PulseOutcome.REJECTED, "it overlaps an earlier pulse of the same valve"),
    ],
)
def test_a_pulse_that_failed_reaches_window_and_record_with_its_reason(
    bench: Bench, outcome: PulseOutcome, detail: str
) -> None:
    bench.start_spraying()
    bench.plant_weeds()
    bench.run(3.0)
    event = bench.controller.queued[0]
    failed = replace(
        done(event), outcome=outcome, detail=detail, t_open_s=math.nan, t_close_s=math.nan
    )
    bench.controller.extra.append(failed)
    bench.run(0.05)
    snapshot = bench.engine.snapshot()
    totals = snapshot.totals
    assert (totals.pulses_failed, totals.pulses_confirmed, totals.volume_confirmed_l) == (1, 0, 0.0)
    (alarm,) = [alarm for alarm in snapshot.alarms if alarm.code == "pulses-failed"]
    assert detail in alarm.text
    assert snapshot.controller.open_mask >> event.nozzle_id & 1 == 0
    kept = [m for m in bench.sinks[0].messages if isinstance(m, PulseReport)]
    assert [(m.event_id, m.outcome, m.detail) for m in kept] == [(event.event_id, outcome, detail)]


def test_a_pulse_that_nothing_confirms_is_neither_confirmed_nor_failed(bench: Bench) -> None:
    bench.start_spraying()
    bench.plant_weeds()
    bench.run(3.0)
    sent = replace(
        done(bench.controller.queued[0]),
        outcome=PulseOutcome.SENT,
        t_open_s=math.nan,
        t_close_s=math.nan,
    )
    bench.controller.extra.append(sent)
    bench.run(0.05)
    totals = bench.engine.snapshot().totals
    assert (totals.pulses_unconfirmed, totals.pulses_confirmed, totals.pulses_failed) == (1, 0, 0)
    assert math.isnan(totals.saving_fraction)
    assert "pulses-failed" not in bench.alarms


def test_lost_camera_closes_the_nozzles_and_does_not_resume(bench: Bench) -> None:
    bench.start_spraying()
    bench.camera.coming.append(CameraLostError("usb:0 stopped delivering."))
    bench.engine.step()
    assert bench.controller.orders[-1] == "disarm"
    assert bench.state is EngineState.STOPPED
    assert bench.alarms == ["camera-lost"]
    assert bench.controller.beats[-1] == (False, True, True)
    bench.run(1.0)
    assert bench.state is EngineState.STOPPED
    bench.order(CommandKind.START)
    assert bench.controller.orders.count("arm") == 1
    bench.order(CommandKind.ACKNOWLEDGE, "camera-lost")
    bench.run(0.1)
    assert bench.state is EngineState.READY
    bench.order(CommandKind.START)
    bench.run(0.1)
    assert bench.state is EngineState.SPRAYING


def test_no_pulse_is_commanded_after_a_stop(bench: Bench) -> None:
    bench.start_spraying()
    bench.plant_weeds(count=20)
    bench.run(3.0)
    assert bench.controller.queued
    bench.order(CommandKind.STOP)
    before = len(bench.controller.queued)
    bench.run(2.0)
    assert len(bench.controller.queued) == before


def test_stale_pictures_stop_the_spray(bench: Bench) -> None:
    bench.start_spraying()
    bench.run(bench.config.camera.lost_after_s + 0.1, frames=False)
    assert bench.state is EngineState.STOPPED
    assert "frames-stale" in bench.alarms


def test_stale_odometry_stops_the_spray(bench: Bench) -> None:
    bench.start_spraying()
    bench.controller.odometry = False
    bench.run(bench.config.spray.stale_after_ms * 1e-3 + 0.1)
    assert bench.state is EngineState.STOPPED
    assert "odometry-stale" in bench.alarms


def test_controller_that_leaves_armed_stops_with_its_cause(bench: Bench) -> None:
    bench.start_spraying()
    bench.controller.leave_armed("the emergency switch is pressed")
    bench.run(0.05)
    (alarm,) = bench.engine.snapshot().alarms
    assert alarm.code == "controller-stopped"
    assert "the emergency switch is pressed" in alarm.text


def test_pulled_cable_stops_and_replugging_does_not_resume(bench: Bench) -> None:
    bench.start_spraying()
    bench.controller.connected = False
    bench.run(0.1)
    assert bench.state is EngineState.STOPPED
    assert "the cable was pulled" in bench.engine.snapshot().alarms[0].text
    bench.controller.connected = True
    bench.run(1.0)
    assert bench.state is EngineState.STOPPED
    assert bench.controller.orders.count("arm") == 1


def test_link_that_fails_is_an_alarm_not_a_crash(bench: Bench) -> None:
    bench.start_spraying()
    bench.controller.failure = ControllerError("the link's process ended")
    bench.run(0.05)
    assert bench.state is EngineState.STOPPED
    assert bench.engine.not_ready()[0] == "The link's process ended."


def test_link_that_ended_is_opened_again_every_few_seconds(bench: Bench) -> None:
    bench.run(0.2)
    bench.controller.failure = ControllerError("the port is busy")
    failed_s = bench.clock.now_s()
    bench.run(10.0)
    assert [t_s - failed_s for t_s in bench.reopened_s] == pytest.approx(
        [REOPEN_S, 2 * REOPEN_S, 3 * REOPEN_S], abs=3 * TICK_S
    )
    bench.controller.failure = None
    bench.run(2 * REOPEN_S)
    assert len(bench.reopened_s) <= 4


@pytest.mark.parametrize("spraying", [False, True])
def test_operator_stop_works_in_every_state_and_latches(bench: Bench, spraying: bool) -> None:
    if spraying:
        bench.start_spraying()
    bench.order(CommandKind.STOP)
    assert "emergency_stop" in bench.controller.orders
    bench.run(0.5)
    assert bench.state is EngineState.STOPPED
    bench.order(CommandKind.CLEAR_STOP)
    bench.run(0.1)
    assert bench.controller.orders[-1] == "clear_stop"
    assert bench.state is EngineState.READY


def test_pause_disarms_and_keeps_the_run_open(bench: Bench) -> None:
    bench.start_spraying()
    bench.order(CommandKind.PAUSE)
    assert bench.controller.orders[-1] == "disarm"
    bench.run(0.1)
    assert bench.state is EngineState.PAUSED
    assert not bench.closed
    bench.order(CommandKind.START)
    bench.run(0.1)
    assert bench.state is EngineState.SPRAYING
    assert len(bench.sinks) == 1


def test_run_is_recorded_from_start_to_stop(bench: Bench) -> None:
    bench.run(0.3)
    assert not bench.sinks
    bench.start_spraying()
    bench.run(0.5)
    bench.order(CommandKind.STOP)
    (sink,) = bench.sinks
    assert sink.closed
    assert bench.closed == [sink]
    assert len(sink.frames) >= 10
    kinds = [event.kind for event in sink.events]
    assert kinds[0] == "start"
    assert kinds[-1] == "end"
    assert "stop" in kinds


def test_nothing_is_sprayed_that_cannot_be_recorded(bench: Bench) -> None:
    bench.plant_weeds(5)
    bench.recording_error = RecordingError("the disk is read-only")
    bench.run(0.3)
    bench.order(CommandKind.START)
    bench.run(2.0)
    assert "arm" not in bench.controller.orders
    assert not bench.controller.queued
    assert bench.alarms == ["recording-refused"]
    assert bench.state is EngineState.STOPPED
    assert "The disk is read-only." in bench.engine.snapshot().not_ready[0]


def test_it_starts_once_there_is_room_for_the_recording(bench: Bench) -> None:
    bench.recording_error = RecordingError("the disk is full")
    bench.run(0.3)
    bench.order(CommandKind.START)
    bench.recording_error = None
    bench.order(CommandKind.START)
    assert bench.state is EngineState.STOPPED
    bench.order(CommandKind.CLEAR_STOP)
    bench.order(CommandKind.START)
    bench.run(0.3)
    assert bench.state is EngineState.SPRAYING
    assert not bench.alarms
    assert len(bench.sinks) == 1


def test_end_of_the_source_closes_the_nozzles(bench: Bench) -> None:
    bench.start_spraying()
    bench.camera.coming.append(EOFError())
    bench.engine.step()
    assert bench.engine.finished
    assert bench.controller.orders[-1] == "disarm"


def test_source_that_breaks_says_why(bench: Bench) -> None:
    bench.start_spraying()
    bench.camera.coming.append(CameraError("drive.mp4 ends after 12 of 300 frames."))
    bench.engine.step()
    snapshot = bench.engine.snapshot()
    (alarm,) = snapshot.alarms
    assert alarm.text == "drive.mp4 ends after 12 of 300 frames."
    assert "Choose another camera" in alarm.remedy
    assert snapshot.not_ready[0] == f"{alarm.text} {alarm.remedy}"


def test_close_disarms_and_releases_everything(bench: Bench) -> None:
    bench.start_spraying()
    bench.engine.close()
    assert bench.controller.orders[-2:] == ["disarm", "close"]
    assert bench.camera.closed
    assert bench.sinks[0].closed


def done(event: ValveEvent) -> PulseReport:
    """Return the report of a pulse carried out as asked at 1 m/s."""
    return PulseReport(
        event_id=event.event_id,
        nozzle_id=event.nozzle_id,
        outcome=PulseOutcome.DONE,
        t_open_s=event.open_at,
        t_close_s=event.close_at + 0.01,
        open_m=event.open_at,
        close_m=event.close_at,
    )


class FilmCamera(FakeCamera):
    """A camera that knows when its next frame is due."""

    due_s = math.nan


def test_the_loop_sleeps_no_longer_than_until_the_next_frame_of_a_file() -> None:
    camera = FilmCamera()
    bench = Bench(camera=camera)
    now_s = bench.clock.now_s()
    camera.due_s = now_s + 0.002
    assert bench.engine.patience_s == pytest.approx(0.002)
    camera.due_s = now_s - 1.0
    assert bench.engine.patience_s == 0.0
    camera.due_s = now_s + 100.0
    bench.start_spraying()
    assert bench.engine.patience_s == ROUND_S


class BreakingPipeline(FieldPipeline):
    """Plans until it is told to break."""

    broken = False

    def plan(self, now_s: float) -> SprayPlan:
        if self.broken:
            raise ZeroDivisionError("a fault in the planner")
        return super().plan(now_s)


def test_a_planner_that_breaks_ends_the_round_and_closing_shuts_the_nozzles() -> None:
    bench = Bench(pipeline=BreakingPipeline)
    bench.start_spraying()
    bench.pipeline.broken = True
    beats = len(bench.controller.beats)
    with pytest.raises(ZeroDivisionError):
        bench.engine.step()
    assert len(bench.controller.beats) == beats, "a broken planner must not be called alive"
    bench.engine.close()
    assert bench.controller.orders[-2:] == ["disarm", "close"]
