"""Theme, units, sound, full screen."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from ui.theme import Theme, ThemeChoice, ThemeKeeper
from ui.units import UnitSystem
from ui.widgets.key import Key, KeyFace, KeyLook

_THEMES = {
    ThemeChoice.AUTO: ("Automatic", "theme-light-dark"),
    ThemeChoice.DAY: ("Day", "weather-sunny"),
    ThemeChoice.NIGHT: ("Night", "weather-night"),
}
_UNITS = {
    UnitSystem.METRIC: ("km/h · ha · L · bar", "ruler"),
    UnitSystem.IMPERIAL: ("mph · ac · gal · psi", "ruler"),
}
_SOUNDS = {True: ("Beep", "volume-high"), False: ("Silent", "volume-off")}
_SCREENS = {False: ("Window", "fullscreen-exit"), True: ("Full screen", "fullscreen")}


class ChoiceRow(QFrame):
    """A named row of keys, one of which is chosen."""

    chosen = Signal(object)

    def __init__(
        self,
        keeper: ThemeKeeper,
        title: str,
        text: str,
        choices: dict[object, tuple[str, str]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setProperty("role", "panel")
        heading = QLabel(title)
        heading.setProperty("role", "heading")
        note = QLabel(text)
        note.setProperty("role", "note")
        note.setWordWrap(True)
        words = QVBoxLayout()
        words.addWidget(heading)
        words.addWidget(note)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 12, 12, 12)
        row.addLayout(words, 1)
        self.keys: dict[object, Key] = {}
        for value, (word, icon) in choices.items():
            key = Key(keeper, word, icon, "", KeyFace(text_px=17, min_width_px=190))
            key.setSizePolicy(key.sizePolicy().Policy.Fixed, key.sizePolicy().Policy.Fixed)
            key.clicked.connect(lambda _checked=False, v=value: self.chosen.emit(v))
            self.keys[value] = key
            row.addWidget(key)

    def show_choice(self, value: object) -> None:
        """Mark the choice in force."""
        for other, key in self.keys.items():
            key.set_look(KeyLook.SELECTED if other == value else KeyLook.PLAIN)


class DisplayPage(QWidget):
    """How the window looks and sounds."""

    theme_chosen = Signal(object)
    units_chosen = Signal(object)
    sound_chosen = Signal(object)
    full_screen_chosen = Signal(object)

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme_row = ChoiceRow(
            keeper,
            "Colours",
            "Automatic changes with the time of day. Key D changes between day and night.",
            dict(_THEMES.items()),
        )
        self.units_row = ChoiceRow(
            keeper,
            "Units",
            "Key U changes them. Recordings are always metric.",
            dict(_UNITS.items()),
        )
        self.sound_row = ChoiceRow(
            keeper,
            "Sound",
            "A beep for each new warning or danger; the alarm stays on the screen either way.",
            dict(_SOUNDS.items()),
        )
        self.screen_row = ChoiceRow(keeper, "Screen", "Key F11 changes it.", dict(_SCREENS.items()))
        self.theme_row.chosen.connect(self.theme_chosen)
        self.units_row.chosen.connect(self.units_chosen)
        self.sound_row.chosen.connect(self.sound_chosen)
        self.screen_row.chosen.connect(self.full_screen_chosen)
        self._column = QVBoxLayout(self)
        self._column.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._column.setContentsMargins(0, 0, 0, 0)
        for row in (self.theme_row, self.units_row, self.sound_row, self.screen_row):
            self._column.addWidget(row)
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    def _set_theme(self, theme: Theme) -> None:
        self._column.setSpacing(theme.px(8))
