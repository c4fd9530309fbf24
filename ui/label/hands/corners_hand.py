"""Takes hold of a plant's outline: corners moved, added, taken away."""

from __future__ import annotations

import numpy as np
from PySide6.QtGui import QPainter

from agriseg.datasets.polygons import regions_of_mask
from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Edit
from agriseg.labelling.tools.fill import patch_at
from agriseg.labelling.tools.plants import plant_region
from agriseg.labelling.tools.polygon import polygon_region
from agriseg.labelling.tools.regions import EMPTY, Region, decided
from agriseg.messages import ClassId, Float64Array
from agriseg.opencv import cv2
from ui.label.canvas import Pointer
from ui.label.hands.base import ACCENT, INK, BaseHand, Workplace, draw_knot, draw_line
from ui.label.viewport import Viewport

_CORNER_PX = 10.0
_SIDE_PX = 7.0
_TOLERANCE_PX = 0.5
"""An outline to be edited leaves out corners that move it by less than half a pixel."""
_CENTRE_PX = 0.5
"""Outlines of masks have pixel centres at .5, the picture here at .0."""

Corner = tuple[int, int]
"""Which ring, and which corner of it."""


class CornersHand(BaseHand):
    """Every change of the outline is one step: undo takes it back."""

    def __init__(self, place: Workplace) -> None:
        super().__init__(place)
        self._rings: list[Float64Array] = []
        self._region = EMPTY
        self._class = 0
        self._plant = 0
        self._revision = -1
        self._held: Corner | None = None
        self._chosen: Corner | None = None
        self._has_moved = False
        self._scale = 1.0

    @property
    def in_hand(self) -> bool:
        """Whether a corner is being moved."""
        return self._held is not None

    @property
    def rings(self) -> tuple[Float64Array, ...]:
        """Outline and holes of the plant taken hold of, (N, 2) each."""
        return tuple(self._rings)

    def press(self, pointer: Pointer) -> None:
        """Take hold of a corner, add one on a side, or take hold of another plant."""
        self._refresh()
        corner = self._corner_at(pointer)
        if corner is not None and pointer.is_eraser:
            self._delete(corner)
            return
        if corner is None:
            corner = self._added_at(pointer)
        self._held = self._chosen = corner
        if corner is None:
            self._take_hold(pointer)
        self._place.redraw()

    def drag(self, pointer: Pointer) -> None:
        """Move the corner."""
        self._hovered = pointer
        if self._held is None:
            return
        ring, corner = self._held
        self._rings[ring][corner] = (pointer.u, pointer.v)
        self._has_moved = True
        self._place.redraw()

    def release(self, pointer: Pointer) -> None:  # noqa: ARG002
        """Take the new outline into the labels."""
        if self._held is not None and self._has_moved:
            self._keep()
        self._held, self._has_moved = None, False

    def hover(self, pointer: Pointer | None) -> None:
        """Show which corner would be taken hold of."""
        self._hovered = pointer
        self._place.redraw()

    def remove(self) -> None:
        """Take the corner away that was touched last."""
        if self._chosen is not None:
            self._delete(self._chosen)

    def abandon(self) -> None:
        """Let go of the plant."""
        self._rings, self._region = [], EMPTY
        self._held = self._chosen = None
        self._place.redraw()

    def paint(self, painter: QPainter, view: Viewport) -> None:
        """Draw the outline and its corners."""
        self._scale = view.scale
        self._refresh()
        over = self._hovered
        near = self._corner_at(over) if over is not None and self._held is None else self._held
        for number, ring in enumerate(self._rings):
            points = [(float(u), float(v)) for u, v in ring]
            draw_line(painter, view, points, closed=True)
            self._paint_knots(painter, view, number, near)

    def _paint_knots(
        self, painter: QPainter, view: Viewport, number: int, near: Corner | None
    ) -> None:
        """Draw the corners of a ring; where they are too close to be touched apart, only some."""
        last = None
        for corner, (u, v) in enumerate(self._rings[number]):
            at = view.to_screen(float(u), float(v))
            marked = (number, corner) in (near, self._chosen)
            is_close = last is not None and (at - last).manhattanLength() < _CORNER_PX
            if marked or not is_close:
                radius = 6.0 if marked else 3.5
                draw_knot(painter, at, ink=ACCENT if marked else INK, radius=radius)
                last = at

    def _take_hold(self, pointer: Pointer) -> None:
        document = self._place.document
        if document is None:
            return
        self.abandon()
        patch = patch_at(document, (pointer.u, pointer.v))
        if patch.rect.is_empty:
            return
        u, v = round(pointer.u), round(pointer.v)
        self._class = int(document.classes[v, u])
        if self._class == ClassId.SOIL:
            self._place.say("Touch a plant to take hold of its outline.")
            return
        self._plant = int(document.instances[v, u])
        self._region = plant_region(document, self._plant) if self._plant else patch
        self._place.select(self._plant)
        self._draw_outline(document)

    def _draw_outline(self, document: LabelDocument) -> None:
        rect = self._region.rect
        found = regions_of_mask(self._region.mask, (rect.u0, rect.v0))
        self._rings = [_simple(ring - _CENTRE_PX) for region in found for ring in region.rings]
        self._revision = document.revision

    def _refresh(self) -> None:
        """Take the outline anew after the labels were changed otherwise, by undo for instance."""
        document = self._place.document
        if document is None or not self._rings or document.revision == self._revision:
            return
        if not self._plant:
            self.abandon()
            return
        self._region = plant_region(document, self._plant)
        self._chosen = self._held = None
        self._draw_outline(document)

    def _keep(self) -> None:
        rings, region = [ring.copy() for ring in self._rings], self._region

        def make(document: LabelDocument) -> Edit | None:
            return self._redrawn(document, region, rings)

        self._place.edit(make)
        document = self._place.document
        if document is not None:
            self._region = self._grown(document, rings)
            self._revision = document.revision
        self._place.redraw()

    def _grown(self, document: LabelDocument, rings: list[Float64Array]) -> Region:
        if self._plant:
            return plant_region(document, self._plant)
        return polygon_region(rings, document.width_px, document.height_px)

    def _redrawn(
        self, document: LabelDocument, before: Region, rings: list[Float64Array]
    ) -> Edit | None:
        """Return the edit that gives the plant the outline; other plants keep their ground."""
        after = polygon_region(rings, document.width_px, document.height_px)
        rect = before.rect.united(after.rect).clipped(document.width_px, document.height_px)
        old, new = before.over(rect), after.over(rect)
        classes = document.classes[rect.window].copy()
        instances = document.instances[rect.window].copy()
        new = new & (old | (classes == ClassId.SOIL))
        classes[old], instances[old] = int(ClassId.SOIL), 0
        classes[new], instances[new] = self._class, self._plant
        return document.edit(
            "outline",
            rect,
            classes=classes,
            instances=instances,
            confidence=decided(document, rect, old | new),
        )

    def _corner_at(self, pointer: Pointer) -> Corner | None:
        best, least = None, _CORNER_PX / self._scale
        for number, ring in enumerate(self._rings):
            away = np.hypot(ring[:, 0] - pointer.u, ring[:, 1] - pointer.v)
            corner = int(np.argmin(away))
            if away[corner] <= least:
                best, least = (number, corner), float(away[corner])
        return best

    def _added_at(self, pointer: Pointer) -> Corner | None:
        """Add a corner where a side is touched; return it."""
        at = np.array([pointer.u, pointer.v])
        for number, ring in enumerate(self._rings):
            side, away = _nearest_side(ring, at)
            if away <= _SIDE_PX / self._scale:
                self._rings[number] = np.insert(ring, side + 1, at, axis=0)
                return number, side + 1
        return None

    def _delete(self, corner: Corner) -> None:
        ring, place = corner
        self._chosen = self._held = None
        if ring >= len(self._rings) or place >= len(self._rings[ring]):
            return
        if len(self._rings[ring]) <= 3:
            self._place.say("Three corners are the least; the tool Pick erases a whole plant.")
            return
        self._rings[ring] = np.delete(self._rings[ring], place, axis=0)
        self._keep()


def _simple(ring: Float64Array) -> Float64Array:
    """Return an outline without corners that move it by less than half a pixel."""
    found = cv2.approxPolyDP(ring.astype(np.float32).reshape(-1, 1, 2), _TOLERANCE_PX, True)
    made = np.asarray(found, np.float64).reshape(-1, 2)
    return made if len(made) >= 3 else ring


def _nearest_side(ring: Float64Array, at: Float64Array) -> tuple[int, float]:
    """Return the side of a closed ring that is nearest to a point, and how far it is, px."""
    ends = np.roll(ring, -1, axis=0)
    along = ends - ring
    length = np.maximum((along**2).sum(axis=1), 1e-9)
    share = np.clip(((at - ring) * along).sum(axis=1) / length, 0.0, 1.0)
    away = np.hypot(*(ring + share[:, None] * along - at).T)
    side = int(np.argmin(away))
    return side, float(away[side])
