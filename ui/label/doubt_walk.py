"""From one doubtful part to the next, and from one finding to the next."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Edit, Rect
from agriseg.labelling.tools.regions import Region, confirm
from ui.label.composing import DOUBT_BELOW
from ui.label.doubts import doubtful_parts, is_settled
from ui.label.workplace import LabelWorkplace
from ui.review.thread import ReviewThread

_RECOUNT_AFTER_MS = 300
"""How long after a stroke it is counted how many parts are left."""


class DoubtWalk(QObject):
    """Knows the doubtful parts of the picture at work, and which one is looked at.

    They are looked for in a thread when a picture is opened, and again after a pre-label; parts
    that a person has decided on since are passed over.
    """

    changed = Signal()
    shown = Signal(object)
    """Carries the `Rect` to look at."""

    def __init__(self, place: LabelWorkplace, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._place = place
        self._below = DOUBT_BELOW
        self._parts: list[Region] = []
        self._at = -1
        self.is_looking = False
        self._thread = ReviewThread("label-doubts", self)
        self._thread.failed.connect(self._fail)
        self._recount = QTimer(self)
        self._recount.setSingleShot(True)
        self._recount.setInterval(_RECOUNT_AFTER_MS)
        self._recount.timeout.connect(self.changed)
        place.changed.connect(lambda _rect: self._recount.start())

    @property
    def was_asked(self) -> bool:
        """Whether a model was asked about the picture at work."""
        document = self._place.document
        return document is not None and document.confidence is not None

    @property
    def total(self) -> int:
        """How many doubtful parts there were."""
        return len(self._parts)

    @property
    def left(self) -> int:
        """How many of them nobody has decided on."""
        document = self._place.document
        if document is None:
            return 0
        return sum(not is_settled(document, part, self._below) for part in self._parts)

    @property
    def part(self) -> Region | None:
        """The part that is looked at."""
        return self._parts[self._at] if 0 <= self._at < len(self._parts) else None

    def set_below(self, below: float) -> None:
        """Take under which confidence, 0 to 1, a pixel is doubtful."""
        if below != self._below:
            self._below = below
            self.look()

    def look(self) -> None:
        """Look for doubtful parts anew."""
        document, below = self._place.document, self._below
        self._parts, self._at = [], -1
        self._thread.cancel()
        self.is_looking = document is not None and document.confidence is not None
        if document is not None and self.is_looking:
            self._thread.ask(lambda: doubtful_parts(document, below), self._take)
        self.changed.emit()

    def step(self, direction: int) -> None:
        """Go to the next part that nobody has decided on, or to the one before."""
        document = self._place.document
        if document is None or not self._parts:
            return
        count = len(self._parts)
        start = self._at if self._at >= 0 else (-1 if direction > 0 else 0)
        for tried in range(1, count + 1):
            place = (start + direction * tried) % count
            if not is_settled(document, self._parts[place], self._below):
                self._at = place
                self.shown.emit(self._parts[place].rect)
                self.changed.emit()
                return
        self._at = -1
        self.changed.emit()

    def confirm(self) -> None:
        """Take the part that is looked at as it is, and go on; without one, begin."""
        part = self.part
        if part is not None:

            def make(document: LabelDocument) -> Edit | None:
                return confirm(document, part)

            self._place.edit(make)
        self.step(1)

    def confirm_all(self) -> None:
        """Take every label of the picture as it is."""

        def make(document: LabelDocument) -> Edit | None:
            height, width = document.classes.shape
            everything = Region.of(document.classes == document.classes, Rect(0, 0, width, height))
            return confirm(document, everything)

        self._place.compute("Every label is being confirmed", make, lambda _: self.changed.emit())

    def stop(self) -> None:
        """End the thread."""
        self._thread.stop()

    def _take(self, parts: list[Region]) -> None:
        self.is_looking = False
        self._parts = parts
        self.changed.emit()

    def _fail(self, text: str) -> None:
        self.is_looking = False
        self._place.say(text)
        self.changed.emit()
