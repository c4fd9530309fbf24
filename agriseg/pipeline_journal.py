"""What the pipeline was given, step by step, so that its decisions can be made again exactly.

The pipeline has neither clock nor input of its own: from the same state, the same steps and the
same patches of evidence it makes the same decisions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from agriseg.messages import (
    Float64Array,
    OdometrySample,
    OdometrySource,
    SprayMode,
    UInt8Array,
    ValveEvent,
    VehicleState,
)

Float32Array = NDArray[np.float32]

_MANY_STEPS = 100


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MapPatch:
    """What one frame shows of the ground, in the map's cells: the evidence of the decisions.

    ``weed`` and ``crop`` are (h, w) uint8, probabilities in `agriseg.spraying.weed_map`'s levels.
    """

    weed: UInt8Array
    crop: UInt8Array

    def __post_init__(self) -> None:
        if self.weed.shape != self.crop.shape or self.weed.ndim != 2:
            raise ValueError(f"weed and crop are (h, w), got {self.weed.shape}, {self.crop.shape}")
        self.weed.flags.writeable = False
        self.crop.flags.writeable = False


class StepKind(Enum):
    """What was done with the pipeline."""

    READING = "reading"
    BREAK = "break"
    """Odometry broke off."""
    FRAME = "frame"
    RESTART = "restart"
    PLAN = "plan"
    MODE = "mode"
    SENSITIVITY = "sensitivity"
    CAPABILITIES = "capabilities"


@dataclass(frozen=True, slots=True, kw_only=True)
class BarredGround:
    """Ground that a nozzle may not spray, along the track in metres."""

    nozzle_id: int
    s_min_m: float
    s_max_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineStep:
    """One thing that the pipeline was given.

    Attributes
    ----------
    kind : StepKind
    t_s : float, optional
        PLAN and RESTART: the time of it; FRAME: its exposure.
    frame_id : int, optional
        FRAME.
    sample : OdometrySample, optional
        READING.
    sensitivity : float, optional
    mode : SprayMode, optional
    has_controller : bool, optional
        CAPABILITIES: whether there are any; they are recorded on their own.
    hold : str, optional
        PLAN: why the field's boundary forbade spraying, if it did.
    barred : tuple of BarredGround, optional
        PLAN: what the boundary said of the ground ahead, where it was asked.
    """

    kind: StepKind
    t_s: float | None = None
    frame_id: int | None = None
    sample: OdometrySample | None = None
    sensitivity: float | None = None
    mode: SprayMode | None = None
    has_controller: bool | None = None
    hold: str | None = None
    barred: tuple[BarredGround, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PoseFix:
    """One reading with the pose that it led to."""

    t_s: float
    distance_m: float
    speed_m_s: float
    yaw_rate_rad_s: float
    x_m: float
    y_m: float
    heading_rad: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OdometryState:
    """Where the odometry stands."""

    fixes: tuple[PoseFix, ...]
    source: OdometrySource
    is_broken: bool
    resets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredGround:
    """Ground that a nozzle's books are closed for."""

    nozzle_id: int
    s_min_m: float
    s_max_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerState:
    """The planner's books; see `agriseg.spraying.ledger.NozzleLedger`."""

    frontier_m: tuple[float, ...]
    passed_m: tuple[float, ...]
    crop_told_m: tuple[float, ...]
    last_close: tuple[float, ...]
    answered: tuple[AnsweredGround, ...]
    open_events: tuple[ValveEvent, ...]
    by_distance: bool
    next_event_id: int
    call_gap_s: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MapState:
    """The map's content.

    Attributes
    ----------
    weed_mean, crop_mean : (N, N) float32
    count : (N, N) uint8
    origin : (column, row), optional
        Of the first cell; None while the map is empty.
    """

    weed_mean: Float32Array
    crop_mean: Float32Array
    count: UInt8Array
    origin: tuple[int, int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineState:
    """Where the pipeline stands when a run begins; arrays are copies."""

    odometry: OdometryState
    ledger: LedgerState
    mode: SprayMode
    sensitivity: float
    frame_id: int
    next_plant_id: int
    newest: VehicleState | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FramePatch:
    """The evidence of one frame."""

    frame_id: int
    t_capture_s: float
    patch: MapPatch


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PipelineStart:
    """Where the pipeline stood at a host time, when a run began."""

    t_s: float
    state: PipelineState
    map: MapState


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PipelineSteps:
    """Steps in order, and the evidence of the frames among them.

    ``first`` counts the steps before them since the run began: a gap shows.
    """

    t_s: float
    first: int
    steps: tuple[PipelineStep, ...]
    patches: tuple[FramePatch, ...] = ()


@dataclass(slots=True)
class StepJournal:
    """Collects steps until they are taken."""

    _steps: list[PipelineStep] = field(default_factory=list)
    _patches: list[FramePatch] = field(default_factory=list)
    _taken: int = 0

    @property
    def is_due(self) -> bool:
        """Whether there is enough to be taken."""
        return bool(self._patches) or len(self._steps) >= _MANY_STEPS

    def note(self, step: PipelineStep) -> None:
        """Add a step."""
        self._steps.append(step)

    def note_patch(self, patch: FramePatch) -> None:
        """Add the evidence of a frame."""
        self._patches.append(patch)

    def take(self, t_s: float) -> PipelineSteps:
        """Return what came since the last call; ``t_s`` is now."""
        taken = PipelineSteps(
            t_s=t_s, first=self._taken, steps=tuple(self._steps), patches=tuple(self._patches)
        )
        self._taken += len(self._steps)
        self._steps, self._patches = [], []
        return taken


def finite_or_inf(values: tuple[float, ...]) -> Float64Array:
    """Return numbers of a recording, (N,) float64, in which infinity is the greatest double."""
    array = np.array(values, np.float64)
    array[np.abs(array) > 1e300] *= np.inf
    return array
