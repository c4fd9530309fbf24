"""What a training tells while it runs, as values and as lines of JSON for another process.

``TRAINING.md`` describes the lines.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar

EVENTS_VERSION = 1


class StopReason(Enum):
    """Why a training ended."""

    FINISHED = "finished"
    """The schedule is done."""
    EARLY = "early"
    """The held-out images gained nothing for too long."""
    CANCELLED = "cancelled"
    """It was asked to stop; it can be resumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingStarted:
    """The data are loaded; the first step follows."""

    event: ClassVar[str] = "started"
    step: int
    steps: int
    batch: int
    processes: int
    device: str
    directory: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDone:
    """Some steps were done; at most twice a second.

    ``loss`` is that of the last step; ``remaining_s`` leaves out pauses, and what the export takes.
    """

    event: ClassVar[str] = "step"
    step: int
    steps: int
    loss: float
    learning_rate: float
    crops_per_s: float
    elapsed_s: float
    remaining_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingProgress:
    """The held-out images were scored; ``loss`` is the mean since the last time."""

    event: ClassVar[str] = "validation"
    step: int
    steps: int
    loss: float
    learning_rate: float
    elapsed_s: float
    remaining_s: float
    validation: Mapping[str, float]
    is_best: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointWritten:
    """From here on a killed training can be resumed."""

    event: ClassVar[str] = "checkpoint"
    step: int
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchDivided:
    """The device ran out of memory: fewer crops at once from now on, the batch stays whole."""

    event: ClassVar[str] = "memory"
    step: int
    batch: int
    crops_at_once: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPaused:
    """It waits, and holds its memory; the checkpoint is written."""

    event: ClassVar[str] = "paused"
    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingContinued:
    """A pause is over."""

    event: ClassVar[str] = "continued"
    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingStopped:
    """There will be no further step."""

    event: ClassVar[str] = "stopped"
    step: int
    reason: StopReason


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelWritten:
    """The training is over and its model complete."""

    event: ClassVar[str] = "model"
    bundle: Path
    report: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StageBegun:
    """A part of the work that is no step: loading, exporting, scoring."""

    event: ClassVar[str] = "stage"
    stage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingFailed:
    """It ended with an error, in one sentence."""

    event: ClassVar[str] = "failed"
    message: str


TrainingEvent = (
    TrainingStarted
    | StepDone
    | TrainingProgress
    | CheckpointWritten
    | BatchDivided
    | TrainingPaused
    | TrainingContinued
    | TrainingStopped
    | ModelWritten
    | StageBegun
    | TrainingFailed
)


def event_line(event: TrainingEvent) -> str:
    """Return an event as one line of JSON; numbers that are none become null."""
    values = {key: _plain(value) for key, value in asdict(event).items()}
    line = {"version": EVENTS_VERSION, "event": event.event, **values}
    return json.dumps(line, allow_nan=False, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
