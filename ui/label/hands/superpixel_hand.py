"""Paints patches of like colour."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject
from PySide6.QtGui import QImage, QPainter

from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Edit
from agriseg.labelling.tools.brush import brush_region
from agriseg.labelling.tools.regions import ERASER, Paint, Region
from agriseg.labelling.tools.superpixels import Superpixels, superpixels
from ui.label.canvas import Pointer
from ui.label.hands.base import BaseHand, Workplace, glowing
from ui.label.viewport import Viewport
from ui.review.thread import ReviewThread

_TOUCH_RADIUS_PX = 0.6


class SuperpixelHand(BaseHand):
    """Shows the patch below the pointer, and paints those that it touches.

    The picture is divided square by square, for what the pointer hovers over, in a thread.
    """

    def __init__(self, place: Workplace, parent: QObject) -> None:
        super().__init__(place)
        self._parts: Superpixels | None = None
        self._made_for: tuple[int, int] = (0, 0)
        self._what: Paint | None = None
        self._last: Pointer | None = None
        self._glow: tuple[Region, QImage] | None = None
        self._thread = ReviewThread("label-patches", parent)

    @property
    def in_hand(self) -> bool:
        """Whether patches are being painted."""
        return self._what is not None

    def press(self, pointer: Pointer) -> None:
        """Begin with the patch below."""
        document = self._place.document
        if document is None or self._place.is_busy:
            return
        erases = pointer.is_eraser
        self._what = ERASER if erases else self._place.paint_at(pointer.u, pointer.v)
        document.begin("patches")
        self._last = pointer
        self._touch(pointer)

    def drag(self, pointer: Pointer) -> None:
        """Go on with the patches on the way."""
        if self._what is not None:
            self._touch(pointer)
            self._last = pointer

    def release(self, pointer: Pointer) -> None:  # noqa: ARG002
        """End; all of it is one step."""
        if self._what is None:
            return
        self._what = self._last = None
        if self._place.document is not None:
            self._place.document.end()

    def abandon(self) -> None:
        """End where it is."""
        if self._last is not None:
            self.release(self._last)
        self._glow = None
        self._place.redraw()

    def hover(self, pointer: Pointer | None) -> None:
        """Show the patch below the pointer."""
        parts = self._parts_now()
        if pointer is None or parts is None:
            self._glow = None
            self._place.redraw()
            return
        at = (pointer.u, pointer.v)
        self._thread.ask(lambda: parts.at(at), self._take, newest_of="hover")

    def paint(self, painter: QPainter, view: Viewport) -> None:
        """Draw the patch below the pointer."""
        if self._glow is None:
            return
        region, image = self._glow
        rect = region.rect
        painter.drawImage(view.screen_rect(rect.u0, rect.v0, rect.u1, rect.v1), image)

    def _touch(self, pointer: Pointer) -> None:
        parts, what, last = self._parts_now(), self._what, self._last
        if parts is None or what is None or last is None:
            return
        way = np.array([[p.u, p.v, _TOUCH_RADIUS_PX] for p in (last, pointer)])

        def make(document: LabelDocument) -> Edit | None:
            return superpixels(document, parts, brush_region(way), what)

        self._place.edit(make)

    def _parts_now(self) -> Superpixels | None:
        """Return the patches of the picture at the present size."""
        document = self._place.document
        if document is None:
            self._parts = None
            return None
        wanted = (id(document.image), round(self._place.settings.grain_px))
        if self._parts is None or wanted != self._made_for:
            self._parts, self._made_for = Superpixels(document.image, wanted[1]), wanted
        return self._parts

    def _take(self, region: Region) -> None:
        self._glow = (region, glowing(region)) if not region.rect.is_empty else None
        self._place.redraw()

    def stop(self) -> None:
        """End the thread."""
        self._thread.stop()
