"""Errors of the yard tests over several simulated machines with wrong factory values.

    python tests/benchmarks/bench_calibration.py --machines 3

Prints, for each machine and over all, the largest error of counts per metre, nozzle positions and
delays, and whether the verification drive passed.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from agriseg.calibration.yard import Leg
from agriseg.calibration.yard_tests import run_test
from agriseg.config import Config, parse_config
from agriseg.config_values import true_config, with_values
from agriseg.spraying.boom import Boom

NOZZLES = 24


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


def machine(seed: int) -> Config:
    """Return a machine that is not what it believes."""
    rng = np.random.default_rng([seed, 7])
    truth = {
        "wheel.counts_per_m": 2000.0 * float(rng.uniform(0.95, 1.05)),
        "boom.x_m": float(rng.uniform(-0.05, 0.05)),
        "boom.y_offset_m": float(rng.uniform(-0.02, 0.02)),
    }
    for nozzle in range(NOZZLES):
        truth[f"boom.nozzles.{nozzle}.open_latency_ms"] = float(rng.uniform(14.0, 24.0))
        truth[f"boom.nozzles.{nozzle}.close_latency_ms"] = float(rng.uniform(4.0, 9.0))
    return parse_config({"simulation": {"seed": seed, "truth": truth}}, source="bench")


def calibrate(config: Config, steps: tuple[str, ...]) -> tuple[Config, dict[str, bool]]:
    """Run the steps in order, taking over what each measures."""
    passed = {}
    for step in steps:
        began_s = time.perf_counter()
        result = run_test(config, step, {}, Obedient()).result
        assert result is not None
        values = {value.key: value.value for value in result.values}
        config = with_values(config, values, step)
        passed[step] = bool(result.facts.get("passed", True))
        print(f"  {step:13} {time.perf_counter() - began_s:6.1f} s  {result.summary}")
    return config, passed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, default=3)
    parser.add_argument("--first", type=int, default=1)
    arguments = parser.parse_args()
    worst = np.zeros(5)
    for seed in range(arguments.first, arguments.first + arguments.machines):
        print(f"machine {seed}")
        before = machine(seed)
        after, passed = calibrate(before, ("wheel", "nozzles", "latency", "verification"))
        true, found = true_config(before), after
        believed, real = Boom(found.boom), Boom(true.boom)
        errors = np.array(
            [
                100.0 * abs(found.wheel.counts_per_m / true.wheel.counts_per_m - 1.0),
                1e3 * np.abs(believed.x_m - real.x_m).max(),
                1e3 * np.abs(believed.y_m - real.y_m).max(),
                1e3 * np.abs(believed.open_delay_s - real.open_delay_s).max(),
                1e3 * np.abs(believed.close_delay_s - real.close_delay_s).max(),
            ]
        )
        worst = np.maximum(worst, errors)
        print("  " + _line(errors) + f"; verification passed: {passed['verification']}")
    print("largest: " + _line(worst))


def _line(errors: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> str:
    wheel, x_mm, y_mm, open_ms, close_ms = errors
    return (
        f"counts {wheel:.3f} % (0.3), x {x_mm:.1f} mm (5), y {y_mm:.1f} mm (5),"
        f" open {open_ms:.2f} ms (2), close {close_ms:.2f} ms (2)"
    )


if __name__ == "__main__":
    main()
