"""A line that follows the edge of a leaf from press to press."""

from __future__ import annotations

import numpy as np
from PySide6.QtGui import QPainter

from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Edit
from agriseg.labelling.tools.polygon import polygon
from agriseg.labelling.tools.regions import ERASER
from agriseg.labelling.tools.scissors import LiveWire
from agriseg.messages import Float64Array
from ui.label.canvas import Pointer
from ui.label.hands.base import ACCENT, INK, BaseHand, Workplace, distance_px, draw_knot, draw_line
from ui.label.viewport import Viewport

_CLOSES_WITHIN_PX = 10.0


class ScissorsHand(BaseHand):
    """Presses set points; the way between two of them keeps to edges."""

    def __init__(self, place: Workplace) -> None:
        super().__init__(place)
        self._wire: LiveWire | None = None
        self._knots: list[tuple[float, float]] = []
        self._ways: list[Float64Array] = []
        self._live: Float64Array | None = None
        self._erases = False
        self._same_plant = False
        self._scale = 1.0

    @property
    def in_hand(self) -> bool:
        """Whether a line is begun."""
        return bool(self._knots)

    def press(self, pointer: Pointer) -> None:
        """Set a point, or close the line on its first one."""
        document = self._place.document
        if document is None:
            return
        if not self._knots:
            self._wire = LiveWire(document.image)
            self._erases = pointer.is_eraser
        self._same_plant = pointer.shift
        if len(self._knots) >= 2 and self._closes(pointer):
            self.finish()
            return
        self._add((pointer.u, pointer.v))

    def hover(self, pointer: Pointer | None) -> None:
        """Show the way from the last point to here."""
        self._hovered = pointer
        if self._wire is not None and self._knots and pointer is not None:
            self._live = self._wire.path_to((pointer.u, pointer.v))
            self._place.redraw()

    def drag(self, pointer: Pointer) -> None:
        """As moving without pressing."""
        self.hover(pointer)

    def double(self, pointer: Pointer) -> None:  # noqa: ARG002
        """Close the line."""
        self.finish()

    def finish(self) -> None:
        """Close the line along edges, and fill what it surrounds."""
        if self._wire is None or len(self._knots) < 2:
            self.abandon()
            return
        ring = np.concatenate([*self._ways, self._wire.path_to(self._knots[0])])
        what = ERASER if self._erases else self._place.paint(same_plant=self._same_plant)
        self.abandon()

        def make(document: LabelDocument) -> Edit | None:
            return polygon(document, [ring], what, "scissors")

        self._place.edit(make)

    def step_back(self) -> None:
        """Take the newest point back."""
        if not self._knots:
            return
        self._knots.pop()
        if self._ways:
            self._ways.pop()
        self._live = None
        if self._knots and self._wire is not None:
            self._wire.anchor(self._knots[-1])
        self._place.redraw()

    def abandon(self) -> None:
        """Forget the line."""
        self._knots, self._ways = [], []
        self._wire = self._live = None
        self._place.redraw()

    def paint(self, painter: QPainter, view: Viewport) -> None:
        """Draw the line so far, and the way to the pointer."""
        self._scale = view.scale
        for way in self._ways:
            draw_line(painter, view, _pairs(way))
        if self._live is not None and self._knots:
            draw_line(painter, view, _pairs(self._live), ink=ACCENT)
        over = self._hovered
        closes = over is not None and len(self._knots) >= 2 and self._closes(over)
        for number, (u, v) in enumerate(self._knots):
            first = number == 0
            draw_knot(
                painter,
                view.to_screen(u, v),
                ink=ACCENT if first and closes else INK,
                radius=7.0 if first else 4.0,
            )

    def _add(self, point: tuple[float, float]) -> None:
        if self._wire is None:
            return
        if self._knots:
            self._ways.append(self._wire.path_to(point))
        self._knots.append(self._wire.anchor(point))
        self._live = None
        self._place.redraw()

    def _closes(self, pointer: Pointer) -> bool:
        return distance_px(self._scale, pointer, *self._knots[0]) <= _CLOSES_WITHIN_PX


def _pairs(way: Float64Array) -> list[tuple[float, float]]:
    return [(float(u), float(v)) for u, v in way]
