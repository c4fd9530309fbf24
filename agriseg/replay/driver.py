"""Drives a pipeline through a recorded run's steps, on recorded or newly seen evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from agriseg.config import Config
from agriseg.errors import RecordingError
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.messages import (
    ControllerCapabilities,
    MissedWeed,
    OdometrySample,
    Plant,
    SprayPlan,
    ValveEvent,
    VehicleState,
)
from agriseg.pipeline import FieldPipeline
from agriseg.pipeline_journal import (
    BarredGround,
    MapPatch,
    OdometryState,
    PipelineStart,
    PipelineStep,
    PoseFix,
    StepKind,
)
from agriseg.spraying.boom import Boom
from agriseg.spraying.intervals import Interval

_PROGRESS_EVERY = 100
_UNSURE = "unsure"
"""The pipeline's word for a picture unlike those that the model knows."""


class Evidence(Protocol):
    """Where the frames' evidence comes from."""

    def patch(self, frame_id: int) -> MapPatch | None:
        """Return the evidence of a frame; None where there is none. Frames come in order."""
        ...


class RecordedEvidence:
    """What the model saw during the run.

    Attributes
    ----------
    lost : int
        Frames whose evidence is not in the recording.
    """

    def __init__(self, patches: Iterator[tuple[int, MapPatch]]) -> None:
        self._patches = patches
        self._next = next(patches, None)
        self.lost = 0

    def patch(self, frame_id: int) -> MapPatch | None:
        """Return the evidence of a frame; None where it was lost."""
        while self._next is not None and self._next[0] < frame_id:
            self._next = next(self._patches, None)
        if self._next is None or self._next[0] != frame_id:
            self.lost += 1
            return None
        found = self._next[1]
        self._next = next(self._patches, None)
        return found


@dataclass(slots=True, kw_only=True, eq=False)
class Decisions:
    """What a pipeline decided; ``odometry`` are the readings that it was given."""

    events: list[ValveEvent]
    missed: list[MissedWeed]
    plants: list[Plant]
    odometry: list[OdometrySample]
    plans: int = 0

    def add(self, plan: SprayPlan) -> None:
        """Add one plan."""
        self.events += plan.events
        self.missed += plan.missed
        self.plants += plan.plants
        self.plans += 1


class RecordedLimits:
    """What a field's boundary said during the run; it is not asked again."""

    def __init__(self, nozzle_count: int) -> None:
        self._count = nozzle_count
        self._hold = ""
        self._barred: tuple[BarredGround, ...] = ()

    def set(self, hold: str, barred: tuple[BarredGround, ...] | None) -> None:
        """Take what was said at a planning step."""
        self._hold = hold
        if barred is not None:
            self._barred = barred

    def hold(self, now_s: float, vehicle: VehicleState) -> str:  # noqa: ARG002
        """Return why nothing might be sprayed."""
        return self._hold

    def barred(
        self,
        vehicle: VehicleState,  # noqa: ARG002
        from_x_m: float,  # noqa: ARG002
        to_x_m: float,  # noqa: ARG002
    ) -> list[list[Interval]]:
        """Return where each nozzle might not spray."""
        ground: list[list[Interval]] = [[] for _ in range(self._count)]
        for barred in self._barred:
            if barred.nozzle_id < self._count:
                ground[barred.nozzle_id].append((barred.s_min_m, barred.s_max_m))
        return ground


def new_pipeline(config: Config) -> FieldPipeline:
    """Return a pipeline for a run's configuration.

    Raises
    ------
    CalibrationError
        The recorded camera does not see the ground.
    """
    camera = config.camera
    size = (camera.width_px, camera.height_px)
    return FieldPipeline(
        config, GroundPlane(camera.intrinsics, camera.pose, size), Boom(config.boom)
    )


