"""A run for other programs: a key for each format, where it goes, and what came of it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from agriseg.errors import ExportError
from agriseg.mapping.ground_track import Origin, parse_origin
from ui.review.jobs import FORMS, ExportForm, Written
from ui.review.outcome import Opener, Outcome, open_folder
from ui.review.panels import JobBar, scrolled
from ui.theme import ThemeKeeper
from ui.widgets.key import Key, KeyFace
from ui.widgets.words import Words

_FACE = KeyFace(text_px=16, icon_px=22)
_FORM_FACE = KeyFace(text_px=15)
_COLUMNS = 3


class ExportPanel(QWidget):
    """Nothing is overwritten: what is there keeps its name, the new one gets a number."""

    asked = Signal(object, object)
    """Carries an `ExportForm`, and an `Origin` or None."""
    record_asked = Signal()
    """The operator enters what the law asks for."""
    elsewhere_asked = Signal()
    """Another folder is wanted."""

    def __init__(
        self, keeper: ThemeKeeper, opener: Opener = open_folder, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._has_places = True
        self.keys: dict[str, Key] = {}
        self.job = JobBar(keeper)
        self.outcome = Outcome(keeper, opener)
        self.said = self.outcome.said
        self.record_key = Key(keeper, "Spray record", "file-document-edit-outline", "", _FACE)
        self.record_key.set_words("Spray record", "enter what the law asks for")
        self.record_key.clicked.connect(self.record_asked)
        self.folder = Words("", "note")
        self.elsewhere_key = Key(keeper, "Elsewhere", "folder-outline", "", _FACE)
        self.elsewhere_key.clicked.connect(self.elsewhere_asked)
        self.origin_words = Words(
            "This run has no positions. For a map say where it began and which way it drove:"
            " latitude, longitude, compass course.",
            "note",
        )
        self.origin = QLineEdit()
        self.origin.setPlaceholderText("48.1, 11.5, 90")
        self.origin.setAccessibleName("Where the run began: latitude, longitude, course")
        self._lay_out(keeper)
        self.show_places(True)

    def begin(self, has_places: bool) -> None:
        """Take another run."""
        self.outcome.clear()
        self.origin.clear()
        self.show_places(has_places)

    def show_places(self, has_places: bool) -> None:
        """Take whether the run has positions; without, a place can be given by hand."""
        self._has_places = has_places
        self.origin_words.setVisible(not has_places)
        self.origin.setVisible(not has_places)

    def show_folder(self, folder: Path) -> None:
        """Say where exports go."""
        self.folder.say(f"Written to {folder}; nothing is overwritten.")

    def show_running(self, running: bool) -> None:
        """While one export is written, no other can begin."""
        self.job.setVisible(running)
        for key in (*self.keys.values(), self.elsewhere_key):
            key.setEnabled(not running)

    def show_done(self, written: Written) -> None:
        """Say where it is."""
        self.outcome.show_written(written)

    def show_failed(self, text: str) -> None:
        """Say why it was not written."""
        self.outcome.show_text(text)

    def _ask(self, form: ExportForm) -> None:
        self.outcome.clear()
        origin: Origin | None = None
        if form.needs_place and not self._has_places:
            text = self.origin.text().strip()
            if not text:
                self.outcome.show_text(
                    f"{form.word} is made of places, and this run has none: say above where it"
                    " began. A receiver (page Field) gives the next run its own."
                )
                return
            try:
                origin = parse_origin(text)
            except ExportError as error:
                self.outcome.show_text(f"Where the run began: {error}.")
                return
        self.asked.emit(form, origin)

    def _lay_out(self, keeper: ThemeKeeper) -> None:
        grid = QGridLayout()
        grid.setSpacing(4)
        for place, form in enumerate(FORMS):
            key = Key(keeper, form.word, "", "", _FORM_FACE)
            key.set_words(form.word, form.hint)
            key.clicked.connect(lambda _checked=False, f=form: self._ask(f))
            grid.addWidget(key, *divmod(place, _COLUMNS))
            self.keys[form.name] = key
        where = QHBoxLayout()
        where.addWidget(self.folder, 1)
        where.addWidget(self.elsewhere_key)
        self.elsewhere_key.setSizePolicy(
            self.elsewhere_key.sizePolicy().Policy.Fixed,
            self.elsewhere_key.sizePolicy().Policy.Fixed,
        )
        inner = QWidget()
        words = QVBoxLayout(inner)
        words.setContentsMargins(0, 0, 0, 0)
        words.addWidget(self.record_key)
        words.addWidget(self.origin_words)
        words.addWidget(self.origin)
        words.addLayout(grid)
        words.addLayout(where)
        words.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(scrolled(inner), 1)
        column.addWidget(self.outcome)
        column.addWidget(self.job)
