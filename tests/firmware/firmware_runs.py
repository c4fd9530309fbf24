"""Longer drives of the real firmware, with the figures that they give."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from firmware_machines import WheelSegment
from firmware_rig import Rig

from firmware_bridge.codes import Outcome
from firmware_bridge.frames import Odometry, ValveTiming

COUNTS_PER_M = 2000
TIMING = ValveTiming(open_10us=1200, close_10us=1000, fall_10us=3600)
OPEN_LEAD_S = 0.048
CLOSE_LEAD_S = 0.046


@dataclass(frozen=True, slots=True)
class Drive:
    """A speed profile with its exact solution."""

    segments: tuple[WheelSegment, ...]

    def count_at(self, t_s: float) -> float:
        """Return the wheel's count."""
        segment = [s for s in self.segments if s.t_s <= t_s][-1]
        dt = t_s - segment.t_s
        return segment.count + dt * (segment.speed + 0.5 * segment.acceleration * dt)


def steady(t_s: float, speed_m_s: float) -> Drive:
    """Return a drive at one speed."""
    return Drive((WheelSegment(t_s, 0.5, speed_m_s * COUNTS_PER_M),))


def changing(t_s: float, slow_m_s: float, fast_m_s: float, until_s: float) -> Drive:
    """Return a drive up and down between two speeds at 1.5 m/s^2, with steady parts."""
    acceleration = 1.5 * COUNTS_PER_M
    ramp_s = (fast_m_s - slow_m_s) / 1.5
    plan = ((0.0, 0.4), (1.0, ramp_s), (0.0, 0.4), (-1.0, ramp_s))
    segments: list[WheelSegment] = []
    count, speed = 0.5, slow_m_s * COUNTS_PER_M
    while t_s < until_s:
        sign, length_s = plan[len(segments) % 4]
        a = sign * acceleration
        segments.append(WheelSegment(t_s, count, speed, a))
        count += length_s * (speed + 0.5 * a * length_s)
        speed += a * length_s
        t_s += length_s
    return Drive(tuple(segments))


@dataclass(frozen=True, slots=True)
class EdgeErrors:
    """Where spray began and ended on the ground, against where it was wanted, in millimetres."""

    begin_mm: tuple[float, ...]
    end_mm: tuple[float, ...]
    missed: int

    def p99_mm(self) -> float:
        """Return the 99th percentile of the error of both edges."""
        errors = sorted(abs(e) for e in (*self.begin_mm, *self.end_mm))
        return errors[min(len(errors) - 1, math.ceil(0.99 * len(errors)) - 1)]


def spray_by_distance(
    rig: Rig, drive: Drive, *, pulses: int, spacing_m: float, lookahead_m: float, length_m: float
) -> EdgeErrors:
    """Spray stripes over all 16 valves; the drive has begun with the machine's wheel."""
    wanted: dict[int, tuple[int, int]] = {}
    rig.run(0.4)
    first = rig.of(Odometry)[-1].position + round(16 * COUNTS_PER_M * (lookahead_m + 0.05))
    step = round(16 * COUNTS_PER_M * spacing_m)
    length = round(16 * COUNTS_PER_M * length_m)
    while len(wanted) < pulses:
        here = rig.of(Odometry)[-1].position
        while len(wanted) < pulses:
            start = first + step * len(wanted)
            if start - here > 16 * COUNTS_PER_M * lookahead_m:
                break
            wanted[rig.pulse(len(wanted) % 16, True, start, length)] = (len(wanted) % 16, start)
        rig.run(0.005)
    rig.run((lookahead_m + 16 * spacing_m) / 0.4 + 0.5)
    return _errors(rig, drive, wanted, length)


def _errors(rig: Rig, drive: Drive, wanted: dict[int, tuple[int, int]], length: int) -> EdgeErrors:
    by_valve: dict[int, list[tuple[float, float]]] = {v: rig.openings(v) for v in range(16)}
    answers = rig.answers()
    begin: list[float] = []
    end: list[float] = []
    missed = 0
    for event, (valve, start) in wanted.items():
        if answers[event].outcome != Outcome.DONE:
            missed += 1
            continue
        on_s, off_s = by_valve[valve].pop(0)
        mm = 1000.0 / COUNTS_PER_M
        begin.append((drive.count_at(on_s + OPEN_LEAD_S) - start / 16) * mm)
        end.append((drive.count_at(off_s + CLOSE_LEAD_S) - (start + length) / 16) * mm)
    if any(by_valve.values()):
        raise AssertionError("a valve opened that was not commanded to")
    return EdgeErrors(tuple(begin), tuple(end), missed)


def spray_by_time(
    rig: Rig, *, per_s: float, seconds: float, ahead_s: float, length_s: float, valves: int = 16
) -> list[int]:
    """Command pulses at a rate, over all valves in turn; return their ids."""
    ids: list[int] = []
    start_s = rig.now_s
    while rig.now_s < start_s + seconds:
        while len(ids) < (rig.now_s - start_s) * per_s:
            t_s = start_s + len(ids) / per_s + ahead_s
            ids.append(rig.pulse_time(len(ids) % valves, t_s - rig.now_s, length_s))
        rig.step()
    rig.run(ahead_s + length_s + 0.5)
    return ids


def outcomes(rig: Rig, ids: Sequence[int]) -> dict[str, int]:
    """Return how many of the pulses had which outcome."""
    answers = rig.answers()
    counts: dict[str, int] = {}
    for event in ids:
        name = Outcome(answers[event].outcome).name
        counts[name] = counts.get(name, 0) + 1
    return counts
