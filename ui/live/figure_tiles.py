"""Tiles that show the figures."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from ui.models.figures import FIGURE_TITLES, PRIMARY_KEYS, Figure
from ui.style import set_property
from ui.theme import Theme, ThemeKeeper
from ui.units import DASH

_SMALL_COLUMNS = 3


class FigureTile(QFrame):
    """Title, value with unit, and a note below; a tap explains it."""

    explained = Signal(str)

    def __init__(self, title: str, *, large: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = title
        self.setProperty("role", "panel")
        self._title_label = _label("title", title)
        self.value_label = _label("value-large" if large else "value", DASH)
        self.unit_label = _label("unit", "")
        self.note_label = _label("note", "")
        self._line = line = QHBoxLayout()
        line.addWidget(self.value_label, 0, Qt.AlignmentFlag.AlignBaseline)
        line.addWidget(self.unit_label, 0, Qt.AlignmentFlag.AlignBaseline)
        line.addStretch(1)
        self._column = column = QVBoxLayout(self)
        column.setSpacing(0)
        column.addWidget(self._title_label)
        column.addStretch(1)
        column.addLayout(line)
        column.addStretch(1)
        column.addWidget(self.note_label)

    def set_theme(self, theme: Theme) -> None:
        """Let the margins follow the theme's scale."""
        self._line.setSpacing(theme.px(4))
        self._column.setContentsMargins(theme.px(10), theme.px(5), theme.px(6), theme.px(5))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Explain the figure: a finger cannot hover for a tooltip."""
        self.explained.emit(f"{self._title}: {self.toolTip()}")
        event.accept()

    def show_figure(self, figure: Figure) -> None:
        """Show a figure, greyed if it is stale."""
        self.value_label.setText(figure.value)
        self.unit_label.setText(figure.unit)
        self.note_label.setText(figure.note)
        self._title_label.setText(f"▲ {self._title}" if figure.attention else self._title)
        self.setToolTip(figure.reason)
        self.setAccessibleName(
            f"{figure.title}: {figure.value} {figure.unit}, {figure.note}. {figure.reason}"
        )
        for label in (self.value_label, self.unit_label):
            set_property(label, "stale", figure.stale)


class FigureTiles(QWidget):
    """All figures: four large ones above six small ones."""

    explained = Signal(str)

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tiles = {
            key: FigureTile(title, large=key in PRIMARY_KEYS)
            for key, title in FIGURE_TITLES.items()
        }
        for tile in self._tiles.values():
            tile.explained.connect(self.explained)
        self._large = QGridLayout()
        self._small = QGridLayout()
        for index, key in enumerate(PRIMARY_KEYS):
            self._large.addWidget(self._tiles[key], *divmod(index, 2))
        others = [key for key in FIGURE_TITLES if key not in PRIMARY_KEYS]
        for index, key in enumerate(others):
            self._small.addWidget(self._tiles[key], *divmod(index, _SMALL_COLUMNS))
        for column in range(2):
            self._large.setColumnStretch(column, 1)
        for column in range(_SMALL_COLUMNS):
            self._small.setColumnStretch(column, 1)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addLayout(self._large)
        self._column.addLayout(self._small)
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    def tile(self, key: str) -> FigureTile:
        """Return the tile of one figure."""
        return self._tiles[key]

    def show_figures(self, figures: tuple[Figure, ...]) -> None:
        """Show all figures."""
        for figure in figures:
            self._tiles[figure.key].show_figure(figure)

    def _set_theme(self, theme: Theme) -> None:
        gap = theme.px(6)
        for grid in (self._large, self._small):
            grid.setSpacing(gap)
        self._column.setSpacing(gap)
        for key, tile in self._tiles.items():
            tile.setMinimumHeight(theme.px(92 if key in PRIMARY_KEYS else 74))
            tile.setMinimumWidth(theme.px(100))
            tile.set_theme(theme)


def _label(role: str, text: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("role", role)
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label
