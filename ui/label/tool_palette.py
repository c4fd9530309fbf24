"""The tools' keys, in as many columns as the height asks for."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QSizePolicy, QWidget

from ui.label.actions import TOOLS
from ui.theme import Theme, ThemeKeeper
from ui.widgets.key import Key, KeyFace, KeyLook

_FACE = KeyFace(text_px=12, icon_px=24, min_width_px=64, stacked=True)


class ToolPalette(QFrame):
    """A key for each tool; the one in use is marked."""

    chosen = Signal(str)

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = keeper.theme
        self._columns = 0
        self.keys: dict[str, Key] = {}
        for tool in TOOLS:
            key = Key(keeper, tool.word, tool.icon, tool.keys[0].replace("Shift+", "⇧"), _FACE)
            key.setToolTip(f"{tool.word} ({tool.keys[0]}): {tool.help}")
            key.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
            key.clicked.connect(lambda _checked=False, n=tool.name: self.chosen.emit(n))
            self.keys[tool.name] = key
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Ignored)
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    def show_tool(self, name: str) -> None:
        """Mark the tool in use."""
        for other, key in self.keys.items():
            key.set_look(KeyLook.SELECTED if other == name else KeyLook.PLAIN)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Use as few columns as there is height for."""
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        size = next(iter(self.keys.values())).sizeHint()
        gap = self._grid.spacing()
        rows = max(1, (self.height() + gap) // (size.height() + gap))
        columns = max(1, -(-len(self.keys) // rows))
        width = columns * size.width() + (columns - 1) * gap
        if (columns, width) == (self._columns, self.width()):
            return
        self._columns = columns
        for key in self.keys.values():
            self._grid.removeWidget(key)
        for row in range(self._grid.rowCount()):
            self._grid.setRowStretch(row, 0)
        for place, key in enumerate(self.keys.values()):
            self._grid.addWidget(key, place // columns, place % columns)
        self._grid.setRowStretch(-(-len(self.keys) // columns), 1)
        self.setFixedWidth(width)

    def _set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self._grid.setSpacing(theme.px(4))
        self._columns = 0
        self._arrange()
