"""Whether the camera still sits as it was calibrated, by fixed parts of the machine in its view.

A nozzle body, an edge of the boom, a wheel's fork or a sticker stays where it is in the picture as
long as camera and machine stay together, whatever the ground does. A camera that turns, slides or
rises shifts it, so that all six ways to move are seen, also while the machine stands.

Patches are compared after their local brightness and contrast were taken out, so that a shadow's
edge or dust changes little; what is not found again is said to be not seen, never to have moved.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agriseg.errors import CalibrationError
from agriseg.messages import UInt8Array
from agriseg.opencv import cv2

Float32Array = NDArray[np.float32]

LEAST_SCORE = 0.6
"""Normalised correlation from which on a patch counts as found."""

_HALF_SHARE = 0.025
_REACH_SHARE = 0.12
_PART_SCORE = 0.8
_LEAST_CORNER = 0.05
_NOISE_GREY = 4.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MachineMark:
    """A fixed part of the machine as it looked when the ground was calibrated.

    Attributes
    ----------
    u_px, v_px : float
        Its middle in the picture.
    std_px : float
        Standard uncertainty of either, by the pictures that it was followed in.
    patch : (S, S) uint8
        Grey, S odd, with its middle pixel at the rounded (u, v) of the picture it was cut from.
    picture_size : (width, height), px
    """

    u_px: float
    v_px: float
    std_px: float
    patch: UInt8Array
    picture_size: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkSight:
    """Where a mark is seen in one picture, and how alike it looks, -1 to 1."""

    u_px: float
    v_px: float
    score: float


def half_side_px(picture_size: tuple[int, int]) -> int:
    """Return how far a patch reaches from its middle in a picture of this size."""
    return max(8, round(_HALF_SHARE * picture_size[0]))


def cut_mark(grey: UInt8Array, u_px: float, v_px: float) -> MachineMark:
    """Return the mark around a point of a picture.

    Parameters
    ----------
    grey : (H, W) uint8
    u_px, v_px : float
        Where the operator tapped.

    Raises
    ------
    CalibrationError
        The place is too near to the picture's edge, or has nothing that could be followed.
    """
    height, width = grey.shape
    half = half_side_px((width, height))
    margin = half + half // 2
    if not (margin <= u_px < width - margin and margin <= v_px < height - margin):
        raise CalibrationError(
            "this place is too near to the picture's edge to be watched; tap a part of the machine"
            " that is whole in the picture"
        )
    column, row = round(u_px), round(v_px)
    patch = grey[row - half : row + half + 1, column - half : column + half + 1].copy()
    if _cornerness(patch) < _LEAST_CORNER:
        raise CalibrationError(
            "this place is too plain to be watched: tap a nozzle, a bolt, a corner or a sticker, or"
            " put a sticker with a pattern there"
        )
    return MachineMark(
        u_px=float(column), v_px=float(row), std_px=0.0, patch=patch, picture_size=(width, height)
    )


def find_mark(grey: UInt8Array, mark: MachineMark, near: MarkSight | None = None) -> MarkSight:
    """Return where a mark is seen; its ``score`` says whether it is.

    Parameters
    ----------
    grey : (H, W) uint8
        Of the size that the mark belongs to.
    mark : MachineMark
    near : MarkSight, optional
        Where it was seen last: looked at first, since a small search is quick.
    """
    half = mark.patch.shape[0] // 2
    if near is not None:
        sight = _search(grey, mark.patch, (near.u_px, near.v_px), half // 2)
        if sight is not None and sight.score >= 0.5 * (1.0 + LEAST_SCORE):
            return sight
    reach = round(_REACH_SHARE * grey.shape[1])
    sight = _search(grey, mark.patch, (mark.u_px, mark.v_px), reach)
    if sight is not None and sight.score >= LEAST_SCORE:
        return sight
    parts = [_search_part(grey, mark, reach, rows, columns) for rows, columns in _parts(half)]
    sights = [part for part in parts if part is not None and part.score >= _PART_SCORE]
    best = max(sights, key=lambda part: part.score, default=sight)
    return best or MarkSight(u_px=mark.u_px, v_px=mark.v_px, score=-1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkState:
    """What the newest looks say of one mark.

    ``shift_px`` (du, dv) is their median shift, None where the mark was not seen in most of them
    or wandered about, as ground does.
    """

    shift_px: tuple[float, float] | None

    @property
    def length_px(self) -> float:
        """How far it has moved; NaN if it is not seen."""
        return float(np.hypot(*self.shift_px)) if self.shift_px is not None else float("nan")


class MarkWatch:
    """Follows the marks from picture to picture; a verdict rests on the newest eight.

    Parameters
    ----------
    marks : sequence of MachineMark
        At least one, all of the same size of picture.
    """

    LOOKS = 8
    """So many looks make a verdict."""

    MOST_WANDER_PX = 3.0

    def __init__(self, marks: Sequence[MachineMark]) -> None:
        self._marks = tuple(marks)
        self._size = self._marks[0].picture_size
        self._seen: list[deque[MarkSight]] = [deque(maxlen=self.LOOKS) for _ in self._marks]

    def forget(self) -> None:
        """Begin anew."""
        for seen in self._seen:
            seen.clear()

    def look(self, image: UInt8Array) -> bool:
        """Take a picture (H, W, 3) uint8; False where it has not the marks' size."""
        if (image.shape[1], image.shape[0]) != self._size:
            return False
        grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
        for mark, seen in zip(self._marks, self._seen, strict=True):
            near = next((sight for sight in reversed(seen) if sight.score >= LEAST_SCORE), None)
            seen.append(find_mark(grey, mark, near))
        return True

    @property
    def states(self) -> tuple[MarkState, ...] | None:
        """What is known of each mark; None before there were enough looks."""
        if len(self._seen[0]) < self.LOOKS:
            return None
        pairs = zip(self._marks, self._seen, strict=True)
        return tuple(self._state(mark, seen) for mark, seen in pairs)

    def _state(self, mark: MachineMark, looks: deque[MarkSight]) -> MarkState:
        places = np.array([(s.u_px, s.v_px) for s in looks if s.score >= LEAST_SCORE])
        if len(places) <= len(looks) // 2:
            return MarkState(shift_px=None)
        middle = np.median(places, axis=0)
        wander = float(np.median(np.hypot(*(places - middle).T)))
        if wander > self.MOST_WANDER_PX:
            return MarkState(shift_px=None)
        return MarkState(shift_px=(float(middle[0] - mark.u_px), float(middle[1] - mark.v_px)))


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkVerdict:
    """What all marks together say.

    Attributes
    ----------
    has_moved : bool
        The camera has moved against the machine.
    shift_px : float
        By how much the marks that count have moved, the most of them.
    alone : tuple of int
        Marks, from 0, that have moved while at least two others did not: they are loose themselves.
    unseen : tuple of int
        Marks that are not seen.
    spread : float
        By which share the marks stand further apart than before; NaN with fewer than two seen.
        More: the camera stands lower, nearer to them.
    """

    has_moved: bool
    shift_px: float
    alone: tuple[int, ...]
    unseen: tuple[int, ...]
    spread: float


