"""Clicks that a model of the segment-anything family understands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtGui import QColor, QImage, QPainter

from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Edit, Point
from agriseg.labelling.tools.regions import EMPTY, Region, paint
from ui.label.anything import AnythingProcess, Clicks
from ui.label.canvas import Pointer
from ui.label.hands.base import BaseHand, Workplace, draw_knot, glowing
from ui.label.viewport import Viewport

_INSIDE, _OUTSIDE = QColor("#2fbd90"), QColor("#ff7a66")


class AnythingHand(BaseHand):
    """Left presses say what belongs to the thing, right ones what does not; Enter keeps it.

    Parameters
    ----------
    place : Workplace
    model : AnythingProcess
    picture : callable
        Returns the file of the picture at work.
    open_model : callable
        Opens the model's files, or asks for them; returns whether they are being opened.
    """

    def __init__(
        self,
        place: Workplace,
        model: AnythingProcess,
        picture: Callable[[], Path | None],
        open_model: Callable[[], bool],
    ) -> None:
        super().__init__(place)
        self._model = model
        self._picture = picture
        self._open_model = open_model
        self._inside: list[Point] = []
        self._outside: list[Point] = []
        self._order: list[list[Point]] = []
        self._same_plant = False
        self._region: Region = EMPTY
        self._glow: QImage | None = None
        model.answered.connect(self._take)
        model.failed.connect(place.say)

    @property
    def in_hand(self) -> bool:
        """Whether something is clicked that is not kept yet."""
        return bool(self._order)

    def press(self, pointer: Pointer) -> None:
        """Add a click, and ask what all of them mean."""
        if self._picture() is None or not (self._model.is_running or self._open_model()):
            return
        clicks = self._outside if pointer.is_eraser else self._inside
        clicks.append((pointer.u, pointer.v))
        self._order.append(clicks)
        self._same_plant = pointer.shift
        self._ask()

    def double(self, pointer: Pointer) -> None:  # noqa: ARG002
        """Keep it."""
        self.finish()

    def step_back(self) -> None:
        """Take the newest click back."""
        if self._order:
            self._order.pop().pop()
            self._ask()

    def finish(self) -> None:
        """Paint what the clicks mean."""
        region, place = self._region, self._place
        if region.rect.is_empty:
            return
        what = place.paint(same_plant=self._same_plant)
        self.abandon()

        def make(document: LabelDocument) -> Edit | None:
            return paint(document, region, what, "segment anything")

        place.edit(make)

    def abandon(self) -> None:
        """Forget the clicks."""
        self._inside, self._outside, self._order = [], [], []
        self._region, self._glow = EMPTY, None
        self._place.redraw()

    def paint(self, painter: QPainter, view: Viewport) -> None:
        """Draw the clicks and what they mean."""
        rect = self._region.rect
        if self._glow is not None:
            painter.drawImage(view.screen_rect(rect.u0, rect.v0, rect.u1, rect.v1), self._glow)
        for points, ink in ((self._inside, _INSIDE), (self._outside, _OUTSIDE)):
            for u, v in points:
                draw_knot(painter, view.to_screen(u, v), ink=ink)

    def _clicks(self) -> Clicks | None:
        picture = self._picture()
        if picture is None or not self._inside:
            return None
        return Clicks(picture=picture, inside=tuple(self._inside), outside=tuple(self._outside))

    def _ask(self) -> None:
        clicks = self._clicks()
        if clicks is not None:
            self._model.ask(clicks)
        else:
            self._region, self._glow = EMPTY, None
        self._place.redraw()

    def _take(self, clicks: Clicks, region: Region) -> None:
        if clicks != self._clicks():
            return
        self._region = region
        self._glow = glowing(region) if not region.rect.is_empty else None
        self._place.redraw()
