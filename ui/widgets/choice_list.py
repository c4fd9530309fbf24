"""A list of keys of which one is selected, kept in place while lines come and go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QScrollArea, QScroller, QVBoxLayout, QWidget

from ui.theme import Theme, ThemeKeeper
from ui.widgets.key import Key, KeyFace, KeyLook

_FACE = KeyFace(text_px=17, icon_px=30, min_width_px=200, min_height_px=68, left=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceLine:
    """One line: what it stands for, its words, its icon."""

    name: str
    words: str
    detail: str
    icon: str


class ChoiceList(QScrollArea):
    """One key for each line; the selected one is marked."""

    chosen = Signal(str)
    """The operator touches a line; carries its ``name``."""

    def __init__(self, keeper: ThemeKeeper, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keeper = keeper
        self.keys: dict[str, Key] = {}
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName(title)
        QScroller.grabGesture(self.viewport(), QScroller.ScrollerGestureType.TouchGesture)
        inner = QWidget()
        self._column = QVBoxLayout(inner)
        self._column.addStretch(1)
        self.setWidget(inner)
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    def show_lines(self, lines: Sequence[ChoiceLine], selected: str) -> None:
        """Show the lines in order; keys of those that stay are kept, and so is the focus."""
        wanted = {line.name for line in lines}
        for name in [name for name in self.keys if name not in wanted]:
            key = self.keys.pop(name)
            self._column.removeWidget(key)
            key.hide()
            key.deleteLater()
        for index, line in enumerate(lines):
            key = self.keys.get(line.name) or self._add(line)
            if self._column.indexOf(key) != index:
                self._column.removeWidget(key)
                self._column.insertWidget(index, key)
            key.set_words(line.words, line.detail, line.icon)
            key.set_look(KeyLook.SELECTED if line.name == selected else KeyLook.PLAIN)
            key.setToolTip(line.detail)

    def _add(self, line: ChoiceLine) -> Key:
        key = Key(self._keeper, line.words, line.icon, "", _FACE)
        key.clicked.connect(lambda _checked=False, n=line.name: self.chosen.emit(n))
        self.keys[line.name] = key
        return key

    def _set_theme(self, theme: Theme) -> None:
        self._column.setContentsMargins(0, 0, theme.px(4), 0)
        self._column.setSpacing(theme.px(6))
