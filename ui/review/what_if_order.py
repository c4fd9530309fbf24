"""What is to be tried: which setting, over which range, and what looks at the pictures."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from ui.models.what_if import AS_SEEN, SWEEPS, ModelChoice, Sweep, asked_sweep, in_units, range_of
from ui.theme import ThemeKeeper
from ui.units import Units
from ui.widgets.choice_list import ChoiceLine, ChoiceList
from ui.widgets.key import Key, KeyFace, KeyLook
from ui.widgets.words import Words

_COLUMNS = 4
_FACE = KeyFace(text_px=13, min_width_px=60, min_height_px=44)
_MODEL_FACE = KeyFace(text_px=15, icon_px=22, min_height_px=48, left=True)
_LIST_PX = 230


class WhatIfOrder(QWidget):
    """Keys for the settings, lines for the range, a list of models, and the key that begins."""

    asked = Signal(object)
    """Carries a `Sweep`."""

    def __init__(self, keeper: ThemeKeeper, units: Units, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._units = units
        self._sweep = SWEEPS[0]
        self._models: tuple[ModelChoice, ...] = (AS_SEEN,)
        self._model = AS_SEEN
        self._good_for = ""
        self._is_running = False
        self.keys: dict[str, Key] = {}
        self.range_title = Words("", "title")
        self.lines = {name: QLineEdit() for name in ("from", "to", "values")}
        self.range = QWidget()
        self.model_key = Key(keeper, "", "eye-outline", "", _MODEL_FACE)
        self.models = ChoiceList(keeper, "What looks at the pictures")
        self.model_note = Words("", "note")
        self.problem = Words("", "strong")
        self.begin_key = Key(
            keeper, "Calculate", "chart-line", "", KeyFace(text_px=17, icon_px=24, min_height_px=52)
        )
        self._lay_out(keeper)
        self.model_key.clicked.connect(self._toggle_models)
        self.models.chosen.connect(self._choose_model)
        self.begin_key.clicked.connect(self._begin)
        for line in self.lines.values():
            line.returnPressed.connect(self._begin)
        self._choose(SWEEPS[0])

    def set_units(self, units: Units) -> None:
        """Write lengths in other units."""
        self._units = units
        self._choose(self._sweep)

    def show_models(self, models: Sequence[ModelChoice], good_for: str) -> None:
        """Take the models there are, and what the run's pictures are good for (empty: none)."""
        self._models, self._good_for = tuple(models), good_for
        self._model = AS_SEEN
        self.models.hide()
        self._draw()

    def show_running(self, running: bool) -> None:
        """While one setting is varied, no other can be."""
        self._is_running = running
        self._draw()

    def _choose(self, sweep: Sweep) -> None:
        self._sweep = sweep
        shown = in_units(sweep, self._units)
        for line, text in zip(self.lines.values(), range_of(shown), strict=True):
            line.setText(text)
        self.problem.say("")
        self._draw()

    def _toggle_models(self) -> None:
        self.models.setVisible(self.models.isHidden())

    def _choose_model(self, name: str) -> None:
        self._model = next(one for one in self._models if one.name == name)
        self.models.hide()
        self.problem.say("")
        self._draw()

    def _begin(self) -> None:
        if self._is_running:
            return
        first, last, count = (line.text() for line in self.lines.values())
        shown = in_units(self._sweep, self._units)
        asked = asked_sweep(shown, first, last, count, self._model)
        self.problem.say(asked if isinstance(asked, str) else "")
        if isinstance(asked, Sweep):
            self.asked.emit(asked)

    def _lay_out(self, keeper: ThemeKeeper) -> None:
        grid = QGridLayout()
        for place, sweep in enumerate(SWEEPS):
            key = Key(keeper, sweep.word.replace(" ", "\n"), "", "", _FACE)
            key.setAccessibleName(sweep.word)
            key.clicked.connect(lambda _checked=False, s=sweep: self._choose(s))
            grid.addWidget(key, place // _COLUMNS, place % _COLUMNS)
            self.keys[sweep.name] = key
        row = QHBoxLayout(self.range)
        row.setContentsMargins(0, 0, 0, 0)
        for name, line in self.lines.items():
            row.addWidget(Words(name, "note"))
            row.addWidget(line, 1)
            line.setAccessibleName(f"{name} (range of the setting)")
        self.models.setFixedHeight(_LIST_PX)
        self.models.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(grid)
        for widget in (
            *(self.range_title, self.range, self.model_key, self.models, self.model_note),
            *(self.problem, self.begin_key),
        ):
            column.addWidget(widget)

    def _draw(self) -> None:
        shown = in_units(self._sweep, self._units)
        for name, key in self.keys.items():
            key.setEnabled(not self._is_running)
            key.set_look(KeyLook.SELECTED if name == self._sweep.name else KeyLook.PLAIN)
        has_range = bool(self._sweep.name)
        self.range_title.say(shown.title)
        self.range_title.setVisible(has_range)
        self.range.setVisible(has_range)
        has_pictures = bool(self._good_for)
        self.model_key.set_words(f"Seen by: {self._model.words}", self._model.detail)
        self.model_key.setEnabled(has_pictures and not self._is_running)
        self.models.show_lines(
            [
                ChoiceLine(name=m.name, words=m.words, detail=m.detail, icon="eye-outline")
                for m in self._models
            ],
            self._model.name,
        )
        self.model_note.say(self._note(has_pictures))
        self.begin_key.setEnabled(not self._is_running)
        self.begin_key.set_look(KeyLook.PLAIN if self._is_running else KeyLook.PRIMARY)

    def _note(self, has_pictures: bool) -> str:
        if not has_pictures:
            return "This run kept no pictures: no model can look at it again."
        if not self._model.name:
            return ""
        return (
            f"The run's pictures are good {self._good_for}. Weeds and crop stay those that the run"
            " saw; to compare two models fairly, let the run's own look again as well."
        )
