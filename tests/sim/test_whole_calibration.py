"""A machine with wrong factory values, calibrated through the steps alone, then sent spraying."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from agriseg.calibration.overlay import calibrated
from agriseg.calibration.steps import StepResult, accept_result
from agriseg.calibration.store import CalibrationStore
from agriseg.calibration.yard import Leg
from agriseg.calibration.yard_tests import run_test
from agriseg.config import Config, parse_config
from agriseg.config_values import true_config
from agriseg.headless import run_headless
from agriseg.spraying.boom import Boom

NOZZLES = 24
ORDER = ("wheel", "nozzles", "latency", "verification")


class Obedient:
    """A guide that lets every test go on."""

    def drive(self, leg: Leg) -> None:
        pass

    def say(self, text: str, fraction: float) -> None:
        pass

    def stopped(self) -> bool:
        return False

    def confirmed(self) -> bool:
        return False


def wrong_machine(directory: Path, seed: int) -> Config:
    """Return a machine whose boom, valves and wheel are not what its configuration says."""
    rng = np.random.default_rng(seed)
    truth = {
        "wheel.counts_per_m": 2000.0 * float(rng.uniform(0.95, 1.05)),
        "boom.x_m": float(rng.uniform(-0.05, 0.05)),
        "boom.y_offset_m": float(rng.uniform(-0.02, 0.02)),
    }
    for nozzle in range(NOZZLES):
        truth[f"boom.nozzles.{nozzle}.open_latency_ms"] = float(rng.uniform(14.0, 24.0))
        truth[f"boom.nozzles.{nozzle}.close_latency_ms"] = float(rng.uniform(4.0, 9.0))
    return parse_config(
        {
            "model": {"method": "truth"},
            "boom": {"nozzle_count": NOZZLES},
            "calibration": {"directory": str(directory / "calibration")},
            "simulation": {"seed": seed, "truth": truth, "speed_m_s": 2.0},
        },
        source="test",
    )


def accepted(step: str, configured: Config, store: CalibrationStore) -> StepResult:
    """Measure a step with what is in force and accept it."""
    in_force = calibrated(configured, store).config
    result = run_test(in_force, step, {}, Obedient()).result
    assert result is not None
    accept_result(
        step,
        result,
        store=store,
        configured=configured,
        in_force=in_force,
        when=datetime.now(UTC),
    )
    return result


def chain(config: Config, out: Path) -> tuple[float, float]:
    """Return the share of reachable weeds hit, and the leading edge's p99 in millimetres."""
    summary = run_headless(config, seconds=6.0, out=out, realtime=False).summary
    score = summary["truth_score"]
    assert score["weeds_reachable"] >= 20
    return score["weeds_hit_fraction"], score["position_error_mm"]["p99"]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_wrong_factory_values_are_calibrated_away(tmp_path: Path) -> None:
    configured = wrong_machine(tmp_path, seed=4)
    store = CalibrationStore(tmp_path / "calibration" / "simulated.jsonl")
    _, wrong_mm = chain(calibrated(configured, store).config, tmp_path / "wrong")
    assert wrong_mm > 20.0
    results = {step: accepted(step, configured, store) for step in ORDER}
    assert results["verification"].facts["passed"]
    in_force = calibrated(configured, store).config
    believed, true = Boom(in_force.boom), Boom(true_config(configured).boom)
    assert in_force.wheel.counts_per_m == pytest.approx(
        true_config(configured).wheel.counts_per_m, rel=0.003
    )
    assert np.abs(believed.open_delay_s - true.open_delay_s).max() < 0.002
    assert np.abs(believed.close_delay_s - true.close_delay_s).max() < 0.002
    assert np.abs(believed.x_m - true.x_m).max() < 0.005
    assert np.abs(believed.y_m - true.y_m).max() < 0.005
    hit, right_mm = chain(in_force, tmp_path / "right")
    assert hit >= 0.995
    assert right_mm <= 10.0
