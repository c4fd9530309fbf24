"""The narrow column of keys that changes the page."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from ui.theme import Theme, ThemeKeeper
from ui.widgets.key import Key, KeyFace, KeyLook


class NavigationRail(QFrame):
    """One key for each page, in the order in which they were added."""

    page_asked = Signal(str)

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keeper = keeper
        self.keys: dict[str, Key] = {}
        self.setProperty("role", "rail")
        self._column = QVBoxLayout(self)
        self._column.addStretch(1)
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    def add_page(self, name: str, word: str, icon: str, shortcut: str) -> None:
        """Add the key of a page."""
        face = KeyFace(text_px=14, icon_px=30, min_width_px=84, min_height_px=72, stacked=True)
        key = Key(self._keeper, word, icon, shortcut, face)
        key.clicked.connect(lambda: self.page_asked.emit(name))
        self.keys[name] = key
        self._column.insertWidget(self._column.count() - 1, key)

    def show_page(self, name: str) -> None:
        """Mark the page shown."""
        for other, key in self.keys.items():
            key.set_look(KeyLook.SELECTED if other == name else KeyLook.PLAIN)

    def _set_theme(self, theme: Theme) -> None:
        margin = theme.px(6)
        self._column.setContentsMargins(margin, margin, margin, margin)
        self._column.setSpacing(margin)
