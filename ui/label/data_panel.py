"""What comes into a project and goes out of it, and figures of the whole."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from ui.label.actions import ACTIONS
from ui.review.panels import scrolled
from ui.theme import Theme, ThemeKeeper
from ui.widgets.key import Key, KeyFace
from ui.widgets.words import Words

_FACE = KeyFace(text_px=15, icon_px=22, min_width_px=120)
_NAMES = ("add", "select", "import", "export", "agree", "count")


class DataPanel(QWidget):
    """A key for each way in and out."""

    asked = Signal(str)
    """Carries the name of an `Action`."""

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.keys: dict[str, Key] = {}
        self.figures = Words("", "")
        self.said = Words("", "strong")
        inner = QWidget()
        self._column = QVBoxLayout(inner)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._grid = QGridLayout()
        self._column.addLayout(self._grid)
        for place, name in enumerate(_NAMES):
            action = ACTIONS[name]
            key = Key(keeper, action.word, action.icon, action.keys[0].replace("Ctrl+", "^"), _FACE)
            key.setToolTip(f"{action.word}: {action.help}")
            key.clicked.connect(lambda _checked=False, n=name: self.asked.emit(n))
            self.keys[name] = key
            self._grid.addWidget(key, *divmod(place, 2))
        self._column.addWidget(self.said)
        self._column.addWidget(self.figures)
        self._column.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(scrolled(inner), 1)
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    def _set_theme(self, theme: Theme) -> None:
        self._column.setSpacing(theme.px(6))
        self._grid.setSpacing(theme.px(6))
