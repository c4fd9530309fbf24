"""A step that drives and sprays: its test runs in a process of its own, with the devices."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping

from agriseg.calibration.steps import (
    MEASURE,
    REPEAT,
    CalibrationStep,
    Chart,
    ChoiceField,
    Figure,
    NumberField,
    Question,
    StepAction,
    StepPhase,
    StepResult,
    StepSetup,
    StepView,
)
from agriseg.calibration.yard_process import TestFailed, TestMessage, TestProgress, YardProcess
from agriseg.calibration.yard_tests import SIMULATED, TestOutcome
from agriseg.config import Config
from agriseg.errors import CalibrationError

STOP = "stop"
"""Action: close the valves and end the test."""

THERE = "there"
"""Action: the machine has reached the mark."""

StartTest = Callable[[Config, str, Mapping[str, float]], YardProcess]


class YardStep(CalibrationStep):
    """What all steps with a test in the yard share.

    Parameters
    ----------
    setup : StepSetup
    start : callable, optional
        Starts a test: configuration, name, options. By default in a process of its own.
    """

    name: str
    """Of the test, see `agriseg.calibration.yard_tests.run_test`."""
    instruction: str
    """What the operator prepares, in one sentence."""

    def __init__(self, setup: StepSetup, start: StartTest = YardProcess) -> None:
        self.setup = setup
        self._start = start
        self._is_real = setup.config.camera.source != SIMULATED
        self._test: YardProcess | None = None
        self._progress: TestProgress | None = None
        self._problem = ""
        self._result: StepResult | None = None
        self._entered: dict[str, float] = {}
        self._chosen: dict[str, str] = {}

    @property
    def view(self) -> StepView:
        """What to show now."""
        self._listen()
        phase = self._phase()
        progress = self._progress if phase is StepPhase.MEASURE else None
        return StepView(
            instruction=progress.text if progress else self._instruction(phase),
            phase=phase,
            progress=progress.fraction if progress else self._progress_of(phase),
            remaining_s=progress.remaining_s if progress else math.nan,
            problems=(_sentence(self._problem),) if self._problem else (),
            fields=self._fields() if phase is StepPhase.PREPARE else (),
            actions=self._actions(phase),
            figures=self._figures(),
            question=self._question(),
            result=self._result if phase is StepPhase.DONE else None,
            needs_picture=False,
            chart=self._chart(),
        )

    @property
    def has_begun(self) -> bool:
        """Whether a test runs or has been done."""
        return self._test is not None or self._result is not None

    @property
    def needs_devices(self) -> bool:
        """Whether the test opens camera and controller; the simulated yard has its own."""
        return self._test is not None or self._is_real

    def enter(self, name: str, value: float | str) -> None:
        """Take a number or a choice for the test.

        Raises
        ------
        CalibrationError
            There is no such field, the number is out of its range, or no such choice.
        """
        for field in self._fields():
            if field.name != name:
                continue
            if isinstance(field, ChoiceField):
                self._chosen[name] = checked_choice(field, value)
            else:
                self._entered[name] = checked_number(field, value)
            return
        raise CalibrationError(f"the step {self.name} has no field {name!r}")

    def act(self, action: str) -> None:
        """Begin, end or repeat the test, or say that the machine is there."""
        if action in (MEASURE, REPEAT) and self._test is None:
            self._problem, self._result, self._progress = "", None, None
            if action == MEASURE:
                self._test = self._start(self.setup.config, self.name, self._options())
        elif action == STOP and self._test is not None:
            self._test.stop()
        elif action == THERE and self._test is not None:
            self._test.confirm()

    def close(self) -> None:
        """End the test; its valves are closed first."""
        if self._test is not None:
            self._test.close()
            self._test = None

    # What a step says of itself

    @abstractmethod
    def _fields(self) -> tuple[NumberField | ChoiceField, ...]:
        """Return the numbers and choices that the test takes."""

    def _take_outcome(self, outcome: TestOutcome) -> None:
        """Take what the test gave."""
        self._result = outcome.result

    def _figures(self) -> tuple[Figure, ...]:
        return ()

    def _question(self) -> Question | None:
        return None

    def _chart(self) -> Chart | None:
        return None

    def _progress_of(self, phase: StepPhase) -> float:
        return 1.0 if phase is StepPhase.DONE else 0.0

    def _own_actions(self) -> tuple[StepAction, ...]:
        return ()

    def _instruction(self, phase: StepPhase) -> str:
        if phase is StepPhase.DONE:
            return "Look at what was measured; nothing changes until you accept it."
        if phase is StepPhase.FAILED:
            return "The old values are kept; mend the cause and measure again."
        if phase is StepPhase.MEASURE:
            return "Camera and controller are being opened."
        return self.instruction

    def _phase(self) -> StepPhase:
        if self._test is not None:
            return StepPhase.MEASURE
        if self._problem:
            return StepPhase.FAILED
        return StepPhase.PREPARE if self._result is None else StepPhase.DONE

    def _number(self, name: str, otherwise: float) -> float:
        return self._entered.get(name, otherwise)

    def _options(self) -> dict[str, float]:
        numbers = (field for field in self._fields() if isinstance(field, NumberField))
        return {field.name: field.value for field in numbers if field.value is not None}

    def _actions(self, phase: StepPhase) -> tuple[StepAction, ...]:
        if phase is StepPhase.MEASURE:
            waits = self._progress is not None and self._progress.waits
            there = StepAction(name=THERE, word="There", icon="flag-checkered", is_main=True)
            stop = StepAction(
                name=STOP, word="Stop the test", icon="stop", hint="Closes all valves."
            )
            return (there, stop) if waits else (stop,)
        if phase is StepPhase.PREPARE:
            begin = StepAction(
                name=MEASURE,
                word="Spray water" if self.name != "wheel" else "At the first mark",
                icon="play",
                hint="Only water may be in the tank.",
                is_main=True,
            )
            return (begin, *self._own_actions())
        repeat = StepAction(name=REPEAT, word="Measure again", icon="refresh")
        return (repeat, *self._own_actions())

    def _listen(self) -> None:
        for message in self._test.poll() if self._test is not None else ():
            self._hear(message)

    def _hear(self, message: TestMessage) -> None:
        if isinstance(message, TestProgress):
            self._progress = message
            return
        self.close()
        if isinstance(message, TestFailed):
            self._problem = message.text
        else:
            self._take_outcome(message)


def _sentence(text: str) -> str:
    """Return an error's words as a sentence of their own."""
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def checked_number(field: NumberField, value: float | str) -> float:
    """Return an entry as a number.

    Raises
    ------
    CalibrationError
        It is none, or out of the field's range.
    """
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not field.low <= number <= field.high:
        raise CalibrationError(
            f"{field.label} is {value}, but {field.low:g} to {field.high:g} {field.unit} can be"
            " used; enter it again"
        )
    return number


def checked_choice(field: ChoiceField, value: float | str) -> str:
    """Return an entry as one of a field's choices.

    Raises
    ------
    CalibrationError
        It is none of them.
    """
    if value not in field.choices:
        known = ", ".join(field.choices)
        raise CalibrationError(f"{field.label} is {value}, but it can be: {known}; choose again")
    return str(value)
