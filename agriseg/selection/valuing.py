"""What a label of a frame is worth, and why, in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agriseg.messages import Float64Array
from agriseg.selection.candidates import Candidate
from agriseg.selection.describing import Described

_BASE = 0.1
"""Of the value: any frame may teach something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What counts how much, against the doubt of an average frame.

    Attributes
    ----------
    doubt : float
        What the model expects to have wrong of crop and of weed, 1 for an average frame.
    unfamiliarity : float
        How unlike the frame is to what the model was trained on, 0 to 1; 0.5 where it begins to be
        doubtful.
    marked : float
        The operator marked it, 0 or 1.
    missed : float
        Weeds were given up there, 0 to 1.
    """

    doubt: float = 1.0
    unfamiliarity: float = 1.0
    marked: float = 3.0
    missed: float = 1.0


def values_of(
    described: Sequence[Described], candidates: Sequence[Candidate], weights: Weights
) -> Float64Array:
    """Return what labels of frames are worth, ``(N,) float64`` above 0.

    What a model expects to have wrong counts by its area, crop and weed the same in all: a frame
    full of plants of which it is half sure teaches more than one with a single such plant.
    """
    wrong = np.nan_to_num(np.stack([one.wrong for one in described]))
    average = wrong.mean(axis=0)
    share = np.divide(wrong, average, out=np.zeros_like(wrong), where=average > 0.0)
    values = _BASE + weights.doubt * share.mean(axis=1)
    for place, (one, candidate) in enumerate(zip(described, candidates, strict=True)):
        strange = 0.0 if math.isnan(one.unfamiliarity) else min(1.0, 0.5 * one.unfamiliarity)
        missed = 1.0 - math.exp(-candidate.missed / 3.0)
        values[place] += (
            weights.unfamiliarity * strange
            + weights.marked * bool(candidate.marks)
            + weights.missed * missed
        )
    return np.asarray(values, np.float64)


def reasons_of(described: Described, candidate: Candidate) -> tuple[str, ...]:
    """Say in words why a frame is worth labelling."""
    reasons = [f"marked: {text}" if text else "marked" for text in candidate.marks]
    if candidate.missed:
        many = "s" if candidate.missed > 1 else ""
        reasons.append(f"{candidate.missed} weed{many} given up soon after")
    if described.doubt >= 0.1:
        reasons.append(f"{described.doubt:.0%} of its plants are doubtful to the model")
    if described.unfamiliarity > 1.0:
        reasons.append("unlike what the model was trained on")
    return tuple(reasons) or ("for variety",)
