"""The engine's rounds and the operator's orders.

`FieldEngine.step` does one round and never waits. Time comes from a clock, so the same
engine runs in virtual time for tests and headless runs and in real time in its own process.
It starts nothing by itself after a stop: nozzles close first, the cause is named, and the
operator starts again.
"""

from __future__ import annotations

from agriseg.alarms import OPERATOR_STOP, RECORDING_REFUSED
from agriseg.config import Config
from agriseg.engine.controller_side import ControllerSide
from agriseg.engine.doubt import DoubtWatch
from agriseg.engine.frame_path import FramePath
from agriseg.engine.mark_check import MarkCheck
from agriseg.engine.outlook import Outlook
from agriseg.engine.parts import EngineParts
from agriseg.engine.planning import Planning
from agriseg.engine.position_side import PositionSide
from agriseg.engine.run_book import RunBook
from agriseg.engine.speed_check import SpeedCheck
from agriseg.engine.spray_gate import SprayGate
from agriseg.engine.supervision import Supervision
from agriseg.engine.view_check import ViewCheck
from agriseg.errors import CameraError, RecordingError
from agriseg.messages import (
    CommandKind,
    ControllerState,
    EngineCommand,
    EngineSnapshot,
    Frame,
    SprayMode,
)
from agriseg.pipeline import PipelineResult
from agriseg.ports import Scheduled, Waitable
from agriseg.segmenting import SegmentedFrame

ROUND_S = 0.005
"""Longest time between two rounds while spraying: pulses are committed at least this often."""

IDLE_ROUND_S = 0.02
"""Longest time between two rounds otherwise: supervision and the heartbeat go on."""


