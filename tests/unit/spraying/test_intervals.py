"""Stretches of ground: union, difference, intersection."""

from hypothesis import given
from hypothesis import strategies as st

from agriseg.spraying.intervals import Interval, merged, within, without

ENDS = st.tuples(st.integers(0, 40), st.integers(1, 12)).map(lambda p: (p[0], p[0] + p[1]))
LISTS = st.lists(ENDS.map(lambda p: (float(p[0]), float(p[1]))), max_size=8)


def cells(intervals: list[Interval]) -> set[int]:
    return {cell for a, b in intervals for cell in range(int(a), int(b))}


def test_touching_stretches_join() -> None:
    assert merged([(3.0, 4.0), (0.0, 1.0), (1.0, 2.0)]) == [(0.0, 2.0), (3.0, 4.0)]


@given(LISTS, LISTS)
def test_they_are_sets_of_ground(first: list[Interval], second: list[Interval]) -> None:
    a, b = merged(first), merged(second)
    assert cells(a) == cells(first)
    assert cells(without(a, b)) == cells(a) - cells(b)
    assert cells(within(a, b)) == cells(a) & cells(b)
    assert all(start < end for start, end in without(a, b) + within(a, b))
