"""Latencies come from rounds that take every network in turn."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agriseg.models.latency import latencies


class _Bench:
    """Computations that take given times on a clock that only they move."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.order: list[str] = []

    def run(self, name: str, times_s: list[float]) -> Callable[[], None]:
        left = iter(times_s)

        def compute() -> None:
            self.order.append(name)
            self.now_s += next(left)

        return compute


def test_every_round_takes_each_in_turn_and_the_first_run_does_not_count() -> None:
    bench = _Bench()
    runs = {
        "a": bench.run("a", [9.0, 0.010, 1.0, 0.030, 1.0, 0.020]),
        "b": bench.run("b", [9.0, 0.004, 1.0, 0.004, 1.0, 0.004]),
    }
    found = latencies(runs, 3, now_s=lambda: bench.now_s)
    assert bench.order == ["a", "a", "b", "b"] * 3
    assert found["a"].median_ms == pytest.approx(20.0)
    assert found["a"].slowest_tenth_ms == pytest.approx(28.0)
    assert found["b"].median_ms == pytest.approx(4.0)
    assert found["a"].rounds == 3
