"""The steps with their state, and what is known of the one selected."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QScroller,
    QVBoxLayout,
    QWidget,
)

from agriseg.calibration.due import StepState, StepStatus
from agriseg.calibration.entries import CalibratedValue, CalibrationEntry
from agriseg.calibration.steps import ValueChange
from ui.calibration.value_table import value_table
from ui.models.calibration import history_text, state_word
from ui.theme import Theme, ThemeKeeper
from ui.widgets.key import Key, KeyFace, KeyLook
from ui.widgets.words import Words

_FACE = KeyFace(text_px=19, icon_px=32, min_width_px=200, min_height_px=84, left=True)
_MOST_SHOWN = 12
_MOST_VALUES = 12
_A_COLUMN = 4


class StepList(QWidget):
    """Steps at the left; state, history and keys of the selected one at the right."""

    selected = Signal(str)
    begun = Signal(str)
    undone = Signal(str)
    """The operator takes the newest calibration of a step back, after being asked."""
    machines_asked = Signal()
    certificate_asked = Signal()
    files_asked = Signal(str)
    """Files that belong to this step."""

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keeper = keeper
        self._step = ""
        self._asks_undo = False
        self.step_keys: dict[str, Key] = {}
        self.title = Words("", "heading")
        self.purpose = Words("", "note")
        self.state = Words("", "strong")
        self.refusal = Words("", "strong")
        self.values = QLabel()
        self.values.setTextFormat(Qt.TextFormat.RichText)
        self.values.setWordWrap(True)
        self.values.hide()
        self.history = Words("", "note")
        self.machine = Words("", "note")
        self.start_key = Key(
            keeper, "Begin", "play", "", KeyFace(text_px=20, icon_px=34, min_height_px=76)
        )
        self.start_key.clicked.connect(lambda: self.begun.emit(self._step))
        self.undo_key = Key(keeper, "Take back", "undo", "", KeyFace(text_px=18))
        self.undo_key.clicked.connect(self._undo)
        self.certificate_key = Key(keeper, "Certificate", "certificate", "", KeyFace(text_px=18))
        self.certificate_key.clicked.connect(self.certificate_asked)
        self.files_key = Key(keeper, "Files", "printer", "", KeyFace(text_px=18))
        self.files_key.clicked.connect(lambda: self.files_asked.emit(self._step))
        self.machines_key = Key(keeper, "Machines", "tractor", "", KeyFace(text_px=18))
        self.machines_key.clicked.connect(self.machines_asked)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.addWidget(self._left(), 1)
        self._row.addWidget(self._right(), 1)
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    @property
    def step(self) -> str:
        """Name of the selected step."""
        return self._step

    def show_steps(self, statuses: Sequence[StepStatus], selected: str) -> None:
        """Show the steps in order."""
        if selected != self._step:
            self._ask_undo(False)
        self._step = selected
        for number, status in enumerate(statuses, start=1):
            name = status.info.name
            key = self.step_keys.get(name) or self._add(status)
            key.set_words(f"{number}  {status.info.title}", state_word(status), status.info.icon)
            key.set_look(KeyLook.SELECTED if name == selected else KeyLook.PLAIN)
            if name == selected:
                self._draw_selected(status)

    def show_history(
        self, entries: Sequence[CalibrationEntry], undone: frozenset[int], in_force: int | None
    ) -> None:
        """Show what was measured in the selected step, newest first."""
        lines = [
            history_text(entry, entry.entry_id in undone, entry.entry_id == in_force)
            for entry in reversed(entries)
        ]
        shown = lines[:_MOST_SHOWN]
        if len(lines) > _MOST_SHOWN:
            shown.append(f"and {len(lines) - _MOST_SHOWN} before: agriseg calibrate history")
        self.history.say("\n\n".join(shown) or "Nothing was measured yet.")
        self.undo_key.setEnabled(in_force is not None)

    def show_values(self, values: Sequence[CalibratedValue]) -> None:
        """Show the selected step's values that are in force, each with the one before it."""
        rows = [
            ValueChange(key=v.key, value=v.value, std=v.std, before=v.before)
            for v in values[:_MOST_VALUES]
        ]
        text = value_table(rows, ("before", "in force"), self._keeper.theme)
        if len(values) > _MOST_VALUES:
            text += f"and {len(values) - _MOST_VALUES} more: agriseg calibrate show"
        self.values.setText(text)
        self.values.setVisible(bool(values))

    def show_machine(self, text: str) -> None:
        """Say whose calibration this is."""
        self.machine.say(text)

    def show_certificate(self, possible: bool) -> None:
        """Offer to write a certificate where a verification drive is in force."""
        self.certificate_key.setVisible(possible)

    def show_files(self, word: str, icon: str) -> None:
        """Offer the files that belong to the selected step; empty where there are none."""
        self.files_key.setVisible(bool(word))
        self.files_key.set_words(word, "", icon)

    def show_refusal(self, text: str) -> None:
        """Say why no step can begin now; empty when one can."""
        self.refusal.say(text)
        self.start_key.setEnabled(not text)
        self.start_key.set_look(KeyLook.PLAIN if text else KeyLook.PRIMARY)

    # Building

    def _left(self) -> QFrame:
        panel = QFrame()
        panel.setProperty("role", "panel")
        column = QVBoxLayout(panel)
        column.addWidget(Words("Calibration", "heading"))
        column.addWidget(
            Words("In this order, 1 first. Nothing changes before you accept it.", "note")
        )
        self._steps = QGridLayout()
        column.addLayout(self._steps)
        column.addStretch(1)
        column.addWidget(Words("Machine", "title"))
        column.addWidget(self.machine)
        column.addWidget(self.machines_key)
        return panel

    def _right(self) -> QFrame:
        panel = QFrame()
        panel.setProperty("role", "panel")
        column = QVBoxLayout(panel)
        for words in (self.title, self.purpose, self.state):
            column.addWidget(words)
        column.addWidget(Words("What was measured", "title"))
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        QScroller.grabGesture(scroll.viewport(), QScroller.ScrollerGestureType.TouchGesture)
        inner = QWidget()
        inner_column = QVBoxLayout(inner)
        inner_column.setContentsMargins(0, 0, 0, 0)
        inner_column.addWidget(self.values)
        inner_column.addWidget(self.history)
        inner_column.addStretch(1)
        scroll.setWidget(inner)
        column.addWidget(scroll, 1)
        column.addWidget(self.refusal)
        keys = QHBoxLayout()
        keys.addWidget(self.undo_key, 2)
        keys.addWidget(self.certificate_key, 2)
        keys.addWidget(self.files_key, 2)
        keys.addWidget(self.start_key, 3)
        column.addLayout(keys)
        return panel

    def _add(self, status: StepStatus) -> Key:
        key = Key(self._keeper, status.info.title, status.info.icon, "", _FACE)
        key.setToolTip(status.info.purpose)
        key.clicked.connect(lambda _checked=False, n=status.info.name: self.selected.emit(n))
        self.step_keys[status.info.name] = key
        column, row = divmod(len(self.step_keys) - 1, _A_COLUMN)
        self._steps.addWidget(key, row, column)
        return key

    def _draw_selected(self, status: StepStatus) -> None:
        self.title.say(status.info.title)
        self.purpose.say(status.info.purpose)
        self.state.say(status.text)
        again = status.state is not StepState.MISSING
        self.start_key.set_words("Measure again" if again else "Begin")

    def _undo(self) -> None:
        if self._asks_undo:
            self._ask_undo(False)
            self.undone.emit(self._step)
        else:
            self._ask_undo(True)

    def _ask_undo(self, asks: bool) -> None:
        self._asks_undo = asks
        self.undo_key.set_words("Really take back?" if asks else "Take back")
        self.undo_key.set_look(KeyLook.WARNING if asks else KeyLook.PLAIN)

    def _set_theme(self, theme: Theme) -> None:
        self._row.setSpacing(theme.px(8))
        self._steps.setSpacing(theme.px(6))
