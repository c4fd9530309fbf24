"""One press, one patch: fill, the magic wand, ground of one colour, what a model doubts."""

from __future__ import annotations

from collections.abc import Callable

from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Edit
from agriseg.labelling.tools.fill import fill
from agriseg.labelling.tools.regions import ERASER
from agriseg.labelling.tools.similar import correct, similar
from agriseg.labelling.tools.vegetation import wand
from ui.label.canvas import Pointer
from ui.label.hands.base import BaseHand, Workplace

_LARGEST_DIFFERENCE = 30.0
"""Of colours in 8-bit CIELAB, at the largest tolerance."""


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


class AlikeHand(BaseHand):
    """Takes ground of one colour that hangs together."""

    def press(self, pointer: Pointer) -> None:
        """Take what is alike."""
        place = self._place
        what = ERASER if pointer.is_eraser else place.paint(same_plant=pointer.shift)
        difference = _LARGEST_DIFFERENCE * place.settings.tolerance

        def make(document: LabelDocument) -> Edit | None:
            return similar(document, (pointer.u, pointer.v), difference, what)

        place.edit(make)


class CorrectHand(BaseHand):
    """Gives the chosen class to what a model doubts around a press.

    Parameters
    ----------
    place : Workplace
    below : callable
        Returns under which confidence, 0 to 1, a label is doubtful.
    """

    def __init__(self, place: Workplace, below: Callable[[], float]) -> None:
        super().__init__(place)
        self._below = below

    def press(self, pointer: Pointer) -> None:
        """Correct the doubtful part."""
        place, at = self._place, (pointer.u, pointer.v)
        what = ERASER if pointer.is_eraser else place.paint(same_plant=pointer.shift)

        def make(document: LabelDocument) -> Edit | None:
            return correct(document, at, self._below(), what)

        if not place.edit(make):
            place.say(
                "The model is sure here, or was not asked; Fill takes a whole patch."
            )
