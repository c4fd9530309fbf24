"""Leads through one step: what to do, the live picture, what came out, accept or not."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QScrollArea,
    QScroller,
    QVBoxLayout,
    QWidget,
)

from agriseg.calibration.steps import (
    StepAction,
    StepPhase,
    StepView,
    Tone,
    ValueChange,
)
from agriseg.messages import Picture
from ui.calibration.chart_view import ChartView
from ui.calibration.fields import StepFields
from ui.calibration.keypad import Keypad
from ui.calibration.marked_picture import MarkedPicture
from ui.calibration.value_table import value_table
from ui.theme import Theme, ThemeKeeper
from ui.units import age_text
from ui.widgets.key import Key, KeyFace, KeyLook
from ui.widgets.words import Words

_TONE_SIGNS = {Tone.GUIDE: "", Tone.OK: "✓ ", Tone.WARNING: "! ", Tone.FAULT: "✗ "}
_SIDE_PX = 400


class StepWizard(QWidget):
    """One step on the screen. It decides nothing: what the operator does is told by signals."""

    acted = Signal(str)
    """An action of the step."""
    entered = Signal(str, object)
    """Name of a field and its number or word."""
    tapped = Signal(float, float)
    accepted = Signal()
    discarded = Signal()
    skipped = Signal()
    left = Signal()
    """The operator wants back to the list."""

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keeper = keeper
        self._view: StepView | None = None
        self._refusal = ""
        self.title = Words("", "title")
        self.instruction = Words("", "heading")
        self.progress = QProgressBar()
        self.progress.setRange(0, 100)
        self.progress.setTextVisible(False)
        self._keep_room(self.progress)
        self.remaining = Words("", "note")
        self.picture = MarkedPicture(keeper)
        self.picture.tapped.connect(self.tapped)
        self.chart = ChartView(keeper)
        self.chart.hide()
        self.problems = Words("", "strong")
        self.figures = Words("", "strong")
        self.table = QLabel()
        self.table.setTextFormat(Qt.TextFormat.RichText)
        self.table.setWordWrap(True)
        self.summary = Words("", "strong")
        self.warnings = Words("", "note")
        self.fields = StepFields(keeper)
        self.fields.chosen.connect(self._enter)
        self.action_keys: dict[str, Key] = {}
        self.keypad = Keypad(keeper, self)
        self.fields.asked.connect(self.keypad.ask)
        self.keypad.entered.connect(self._enter)
        self.back_key = Key(keeper, "Steps", "arrow-left", "", KeyFace(text_px=17))
        self.back_key.clicked.connect(self.left)
        self.skip_key = Key(keeper, "Skip", "skip-next", "", KeyFace(text_px=18))
        self.skip_key.clicked.connect(self.skipped)
        self.discard_key = Key(keeper, "Discard", "close", "", KeyFace(text_px=18))
        self.discard_key.clicked.connect(self.discarded)
        self.accept_key = Key(keeper, "Accept", "check-bold", "", KeyFace(text_px=20))
        self.accept_key.clicked.connect(self.accepted)
        self._lay_out()
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    @property
    def field_keys(self) -> dict[str, Key]:
        """Keys of the fields by name; choices as ``name=value``."""
        return self.fields.keys

    @property
    def view(self) -> StepView | None:
        """What is shown."""
        return self._view

    def open(self, title: str) -> None:
        """Begin with an empty step."""
        self._view = None
        self._refusal = ""
        self.title.say(title)
        self.instruction.say("The step is being opened …")
        for words in (self.problems, self.figures, self.summary, self.warnings, self.remaining):
            words.say("")
        self.table.hide()
        self.keypad.hide()
        self.picture.forget()
        self.chart.hide()
        self.progress.setValue(0)
        self.progress.hide()
        self.fields.show_fields(())
        self._draw_actions(())

    def show_view(self, view: StepView, changes: Sequence[ValueChange]) -> None:
        """Draw the step; ``changes`` is what its result would change."""
        self._view = view
        self.instruction.say(view.instruction)
        known = math.isfinite(view.progress)
        runs = view.phase is not StepPhase.PREPARE or view.progress > 0.0
        self.progress.setVisible(runs)
        self.progress.setRange(0, 100 if known else 0)
        if known:
            self.progress.setValue(round(100 * view.progress))
        done = f"{100 * view.progress:.0f} %" if known and runs else ""
        left = f"about {age_text(view.remaining_s)} left" if view.remaining_s > 0.0 else ""
        self.remaining.say(" · ".join(part for part in (done, left) if part))
        question = (view.question.text,) if view.question is not None else ()
        refusal = (self._refusal,) if self._refusal else ()
        self.problems.say("\n".join((*refusal, *question, *view.problems)))
        self.figures.say(
            "\n".join(f"{f.name}: {_TONE_SIGNS[f.tone]}{f.value}" for f in view.figures)
        )
        self.fields.show_fields(view.fields)
        offered = view.question.answers if view.question is not None else view.actions
        self._draw_actions(offered)
        self._draw_result(view, changes)
        self.picture.setVisible(view.needs_picture and view.chart is None)
        self.chart.setVisible(view.chart is not None or not view.needs_picture)
        self.chart.show_chart(view.chart)
        self.picture.show_marks(view.marks, view.picture_size)

    def show_picture(self, picture: Picture, now_s: float) -> None:
        """Take the live picture."""
        self.picture.show_picture(picture, now_s)

    def show_refusal(self, text: str) -> None:
        """Say why something cannot be done, until the operator does something else."""
        self._refusal = text
        self.problems.say(text)

    def _act(self, name: str) -> None:
        self._refusal = ""
        self.acted.emit(name)

    def _enter(self, name: str, value: float | str) -> None:
        self._refusal = ""
        self.entered.emit(name, value)

    # Building

    def _lay_out(self) -> None:
        head_words = QVBoxLayout()
        head_words.addWidget(self.title)
        head_words.addWidget(self.instruction)
        head = QHBoxLayout()
        head.addWidget(self.back_key)
        head.addLayout(head_words, 1)
        self.back_key.setSizePolicy(
            self.back_key.sizePolicy().Policy.Fixed, self.back_key.sizePolicy().Policy.Fixed
        )
        bar = QHBoxLayout()
        bar.addWidget(self.progress, 1)
        bar.addWidget(self.remaining)
        top = QFrame()
        top.setProperty("role", "panel")
        top_column = QVBoxLayout(top)
        top_column.addLayout(head)
        top_column.addLayout(bar)
        self._left = QVBoxLayout()
        self._left.addWidget(self.picture, 1)
        self._left.addWidget(self.chart, 1)
        self._body = QHBoxLayout()
        self._body.addLayout(self._left, 1)
        self._body.addWidget(self._side())
        self._keys = QHBoxLayout()
        self._own_keys = QHBoxLayout()
        self._keys.addLayout(self._own_keys, 4)
        self._keys.addWidget(self.skip_key, 1)
        self._keys.addWidget(self.discard_key, 2)
        self._keys.addWidget(self.accept_key, 4)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addWidget(top)
        self._column.addLayout(self._body, 1)
        self._column.addLayout(self._keys)

    def _side(self) -> QWidget:
        self.side_scroll = QScrollArea()
        self.side_scroll.setWidgetResizable(True)
        self.side_scroll.setFrameShape(QFrame.Shape.NoFrame)
        self.side_scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        QScroller.grabGesture(
            self.side_scroll.viewport(), QScroller.ScrollerGestureType.TouchGesture
        )
        inner = QFrame()
        inner.setProperty("role", "panel")
        self._side_column = QVBoxLayout(inner)
        self._side_column.addWidget(self.problems)
        self._side_column.addWidget(self.fields)
        for widget in (self.figures, self.summary, self.warnings, self.table):
            self._side_column.addWidget(widget)
        self._side_column.addStretch(1)
        self.side_scroll.setWidget(inner)
        return self.side_scroll

    # Drawing

    def _draw_actions(self, actions: Sequence[StepAction]) -> None:
        if list(self.action_keys) != [action.name for action in actions]:
            for key in self.action_keys.values():
                key.hide()
                key.deleteLater()
            self.action_keys.clear()
            for action in actions:
                key = Key(self._keeper, action.word, action.icon, "", KeyFace(text_px=18))
                key.clicked.connect(lambda _checked=False, n=action.name: self._act(n))
                self.action_keys[action.name] = key
                self._own_keys.addWidget(key)
        for action in actions:
            key = self.action_keys[action.name]
            key.set_words(action.word, action.hint, action.icon)
            key.setEnabled(action.enabled)
            main = action.is_main and action.enabled
            key.set_look(KeyLook.PRIMARY if main else KeyLook.PLAIN)

    def _draw_result(self, view: StepView, changes: Sequence[ValueChange]) -> None:
        result = view.result
        has_result = result is not None and view.phase is StepPhase.DONE
        self.accept_key.setVisible(has_result)
        self.discard_key.setVisible(has_result)
        self.skip_key.setVisible(not has_result)
        self.accept_key.set_look(KeyLook.PRIMARY if has_result else KeyLook.PLAIN)
        self.summary.say(result.summary if result is not None else "")
        self.warnings.say("\n".join(f"! {text}" for text in result.warnings) if result else "")
        self.table.setVisible(bool(changes))
        self.table.setText(value_table(changes, ("in force", "new"), self._keeper.theme))

    @staticmethod
    def _keep_room(widget: QWidget) -> None:
        """Leave a widget's room free while it is hidden, so that nothing jumps."""
        policy = widget.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        widget.setSizePolicy(policy)

    def _set_theme(self, theme: Theme) -> None:
        gap = theme.px(8)
        for layout in (self._column, self._left, self._body, self._keys, self._own_keys):
            layout.setSpacing(gap)
        self.side_scroll.setFixedWidth(theme.px(_SIDE_PX))
        self.progress.setFixedHeight(theme.px(14))
