"""Polygons: outlines with holes to pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agriseg.datasets.shapes import Outlines
from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Edit, Rect
from agriseg.labelling.tools.regions import EMPTY, Paint, Region, paint
from agriseg.messages import Float64Array

_CENTRE_PX = 0.5
"""Points here have pixel centres at .0, those of data sets at .5."""


def polygon_region(rings: Sequence[Float64Array], width_px: int, height_px: int) -> Region:
    """Return the pixels inside an odd number of rings: a ring within a ring is a hole.

    Parameters
    ----------
    rings : sequence of (N, 2) float64
        Closed outlines of (u, v) px, pixel centres at .0; may leave the picture.
    width_px, height_px : int
        Size of the picture.
    """
    usable = [ring + _CENTRE_PX for ring in rings if len(ring) >= 3]
    patches = [Outlines(rings=(ring,)).patch(width_px, height_px) for ring in usable]
    patches = [patch for patch in patches if patch.mask.size]
    if not patches:
        return EMPTY
    left, top = min(p.left_px for p in patches), min(p.top_px for p in patches)
    right = max(p.left_px + p.mask.shape[1] for p in patches)
    bottom = max(p.top_px + p.mask.shape[0] for p in patches)
    inside = np.zeros((bottom - top, right - left), np.bool_)
    for patch in patches:
        height, width = patch.mask.shape
        u, v = patch.left_px - left, patch.top_px - top
        inside[v : v + height, u : u + width] ^= patch.mask
    return Region.of(inside, Rect(left, top, right, bottom))


def polygon(
    document: LabelDocument, rings: Sequence[Float64Array], what: Paint, name: str = "polygon"
) -> Edit | None:
    """Paint the inside of a polygon; see `polygon_region`."""
    region = polygon_region(rings, document.width_px, document.height_px)
    return paint(document, region, what, name)
