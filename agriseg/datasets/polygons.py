"""Masks as polygons with holes and back, without loss.

Points are (u, v) in pixels with the picture's upper left corner at (0, 0), as in
`agriseg.datasets.shapes`: pixel i reaches from i to i + 1, and its centre is i + 0.5. (Elsewhere in
AgriSeg pixel centres lie at whole numbers; take half a pixel off to get there.)

A mask goes to polygons and back unchanged, pixel for pixel, so holes stay open and plants that
touch keep touching without overlap. The polygons' borders lie within half a pixel of the
mask's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agriseg.datasets.shapes import BoolArray, Patch
from agriseg.datasets.tracing import Border, staircase, straighten, trace
from agriseg.messages import Float64Array
from agriseg.opencv import cv2

IntegerMap = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Region:
    """Connected ground: an outline, and the holes in it.

    Attributes
    ----------
    outer : (N, 2) float64
        Corners (u, v), clockwise on the screen where it comes from a mask; not closed: the last
        corner is joined to the first.
    holes : tuple of (M, 2) float64
    """

    outer: Float64Array
    holes: tuple[Float64Array, ...] = ()

    @property
    def rings(self) -> tuple[Float64Array, ...]:
        """The outline and the holes."""
        return (self.outer, *self.holes)

    def patch(self, width_px: int, height_px: int) -> Patch:
        """Return its pixels within a picture of this size: those whose centres it encloses."""
        return fill(self.rings, width_px, height_px)

    def reaches_beyond(self, width_px: int, height_px: int) -> bool:
        """Whether a corner lies outside a picture of this size."""
        far = np.array([width_px, height_px])
        return bool((self.outer < 0.0).any() or (self.outer > far).any())


def regions_of_mask(
    mask: BoolArray, offset_px: tuple[int, int] = (0, 0), *, is_straightened: bool = True
) -> list[Region]:
    """Return the connected parts of a mask, from the topmost down.

    Parameters
    ----------
    mask : (H, W) bool
        Pixels that share a side or a corner are one part.
    offset_px : (u, v)
        Where the mask's upper left pixel lies in the picture.
    is_straightened : bool
        Slanted lines instead of the stairs along the edges of pixels: a fraction of the corners,
        the same pixels.
    """
    mask = np.asarray(mask, bool)
    draw = straighten if is_straightened else staircase
    parts = np.asarray(cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[1], np.int32)
    outer: dict[int, Float64Array] = {}
    holes: dict[int, list[Float64Array]] = {}
    for border in trace(mask):
        part = _part(parts, border)
        ring = draw(border) + np.array(offset_px, np.float64)
        if border.is_hole:
            holes.setdefault(part, []).append(ring)
        else:
            outer[part] = ring
    return [Region(outer=outer[part], holes=tuple(holes.get(part, ()))) for part in sorted(outer)]


def regions_of_ids(ids: IntegerMap) -> dict[int, list[Region]]:
    """Return the parts of every number in a map, 0 left out, by number.

    Parameters
    ----------
    ids : (H, W) integers
        Plants, say, each of one or several parts.
    """
    return {number: regions_of_mask(m, at) for number, m, at in masks_of_ids(ids)}


def masks_of_ids(ids: IntegerMap) -> Iterator[tuple[int, BoolArray, tuple[int, int]]]:
    """Yield each number in a map but 0, its mask cut to its box, and the box's corner (u, v)."""
    v, u = np.nonzero(ids)
    if not v.size:
        return
    found = ids[v, u]
    order = np.argsort(found, kind="stable")
    numbers, starts = np.unique(found[order], return_index=True)
    v, u = v[order], u[order]
    top, bottom = (reach.reduceat(v, starts) for reach in (np.minimum, np.maximum))
    left, right = (reach.reduceat(u, starts) for reach in (np.minimum, np.maximum))
    boxes = np.column_stack([left, top, right + 1, bottom + 1])
    for number, (u0, v0, u1, v1) in zip(numbers.tolist(), boxes.tolist(), strict=True):
        yield number, ids[v0:v1, u0:u1] == number, (u0, v0)


