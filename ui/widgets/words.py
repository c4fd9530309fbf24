"""Sentences that wrap, whatever stands in them."""

from __future__ import annotations

import re

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget

_LONG_NAME = re.compile(r"\S{24,}")
_BREAK_AFTER = re.compile(r"([/\\_.:-])")
_ZERO_WIDTH_SPACE = "\u200b"


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
