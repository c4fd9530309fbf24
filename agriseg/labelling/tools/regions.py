"""Pixels that a tool picks, and what is painted on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agriseg.labelling.document import SURE, LabelDocument
from agriseg.labelling.edits import NOWHERE, Edit, Rect
from agriseg.messages import ClassId
from agriseg.opencv import cv2

BoolArray = NDArray[np.bool_]

WITHOUT_PLANT = frozenset({int(ClassId.SOIL), int(ClassId.IGNORE)})
"""Classes whose pixels belong to no plant; of user classes, the project says which."""


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """Pixels of a picture: ``mask`` (h, w) bool inside ``rect``."""

    rect: Rect
    mask: BoolArray

    @classmethod
    def of(cls, mask: BoolArray, at: Rect | None = None) -> Region:
        """Return the smallest region around a mask, which lies at ``at`` (else at the corner)."""
        u, v, width, height = cv2.boundingRect(np.ascontiguousarray(mask).view(np.uint8))
        if width == 0:
            return EMPTY
        u0, v0 = (at.u0, at.v0) if at is not None else (0, 0)
        return cls(
            Rect(u0 + u, v0 + v, u0 + u + width, v0 + v + height),
            mask[v : v + height, u : u + width],
        )

    @property
    def area_px(self) -> int:
        """Number of pixels."""
        return int(np.count_nonzero(self.mask))

    def clipped(self, width_px: int, height_px: int) -> Region:
        """Return what of it lies in a picture of this size."""
        rect = self.rect.clipped(width_px, height_px)
        if rect == self.rect:
            return self
        u, v = rect.u0 - self.rect.u0, rect.v0 - self.rect.v0
        return Region(rect, self.mask[v : v + rect.height_px, u : u + rect.width_px])

    def over(self, rect: Rect) -> BoolArray:
        """Return it as a mask of another rectangle, ``(h, w) bool``."""
        mask = np.zeros((rect.height_px, rect.width_px), np.bool_)
        inner = self.clipped_to(rect)
        v, u = inner.rect.v0 - rect.v0, inner.rect.u0 - rect.u0
        mask[v : v + inner.rect.height_px, u : u + inner.rect.width_px] = inner.mask
        return mask

    def clipped_to(self, rect: Rect) -> Region:
        """Return what of it lies in a rectangle."""
        u0, v0 = max(self.rect.u0, rect.u0), max(self.rect.v0, rect.v0)
        u1, v1 = max(u0, min(self.rect.u1, rect.u1)), max(v0, min(self.rect.v1, rect.v1))
        if u0 >= u1 or v0 >= v1:
            return Region(Rect(rect.u0, rect.v0, rect.u0, rect.v0), EMPTY.mask)
        u, v = u0 - self.rect.u0, v0 - self.rect.v0
        return Region(Rect(u0, v0, u1, v1), self.mask[v : v + v1 - v0, u : u + u1 - u0])

    def united(self, other: Region) -> Region:
        """Return the pixels of either."""
        rect = self.rect.united(other.rect)
        return self if other.rect.is_empty else Region(rect, self.over(rect) | other.over(rect))

    def within(self, picture_mask: BoolArray) -> Region:
        """Return what of it lies on a mask of the whole picture, ``(H, W) bool``."""
        return Region(self.rect, self.mask & picture_mask[self.rect.window])


EMPTY = Region(NOWHERE, np.zeros((0, 0), np.bool_))


@dataclass(frozen=True, slots=True, kw_only=True)
class Paint:
    """What becomes of the pixels of a region.

    Attributes
    ----------
    class_id : int
        Their class.
    plant : int
        Their plant; 0 where plants are not told apart.
    over : frozenset of int, optional
        Only pixels of these classes are changed; None for all.
    has_plants : bool, optional
        Whether pixels of the class belong to plants; None: all but soil and ignored ground.
    """

    class_id: int
    plant: int = 0
    over: frozenset[int] | None = None
    has_plants: bool | None = None

    @property
    def counts_plants(self) -> bool:
        """Whether pixels of the class belong to plants."""
        return self.class_id not in WITHOUT_PLANT if self.has_plants is None else self.has_plants

    @property
    def painted_plant(self) -> int:
        """Plant number that pixels get: 0 for classes without plants."""
        return self.plant if self.counts_plants else 0


ERASER = Paint(class_id=int(ClassId.SOIL))
IGNORE = Paint(class_id=int(ClassId.IGNORE))


def paint(document: LabelDocument, region: Region, what: Paint, name: str) -> Edit | None:
    """Return the edit that paints a region; None where it changes nothing.

    Parameters
    ----------
    document : LabelDocument
    region : Region
        May reach beyond the picture.
    what : Paint
    name : str
        Shown beside undo.
    """
    region = region.clipped(document.width_px, document.height_px)
    if region.rect.is_empty:
        return None
    window, mask = region.rect.window, region.mask
    if what.over is not None:
        mask = mask & np.isin(document.classes[window], list(what.over))
    classes = document.classes[window].copy()
    classes[mask] = what.class_id
    instances = document.instances[window].copy()
    instances[mask] = what.painted_plant
    return document.edit(
        name,
        region.rect,
        classes=classes,
        instances=instances,
        confidence=decided(document, region.rect, mask),
    )


def decided(document: LabelDocument, rect: Rect, mask: BoolArray) -> NDArray[np.uint8] | None:
    """Return the confidence inside ``rect`` once a person has decided on ``mask``."""
    if document.confidence is None:
        return None
    confidence = document.confidence[rect.window].copy()
    confidence[mask] = SURE
    return confidence


def confirm(document: LabelDocument, region: Region) -> Edit | None:
    """Return the edit by which a person takes the labels of a region as they are."""
    region = region.clipped(document.width_px, document.height_px)
    if region.rect.is_empty or document.confidence is None:
        return None
    return document.edit(
        "confirm", region.rect, confidence=decided(document, region.rect, region.mask)
    )