def mask_of_regions(regions: Sequence[Region], width_px: int, height_px: int) -> BoolArray:
    """Return ``(H, W) bool``: the pixels whose centres lie in any of the regions.

    Parameters
    ----------
    regions : sequence of Region
        Corners outside the picture are allowed; what lies there is cut off.
    width_px, height_px : int
        Size of the picture.
    """
    mask = np.zeros((height_px, width_px), bool)
    for region in regions:
        patch = region.patch(width_px, height_px)
        h, w = patch.mask.shape
        mask[patch.top_px : patch.top_px + h, patch.left_px : patch.left_px + w] |= patch.mask
    return mask


def fill(rings: Sequence[Float64Array], width_px: int, height_px: int) -> Patch:
    """Return the pixels whose centres lie inside an odd number of outlines.

    A centre on an outline counts as inside where ground lies to its right, or below it.

    Parameters
    ----------
    rings : sequence of (N, 2) float64
        Outlines and holes, (u, v); each is closed from its last point to its first.
    width_px, height_px : int
        Size of the picture.
    """
    begin = np.concatenate(rings)
    end = np.concatenate([np.roll(ring, -1, axis=0) for ring in rings])
    size = np.array([width_px, height_px])
    low = np.clip(np.floor(begin.min(axis=0)), 0, size).astype(np.int64)
    high = np.clip(np.ceil(begin.max(axis=0)), low, size).astype(np.int64)
    width, height = (int(extent) for extent in high - low)
    rows, crossings = _crossings(begin - low, end - low, height)
    columns = np.clip(np.ceil(crossings - 0.5), 0, width).astype(np.int64)
    # Each crossing turns inside to outside for all pixels to its right.
    turns = np.bincount(rows * (width + 1) + columns, minlength=height * (width + 1))
    odd = (turns.reshape(height, width + 1) & 1).astype(bool)
    mask = np.logical_xor.accumulate(odd, axis=1)[:, :width]
    return Patch(left_px=int(low[0]), top_px=int(low[1]), mask=mask)


def one_ring(rings: Sequence[Float64Array]) -> Float64Array:
    """Join outlines and holes to one outline by ways of no width, ``(N, 2) float64``.

    For formats that know neither holes nor plants of several parts. Filled by the odd-even rule,
    as `fill` and pycocotools do, the pixels stay the same.
    """
    joined = rings[0]
    for ring in _by_distance(rings):
        here, there = _nearest(joined, ring)
        turned = np.roll(ring, -there, axis=0)
        joined = np.concatenate(
            [joined[: here + 1], turned, turned[:1], joined[here : here + 1], joined[here + 1 :]]
        )
    return joined


def _part(parts: IntegerMap, border: Border) -> int:
    u, v = border.inner_pixel
    return int(parts[v, u])


def _crossings(
    begin: Float64Array, end: Float64Array, height: int
) -> tuple[NDArray[np.int64], Float64Array]:
    """Return in which rows lines cross the height of the pixel centres, and at which u."""
    first = np.clip(np.ceil(np.minimum(begin[:, 1], end[:, 1]) - 0.5), 0, height).astype(np.int64)
    last = np.clip(np.ceil(np.maximum(begin[:, 1], end[:, 1]) - 0.5), 0, height).astype(np.int64)
    counts = last - first
    line = np.repeat(np.arange(len(begin)), counts)
    rows = np.arange(len(line)) - np.repeat(np.cumsum(counts) - counts, counts) + first[line]
    way = end[line] - begin[line]
    share = (rows + 0.5 - begin[line, 1]) / way[:, 1]
    return rows, begin[line, 0] + share * way[:, 0]


def _by_distance(rings: Sequence[Float64Array]) -> list[Float64Array]:
    middle = rings[0].mean(axis=0)
    return sorted(rings[1:], key=lambda ring: float(((ring - middle) ** 2).sum(axis=1).min()))


def _nearest(first: Float64Array, second: Float64Array) -> tuple[int, int]:
    """Return which points of two outlines lie nearest to each other."""
    best, found = np.inf, (0, 0)
    for place, point in enumerate(second):
        squares = ((first - point) ** 2).sum(axis=1)
        nearest = int(np.argmin(squares))
        if squares[nearest] < best:
            best, found = float(squares[nearest]), (nearest, place)
    return found
