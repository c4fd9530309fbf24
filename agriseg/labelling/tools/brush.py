"""Brush and eraser: what a round tip covers on its way."""

from __future__ import annotations

import itertools

import numpy as np

from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Edit, Rect
from agriseg.labelling.tools.regions import ERASER, BoolArray, Paint, Region, paint
from agriseg.messages import Float64Array

_LEAST_RADIUS_PX = float(np.sqrt(0.5))
"""A smaller tip could stand between four pixels and cover none."""
_LONGEST_PIECE_PX = 64.0
"""Longer ways are cut: the work grows with the square of a slanting piece."""


def brush_region(points: Float64Array) -> Region:
    """Return the pixels whose centres a tip covers that moves straight from point to point.

    Parameters
    ----------
    points : (N, 3) float64
        u, v and radius, px; the radius changes evenly in between (pen pressure).

    Raises
    ------
    ValueError
        No points, or not three columns.
    """
    if points.ndim != 2 or points.shape[1] != 3 or len(points) == 0:
        raise ValueError(f"points is (N, 3): u, v, radius; got {points.shape}")
    way = _in_pieces(np.column_stack([points[:, :2], np.maximum(points[:, 2], _LEAST_RADIUS_PX)]))
    whole = _box(way)
    canvas = np.zeros((whole.height_px, whole.width_px), np.bool_)
    for first, second in itertools.pairwise(way):
        box = _box(np.stack([first, second]))
        inner = np.s_[box.v0 - whole.v0 : box.v1 - whole.v0, box.u0 - whole.u0 : box.u1 - whole.u0]
        canvas[inner] |= _covered(first, second, box)
    return Region.of(canvas, whole)


def brush(
    document: LabelDocument,
    points: Float64Array,
    what: Paint,
    *,
    within: BoolArray | None = None,
    name: str = "brush",
) -> Edit | None:
    """Paint along a way; give every new piece of a stroke with the end of the one before.

    Parameters
    ----------
    document : LabelDocument
    points : (N, 3) float64
        u, v and radius of the tip, px.
    what : Paint
    within : (H, W) bool, optional
        Only there, for example on vegetation.
    name : str
        Shown beside undo.
    """
    region = brush_region(points).clipped(document.width_px, document.height_px)
    if within is not None:
        region = region.within(within)
    return paint(document, region, what, name)


def erase(document: LabelDocument, points: Float64Array) -> Edit | None:
    """Make soil of what a tip covers, as `brush` does."""
    return brush(document, points, ERASER, name="erase")


def _in_pieces(points: Float64Array) -> Float64Array:
    """Return the way with more points, so that no piece is long; two points at least."""
    if len(points) == 1:
        return np.repeat(points, 2, axis=0)
    way = [points[:1]]
    for first, second in itertools.pairwise(points):
        count = max(1, int(np.ceil(np.hypot(*(second - first)[:2]) / _LONGEST_PIECE_PX)))
        shares = np.arange(1, count + 1)[:, None] / count
        way.append(first + shares * (second - first))
    return np.concatenate(way)


def _box(points: Float64Array) -> Rect:
    low = np.floor((points[:, :2] - points[:, 2:]).min(axis=0)).astype(int)
    high = np.ceil((points[:, :2] + points[:, 2:]).max(axis=0)).astype(int) + 1
    return Rect(int(low[0]), int(low[1]), int(high[0]), int(high[1]))


def _covered(first: Float64Array, second: Float64Array, box: Rect) -> BoolArray:
    """Return which pixels of ``box`` the tip covers at either end and in between."""
    u = np.arange(box.u0, box.u1, dtype=np.float64)[None, :] - first[0]
    v = np.arange(box.v0, box.v1, dtype=np.float64)[:, None] - first[1]
    along_u, along_v, grow = (second - first).tolist()
    covered: BoolArray = u * u + v * v <= first[2] ** 2
    covered |= (u - along_u) ** 2 + (v - along_v) ** 2 <= second[2] ** 2
    length2 = along_u * along_u + along_v * along_v
    if length2 > 0.0:
        share = np.clip((u * along_u + v * along_v) / length2, 0.0, 1.0)
        radius = first[2] + share * grow
        covered |= (u - share * along_u) ** 2 + (v - share * along_v) ** 2 <= radius * radius
    return covered
