"""Which frames to label: where from, how many, and what was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from ui.label.frame_choice import ChoiceReport
from ui.label.thumbnails import small_picture
from ui.theme import Theme, ThemeKeeper
from ui.widgets.key import Key, KeyFace, KeyLook
from ui.widgets.words import Words, breakable, counted

_FACE = KeyFace(text_px=17, icon_px=24)
_BUDGETS = (10, 20, 50, 100)
_ABOUT = (
    "Frames of which the model is unsure, unlike what it was trained on, marked by the operator or"
    " near missed weeds; varied, without near duplicates."
)
_NOWHERE = "Nothing to look in yet: take the recorded runs, or add a run, folder or video."


class SelectPanel(QFrame):
    """First the question, then the answer."""

    started = Signal(object, int, bool)
    """Places, budget, whether the model is asked."""
    place_asked = Signal()
    taken = Signal()
    left = Signal()

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "overlay")
        self._runs: tuple[Path, ...] = ()
        self._places: list[Path] = []
        self._budget = 20
        self._asks_model = True
        self.places = Words("", "")
        self.runs_key = Key(keeper, "Recorded runs", "history", "", _FACE)
        self.place_key = Key(keeper, "Add another place", "folder-plus-outline", "", _FACE)
        self.clear_key = Key(keeper, "None of these", "close", "", _FACE)
        self.budget_keys = {
            budget: Key(keeper, counted(budget, "frame"), "", "", _FACE) for budget in _BUDGETS
        }
        self.model_key = Key(keeper, "Ask the model what it doubts", "robot-outline", "", _FACE)
        self.start_key = Key(keeper, "Choose", "image-search-outline", "", _FACE)
        self.leave_key = Key(keeper, "Cancel", "close", "", _FACE)
        self.words = Words("", "")
        self.list = QListWidget()
        self.list.setAccessibleName("Frames chosen")
        self.take_key = Key(keeper, "Add them", "plus", "", _FACE)
        self.drop_key = Key(keeper, "Leave them", "close", "", _FACE)
        self.take_key.set_look(KeyLook.PRIMARY)
        self._stack = QStackedWidget()
        self._stack.addWidget(self._question())
        self._stack.addWidget(self._answer())
        column = QVBoxLayout(self)
        column.addWidget(Words("Choose frames to label", "heading"))
        column.addWidget(self._stack, 1)
        self._connect()
        self.hide()
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    def ask(self, runs: Sequence[Path]) -> None:
        """Ask where from and how many."""
        self._runs = tuple(runs)
        self._places = [place for place in self._places if place.exists()]
        self._stack.setCurrentIndex(0)
        self._draw()
        self.show()
        self.raise_()

    def add_place(self, place: Path) -> None:
        """Look in another run, folder or video."""
        if place not in self._places:
            self._places.append(place)
        self._draw()

    def show_report(self, report: ChoiceReport) -> None:
        """Show what was chosen."""
        self.words.say(report.words)
        self.list.clear()
        for one in report.frames:
            item = QListWidgetItem(f"{one.path.stem}\n{one.reason}")
            picture = small_picture(one.path)
            if not picture.isNull():
                item.setIcon(QIcon(QPixmap.fromImage(picture)))
            self.list.addItem(item)
        self.take_key.set_words(f"Add {counted(len(report.frames), 'picture')}")
        self._stack.setCurrentIndex(1)
        self.show()
        self.raise_()

    def _question(self) -> QWidget:
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(Words(_ABOUT, ""))
        column.addWidget(Words("Where from", "title"))
        column.addWidget(self.places)
        places = QHBoxLayout()
        for key in (self.runs_key, self.place_key, self.clear_key):
            places.addWidget(key)
        column.addLayout(places)
        column.addWidget(Words("How many you will label", "title"))
        budgets = QHBoxLayout()
        for key in self.budget_keys.values():
            budgets.addWidget(key)
        column.addLayout(budgets)
        column.addWidget(self.model_key)
        column.addStretch(1)
        column.addLayout(_pair(self.leave_key, self.start_key))
        return inner

    def _answer(self) -> QWidget:
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.words)
        column.addWidget(self.list, 1)
        column.addLayout(_pair(self.drop_key, self.take_key))
        return inner

    def _connect(self) -> None:
        self.runs_key.clicked.connect(self._take_runs)
        self.place_key.clicked.connect(self.place_asked)
        self.clear_key.clicked.connect(self._clear)
        for budget, key in self.budget_keys.items():
            key.clicked.connect(lambda _checked=False, b=budget: self._choose_budget(b))
        self.model_key.clicked.connect(self._toggle_model)
        self.start_key.clicked.connect(self._start)
        self.take_key.clicked.connect(self._take)
        for key in (self.leave_key, self.drop_key):
            key.clicked.connect(self._leave)

    def _take_runs(self) -> None:
        for run in self._runs:
            self.add_place(run)

    def _clear(self) -> None:
        self._places.clear()
        self._draw()

    def _choose_budget(self, budget: int) -> None:
        self._budget = budget
        self._draw()

    def _toggle_model(self) -> None:
        self._asks_model = not self._asks_model
        self._draw()

    def _start(self) -> None:
        self.hide()
        self.started.emit(tuple(self._places), self._budget, self._asks_model)

    def _take(self) -> None:
        self.hide()
        self.taken.emit()

    def _leave(self) -> None:
        self.hide()
        self.left.emit()

    def _draw(self) -> None:
        names = ", ".join(place.name for place in self._places)
        self.places.say(breakable(names) if names else _NOWHERE)
        left = [run for run in self._runs if run not in self._places]
        self.runs_key.set_words("Recorded runs", f"{len(left)} to add" if left else "none to add")
        self.runs_key.setEnabled(bool(left))
        self.clear_key.setEnabled(bool(self._places))
        for budget, key in self.budget_keys.items():
            key.set_look(KeyLook.SELECTED if budget == self._budget else KeyLook.PLAIN)
        self.model_key.set_look(KeyLook.SELECTED if self._asks_model else KeyLook.PLAIN)
        self.start_key.setEnabled(bool(self._places))
        self.start_key.set_look(KeyLook.PRIMARY if self._places else KeyLook.PLAIN)

    def _set_theme(self, theme: Theme) -> None:
        self.list.setIconSize(QSize(theme.px(128), theme.px(72)))
        self.list.setStyleSheet(
            f"QListWidget {{ background: {theme.raised}; border: 1px solid {theme.line};"
            f" border-radius: {theme.px(6)}px; }}"
            f" QListWidget::item {{ padding: {theme.px(4)}px; }}"
        )


def _pair(left: Key, right: Key) -> QHBoxLayout:
    row = QHBoxLayout()
    row.addWidget(left, 1)
    row.addWidget(right, 2)
    return row
