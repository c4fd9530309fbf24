"""Sentences that wrap, whatever stands in them."""

from __future__ import annotations

import re
from bisect import bisect_left

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QWidget

_LONG_NAME = re.compile(r"\S{24,}")
_BREAK_AFTER = re.compile(r"([/\\_.:-])")
_ZERO_WIDTH_SPACE = "\u200b"
_WRAPPED = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter) | int(
    Qt.TextFlag.TextWordWrap
)


def breakable(text: str) -> str:
    """Let the long names in ``text`` (paths, ports, addresses) wrap behind their signs."""
    return _LONG_NAME.sub(
        lambda name: _BREAK_AFTER.sub(rf"\1{_ZERO_WIDTH_SPACE}", name.group()), text
    )


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: ``1 picture``, ``1,200 pictures``."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


class Words(QLabel):
    """A label of plain text that wraps."""

    def __init__(self, text: str = "", role: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", role)
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.say(text)

    def say(self, text: str) -> None:
        """Show ``text``, and nothing at all where it is empty."""
        self.setText(breakable(text))
        if not text or self.parent() is not None:  # shown without a parent it would be a window
            self.setVisible(bool(text))


class FittedWords(QLabel):
    """Wrapped words in whatever room there is: what does not fit is left out at the end."""

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Write as many of the words as fit."""
        box = self.contentsRect()
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(box, _WRAPPED, self.shown())
        painter.end()

    def shown(self) -> str:
        """Return what is written of the text; its end is an ellipsis where it does not fit."""
        text, box = breakable(self.text()), self.contentsRect()
        if self._fits(text, box):
            return text
        words = text.split()
        fitting = bisect_left(
            range(len(words)), True, key=lambda count: not self._fits(_cut(words, count), box)
        )
        return _cut(words, max(1, fitting - 1))

    def _fits(self, text: str, box: QRect) -> bool:
        return self.fontMetrics().boundingRect(box, _WRAPPED, text).height() <= box.height()


def _cut(words: list[str], count: int) -> str:
    return " ".join(words[:count]) + " …"