def judge_marks(
    marks: Sequence[MachineMark], states: Sequence[MarkState], limit_px: float
) -> MarkVerdict:
    """Return what the marks say, if more than ``limit_px`` counts as moved.

    One mark that has moved against two or more that did not by half as much is loose itself; in
    every other case the camera is held to have moved.
    """
    unseen = tuple(n for n, state in enumerate(states) if state.shift_px is None)
    lengths = {n: state.length_px for n, state in enumerate(states) if state.shift_px is not None}
    moved = [n for n, length in lengths.items() if length > limit_px]
    still = [n for n, length in lengths.items() if length <= 0.5 * limit_px]
    is_alone = len(moved) == 1 and len(still) >= 2
    return MarkVerdict(
        has_moved=bool(moved) and not is_alone,
        shift_px=max((lengths[n] for n in moved), default=max(lengths.values(), default=0.0)),
        alone=tuple(moved) if is_alone else (),
        unseen=unseen,
        spread=_spread(marks, states),
    )


def _spread(marks: Sequence[MachineMark], states: Sequence[MarkState]) -> float:
    pairs = [
        ((mark.u_px, mark.v_px), state.shift_px)
        for mark, state in zip(marks, states, strict=True)
        if state.shift_px is not None
    ]
    if len(pairs) < 2:
        return float("nan")
    before = np.array([place for place, _ in pairs])
    now = before + np.array([shift for _, shift in pairs])
    apart_before, apart_now = before - before.mean(axis=0), now - now.mean(axis=0)
    size: float = float(np.sum(apart_before**2))
    return float(np.sum(apart_before * apart_now)) / size - 1.0 if size > 1.0 else float("nan")


