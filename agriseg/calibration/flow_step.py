"""The step Flow: water into cups for a time, then cup by cup what each holds."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from agriseg.calibration.flow_catch import (
    DEFAULT_SECONDS,
    STEP,
    TOLERANCE,
    CatchTest,
    Spraying,
    catch_result,
    flow_trend,
    judge_catches,
    nominal_flow_l_min,
)
from agriseg.calibration.steps import (
    REPEAT,
    Chart,
    Figure,
    NumberField,
    StepAction,
    StepPhase,
    StepSetup,
    Tone,
)
from agriseg.calibration.yard_process import YardProcess
from agriseg.calibration.yard_step import StartTest, YardStep, checked_number
from agriseg.calibration.yard_tests import TestOutcome
from agriseg.errors import CalibrationError

LEAVE_OUT = "leave-out"
"""Action: this nozzle is not judged."""

BACK = "back"
"""Action: return to the cup before."""

HISTORY = "history_of"
"""Field: whose earlier tests are drawn before water flows."""

CUP = "caught_ml"
"""Field: what the cup holds."""

PRESSURE = "pressure_kpa"
"""Field: the gauge's reading, where the controller measures none."""


class FlowStep(YardStep):
    """The catch test.

    Parameters
    ----------
    setup : StepSetup
    start : callable, optional
        As `YardStep`.
    """

    name = STEP
    instruction = "Hang a cup under every nozzle, bring the pressure up with water, and begin."

    def __init__(self, setup: StepSetup, start: StartTest = YardProcess) -> None:
        super().__init__(setup, start)
        self._spraying: Spraying | None = None
        self._suggested: dict[int, float] = {}
        self._caught_ml: dict[int, float] = {}
        self._cup = 0

    def enter(self, name: str, value: float | str) -> None:
        """Take the time of the catch, the pressure, or what the present cup holds.

        Raises
        ------
        CalibrationError
            It cannot be used.
        """
        if name != CUP or self._spraying is None:
            super().enter(name, value)
            return
        nozzle = self._nozzle
        self._caught_ml[nozzle] = checked_number(self._cup_field(), value)
        self._judge_last(nozzle)
        self._next_cup()

    def act(self, action: str) -> None:
        """Go on to the next cup, back to the one before, or as `YardStep` does."""
        reading = self._spraying is not None and self._result is None
        if action == LEAVE_OUT and reading:
            self._caught_ml.pop(self._nozzle, None)
            self._next_cup()
        elif action == BACK and reading:
            self._cup = max(0, self._cup - 1)
        elif action == BACK and self._result is not None:
            self._result = None
        else:
            if action == REPEAT:
                self._spraying, self._cup = None, 0
                self._caught_ml.clear()
            super().act(action)

    @property
    def has_begun(self) -> bool:
        """Whether water was sprayed into the cups."""
        return super().has_begun or self._spraying is not None

    def trend(self, nozzle: int) -> tuple[tuple[float, float], ...]:
        """Return a nozzle's deviations over the years; see `flow_trend`."""
        return flow_trend(self.setup.store.history(STEP), nozzle)

    @property
    def _nozzle(self) -> int:
        assert self._spraying is not None
        return self._spraying.nozzles[self._cup]

    def _take_outcome(self, outcome: TestOutcome) -> None:
        self._spraying = outcome.spraying
        self._suggested = dict(outcome.caught_ml)
        self._caught_ml, self._cup = {}, 0

    def _instruction(self, phase: StepPhase) -> str:
        if phase is StepPhase.PREPARE and self._spraying is not None:
            left = len(self._spraying.nozzles) - self._cup
            return (
                f"Read the cup of nozzle {self._nozzle + 1} and enter it in millilitres;"
                f" {left} cups are left."
            )
        return super()._instruction(phase)

    def _fields(self) -> tuple[NumberField, ...]:
        if self._spraying is not None:
            return (self._cup_field(),)
        return (
            NumberField(
                name="seconds",
                label="Time",
                unit="s",
                value=self._number("seconds", DEFAULT_SECONDS),
                low=10.0,
                high=300.0,
                help="30 s are usual; longer catches are surer.",
            ),
            NumberField(
                name=PRESSURE,
                label="Pressure at the gauge",
                unit="kPa",
                value=self._entered.get(PRESSURE),
                low=20.0,
                high=2000.0,
                help="Only where the controller measures none; 3 bar are 300 kPa.",
            ),
            *self._history_field(),
        )

    def _history_field(self) -> tuple[NumberField, ...]:
        """Return the choice of a nozzle to look back at, where there were tests before."""
        if not self.setup.store.history(STEP):
            return ()
        return (
            NumberField(
                name=HISTORY,
                label="Nozzle, its earlier tests",
                unit="",
                value=self._number(HISTORY, 1.0),
                low=1.0,
                high=float(self.setup.config.boom.nozzle_count),
                help="Drawn at the left: how this nozzle has worn.",
            ),
        )

    def _progress_of(self, phase: StepPhase) -> float:
        if phase is StepPhase.PREPARE and self._spraying is not None:
            return self._cup / len(self._spraying.nozzles)
        return super()._progress_of(phase)

    def _chart(self) -> Chart | None:
        if self._result is not None or self._caught_ml:
            return self._catch_chart()
        nozzle = self._shown_nozzle
        trend = self.trend(nozzle)
        if not trend:
            return None
        return _allowed_chart(
            f"Nozzle {nozzle + 1} in earlier tests, against a new one",
            [f"{datetime.fromtimestamp(t, UTC):%Y-%m-%d}" for t, _ in trend],
            [100.0 * deviation for _, deviation in trend],
        )

    @property
    def _shown_nozzle(self) -> int:
        """The nozzle whose cup is read, or the one that the operator looks back at, from 0."""
        if self._spraying is not None:
            return self._nozzle
        return round(self._number(HISTORY, 1.0)) - 1

    def _catch_chart(self) -> Chart:
        catches = self._judged(self._caught_ml).catches
        return _allowed_chart(
            "Flow against a new nozzle",
            [str(catch.nozzle + 1) for catch in catches],
            [100.0 * catch.deviation for catch in catches],
        )

    def _options(self) -> dict[str, float]:
        return {"seconds": self._number("seconds", DEFAULT_SECONDS)}

    def _actions(self, phase: StepPhase) -> tuple[StepAction, ...]:
        if phase is StepPhase.PREPARE and self._spraying is not None:
            return (
                StepAction(name=LEAVE_OUT, word="Leave this nozzle out", icon="skip-next"),
                StepAction(name=BACK, word="Cup before", icon="arrow-left", enabled=self._cup > 0),
                StepAction(name=REPEAT, word="Spray again", icon="refresh"),
            )
        return super()._actions(phase)

    def _own_actions(self) -> tuple[StepAction, ...]:
        if self._result is None:
            return ()
        return (StepAction(name=BACK, word="Cups again", icon="arrow-left"),)

    def _figures(self) -> tuple[Figure, ...]:
        boom = self.setup.config.boom
        figures = [
            Figure(
                name="Nominal", value=f"{nominal_flow_l_min(boom, self._pressure_kpa):.2f} L/min"
            )
        ]
        if self._spraying is not None and math.isfinite(self._spraying.pressure_kpa):
            figures.append(Figure(name="Pressure", value=f"{self._spraying.pressure_kpa:.0f} kPa"))
        elif self._spraying is not None:
            figures.append(Figure(name="Pressure", value=f"{self._pressure_kpa:.0f} kPa, entered"))
        if self._spraying is not None and self._result is None:
            figures.append(Figure(name="A new nozzle fills", value=f"{self._expected_ml():.0f} ml"))
        if self._result is not None:
            facts = self._result.facts
            tone = Tone.OK if facts["passed"] else Tone.FAULT
            figures.append(Figure(name="Spread", value=f"{facts['cv_percent']:.1f} %", tone=tone))
            figures += [
                Figure(name="Order", value=line, tone=Tone.WARNING) for line in facts["order"]
            ]
        return tuple(figures)

    @property
    def _pressure_kpa(self) -> float:
        measured = math.nan if self._spraying is None else self._spraying.pressure_kpa
        if math.isfinite(measured):
            return measured
        return self._entered.get(PRESSURE, self.setup.config.boom.nominal_pressure_kpa)

    def _cup_field(self) -> NumberField:
        assert self._spraying is not None
        nozzle = self._nozzle
        trend = self.trend(nozzle)
        before = f"; last time {100.0 * trend[-1][1]:+.1f} %" if trend else ""
        return NumberField(
            name=CUP,
            label=f"Cup of nozzle {nozzle + 1}",
            unit="ml",
            value=self._caught_ml.get(nozzle, self._suggested.get(nozzle)),
            low=0.0,
            high=100_000.0,
            help=f"A new nozzle gives {self._expected_ml():.0f} ml{before}.",
        )

    def _expected_ml(self) -> float:
        assert self._spraying is not None
        flow = nominal_flow_l_min(self.setup.config.boom, self._pressure_kpa)
        return 1e3 * flow * self._spraying.seconds / 60.0

    def _judge_last(self, nozzle: int) -> None:
        """Refuse an impossible catch at once, while the cup is still at hand."""
        try:
            self._judged({nozzle: self._caught_ml[nozzle]})
        except CalibrationError:
            del self._caught_ml[nozzle]
            raise

    def _judged(self, caught_ml: dict[int, float]) -> CatchTest:
        assert self._spraying is not None
        pressure = self._entered.get(PRESSURE, math.nan)
        return judge_catches(self.setup.config.boom, self._spraying, caught_ml, pressure)

    def _next_cup(self) -> None:
        assert self._spraying is not None
        if self._cup + 1 < len(self._spraying.nozzles):
            self._cup += 1
            return
        self._result = catch_result(self.setup.config.boom, self._judged(self._caught_ml))


def _allowed_chart(title: str, labels: list[str], percent: list[float]) -> Chart:
    """Return deviations with the tolerance of the catch test."""
    return Chart(
        title=title,
        unit="%",
        labels=tuple(labels),
        series={"deviation": tuple(percent)},
        low=-100.0 * TOLERANCE,
        high=100.0 * TOLERANCE,
    )
