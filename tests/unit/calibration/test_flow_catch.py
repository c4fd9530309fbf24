"""The catch test: deviation at the measured pressure, verdicts, and what to order."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from agriseg.calibration.entries import CalibrationEntry
from agriseg.calibration.flow_catch import (
    NozzleState,
    Spraying,
    catch_result,
    flow_trend,
    judge_catches,
    nominal_flow_l_min,
    what_to_order,
)
from agriseg.calibration.nozzle_sizes import SIZES, nozzle_size, spray_width_m
from agriseg.config import BoomConfig
from agriseg.errors import CalibrationError

RED = BoomConfig(nozzle_count=4, nozzle_size="04", spray_angle_deg=110.0)


def sprayed(pressure_kpa: float = 300.0, seconds: float = 30.0) -> Spraying:
    return Spraying(
        seconds=seconds, pressure_kpa=pressure_kpa, nozzles=(0, 1, 2, 3), metered_ml=math.nan
    )


def test_sizes_are_those_of_iso_10625() -> None:
    flows = {size.number: (size.colour, size.flow_l_min) for size in SIZES}
    assert flows["01"] == ("orange", 0.4)
    assert flows["025"] == ("lilac", 1.0)
    assert flows["04"] == ("red", 1.6)
    assert flows["20"] == ("black", 8.0)
    assert len(flows) == 12


def test_flow_goes_with_the_root_of_the_pressure() -> None:
    assert nozzle_size("04").flow_at(300.0) == pytest.approx(1.6)
    assert nozzle_size("04").flow_at(1200.0) == pytest.approx(3.2)
    assert nominal_flow_l_min(RED, 75.0) == pytest.approx(0.8)


def test_a_boom_without_a_size_uses_its_configured_flow() -> None:
    boom = BoomConfig(flow_l_min=0.5, nominal_pressure_kpa=200.0)
    assert nominal_flow_l_min(boom, 800.0) == pytest.approx(1.0)


def test_a_fan_of_ninety_degrees_is_twice_as_wide_as_high() -> None:
    assert spray_width_m(0.4, 90.0) == pytest.approx(0.8)


def test_worn_and_blocked_nozzles_are_named() -> None:
    # 1.6 L/min for 30 s are 800 ml; at 400 kPa a new nozzle gives 923.8 ml.
    test = judge_catches(RED, sprayed(400.0), {0: 924.0, 1: 1030.0, 2: 820.0, 3: 930.0})
    assert [c.state for c in test.catches] == [
        NozzleState.GOOD,
        NozzleState.WORN,
        NozzleState.BLOCKED,
        NozzleState.GOOD,
    ]
    assert test.catches[1].deviation == pytest.approx(1030.0 / 923.76 - 1.0, abs=1e-4)
    assert not test.passed
    result = catch_result(RED, test)
    assert "Nozzle 2 gives +11.5 %: it is worn" in result.warnings[0]
    assert "Nozzle 3 gives -11.2 %: it is blocked" in result.warnings[1]
    assert what_to_order(RED, test) == ("1 nozzle ISO 10625 size 04 (red), 110 degrees",)


def test_flows_are_proposed_at_the_configured_pressure() -> None:
    test = judge_catches(RED, sprayed(1200.0), {0: 1600.0})
    (value,) = catch_result(RED, test).values
    assert value.key == "boom.nozzles.0.flow_l_min"
    assert value.value == pytest.approx(1.6)


def test_a_good_boom_passes() -> None:
    test = judge_catches(RED, sprayed(), {0: 800.0, 1: 810.0, 2: 795.0, 3: 790.0})
    assert test.passed
    assert test.cv == pytest.approx(0.0107, abs=1e-3)
    assert what_to_order(RED, test) == ()


def test_a_wide_spread_does_not_pass_even_within_ten_percent() -> None:
    boom = BoomConfig(nozzle_count=4, flow_l_min=1.6)
    test = judge_catches(boom, sprayed(), {0: 722.0, 1: 878.0})
    assert all(c.state is NozzleState.GOOD for c in test.catches)
    assert not test.passed


@pytest.mark.parametrize(
    ("caught", "words"),
    [
        ({0: 0.0}, "nothing came out"),
        ({0: 0.8}, "enter millilitres"),
        ({0: 9000.0}, "about 800 ml"),
        ({}, "no catch was entered"),
    ],
)
def test_impossible_catches_are_refused(caught: dict[int, float], words: str) -> None:
    with pytest.raises(CalibrationError, match=words):
        judge_catches(RED, sprayed(), caught)


def test_without_a_sensor_the_pressure_must_be_entered() -> None:
    with pytest.raises(CalibrationError, match="read it from the gauge"):
        judge_catches(RED, sprayed(math.nan), {0: 800.0})
    test = judge_catches(RED, sprayed(math.nan), {0: 800.0}, pressure_kpa=300.0)
    assert test.catches[0].deviation == pytest.approx(0.0)


def test_the_trend_of_a_nozzle_comes_from_the_history() -> None:
    entries = []
    for year, caught in ((2024, 800.0), (2025, 840.0), (2026, 900.0)):
        result = catch_result(RED, judge_catches(RED, sprayed(), {2: caught}))
        entries.append(
            CalibrationEntry(
                entry_id=year,
                step="flow",
                accepted_at=datetime(year, 4, 1, tzinfo=UTC),
                method=result.method,
                observations=1,
                values=(),
                facts=result.facts,
            )
        )
    trend = flow_trend(entries, 2)
    assert [round(deviation, 4) for _, deviation in trend] == [0.0, 0.05, 0.125]
    assert flow_trend(entries, 1) == ()
