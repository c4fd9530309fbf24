"""Polygons: outlines with holes to pixels, and patches to outlines that can be moved."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agriseg.datasets.polygons import fill, regions_of_mask
from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Edit, Point, Rect
from agriseg.labelling.tools.fill import patch_at
from agriseg.labelling.tools.regions import EMPTY, Paint, Region, decided, paint
from agriseg.messages import ClassId, Float64Array

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
    usable = [np.asarray(ring, np.float64) + _CENTRE_PX for ring in rings if len(ring) >= 3]
    if not usable:
        return EMPTY
    patch = fill(usable, width_px, height_px)
    height, width = patch.mask.shape
    if not patch.mask.size:
        return EMPTY
    left, top = patch.left_px, patch.top_px
    return Region.of(patch.mask, Rect(left, top, left + width, top + height))


def polygon(
    document: LabelDocument, rings: Sequence[Float64Array], what: Paint, name: str = "polygon"
) -> Edit | None:
    """Paint the inside of a polygon; see `polygon_region`."""
    region = polygon_region(rings, document.width_px, document.height_px)
    return paint(document, region, what, name)


def outline_at(document: LabelDocument, point: Point) -> tuple[Float64Array, ...]:
    """Return the outline of the patch under ``point`` and of its holes, none on soil.

    Filled again by `polygon_region`, they give the same pixels.

    Returns
    -------
    tuple of (N, 2) float64
        Corners (u, v) px, pixel centres at .0; the outermost first.
    """
    patch = patch_at(document, point)
    if patch.rect.is_empty or document.classes[round(point[1]), round(point[0])] == ClassId.SOIL:
        return ()
    parts = regions_of_mask(patch.mask, (patch.rect.u0, patch.rect.v0))
    return tuple(ring - _CENTRE_PX for part in parts for ring in part.rings)


def reshape(
    document: LabelDocument,
    before: Sequence[Float64Array],
    after: Sequence[Float64Array],
    what: Paint,
) -> Edit | None:
    """Replace a polygon by a changed one: what only the old one covered becomes soil.

    Parameters
    ----------
    document : LabelDocument
    before, after : sequence of (N, 2) float64
        Rings as `outline_at` returns them, and as they were moved.
    what : Paint
        Class and plant of the polygon.
    """
    size = document.width_px, document.height_px
    old, new = polygon_region(before, *size), polygon_region(after, *size)
    rect = old.rect.united(new.rect)
    if rect.is_empty:
        return None
    was, becomes = old.over(rect), new.over(rect)
    classes = document.classes[rect.window].copy()
    instances = document.instances[rect.window].copy()
    own = (classes == what.class_id) & (instances == what.painted_plant)
    left = was & ~becomes & own
    classes[left], instances[left] = int(ClassId.SOIL), 0
    if what.over is not None:
        becomes &= np.isin(classes, list(what.over)) | own
    classes[becomes], instances[becomes] = what.class_id, what.painted_plant
    confidence = decided(document, rect, left | becomes)
    return document.edit(
        "move corners", rect, classes=classes, instances=instances, confidence=confidence
    )
