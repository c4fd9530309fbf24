"""Large keys for names: entered with gloves, or typed."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QWidget

from ui.calibration.overlay import Overlay
from ui.theme import ThemeKeeper
from ui.widgets.key import Key, KeyFace, KeyLook
from ui.widgets.words import Words

_ROWS = ("1234567890", "qwertyuiop", "asdfghjkl-", "zxcvbnm_.")
_MOST_SIGNS = 40
_WIDTH_PX = 860


class LetterPad(Overlay):
    """Asks for one name or number of letters and digits at a time."""

    entered = Signal(str, str)
    """Name of what was asked, and the text without blanks at its ends; never empty."""

    def __init__(self, keeper: ThemeKeeper, parent: QWidget) -> None:
        super().__init__(keeper, _WIDTH_PX, parent)
        self.setAccessibleName("Letter keys")
        self._name = ""
        self._text = ""
        self._capital = True
        self.title = Words("", "heading")
        self.help = Words("", "note")
        self.problem = Words("", "strong")
        self.shown = QLabel("")
        self.shown.setProperty("role", "value-large")
        self.keys: dict[str, Key] = {}
        self.shift_key = self._key("Capitals", "apple-keyboard-shift")
        self.shift_key.clicked.connect(self.shift)
        self.space_key = self._key("Blank", "keyboard-space")
        self.space_key.clicked.connect(lambda: self.press(" "))
        self.erase_key = self._key("", "backspace-outline")
        self.erase_key.setAccessibleName("Erase the last letter")
        self.erase_key.clicked.connect(self.erase)
        self.cancel_key = self._key("Cancel", "close")
        self.cancel_key.clicked.connect(self.hide)
        self.enter_key = self._key("Enter", "check")
        self.enter_key.set_look(KeyLook.PRIMARY)
        self.enter_key.clicked.connect(self.enter)
        self._lay_out()

    def ask(self, name: str, title: str, help_text: str, text: str = "") -> None:
        """Ask for a text; ``text`` is what it is now, to be changed."""
        self._name, self._text = name, text
        self._capital = not text
        self.title.say(title)
        self.help.say(help_text)
        self.problem.say("")
        self._draw()
        self.pop_up()

    def press(self, sign: str) -> None:
        """Add a letter as the shift key has it, a digit, a sign or a blank."""
        self.write(sign.upper() if self._capital else sign)

    def write(self, text: str) -> None:
        """Add what was typed, as it is."""
        self.problem.say("")
        self._text = (self._text + text)[:_MOST_SIGNS]
        if text != " ":
            self._capital = self._capital and not text.isalpha()
        self._draw()

    def shift(self) -> None:
        """Change between small letters and one capital."""
        self._capital = not self._capital
        self._draw()

    def erase(self) -> None:
        """Take the last letter away."""
        self._text = self._text[:-1]
        self._draw()

    def enter(self) -> None:
        """Hand on what was entered."""
        text = self._text.strip()
        if not text:
            self.problem.say("Enter at least one letter or digit, or press Cancel.")
            self.place()
            return
        self.hide()
        self.entered.emit(self._name, text)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take letters, digits, Backspace and Return; Space and Escape stop the machine."""
        text = event.text()
        if text and (text.isalnum() or text in "-_."):
            self.write(text)
        elif event.key() == Qt.Key.Key_Backspace:
            self.erase()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.enter()
        else:
            event.ignore()

    def _key(self, word: str, icon: str = "") -> Key:
        key = Key(self._keeper, word, icon, "", KeyFace(text_px=20, icon_px=26))
        key.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        return key

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self.shown, 1)
        head.addWidget(self.erase_key)
        self._column.addWidget(self.title)
        self._column.addWidget(self.help)
        self._column.addLayout(head)
        self._column.addWidget(self.problem)
        self._grid = QGridLayout()
        for row, signs in enumerate(_ROWS):
            for column, sign in enumerate(signs):
                key = self._key(sign)
                key.clicked.connect(lambda _checked=False, s=sign: self.press(s))
                self.keys[sign] = key
                self._grid.addWidget(key, row, column)
        self._grid.setSpacing(4)
        self._column.addLayout(self._grid)
        foot = QHBoxLayout()
        foot.addWidget(self.cancel_key, 2)
        foot.addWidget(self.shift_key, 2)
        foot.addWidget(self.space_key, 3)
        foot.addWidget(self.enter_key, 3)
        self._column.addLayout(foot)

    def _draw(self) -> None:
        self.shown.setText(self._text or "–")
        self.shown.setAccessibleName(f"{self.title.text()} {self._text}")
        for sign, key in self.keys.items():
            key.set_words(sign.upper() if self._capital else sign)
        self.shift_key.set_look(KeyLook.SELECTED if self._capital else KeyLook.PLAIN)
