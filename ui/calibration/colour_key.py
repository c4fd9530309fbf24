"""A key in the colour of the thing that it stands for, named in words besides."""

from __future__ import annotations

from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen

from ui.theme import DAY, ThemeKeeper, contrast_ratio
from ui.widgets.key import Key, KeyFace, KeyLook

_INKS = (DAY.text, DAY.panel)
_FACE = KeyFace(text_px=16, icon_px=22)


def ink_on(colour: str) -> str:
    """Return the dark or the light ink, whichever reads better on ``#rrggbb``."""
    return max(_INKS, key=lambda ink: contrast_ratio(ink, colour))


class ColourKey(Key):
    """Chosen, it has a tick and a double frame, so that its colour stays what it is.

    Parameters
    ----------
    keeper : ThemeKeeper
    label : str
        Names what it stands for, its number on a line of its own; colour alone says nothing to
        many.
    colour : str
        ``#rrggbb``.
    """

    def __init__(self, keeper: ThemeKeeper, label: str, colour: str) -> None:
        super().__init__(keeper, label.replace(" ", "\n", 1), "", "", _FACE)
        self.setAccessibleName(label)
        self.colour = colour

    @property
    def ink(self) -> str:
        """Colour of its words."""
        return ink_on(self.colour)

    def set_look(self, look: KeyLook) -> None:
        """Tick the key that is chosen."""
        super().set_look(look)
        self.set_words(self.text(), "", "check-bold" if look is KeyLook.SELECTED else "")

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the second frame of a chosen key over the rest."""
        super().paintEvent(event)
        if self.look is not KeyLook.SELECTED:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        width = self._theme.px(3)
        for inset, colour in ((1.0, self._theme.text), (1.0 + width, self.ink)):
            painter.setPen(QPen(QColor(colour), width))
            edge = inset + 0.5 * width
            box = QRectF(self.rect()).adjusted(edge, edge, -edge, -edge)
            painter.drawRoundedRect(box, self._theme.px(8), self._theme.px(8))
        painter.end()

    def _colours(self) -> tuple[str, str]:
        return self.colour, self.ink
