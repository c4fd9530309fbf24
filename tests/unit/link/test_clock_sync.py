"""The controller's clock in host time."""

from __future__ import annotations

import random

import pytest

from firmware_bridge.clock_sync import ClockSync

TICK_HZ = 250_000.0


def exchange(
    sync: ClockSync, t_s: float, *, ppm: float, there_s: float, back_s: float, first: int = 0
) -> None:
    rate = TICK_HZ * (1.0 + ppm * 1e-6)
    heard_s, answered_s = t_s + there_s, t_s + there_s + 0.0002
    ticks = [(first + int(rate * x)) & 0xFFFF_FFFF for x in (heard_s, answered_s)]
    sync.add(t_s, answered_s + back_s, *ticks)


@pytest.mark.parametrize("ppm", [-5000.0, 0.0, 5000.0])
@pytest.mark.parametrize("first", [0, 0xFFFF_FFFF - 100_000])
def test_a_drifting_clock_is_followed_across_its_wrap(ppm: float, first: int) -> None:
    rng = random.Random(3)
    sync = ClockSync(TICK_HZ)
    t_s = 0.0
    for _ in range(100):
        t_s += 0.05
        there_s, back_s = 0.0003 + rng.expovariate(1000.0), 0.0003 + rng.expovariate(1000.0)
        exchange(sync, t_s, ppm=ppm, there_s=there_s, back_s=back_s, first=first)
    assert sync.converged
    assert sync.rate_hz == pytest.approx(TICK_HZ * (1.0 + ppm * 1e-6), rel=2e-4)
    rate = TICK_HZ * (1.0 + ppm * 1e-6)
    assert sync.time_of(int(first + rate * 5.2) & 0xFFFF_FFFF, t_s) == pytest.approx(5.2, abs=1e-3)
    assert sync.tick_at(5.2) - first == pytest.approx(rate * 5.2, abs=1e-3 * rate)


def test_it_does_not_converge_on_few_or_noisy_exchanges() -> None:
    few, noisy = ClockSync(TICK_HZ), ClockSync(TICK_HZ)
    rng = random.Random(1)
    for i in range(9):
        exchange(few, 0.1 * i, ppm=0.0, there_s=0.001, back_s=0.001)
    for i in range(20):
        exchange(
            noisy, 0.03 * i, ppm=0.0, there_s=rng.uniform(0, 0.05), back_s=rng.uniform(0, 0.05)
        )
    assert not few.converged
    assert not noisy.converged


def test_one_slow_exchange_changes_nothing() -> None:
    sync = ClockSync(TICK_HZ)
    for i in range(40):
        slow_s = 0.08 if i % 3 == 0 else 0.0
        exchange(sync, 0.05 * i, ppm=0.0, there_s=0.0005, back_s=0.0005 + slow_s)
    assert sync.time_of(int(TICK_HZ * 2.0), 2.0) == pytest.approx(2.0, abs=1e-4)
