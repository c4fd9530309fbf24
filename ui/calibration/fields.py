"""What the operator enters in a step: numbers and choices, each on a large key."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from agriseg.calibration.steps import ChoiceField, NumberField
from ui.calibration.colour_key import ColourKey
from ui.calibration.keypad import number_text
from ui.theme import Theme, ThemeKeeper
from ui.widgets.key import Key, KeyFace, KeyLook
from ui.widgets.words import Words

_CHOICES_A_ROW = 3
_FACE = KeyFace(text_px=17, icon_px=24, min_width_px=180, min_height_px=64, left=True)

Field = NumberField | ChoiceField


class StepFields(QWidget):
    """The keys of a step's fields; ``keys`` has them by name, choices as ``name=value``."""

    asked = Signal(object)
    """The operator wants to enter the number of this `NumberField`."""
    chosen = Signal(str, str)
    """Name of a `ChoiceField` and the value that was chosen."""

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keeper = keeper
        self._shown: dict[str, Field] = {}
        self._words: list[Words] = []
        self.keys: dict[str, Key] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    def show_fields(self, fields: Sequence[Field]) -> None:
        """Draw the fields; keys stay as long as their names do."""
        wanted = [name for field in fields for name in _key_names(field)]
        if list(self.keys) != wanted:
            self._clear()
            for field in fields:
                self._add(field)
        for field in fields:
            if isinstance(field, NumberField):
                number = number_text(field.value, field.digits)
                unit = f" {field.unit}" if field.unit else ""
                self.keys[field.name].set_words(f"{number}{unit}", field.label)
                self.keys[field.name].setToolTip(field.help)
            else:
                for value in field.choices:
                    chosen = value == field.value
                    key = self.keys[f"{field.name}={value}"]
                    key.set_look(KeyLook.SELECTED if chosen else KeyLook.PLAIN)
        self._shown = {field.name: field for field in fields}

    def _add(self, field: Field) -> None:
        if isinstance(field, NumberField):
            key = Key(self._keeper, field.label, "pencil", "", _FACE)
            key.clicked.connect(lambda _checked=False, n=field.name: self._ask(n))
            self.keys[field.name] = key
            self._column.addWidget(key)
            return
        words = Words(field.label, "title")
        self._words.append(words)
        self._column.addWidget(words)
        grid = QGridLayout()
        grid.setSpacing(6)
        for index, (value, word) in enumerate(field.choices.items()):
            key = self._choice_key(word, field.colours.get(value, ""))
            key.setToolTip(field.help)
            key.clicked.connect(
                lambda _checked=False, n=field.name, v=value: self.chosen.emit(n, v)
            )
            self.keys[f"{field.name}={value}"] = key
            grid.addWidget(key, *divmod(index, _CHOICES_A_ROW))
        self._column.addLayout(grid)

    def _choice_key(self, word: str, colour: str) -> Key:
        if colour:
            return ColourKey(self._keeper, word, colour)
        return Key(self._keeper, word, "", "", KeyFace(text_px=17))

    def _ask(self, name: str) -> None:
        field = self._shown.get(name)
        if isinstance(field, NumberField):
            self.asked.emit(field)

    def _clear(self) -> None:
        for widget in (*self.keys.values(), *self._words):
            widget.hide()
            widget.deleteLater()
        self.keys.clear()
        self._words.clear()
        while self._column.count():
            item = self._column.takeAt(0)
            below = item.layout() if item is not None else None
            if below is not None:
                below.deleteLater()

    def _set_theme(self, theme: Theme) -> None:
        self._column.setSpacing(theme.px(6))


def _key_names(field: Field) -> list[str]:
    if isinstance(field, NumberField):
        return [field.name]
    return [f"{field.name}={value}" for value in field.choices]
