"""A key with a class's colour and shortcut."""

from __future__ import annotations

from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen

from ui.theme import ThemeKeeper
from ui.widgets.key import Key, KeyFace

_STRIP_PX = 10


class ClassKey(Key):
    """A class to paint with; its colour stands at the left, as it lies on the picture."""

    def __init__(self, keeper: ThemeKeeper, word: str, colour: str, shortcut: str) -> None:
        face = KeyFace(text_px=15, min_width_px=120 if word else 64)
        super().__init__(keeper, word, "", shortcut, face)
        self._colour = QColor(colour)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the key and its colour."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        strip = self._theme.px(_STRIP_PX)
        box = QRectF(self.rect()).adjusted(6.0, 8.0, 0.0, -8.0)
        if self.text():
            box.setWidth(strip)
        else:
            box.adjust(6.0, 6.0, -12.0, -6.0)
        painter.setPen(QPen(QColor(self._theme.text), 1.0))
        painter.setBrush(self._colour)
        painter.drawRoundedRect(box, 3.0, 3.0)
        painter.end()
