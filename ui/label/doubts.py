"""Where the model was unsure: parts of a picture worth a look, the largest doubt first."""

from __future__ import annotations

import numpy as np

from agriseg.labelling.document import SURE, LabelDocument
from agriseg.labelling.edits import Rect
from agriseg.labelling.tools.regions import Region
from agriseg.opencv import cv2

_LEAST_AREA_PX = 30
_THIN = np.ones((3, 3), np.uint8)
_JOINS_WITHIN_PX = 5
_MOST = 400


def doubtful_parts(document: LabelDocument, below: float) -> list[Region]:
    """Return the doubtful parts of a picture, those with the largest doubt first.

    The lines of doubt that every edge of a leaf has, one or two pixels wide, are left out; parts
    a few pixels from each other count as one.

    Parameters
    ----------
    document : LabelDocument
    below : float
        Confidence under which a pixel is doubtful, 0 to 1.
    """
    sure = document.confidence
    if sure is None:
        return []
    doubtful = (sure < below * SURE).astype(np.uint8)
    core = cv2.morphologyEx(doubtful, cv2.MORPH_OPEN, _THIN)
    joined = cv2.dilate(core, np.ones((_JOINS_WITHIN_PX, _JOINS_WITHIN_PX), np.uint8))
    count, parts, boxes, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    found: list[tuple[float, Region]] = []
    for part in range(1, count):
        u, v, width, height, _ = (int(value) for value in boxes[part])
        rect = Rect(u, v, u + width, v + height)
        mask = (parts[rect.window] == part) & (doubtful[rect.window] > 0)
        if np.count_nonzero(mask) < _LEAST_AREA_PX:
            continue
        doubt = float((below * SURE - sure[rect.window][mask]).sum())
        found.append((doubt, Region(rect, mask)))
    found.sort(key=lambda one: -one[0])
    return [region for _, region in found[:_MOST]]


def is_settled(document: LabelDocument, part: Region, below: float) -> bool:
    """Return whether a person has decided on most of a doubtful part since."""
    if document.confidence is None:
        return True
    doubtful = document.confidence[part.rect.window][part.mask] < below * SURE
    return bool(doubtful.mean() < 0.5) if doubtful.size else True
