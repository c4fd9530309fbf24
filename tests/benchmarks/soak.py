"""Keeps a machine spraying and watches its processes' memory, however long it takes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import psutil

from agriseg.messages import CommandKind, EngineCommand, EngineSnapshot, EngineState

ASK_AGAIN_S = 1.0
GROWTH_LIMIT_MB = 50.0


class Restarter:
    """Does what an operator would after a stop: acknowledges it and starts again.

    Attributes
    ----------
    causes : list of str
        Why spraying stopped, in order.
    """

    def __init__(self, send: Callable[[EngineCommand], object]) -> None:
        self._send = send
        self._asked_s = 0.0
        self.causes: list[str] = []

    def follow(self, snapshot: EngineSnapshot) -> None:
        """Acknowledge and start, once a second at most."""
        if snapshot.t_s - self._asked_s < ASK_AGAIN_S:
            return
        waiting = [a for a in snapshot.alarms if a.stops_spraying and not a.acknowledged]
        for alarm in waiting:
            self.causes.append(alarm.text)
            self._send(EngineCommand(kind=CommandKind.ACKNOWLEDGE, value=alarm.code))
        if snapshot.state in (EngineState.READY, EngineState.PAUSED):
            self._send(EngineCommand(kind=CommandKind.START))
        elif not waiting:
            return
        self._asked_s = snapshot.t_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Resident memory by process, megabytes."""

    at_s: float
    by_process_mb: Mapping[str, float]


def resident(at_s: float) -> Memory:
    """Return the memory of this process, called window, and of all below it by their names."""
    own = psutil.Process()
    by_process = {"window": own.memory_info().rss / 1e6}
    for child in own.children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it has just ended
            name = child.name()
            if name.startswith("agriseg"):
                by_process[name] = by_process.get(name, 0.0) + child.memory_info().rss / 1e6
    return Memory(at_s=at_s, by_process_mb=by_process)


def memory_table(first: Memory, last: Memory) -> Iterable[str]:
    """Return lines that compare two moments, process by process."""
    yield f"{'memory, MB':18s} {first.at_s:7.0f} s {last.at_s:7.0f} s   growth"
    for name, now_mb in last.by_process_mb.items():
        then_mb = first.by_process_mb.get(name)
        if then_mb is None:
            yield f"  {name:16s} {'-':>9s} {now_mb:9.0f}   began later"
            continue
        growth_mb = now_mb - then_mb
        verdict = "" if growth_mb < GROWTH_LIMIT_MB else f"   MORE THAN {GROWTH_LIMIT_MB:g}"
        yield f"  {name:16s} {then_mb:9.0f} {now_mb:9.0f} {growth_mb:+8.1f}{verdict}"
