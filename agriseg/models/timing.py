"""Times computations against each other fairly: in turn, in rounds.

Whatever else the computer does in the meantime, or a processor that slows as it warms, falls on
all of them alike. The first run of a turn finds another's data in the caches and does not count.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """How long is measured.

    Attributes
    ----------
    rounds : int
        At least so many times everything has its turn.
    seconds : float
        At least so long the rounds go on.
    runs : int
        Counted runs of a turn.
    turn_s : float
        A turn ends after the run that reaches this, however many are left.
    """

    rounds: int
    seconds: float = 0.0
    runs: int = 1
    turn_s: float = math.inf


def time_in_turn(
    computations: Mapping[str, Callable[[], object]],
    turns: Turns,
    now_s: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Return how long each counted run of each computation took, in milliseconds.

    Parameters
    ----------
    computations : mapping of name to callable
    turns : Turns
    now_s : callable
        The clock, in seconds.
    """
    times_ms: dict[str, list[float]] = {name: [] for name in computations}
    began_s, rounds = now_s(), 0
    while rounds < turns.rounds or now_s() - began_s < turns.seconds:
        for name, compute in computations.items():
            compute()
            times_ms[name] += _turn_ms(compute, turns, now_s)
        rounds += 1
    return times_ms


def _turn_ms(
    compute: Callable[[], object], turns: Turns, now_s: Callable[[], float]
) -> list[float]:
    times_ms: list[float] = []
    turn_s = now_s()
    while len(times_ms) < turns.runs and (not times_ms or now_s() - turn_s < turns.turn_s):
        run_s = now_s()
        compute()
        times_ms.append(1e3 * (now_s() - run_s))
    return times_ms
