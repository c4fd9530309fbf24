"""What the checks found in the picture at work, and where another labeller says otherwise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal

from agriseg.labelling.agreement import Dispute
from agriseg.labelling.checks import Finding, check_labels, mend
from agriseg.labelling.classes import ClassList
from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Edit
from agriseg.labelling.stored import StoredLabels
from ui.label.check_panel import FindingRow
from ui.label.workplace import LabelWorkplace
from ui.review.thread import ReviewThread
from ui.widgets.words import counted

_BEGIN = "Holes, specks, unlabelled vegetation and the like."


class Inspection(QObject):
    """A list of places to look at, one after the other."""

    changed = Signal()
    shown = Signal(object)
    """Carries the `Rect` to look at."""

    def __init__(self, place: LabelWorkplace, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._place = place
        self._findings: list[Finding] = []
        self.rows: list[FindingRow] = []
        self.said = _BEGIN
        self.at = -1
        """The row that is looked at; -1 for none."""
        self._thread = ReviewThread("label-checks", self)
        self._thread.failed.connect(self._fail)
        place.opened.connect(self.forget)

    def look(self, classes: ClassList) -> None:
        """Check the picture at work, in a thread and on a copy of its labels."""
        document = self._place.document
        if document is None:
            return
        self.forget()
        labels, image = StoredLabels.of(document), document.image
        self.said = "The labels are being checked …"
        self.changed.emit()
        self._thread.ask(lambda: check_labels(image, labels, classes), self._take)

    def show_disputes(self, disputes: Sequence[Dispute]) -> None:
        """List where another labeller says otherwise."""
        self.forget()
        self.rows = [
            FindingRow(
                text=f"{one.first.name.lower()} here, {one.second.name.lower()} there"
                f" ({one.region.area_px} px)",
                rect=one.region.rect,
            )
            for one in disputes
        ]
        self.said = f"Another labeller says otherwise in {counted(len(self.rows), 'place')}."
        self.changed.emit()

    def go(self, row: int) -> None:
        """Look at a finding."""
        if 0 <= row < len(self.rows):
            self.at = row
            self.shown.emit(self.rows[row].rect)
            self.changed.emit()

    def step(self) -> None:
        """Look at the next finding, after the last at the first."""
        if self.rows:
            self.go((self.at + 1) % len(self.rows))

    def mend(self) -> None:
        """Settle the finding that is looked at, where that needs no decision; go to the next."""
        if not (0 <= self.at < len(self._findings)):
            self._place.say("Choose a finding first (Shift+J).")
            return
        finding, place = self._findings[self.at], self._place
        what = place.paint(same_plant=False)

        def make(document: LabelDocument) -> Edit | None:
            return mend(document, finding, what)

        if not place.edit(make):
            place.say("This one needs a person's decision: mend it with the tools.")
            return
        del self._findings[self.at], self.rows[self.at]
        self.at -= 1
        self.step()
        self.changed.emit()

    def forget(self) -> None:
        """Empty the list."""
        self._thread.cancel()
        self._findings, self.rows, self.at = [], [], -1
        self.said = _BEGIN
        self.changed.emit()

    def stop(self) -> None:
        """End the thread."""
        self._thread.stop()

    def _take(self, findings: Sequence[Finding]) -> None:
        self._findings = list(findings)
        self.rows = [FindingRow(text=one.words, rect=one.region.rect) for one in findings]
        counts = Counter(one.kind.value for one in findings)
        words = ", ".join(f"{count} × {kind}" for kind, count in counts.items())
        self.said = f"Found: {words}." if words else "The checks found nothing."
        self.changed.emit()

    def _fail(self, text: str) -> None:
        self.said = text
        self.changed.emit()
