"""Plants told apart, put together, and given their stems."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from PySide6.QtGui import QPainter

from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Edit
from agriseg.labelling.tools.plants import merge, set_stem, split_along
from ui.label.canvas import Pointer
from ui.label.hands.base import ACCENT, BaseHand, Workplace, draw_line
from ui.label.viewport import Viewport

_STEP_PX = 1.0


class LineHand(BaseHand):
    """Draws a line; what it does with it, tools say."""

    def __init__(self, place: Workplace) -> None:
        super().__init__(place)
        self._line: list[tuple[float, float]] = []

    @property
    def in_hand(self) -> bool:
        """Whether a line is being drawn."""
        return bool(self._line)

    def press(self, pointer: Pointer) -> None:
        """Begin a line."""
        if self._place.document is not None:
            self._line = [(pointer.u, pointer.v)]

    def drag(self, pointer: Pointer) -> None:
        """Draw it."""
        if not self._line:
            return
        u, v = self._line[-1]
        if abs(pointer.u - u) + abs(pointer.v - v) >= _STEP_PX:
            self._line.append((pointer.u, pointer.v))
            self._place.redraw()

    def release(self, pointer: Pointer) -> None:  # noqa: ARG002
        """Use it."""
        line, self._line = self._line, []
        if line:
            self.use(line)
        self._place.redraw()

    def use(self, line: list[tuple[float, float]]) -> None:
        """Do what the line is drawn for."""

    def abandon(self) -> None:
        """Forget the line."""
        self._line = []
        self._place.redraw()

    def paint(self, painter: QPainter, view: Viewport) -> None:
        """Draw it."""
        if len(self._line) > 1:
            draw_line(painter, view, self._line, ink=ACCENT)


class SplitHand(LineHand):
    """Cuts the plant that the line crosses most."""

    def use(self, line: list[tuple[float, float]]) -> None:
        """Cut."""
        place = self._place
        crossed = [plant for u, v in _dense(line) if (plant := place.plant_at(u, v))]
        if len(line) < 2 or not crossed:
            place.say("Draw the line across the plant that is to be cut.")
            return
        plant = max(set(crossed), key=crossed.count)

        def make(document: LabelDocument) -> Edit | None:
            return split_along(document, plant, np.array(line))

        if not place.edit(make):
            place.say("The line does not part the plant; draw it from one side to the other.")


class MergeHand(LineHand):
    """Makes one plant of those that the line touches, or of the picked one and the next touched."""

    def use(self, line: list[tuple[float, float]]) -> None:
        """Put them together."""
        place = self._place
        touched = list(
            dict.fromkeys(plant for u, v in _dense(line) if (plant := place.plant_at(u, v)))
        )
        if len(touched) == 1 and place.selected not in (0, touched[0]):
            touched.insert(0, place.selected)
        if len(touched) < 2:
            place.select(touched[0] if touched else 0)
            place.say("Now touch the plant that belongs to it." if touched else "No plant here.")
            return

        def make(document: LabelDocument) -> Edit | None:
            return merge(document, touched)

        place.edit(make)
        place.select(touched[0])


class StemHand(BaseHand):
    """Sets where a plant leaves the ground."""

    def press(self, pointer: Pointer) -> None:
        """Set the stem of the plant below, or else of the picked one; right takes it away."""
        place = self._place
        if pointer.is_eraser:
            self._take_away(place.plant_at(pointer.u, pointer.v) or place.selected)
            return
        plant = place.plant_at(pointer.u, pointer.v) or place.selected
        if not plant:
            place.say("Touch a plant, or pick the one whose stem this is first.")
            return
        place.select(plant)

        def make(document: LabelDocument) -> Edit | None:
            return set_stem(document, plant, (round(pointer.u, 1), round(pointer.v, 1)))

        place.edit(make)

    def drag(self, pointer: Pointer) -> None:
        """Nothing: a stem is set by a press."""
        self._hovered = pointer

    def remove(self) -> None:
        """Take the picked plant's stem away."""
        self._take_away(self._place.selected)

    def _take_away(self, plant: int) -> None:
        document = self._place.document
        if document is None or plant not in document.stems:
            return

        def make(found: LabelDocument) -> Edit | None:
            return set_stem(found, plant, None)

        self._place.edit(make)


def _dense(line: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return points along a line, no more than a pixel apart."""
    made = [line[0]]
    for (u0, v0), (u1, v1) in pairwise(line):
        count = max(1, int(np.ceil(max(abs(u1 - u0), abs(v1 - v0)))))
        steps = [n / count for n in range(1, count + 1)]
        made += [(u0 + (u1 - u0) * share, v0 + (v1 - v0) * share) for share in steps]
    return made
