"""What is marked on the picture: the plant picked, stems, the part that is looked at."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Rect
from ui.label.hands.base import ACCENT, EDGE, INK
from ui.label.viewport import Viewport

_FOUND = QColor("#ffb000")


class Marks:
    """Drawn over the labels, under the tool."""

    def __init__(self) -> None:
        self._document: LabelDocument | None = None
        self._box: Rect | None = None
        self._picked: Rect | None = None
        self._findings: list[Rect] = []
        self._finding = -1
        self.stems = True
        self.findings = True
        self.plant = 0

    def show_document(self, document: LabelDocument | None) -> None:
        """Take another picture."""
        self._document = document
        self._box = None
        self._findings, self._finding = [], -1
        self.pick(0)

    def show_box(self, box: Rect | None) -> None:
        """Frame the part that is looked at; None for none."""
        self._box = box

    def show_findings(self, places: list[Rect], at: int) -> None:
        """Mark what the checks found; ``at`` is the one that is looked at, -1 for none."""
        self._findings, self._finding = places, at

    def pick(self, plant: int) -> None:
        """Mark a plant; 0 for none."""
        self.plant = plant
        self._picked = None
        if plant and self._document is not None:
            self._picked = plant_box(self._document, plant)

    def paint(self, painter: QPainter, view: Viewport) -> None:
        """Draw them."""
        if self._document is None:
            return
        if self._box is not None:
            _frame(painter, view, self._box.grown(4), Qt.PenStyle.SolidLine, ACCENT)
        if self._picked is not None:
            _frame(painter, view, self._picked.grown(2), Qt.PenStyle.DashLine, INK)
        if self.findings:
            for place, rect in enumerate(self._findings):
                chosen = place == self._finding
                style = Qt.PenStyle.SolidLine if chosen else Qt.PenStyle.DotLine
                _frame(painter, view, rect.grown(3), style, ACCENT if chosen else _FOUND)
        if self.stems:
            for plant, (u, v) in self._document.stems.items():
                _cross(painter, view.to_screen(u, v), picked=plant == self.plant)


def plant_box(document: LabelDocument, plant: int) -> Rect | None:
    """Return the box around a plant's pixels; None where it has none."""
    rows = np.flatnonzero((document.instances == plant).any(axis=1))
    if not rows.size:
        return None
    v0, v1 = int(rows[0]), int(rows[-1]) + 1
    columns = np.flatnonzero((document.instances[v0:v1] == plant).any(axis=0))
    return Rect(int(columns[0]), v0, int(columns[-1]) + 1, v1)


def _frame(painter: QPainter, view: Viewport, box: Rect, style: Qt.PenStyle, ink: QColor) -> None:
    rect: QRectF = view.screen_rect(box.u0, box.v0, box.u1, box.v1)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(EDGE, 4.0))
    painter.drawRect(rect)
    painter.setPen(QPen(ink, 2.0, style))
    painter.drawRect(rect)


def _cross(painter: QPainter, at: QPointF, *, picked: bool) -> None:
    size = 9.0 if picked else 6.0
    for ink, width in ((EDGE, 4.0), (ACCENT if picked else INK, 2.0)):
        painter.setPen(QPen(ink, width))
        painter.drawLine(at - QPointF(size, 0.0), at + QPointF(size, 0.0))
        painter.drawLine(at - QPointF(0.0, size), at + QPointF(0.0, size))
