"""One frame's way: received, segmented, mapped, planned on; with the time of each stage."""

from __future__ import annotations

import math
import time
from collections import deque

from agriseg.alarms import (
    CALIBRATION_WRONG,
    CAMERA_FAILED,
    CAMERA_LOST,
    FRAMES_STALE,
    AlarmKind,
)
from agriseg.engine.controller_side import ControllerSide
from agriseg.engine.doubt import DoubtWatch
from agriseg.engine.parts import EngineParts
from agriseg.engine.planning import Planning
from agriseg.engine.run_book import RunBook
from agriseg.engine.speed_check import SpeedCheck
from agriseg.engine.spray_gate import SprayGate
from agriseg.errors import CalibrationError, CameraError, CameraLostError
from agriseg.messages import Frame, StageTimes
from agriseg.pipeline import PipelineResult
from agriseg.segmenting import Arrival, SegmentedFrame

_FPS_FRAMES = 20


class FramePath:
    """Takes frames from the camera to the segmenter, and from there to the plan.

    Attributes
    ----------
    frame : Frame, optional
        The newest, segmented or not.
    segmented : SegmentedFrame, optional
        The newest that was segmented.
    result : PipelineResult, optional
        What the pipeline made of it.
    stage : StageTimes, optional
        What its time went into.
    camera_problem, calibration_problem : str
        Empty while all is well.
    camera_remedy : str
        What to do about a problem of the camera.
    has_ended : bool
        Whether the source of frames has ended.
    """

    def __init__(
        self,
        parts: EngineParts,
        book: RunBook,
        gate: SprayGate,
        link: ControllerSide,
        planning: Planning,
        speed_check: SpeedCheck,
        doubt: DoubtWatch,
    ) -> None:
        self._parts = parts
        self._book = book
        self._gate = gate
        self._link = link
        self._planning = planning
        self._speed_check = speed_check
        self._doubt = doubt
        self.frame: Frame | None = None
        self.segmented: SegmentedFrame | None = None
        self.result: PipelineResult | None = None
        self.stage: StageTimes | None = None
        self.camera_problem = self.camera_remedy = ""
        self.calibration_problem = ""
        self.has_ended = False
        self._capture_times_s: deque[float] = deque(maxlen=_FPS_FRAMES)

    @property
    def fps(self) -> float:
        """Frames a second over the last ones; NaN before two."""
        times = self._capture_times_s
        if len(times) < 2 or times[-1] <= times[0]:
            return math.nan
        return (len(times) - 1) / (times[-1] - times[0])

    @property
    def age_s(self) -> float:
        """How long ago the newest frame was exposed; NaN before the first."""
        if self.frame is None:
            return math.nan
        return self._parts.clock.now_s() - self.frame.t_capture_s

    @property
    def is_stale(self) -> bool:
        """Whether no recent picture was understood."""
        if self.segmented is None:
            return True
        age_s = self._parts.clock.now_s() - self.segmented.arrival.frame.t_capture_s
        return age_s > self._parts.config.camera.lost_after_s

    def take_frame(self) -> None:
        """Take the camera's newest frame, if there is one, to the segmenter."""
        try:
            frame = self._parts.camera.read(0.0)
        except EOFError:
            self._end()
            return
        except CameraLostError as error:
            self._lose_camera(error)
            return
        except CameraError as error:
            self._lose_camera(error, CAMERA_FAILED)
            self._end()
            return
        if frame is not None:
            self._receive(frame)

    def take_segmented(self) -> None:
        """Map the newest segmented frame, if there is one, and plan on it."""
        segmented = self._parts.segmenting.take()
        if segmented is None:
            return
        frame = segmented.arrival.frame
        taken_s = time.perf_counter()
        self._doubt.hear(segmented.segmentation)
        try:
            result = self._parts.pipeline.integrate(frame, segmented.segmentation)
        except CalibrationError as error:
            self.calibration_problem = str(error)
            self._gate.stop(CALIBRATION_WRONG, str(error))
            return
        self.result = result
        if result.visual_odometry is not None:
            self._link.take_visual_odometry(result.visual_odometry)
        integrated_s = time.perf_counter()
        plan = self._planning.plan() if self._gate.is_open else None
        planned_s = time.perf_counter()
        if plan is not None:
            self._planning.send(plan)
        written_s = time.perf_counter()
        self.segmented = segmented
        self.stage = _stage_times(segmented, taken_s, integrated_s, planned_s, written_s)
        if not self.is_stale:
            self._gate.alarms.clear(FRAMES_STALE)
        if frame.is_preview:
            return
        if self._book.is_on:
            self._book.meter.frame()
        if self._book.sink is not None:
            self._book.sink.frame(frame, segmented.segmentation, result.vehicle, self.stage)

    def _receive(self, frame: Frame) -> None:
        self.camera_problem = ""
        self._gate.alarms.clear(CAMERA_LOST)
        self.frame = frame
        self._capture_times_s.append(frame.t_capture_s)
        if self._book.is_on:
            self._book.meter.dropped(frame.dropped_before)
        self._parts.segmenting.offer(
            Arrival(
                frame=frame,
                received_s=self._parts.clock.now_s(),
                received_perf_s=time.perf_counter(),
            )
        )
        self._speed_check.take(frame)

    def _lose_camera(self, error: CameraError, kind: AlarmKind = CAMERA_LOST) -> None:
        self.camera_problem, self.camera_remedy = str(error), kind.remedy
        self._gate.stop(kind, str(error))

    def _end(self) -> None:
        if not self.has_ended:
            self.has_ended = True
            self._gate.close()
            self._book.note("finished", "the source of frames has ended")


def _stage_times(
    segmented: SegmentedFrame,
    taken_s: float,
    integrated_s: float,
    planned_s: float,
    written_s: float,
) -> StageTimes:
    """Return the stages' times from readings of the performance counter."""
    arrival, forward_ms = segmented.arrival, segmented.segmentation.forward_ms
    return StageTimes(
        capture_ms=(arrival.received_s - arrival.frame.t_capture_s) * 1e3,
        segment_ms=(segmented.finished_perf_s - segmented.started_perf_s) * 1e3,
        project_ms=(integrated_s - taken_s) * 1e3,
        plan_ms=(planned_s - integrated_s) * 1e3,
        link_ms=(written_s - planned_s) * 1e3,
        forward_ms=forward_ms,
        overhead_ms=(written_s - arrival.received_perf_s) * 1e3 - forward_ms,
        queue_ms=(segmented.started_perf_s - arrival.received_perf_s) * 1e3,
        handover_ms=(taken_s - segmented.finished_perf_s) * 1e3,
    )
