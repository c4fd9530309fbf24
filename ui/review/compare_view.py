"""Two runs compared: figures, pictures and maps at the same way driven, curves."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from ui.models.review_compare import compared
from ui.models.review_curves import RunCurves
from ui.models.review_open import OpenedRun
from ui.models.review_runs import RunCard
from ui.review.compare_curves import CompareCurves
from ui.review.panels import JobBar, scrolled
from ui.review.side_by_side import SideBySide
from ui.theme import Theme, ThemeKeeper
from ui.units import Units
from ui.widgets.key import Key, KeyFace, KeyLook
from ui.widgets.words import Words

_TAB = KeyFace(text_px=16, icon_px=22, min_width_px=120)
_TABS = (
    ("figures", "Figures", "table"),
    ("places", "Side by side", "view-split-vertical"),
    ("curves", "Curves", "chart-line"),
)


class CompareView(QWidget):
    """Figures of two runs and their differences; the rest once both runs are read."""

    left = Signal()

    def __init__(self, keeper: ThemeKeeper, units: Units, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._units = units
        self._cards: tuple[RunCard, RunCard] | None = None
        self.cells: list[tuple[Words, ...]] = []
        self.back_key = Key(keeper, "Runs", "arrow-left", "", KeyFace(text_px=17))
        self.back_key.setSizePolicy(
            self.back_key.sizePolicy().Policy.Fixed, self.back_key.sizePolicy().Policy.Fixed
        )
        self.back_key.clicked.connect(self.left)
        self.problem = Words("", "strong")
        self.opening = JobBar(keeper)
        self.side_by_side = SideBySide(keeper, units)
        self.curves = CompareCurves(keeper, units)
        self.tab_keys = {name: Key(keeper, word, icon, "", _TAB) for name, word, icon in _TABS}
        panel = QFrame()
        panel.setProperty("role", "panel")
        inner = QWidget()
        self._grid = QGridLayout(inner)
        for column, stretch in enumerate((3, 2, 2, 2)):
            self._grid.setColumnStretch(column, stretch)
        panel_column = QVBoxLayout(panel)
        panel_column.addWidget(scrolled(inner))
        head = QHBoxLayout()
        head.addWidget(self.back_key)
        head.addWidget(Words("Two runs compared", "heading"), 1)
        for name, key in self.tab_keys.items():
            key.setSizePolicy(key.sizePolicy().Policy.Fixed, key.sizePolicy().Policy.Fixed)
            key.clicked.connect(lambda _checked=False, n=name: self.show_tab(n))
            head.addWidget(key)
        self._stack = QStackedWidget()
        self._tabs = {"figures": panel, "places": self.side_by_side, "curves": self.curves}
        for widget in self._tabs.values():
            self._stack.addWidget(widget)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addLayout(head)
        self._column.addWidget(self.problem)
        self._column.addWidget(self.opening)
        self._column.addWidget(self._stack, 1)
        self.show_tab("figures")
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    def set_units(self, units: Units) -> None:
        """Write figures in other units."""
        self._units = units
        self.side_by_side.set_units(units)
        self.curves.set_units(units)
        self._draw()

    def show_tab(self, name: str) -> None:
        """Show ``figures``, ``places`` or ``curves``."""
        self._stack.setCurrentWidget(self._tabs[name])
        for other, key in self.tab_keys.items():
            key.set_look(KeyLook.SELECTED if other == name else KeyLook.PLAIN)

    def show_cards(self, first: RunCard, second: RunCard) -> None:
        """Take two runs; their figures are known, pictures and curves are not yet."""
        self._cards = (first, second)
        self.problem.say("")
        self.show_tab("figures")
        for name in ("places", "curves"):
            self.tab_keys[name].setEnabled(False)
        self._draw()

    def show_runs(
        self, runs: tuple[OpenedRun, OpenedRun], curves: tuple[RunCurves, RunCurves]
    ) -> None:
        """Take both runs, read."""
        if self._cards is None:
            return
        titles = (self._cards[0].title, self._cards[1].title)
        self.side_by_side.show_runs(runs, titles)
        self.curves.show_curves(curves, titles)
        for key in self.tab_keys.values():
            key.setEnabled(True)

    def show_problem(self, text: str) -> None:
        """Say why a run cannot be read; its figures stay."""
        self.opening.hide()
        self.problem.say(text)

    def rows(self) -> list[tuple[str, ...]]:
        """Return the words shown, row by row."""
        return [tuple(cell.text() for cell in row) for row in self.cells]

    def _draw(self) -> None:
        if self._cards is None:
            return
        first, second = self._cards
        figures = compared(first.summary, second.summary, self._units)
        rows = [("", first.title, second.title, "Difference")]
        rows += [(f.name, f.first, f.second, f.difference) for f in figures]
        while len(self.cells) < len(rows):
            self.cells.append(self._new_row(len(self.cells)))
        for cells, texts in zip(self.cells, rows, strict=True):
            for cell, text in zip(cells, texts, strict=True):
                cell.say(text)

    def _new_row(self, row: int) -> tuple[Words, ...]:
        roles = ("note", *(("strong",) * 3 if row == 0 else ("", "", "strong")))
        cells = tuple(Words("", role) for role in roles)
        for column, cell in enumerate(cells):
            if column:
                cell.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self._grid.addWidget(cell, row, column)
        return cells

    def _set_theme(self, theme: Theme) -> None:
        self._column.setSpacing(theme.px(8))
        self._grid.setVerticalSpacing(theme.px(5))
