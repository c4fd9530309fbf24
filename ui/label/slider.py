"""A named slider that says its value and leaves the keyboard to the page."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSlider, QVBoxLayout, QWidget

from ui.theme import Theme, ThemeKeeper
from ui.widgets.words import Words


class NamedSlider(QWidget):
    """Chooses one of ``steps`` + 1 positions; what they mean is said by ``write``."""

    moved = Signal(int)
    """By the user alone."""

    def __init__(
        self,
        keeper: ThemeKeeper,
        name: str,
        steps: int,
        write: Callable[[int], str],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._write = write
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, steps)
        self.slider.setAccessibleName(name)
        self.slider.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.value = Words("", "strong")
        self.value.setWordWrap(False)
        head = QHBoxLayout()
        head.addWidget(Words(name, "title"), 1)
        head.addWidget(self.value)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(self.slider)
        self.slider.valueChanged.connect(self._say)
        self.slider.valueChanged.connect(self.moved)
        self._say(self.slider.value())
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    def show_position(self, position: int) -> None:
        """Move it without telling anybody."""
        self.slider.blockSignals(True)
        self.slider.setValue(position)
        self.slider.blockSignals(False)
        self._say(self.slider.value())

    def _say(self, position: int) -> None:
        self.value.say(self._write(position))

    def _set_theme(self, theme: Theme) -> None:
        self.slider.setMinimumHeight(theme.px(44))