def drive(
    config: Config,
    start: PipelineStart | None,
    steps: Sequence[PipelineStep],
    capabilities: Sequence[ControllerCapabilities],
    evidence: Evidence,
    *,
    keeps_operator: bool = True,
    poses: Mapping[int, VehicleState] | None = None,
    on_frame: Callable[[FieldPipeline], None] = lambda _: None,
    progress: Callable[[float], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Decisions | None:
    """Decide on a recorded run again.

    Parameters
    ----------
    config : Config
        May differ from the run's in boom and spraying.
    start, steps, capabilities :
        Of a `RecordedInput`.
    evidence : Evidence
    keeps_operator : bool
        Whether the sensitivity is what the operator had set; otherwise it is the config's.
    poses : mapping, optional
        Where frames are taken to be seen from; by default from where odometry says.
    on_frame : callable
        Called after each frame was added to the map.
    progress, cancelled : callable
        Told the share that is done, 0 to 1; asked whether to give up.

    Returns
    -------
    Decisions or None
        None when it was cancelled.

    Raises
    ------
    RecordingError
        The evidence does not fit the configuration.
    """
    run = _Drive(config, start, capabilities, evidence, keeps_operator, poses, on_frame)
    for index, step in enumerate(steps):
        if index % _PROGRESS_EVERY == 0:
            if cancelled():
                return None
            progress(index / len(steps))
        run.take(step)
    progress(1.0)
    return run.decisions


class _Drive:
    def __init__(
        self,
        config: Config,
        start: PipelineStart | None,
        capabilities: Sequence[ControllerCapabilities],
        evidence: Evidence,
        keeps_operator: bool,
        poses: Mapping[int, VehicleState] | None,
        on_frame: Callable[[FieldPipeline], None],
    ) -> None:
        self.decisions = Decisions(events=[], missed=[], plants=[], odometry=[])
        self._config = config
        self._evidence = evidence
        self._keeps_operator = keeps_operator
        self._poses = poses
        self._on_frame = on_frame
        self._limits = RecordedLimits(config.boom.nozzle_count)
        self._capabilities = iter(capabilities)
        self._pipeline = new_pipeline(config)
        if start is not None:
            self._restore(start)
        elif poses:
            self._begin_at(next(iter(poses.values())))
        if not keeps_operator:
            self._pipeline.sensitivity = config.spray.sensitivity
            self._pipeline.mode = config.spray.mode
        self._pipeline.capabilities = next(self._capabilities, None)

    def take(self, step: PipelineStep) -> None:
        """Do one step."""
        kind, pipeline = step.kind, self._pipeline
        if kind is StepKind.PLAN and step.t_s is not None:
            self._plan(step, step.t_s)
        elif kind is StepKind.FRAME and step.t_s is not None and step.frame_id is not None:
            self._frame(step.frame_id, step.t_s)
        elif kind is StepKind.READING and step.sample is not None:
            pipeline.odometry.add(step.sample)
            self.decisions.odometry.append(step.sample)
        elif kind is StepKind.BREAK:
            pipeline.odometry.break_off()
        elif kind is StepKind.RESTART and step.t_s is not None:
            pipeline.restart(step.t_s)
        elif kind is StepKind.CAPABILITIES:
            self._capability(bool(step.has_controller))
        elif self._keeps_operator and kind is StepKind.MODE and step.mode is not None:
            pipeline.mode = step.mode
        elif self._keeps_operator and step.sensitivity is not None:
            pipeline.sensitivity = step.sensitivity

    def _restore(self, start: PipelineStart) -> None:
        try:
            self._pipeline.restore(start.state, start.map)
        except ValueError as error:
            raise RecordingError(
                f"the recorded map does not fit these settings ({error}): camera and"
                " spray.map_cell_m must be those of the run"
            ) from error

    def _begin_at(self, pose: VehicleState) -> None:
        """Let odometry count from a known pose, so that it and the frames' poses agree."""
        fix = PoseFix(
            t_s=pose.t_s,
            distance_m=pose.distance_m,
            speed_m_s=pose.speed_m_s,
            yaw_rate_rad_s=0.0,
            x_m=pose.x_m,
            y_m=pose.y_m,
            heading_rad=pose.heading_rad,
        )
        self._pipeline.odometry.restore(
            OdometryState(fixes=(fix,), source=pose.source, is_broken=False, resets=0)
        )

    def _plan(self, step: PipelineStep, now_s: float) -> None:
        if step.hold not in (None, _UNSURE) or step.barred is not None:
            self._pipeline.limits = self._limits
        self._limits.set(step.hold or "", step.barred)
        self._pipeline.unsure = step.hold == _UNSURE
        self.decisions.add(self._pipeline.plan(now_s))

    def _frame(self, frame_id: int, t_capture_s: float) -> None:
        seen_from = None if self._poses is None else self._poses.get(frame_id)
        patch = self._evidence.patch(frame_id)
        try:
            self._pipeline.integrate_patch(frame_id, t_capture_s, patch, seen_from)
        except ValueError as error:
            raise RecordingError(
                f"the evidence of frame {frame_id} does not fit these settings ({error}): camera"
                " and spray.map_cell_m must be those of the run"
            ) from error
        self._on_frame(self._pipeline)

    def _capability(self, has_controller: bool) -> None:
        self._pipeline.capabilities = next(self._capabilities, None) if has_controller else None
