"""Every key of the page, over the page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from ui.label.actions import GROUPS, Action
from ui.review.panels import scrolled
from ui.theme import Theme, ThemeKeeper
from ui.widgets.key import Key, KeyFace
from ui.widgets.words import Words

_COLUMNS = (("Tools", "Model"), ("Drawing", "Pictures", "Data"), ("View", "Panels"))
_SIGNS = {
    "Return": "Enter",
    "Left": "←",
    "Right": "→",
    "Up": "↑",
    "Down": "↓",
    "PgUp": "Page ↑",
    "PgDown": "Page ↓",
}
_FIXED = (
    ("wheel", "Zoom at the pointer"),
    ("middle button", "Move the picture; so do two fingers"),
    ("right button", "Erase, cut out, take away: the contrary of the left one"),
    ("0 … 9", "Choose a class by its own key"),
    ("Esc", "Forget what is begun. It also stops the sprayer, as everywhere"),
)


def key_words(action: Action) -> str:
    """Return the keys of an action as people know them."""
    return "  ".join(dict.fromkeys(_sign(key) for key in action.keys[:2]))


def _sign(stroke: str) -> str:
    *modifiers, key = stroke.split("+") if not stroke.endswith("+") else (stroke,)
    return "+".join([*modifiers, _SIGNS.get(key, key)])


class HelpOverlay(QFrame):
    """Three columns of keys and what they do."""

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "overlay")
        self.close_key = Key(keeper, "Close", "close", "?", KeyFace(text_px=16, icon_px=22))
        self.close_key.setSizePolicy(
            self.close_key.sizePolicy().Policy.Fixed, self.close_key.sizePolicy().Policy.Fixed
        )
        self.close_key.clicked.connect(self.hide)
        head = QHBoxLayout()
        head.addWidget(Words("Keys of the page Label", "heading"), 1)
        head.addWidget(self.close_key)
        inner = QWidget()
        self._row = QHBoxLayout(inner)
        self._row.setContentsMargins(0, 0, 0, 0)
        groups = dict(GROUPS)
        for names in _COLUMNS:
            column = QVBoxLayout()
            for name in names:
                rows = [(key_words(action), action.help) for action in groups[name]]
                column.addWidget(_table(name, rows))
            if names == _COLUMNS[-1]:
                column.addWidget(_table("Always", _FIXED))
            column.addStretch(1)
            self._row.addLayout(column, 1)
        column = QVBoxLayout(self)
        column.addLayout(head)
        column.addWidget(scrolled(inner), 1)
        self.hide()
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    def toggle(self) -> None:
        """Show or hide it."""
        self.setVisible(not self.isVisible())
        self.raise_()

    def _set_theme(self, theme: Theme) -> None:
        self._row.setSpacing(theme.px(18))


def _table(title: str, rows: Sequence[tuple[str, str]]) -> QLabel:
    """Return a table; as one text it is as high as its words need."""
    cells = "".join(
        f'<tr><td style="padding-right: 12px; white-space: pre"><b>{escape(keys)}</b></td>'
        f"<td>{escape(words)}</td></tr>"
        for keys, words in rows
    )
    made = QLabel(f'<b>{escape(title)}</b><table cellspacing="0" cellpadding="2">{cells}</table>')
    made.setProperty("role", "note")
    made.setTextFormat(Qt.TextFormat.RichText)
    made.setWordWrap(True)
    made.setAlignment(Qt.AlignmentFlag.AlignTop)
    return made
