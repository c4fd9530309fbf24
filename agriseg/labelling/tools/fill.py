"""Fill what hangs together, and the holes in it."""

from __future__ import annotations

import numpy as np

from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Edit, Point
from agriseg.labelling.tools.regions import EMPTY, BoolArray, Paint, Region, paint
from agriseg.opencv import cv2


def connected_region(mask: BoolArray, point: Point) -> Region:
    """Return the pixels of ``mask`` (H, W) that hang together with ``point`` by their sides."""
    u, v = round(point[0]), round(point[1])
    height, width = mask.shape
    if not (0 <= u < width and 0 <= v < height) or not mask[v, u]:
        return EMPTY
    canvas = mask.astype(np.uint8)
    _, _, _, (left, top, box_width, box_height) = cv2.floodFill(
        canvas, None, (u, v), 2, flags=4 | cv2.FLOODFILL_FIXED_RANGE
    )
    box = canvas[top : top + box_height, left : left + box_width]
    return Region.of(np.pad(box == 2, ((top, 0), (left, 0))))


def fill(document: LabelDocument, point: Point, what: Paint) -> Edit | None:
    """Paint the patch of one class and one plant that lies under ``point``, (u, v) px."""
    return paint(document, patch_at(document, point), what, "fill")


def patch_at(document: LabelDocument, point: Point) -> Region:
    """Return the connected pixels of the class and plant under ``point``; empty outside."""
    u, v = round(point[0]), round(point[1])
    if not (0 <= u < document.width_px and 0 <= v < document.height_px):
        return EMPTY
    same = (document.classes == document.classes[v, u]) & (
        document.instances == document.instances[v, u]
    )
    return connected_region(same, point)


def fill_hole(document: LabelDocument, point: Point) -> Edit | None:
    """Give the patch under ``point`` the class and plant of what surrounds it.

    None where the patch reaches the picture's edge, or several neighbours surround it.
    """
    patch = patch_at(document, point)
    around = patch.rect.grown(1)
    if patch.rect.is_empty or around != around.clipped(document.width_px, document.height_px):
        return None
    inner = np.pad(patch.mask, 1)
    ring = (
        np.asarray(cv2.dilate(inner.view(np.uint8), np.ones((3, 3), np.uint8)), np.bool_) & ~inner
    )
    classes = np.unique(document.classes[around.window][ring])
    plants = np.unique(document.instances[around.window][ring])
    if len(classes) != 1 or len(plants) != 1:
        return None
    what = Paint(class_id=int(classes[0]), plant=int(plants[0]))
    return paint(document, patch, what, "fill hole")
