"""Borders of masks, followed along the edges of pixels and straightened without loss.

The border of a mask runs along edges between a pixel inside and one outside. The way from the
one's centre to the other's is a *gate*: an outline that passes the same gates in the same order
has the same pixel centres inside, and meets neither itself nor another such outline. So each
outline is a chain of straight lines, each drawn as far as it still passes all its gates
(Guibas, Hershberger, Mitchell and Snoeyink, "Approximating polygons and subdivisions with minimum
link paths", 1993; here corners lie on the middles of edges or on corners of pixels).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agriseg.messages import Float64Array

BoolArray = NDArray[np.bool_]

_STEPS = np.array([(1, 0), (0, 1), (-1, 0), (0, -1)], np.int64)
"""East, south, west, north as (u, v); the inside of the mask is on the right hand."""

_REACH_PX = 0.35
"""How far from the middle of its edge an outline may pass a gate. Below 0.5, where the pixel
centres are, so that points rounded to tenths, as pycocotools rounds them, fill alike."""

_NOWHERE = (math.nan, math.nan)

_CORNER_RUN_PX = 3
"""Straight edges that long on both sides make a corner of pixels a corner of the outline."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Border:
    """One closed border of a mask.

    Attributes
    ----------
    corners : (N, 2) int64
        Where each edge begins, (u, v), corners of pixels; the next edge begins where it ends.
    directions : (N,) int64
        0 east, 1 south, 2 west, 3 north.
    is_pinched : (N,) bool
        Whether pixels of the mask meet at the corner by their corners alone.
    """

    corners: NDArray[np.int64]
    directions: NDArray[np.int64]
    is_pinched: BoolArray

    @property
    def is_hole(self) -> bool:
        """Whether it bounds a hole in the mask rather than the mask from outside."""
        u, v = self.corners.T
        return bool((u * np.roll(v, -1) - np.roll(u, -1) * v).sum() < 0)

    @property
    def inner_pixel(self) -> tuple[int, int]:
        """A pixel of the mask on this border, (u, v)."""
        step = _STEPS[self.directions[0]]
        doubled = 2 * self.corners[0] + step + np.array([-step[1], step[0]])
        return int(doubled[0] // 2), int(doubled[1] // 2)


def trace(mask: BoolArray) -> list[Border]:
    """Return the borders of a mask ``(H, W) bool``; pixels that share a corner hang together."""
    padded = np.pad(np.asarray(mask, bool), 1)
    nw, ne = padded[:-1, :-1], padded[:-1, 1:]
    sw, se = padded[1:, :-1], padded[1:, 1:]
    # Whether an edge leaves a corner of four pixels to the east, south, west, north.
    leaves = (se & ~ne, sw & ~se, nw & ~sw, ne & ~nw)
    width = padded.shape[1] - 1
    count = leaves[0].size
    keys = np.concatenate(
        [np.flatnonzero(there) + number * count for number, there in enumerate(leaves)]
    )
    directions, places = np.divmod(keys, count)
    ends = places + _STEPS[directions] @ np.array([1, width])
    following = _following(keys, directions, ends, count)
    corners = np.column_stack([places % width, places // width])
    is_pinched = ((nw == se) & (ne == sw) & (nw != ne)).ravel()[places]
    return [
        Border(corners=corners[chain], directions=directions[chain], is_pinched=is_pinched[chain])
        for chain in _chains(following)
    ]


def staircase(border: Border) -> Float64Array:
    """Return a border as it is, along the edges of pixels, ``(M, 2) float64`` of (u, v)."""
    turns = border.directions != np.roll(border.directions, 1)
    return np.asarray(border.corners[turns], np.float64)


def straighten(border: Border) -> Float64Array:
    """Return an outline ``(M, 2) float64`` of (u, v) with the same pixel centres inside.

    No point of it lies further than half a pixel from the border.
    """
    if len(border.directions) <= 4:  # one pixel
        return staircase(border)
    course = _course(border)
    kept = [0]
    while kept[-1] < len(course) - 1:
        kept.append(_furthest(course, kept[-1]))
    if len(kept) < 4:
        return staircase(border)
    return np.array([course[place].point for place in kept[:-1]])


class _Turn(NamedTuple):
    """Where an outline may turn, and the gate there: its inner and its outer end.

    At a corner of pixels there is no gate; both ends are NaN and bound nothing.
    """

    point: tuple[float, float]
    inner: tuple[float, float]
    outer: tuple[float, float]


def _following(
    keys: NDArray[np.int64], directions: NDArray[np.int64], ends: NDArray[np.int64], count: int
) -> NDArray[np.int64]:
    """Return which edge follows each edge: to the left where there is one, or ahead, or right."""
    following = np.full(len(keys), -1, np.int64)
    for turn in (1, 0, 3):
        wanted = ends + (directions + turn) % 4 * count
        place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        found = keys[place] == wanted if len(keys) else np.zeros(0, bool)
        following[found] = place[found]
    return following


def _chains(following: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    successors = following.tolist()
    seen = bytearray(len(successors))
    chains = []
    for start in range(len(successors)):
        chain = []
        edge = start
        while not seen[edge]:
            seen[edge] = 1
            chain.append(edge)
            edge = successors[edge]
        if chain:
            chains.append(np.array(chain, np.int64))
    return chains


def _course(border: Border) -> list[_Turn]:
    """Return where the outline may turn, in order; its last place is its first."""
    is_corner = _true_corners(border)
    shift = _start(border, is_corner)
    corners = np.roll(border.corners, -shift, axis=0).astype(np.float64)
    steps = _STEPS[np.roll(border.directions, -shift)].astype(np.float64)
    middles = corners + 0.5 * steps
    inward = np.column_stack([-steps[:, 1], steps[:, 0]]) * _REACH_PX
    gates = [middles, middles + inward, middles - inward]
    course: list[_Turn] = []
    for corner, turns, *gate in zip(
        corners.tolist(),
        np.roll(is_corner, -shift).tolist(),
        *(points.tolist() for points in gates),
        strict=True,
    ):
        if turns:
            course.append(_Turn(corner, _NOWHERE, _NOWHERE))
        course.append(_Turn(*gate))
    return [*course, course[0]]


def _start(border: Border, is_corner: BoolArray) -> int:
    """Return the edge at which to begin: at a corner of the outline, or far out."""
    if is_corner.any():
        return int(np.argmax(is_corner))
    offsets = border.corners - border.corners.mean(axis=0)
    return int(np.argmax((offsets**2).sum(axis=1)))


def _true_corners(border: Border) -> BoolArray:
    """Return the edges at whose beginning two long straight runs meet."""
    directions = border.directions
    turns = np.flatnonzero(directions != np.roll(directions, 1))
    lengths = np.diff(turns, append=turns[0] + len(directions))
    is_long = lengths >= _CORNER_RUN_PX
    found = np.zeros(len(directions), bool)
    found[turns[is_long & np.roll(is_long, 1)]] = True
    return found & ~border.is_pinched


def _furthest(course: list[_Turn], at: int) -> int:
    """Return the last place that a straight line from a place reaches through every gate."""
    u, v = course[at].point
    best = at + 1
    # The line's direction lies between these two, once a gate bounds it.
    right_u = right_v = left_u = left_v = math.nan
    for place in range(at + 1, len(course)):
        (to_u, to_v), (a_u, a_v), (b_u, b_v) = course[place]
        to_u, to_v = to_u - u, to_v - v
        if not (to_u * right_v - to_v * right_u <= 0.0 or to_u * left_v - to_v * left_u >= 0.0):
            best = place
        a_u, a_v, b_u, b_v = a_u - u, a_v - v, b_u - u, b_v - v
        if right_u != right_u:  # no gate yet
            right_u, right_v, left_u, left_v = a_u, a_v, b_u, b_v
            continue
        if right_u * a_v - right_v * a_u < 0.0:
            right_u, right_v = a_u, a_v
        if left_u * b_v - left_v * b_u > 0.0:
            left_u, left_v = b_u, b_v
        if left_u * right_v - left_v * right_u <= 0.0:
            break
    return best
