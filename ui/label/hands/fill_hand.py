"""One press, one patch: fill, and the magic wand."""

from __future__ import annotations

from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Edit
from agriseg.labelling.tools.fill import fill
from agriseg.labelling.tools.regions import ERASER
from agriseg.labelling.tools.vegetation import wand
from ui.label.canvas import Pointer
from ui.label.hands.base import BaseHand


class FillHand(BaseHand):
    """Gives the patch that is touched the chosen class; erases it with the right button."""

    def press(self, pointer: Pointer) -> None:
        """Fill."""
        place = self._place
        what = ERASER if pointer.is_eraser else place.paint(same_plant=pointer.shift)

        def make(document: LabelDocument) -> Edit | None:
            return fill(document, (pointer.u, pointer.v), what)

        place.edit(make)


class WandHand(BaseHand):
    """Takes the vegetation that hangs together with a leaf; erases it with the right button."""

    def press(self, pointer: Pointer) -> None:
        """Take the green patch."""
        place = self._place
        green = place.vegetation()
        if green is None:
            return
        what = ERASER if pointer.is_eraser else place.paint(same_plant=pointer.shift)

        def make(document: LabelDocument) -> Edit | None:
            return wand(document, green, (pointer.u, pointer.v), what)

        if not place.edit(make):
            place.say("There is nothing green here; a more tolerant wand may find it.")
