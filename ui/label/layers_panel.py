"""Which layers lie on the picture, and how opaque they are."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from ui.label.composing import LayerLook
from ui.label.slider import NamedSlider
from ui.theme import Theme, ThemeKeeper
from ui.widgets.key import Key, KeyFace, KeyLook
from ui.widgets.words import Words

_FACE = KeyFace(text_px=15, icon_px=20)
_STEPS = 20
_LAYERS = (
    ("filled", "Classes", "format-color-fill", "^1"),
    ("outlines", "Outlines", "shape-outline", "^2"),
    ("doubt", "Doubt", "help-rhombus-outline", "^3"),
    ("stems", "Stems", "map-marker", "^4"),
    ("findings", "Findings", "clipboard-alert-outline", "^5"),
)
LAYER_ACTIONS = {
    "layer-classes": "filled",
    "layer-outlines": "outlines",
    "layer-doubt": "doubt",
    "layer-stems": "stems",
    "layer-findings": "findings",
}


class LayersPanel(QWidget):
    """Switches and opacities; it keeps the look and tells of every change."""

    changed = Signal(object)
    """Carries `LayerLook`."""

    def __init__(self, keeper: ThemeKeeper, look: LayerLook, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.look = look
        self.keys = {
            name: Key(keeper, word, icon, shortcut, _FACE) for name, word, icon, shortcut in _LAYERS
        }
        self.labels = NamedSlider(keeper, "Opacity of the classes", _STEPS, _percent)
        self.picture = NamedSlider(keeper, "Brightness of the picture", _STEPS, _percent)
        self.doubt = NamedSlider(keeper, "Doubtful below", _STEPS, _percent)
        self._grid = QGridLayout()
        for place, (name, key) in enumerate(self.keys.items()):
            key.clicked.connect(lambda _checked=False, n=name: self.toggle(n))
            self._grid.addWidget(key, *divmod(place, 2))
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addLayout(self._grid)
        for slider, field in (
            (self.labels, "classes"),
            (self.picture, "picture"),
            (self.doubt, "doubt_below"),
        ):
            slider.moved.connect(lambda p, f=field: self._take(**{f: p / _STEPS}))
            self._column.addWidget(slider)
        self._column.addWidget(
            Words(
                "Doubt is how sure the model was; what a person painted is never doubtful.", "note"
            )
        )
        self._column.addStretch(1)
        self._draw()
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    def toggle(self, name: str) -> None:
        """Show or hide a layer."""
        self._take(**{name: not getattr(self.look, name)})

    def hide_all(self) -> None:
        """Hide or show all labels at once."""
        self._take(hidden=not self.look.hidden)

    def step_opacity(self, steps: int) -> None:
        """Make the classes more opaque, or less."""
        share = round(self.look.classes * _STEPS + 2 * steps) / _STEPS
        self._take(classes=min(max(share, 0.0), 1.0))

    def show_colours(self, colours: dict[int, str]) -> None:
        """Take the project's colours."""
        self._take(colours=colours)

    def _take(self, **changes: object) -> None:
        self.look = replace(self.look, **changes)  # type: ignore[arg-type]
        self._draw()
        self.changed.emit(self.look)

    def _draw(self) -> None:
        for name, key in self.keys.items():
            on = getattr(self.look, name) and not self.look.hidden
            key.set_look(KeyLook.SELECTED if on else KeyLook.PLAIN)
        self.labels.show_position(round(self.look.classes * _STEPS))
        self.picture.show_position(round(self.look.picture * _STEPS))
        self.doubt.show_position(round(self.look.doubt_below * _STEPS))

    def _set_theme(self, theme: Theme) -> None:
        self._column.setSpacing(theme.px(6))
        self._grid.setSpacing(theme.px(6))


def _percent(position: int) -> str:
    return f"{100 * position / _STEPS:.0f} %"
