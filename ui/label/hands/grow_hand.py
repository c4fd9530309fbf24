"""Press on a mistake, drag until it is covered."""

from __future__ import annotations

from PySide6.QtGui import QImage, QPainter

from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Edit
from agriseg.labelling.tools.grow import Growth, area_of_drag, grow
from agriseg.labelling.tools.regions import ERASER, Paint, Region
from ui.label.canvas import Pointer
from ui.label.hands.base import BaseHand, Workplace, glowing
from ui.label.viewport import Viewport

_LEAST_DRAG_PX = 4.0
"""A press without a drag takes a disc of this radius, px of the picture."""


class GrowHand(BaseHand):
    """The region grows with the drag, along what a model doubts and what looks alike."""

    def __init__(self, place: Workplace) -> None:
        super().__init__(place)
        self._from: Pointer | None = None
        self._to: Pointer | None = None
        self._what: Paint = ERASER
        self._growth: Growth | None = None
        self._is_over = False
        self._glow: tuple[Region, QImage] | None = None

    @property
    def in_hand(self) -> bool:
        """Whether a region is growing."""
        return self._from is not None

    def press(self, pointer: Pointer) -> None:
        """Find out, in a thread, what belongs to the ground below."""
        place, document = self._place, self._place.document
        if document is None or place.is_busy:
            return
        if not (0 <= round(pointer.u) < document.width_px):
            return
        if not (0 <= round(pointer.v) < document.height_px):
            return
        self._from = self._to = pointer
        self._is_over = False
        self._what = ERASER if pointer.is_eraser else place.paint(same_plant=pointer.shift)
        at = (pointer.u, pointer.v)
        place.look_up("The ground is being looked at", lambda: Growth(document, at), self._take)

    def drag(self, pointer: Pointer) -> None:
        """Let it grow."""
        if self._from is not None:
            self._to = pointer
            self._show()

    def release(self, pointer: Pointer) -> None:
        """Paint what has grown."""
        if self._from is None:
            return
        self._to, self._is_over = pointer, True
        if self._growth is not None:
            self._paint_grown()

    def abandon(self) -> None:
        """Forget what has grown."""
        self._from = self._to = None
        self._growth = self._glow = None
        self._place.redraw()

    def paint(self, painter: QPainter, view: Viewport) -> None:
        """Draw what has grown."""
        if self._glow is not None:
            region, image = self._glow
            rect = region.rect
            painter.drawImage(view.screen_rect(rect.u0, rect.v0, rect.u1, rect.v1), image)

    def _area_px(self) -> int:
        if self._from is None or self._to is None:
            return 0
        du, dv = self._to.u - self._from.u, self._to.v - self._from.v
        return area_of_drag(max(_LEAST_DRAG_PX, (du * du + dv * dv) ** 0.5))

    def _take(self, found: object) -> None:
        if self._from is None or not isinstance(found, Growth):
            return
        self._growth = found
        if self._is_over:
            self._paint_grown()
        else:
            self._show()

    def _show(self) -> None:
        if self._growth is not None:
            region = self._growth.region(self._area_px())
            self._glow = (region, glowing(region)) if not region.rect.is_empty else None
            self._place.redraw()

    def _paint_grown(self) -> None:
        growth, area_px, what = self._growth, self._area_px(), self._what
        self.abandon()
        if growth is None:
            return

        def make(document: LabelDocument) -> Edit | None:
            return grow(document, growth, area_px, what)

        if not self._place.edit(make):
            self._place.say("This ground has the chosen class already.")
