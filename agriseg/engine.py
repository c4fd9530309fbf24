"""The field engine: camera to plan to controller, with every stop latched and explained.

`FieldEngine.step` does one round and never waits longer than asked. Time comes from a
clock, so the same engine runs in virtual time for tests and headless runs and in real time
in its own process. It starts nothing by itself after a stop: nozzles close first, the
cause is named, and the operator starts again.
"""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from agriseg.alarms import (
    CALIBRATION_WRONG,
    CAMERA_LOST,
    CONTROLLER_LEFT,
    CONTROLLER_REFUSED,
    FRAMES_STALE,
    LINK_LOST,
    MODEL_FAILED,
    ODOMETRY_STALE,
    OPERATOR_STOP,
    PLANNER_LIMIT,
    PULSES_FAILED,
    RECORDING_PROBLEM,
    TOO_FAST,
    VALVE_FAULT,
    WEEDS_LATE,
    AlarmBook,
    AlarmKind,
)
from agriseg.config import Config
from agriseg.errors import (
    CalibrationError,
    CameraError,
    CameraLostError,
    ControllerError,
    ProtocolError,
    RecordingError,
)
from agriseg.messages import (
    CommandKind,
    ControllerCapabilities,
    ControllerMessage,
    ControllerState,
    ControllerStatus,
    EngineCommand,
    EngineSnapshot,
    EngineState,
    Frame,
    OdometrySample,
    OdometrySource,
    PulseOutcome,
    PulseReport,
    RunEvent,
    SprayMode,
    SprayPlan,
    StageTimes,
)
from agriseg.pipeline import FieldPipeline, PipelineResult
from agriseg.ports import Camera, Clock, RunSink, Scheduled, SprayController, Waitable
from agriseg.segmenting import Arrival, SegmentedFrame, Segmenting
from agriseg.spraying.boom import Boom
from agriseg.totals import TotalsMeter

_log = logging.getLogger(__name__)

ARM_TIMEOUT_S = 4.0
"""Longest wait for the controller to report ARMED after Start."""

REOPEN_S = 3.0
"""The link is opened again this long after it ended."""

ROUND_S = 0.005
"""Longest time between two rounds while spraying: pulses are committed at least this often."""

IDLE_ROUND_S = 0.02
"""Longest time between two rounds otherwise: supervision and the heartbeat go on."""

_ALARM_WINDOW_S = 5.0
"""Late weeds and failed pulses raise an alarm when there were any within this time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineParts:
    """What the engine works with; built by `agriseg.assembly`."""

    config: Config
    clock: Clock
    camera: Camera
    segmenting: Segmenting
    boom: Boom
    pipeline: FieldPipeline
    controller: SprayController
    reopen_controller: Callable[[], None] | None
    """Connects again after the link has ended; None where that cannot help."""
    open_run: Callable[[], RunSink | None]
    """Begins the recording of a run; None where runs are not recorded."""
    on_run_closed: Callable[[RunSink], None]
    """Called after a run's files were closed, to write its report."""


