"""What is painted: class, plant, and how the tools are set."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from ui.label.class_key import ClassKey
from ui.label.settings import LARGEST_RADIUS_PX, SMALLEST_RADIUS_PX, ToolSettings
from ui.label.slider import NamedSlider
from ui.review.panels import scrolled
from ui.theme import Theme, ThemeKeeper
from ui.widgets.key import Key, KeyFace, KeyLook
from ui.widgets.words import Words

_FACE = KeyFace(text_px=15, icon_px=20)
_STEPS = 60
_SPAN = math.log(LARGEST_RADIUS_PX / SMALLEST_RADIUS_PX)
_GRAIN_PX = (6.0, 200.0)
_GRAIN_SPAN = math.log(_GRAIN_PX[1] / _GRAIN_PX[0])
_TOLERANCE_STEPS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassWords:
    """A class as the panel shows it; ``shortcut`` is a key such as ``1``."""

    value: int
    name: str
    colour: str
    shortcut: str


class ToolPanel(QWidget):
    """Classes, the plant at work, brush, wand and where paint may go."""

    class_chosen = Signal(int)
    settings_changed = Signal(object)
    """Carries `ToolSettings`."""
    new_plant_asked = Signal()
    classes_asked = Signal()

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keeper = keeper
        self._settings = ToolSettings()
        self.class_keys: dict[int, ClassKey] = {}
        self.plant = Words("", "")
        self.plant_key = Key(keeper, "Next plant", "sprout", "N", _FACE)
        self.classes_key = Key(keeper, "Edit classes", "palette-swatch-outline", "^G", _FACE)
        self.brush = NamedSlider(keeper, "Brush", _STEPS, _write_radius)
        self.tolerance = NamedSlider(keeper, "Tolerance", _TOLERANCE_STEPS, _write_share)
        self.grain = NamedSlider(keeper, "Patches", _STEPS, _write_grain)
        self.soil_key = Key(keeper, "On soil only", "", "Q", _FACE)
        self.green_key = Key(keeper, "On green only", "", "⇧Q", _FACE)
        self.pen_key = Key(keeper, "Pen pressure sets the size", "", "", _FACE)
        self._lay_out()
        self.classes_key.clicked.connect(self.classes_asked)
        self.plant_key.clicked.connect(self.new_plant_asked)
        self.brush.moved.connect(lambda p: self._take(radius_px=_radius_at(p)))
        self.tolerance.moved.connect(lambda p: self._take(tolerance=p / _TOLERANCE_STEPS))
        self.grain.moved.connect(lambda p: self._take(grain_px=_grain_at(p)))
        self.soil_key.clicked.connect(lambda: self._take(only_soil=not self._settings.only_soil))
        self.green_key.clicked.connect(
            lambda: self._take(only_vegetation=not self._settings.only_vegetation)
        )
        self.pen_key.clicked.connect(
            lambda: self._take(pen_pressure=not self._settings.pen_pressure)
        )
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    def show_classes(self, classes: Sequence[ClassWords]) -> None:
        """Take the project's classes."""
        for old in self.class_keys.values():
            old.hide()
            old.deleteLater()
        self.class_keys.clear()
        for place, entry in enumerate(classes):
            key = ClassKey(self._keeper, entry.name, entry.colour, entry.shortcut)
            key.clicked.connect(lambda _checked=False, v=entry.value: self.class_chosen.emit(v))
            self._classes.addWidget(key, *divmod(place, 2))
            self.class_keys[entry.value] = key
        self.show_settings(self._settings)

    def show_settings(self, settings: ToolSettings) -> None:
        """Show what the tools are set to."""
        self._settings = settings
        for value, key in self.class_keys.items():
            chosen = value == settings.class_value
            key.set_look(KeyLook.SELECTED if chosen else KeyLook.PLAIN)
        self.brush.show_position(_position_of(settings.radius_px, SMALLEST_RADIUS_PX, _SPAN))
        self.brush.value.say(_size_words(settings.radius_px))
        self.tolerance.show_position(round(settings.tolerance * _TOLERANCE_STEPS))
        self.grain.show_position(_position_of(settings.grain_px, _GRAIN_PX[0], _GRAIN_SPAN))
        for switch, on in (
            (self.soil_key, settings.only_soil),
            (self.green_key, settings.only_vegetation),
            (self.pen_key, settings.pen_pressure),
        ):
            switch.set_look(KeyLook.SELECTED if on else KeyLook.PLAIN)

    def show_tool(self, name: str) -> None:
        """Show the settings of the tool in use."""
        shown = {
            self.brush: name in ("brush", "erase", "ignore"),
            self.pen_key: name in ("brush", "erase", "ignore"),
            self.tolerance: name == "wand",
            self.grain: name == "superpixels",
        }
        for widget, is_shown in shown.items():
            widget.setVisible(is_shown)

    def show_plant(self, text: str, *, enabled: bool) -> None:
        """Say which plant is painted."""
        self.plant.say(text)
        self.plant_key.setEnabled(enabled)

    def _lay_out(self) -> None:
        inner = QWidget()
        self._column = QVBoxLayout(inner)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._classes = QGridLayout()
        self._column.addLayout(self._classes)
        plants = QHBoxLayout()
        plants.addWidget(self.plant, 1)
        plants.addWidget(self.plant_key, 1)
        self._column.addLayout(plants)
        limits = QHBoxLayout()
        limits.addWidget(self.soil_key)
        limits.addWidget(self.green_key)
        for widget in (self.brush, self.tolerance, self.grain):
            self._column.addWidget(widget)
        self._column.addLayout(limits)
        self._column.addWidget(self.pen_key)
        self._column.addWidget(self.classes_key)
        self._column.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scrolled(inner))

    def _take(self, **changes: float | bool) -> None:
        self.settings_changed.emit(replace(self._settings, **changes))  # type: ignore[arg-type]

    def _set_theme(self, theme: Theme) -> None:
        self._column.setSpacing(theme.px(6))
        self._classes.setSpacing(theme.px(6))


def _radius_at(position: int) -> float:
    return float(SMALLEST_RADIUS_PX * math.exp(_SPAN * position / _STEPS))


def _grain_at(position: int) -> float:
    return float(_GRAIN_PX[0] * math.exp(_GRAIN_SPAN * position / _STEPS))


def _position_of(value: float, least: float, span: float) -> int:
    return round(_STEPS * math.log(value / least) / span)


def _size_words(radius_px: float) -> str:
    return f"{2.0 * radius_px:.0f} px"


def _write_radius(position: int) -> str:
    return _size_words(_radius_at(position))


def _write_grain(position: int) -> str:
    return f"{_grain_at(position):.0f} px"


def _write_share(position: int) -> str:
    return f"{100 * position / _TOLERANCE_STEPS:.0f} %"
