"""Beside the picture: the plant explained, layers, marks; how a long job goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QScrollArea,
    QScroller,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from agriseg.recording.marks import Mark
from ui.models.review_plant import PlantWords, Verdict
from ui.review.picture import Layers
from ui.theme import ThemeKeeper
from ui.units import clock_text
from ui.widgets.key import Key, KeyFace, KeyLook
from ui.widgets.words import Words

_FACE = KeyFace(text_px=16, icon_px=22)
_SIGNS = {
    Verdict.SPRAYED: "✓ Sprayed, confirmed",
    Verdict.UNCONFIRMED: "! Commanded, not confirmed",
    Verdict.MISSED: "✗ Missed",
    Verdict.LEFT: "– Left",
    Verdict.CROP: "– Crop, left",
    Verdict.CROP_SPRAYED: "! Crop, sprayed",
}
_NO_PLANT = (
    "Touch a plant in the picture or on the map, or go from plant to plant with N and B, from miss"
    " to miss with J and H."
)


class PlantPanel(QWidget):
    """Why a plant was sprayed, or why not."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = Words("", "heading")
        self.verdict = Words("", "strong")
        self.sentence = Words(_NO_PLANT, "")
        self._rows: list[tuple[Words, Words]] = []
        inner = QWidget()
        self._grid = QGridLayout(inner)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setColumnStretch(1, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for words in (self.title, self.verdict, self.sentence):
            column.addWidget(words)
        column.addWidget(scrolled(inner), 1)

    def show_words(self, words: PlantWords | None) -> None:
        """Explain a plant; None for none."""
        if words is None:
            self.title.say("")
            self.verdict.say("")
            self.sentence.say(_NO_PLANT)
            self._draw(())
            return
        self.title.say(words.title)
        self.verdict.say(_SIGNS[words.verdict])
        self.sentence.say(words.sentence)
        self._draw(words.rows)

    def _draw(self, rows: Sequence[tuple[str, str]]) -> None:
        while len(self._rows) < len(rows):
            name, value = Words("", "note"), Words("", "")
            name.setWordWrap(False)
            row = len(self._rows)
            self._grid.addWidget(name, row, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(value, row, 1, Qt.AlignmentFlag.AlignTop)
            self._grid.setRowStretch(row, 0)
            self._grid.setRowStretch(row + 1, 1)
            self._rows.append((name, value))
        padded = [*rows, *[("", "")] * (len(self._rows) - len(rows))]
        for (name, value), (name_text, value_text) in zip(self._rows, padded, strict=True):
            name.say(name_text)
            value.say(value_text)


class LayersPanel(QWidget):
    """Which layers lie on the picture, and how opaque the mask is."""

    changed = Signal(object)
    """Carries `Layers`."""

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.layers = Layers()
        self.keys = {
            "mask": Key(keeper, "What the model saw", "layers", "1", _FACE),
            "plants": Key(keeper, "Plants", "sprout", "2", _FACE),
            "boom": Key(keeper, "Boom and nozzles", "spray", "3", _FACE),
        }
        self.opacity = QSlider(Qt.Orientation.Horizontal)
        self.opacity.setRange(10, 100)
        self.opacity.setValue(round(100 * self.layers.opacity))
        self.opacity.setMinimumHeight(keeper.theme.touch_px())
        self.opacity.setAccessibleName("Opacity of what the model saw")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for name, key in self.keys.items():
            key.clicked.connect(lambda _checked=False, n=name: self.toggle(n))
            column.addWidget(key)
        column.addWidget(Words("Opacity of what the model saw", "title"))
        column.addWidget(self.opacity)
        column.addStretch(1)
        self.opacity.valueChanged.connect(self._set_opacity)
        self._draw()

    def toggle(self, name: str) -> None:
        """Show or hide a layer."""
        self._take(replace(self.layers, **{name: not getattr(self.layers, name)}))

    def _set_opacity(self, value: int) -> None:
        self._take(replace(self.layers, opacity=value / 100.0))

    def _take(self, layers: Layers) -> None:
        self.layers = layers
        self._draw()
        self.changed.emit(layers)

    def _draw(self) -> None:
        for name, key in self.keys.items():
            key.set_look(KeyLook.SELECTED if getattr(self.layers, name) else KeyLook.PLAIN)


class MarksPanel(QWidget):
    """The operator's marks: set here, gone to, taken away."""

    set_asked = Signal(str)
    removed = Signal(int)
    sought = Signal(float)

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keeper = keeper
        self.text = QLineEdit()
        self.text.setPlaceholderText("What is here")
        self.mark_key = Key(keeper, "Mark this moment", "map-marker-plus", "", _FACE)
        self.problem = Words("", "strong")
        self.rows: dict[int, tuple[Key, Key]] = {}
        inner = QWidget()
        self._list = QVBoxLayout(inner)
        self._list.setContentsMargins(0, 0, 0, 0)
        self.empty = Words("No marks yet.", "note")
        self._list.addWidget(self.empty)
        self._list.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.text)
        column.addWidget(self.mark_key)
        column.addWidget(self.problem)
        column.addWidget(scrolled(inner), 1)
        self.mark_key.clicked.connect(self._mark)
        self.text.returnPressed.connect(self._mark)

    def show_marks(self, marks: Sequence[Mark], start_s: float) -> None:
        """List the marks by their time."""
        for keys in self.rows.values():
            for key in keys:
                key.deleteLater()
        self.rows.clear()
        self.empty.setVisible(not marks)
        for mark in marks:
            when = clock_text(mark.t_s - start_s)
            go = Key(
                self._keeper,
                mark.text or "Mark",
                "map-marker",
                "",
                KeyFace(text_px=15, icon_px=20, min_width_px=120, left=True),
            )
            go.set_words(mark.text or "Mark", when)
            away = Key(self._keeper, "", "close", "", KeyFace(icon_px=22))
            away.setAccessibleName(f"Take the mark at {when} away")
            away.setSizePolicy(away.sizePolicy().Policy.Fixed, away.sizePolicy().Policy.Fixed)
            go.clicked.connect(lambda _c=False, t=mark.t_s: self.sought.emit(t))
            away.clicked.connect(lambda _c=False, i=mark.mark_id: self.removed.emit(i))
            row = QHBoxLayout()
            row.addWidget(go, 1)
            row.addWidget(away)
            self._list.insertLayout(self._list.count() - 1, row)
            self.rows[mark.mark_id] = (go, away)

    def _mark(self) -> None:
        self.set_asked.emit(self.text.text().strip())
        self.text.clear()


class JobBar(QFrame):
    """Progress of a job, its remaining time, and the key that gives it up."""

    cancelled = Signal()

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words = Words("", "note")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.cancel_key = Key(keeper, "Cancel", "close", "", _FACE)
        self.cancel_key.clicked.connect(self.cancelled)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.words)
        column.addWidget(self.bar)
        column.addWidget(self.cancel_key)
        self.hide()

    def show_share(self, what: str, share: float, left_s: float) -> None:
        """Say how far it is; a share of 0 is not known yet."""
        self.show()
        self.bar.setRange(0, 100 if share > 0.0 else 0)
        self.bar.setValue(round(100 * share))
        left = f", about {clock_text(left_s + 0.999)} left" if left_s == left_s else ""
        done = f": {100 * share:.0f} %" if share > 0.0 else " …"
        self.words.say(f"{what}{done}{left}")


def scrolled(inner: QWidget) -> QScrollArea:
    """Return a scroll area that a finger can move."""
    scroll = QScrollArea()
    scroll.setWidgetResizable(True)
    scroll.setFrameShape(QFrame.Shape.NoFrame)
    scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    QScroller.grabGesture(scroll.viewport(), QScroller.ScrollerGestureType.TouchGesture)
    scroll.setWidget(inner)
    return scroll