class FieldEngine:
    """One machine's run-time logic; see the module's description."""

    def __init__(self, parts: EngineParts) -> None:
        self._parts = parts
        self._book = RunBook(parts)
        self._gate = SprayGate(parts, self._book)
        self._link = ControllerSide(parts, self._book, self._gate)
        self._planning = Planning(parts, self._book, self._link)
        self._position = PositionSide(parts, self._book, self._gate)
        self._speed_check = SpeedCheck(parts, self._gate, self._link)
        self._view_check = ViewCheck(parts, self._gate)
        self._mark_check = MarkCheck(parts, self._gate)
        self._doubt = DoubtWatch(parts, self._book, self._gate)
        self._frames = FramePath(
            parts,
            self._book,
            self._gate,
            self._link,
            self._planning,
            self._speed_check,
            self._doubt,
        )
        self._supervision = Supervision(
            parts,
            self._book,
            self._gate,
            self._link,
            self._planning,
            self._frames,
            self._speed_check,
        )
        self._outlook = Outlook(
            parts,
            self._book,
            self._gate,
            self._link,
            self._frames,
            self._position,
            self._mark_check,
        )
        self._was_shut_down = False

    @property
    def config(self) -> Config:
        """The configuration that the engine was built with."""
        return self._parts.config

    @property
    def finished(self) -> bool:
        """Whether the source of frames has ended."""
        return self._frames.has_ended or self._was_shut_down

    @property
    def spraying(self) -> bool:
        """Whether pulses may be commanded now."""
        return self._gate.is_open

    @property
    def result(self) -> PipelineResult | None:
        """What the pipeline made of the newest segmented frame."""
        return self._frames.result

    @property
    def last_frame(self) -> Frame | None:
        """The newest frame, segmented or not."""
        return self._frames.frame

    @property
    def segmented(self) -> SegmentedFrame | None:
        """The newest segmented frame."""
        return self._frames.segmented

    @property
    def problem(self) -> str:
        """What must be mended before anything works: camera, model, calibration or link."""
        return (
            self._frames.camera_problem
            or self._parts.segmenting.problem
            or self._frames.calibration_problem
            or self._link.problem
        )

    @property
    def sources(self) -> tuple[Waitable, ...]:
        """What a real-time loop sleeps on between two rounds: camera, segmenter and link.

        In virtual time, and from files, nothing announces itself: `step` looks for it.
        """
        parts = (self._parts.camera, self._parts.segmenting, self._parts.controller)
        return tuple(part for part in parts if isinstance(part, Waitable))

    @property
    def patience_s(self) -> float:
        """How long a loop may sleep on `sources` before the next round is due all the same."""
        camera = self._parts.camera
        round_s = ROUND_S if self._gate.is_open else IDLE_ROUND_S
        if isinstance(camera, Scheduled):
            return min(round_s, max(0.0, camera.due_s - self._parts.clock.now_s()))
        return round_s if isinstance(camera, Waitable) else ROUND_S

    def step(self) -> None:
        """Do one round without waiting: frame, plan, controller, supervision."""
        self._frames.take_frame()
        self._link.take()
        self._position.take()
        self._frames.take_segmented()
        self._view_check.look(self._frames.segmented, self._frames.frame)
        self._mark_check.look(self._frames.frame)
        if self._gate.is_open:
            self._planning.send(self._planning.plan())
        self._book.keep_steps()
        self._supervision.check()
        self._position.check()
        self._supervision.beat()
        self._outlook.note_nozzles()

    def handle(self, command: EngineCommand) -> None:
        """Carry out an order of the operator."""
        kind, value = command.kind, command.value
        if kind is CommandKind.START:
            self._start()
        elif kind is CommandKind.PAUSE:
            self._pause()
        elif kind is CommandKind.STOP:
            self._stop()
        elif kind is CommandKind.CLEAR_STOP:
            self._clear_stop()
        elif kind is CommandKind.ACKNOWLEDGE and isinstance(value, str):
            self._gate.alarms.acknowledge(value)
            self._book.note("acknowledge", value)
        elif kind is CommandKind.SET_MODE and isinstance(value, SprayMode):
            self._doubt.choose(value)
            self._book.note("mode", value.value)
        elif kind is CommandKind.SET_SENSITIVITY and isinstance(value, float):
            self._parts.pipeline.sensitivity = min(1.0, max(0.0, value))
            self._book.note("sensitivity", f"{value:.2f}")
        elif kind is CommandKind.SET_CAMERA_CONTROL and isinstance(value, tuple):
            self._set_camera_control(*value)
        elif kind is CommandKind.NOTE and isinstance(value, str):
            self._book.note("note", value)
        elif kind is CommandKind.SHUTDOWN:
            self._was_shut_down = True

    def snapshot(self) -> EngineSnapshot:
        """Return all that the window shows besides the picture.

        Nozzles count as commanded or open when they were so at any time since the snapshot
        before: a spot's pulse is shorter than the time between two.
        """
        return self._outlook.snapshot(self.finished)

    def not_ready(self) -> tuple[str, ...]:
        """Return why spraying cannot start now, each with what to do; empty when it can."""
        return self._outlook.not_ready()

    def close(self) -> None:
        """Close the nozzles, end the run's files, release all devices."""
        self._gate.close()
        self._book.end("shutdown")
        self._position.close()
        self._parts.controller.close()
        self._parts.segmenting.close()
        self._parts.camera.close()

    def _start(self) -> None:
        reasons = self.not_ready()
        if reasons:
            self._book.note("start-refused", " ".join(reasons))
            return
        if self._gate.is_open:
            return
        if not self._book.is_on:
            if not self._begin_run():
                return
            self._supervision.beat()  # opening the run's files may have taken a while
        self._gate.arm()
        self._book.note("start", "arming the controller")

    def _begin_run(self) -> bool:
        """Begin a run; return False where it cannot be recorded, and would be sprayed unseen."""
        try:
            self._book.begin(self._link.capabilities)
        except RecordingError as error:
            self._gate.stop(RECORDING_REFUSED, str(error))
            return False
        self._gate.alarms.clear(RECORDING_REFUSED)
        return True

    def _pause(self) -> None:
        if self._gate.is_wanted:
            self._gate.paused = True
            self._gate.close()
            self._book.note("pause", "by the operator")

    def _stop(self) -> None:
        self._gate.slam()
        self._gate.stop(OPERATOR_STOP, "You pressed Stop. All nozzles were told to close.")
        self._gate.alarms.clear(OPERATOR_STOP)
        self._book.end("stop by the operator")

    def _clear_stop(self) -> None:
        for alarm in self._gate.alarms.unacknowledged_stops():
            self._gate.alarms.acknowledge(alarm.code)
        if self._link.status.state is ControllerState.ESTOP:
            self._parts.controller.clear_stop()
        self._book.note("clear-stop", "by the operator")

    def _set_camera_control(self, name: str, value: float) -> None:
        try:
            reported = self._parts.camera.set_control(name, value)
        except CameraError as error:
            self._book.note("camera-control", str(error))
            return
        self._book.note("camera-control", f"{name} is {reported:g}")
