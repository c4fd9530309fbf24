"""Delays of valves from where strips begin and end."""

from __future__ import annotations

import math

import numpy as np
import pytest

from agriseg.calibration.valve_latency import Strip, dead_time_s, fit_latencies, latency_result
from agriseg.config import BoomConfig
from agriseg.errors import CalibrationError
from agriseg.spraying.boom import Boom

SPEEDS = (0.5, 2.0)
HALF_M = 0.015


def strips(
    delays_s: dict[int, tuple[float, float]],
    *,
    noise_m: float = 0.0,
    slip_m: float = 0.0,
    speeds: tuple[float, ...] = SPEEDS,
    seed: int = 1,
) -> list[Strip]:
    """Four rows at each speed."""
    rng = np.random.default_rng(seed)
    made = []
    for row in range(4 * len(speeds)):
        speed = speeds[row % len(speeds)]
        shift = float(rng.normal(0.0, slip_m))
        for nozzle, (opening, closing) in delays_s.items():
            x_m = 0.02 + 0.001 * nozzle + shift
            edges = rng.normal(0.0, noise_m, 2)
            made.append(
                Strip(
                    nozzle=nozzle,
                    row=row,
                    open_speed_m_s=speed,
                    close_speed_m_s=speed,
                    begin_m=x_m - HALF_M + speed * opening + float(edges[0]),
                    end_m=x_m + HALF_M + speed * closing + float(edges[1]),
                )
            )
    return made


def test_exact_strips_give_the_delays() -> None:
    found = fit_latencies(strips({0: (0.037, 0.026), 5: (0.041, 0.024)}))
    assert [v.nozzle for v in found] == [0, 5]
    assert found[0].open_s == pytest.approx(0.037, abs=1e-6)
    assert found[1].close_s == pytest.approx(0.024, abs=1e-6)


def test_stated_uncertainty_covers_the_truth() -> None:
    truth = {n: (0.03 + 0.001 * n, 0.02 + 0.0005 * n) for n in range(6)}
    inside, count = 0, 0
    for seed in range(40):
        for valve in fit_latencies(strips(truth, noise_m=0.001, slip_m=0.001, seed=seed)):
            errors = (
                (valve.open_s - truth[valve.nozzle][0]) / valve.open_std_s,
                (valve.close_s - truth[valve.nozzle][1]) / valve.close_std_s,
            )
            inside += sum(abs(error) < 2.0 for error in errors)
            count += 2
    assert 0.9 <= inside / count <= 0.99


def test_one_speed_is_not_enough() -> None:
    with pytest.raises(CalibrationError, match="two different speeds"):
        fit_latencies(strips({0: (0.03, 0.02)}, speeds=(1.0, 1.05)))


def test_the_fall_is_taken_off_and_stays_as_configured() -> None:
    boom = Boom(BoomConfig(nozzle_count=2))
    found = fit_latencies(strips({0: (0.037, 0.026), 1: (0.039, 0.028)}))
    result = latency_result(boom, found, method="wet strips")
    values = {v.key: v.value for v in result.values}
    assert values["boom.nozzles.0.open_latency_ms"] == pytest.approx(17.0, abs=1e-3)
    assert values["boom.nozzles.1.close_latency_ms"] == pytest.approx(8.0, abs=1e-3)
    assert "boom.fall_ms" not in values
    assert result.warnings == ()


def test_a_fall_that_leaves_no_time_for_the_valve_is_lowered() -> None:
    boom = Boom(BoomConfig(nozzle_count=1, fall_ms=40.0))
    found = fit_latencies(strips({0: (0.037, 0.026)}))
    result = latency_result(boom, found, method="wet strips")
    values = {v.key: v.value for v in result.values}
    assert values["boom.fall_ms"] == pytest.approx(25.0, abs=0.01) or values[
        "boom.fall_ms"
    ] == pytest.approx(24.0, abs=0.01)
    total = values["boom.fall_ms"] + values["boom.nozzles.0.close_latency_ms"]
    assert total == pytest.approx(26.0, abs=0.01)
    assert "is taken as" in result.warnings[0]


def test_spray_before_its_coil_is_impossible() -> None:
    boom = Boom(BoomConfig(nozzle_count=1))
    found = fit_latencies(strips({0: (0.037, -0.004)}))
    with pytest.raises(CalibrationError, match="old delays are kept"):
        latency_result(boom, found, method="wet strips")


def test_a_nozzle_without_strips_keeps_its_delays() -> None:
    boom = Boom(BoomConfig(nozzle_count=3))
    found = fit_latencies(strips({0: (0.037, 0.026), 2: (0.037, 0.026)}))
    result = latency_result(boom, found, method="wet strips")
    assert not any("nozzles.1." in v.key for v in result.values)
    assert "nozzle 2 were seen" in result.warnings[0]


def test_dead_time_by_the_flow_signal() -> None:
    on_s = np.array([0.05, 0.1, 0.2, 0.4])
    dead, std = dead_time_s(on_s, 0.4 / 60.0 * (on_s - 0.007))
    assert dead == pytest.approx(0.007, abs=1e-9)
    assert std == pytest.approx(0.0, abs=1e-9)
    noisy = 0.4 / 60.0 * (on_s - 0.007) + np.array([1.0, -1.0, 1.0, -1.0]) * 1e-5
    dead, std = dead_time_s(on_s, noisy)
    assert abs(dead - 0.007) < 3.0 * std
    assert math.isfinite(std)
