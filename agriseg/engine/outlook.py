"""What the window shows: the engine's state, why it is not ready, the snapshot."""

from __future__ import annotations

import math
from dataclasses import replace

from agriseg.alarms import FRAMES_STALE, MODEL_FAILED, sentence
from agriseg.engine.controller_side import ControllerSide
from agriseg.engine.frame_path import FramePath
from agriseg.engine.mark_check import MarkCheck
from agriseg.engine.parts import EngineParts
from agriseg.engine.position_side import PositionSide
from agriseg.engine.run_book import RunBook
from agriseg.engine.spray_gate import SprayGate
from agriseg.messages import ControllerState, EngineSnapshot, EngineState, OdometrySource


class Outlook:
    """Looks at the engine from outside; decides nothing."""

    def __init__(
        self,
        parts: EngineParts,
        book: RunBook,
        gate: SprayGate,
        link: ControllerSide,
        frames: FramePath,
        position: PositionSide,
        marks: MarkCheck,
    ) -> None:
        self._parts = parts
        self._book = book
        self._gate = gate
        self._link = link
        self._frames = frames
        self._position = position
        self._marks = marks
        self._commanded = (False,) * parts.config.boom.nozzle_count

    def note_nozzles(self) -> None:
        """Remember which nozzles are commanded open, for pulses shorter than a snapshot."""
        now = self._nozzles()
        self._commanded = tuple(a or b for a, b in zip(self._commanded, now, strict=True))

    def not_ready(self) -> tuple[str, ...]:
        """Return why spraying cannot start now, each with what to do; empty when it can."""
        stops = self._gate.alarms.unacknowledged_stops()
        return (
            *self._camera_reasons(),
            *self._model_reasons(),
            *self._controller_reasons(),
            *self._position.reasons(),
            *self._marks.reasons,
            *(f"Acknowledge the stop: {alarm.text}" for alarm in stops),
        )

    def state(self, has_finished: bool) -> EngineState:
        """Return the engine's state."""
        segmenting = self._parts.segmenting
        if self._gate.alarms.unacknowledged_stops():
            return EngineState.STOPPED
        if has_finished:
            return EngineState.FINISHED
        if self._gate.is_open:
            return EngineState.SPRAYING
        if not segmenting.name and not segmenting.problem:
            return EngineState.STARTING
        if self.not_ready():
            return EngineState.FAULT
        return EngineState.PAUSED if self._gate.paused else EngineState.READY

    def snapshot(self, has_finished: bool) -> EngineSnapshot:
        """Return all that the window shows besides the picture.

        Nozzles count as commanded or open when they were so at any time since the snapshot
        before: a spot's pulse is shorter than the time between two.
        """
        commanded, self._commanded = self._commanded, self._nozzles()
        now_s = self._parts.clock.now_s()
        pipeline, frames, link, book = self._parts.pipeline, self._frames, self._link, self._book
        vehicle = pipeline.vehicle_at(now_s)
        result = frames.result if frames.segmented else None
        return EngineSnapshot(
            t_s=now_s,
            state=self.state(has_finished),
            not_ready=self.not_ready(),
            mode=pipeline.mode,
            sensitivity=pipeline.sensitivity,
            camera_name=self._parts.camera.name,
            camera_fps=frames.fps,
            frame_age_ms=1e3 * frames.age_s,
            latency_ms=self._latency_ms(),
            segmenter_name=self._parts.segmenting.name,
            stage=frames.stage,
            speed_m_s=vehicle.speed_m_s if vehicle else math.nan,
            odometry=vehicle.source if vehicle else OdometrySource.NONE,
            weed_cover=result.weed_cover if result else math.nan,
            crop_cover=result.crop_cover if result else math.nan,
            lookahead_s=pipeline.lookahead_s(now_s),
            nozzle_commanded=commanded,
            controller=replace(link.status, open_mask=link.take_opened_mask()),
            capabilities=link.capabilities,
            totals=book.meter.totals,
            alarms=self._gate.alarms.list(),
            run_directory=book.directory,
            recording=book.is_recording,
            recording_note=book.recording_note,
            run_time_s=book.time_s(now_s),
            position=self._position.status(),
        )

    def _camera_reasons(self) -> list[str]:
        if self._frames.camera_problem:
            return [f"{sentence(self._frames.camera_problem)} {self._frames.camera_remedy}"]
        return [] if self._frames.frame is not None else ["Waiting for the camera's first picture."]

    def _model_reasons(self) -> list[str]:
        segmenting, frames = self._parts.segmenting, self._frames
        if segmenting.problem:
            return [f"{sentence(segmenting.problem)} {MODEL_FAILED.remedy}"]
        if not segmenting.name:
            return ["The model is being loaded."]
        if frames.calibration_problem:
            return [frames.calibration_problem]
        if frames.result is None:
            return ["Waiting for the model's first answer."]
        if frames.is_stale:
            return [f"The newest picture was understood too late. {FRAMES_STALE.remedy}"]
        return []

    def _controller_reasons(self) -> list[str]:
        link = self._link
        if link.problem:
            return [sentence(link.problem)]
        if link.capabilities is None or link.status.state is ControllerState.DISCONNECTED:
            return [f"The sprayer controller is not connected: {link.status.cause}."]
        if math.isnan(link.status.link.clock_error_ms):
            return ["The controller's clock is being compared with the computer's."]
        return [] if link.odometry is not None else ["Waiting for the first odometry reading."]

    def _latency_ms(self) -> float:
        stage = self._frames.stage
        if stage is None:
            return math.nan
        return stage.capture_ms + stage.overhead_ms + stage.forward_ms

    def _nozzles(self) -> tuple[bool, ...]:
        if not self._gate.is_open:
            return (False,) * self._parts.config.boom.nozzle_count
        return self._parts.pipeline.commanded_at(self._parts.clock.now_s())
