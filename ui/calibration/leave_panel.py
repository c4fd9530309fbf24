"""Asks before a step that is half done is left."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from ui.theme import ThemeKeeper
from ui.widgets.key import Key, KeyFace, KeyLook
from ui.widgets.words import Words


class LeavePanel(QFrame):
    """Stay, or leave and lose what was measured."""

    left = Signal()

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "overlay")
        self.leave_key = Key(keeper, "Leave, forget it", "close", "", KeyFace(text_px=18))
        self.stay_key = Key(keeper, "Stay here", "arrow-left", "", KeyFace(text_px=18))
        row = QHBoxLayout(self)
        text = "This step is not finished. What it has measured is lost if you leave."
        row.addWidget(Words(text, "strong"), 1)
        for key in (self.stay_key, self.leave_key):
            key.setSizePolicy(key.sizePolicy().Policy.Fixed, key.sizePolicy().Policy.Fixed)
            row.addWidget(key)
        self.stay_key.set_look(KeyLook.PRIMARY)
        self.leave_key.clicked.connect(self.left)
        self.stay_key.clicked.connect(self.hide)
        self.hide()

    def ask(self) -> None:
        """Show the question."""
        self.show()
        self.stay_key.setFocus()
