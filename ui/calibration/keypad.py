"""Large keys for numbers: entered with gloves, or typed."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QWidget

from agriseg.calibration.steps import NumberField
from ui.calibration.overlay import Overlay
from ui.theme import ThemeKeeper
from ui.widgets.key import Key, KeyFace, KeyLook
from ui.widgets.words import Words

_DIGITS = ("7", "8", "9", "4", "5", "6", "1", "2", "3", "−", "0", ".")
_MOST_SIGNS = 9
_WIDTH_PX = 460


def number_text(value: float | None, digits: int) -> str:
    """Return a number as it stands in a field; a dash where there is none yet."""
    if value is None:
        return "–"
    text = f"{value:.{max(digits, 0)}f}"
    if digits == 0 and value != round(value):
        text = f"{value:g}"
    is_nothing = float(text) == 0.0
    return text.lstrip("-") if is_nothing else text.replace("-", "−")


class Keypad(Overlay):
    """Asks for one number at a time."""

    entered = Signal(str, float)
    """Name of the field and the number."""
    closed = Signal()

    def __init__(self, keeper: ThemeKeeper, parent: QWidget) -> None:
        super().__init__(keeper, _WIDTH_PX, parent)
        self.setAccessibleName("Number keys")
        self._field: NumberField | None = None
        self._text = ""
        self.title = Words("", "heading")
        self.help = Words("", "note")
        self.shown = QLabel("")
        self.shown.setProperty("role", "value-large")
        self.unit = QLabel("")
        self.unit.setProperty("role", "unit")
        self.problem = Words("", "strong")
        self.keys: dict[str, Key] = {}
        self._grid = QGridLayout()
        self._grid.setSpacing(6)
        for index, sign in enumerate(_DIGITS):
            key = Key(keeper, sign, "", "", KeyFace(text_px=24, min_height_px=64))
            key.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            key.clicked.connect(lambda _checked=False, s=sign: self.press(s))
            self.keys[sign] = key
            self._grid.addWidget(key, *divmod(index, 3))
        self.erase_key = Key(keeper, "", "backspace-outline", "", KeyFace(icon_px=30))
        self.erase_key.setAccessibleName("Erase the last sign")
        self.erase_key.clicked.connect(self.erase)
        self.cancel_key = Key(keeper, "Cancel", "close", "", KeyFace(text_px=18))
        self.cancel_key.clicked.connect(self.cancel)
        self.enter_key = Key(keeper, "Enter", "check", "", KeyFace(text_px=20))
        self.enter_key.set_look(KeyLook.PRIMARY)
        self.enter_key.clicked.connect(self.enter)
        head = QHBoxLayout()
        head.addWidget(self.shown, 1)
        head.addWidget(self.unit)
        head.addWidget(self.erase_key)
        foot = QHBoxLayout()
        foot.addWidget(self.cancel_key, 2)
        foot.addWidget(self.enter_key, 3)
        self._column.addWidget(self.title)
        self._column.addWidget(self.help)
        self._column.addLayout(head)
        self._column.addWidget(self.problem)
        self._column.addLayout(self._grid)
        self._column.addLayout(foot)

    def ask(self, field: NumberField) -> None:
        """Ask for the number of a field; the one that it has stands until a key is pressed."""
        self._field = field
        self._text = ""
        self.title.say(field.label)
        self.help.say(field.help)
        self.unit.setText(field.unit)
        self.problem.say("")
        self._draw()
        self.pop_up()

    def press(self, sign: str) -> None:
        """Add a digit or the point; the minus sign changes the sign."""
        self.problem.say("")
        if sign in ("−", "-"):
            has_minus = self._text.startswith("−")
            self._text = self._text[1:] if has_minus else f"−{self._text}"
        elif len(self._text) < _MOST_SIGNS and not (sign == "." and "." in self._text):
            self._text += sign
        self._draw()

    def erase(self) -> None:
        """Take the last sign away."""
        self._text = self._text[:-1]
        self._draw()

    def cancel(self) -> None:
        """Leave the number as it was."""
        self.hide()
        self.closed.emit()

    def enter(self) -> None:
        """Take the number, if it is one that the field can have."""
        field = self._field
        if field is None:
            return
        if not self._text:
            self.cancel()
            return
        try:
            value = float(self._text.replace("−", "-"))
        except ValueError:
            self.problem.say("This is not a number yet.")
            return
        if not field.low <= value <= field.high:
            unit = f" {field.unit}" if field.unit else ""
            self.problem.say(f"Enter {field.low:g} to {field.high:g}{unit}.")
            return
        self.hide()
        self.entered.emit(field.name, value)
        self.closed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take digits, point, sign, Backspace and Return from the keyboard."""
        text = event.text().replace(",", ".")
        if text and text in "0123456789.-":
            self.press(text)
        elif event.key() == Qt.Key.Key_Backspace:
            self.erase()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.enter()
        else:
            event.ignore()

    def _draw(self) -> None:
        field = self._field
        before = number_text(field.value, field.digits) if field is not None else ""
        self.shown.setText(self._text or before)
        self.shown.setAccessibleName(f"{self.title.text()} {self._text or before}")
