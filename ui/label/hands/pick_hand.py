"""Picks plants, and moves the picture."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QPainter

from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Edit
from agriseg.labelling.tools.plants import remove_plant
from ui.label.canvas import Pointer
from ui.label.hands.base import BaseHand, Workplace
from ui.label.viewport import Viewport

_DRAGS_FROM_PX = 6.0


class PickHand(BaseHand):
    """A press picks the plant below; a drag pans.

    Parameters
    ----------
    place : Workplace
    pan : callable
        Moves the picture by (dx, dy) screen pixels.
    picked : callable
        Told the class below a press, and the plant (0 for none).
    """

    def __init__(
        self,
        place: Workplace,
        pan: Callable[[float, float], None],
        picked: Callable[[int, int], None],
    ) -> None:
        super().__init__(place)
        self._pan = pan
        self._picked = picked
        self._scale = 1.0
        self._from: Pointer | None = None
        self._has_moved = False

    def press(self, pointer: Pointer) -> None:
        """Begin to pick, or to move."""
        self._from, self._has_moved = pointer, False

    def drag(self, pointer: Pointer) -> None:
        """Move the picture: the place that was pressed stays below the pointer."""
        if self._from is None:
            return
        dx = (pointer.u - self._from.u) * self._scale
        dy = (pointer.v - self._from.v) * self._scale
        if self._has_moved or abs(dx) + abs(dy) >= _DRAGS_FROM_PX:
            self._has_moved = True
            self._pan(dx, dy)

    def release(self, pointer: Pointer) -> None:
        """Pick what was pressed."""
        begun, self._from = self._from, None
        document = self._place.document
        if begun is None or self._has_moved or document is None:
            return
        u, v = round(pointer.u), round(pointer.v)
        if 0 <= u < document.width_px and 0 <= v < document.height_px:
            self._picked(int(document.classes[v, u]), int(document.instances[v, u]))

    def remove(self) -> None:
        """Erase the plant picked."""
        plant = self._place.selected
        if plant:

            def make(document: LabelDocument) -> Edit | None:
                return remove_plant(document, plant)

            self._place.edit(make)
            self._place.select(0)

    def paint(self, painter: QPainter, view: Viewport) -> None:  # noqa: ARG002
        """Remember the scale; there is nothing to draw."""
        self._scale = view.scale