def _search(
    grey: UInt8Array, patch: UInt8Array, middle: tuple[float, float], reach: int
) -> MarkSight | None:
    """Find a patch within ``reach`` of where its middle was; None where there is no room for it."""
    rows, columns = patch.shape
    height, width = grey.shape
    left = max(0, round(middle[0] - columns / 2.0) - reach)
    top = max(0, round(middle[1] - rows / 2.0) - reach)
    right = min(width, round(middle[0] + columns / 2.0) + reach + 1)
    bottom = min(height, round(middle[1] + rows / 2.0) + reach + 1)
    if right - left < columns + 2 or bottom - top < rows + 2:
        return None
    half = max(patch.shape) // 2
    room, wanted = _levelled(grey[top:bottom, left:right], half), _levelled(patch, half)
    scores = np.asarray(cv2.matchTemplate(room, wanted, cv2.TM_CCOEFF_NORMED), np.float32)
    _, score, _, (column, row) = cv2.minMaxLoc(scores)
    du = _peak(scores[row, column - 1 : column + 2])
    dv = _peak(scores[row - 1 : row + 2, column])
    return MarkSight(
        u_px=left + column + (columns - 1) / 2.0 + du,
        v_px=top + row + (rows - 1) / 2.0 + dv,
        score=float(score),
    )


def _parts(half: int) -> tuple[tuple[slice, slice], ...]:
    """Return rows and columns of the upper, lower, left and right part of a patch."""
    whole, first, last = slice(None), slice(0, half + half // 4), slice(half - half // 4, None)
    return ((first, whole), (last, whole), (whole, first), (whole, last))


def _search_part(
    grey: UInt8Array, mark: MachineMark, reach: int, rows: slice, columns: slice
) -> MarkSight | None:
    """Find a part of a patch, as where the rest is covered or has left the picture."""
    part = mark.patch[rows, columns]
    half = mark.patch.shape[0] // 2
    down = (rows.start or 0) + (part.shape[0] - 1) / 2.0 - half
    across = (columns.start or 0) + (part.shape[1] - 1) / 2.0 - half
    sight = _search(grey, part, (mark.u_px + across, mark.v_px + down), reach)
    if sight is None:
        return None
    return MarkSight(u_px=sight.u_px - across, v_px=sight.v_px - down, score=sight.score)


def _levelled(grey: UInt8Array, half: int) -> Float32Array:
    """Return a picture without its local brightness and contrast."""
    sigma = 0.5 * half
    values = grey.astype(np.float32)
    apart = values - cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    power = cv2.GaussianBlur(apart * apart, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(apart / np.sqrt(power + _NOISE_GREY**2), np.float32)


def _peak(values: NDArray[np.float32]) -> float:
    """Return where the parabola through three scores peaks, from the middle one; 0 at an edge."""
    if len(values) != 3:
        return 0.0
    before, middle, after = (float(value) for value in values)
    bend = before - 2.0 * middle + after
    return 0.0 if bend >= 0.0 else float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5))


def _cornerness(patch: UInt8Array) -> float:
    """Return how well a patch is bound in its less distinct direction, 0: not at all.

    The smaller eigenvalue of its mean gradient product, the grey levels scaled to 0..1, times
    1000; noise of a sensor alone gives about 0.01.
    """
    values = cv2.GaussianBlur(patch.astype(np.float32) / 255.0, (0, 0), 1.0)
    across = cv2.Sobel(values, cv2.CV_32F, 1, 0, ksize=3, scale=0.125)
    down = cv2.Sobel(values, cv2.CV_32F, 0, 1, ksize=3, scale=0.125)
    product = np.array(
        [
            [np.mean(across * across), np.mean(across * down)],
            [np.mean(across * down), np.mean(down * down)],
        ]
    )
    return 1e3 * float(np.linalg.eigvalsh(product)[0])
