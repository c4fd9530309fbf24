"""All pictures of a project, those of a state, and figures of the whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from agriseg.labelling.pictures import PictureState
from ui.label.image_list import PictureList, PictureRow
from ui.theme import Theme, ThemeKeeper
from ui.widgets.key import Key, KeyFace, KeyLook
from ui.widgets.words import Words

_FACE = KeyFace(text_px=14, min_width_px=64)
_FILTERS: tuple[tuple[PictureState | None, str], ...] = (
    (None, "All"),
    (PictureState.TO_DO, "To do"),
    (PictureState.IN_WORK, "Begun"),
    (PictureState.DONE, "Done"),
    (PictureState.REVIEWED, "Seen"),
)


class PicturesPanel(QWidget):
    """The list, its filters and a search."""

    chosen = Signal(str)
    noted = Signal(str, str)
    """Name of a picture, and words on it."""

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[PictureRow, ...] = ()
        self._only: PictureState | None = None
        self.list = PictureList(keeper)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search names and notes")
        self.search.setClearButtonEnabled(True)
        self.note = QLineEdit()
        self.note.setPlaceholderText("Note on this picture")
        self._noted = ("", "")
        self.note.editingFinished.connect(self._tell_note)
        self.empty = Words("", "note")
        self.figures = Words("", "note")
        self.filter_keys = {only: Key(keeper, word, "", "", _FACE) for only, word in _FILTERS}
        self._filters = QHBoxLayout()
        for only, key in self.filter_keys.items():
            key.clicked.connect(lambda _checked=False, o=only: self._filter(o))
            self._filters.addWidget(key)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addLayout(self._filters)
        self._column.addWidget(self.search)
        self._column.addWidget(self.empty)
        self._column.addWidget(self.list, 1)
        self._column.addWidget(self.note)
        self._column.addWidget(self.figures)
        self.search.textChanged.connect(lambda _text: self._draw())
        self.list.chosen.connect(self.chosen)
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    def show_rows(self, rows: Sequence[PictureRow], figures: str) -> None:
        """Take all pictures, and what is said of the whole."""
        self._rows = tuple(rows)
        self.figures.say(figures)
        self._draw()

    def show_note(self, stem: str, text: str, *, enabled: bool) -> None:
        """Show the words on the picture at work; those being typed on another are told first."""
        if stem != self._noted[0]:
            self._tell_note()
            self.note.setText(text)
        elif not self.note.hasFocus():
            self.note.setText(text)
        self._noted = (stem, text)
        self.note.setEnabled(enabled)

    def _tell_note(self) -> None:
        stem, before = self._noted
        words = self.note.text().strip()
        if stem and words != before:
            self._noted = (stem, words)
            self.noted.emit(stem, words)

    def neighbour(self, stem: str, step: int, *, only_open: bool = False) -> str:
        """Return the picture so many rows on, among those listed; empty where there is none."""
        listed = [row.stem for row in self.list.pictures.rows]
        if only_open:
            unfinished = {row.stem for row in self._rows if not row.state.is_finished}
            order = [row.stem for row in self._rows]
            start = order.index(stem) if stem in order else -1
            ring = order[start + 1 :] + order[: max(start, 0)]
            return next((other for other in ring if other in unfinished), "")
        if stem not in listed:
            return listed[0] if listed else ""
        place = listed.index(stem) + step
        return listed[place] if 0 <= place < len(listed) else ""

    def _filter(self, only: PictureState | None) -> None:
        self._only = only
        self._draw()

    def _draw(self) -> None:
        wanted = self.search.text().casefold().split()
        rows = [
            row
            for row in self._rows
            if (self._only is None or row.state is self._only)
            and all(word in f"{row.stem} {row.note}".casefold() for word in wanted)
        ]
        self.list.pictures.show_rows(rows)
        counts = Counter(row.state for row in self._rows)
        for (only, word), key in zip(_FILTERS, self.filter_keys.values(), strict=True):
            count = len(self._rows) if only is None else counts[only]
            key.set_words(word, str(count))
            key.set_look(KeyLook.SELECTED if only is self._only else KeyLook.PLAIN)
        nothing = "No picture of this kind." if self._rows else "No pictures yet: add some."
        self.empty.say("" if rows else nothing)

    def _set_theme(self, theme: Theme) -> None:
        self._column.setSpacing(theme.px(6))
        self._filters.setSpacing(theme.px(4))
