"""Stretches of ground along the track, as sorted lists of (from, to)."""

from __future__ import annotations

from collections.abc import Sequence

Interval = tuple[float, float]


def merged(intervals: Sequence[Interval]) -> list[Interval]:
    """Return sorted intervals with those joined that touch or overlap."""
    result: list[Interval] = []
    for a, b in sorted(intervals):
        if result and a <= result[-1][1]:
            result[-1] = (result[-1][0], max(b, result[-1][1]))
        else:
            result.append((a, b))
    return result


def without(wanted: Sequence[Interval], barred: Sequence[Interval]) -> list[Interval]:
    """Return the parts of sorted ``wanted`` intervals outside sorted ``barred`` ones."""
    result: list[Interval] = []
    for a, b in wanted:
        start = a
        for c, d in barred:
            if d <= start or c >= b:
                continue
            if c > start:
                result.append((start, c))
            start = max(start, d)
        if start < b:
            result.append((start, b))
    return result


def within(wanted: Sequence[Interval], barred: Sequence[Interval]) -> list[Interval]:
    """Return the parts of sorted ``wanted`` intervals inside sorted ``barred`` ones."""
    return [(max(a, c), min(b, d)) for a, b in wanted for c, d in barred if max(a, c) < min(b, d)]
