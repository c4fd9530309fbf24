"""Looks at all candidates, values them, and selects which to label."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from agriseg.errors import AgrisegError, DatasetError
from agriseg.messages import Float64Array, Frame, UInt8Array
from agriseg.ports import Segmenter
from agriseg.selection.candidates import Candidate, CandidateSource
from agriseg.selection.choosing import Chosen, choose, nearest_places, without_duplicates
from agriseg.selection.describing import Described, are_near_duplicates, describe
from agriseg.selection.valuing import Weights, reasons_of, values_of

Progress = Callable[[int, int], None]
"""Called with how many pictures were looked at, and of how many; what it raises ends the work."""

_NEIGHBOURS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A frame that is worth labelling.

    Attributes
    ----------
    source : int
        Place of its source among those given.
    candidate : Candidate
    value : float
        What it is worth, see `Weights`.
    coverage : float
        Share of all that is to be learnt that this frame and those before it stand for.
    reasons : tuple of str
        Why it, in words.
    """

    source: int
    candidate: Candidate
    value: float
    coverage: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What to label, and what it may bring.

    Attributes
    ----------
    choices : tuple of Choice
        The most telling first.
    looked_at : int
        Pictures that were looked at.
    duplicates : int
        Of these, near duplicates of better ones or of labelled pictures, left out.
    unreadable : mapping of name to str
        Frames that could not be read, and why.
    coverage_before : float
        Share of what is to be learnt that the pictures labelled before stand for.
    expected_error : float
        Share of pixels that the model expects to have wrong over all candidates; NaN without one.
    """

    choices: tuple[Choice, ...]
    looked_at: int
    duplicates: int
    unreadable: Mapping[str, str]
    coverage_before: float
    expected_error: float

    @property
    def coverage(self) -> float:
        """Share of what is to be learnt that all choices and what was labelled stand for."""
        return self.choices[-1].coverage if self.choices else self.coverage_before

    @property
    def expected_gain(self) -> float:
        """Share of pixels that the labels may set right at best, by the model's own account.

        The part of what the model expects to have wrong for which the choices stand; NaN without a
        model. How much of it a training brings home, only a training can tell.
        """
        return self.expected_error * (self.coverage - self.coverage_before)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Looked:
    source: int
    candidate: Candidate
    described: Described


def select_frames(
    sources: Sequence[CandidateSource],
    budget: int,
    *,
    segmenter: Segmenter | None = None,
    labelled: Iterable[UInt8Array] = (),
    weights: Weights | None = None,
    most: int = 500,
    on_progress: Progress | None = None,
) -> Selection:
    """Select frames to label.

    Parameters
    ----------
    sources : sequence of CandidateSource
    budget : int
        How many frames somebody will label.
    segmenter : Segmenter, optional
        The model that is to learn; without one, variety and flags alone count.
    labelled : iterable of (H, W, 3) uint8
        Pictures that are labelled already, BGR.
    weights : Weights, optional
    most : int
        So many frames are looked at, spread evenly over all sources; flagged ones always.
    on_progress : Progress, optional

    Raises
    ------
    DatasetError
        The budget is below 1, or no picture can be read.
    """
    if budget < 1:
        raise DatasetError(f"a budget of {budget} frames; expected 1 or more")
    wanted = _spread(sources, most)
    looked, unreadable = _look(sources, wanted, segmenter, on_progress)
    if not looked:
        raise DatasetError(
            "none of the pictures can be read; the first says: "
            f"{next(iter(unreadable.values()), 'there are none')}"
        )
    picked = pick(
        [one.described for one in looked],
        [one.candidate for one in looked],
        [describe(image, None) for image in labelled],
        budget,
        weights or Weights(),
    )
    return Selection(
        choices=_choices(looked, picked),
        looked_at=len(looked),
        duplicates=picked.duplicates,
        unreadable=unreadable,
        coverage_before=picked.chosen.coverage_before,
        expected_error=float(np.mean([one.described.expected_error for one in looked])),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Picked:
    """What was picked of frames that were looked at.

    Attributes
    ----------
    places : tuple of int
        Of the frames picked, the most telling first.
    values : (N,) float64
        Of all frames.
    duplicates : int
        How many were left out as near duplicates.
    chosen : Chosen
    """

    places: tuple[int, ...]
    values: Float64Array
    duplicates: int
    chosen: Chosen


def pick(
    described: Sequence[Described],
    candidates: Sequence[Candidate],
    known: Sequence[Described],
    budget: int,
    weights: Weights,
) -> Picked:
    """Pick frames to label of those that were looked at.

    Parameters
    ----------
    described : sequence of Described
        At least one.
    candidates : sequence of Candidate
        In step with them; neighbours in time stand beside each other.
    known : sequence of Described
        Frames that are labelled already.
    budget : int
    weights : Weights
    """
    values = values_of(described, candidates, weights)
    looks = np.stack([one.look for one in described])
    kept = _without_duplicates(described, looks, values, known)
    seen = np.stack([one.look for one in known]) if known else np.zeros((0, looks.shape[1]))
    chosen = choose(looks[kept], values[kept], seen, budget)
    return Picked(
        places=tuple(kept[place] for place in chosen.places),
        values=values,
        duplicates=len(described) - len(kept),
        chosen=chosen,
    )


def _spread(sources: Sequence[CandidateSource], most: int) -> list[tuple[int, Candidate]]:
    """Return at most so many candidates, evenly spread; the flagged ones are among them."""
    everything = [(n, one) for n, source in enumerate(sources) for one in source.candidates]
    flagged = [pair for pair in everything if pair[1].is_flagged]
    if len(flagged) > most:
        flagged = [pair for pair in flagged if pair[1].marks]
    others = [pair for pair in everything if not pair[1].is_flagged]
    room = max(0, most - len(flagged))
    if len(others) > room:
        others = [others[place * len(others) // room] for place in range(room)]
    return sorted([*flagged, *others], key=lambda pair: (pair[0], pair[1].index))


def _look(
    sources: Sequence[CandidateSource],
    wanted: Sequence[tuple[int, Candidate]],
    segmenter: Segmenter | None,
    on_progress: Progress | None,
) -> tuple[list[_Looked], dict[str, str]]:
    looked: list[_Looked] = []
    unreadable: dict[str, str] = {}
    for number, (place, candidate) in enumerate(wanted, start=1):
        try:
            image = sources[place].image(candidate)
        except AgrisegError as error:
            unreadable[candidate.name] = str(error)
        else:
            frame = Frame(frame_id=number, t_capture_s=float(number), image=image)
            seen = segmenter.segment(frame) if segmenter is not None else None
            described = describe(image, seen)
            looked.append(_Looked(source=place, candidate=candidate, described=described))
        if on_progress is not None:
            on_progress(number, len(wanted))
    return looked, unreadable


def _without_duplicates(
    described: Sequence[Described],
    looks: Float64Array,
    values: Float64Array,
    known: Sequence[Described],
) -> list[int]:
    """Return the places of frames that are neither the same as a better one nor labelled."""
    near = nearest_places(looks, _NEIGHBOURS)
    thumbs = [one.thumb for one in described]

    def neighbours(place: int) -> list[int]:
        around = {*near[place].tolist(), place - 2, place - 1, place + 1, place + 2}
        return [other for other in around if 0 <= other < len(described)]

    def is_same(first: int, second: int) -> bool:
        return are_near_duplicates(thumbs[first], thumbs[second])

    kept = without_duplicates(values, neighbours, is_same)
    fresh = [
        place
        for place in kept
        if not any(are_near_duplicates(thumbs[place], one.thumb) for one in known)
    ]
    return fresh or kept


def _choices(looked: Sequence[_Looked], picked: Picked) -> tuple[Choice, ...]:
    return tuple(
        Choice(
            source=looked[place].source,
            candidate=looked[place].candidate,
            value=float(picked.values[place]),
            coverage=float(covered),
            reasons=reasons_of(looked[place].described, looked[place].candidate),
        )
        for place, covered in zip(picked.places, picked.chosen.coverage, strict=True)
    )
