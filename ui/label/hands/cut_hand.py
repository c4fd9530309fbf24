"""Cuts a plant out of a box."""

from __future__ import annotations

from PySide6.QtGui import QPainter

from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Edit, Rect
from agriseg.labelling.tools.grabcut import grabcut
from agriseg.labelling.tools.regions import ERASER
from ui.label.canvas import Pointer
from ui.label.hands.base import ACCENT, BaseHand, Workplace, draw_line
from ui.label.viewport import Viewport

_LEAST_SIDE_PX = 4


class CutHand(BaseHand):
    """A box by dragging; GrabCut finds in a thread what stands out in it."""

    def __init__(self, place: Workplace) -> None:
        super().__init__(place)
        self._from: Pointer | None = None
        self._to: Pointer | None = None

    @property
    def in_hand(self) -> bool:
        """Whether a box is being drawn."""
        return self._from is not None

    def press(self, pointer: Pointer) -> None:
        """Begin a box."""
        if self._place.document is not None and not self._place.is_busy:
            self._from = self._to = pointer

    def drag(self, pointer: Pointer) -> None:
        """Draw it."""
        if self._from is not None:
            self._to = pointer
            self._place.redraw()

    def release(self, pointer: Pointer) -> None:
        """Cut out what is in it."""
        begun, self._from, self._to = self._from, None, None
        self._place.redraw()
        if begun is None:
            return
        box = _box(begun, pointer)
        if min(box.width_px, box.height_px) < _LEAST_SIDE_PX:
            self._place.say("Draw a box around the plant: press, drag, let go.")
            return
        place = self._place
        what = ERASER if begun.is_eraser else place.paint(same_plant=begun.shift)

        def make(document: LabelDocument) -> Edit | None:
            return grabcut(document, box, what)

        def told(changed: bool) -> None:
            if not changed:
                place.say("Nothing stands out from the ground in this box.")

        place.compute("The plant is being cut out", make, told)

    def abandon(self) -> None:
        """Forget the box."""
        self._from = self._to = None
        self._place.redraw()

    def paint(self, painter: QPainter, view: Viewport) -> None:
        """Draw it."""
        if self._from is None or self._to is None:
            return
        (u0, v0), (u1, v1) = (self._from.u, self._from.v), (self._to.u, self._to.v)
        corners = [(u0, v0), (u1, v0), (u1, v1), (u0, v1)]
        draw_line(painter, view, corners, closed=True, ink=ACCENT)


def _box(one: Pointer, other: Pointer) -> Rect:
    us, vs = sorted((one.u, other.u)), sorted((one.v, other.v))
    return Rect(round(us[0]), round(vs[0]), round(us[1]) + 1, round(vs[1]) + 1)
