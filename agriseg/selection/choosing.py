"""Chooses a few frames from which a model learns most, varied.

Every frame has a value, and stands for frames that look like it. One after the other that frame is
chosen whose own value, less what looks like it among those chosen or labelled before, is greatest,
together with the value of the frames that it stands for: novelty as in the core-sets of Sener and
Savarese ("Active learning for convolutional neural networks: a core-set approach", ICLR 2018), and
coverage as in Wei, Iyer and Bilmes ("Submodularity in data subset selection and active learning",
ICML 2015).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agriseg.messages import Float64Array

_LEAST_SPREAD = 1e-3
_RANK = 1
"""A frame stands for the so many that look most like it; more cost more than variety brings."""

_OTHERS = 0.1
"""What the frames count that a frame stands for, against its own value."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chosen:
    """What was chosen.

    Attributes
    ----------
    places : tuple of int
        The frames, the most telling first.
    coverage : (n,) float64
        Share of all value that the first, the first two, ... stand for, with what was labelled
        before.
    coverage_before : float
        Share of the value that the frames labelled before stand for.
    """

    places: tuple[int, ...]
    coverage: Float64Array
    coverage_before: float


def choose(looks: Float64Array, values: Float64Array, known: Float64Array, budget: int) -> Chosen:
    """Choose frames.

    Parameters
    ----------
    looks : (N, F) float64
        What the candidates look like.
    values : (N,) float64
        What a label of each is worth, at least 0.
    known : (M, F) float64
        What the frames look like that are labelled already.
    budget : int
        How many to choose; all when there are fewer.
    """
    if budget < 1 or not len(looks):
        return Chosen(places=(), coverage=np.zeros(0), coverage_before=0.0)
    scaled, scaled_known = _scaled(looks, known)
    reach = _reach(scaled)
    likeness = _likeness(scaled, scaled, reach)
    best = np.zeros(len(looks))
    if len(known):
        best = _likeness(scaled, scaled_known, reach).max(axis=1)
    total = float(values.sum()) or 1.0
    before = float((values * best).sum()) / total
    alike = float(likeness.sum(axis=1).mean())
    places: list[int] = []
    coverage = []
    for _ in range(min(budget, len(looks))):
        own = values * (1.0 - best)
        others = values @ np.maximum(likeness - best[:, None], 0.0) - own
        gains = own + _OTHERS * others / alike
        gains[places] = -1.0
        place = int(np.argmax(gains))
        places.append(place)
        best = np.maximum(best, likeness[:, place])
        coverage.append(float((values * best).sum()) / total)
    return Chosen(places=tuple(places), coverage=np.array(coverage), coverage_before=before)


def without_duplicates(
    values: Float64Array,
    neighbours: Callable[[int], Sequence[int]],
    is_same: Callable[[int, int], bool],
) -> list[int]:
    """Return the frames that are left when of each near-duplicate pair the better is kept.

    Parameters
    ----------
    values : (N,) float64
    neighbours : callable
        The frames that may be the same as one.
    is_same : callable
        Whether two are near duplicates.
    """
    kept: list[int] = []
    is_kept = np.zeros(len(values), bool)
    for place in np.argsort(-values, kind="stable").tolist():
        if not any(is_kept[other] and is_same(place, other) for other in neighbours(place)):
            is_kept[place] = True
            kept.append(place)
    return sorted(kept)


def nearest_places(looks: Float64Array, count: int) -> NDArray[np.int64]:
    """Return for each frame the places of those that look most like it, ``(N, count)``."""
    scaled, _ = _scaled(looks, looks[:0])
    squares = _squares(scaled, scaled)
    np.fill_diagonal(squares, np.inf)
    return np.argsort(squares, axis=1)[:, :count]


def _scaled(looks: Float64Array, known: Float64Array) -> tuple[Float64Array, Float64Array]:
    centre = looks.mean(axis=0)
    spread = np.maximum(looks.std(axis=0), _LEAST_SPREAD)
    return (looks - centre) / spread, (known - centre) / spread


def _reach(scaled: Float64Array) -> float:
    """Return how far a frame stands for others: as far as the nearest of an average frame."""
    squares = _squares(scaled, scaled)
    rank = min(len(scaled) - 1, _RANK)
    return float(np.sqrt(np.median(np.sort(squares, axis=1)[:, rank]))) or 1.0


def _likeness(first: Float64Array, second: Float64Array, reach: float) -> Float64Array:
    """Return how alike frames are, 1 for the same; far ones are still told from farther ones."""
    return np.asarray(1.0 / (1.0 + _squares(first, second) / (reach * reach)), np.float64)


def _squares(first: Float64Array, second: Float64Array) -> Float64Array:
    squares = (
        (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1)[None, :] - 2.0 * first @ second.T
    )
    return np.asarray(np.maximum(squares, 0.0), np.float64)
