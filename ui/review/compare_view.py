"""Two runs side by side."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from ui.models.review_compare import compared
from ui.models.review_runs import RunCard
from ui.review.panels import scrolled
from ui.theme import Theme, ThemeKeeper
from ui.units import Units
from ui.widgets.key import Key, KeyFace
from ui.widgets.words import Words


class CompareView(QWidget):
    """Figures of two runs and their differences."""

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
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addLayout(head)
        self._column.addWidget(panel, 1)
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    def set_units(self, units: Units) -> None:
        """Write figures in other units."""
        self._units = units
        self._draw()

    def show_cards(self, first: RunCard, second: RunCard) -> None:
        """Take two runs."""
        self._cards = (first, second)
        self._draw()

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
