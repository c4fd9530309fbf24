"""GrabCut: a box around a plant, and strokes that say what belongs to it.

Rother, Kolmogorov and Blake, "GrabCut: interactive foreground extraction using iterated graph
cuts", SIGGRAPH 2004, as OpenCV has it.
"""

from __future__ import annotations

import numpy as np

from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Edit, Rect
from agriseg.labelling.tools.regions import EMPTY, BoolArray, Paint, Region, paint
from agriseg.messages import UInt8Array
from agriseg.opencv import cv2

_LARGEST_AREA_PX = 250 * 250
"""The time grows faster than the area: 0.3 s for this one. Larger boxes are cut at less detail."""
_ROUNDS = 3
_MARGIN_SHARE = 0.15
_LEAST_MARGIN_PX = 4
_LEAST_SIDE_PX = 3


def grabcut_region(
    image: UInt8Array, box: Rect, inside: Region = EMPTY, outside: Region = EMPTY
) -> Region:
    """Return what stands out from its surroundings in a box.

    Parameters
    ----------
    image : (H, W, 3) uint8
        BGR.
    box : Rect
        All of the plant lies in it; what lies around it is taken for ground.
    inside, outside : Region
        Strokes on what belongs to the plant, and on what does not.
    """
    height, width = image.shape[:2]
    box = box.clipped(width, height)
    if min(box.width_px, box.height_px) < _LEAST_SIDE_PX:
        return EMPTY
    margin = max(_LEAST_MARGIN_PX, round(_MARGIN_SHARE * max(box.width_px, box.height_px)))
    around = box.grown(margin).clipped(width, height)
    hints = np.full((around.height_px, around.width_px), cv2.GC_BGD, np.uint8)
    within = np.s_[box.v0 - around.v0 : box.v1 - around.v0, box.u0 - around.u0 : box.u1 - around.u0]
    hints[within] = cv2.GC_PR_FGD
    hints[inside.over(around)] = cv2.GC_FGD
    hints[outside.over(around)] = cv2.GC_BGD
    if around == box:
        # The box is the whole picture: only its rim can be ground.
        hints[[0, -1], :] = cv2.GC_BGD
        hints[:, [0, -1]] = cv2.GC_BGD
    found = _cut(np.ascontiguousarray(image[around.window]), hints)
    found[inside.over(around)] = True
    found[outside.over(around)] = False
    return Region.of(found, around)


def grabcut(
    document: LabelDocument,
    box: Rect,
    what: Paint,
    *,
    inside: Region = EMPTY,
    outside: Region = EMPTY,
) -> Edit | None:
    """Paint what stands out in a box; see `grabcut_region`."""
    return paint(document, grabcut_region(document.image, box, inside, outside), what, "cut out")


def _cut(image: UInt8Array, hints: UInt8Array) -> BoolArray:
    height, width = hints.shape
    scale = min(1.0, float(np.sqrt(_LARGEST_AREA_PX / (height * width))))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    labels = np.ascontiguousarray(cv2.resize(hints, size, interpolation=cv2.INTER_NEAREST))
    if not np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).any():
        return np.zeros(hints.shape, np.bool_)
    cv2.setRNGSeed(0)
    back, fore = np.zeros((1, 65)), np.zeros((1, 65))
    unused = (0, 0, 1, 1)
    cv2.grabCut(small, labels, unused, back, fore, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    front = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
    full = np.asarray(cv2.resize(front, (width, height), interpolation=cv2.INTER_LINEAR))
    cut: BoolArray = full > 0.5
    return cut
