"""Draws polygons, corner by corner."""

from __future__ import annotations

import numpy as np
from PySide6.QtGui import QPainter

from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Edit
from agriseg.labelling.tools.polygon import polygon
from agriseg.labelling.tools.regions import ERASER
from ui.label.canvas import Pointer
from ui.label.hands.base import ACCENT, INK, BaseHand, Workplace, distance_px, draw_knot, draw_line
from ui.label.viewport import Viewport

_CLOSES_WITHIN_PX = 10.0
_DRAG_STEP_PX = 6.0


class PolygonHand(BaseHand):
    """Corners by presses or freehand by dragging; closed on its first corner, or with Enter."""

    def __init__(self, place: Workplace) -> None:
        super().__init__(place)
        self._points: list[tuple[float, float]] = []
        self._scale = 1.0
        self._erases = False
        self._same_plant = False

    @property
    def in_hand(self) -> bool:
        """Whether a polygon is begun."""
        return bool(self._points)

    @property
    def points(self) -> tuple[tuple[float, float], ...]:
        """The corners so far, (u, v)."""
        return tuple(self._points)

    def press(self, pointer: Pointer) -> None:
        """Set a corner, or close the polygon on its first one."""
        if self._place.document is None:
            return
        if not self._points:
            self._erases = pointer.is_eraser
        self._same_plant = pointer.shift
        if len(self._points) >= 3 and self._closes(pointer):
            self.finish()
            return
        self._points.append((pointer.u, pointer.v))
        self._place.redraw()

    def drag(self, pointer: Pointer) -> None:
        """Draw freehand."""
        self._hovered = pointer
        if self._points:
            u, v = self._points[-1]
            if distance_px(self._scale, pointer, u, v) >= _DRAG_STEP_PX:
                self._points.append((pointer.u, pointer.v))
        self._place.redraw()

    def release(self, pointer: Pointer) -> None:
        """Close a freehand shape that ends where it began."""
        drawn = len(self._points) > 8
        if drawn and self._closes(pointer) and self._points[-1] != self._points[0]:
            self.finish()

    def hover(self, pointer: Pointer | None) -> None:
        """Show where the next side would be."""
        self._hovered = pointer
        if self._points:
            self._place.redraw()

    def double(self, pointer: Pointer) -> None:  # noqa: ARG002
        """Close the polygon here."""
        self.finish()

    def finish(self) -> None:
        """Fill the polygon."""
        points, self._points = self._points, []
        self._place.redraw()
        if len(points) < 3:
            return
        what = ERASER if self._erases else self._place.paint(same_plant=self._same_plant)
        ring = np.array(points)

        def make(document: LabelDocument) -> Edit | None:
            return polygon(document, [ring], what)

        self._place.edit(make)

    def step_back(self) -> None:
        """Take the newest corner away."""
        if self._points:
            self._points.pop()
            self._place.redraw()

    def abandon(self) -> None:
        """Forget the polygon."""
        self._points.clear()
        self._place.redraw()

    def paint(self, painter: QPainter, view: Viewport) -> None:
        """Draw sides and corners."""
        self._scale = view.scale
        if not self._points:
            return
        line = list(self._points)
        if self._hovered is not None:
            line.append((self._hovered.u, self._hovered.v))
        draw_line(painter, view, line)
        if len(line) > 2:
            draw_line(painter, view, [line[-1], line[0]], dashed=True)
        over = self._hovered
        closes = over is not None and len(self._points) >= 3 and self._closes(over)
        for number, (u, v) in enumerate(self._points):
            first = number == 0
            draw_knot(
                painter,
                view.to_screen(u, v),
                ink=ACCENT if first and closes else INK,
                radius=7.0 if first else 4.0,
            )

    def _closes(self, pointer: Pointer) -> bool:
        return distance_px(self._scale, pointer, *self._points[0]) <= _CLOSES_WITHIN_PX
