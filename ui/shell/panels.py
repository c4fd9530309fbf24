"""Panels that lie over a page without taking the stop away: never a dialog, never a popup."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from ui.theme import ThemeKeeper
from ui.widgets.key import Key, KeyFace

MARK_WORDS = (
    "Weed missed",
    "Crop sprayed",
    "Seen wrongly",
    "Nozzle problem",
    "Obstacle",
    "Wet spot",
)
_MARK_CLOSES_AFTER_MS = 15_000


class ReasonPanel(QFrame):
    """All reasons why spraying cannot start, each with how to mend it."""

    def __init__(self, keeper: ThemeKeeper, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("role", "overlay")
        self._heading = QLabel("Before spraying can start")
        self._heading.setProperty("role", "heading")
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.close_key = Key(keeper, "Close", "close")
        self.close_key.clicked.connect(self.hide)
        head = QHBoxLayout()
        head.addWidget(self._heading, 1)
        head.addWidget(self.close_key)
        column = QVBoxLayout(self)
        column.addLayout(head)
        column.addWidget(self.text)
        self.hide()

    def show_reasons(self, reasons: tuple[str, ...]) -> None:
        """Take the reasons; the panel closes when there are none left."""
        self.text.setText("\n\n".join(f"{i}.  {text}" for i, text in enumerate(reasons, start=1)))
        if not reasons:
            self.hide()


class MarkPanel(QFrame):
    """Asks what a mark was set for. The mark itself is set before, without waiting."""

    noted = Signal(str)

    def __init__(self, keeper: ThemeKeeper, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("role", "overlay")
        heading = QLabel("Marked. What is here?")
        heading.setProperty("role", "heading")
        self.close_key = Key(keeper, "Leave it", "close")
        self.close_key.clicked.connect(self.hide)
        head = QHBoxLayout()
        head.addWidget(heading, 1)
        head.addWidget(self.close_key)
        grid = QGridLayout()
        self.word_keys: dict[str, Key] = {}
        for index, word in enumerate(MARK_WORDS):
            key = Key(keeper, word, "", "", KeyFace(text_px=17, min_width_px=160))
            key.clicked.connect(lambda _checked=False, w=word: self._note(w))
            self.word_keys[word] = key
            grid.addWidget(key, *divmod(index, 3))
        self.line = QLineEdit()
        self.line.setPlaceholderText("Or type a note, then Enter")
        self.line.setMaxLength(200)
        self.line.returnPressed.connect(self._note_line)
        column = QVBoxLayout(self)
        column.addLayout(head)
        column.addLayout(grid)
        column.addWidget(self.line)
        self._closing = QTimer(self)
        self._closing.setSingleShot(True)
        self._closing.setInterval(_MARK_CLOSES_AFTER_MS)
        self._closing.timeout.connect(self._close_if_untouched)
        self.hide()

    def open(self) -> None:
        """Show the panel; it closes by itself when nobody answers."""
        self.line.clear()
        self.adjustSize()
        self.show()
        self.raise_()
        self._closing.start()

    def _note_line(self) -> None:
        text = self.line.text().strip()
        if text:
            self._note(text)

    def _note(self, text: str) -> None:
        self.hide()
        self.noted.emit(text)

    def _close_if_untouched(self) -> None:
        if not self.line.text():
            self.hide()