class FieldEngine:
    """One machine's run-time logic; see the module's description."""

    def __init__(self, parts: EngineParts) -> None:
        self._parts = parts
        self._config = parts.config
        self._alarms = AlarmBook()
        self._meter = TotalsMeter(parts.boom, parts.config.spray.min_speed_m_s)
        self._sink: RunSink | None = None
        self._run_is_on = False
        self._last_run_note = "A run is recorded from Start to Stop."
        self._spraying = False
        self._paused = False
        self._finished = False
        self._arming_since_s: float | None = None
        self._run_start_s = math.nan
        self._started_s = parts.clock.now_s()
        self._capabilities: ControllerCapabilities | None = None
        self._status = ControllerStatus(
            t_s=self._started_s, state=ControllerState.DISCONNECTED, cause="not connected yet"
        )
        self._commanded = (False,) * parts.config.boom.nozzle_count
        self._open_mask = 0
        self._last_odometry: OdometrySample | None = None
        self._last_frame: Frame | None = None
        self._last_segmented: SegmentedFrame | None = None
        self._result: PipelineResult | None = None
        self._stage: StageTimes | None = None
        self._camera_problem = ""
        self._calibration_problem = ""
        self._link_problem = ""
        self._reopen_at_s = math.inf
        self._frame_times: deque[float] = deque(maxlen=20)
        self._late_times: deque[float] = deque(maxlen=256)
        self._failed: deque[tuple[float, str]] = deque(maxlen=256)
        self._replaced_seen = 0

    @property
    def config(self) -> Config:
        """The configuration that the engine was built with."""
        return self._config

    @property
    def finished(self) -> bool:
        """Whether the source of frames has ended."""
        return self._finished

    @property
    def spraying(self) -> bool:
        """Whether pulses may be commanded now."""
        return self._spraying

    @property
    def result(self) -> PipelineResult | None:
        """What the pipeline made of the newest segmented frame."""
        return self._result

    @property
    def last_frame(self) -> Frame | None:
        """The newest frame, segmented or not."""
        return self._last_frame

    @property
    def segmented(self) -> SegmentedFrame | None:
        """The newest segmented frame."""
        return self._last_segmented

    @property
    def problem(self) -> str:
        """What must be mended before anything works: camera, model, calibration or link."""
        return (
            self._camera_problem
            or self._parts.segmenting.problem
            or self._calibration_problem
            or self._link_problem
        )

    def _note_nozzles(self) -> None:
        """Remember what was commanded and confirmed open, for pulses shorter than a snapshot."""
        commanded = self._nozzles()
        self._commanded = tuple(
            before or now for before, now in zip(self._commanded, commanded, strict=True)
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
        round_s = ROUND_S if self._spraying else IDLE_ROUND_S
        if isinstance(camera, Scheduled):
            return min(round_s, max(0.0, camera.due_s - self._parts.clock.now_s()))
        return round_s if isinstance(camera, Waitable) else ROUND_S

    def step(self) -> None:
        """Do one round without waiting: frame, plan, controller, supervision."""
        self._take_frame()
        self._take_controller()
        self._take_segmented()
        self._commit_between_frames()
        self._supervise()
        self._beat()
        self._note_nozzles()

    def handle(self, command: EngineCommand) -> None:
        """Carry out an order of the operator."""
        kind, value = command.kind, command.value
        if kind is CommandKind.START:
            self._start()
        elif kind is CommandKind.PAUSE:
            self._pause()
        elif kind is CommandKind.STOP:
            self._operator_stop()
        elif kind is CommandKind.CLEAR_STOP:
            self._clear_stop()
        elif kind is CommandKind.ACKNOWLEDGE and isinstance(value, str):
            self._alarms.acknowledge(value)
            self._note("acknowledge", value)
        elif kind is CommandKind.SET_MODE and isinstance(value, SprayMode):
            self._parts.pipeline.mode = value
            self._note("mode", value.value)
        elif kind is CommandKind.SET_SENSITIVITY and isinstance(value, float):
            self._parts.pipeline.sensitivity = min(1.0, max(0.0, value))
            self._note("sensitivity", f"{value:.2f}")
        elif kind is CommandKind.SET_CAMERA_CONTROL and isinstance(value, tuple):
            self._set_camera_control(*value)
        elif kind is CommandKind.NOTE and isinstance(value, str):
            self._note("note", value)
        elif kind is CommandKind.SHUTDOWN:
            self._finished = True

    def snapshot(self) -> EngineSnapshot:
        """Return all that the window shows besides the picture.

        Nozzles count as commanded or open when they were so at any time since the snapshot
        before: a spot's pulse is shorter than the time between two.
        """
        commanded, self._commanded = self._commanded, self._nozzles()
        open_mask, self._open_mask = self._open_mask, self._status.open_mask
        now_s = self._parts.clock.now_s()
        vehicle = self._parts.pipeline.vehicle_at(now_s)
        result = self._result
        segmented = self._last_segmented
        return EngineSnapshot(
            t_s=now_s,
            state=self._state(),
            not_ready=self.not_ready(),
            mode=self._parts.pipeline.mode,
            sensitivity=self._parts.pipeline.sensitivity,
            camera_name=self._parts.camera.name,
            camera_fps=self._fps(),
            frame_age_ms=_age_ms(now_s, self._last_frame),
            latency_ms=self._stage.capture_ms + self._stage.overhead_ms + self._stage.forward_ms
            if self._stage
            else math.nan,
            segmenter_name=self._parts.segmenting.name,
            stage=self._stage,
            speed_m_s=vehicle.speed_m_s if vehicle else math.nan,
            odometry=vehicle.source if vehicle else OdometrySource.NONE,
            weed_cover=result.weed_cover if result and segmented else math.nan,
            crop_cover=result.crop_cover if result and segmented else math.nan,
            lookahead_s=self._parts.pipeline.lookahead_s(now_s),
            nozzle_commanded=commanded,
            controller=replace(self._status, open_mask=open_mask),
            capabilities=self._capabilities,
            totals=self._meter.totals,
            alarms=self._alarms.list(),
            run_directory=str(self._sink.directory) if self._sink else "",
            recording=self._sink is not None and not self._sink.problem,
            recording_note=self._recording_note(),
            run_time_s=0.0 if math.isnan(self._run_start_s) else now_s - self._run_start_s,
        )

    def not_ready(self) -> tuple[str, ...]:
        """Return why spraying cannot start now, each with what to do; empty when it can."""
        reasons: list[str] = []
        if self._camera_problem:
            reasons.append(f"{self._camera_problem} {CAMERA_LOST.remedy}")
        elif self._last_frame is None:
            reasons.append("Waiting for the camera's first picture.")
        if self._parts.segmenting.problem:
            reasons.append(f"{self._parts.segmenting.problem} {MODEL_FAILED.remedy}")
        elif not self._parts.segmenting.name:
            reasons.append("The model is being loaded.")
        elif self._calibration_problem:
            reasons.append(self._calibration_problem)
        elif self._result is None:
            reasons.append("Waiting for the model's first answer.")
        elif self._frames_are_stale(self._config.camera.lost_after_s):
            reasons.append(f"The newest picture was understood too late. {FRAMES_STALE.remedy}")
        if self._link_problem:
            reasons.append(self._link_problem)
        elif self._capabilities is None or self._status.state is ControllerState.DISCONNECTED:
            reasons.append(f"The sprayer controller is not connected: {self._status.cause}.")
        elif math.isnan(self._status.link.clock_error_ms):
            reasons.append("The controller's clock is being compared with the computer's.")
        elif self._last_odometry is None:
            reasons.append("Waiting for the first odometry reading.")
        reasons.extend(
            f"Acknowledge the stop: {alarm.text}" for alarm in self._alarms.unacknowledged_stops()
        )
        return tuple(reasons)

    def close(self) -> None:
        """Close the nozzles, end the run's files, release all devices."""
        self._close_nozzles()
        self._end_run("shutdown")
        self._parts.controller.close()
        self._parts.segmenting.close()
        self._parts.camera.close()

    # -- frames ---------------------------------------------------------------------------

    def _take_frame(self) -> None:
        try:
            frame = self._parts.camera.read(0.0)
        except EOFError:
            self._finish()
            return
        except CameraLostError as error:
            self._camera_problem = str(error)
            self._stop(CAMERA_LOST, str(error))
            return
        except CameraError as error:
            self._camera_problem = str(error)
            self._stop(CAMERA_LOST, str(error))
            self._finish()
            return
        if frame is None:
            return
        self._camera_problem = ""
        self._alarms.clear(CAMERA_LOST)
        self._last_frame = frame
        self._frame_times.append(frame.t_capture_s)
        if self._run_is_on:
            self._meter.dropped(frame.dropped_before)
        self._parts.segmenting.offer(
            Arrival(
                frame=frame,
                received_s=self._parts.clock.now_s(),
                received_perf_s=time.perf_counter(),
            )
        )

    def _take_segmented(self) -> None:
        segmented = self._parts.segmenting.take()
        if segmented is None:
            return
        now_s = self._parts.clock.now_s()
        frame = segmented.arrival.frame
        taken_s = time.perf_counter()
        try:
            self._result = self._parts.pipeline.integrate(frame, segmented.segmentation)
        except CalibrationError as error:
            self._calibration_problem = str(error)
            self._stop(CALIBRATION_WRONG, str(error))
            return
        if self._result.visual_odometry is not None:
            self._take_visual_odometry(self._result.visual_odometry)
        integrated_s = time.perf_counter()
        plan = self._parts.pipeline.plan(now_s) if self._spraying else None
        planned_s = time.perf_counter()
        self._send(plan)
        written_s = time.perf_counter()
        self._last_segmented = segmented
        forward_ms = segmented.segmentation.forward_ms
        self._stage = StageTimes(
            capture_ms=(segmented.arrival.received_s - frame.t_capture_s) * 1e3,
            segment_ms=(segmented.finished_perf_s - segmented.started_perf_s) * 1e3,
            project_ms=(integrated_s - taken_s) * 1e3,
            plan_ms=(planned_s - integrated_s) * 1e3,
            link_ms=(written_s - planned_s) * 1e3,
            forward_ms=forward_ms,
            overhead_ms=(written_s - segmented.arrival.received_perf_s) * 1e3 - forward_ms,
            queue_ms=(segmented.started_perf_s - segmented.arrival.received_perf_s) * 1e3,
            handover_ms=(taken_s - segmented.finished_perf_s) * 1e3,
        )
        if self._run_is_on:
            self._meter.frame()
        if self._sink is not None:
            self._sink.frame(frame, segmented.segmentation, self._result.vehicle, self._stage)

    def _take_visual_odometry(self, sample: OdometrySample) -> None:
        self._last_odometry = sample
        self._meter.odometry(sample)
        if self._sink is not None:
            self._sink.controller(sample)

    # -- plans ----------------------------------------------------------------------------

    def _commit_between_frames(self) -> None:
        """Command the pulses whose moment has come since the last frame."""
        if self._spraying:
            self._send(self._parts.pipeline.plan(self._parts.clock.now_s()))

    def _send(self, plan: SprayPlan | None) -> None:
        if plan is None:
            return
        now_s = self._parts.clock.now_s()
        if plan.events:
            self._parts.controller.queue(plan.events)
        self._late_times.extend(now_s for missed in plan.missed if missed.reason == "late")
        speed_m_s = self._last_odometry.speed_m_s if self._last_odometry else 0.0
        self._meter.plan(plan, speed_m_s)
        if self._sink is not None and (plan.events or plan.missed or plan.plants):
            self._sink.plan(plan)

    # -- controller -----------------------------------------------------------------------

    def _take_controller(self) -> None:
        self._reopen_link()
        try:
            messages = self._parts.controller.poll()
        except ProtocolError as error:
            self._link_problem = str(error)
            self._stop(CONTROLLER_REFUSED, str(error))
            return
        except ControllerError as error:
            self._link_problem = str(error)
            self._reopen_at_s = self._parts.clock.now_s() + REOPEN_S
            self._stop(LINK_LOST, str(error))
            return
        for message in messages:
            placed = self._placed(message) if isinstance(message, PulseReport) else message
            self._take_message(placed)
            if self._sink is not None:
                self._sink.controller(placed)

    def _reopen_link(self) -> None:
        """Connect again, some seconds after the link ended; the controller stays disarmed."""
        if self._parts.reopen_controller is not None and self._parts.clock.now_s() >= (
            self._reopen_at_s
        ):
            self._reopen_at_s = math.inf
            self._parts.reopen_controller()

    def _placed(self, report: PulseReport) -> PulseReport:
        """Return a report with the places of its edges; without an encoder, by the frames."""
        if self._capabilities is None or self._capabilities.has_encoder:
            return report
        if math.isnan(report.t_open_s):
            return report
        opened = self._parts.pipeline.vehicle_at(report.t_open_s)
        closed = self._parts.pipeline.vehicle_at(report.t_close_s)
        if opened is None or closed is None:
            return report
        return replace(report, open_m=opened.distance_m, close_m=closed.distance_m)

    def _take_message(self, message: ControllerMessage) -> None:
        if isinstance(message, OdometrySample):
            self._last_odometry = message
            self._parts.pipeline.odometry.add(message)
            self._meter.odometry(message)
        elif isinstance(message, PulseReport):
            self._take_report(message)
        elif isinstance(message, ControllerStatus):
            self._take_status(message)
        else:
            self._capabilities = message
            self._link_problem = ""
            self._parts.pipeline.capabilities = message

    def _take_report(self, report: PulseReport) -> None:
        self._meter.report(report)
        if not math.isnan(report.t_open_s):
            self._open_mask |= 1 << report.nozzle_id
        stopped = report.outcome in (PulseOutcome.FLUSHED, PulseOutcome.CUT) and not self._spraying
        if report.outcome is not PulseOutcome.DONE and not stopped:
            self._failed.append((self._parts.clock.now_s(), report.detail or report.outcome.value))

    def _take_status(self, status: ControllerStatus) -> None:
        self._status = status
        self._open_mask |= status.open_mask
        if self._run_is_on:
            self._meter.status(status)
        if status.state is ControllerState.ARMED and self._arming_since_s is not None:
            self._arming_since_s = None
            self._set_spraying(True)
            self._parts.pipeline.restart(self._parts.clock.now_s())
            self._note("spraying", "the controller confirmed ARMED")
        elif status.state is ControllerState.DISCONNECTED and self._capabilities is not None:
            self._capabilities = None
            self._parts.pipeline.odometry.break_off()
            self._stop(LINK_LOST, f"The sprayer controller is not connected: {status.cause}.")
        elif status.state is not ControllerState.ARMED and self._spraying:
            self._stop(CONTROLLER_LEFT, f"The controller stopped spraying: {status.cause}.")
        if status.state is not ControllerState.DISCONNECTED:
            self._alarms.clear(LINK_LOST)
            self._alarms.clear(CONTROLLER_LEFT)

    def _beat(self) -> None:
        """Tell the controller which of camera, model and planner live."""
        camera = self._last_frame is not None and not self._camera_problem
        model = self._last_segmented is not None and not self._parts.segmenting.problem
        if self._spraying or self._arming_since_s is not None:
            limit_s = self._config.camera.lost_after_s
            age_ms = _age_ms(self._parts.clock.now_s(), self._last_frame)
            camera = camera and age_ms <= 1e3 * limit_s
            model = model and not self._frames_are_stale(limit_s)
        self._parts.controller.beat(
            camera_alive=camera,
            model_alive=model,
            planner_alive=self._result is not None,
        )

    # -- orders ---------------------------------------------------------------------------

    def _start(self) -> None:
        reasons = self.not_ready()
        if reasons:
            self._note("start-refused", " ".join(reasons))
            return
        if self._spraying:
            return
        if not self._run_is_on:
            self._begin_run()
        self._paused = False
        self._arming_since_s = self._parts.clock.now_s()
        self._parts.controller.arm()
        self._note("start", "arming the controller")

    def _pause(self) -> None:
        if self._spraying or self._arming_since_s is not None:
            self._paused = True
            self._close_nozzles()
            self._note("pause", "by the operator")

    def _operator_stop(self) -> None:
        self._set_spraying(False)
        self._arming_since_s = None
        self._parts.controller.emergency_stop()
        self._stop(OPERATOR_STOP, "You pressed Stop. All nozzles were told to close.")
        self._alarms.clear(OPERATOR_STOP)
        self._end_run("stop by the operator")

    def _clear_stop(self) -> None:
        for alarm in self._alarms.unacknowledged_stops():
            self._alarms.acknowledge(alarm.code)
        if self._status.state is ControllerState.ESTOP:
            self._parts.controller.clear_stop()
        self._note("clear-stop", "by the operator")

    def _set_camera_control(self, name: str, value: float) -> None:
        try:
            reported = self._parts.camera.set_control(name, value)
        except CameraError as error:
            self._note("camera-control", str(error))
            return
        self._note("camera-control", f"{name} is {reported:g}")

    # -- supervision ----------------------------------------------------------------------

    def _supervise(self) -> None:
        now_s = self._parts.clock.now_s()
        if self._parts.segmenting.problem:
            self._stop(MODEL_FAILED, self._parts.segmenting.problem)
        if self._spraying:
            self._check_staleness(now_s)
        self._check_arming(now_s)
        self._check_rates(now_s)
        self._count_replaced()
        self._check_recording()

    def _check_staleness(self, now_s: float) -> None:
        limit_s = self._config.camera.lost_after_s
        if self._frames_are_stale(limit_s):
            self._stop(
                FRAMES_STALE,
                f"No picture was understood for {limit_s:g} s. All nozzles were closed.",
            )
        odometry = self._last_odometry
        if odometry is None or now_s - odometry.t_s > self._config.spray.stale_after_ms * 1e-3:
            age_s = math.inf if odometry is None else now_s - odometry.t_s
            self._stop(
                ODOMETRY_STALE,
                f"The last odometry reading is {age_s:.2f} s old. All nozzles were closed.",
            )
        else:
            self._alarms.clear(ODOMETRY_STALE)

    def _frames_are_stale(self, limit_s: float) -> bool:
        segmented = self._last_segmented
        if segmented is None:
            return True
        age_s = self._parts.clock.now_s() - segmented.arrival.frame.t_capture_s
        if age_s <= limit_s:
            self._alarms.clear(FRAMES_STALE)
        return age_s > limit_s

    def _check_arming(self, now_s: float) -> None:
        since_s = self._arming_since_s
        if since_s is not None and now_s - since_s > ARM_TIMEOUT_S:
            self._stop(
                CONTROLLER_LEFT,
                f"The controller did not arm within {ARM_TIMEOUT_S:g} s:"
                f" {self._status.cause or 'it gave no reason'}.",
            )

    def _check_rates(self, now_s: float) -> None:
        since_s = now_s - _ALARM_WINDOW_S
        while self._late_times and self._late_times[0] < since_s:
            self._late_times.popleft()
        while self._failed and self._failed[0][0] < since_s:
            self._failed.popleft()
        window = f"in the last {_ALARM_WINDOW_S:g} s"
        self._set_alarm(
            WEEDS_LATE,
            f"{len(self._late_times)} pieces of weed {window} were seen too late to be hit; they"
            " were not sprayed."
            if self._late_times
            else "",
        )
        self._set_alarm(
            PULSES_FAILED,
            f"{len(self._failed)} pulses {window} were not carried out: {self._failed[-1][1]}."
            if self._failed
            else "",
        )
        faults = [n for n in range(len(self._nozzles())) if self._status.fault_mask >> n & 1]
        numbers = ", ".join(str(n + 1) for n in faults)
        self._set_alarm(
            VALVE_FAULT,
            f"These nozzles do not follow their command: {numbers}." if faults else "",
        )
        note = self._parts.pipeline.limit_note if self._spraying else ""
        self._set_alarm(PLANNER_LIMIT, note)
        odometry = self._last_odometry
        limit_m_s = self._config.spray.max_speed_m_s
        too_fast = self._spraying and odometry is not None and odometry.speed_m_s > limit_m_s
        self._set_alarm(
            TOO_FAST,
            f"{odometry.speed_m_s:.1f} m/s is above the limit of {limit_m_s:g} m/s."
            if too_fast and odometry is not None
            else "",
        )

    def _check_recording(self) -> None:
        self._set_alarm(RECORDING_PROBLEM, self._sink.problem if self._sink else "")

    def _count_replaced(self) -> None:
        replaced = self._parts.segmenting.replaced
        if self._run_is_on:
            self._meter.dropped(replaced - self._replaced_seen)
        self._replaced_seen = replaced

    def _set_alarm(self, kind: AlarmKind, text: str) -> None:
        if not text:
            self._alarms.clear(kind)
        elif self._alarms.raise_alarm(kind, _sentence(text), self._parts.clock.now_s()):
            self._note("alarm", text)

    def _stop(self, kind: AlarmKind, text: str) -> None:
        """Close the nozzles and say why; an alarm that does not concern a run is only shown."""
        text = _sentence(text)
        if self._alarms.raise_alarm(kind, text, self._parts.clock.now_s()):
            _log.warning("stop: %s", text)
            self._note("stop", text)
        self._close_nozzles()

    def _close_nozzles(self) -> None:
        if self._spraying or self._arming_since_s is not None:
            self._parts.controller.disarm()
        self._set_spraying(False)
        self._arming_since_s = None

    def _set_spraying(self, spraying: bool) -> None:
        self._spraying = self._meter.is_spraying = spraying

    def _finish(self) -> None:
        if not self._finished:
            self._finished = True
            self._close_nozzles()
            self._note("finished", "the source of frames has ended")

    # -- the run's record -----------------------------------------------------------------

    def _begin_run(self) -> None:
        self._run_is_on = True
        self._meter = TotalsMeter(self._parts.boom, self._config.spray.min_speed_m_s)
        self._run_start_s = self._parts.clock.now_s()
        try:
            self._sink = self._parts.open_run()
        except RecordingError as error:
            self._set_alarm(RECORDING_PROBLEM, str(error))
            return
        if self._sink is not None and self._capabilities is not None:
            self._sink.controller(self._capabilities)

    def _end_run(self, cause: str) -> None:
        self._run_is_on = False
        sink = self._sink
        if sink is None:
            return
        self._note("end", cause)
        self._sink = None
        sink.close()
        self._last_run_note = f"The last run is in {sink.directory}, its report in report.html."
        self._parts.on_run_closed(sink)

    def _note(self, kind: str, text: str) -> None:
        _log.info("%s: %s", kind, text)
        if self._sink is not None:
            self._sink.event(RunEvent(t_s=self._parts.clock.now_s(), kind=kind, text=text))

    # -- what the window shows ------------------------------------------------------------

    def _state(self) -> EngineState:
        if self._alarms.unacknowledged_stops():
            return EngineState.STOPPED
        if self._finished:
            return EngineState.FINISHED
        if self._spraying:
            return EngineState.SPRAYING
        if not self._parts.segmenting.name and not self._parts.segmenting.problem:
            return EngineState.STARTING
        if self.not_ready():
            return EngineState.FAULT
        return EngineState.PAUSED if self._paused else EngineState.READY

    def _fps(self) -> float:
        times = self._frame_times
        if len(times) < 2 or times[-1] <= times[0]:
            return math.nan
        return (len(times) - 1) / (times[-1] - times[0])

    def _nozzles(self) -> tuple[bool, ...]:
        if not self._spraying:
            return (False,) * self._config.boom.nozzle_count
        return self._parts.pipeline.commanded_at(self._parts.clock.now_s())

    def _recording_note(self) -> str:
        if self._sink is None:
            return self._last_run_note
        return self._sink.problem


def _sentence(text: str) -> str:
    """Return ``text`` with a capital at its beginning and a full stop at its end."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!")) else ".")


def _age_ms(now_s: float, frame: Frame | None) -> float:
    return math.nan if frame is None else (now_s - frame.t_capture_s) * 1e3
