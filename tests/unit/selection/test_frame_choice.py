"""Of many frames those are chosen that together stand for most of what is to be learnt."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agriseg.selection.choosing import choose, nearest_places, without_duplicates

NOBODY = np.zeros((0, 2))


def _clusters(
    sizes: tuple[int, ...],
) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.float64]], list[int]]:
    """Return frames in tight clusters far from each other, and the cluster of each."""
    rng = np.random.default_rng(2)
    centres = 10.0 * np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    looks = [centres[n] + rng.normal(0, 0.1, (size, 2)) for n, size in enumerate(sizes)]
    return np.concatenate(looks), [n for n, size in enumerate(sizes) for _ in range(size)]


def test_each_kind_of_frame_gets_one_before_any_gets_two() -> None:
    looks, cluster = _clusters((20, 5, 5, 5))
    chosen = choose(looks, np.ones(len(looks)), NOBODY, 4)
    assert {cluster[place] for place in chosen.places} == {0, 1, 2, 3}
    assert cluster[chosen.places[0]] == 0


def test_what_is_worth_more_comes_first() -> None:
    looks, cluster = _clusters((10, 10, 10))
    values = np.where(np.array(cluster) == 1, 5.0, 1.0)
    assert cluster[choose(looks, values, NOBODY, 1).places[0]] == 1


def test_what_is_labelled_already_counts() -> None:
    looks, cluster = _clusters((20, 5))
    assert cluster[choose(looks, np.ones(25), NOBODY, 1).places[0]] == 0
    chosen = choose(looks, np.ones(25), looks[:20], 1)
    assert cluster[chosen.places[0]] == 1
    assert chosen.coverage_before == pytest.approx(20 / 25, abs=0.01)
    assert chosen.coverage[0] > chosen.coverage_before


def test_a_budget_beyond_the_frames_takes_all_and_covers_all() -> None:
    looks, _ = _clusters((3, 2))
    chosen = choose(looks, np.ones(5), NOBODY, 9)
    assert sorted(chosen.places) == [0, 1, 2, 3, 4]
    assert chosen.coverage[-1] == pytest.approx(1.0)


def test_frames_that_all_look_the_same_can_be_chosen() -> None:
    chosen = choose(np.ones((4, 3)), np.ones(4), np.zeros((0, 3)), 2)
    assert len(set(chosen.places)) == 2
    assert choose(np.ones((0, 3)), np.ones(0), np.zeros((0, 3)), 2).places == ()


@given(st.integers(0, 1000), st.integers(1, 12))
@settings(max_examples=40, deadline=None)
def test_coverage_only_rises_and_no_frame_is_chosen_twice(seed: int, budget: int) -> None:
    rng = np.random.default_rng(seed)
    looks, values = rng.normal(size=(15, 4)), rng.uniform(0.0, 1.0, 15)
    chosen = choose(looks, values, rng.normal(size=(3, 4)), budget)
    assert len(set(chosen.places)) == len(chosen.places) == budget
    assert (np.diff([chosen.coverage_before, *chosen.coverage]) >= -1e-12).all()
    assert 0.0 <= chosen.coverage[-1] <= 1.0 + 1e-12


def test_of_duplicates_the_better_one_is_kept() -> None:
    same = [{0, 1, 2}, {4, 5}]
    kept = without_duplicates(
        np.array([0.1, 0.9, 0.5, 0.3, 0.2, 0.8]),
        lambda _: range(6),
        lambda a, b: any(a in group and b in group for group in same),
    )
    assert kept == [1, 3, 5]


def test_the_nearest_look_most_alike() -> None:
    looks, cluster = _clusters((5, 5, 5))
    near = nearest_places(looks, 4)
    assert all(cluster[o] == cluster[p] for p in range(15) for o in near[p])
