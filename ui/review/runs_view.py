"""The list of runs beside what is known of the selected one, and what can be done with it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QModelIndex, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from ui.models.review_runs import (
    HOW_TO_RECORD,
    NOTHING_FOUND,
    RunCard,
    RunFilter,
    card_figures,
    matching,
)
from ui.review.run_list import RunList
from ui.theme import Theme, ThemeKeeper
from ui.units import Units
from ui.widgets.key import Key, KeyFace, KeyLook
from ui.widgets.words import Words

_FILTERS = ((RunFilter.ALL, "All"), (RunFilter.STARRED, "Starred"), (RunFilter.FAULTS, "Faults"))
_FACE = KeyFace(text_px=17, icon_px=24)
_FILTER_FACE = KeyFace(text_px=17, min_width_px=96)


class RunsView(QWidget):
    """Lists runs. It decides nothing: what the operator does is told by signals."""

    opened = Signal(object)
    """A `RunCard` to be looked into."""
    starred = Signal(object, bool)
    deleted = Signal(object)
    """A `RunCard` that the operator wants gone, after being asked."""
    noted = Signal(object, str)
    compared = Signal(object, object)
    """Two `RunCard`, the first chosen first."""

    def __init__(self, keeper: ThemeKeeper, units: Units, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keeper = keeper
        self._units = units
        self._cards: dict[Path, RunCard] = {}
        self._only = RunFilter.ALL
        self._first: RunCard | None = None
        self._asks_delete = False
        self._is_refused = False
        self.list = RunList(keeper)
        self.list.set_units(units)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search date, place, note, model")
        self.search.setClearButtonEnabled(True)
        self.filter_keys = {
            only: Key(keeper, word, "", "", _FILTER_FACE) for only, word in _FILTERS
        }
        self.empty = Words("", "heading")
        self.empty_help = Words("", "")
        self.progress = Words("", "note")
        self.problem = Words("", "strong")
        self.title = Words("", "heading")
        self.state = Words("", "strong")
        self.note = QLineEdit()
        self.note.setPlaceholderText("Note on this run")
        self.open_key = Key(keeper, "Open", "play-circle-outline", "", KeyFace(text_px=20))
        self.star_key = Key(keeper, "Star", "star-outline", "", _FACE)
        self.compare_key = Key(keeper, "Compare", "compare-horizontal", "", _FACE)
        self.delete_key = Key(keeper, "Delete", "delete-outline", "", _FACE)
        self._figures: list[tuple[Words, Words]] = []
        self._lay_out()
        self._connect()
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)
        self._draw()

    @property
    def all_cards(self) -> tuple[RunCard, ...]:
        """All runs, listed or not."""
        return tuple(self._cards.values())

    @property
    def shown(self) -> tuple[RunCard, ...]:
        """The runs listed now, newest first."""
        return tuple(self.list.runs.cards)

    def set_units(self, units: Units) -> None:
        """Write figures in other units."""
        self._units = units
        self.list.set_units(units)
        self._draw_selected()

    def show_card(self, card: RunCard) -> None:
        """Take a run, or what is new about it."""
        self._cards[card.directory] = card
        self._draw()

    def forget(self, directory: Path) -> None:
        """Drop a run that is gone."""
        self._cards.pop(directory, None)
        if self._first is not None and self._first.directory == directory:
            self._first = None
        self._draw()

    def show_progress(self, text: str) -> None:
        """Say how far reading the runs is; empty when all are read."""
        self.progress.say(text)
        self._draw_empty()

    def show_problem(self, text: str) -> None:
        """Say what could not be done."""
        self.problem.say(text)

    def show_refusal(self, text: str) -> None:
        """Say why no run can be opened now; empty when one can."""
        self._is_refused = bool(text)
        self.problem.say(text)
        self.note.setEnabled(not text)
        self.search.setEnabled(not text)
        self._draw_selected()

    # Building

    def _lay_out(self) -> None:
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.addWidget(self._left(), 7)
        self._row.addWidget(self._right(), 5)

    def _left(self) -> QFrame:
        panel = QFrame()
        panel.setProperty("role", "panel")
        column = QVBoxLayout(panel)
        head = QHBoxLayout()
        head.addWidget(self.search, 1)
        for key in self.filter_keys.values():
            key.setSizePolicy(key.sizePolicy().Policy.Fixed, key.sizePolicy().Policy.Fixed)
            head.addWidget(key)
        column.addLayout(head)
        column.addWidget(self.empty)
        column.addWidget(self.empty_help)
        column.addWidget(self.list, 1)
        column.addStretch(0)
        column.addWidget(self.progress)
        return panel

    def _right(self) -> QFrame:
        self._detail = QFrame()
        self._detail.setProperty("role", "panel")
        column = QVBoxLayout(self._detail)
        column.addWidget(self.title)
        column.addWidget(self.state)
        self._grid = QGridLayout()
        self._grid.setColumnStretch(1, 1)
        column.addLayout(self._grid)
        column.addWidget(self.note)
        column.addStretch(1)
        column.addWidget(self.problem)
        keys = QHBoxLayout()
        for key in (self.star_key, self.compare_key, self.delete_key):
            keys.addWidget(key)
        column.addLayout(keys)
        column.addWidget(self.open_key)
        return self._detail

    def _connect(self) -> None:
        self.search.textChanged.connect(lambda _text: self._draw())
        for only, key in self.filter_keys.items():
            key.clicked.connect(lambda _checked=False, o=only: self._filter(o))
        self.list.selectionModel().currentChanged.connect(self._select)
        self.list.activated.connect(lambda _index: self._open())
        self.open_key.clicked.connect(self._open)
        self.star_key.clicked.connect(self._star)
        self.delete_key.clicked.connect(self._delete)
        self.compare_key.clicked.connect(self._compare)
        self.note.editingFinished.connect(self._note)

    # What the operator does

    def _filter(self, only: RunFilter) -> None:
        self._only = only
        self._draw()

    def _select(self, _current: QModelIndex, _previous: QModelIndex) -> None:
        self._ask_delete(False)
        self._draw_selected()

    def _open(self) -> None:
        card = self.list.selected()
        if card is not None and card.opens and not self._is_refused:
            self.opened.emit(card)

    def _star(self) -> None:
        card = self.list.selected()
        if card is not None:
            self._ask_delete(False)
            self.starred.emit(card, not card.starred)

    def _delete(self) -> None:
        card = self.list.selected()
        if card is None or card.starred:
            return
        if self._asks_delete:
            self._ask_delete(False)
            self.deleted.emit(card)
        else:
            self._ask_delete(True)

    def _ask_delete(self, asks: bool) -> None:
        self._asks_delete = asks
        self.delete_key.set_words("Really delete?" if asks else "Delete")
        self.delete_key.set_look(KeyLook.DANGER if asks else KeyLook.PLAIN)

    def _compare(self) -> None:
        card = self.list.selected()
        if card is None or not card.summary:
            return
        first, self._first = self._first, None
        if first is None:
            self._first = card
        elif first.directory != card.directory:
            self.compared.emit(first, card)
        self._draw_selected()

    def _note(self) -> None:
        card = self.list.selected()
        if card is not None and self.note.text() != card.notes.note:
            self.noted.emit(card, self.note.text())

    # Drawing

    def _draw(self) -> None:
        selected = self.list.selected()
        cards = matching(self._cards.values(), self.search.text(), self._only)
        self.list.runs.show_cards(cards)
        self.list.select(selected.directory if selected is not None else None)
        for only, key in self.filter_keys.items():
            key.set_look(KeyLook.SELECTED if only is self._only else KeyLook.PLAIN)
        self._draw_empty()
        self._draw_selected()

    def _draw_empty(self) -> None:
        is_reading = bool(self.progress.text())
        lines = ("", "")
        if not self._cards and not is_reading:
            lines = HOW_TO_RECORD
        elif self._cards and not self.list.runs.cards:
            lines = NOTHING_FOUND
        self.empty.say(lines[0])
        self.empty_help.say(lines[1])
        self.list.setVisible(bool(self.list.runs.cards))

    def _draw_selected(self) -> None:
        card = self.list.selected()
        keys = (self.open_key, self.star_key, self.compare_key, self.delete_key)
        for key in keys:
            key.setEnabled(card is not None)
        self.note.setVisible(card is not None)
        if card is None:
            self.title.say("")
            self.state.say("")
            self._draw_figures(())
            return
        self.title.say(card.title)
        self.state.say(card.state)
        self._draw_figures(card_figures(card, self._units) if card.opens else ())
        if not self.note.hasFocus():
            self.note.setText(card.notes.note)
        self.open_key.setEnabled(card.opens and not self._is_refused)
        self.open_key.set_look(KeyLook.PRIMARY if self.open_key.isEnabled() else KeyLook.PLAIN)
        self.star_key.set_words(
            "Starred" if card.starred else "Star", icon="star" if card.starred else "star-outline"
        )
        self.delete_key.setEnabled(not card.starred)
        self.delete_key.setToolTip(
            "A starred run is never deleted: take the star away first." if card.starred else ""
        )
        self._draw_compare(card)

    def _draw_compare(self, card: RunCard) -> None:
        self.compare_key.setEnabled(bool(card.summary))
        words, look = "Compare", KeyLook.PLAIN
        if self._first is not None:
            is_first = self._first.directory == card.directory
            words = "Choose another" if is_first else "Compare these"
            look = KeyLook.PENDING if is_first else KeyLook.PRIMARY
        self.compare_key.set_words(words)
        self.compare_key.set_look(look)

    def _draw_figures(self, figures: tuple[tuple[str, str], ...]) -> None:
        while len(self._figures) < len(figures):
            name, value = Words("", "note"), Words("", "strong")
            row = len(self._figures)
            self._grid.addWidget(name, row, 0)
            self._grid.addWidget(value, row, 1)
            name.setWordWrap(False)
            self._figures.append((name, value))
        padded = figures + (("", ""),) * (len(self._figures) - len(figures))
        for (name, value), (name_text, value_text) in zip(self._figures, padded, strict=True):
            name.say(name_text)
            value.say(value_text)

    def show_thumbnail(self, directory: Path, image: QImage) -> None:
        """Take a run's small picture."""
        self.list.runs.show_thumbnail(directory, image)

    def _set_theme(self, theme: Theme) -> None:
        self._row.setSpacing(theme.px(8))
        self._grid.setHorizontalSpacing(theme.px(14))
        self._grid.setVerticalSpacing(theme.px(4))
