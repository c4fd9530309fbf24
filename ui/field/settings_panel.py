"""Antenna, boundary margin, and how new runs are recorded, as a form."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from agriseg.config import Config
from agriseg.errors import ConfigError
from agriseg.recording.quality import QUALITIES
from ui.models.adjustments import (
    CHOICES,
    NUMBERS,
    RECORDING,
    adjusted,
    shown_number,
    shown_unit,
    typed_number,
    values_of,
)
from ui.review.panels import scrolled
from ui.theme import Theme, ThemeKeeper
from ui.units import Units
from ui.widgets.key import Key, KeyFace, KeyLook
from ui.widgets.words import Words

_FACE = KeyFace(text_px=13, min_width_px=70)
_LINE_PX = 104


class SettingsPanel(QWidget):
    """Lines and keys; nothing is in force before Apply."""

    applied = Signal(object)
    """Carries the changed values by their configuration keys."""

    def __init__(self, keeper: ThemeKeeper, units: Units, config: Config) -> None:
        super().__init__()
        self._units = units
        self._config = config
        self._refusal = ""
        self._chosen: dict[str, str] = {}
        self.lines = {field.key: QLineEdit() for field in NUMBERS}
        self._units_shown = {field.key: Words("", "note") for field in NUMBERS}
        self.keys: dict[tuple[str, str], Key] = {}
        self.note = Words("", "note")
        self.problem = Words("", "strong")
        self.apply_key = Key(
            keeper, "APPLY", "check", "", KeyFace(text_px=19, icon_px=28, min_height_px=64)
        )
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 0, 0)
        for choice in CHOICES:
            column.addWidget(Words(choice.title, "title"))
            row = QHBoxLayout()
            row.setSpacing(4)
            for value, words, hint in choice.options:
                key = Key(keeper, words, "", "", _FACE)
                key.set_words(words, hint)
                key.clicked.connect(lambda _c=False, k=choice.key, v=value: self._choose(k, v))
                self.keys[choice.key, value] = key
                row.addWidget(key)
            column.addLayout(row)
            if choice is RECORDING:
                column.addWidget(self.note)
        column.addLayout(self._numbers())
        column.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scrolled(inner), 1)
        outer.addWidget(self.problem)
        outer.addWidget(self.apply_key)
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)
        self.apply_key.clicked.connect(self._apply)
        for line in self.lines.values():
            line.textEdited.connect(lambda _text: self._draw())
            line.returnPressed.connect(self._apply)
        self.show_config(config)

    def set_units(self, units: Units) -> None:
        """Write lengths in other units; what was typed and not applied is dropped."""
        self._units = units
        self.show_config(self._config)

    def show_config(self, config: Config) -> None:
        """Take what is in force."""
        self._config = config
        values = values_of(config)
        for field in NUMBERS:
            self.lines[field.key].setText(shown_number(field, values[field.key], self._units))
            self._units_shown[field.key].say(shown_unit(field, self._units))
        self._chosen = {choice.key: str(values[choice.key]) for choice in CHOICES}
        self.problem.say("")
        self._draw()

    def show_refusal(self, refusal: str) -> None:
        """Take why nothing can be changed now; empty when it can."""
        if refusal != self._refusal:
            self._refusal = refusal
            self.problem.say(refusal)
            self._draw()

    def _numbers(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setColumnStretch(0, 1)
        for row, field in enumerate(NUMBERS):
            line = self.lines[field.key]
            line.setAccessibleName(field.title)
            grid.addWidget(Words(field.title, ""), row, 0)
            grid.addWidget(line, row, 1)
            grid.addWidget(self._units_shown[field.key], row, 2)
        return grid

    def _set_theme(self, theme: Theme) -> None:
        for line in self.lines.values():
            line.setFixedWidth(theme.px(_LINE_PX))

    def _choose(self, key: str, value: str) -> None:
        self._chosen[key] = value
        self._draw()

    def _changes(self) -> dict[str, float | str]:
        """Return what differs from what is in force; a line that was not touched does not."""
        now = values_of(self._config)
        changes: dict[str, float | str] = {}
        for field in NUMBERS:
            text = self.lines[field.key].text()
            if text != shown_number(field, now[field.key], self._units):
                changes[field.key] = typed_number(field, text, self._units)
        chosen = {key: value for key, value in self._chosen.items() if value != now[key]}
        return changes | chosen

    def _apply(self) -> None:
        if not self.apply_key.isEnabled():
            return
        try:
            changes = self._changes()
            adjusted(self._config, changes)
        except ConfigError as error:
            self.problem.say(str(error))
            return
        self.problem.say("")
        self.applied.emit(changes)

    def _draw(self) -> None:
        now = values_of(self._config)
        lines = (
            self.lines[f.key].text() != shown_number(f, now[f.key], self._units) for f in NUMBERS
        )
        changed = any(lines) or any(now[key] != value for key, value in self._chosen.items())
        for (name, value), key in self.keys.items():
            is_chosen = self._chosen.get(name) == value
            key.set_look(KeyLook.SELECTED if is_chosen else KeyLook.PLAIN)
        quality = QUALITIES[self._chosen["recording.quality"]]
        self.note.say(f"The pictures are then good {quality.good_for}.")
        enabled = changed and not self._refusal
        self.apply_key.setEnabled(enabled)
        self.apply_key.set_look(KeyLook.PRIMARY if enabled else KeyLook.PLAIN)
