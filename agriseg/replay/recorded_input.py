"""What a recorded run's pipeline was given: each step, or as far as it is known."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agriseg.config import Config
from agriseg.errors import RecordingError
from agriseg.messages import (
    ControllerCapabilities,
    OdometrySample,
    RunEvent,
    SprayMode,
    SprayPlan,
    ValveEvent,
    VehicleState,
)
from agriseg.pipeline_journal import MapPatch, PipelineStart, PipelineStep, StepKind
from agriseg.recording import topics
from agriseg.recording.evidence import decode_patch, pipeline_start
from agriseg.recording.reader import Run
from agriseg.recording.topics import EncodedImage, FrameRecord, RecordedStart, RecordedSteps

PLAN_EVERY_S = 0.005
"""Between planning steps where they were not noted: the engine's own pace."""

_ENDS = frozenset({"pause", "stop", "end", "finished"})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RecordedInput:
    """A run as its pipeline saw it.

    Attributes
    ----------
    config : Config
        That the run was made with.
    start : PipelineStart, optional
        Where the pipeline stood; None in recordings without it: it then begins empty.
    steps : sequence of PipelineStep
    capabilities : sequence of ControllerCapabilities
        What the controller said of itself, at first and at each reconnection.
    poses : mapping of frame to VehicleState
        Where each frame was taken from.
    commanded : sequence of ValveEvent
        The pulses that were decided then, up to the last step.
    gaps : tuple of str
        Why a replay cannot be exact; empty where it can.
    """

    config: Config
    start: PipelineStart | None
    steps: Sequence[PipelineStep]
    capabilities: Sequence[ControllerCapabilities]
    poses: dict[int, VehicleState]
    commanded: Sequence[ValveEvent]
    gaps: tuple[str, ...]

    @property
    def is_exact(self) -> bool:
        """Whether the same settings must lead to the same decisions."""
        return not self.gaps


def read_input(run: Run) -> RecordedInput:
    """Read what a run's pipeline was given.

    Raises
    ------
    RecordingError
        The configuration cannot be used, or the controller's abilities are not known.
    """
    reading = _Reading()
    for record in run.records():
        reading.take(record.t_s, record.message)
    if not reading.capabilities:
        raise RecordingError(
            f"{run.directory}: no controller was connected in this run, so there is nothing to"
            " decide again"
        )
    steps = reading.steps
    if not reading.noted or reading.start is None:
        steps = reading.reconstructed()
    last_plan_s = max((s.t_s or -math.inf for s in steps if s.kind is StepKind.PLAN), default=0.0)
    return RecordedInput(
        config=run.config,
        start=reading.start,
        steps=steps,
        capabilities=reading.capabilities,
        poses=reading.poses,
        commanded=[
            event for plan in reading.plans if plan.t_plan_s <= last_plan_s for event in plan.events
        ],
        gaps=(*reading.gaps(), *run.problems),
    )


def recorded_patches(run: Run) -> Iterator[tuple[int, MapPatch]]:
    """Yield the frames' evidence in the order of their recording."""
    for record in run.records({topics.PATCH}):
        if isinstance(record.message, EncodedImage):
            yield record.message.frame_number, decode_patch(record.message)


class _Reading:
    """Collects one run's messages."""

    def __init__(self) -> None:
        self.start: PipelineStart | None = None
        self.steps: list[PipelineStep] = []
        self.noted = 0
        self.capabilities: list[ControllerCapabilities] = []
        self.poses: dict[int, VehicleState] = {}
        self.plans: list[SprayPlan] = []
        self._has_gap = False
        self._patches_dropped = 0
        self._moments: list[tuple[float, PipelineStep]] = []
        self._spraying: list[tuple[float, float]] = []
        self._began_s: float | None = None
        self._last_s = 0.0

    def take(self, t_s: float, message: object) -> None:
        """Take one message and when it was recorded."""
        self._last_s = t_s
        if isinstance(message, RecordedSteps):
            self._has_gap |= message.first != self.noted
            self.noted = message.first + len(message.steps)
            self.steps += message.steps
        elif isinstance(message, RecordedStart):
            self.start = pipeline_start(message)
        elif isinstance(message, ControllerCapabilities):
            self.capabilities.append(message)
        elif isinstance(message, SprayPlan):
            self.plans.append(message)
        elif isinstance(message, OdometrySample):
            self._note(t_s, PipelineStep(kind=StepKind.READING, sample=message))
        elif isinstance(message, FrameRecord):
            self._take_frame(t_s, message)
        elif isinstance(message, RunEvent):
            self._take_event(message)
        elif isinstance(message, topics.RecorderRecord):
            self._patches_dropped = message.patches_dropped

    def gaps(self) -> list[str]:
        """Return why a replay cannot be exact."""
        if not self.noted or self.start is None:
            return ["the pipeline's steps were not recorded (an older program)"]
        found = []
        if self._has_gap:
            found.append("some of the pipeline's steps are missing")
        if self._patches_dropped:
            found.append(
                f"the evidence of {self._patches_dropped} frames was not recorded (the disk was"
                " full, or the computer too slow)"
            )
        return found

    def reconstructed(self) -> list[PipelineStep]:
        """Return the steps as they must about have been: planned on at the engine's pace."""
        if self._began_s is not None:
            self._spraying.append((self._began_s, self._last_s))
        moments = list(self._moments)
        for began_s, ended_s in self._spraying:
            moments.append((began_s, PipelineStep(kind=StepKind.RESTART, t_s=began_s)))
            count = int((ended_s - began_s) / PLAN_EVERY_S)
            times = (began_s + PLAN_EVERY_S * (k + 1) for k in range(count))
            moments += [(t_s, PipelineStep(kind=StepKind.PLAN, t_s=t_s)) for t_s in times]
        return [step for _, step in sorted(moments, key=lambda moment: moment[0])]

    def _note(self, t_s: float, step: PipelineStep) -> None:
        self._moments.append((t_s, step))

    def _take_frame(self, t_s: float, frame: FrameRecord) -> None:
        if frame.vehicle is not None:
            self.poses[frame.frame_id] = frame.vehicle
        self._note(
            t_s,
            PipelineStep(kind=StepKind.FRAME, t_s=frame.t_capture_s, frame_id=frame.frame_id),
        )

    def _take_event(self, event: RunEvent) -> None:
        if event.kind == "spraying" and self._began_s is None:
            self._began_s = event.t_s
        elif event.kind in _ENDS and self._began_s is not None:
            self._spraying.append((self._began_s, event.t_s))
            self._began_s = None
        elif event.kind == "mode":
            mode = SprayMode(event.text)
            self._note(event.t_s, PipelineStep(kind=StepKind.MODE, mode=mode))
