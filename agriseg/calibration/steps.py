"""A calibration step as the window and the command line see it: headless, one idea for both.

A step is told what was seen and what the operator did (`take_picture`, `take_snapshot`, `enter`,
`act`) and says in a frozen `StepView` what to show. It changes nothing: its `StepResult` is put in
force by `accept_result` alone, when the operator accepts it. Steps know no threads; whoever runs
one calls it from a single thread, and may do so beside the window.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Protocol

from agriseg.calibration.entries import CalibrationEntry, Facts, MeasuredValue
from agriseg.calibration.store import CalibrationStore
from agriseg.config import Config
from agriseg.config_values import Value, value_of
from agriseg.messages import EngineCommand, EngineSnapshot, Frame

MEASURE = "measure"
"""Action: begin to measure, or take one observation more."""

REPEAT = "repeat"
"""Action: forget what was observed and begin anew."""


class StepPhase(Enum):
    """Where a step stands."""

    PREPARE = "prepare"
    """The operator has something to do or to enter first."""
    MEASURE = "measure"
    """Observations are being taken."""
    COMPUTE = "compute"
    """The result is being worked out."""
    DONE = "done"
    """There is a result to accept, repeat or discard."""
    FAILED = "failed"
    """What was observed gives no usable result; `StepView.problems` says why."""


class Tone(Enum):
    """What a mark on the picture means; each has a shape of its own besides its colour."""

    GUIDE = "guide"
    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


class Shape(Enum):
    """How a mark is drawn through its points."""

    POINTS = "points"
    CROSSES = "crosses"
    LINE = "line"
    POLYGON = "polygon"
    ARROW = "arrow"
    """From the first point to the second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureMark:
    """Something drawn on the live picture.

    ``points_px`` are (u, v) in pixels of `StepView.picture_size`; ``label`` stands at the first.
    """

    shape: Shape
    points_px: tuple[tuple[float, float], ...]
    tone: Tone = Tone.GUIDE
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberField:
    """A number that the operator enters with the large keys.

    ``value`` is None until it is entered; ``low`` and ``high`` are what the step can use at all.
    ``unit`` is written behind it; the number is in this unit.
    """

    name: str
    label: str
    unit: str
    value: float | None
    low: float
    high: float
    digits: int = 0
    help: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceField:
    """One of several words that the operator chooses; ``choices`` maps value to word.

    ``colours`` maps a value to the colour, ``#rrggbb``, of the thing that it stands for.
    """

    name: str
    label: str
    value: str
    choices: Mapping[str, str]
    help: str = ""
    colours: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepAction:
    """A key that the step offers now, besides skip, accept and discard, which are the frame's."""

    name: str
    word: str
    icon: str = ""
    hint: str = ""
    enabled: bool = True
    is_main: bool = False
    """The key that goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Something implausible that the operator is asked about; ``answers`` are actions."""

    text: str
    answers: tuple[StepAction, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A named figure beside the picture, such as ``Sharpness`` ``82 of 100``."""

    name: str
    value: str
    tone: Tone = Tone.GUIDE


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Points side by side: nozzles, marks, drives, or years.

    ``series`` maps a name to a value for each of ``labels``, NaN where there is none; ``low`` and
    ``high`` are what is allowed, NaN where nothing is.
    """

    title: str
    unit: str
    labels: tuple[str, ...]
    series: Mapping[str, tuple[float, ...]]
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """What a finished step proposes; nothing is in force until it is accepted.

    Attributes
    ----------
    values : tuple of MeasuredValue
        Configuration values that would change. May be empty for a step that only judges.
    method : str
        How it was measured, in words.
    observations : int
        How many single measurements it rests on.
    summary : str
        What came out, in one or two sentences for the operator.
    warnings : tuple of str
        What makes it doubtful, each in a sentence; accepting stays possible.
    facts : mapping
        Further figures for the history (`agriseg.calibration.entries.Facts`).
    """

    values: tuple[MeasuredValue, ...]
    method: str
    observations: int
    summary: str
    warnings: tuple[str, ...] = ()
    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """All that is shown of a step at one moment.

    Attributes
    ----------
    instruction : str
        One sentence: what the operator does now.
    phase : StepPhase
    progress : float
        0 to 1; NaN where it is not known.
    remaining_s : float
        Estimated time to the end of what is being measured or computed; NaN if unknown.
    problems : tuple of str
        What is wrong at this moment, each in a plain sentence with what to do.
    fields : tuple
        Numbers and choices to enter.
    actions : tuple of StepAction
    figures : tuple of Figure
    marks : tuple of PictureMark
    picture_size : (width, height), px
        Of the picture that the marks belong to; (0, 0) before there was one.
    question : Question, optional
        Waits for an answer before the step goes on.
    result : StepResult, optional
        Only in phase DONE.
    needs_picture : bool
        Whether the live picture is of use in this step.
    chart : Chart, optional
        Drawn where the picture would be.
    """

    instruction: str
    phase: StepPhase
    progress: float = math.nan
    remaining_s: float = math.nan
    problems: tuple[str, ...] = ()
    fields: tuple[NumberField | ChoiceField, ...] = ()
    actions: tuple[StepAction, ...] = ()
    figures: tuple[Figure, ...] = ()
    marks: tuple[PictureMark, ...] = ()
    picture_size: tuple[int, int] = (0, 0)
    question: Question | None = None
    result: StepResult | None = None
    needs_picture: bool = True
    chart: Chart | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSetup:
    """What a step is made with.

    Attributes
    ----------
    config : Config
        In force: the configuration with its calibration laid over it.
    store : CalibrationStore
        To read earlier observations from (wear, trends); never written by a step.
    """

    config: Config
    store: CalibrationStore


class CalibrationStep(Protocol):
    """One step at work; see the module's description."""

    @property
    @abstractmethod
    def view(self) -> StepView:
        """What to show now."""

    @property
    def has_begun(self) -> bool:
        """Whether leaving now would lose something that the operator did."""
        return self.view.phase is not StepPhase.PREPARE

    @property
    def needs_devices(self) -> bool:
        """Whether the step opens camera and controller itself, or has them open.

        While it is true the engine must be at rest: a serial port has one user. `view` changes
        by itself then; ask for it a few times a second.
        """
        return False

    def take_picture(self, frame: Frame) -> None:  # noqa: ARG002
        """Take the newest picture of the camera. May take as long as a picture's analysis."""
        return

    def take_snapshot(self, snapshot: EngineSnapshot) -> None:  # noqa: ARG002
        """Take the engine's newest snapshot: speed, valves, flow."""
        return

    def enter(self, name: str, value: float | str) -> None:  # noqa: ARG002
        """Take what the operator entered in a field.

        Raises
        ------
        CalibrationError
            It cannot be used; the sentence says what was expected.
        """
        return

    def act(self, action: str) -> None:  # noqa: ARG002
        """Carry out an action that `StepView.actions` or its question offers; ignore others."""
        return

    def take_point(self, u_px: float, v_px: float) -> None:  # noqa: ARG002
        """Take a point (u, v) of the newest picture that the operator tapped."""
        return

    def take_orders(self) -> tuple[EngineCommand, ...]:
        """Return what the engine is to do for the step, oldest first; each once."""
        return ()

    def close(self) -> None:
        """Give up: whatever the step set in motion is ended by `take_orders` afterwards."""
        return


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueChange:
    """One value of a result beside what is in force now."""

    key: str
    value: Value
    std: float
    before: Value

    @property
    def step(self) -> float:
        """New less old; NaN for words."""
        if isinstance(self.value, str) or isinstance(self.before, str):
            return math.nan
        return self.value - self.before


def changes(result: StepResult, config: Config) -> tuple[ValueChange, ...]:
    """Return what accepting a result would change against ``config``, which is in force."""
    return tuple(
        ValueChange(key=v.key, value=v.value, std=v.std, before=value_of(config, v.key))
        for v in result.values
    )


def accept_result(
    step: str,
    result: StepResult,
    *,
    store: CalibrationStore,
    configured: Config,
    in_force: Config,
    when: datetime,
    operator: str = "",
) -> CalibrationEntry:
    """Put a result in force from the engine's next start on; see `CalibrationStore.accept`."""
    return store.accept(
        step=step,
        values=result.values,
        method=result.method,
        observations=result.observations,
        configured=configured,
        in_force=in_force,
        when=when,
        facts={**result.facts, "summary": result.summary, "warnings": list(result.warnings)},
        operator=operator,
    )


def known_actions(view: StepView) -> Sequence[str]:
    """Return the names of the actions that a view offers now."""
    offered = view.question.answers if view.question is not None else view.actions
    return [action.name for action in offered if action.enabled]
