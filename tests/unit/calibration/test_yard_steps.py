"""Steps with a test in the yard: what is shown, entered, stopped and kept."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agriseg.calibration.catalogue import STEPS
from agriseg.calibration.driven_steps import LatencyStep, NozzlesStep, WheelStep
from agriseg.calibration.entries import MeasuredValue
from agriseg.calibration.flow_catch import Spraying
from agriseg.calibration.flow_step import BACK, CUP, LEAVE_OUT, FlowStep
from agriseg.calibration.steps import (
    MEASURE,
    REPEAT,
    StepPhase,
    StepResult,
    StepSetup,
    accept_result,
)
from agriseg.calibration.store import CalibrationStore
from agriseg.calibration.yard_process import TestFailed, TestMessage, TestProgress
from agriseg.calibration.yard_step import STOP, THERE
from agriseg.calibration.yard_tests import TestOutcome
from agriseg.config import Config, parse_config
from agriseg.errors import CalibrationError


class FakeTest:
    """A test whose messages the test case sends."""

    def __init__(self, options: Mapping[str, float]) -> None:
        self.options = dict(options)
        self.messages: list[TestMessage] = []
        self.orders: list[str] = []

    def poll(self) -> list[TestMessage]:
        messages, self.messages = self.messages, []
        return messages

    def stop(self) -> None:
        self.orders.append("stop")

    def confirm(self) -> None:
        self.orders.append("there")

    def close(self) -> None:
        self.orders.append("close")


class Bench:
    """Starts fake tests and remembers them."""

    def __init__(self) -> None:
        self.tests: list[FakeTest] = []

    def start(self, config: Config, name: str, options: Mapping[str, float]) -> FakeTest:
        self.tests.append(FakeTest(options))
        return self.tests[-1]

    @property
    def newest(self) -> FakeTest:
        return self.tests[-1]


RESULT = StepResult(
    values=(MeasuredValue(key="boom.nozzles.0.x_m", value=0.03, std=0.001),),
    method="wet spots",
    observations=4,
    summary="1 of 24 nozzles was found.",
)


@pytest.fixture
def setup(tmp_path: Path) -> StepSetup:
    config = parse_config({"boom": {"nozzle_count": 3, "nozzle_size": "04"}}, source="test")
    return StepSetup(config=config, store=CalibrationStore(tmp_path / "machine.jsonl"))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def actions(step: NozzlesStep | WheelStep | FlowStep) -> list[str]:
    return [action.name for action in step.view.actions]


def test_opening_a_step_starts_nothing(setup: StepSetup, bench: Bench) -> None:
    step = NozzlesStep(setup, bench.start)
    view = step.view
    assert view.phase is StepPhase.PREPARE
    assert not step.needs_devices
    assert not step.has_begun
    assert bench.tests == []
    assert actions(step) == [MEASURE]


def test_a_test_runs_with_what_was_entered_and_shows_its_progress(
    setup: StepSetup, bench: Bench
) -> None:
    step = NozzlesStep(setup, bench.start)
    step.enter("stops", 12)
    step.act(MEASURE)
    assert bench.newest.options == {"stops": 12.0}
    assert step.needs_devices
    bench.newest.messages = [TestProgress(text="Drive forward.", fraction=0.25, remaining_s=30.0)]
    view = step.view
    assert (view.instruction, view.progress, view.remaining_s) == ("Drive forward.", 0.25, 30.0)
    assert view.phase is StepPhase.MEASURE
    assert actions(step) == [STOP]


def test_latency_can_be_measured_by_the_flow_meter(setup: StepSetup, bench: Bench) -> None:
    step = LatencyStep(setup, bench.start)
    assert [field.name for field in step.view.fields] == ["method", "slow_m_s", "fast_m_s"]
    with pytest.raises(CalibrationError, match="it can be: strips, flow"):
        step.enter("method", "guess")
    step.enter("method", "flow")
    assert [field.name for field in step.view.fields] == ["method"]
    assert "stand still" in step.view.instruction
    step.act(MEASURE)
    assert bench.newest.options == {"by_flow": 1.0}


def test_a_real_machine_is_left_to_the_step(setup: StepSetup, bench: Bench) -> None:
    config = parse_config(
        {"camera": {"source": "usb:0"}, "controller": {"port": "/dev/ttyACM0"}}, source="test"
    )
    assert NozzlesStep(StepSetup(config=config, store=setup.store), bench.start).needs_devices


def test_a_result_is_offered_and_the_devices_are_free(setup: StepSetup, bench: Bench) -> None:
    step = NozzlesStep(setup, bench.start)
    step.act(MEASURE)
    bench.newest.messages = [TestOutcome(result=RESULT)]
    view = step.view
    assert view.phase is StepPhase.DONE
    assert view.result == RESULT
    assert not step.needs_devices
    assert bench.newest.orders == ["close"]
    assert setup.store.history() == ()


def test_a_failed_test_says_why_and_can_be_repeated(setup: StepSetup, bench: Bench) -> None:
    step = NozzlesStep(setup, bench.start)
    step.act(MEASURE)
    bench.newest.messages = [TestFailed(text="no wet spot was seen; the old positions are kept")]
    view = step.view
    assert view.phase is StepPhase.FAILED
    assert view.problems == ("No wet spot was seen; the old positions are kept.",)
    assert view.result is None
    step.act(REPEAT)
    assert step.view.phase is StepPhase.PREPARE
    assert step.view.problems == ()


def test_stopping_asks_the_test_and_closing_ends_it(setup: StepSetup, bench: Bench) -> None:
    step = NozzlesStep(setup, bench.start)
    step.act(MEASURE)
    step.act(STOP)
    step.close()
    assert bench.newest.orders == ["stop", "close"]


def test_the_wheel_waits_for_the_operator_at_the_mark(setup: StepSetup, bench: Bench) -> None:
    step = WheelStep(setup, bench.start)
    step.act(MEASURE)
    bench.newest.messages = [
        TestProgress(text="Drive to the mark.", fraction=0.1, remaining_s=math.nan, waits=True)
    ]
    assert actions(step) == [THERE, STOP]
    step.act(THERE)
    assert bench.newest.orders == ["there"]


def test_numbers_out_of_range_are_refused(setup: StepSetup, bench: Bench) -> None:
    step = WheelStep(setup, bench.start)
    with pytest.raises(CalibrationError, match="5 to 500 m"):
        step.enter("tape_m", 2000.0)
    with pytest.raises(CalibrationError, match="Distance between the lines is x"):
        step.enter("tape_m", "x")


def flow_step(setup: StepSetup, bench: Bench, pressure_kpa: float = 300.0) -> FlowStep:
    step = FlowStep(setup, bench.start)
    step.act(MEASURE)
    bench.newest.messages = [
        TestOutcome(
            spraying=Spraying(
                seconds=30.0, pressure_kpa=pressure_kpa, nozzles=(0, 1, 2), metered_ml=math.nan
            )
        )
    ]
    return step


def test_cups_are_entered_one_after_the_other(setup: StepSetup, bench: Bench) -> None:
    step = flow_step(setup, bench)
    assert "cup of nozzle 1" in step.view.instruction
    assert "A new nozzle gives 800 ml" in step.view.fields[0].help
    step.enter(CUP, 810.0)
    assert "cup of nozzle 2" in step.view.instruction
    step.act(LEAVE_OUT)
    step.enter(CUP, 900.0)
    view = step.view
    assert view.phase is StepPhase.DONE
    assert view.result is not None
    assert [v.key for v in view.result.values] == [
        "boom.nozzles.0.flow_l_min",
        "boom.nozzles.2.flow_l_min",
    ]
    assert "Nozzle 3 gives +12.5 %: it is worn" in view.result.warnings[0]
    assert ("Order", "1 nozzle ISO 10625 size 04 (red)") in [
        (f.name, f.value) for f in view.figures
    ]


def test_a_catch_of_zero_is_refused_at_its_cup(setup: StepSetup, bench: Bench) -> None:
    step = flow_step(setup, bench)
    assert step.view.phase is StepPhase.PREPARE
    with pytest.raises(CalibrationError, match="nothing came out"):
        step.enter(CUP, 0.0)
    assert "cup of nozzle 1" in step.view.instruction


def test_one_can_go_back_to_the_cup_before(setup: StepSetup, bench: Bench) -> None:
    step = flow_step(setup, bench)
    assert step.view.phase is StepPhase.PREPARE
    step.enter(CUP, 810.0)
    step.act(BACK)
    assert step.view.fields[0].value == 810.0
    step.enter(CUP, 790.0)
    assert "cup of nozzle 2" in step.view.instruction


def test_last_times_deviation_is_shown_at_the_cup(setup: StepSetup, bench: Bench) -> None:
    step = flow_step(setup, bench)
    assert step.view.phase is StepPhase.PREPARE
    for caught in (840.0, 800.0, 800.0):
        step.enter(CUP, caught)
    result = step.view.result
    assert result is not None
    accept_result(
        "flow",
        result,
        store=setup.store,
        configured=setup.config,
        in_force=setup.config,
        when=datetime(2026, 4, 1, tzinfo=UTC),
    )
    again = flow_step(setup, bench)
    assert "last time +5.0 %" in again.view.fields[0].help
    assert [round(d, 3) for _, d in again.trend(0)] == [0.05]
    chart = again.view.chart
    assert chart is not None
    assert chart.title.startswith("Nozzle 1 in earlier tests")
    assert chart.series["deviation"] == pytest.approx((5.0,))
    assert (chart.labels, chart.low, chart.high) == (("2026-04-01",), -10.0, 10.0)


def test_a_nozzles_years_are_drawn_before_water_flows(setup: StepSetup, bench: Bench) -> None:
    assert "history_of" not in [field.name for field in FlowStep(setup, bench.start).view.fields]
    assert FlowStep(setup, bench.start).view.chart is None
    for year, caught in ((2025, 800.0), (2026, 856.0)):
        step = flow_step(setup, bench)
        assert step.view.phase is StepPhase.PREPARE
        for ml in (800.0, caught, 800.0):
            step.enter(CUP, ml)
        result = step.view.result
        assert result is not None
        accept_result(
            "flow",
            result,
            store=setup.store,
            configured=setup.config,
            in_force=setup.config,
            when=datetime(year, 4, 1, tzinfo=UTC),
        )
    again = FlowStep(setup, bench.start)
    again.enter("history_of", 2.0)
    chart = again.view.chart
    assert chart is not None
    assert chart.title.startswith("Nozzle 2 in earlier tests")
    assert chart.labels == ("2025-04-01", "2026-04-01")
    assert chart.series["deviation"] == pytest.approx((0.0, 7.0), abs=0.1)
    with pytest.raises(CalibrationError):
        again.enter("history_of", 9.0)


def test_all_steps_of_the_catalogue_can_be_made(setup: StepSetup) -> None:
    names = [info.name for info in STEPS]
    assert names[-6:] == ["wheel", "boom", "nozzles", "latency", "flow", "verification"]
    for info in STEPS:
        step = info.make(setup)
        assert step.view.phase is StepPhase.PREPARE
        assert not step.needs_devices
        step.close()
