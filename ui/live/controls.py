"""Mode keys and the sensitivity."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QSlider, QVBoxLayout, QWidget

from agriseg.messages import SprayMode
from ui.models.status import MODE_WORDS, sensitivity_words
from ui.theme import Theme, ThemeKeeper
from ui.units import DASH
from ui.widgets.key import HoldKey, Key, KeyFace, KeyLook

_MODE_ICONS = {
    SprayMode.SPOT: "bullseye",
    SprayMode.BAND: "view-week",
    SprayMode.BROADCAST: "shower-head",
    SprayMode.OFF: "cancel",
}
_MODE_SHORTCUTS = {
    SprayMode.SPOT: "1",
    SprayMode.BAND: "2",
    SprayMode.BROADCAST: "3",
    SprayMode.OFF: "0",
}
_PENDING_FOR_MS = 1500
_STEPS = 20
SENSITIVITY_STEP = 0.1


class ModeKeys(QWidget):
    """Spot, band, broadcast, off. What the engine confirms is drawn as chosen.

    Broadcast is confirmed by holding its key: it sprays everything.
    """

    chosen = Signal(object)
    """The operator asks for a `SprayMode`."""
    hold_needed = Signal(str)
    """The broadcast key was let go too early; carries what to do."""

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._mode: SprayMode | None = None
        self._asked: SprayMode | None = None
        self._forget = QTimer(self)
        self._forget.setSingleShot(True)
        self._forget.setInterval(_PENDING_FOR_MS)
        self._forget.timeout.connect(self._give_up)
        face = KeyFace(text_px=16, icon_px=26, min_width_px=78, min_height_px=76, stacked=True)
        self.keys: dict[SprayMode, Key] = {}
        self.broadcast = HoldKey(keeper, "Broadcast", _MODE_ICONS[SprayMode.BROADCAST], "3", face)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for mode, word in MODE_WORDS.items():
            if mode is SprayMode.BROADCAST:
                key: Key = self.broadcast
                self.broadcast.set_words(word, "hold")
                self.broadcast.confirmed.connect(self._choose_broadcast)
                self.broadcast.let_go_early.connect(self._remind)
            else:
                key = Key(keeper, word, _MODE_ICONS[mode], _MODE_SHORTCUTS[mode], face)
                key.clicked.connect(lambda _checked=False, m=mode: self.choose(m))
            self.keys[mode] = key
            row.addWidget(key)

    def choose(self, mode: SprayMode) -> None:
        """Ask for a mode and show it as pending until the engine confirms it."""
        self._asked = mode
        self._forget.start()
        self._draw()
        self.chosen.emit(mode)

    def show_mode(self, mode: SprayMode) -> None:
        """Show the mode that the engine confirms."""
        self._mode = mode
        if mode is self._asked:
            self._asked = None
        self._draw()

    def _choose_broadcast(self) -> None:
        self.choose(SprayMode.BROADCAST)

    def _remind(self) -> None:
        self.hold_needed.emit("Hold Broadcast until the bar is full: it opens every nozzle.")

    def _give_up(self) -> None:
        self._asked = None
        self._draw()

    def _draw(self) -> None:
        for mode, key in self.keys.items():
            if mode is self._mode:
                look = KeyLook.WARNING if mode is SprayMode.BROADCAST else KeyLook.SELECTED
            elif mode is self._asked:
                look = KeyLook.PENDING
            else:
                look = KeyLook.PLAIN
            key.set_look(look)
            key.setAccessibleDescription("chosen" if mode is self._mode else "")


class SensitivityControl(QWidget):
    """How doubtful a weed may be and still be sprayed, in the operator's words."""

    chosen = Signal(float)
    """The operator asks for a sensitivity, 0 to 1."""

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._value = 0.5
        self._asked: float | None = None
        self._forget = QTimer(self)
        self._forget.setSingleShot(True)
        self._forget.setInterval(_PENDING_FOR_MS)
        self._forget.timeout.connect(self._give_up)
        face = KeyFace(text_px=16, icon_px=30)
        self.less = Key(keeper, "", "minus", "−", face)
        self.more = Key(keeper, "", "plus", "+", face)
        for key, name, step in (
            (self.less, "Less sensitive", -SENSITIVITY_STEP),
            (self.more, "More sensitive", SENSITIVITY_STEP),
        ):
            key.setAccessibleName(name)
            key.setToolTip(name)
            key.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
            key.clicked.connect(lambda _checked=False, s=step: self.step(s))
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, _STEPS)
        self.slider.setPageStep(_STEPS // 5)
        self.slider.setAccessibleName("Sensitivity")
        self.slider.valueChanged.connect(self._slid)
        self.words = QLabel(DASH)
        self.words.setProperty("role", "strong")
        self.words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._title = QLabel("Sensitivity")
        self._title.setProperty("role", "title")
        self._title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        middle = QVBoxLayout()
        middle.setContentsMargins(0, 2, 0, 2)
        middle.setSpacing(0)
        middle.addWidget(self._title)
        middle.addWidget(self.words)
        middle.addWidget(self.slider, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.less)
        row.addLayout(middle, 1)
        row.addWidget(self.more)
        self.setEnabled(False)
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    @property
    def value(self) -> float:
        """The sensitivity shown."""
        return self._value if self._asked is None else self._asked

    def step(self, by: float) -> None:
        """Ask for a sensitivity higher or lower by ``by``, once the present one is known."""
        if not self.isEnabled():
            return
        self._ask(min(1.0, max(0.0, round(self.value + by, 2))))

    def show_sensitivity(self, value: float) -> None:
        """Show what the engine confirms, unless the operator is just changing it."""
        self.setEnabled(True)
        self._value = value
        if self._asked is not None and abs(self._asked - value) < 0.005:
            self._asked = None
            self._forget.stop()
        if self._asked is None and not self.slider.isSliderDown():
            self._draw(value)

    def _slid(self, position: int) -> None:
        self._ask(position / _STEPS)

    def _ask(self, value: float) -> None:
        self._asked = value
        self._forget.start()
        self._draw(value)
        self.chosen.emit(value)

    def _give_up(self) -> None:
        self._asked = None
        self._draw(self._value)

    def _draw(self, value: float) -> None:
        self.slider.blockSignals(True)
        self.slider.setValue(round(value * _STEPS))
        self.slider.blockSignals(False)
        self.words.setText(sensitivity_words(value))
        self.slider.setAccessibleDescription(self.words.text())

    def _set_theme(self, theme: Theme) -> None:
        self.slider.setMinimumHeight(theme.px(36))
