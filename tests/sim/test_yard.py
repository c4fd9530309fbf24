"""Calibration tests on the simulated yard, against what is true there."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from agriseg.calibration.flow_catch import spray_into_cups
from agriseg.calibration.nozzle_positions import measure_nozzle_positions
from agriseg.calibration.simulated_yard import SimulatedYard
from agriseg.calibration.steps import StepResult
from agriseg.calibration.verification import verify_by_driving
from agriseg.calibration.wheel_counts import (
    counts_result,
    drive_taped_distance,
    measure_wheel,
)
from agriseg.calibration.yard import Leg, StoppedByOperatorError
from agriseg.calibration.yard_tests import run_test, simulated_marks, test_config
from agriseg.config import Config, parse_config
from agriseg.config_values import true_config
from agriseg.errors import CalibrationError
from agriseg.messages import ControllerState
from agriseg.simulation.watered_world import Drying
from agriseg.spraying.boom import Boom


class Quiet:
    """A guide that nobody listens to; ends the test once something holds."""

    def __init__(self, ends: Callable[[str], bool] = lambda _: False) -> None:
        self._ends = ends
        self._stop = False
        self.legs: list[Leg] = []

    def drive(self, leg: Leg) -> None:
        self.legs.append(leg)

    def say(self, text: str, fraction: float) -> None:
        self._stop = self._stop or self._ends(text)

    def stopped(self) -> bool:
        return self._stop

    def confirmed(self) -> bool:
        return False


def machine(
    truth: dict[str, float],
    seed: int = 1,
    *,
    gnss: Mapping[str, object] | None = None,
    source: str = "auto",
) -> Config:
    """A small boom and a coarse camera, that a test takes seconds."""
    return test_config(
        parse_config(
            {
                "camera": {"width_px": 480, "height_px": 272},
                "boom": {"nozzle_count": 8, "pitch_m": 0.1, "footprint_across_m": 0.11},
                "position": {"source": source},
                "simulation": {"seed": seed, "truth": truth, "gnss": dict(gnss or {})},
            },
            source="test",
        )
    )


def position_errors_m(config: Config, result: StepResult) -> list[float]:
    true = Boom(true_config(config).boom)
    errors = []
    for value in result.values:
        _, _, nozzle, name = value.key.split(".")
        errors.append(float(value.value) - getattr(true.nozzles[int(nozzle)], name))
    return errors


def test_nozzles_are_found_where_they_are() -> None:
    config = machine({"boom.x_m": 0.06, "boom.y_offset_m": 0.03, "boom.nozzles.3.x_m": 0.09})
    guide = Quiet()
    yard = SimulatedYard(config)
    result = measure_nozzle_positions(yard.yard(guide), stops=4)
    assert len(result.values) == 16
    assert max(abs(error) for error in position_errors_m(config, result)) < 0.005
    assert result.warnings == ()
    assert [math.copysign(1.0, leg.by_m) for leg in guide.legs] == [1.0, 1.0, 1.0, 1.0, -1.0]
    assert yard.controller.state is not ControllerState.ARMED


def test_water_that_leaves_no_mark_keeps_the_old_positions() -> None:
    yard = SimulatedYard(machine({}), drying=Drying(depth=0.0))
    with pytest.raises(CalibrationError, match=r"no wet spot was seen.*old positions are kept"):
        measure_nozzle_positions(yard.yard(Quiet()), stops=2)


def test_a_stopped_test_closes_the_valves() -> None:
    yard = SimulatedYard(machine({}))
    guide = Quiet(ends=lambda text: "water is sprayed" in text)
    with pytest.raises(StoppedByOperatorError, match="nothing was changed"):
        measure_nozzle_positions(yard.yard(guide), stops=2)
    for _ in range(100):
        yard.wait()
        yard.controller.poll()
    assert yard.controller.state is ControllerState.SAFE


def test_a_wheel_with_other_counts_is_measured() -> None:
    config = machine({"wheel.counts_per_m": 2070.0})
    result = measure_wheel(SimulatedYard(config).yard(Quiet()), tape_m=6.0, runs=2)
    (value,) = result.values
    assert float(value.value) == pytest.approx(2070.0, rel=0.003)


@pytest.mark.parametrize("quality", ["rtk-fixed", "rtk-float"])
def test_the_driven_distance_is_compared_with_satellites(quality: str) -> None:
    gnss = {"quality": quality, "noise_m": 0.01 if quality == "rtk-fixed" else 0.2}
    config = machine({"wheel.counts_per_m": 2070.0}, gnss=gnss)
    result = measure_wheel(SimulatedYard(config).yard(Quiet()), tape_m=6.0, runs=1)
    (distance_m,), (std_m,) = result.facts["gnss_m"], result.facts["gnss_std_m"]
    assert abs(distance_m - 6.0) < 3.0 * std_m
    assert std_m == pytest.approx(math.sqrt(2.0) * gnss["noise_m"], rel=0.01)
    assert quality.replace("rtk-", "RTK ") in result.summary
    assert not any("satellites" in warning for warning in result.warnings)


def test_a_tape_that_was_read_wrongly_is_told_by_the_satellites() -> None:
    config = machine({})
    yard = SimulatedYard(config).yard(Quiet())
    run = drive_taped_distance(yard, 6.0)
    misread = counts_result(config, [replace(run, tape_m=6.2)])
    assert any("cm off the tape" in warning for warning in misread.warnings)


@pytest.mark.parametrize(
    ("gnss", "source", "words"),
    [
        ({"fault": "no-fix", "fault_lasts_s": 1e4}, "sim", "had no fix"),
        ({"fault": "silent", "fault_lasts_s": 1e4}, "sim", "sent no position"),
        ({}, "none", "There is no satellite receiver"),
    ],
)
def test_without_satellites_the_wheel_is_measured_all_the_same(
    gnss: dict[str, object], source: str, words: str
) -> None:
    config = machine({"wheel.counts_per_m": 2070.0}, gnss=gnss, source=source)
    result = measure_wheel(SimulatedYard(config).yard(Quiet()), tape_m=6.0, runs=1)
    assert words in result.summary
    assert float(result.values[0].value) == pytest.approx(2070.0, rel=0.004)


def test_a_wheel_that_does_not_turn_is_told() -> None:
    config = machine({})
    simulation = config.simulation.model_copy(
        update={"encoder_fault_s": 0.01, "encoder_fault_fraction": 0.0}
    )
    yard = SimulatedYard(config.model_copy(update={"simulation": simulation}))
    with pytest.raises(CalibrationError, match=r"the wheel did not turn.*old value is kept"):
        measure_wheel(yard.yard(Quiet()), tape_m=6.0, runs=1)


def test_delays_are_measured_by_the_flow_meter() -> None:
    truth = {"boom.nozzles.1.flow_l_min": 0.5, "boom.nozzles.4.flow_l_min": 0.004}
    for nozzle in range(8):
        truth[f"boom.nozzles.{nozzle}.open_latency_ms"] = 14.0 + nozzle
        truth[f"boom.nozzles.{nozzle}.close_latency_ms"] = 9.0 - 0.5 * nozzle
    config = machine(truth)
    result = run_test(config, "latency", {"by_flow": 1.0}, Quiet()).result
    assert result is not None
    assert "flow signal" in result.method
    found = {value.key: (float(value.value), value.std) for value in result.values}
    assert len(found) == 14
    for key, (value, std) in found.items():
        assert abs(value - truth[key]) < min(2.0, 4.0 * std), key
    assert "did not see nozzle 5 spray" in result.warnings[0]


def test_worn_nozzles_fill_their_cups_sooner() -> None:
    config = machine({"boom.nozzles.2.flow_l_min": 0.48, "boom.nozzles.5.flow_l_min": 0.3})
    outcome = run_test(config, "flow", {"seconds": 12.0}, Quiet())
    assert outcome.spraying is not None
    new_ml = 1e3 * 0.4 * 12.0 / 60.0 * math.sqrt(outcome.spraying.pressure_kpa / 300.0)
    shares = [outcome.caught_ml[n] / new_ml for n in range(8)]
    assert shares[2] == pytest.approx(1.2, abs=0.02)
    assert shares[5] == pytest.approx(0.75, abs=0.02)
    assert shares[0] == pytest.approx(1.0, abs=0.02)
    total_ml = sum(outcome.caught_ml.values())
    assert outcome.spraying.metered_ml == pytest.approx(total_ml, rel=0.02)


@pytest.mark.parametrize(("off_m", "passes"), [(0.0, True), (0.03, False)])
def test_a_verification_drive_sees_a_boom_that_is_off(off_m: float, passes: bool) -> None:
    config = machine({"boom.x_m": off_m})
    yard = SimulatedYard(config, marks_m=simulated_marks(config))
    result = verify_by_driving(yard.yard(Quiet()))
    assert result.facts["passed"] is passes
    assert result.facts["marks"] >= 8
    begins = [score["begin_error_mm"] for score in result.facts["scores"]]
    assert sum(begins) / len(begins) == pytest.approx(1e3 * off_m, abs=5.0)
    assert result.values == ()


def test_a_yard_that_is_half_real_is_refused() -> None:
    config = parse_config({"controller": {"port": "/dev/ttyACM0"}}, source="test")
    with pytest.raises(CalibrationError, match="the controller is real, but the camera is simul"):
        run_test(config, "wheel", {}, Quiet())


def test_an_emergency_stop_ends_the_test_and_the_valves_are_shut() -> None:
    yard = SimulatedYard(machine({}))

    def press(text: str) -> bool:
        if "into the cups: 9 s" in text:
            yard.simulator.press_estop(yard.clock.now_s())
        return False

    with pytest.raises(CalibrationError, match=r"closed its valves during the test .*emergency"):
        spray_into_cups(yard.yard(Quiet(ends=press)), seconds=12.0)
    for _ in range(50):
        yard.wait()
        yard.controller.poll()
    assert sum(edge.is_open for edge in yard.simulator.valve_edges) == 8
    assert sum(not edge.is_open for edge in yard.simulator.valve_edges) == 8


def test_a_catch_that_is_too_short_is_refused() -> None:
    with pytest.raises(CalibrationError, match="too short for a catch test"):
        spray_into_cups(SimulatedYard(machine({})).yard(Quiet()), seconds=5.0)
