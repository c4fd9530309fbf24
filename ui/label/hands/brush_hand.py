"""Brush, eraser and the brush that makes ground count for nothing."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPen

from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Edit
from agriseg.labelling.tools.brush import brush
from agriseg.labelling.tools.regions import ERASER, IGNORE, Paint
from ui.label.canvas import Pointer
from ui.label.hands.base import EDGE, INK, BaseHand, Workplace
from ui.label.viewport import Viewport

Tip = tuple[float, float, float]


class BrushHand(BaseHand):
    """Paints along the pointer's way; a stroke is one step of the history.

    Parameters
    ----------
    place : Workplace
    name : str
        ``brush``, ``erase`` or ``ignore``.
    """

    def __init__(self, place: Workplace, name: str) -> None:
        super().__init__(place)
        self._name = name
        self._last: Tip | None = None
        self._what = ERASER

    @property
    def in_hand(self) -> bool:
        """Whether a stroke is being drawn."""
        return self._last is not None

    def press(self, pointer: Pointer) -> None:
        """Begin a stroke."""
        document = self._place.document
        if document is None or self._place.is_busy:
            return
        self._what = self._choose(pointer)
        document.begin(self._name)
        tip = self._tip_of(pointer)
        self._stroke([tip])
        self._last = tip

    def drag(self, pointer: Pointer) -> None:
        """Paint from the last place to here."""
        self._hovered = pointer
        if self._last is None:
            return
        tip = self._tip_of(pointer)
        self._stroke([self._last, tip])
        self._last = tip
        self._place.redraw()

    def release(self, pointer: Pointer) -> None:  # noqa: ARG002
        """End the stroke."""
        if self._last is None:
            return
        self._last = None
        if self._place.document is not None:
            self._place.document.end()

    def abandon(self) -> None:
        """End the stroke where it is."""
        if self._hovered is not None:
            self.release(self._hovered)

    def hover(self, pointer: Pointer | None) -> None:
        """Show the tip."""
        self._hovered = pointer
        self._place.redraw()

    def paint(self, painter: QPainter, view: Viewport) -> None:
        """Draw the tip's ring."""
        if self._hovered is None:
            return
        at = view.to_screen(self._hovered.u, self._hovered.v)
        radius = max(2.0, self._tip_of(self._hovered)[2] * view.scale)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for colour, width in ((EDGE, 3.0), (INK, 1.5)):
            painter.setPen(QPen(colour, width))
            painter.drawEllipse(at, radius, radius)

    def _choose(self, pointer: Pointer) -> Paint:
        if self._name == "erase" or pointer.is_eraser:
            return ERASER
        if self._name == "ignore":
            return IGNORE
        return self._place.paint_at(pointer.u, pointer.v)

    def _tip_of(self, pointer: Pointer) -> Tip:
        return pointer.u, pointer.v, self._place.settings.radius_under(pointer.pressure)

    def _stroke(self, tips: list[Tip]) -> None:
        what = self._what
        held = what not in (ERASER, IGNORE) and self._place.settings.only_vegetation
        within = self._place.vegetation() if held else None

        def make(document: LabelDocument) -> Edit | None:
            return brush(document, np.array(tips), what, within=within, name=self._name)

        self._place.edit(make)
