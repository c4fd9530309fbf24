"""The boundary in force, one that is looked at before it is used, and how to get rid of it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from ui.field.position_panel import FactTable, LevelIcon
from ui.models.field_boundary import BoundaryView
from ui.models.status import Level
from ui.review.panels import JobBar, scrolled
from ui.theme import ThemeKeeper
from ui.widgets.key import Key, KeyFace, KeyLook
from ui.widgets.words import Words

_FACE = KeyFace(text_px=17, icon_px=24)
_CAN_DROP = "A boundary file can be dropped on this page, too."


class BoundaryPanel(QWidget):
    """Words and keys; the page reads the files and draws the plan."""

    browse_asked = Signal()
    use_asked = Signal()
    discarded = Signal()
    """The operator does not want the boundary that is looked at."""
    removed = Signal()
    cancelled = Signal()
    """The file that is being read is not wanted any more."""

    def __init__(self, keeper: ThemeKeeper) -> None:
        super().__init__()
        self._refusal = ""
        self._reading = ""
        self._has_boundary = False
        self._is_asking = False
        self.icon = LevelIcon(keeper)
        self.title = Words("", "heading")
        self.detail = Words("", "")
        self.facts = FactTable()
        self.doubts = Words("", "strong")
        self.problem = Words("", "strong")
        self.note = Words(_CAN_DROP, "note")
        self.job = JobBar(keeper)
        self.job.cancelled.connect(self.cancelled)
        self.browse_key = Key(keeper, "Choose a file", "folder-open-outline", "", _FACE)
        self.remove_key = Key(keeper, "Remove", "close", "", _FACE)
        self.use_key = Key(
            keeper, "USE THIS BOUNDARY", "check-bold", "", KeyFace(text_px=19, icon_px=28)
        )
        self.use_key.set_look(KeyLook.PRIMARY)
        self.discard_key = Key(keeper, "Not this one", "close", "", _FACE)
        self.browse_key.clicked.connect(self.browse_asked)
        self.remove_key.clicked.connect(self._remove)
        self.use_key.clicked.connect(self.use_asked)
        self.discard_key.clicked.connect(self.discarded)
        self._candidate: tuple[str, tuple[str, ...]] = ("", ())
        self._lay_out()
        self._draw_keys()

    @property
    def _is_candidate(self) -> bool:
        return bool(self._candidate[0])

    def show_view(self, view: BoundaryView, *, has_boundary: bool) -> None:
        """Say what the boundary in force does."""
        if not self._is_candidate:
            self.icon.show_level(view.level, view.icon)
            self.title.say(view.title)
            self.detail.say(view.detail)
        if has_boundary != self._has_boundary:
            self._has_boundary = has_boundary
            self._is_asking = False
            self._draw_keys()

    def show_facts(self, facts: tuple[tuple[str, str], ...]) -> None:
        """Say what the boundary holds that the plan shows."""
        self.facts.show_facts(facts)

    def show_candidate(self, name: str, doubts: tuple[str, ...]) -> None:
        """Ask whether a boundary that was read is to be used; empty for none."""
        if (name, doubts) == self._candidate:
            return
        self._candidate = (name, doubts)
        self._is_asking = False
        if name:
            self.icon.show_level(Level.WARNING if doubts else Level.WAIT, "eye-outline")
            self.title.say(name)
            self.detail.say("It can be used. The plan shows it; nothing has been changed yet.")
            self.problem.say("")
        self.doubts.say("\n".join(doubts))
        self._draw_keys()

    def show_reading(self, name: str) -> None:
        """Say which file is being read; empty when none is."""
        if name == self._reading:
            return
        self._reading = name
        if name:
            self.job.show_share(f"{name} is read", 0.0, float("nan"))
        else:
            self.job.hide()
        self._draw_keys()

    def show_problem(self, text: str) -> None:
        """Say why a file cannot be used."""
        self.problem.say(text)

    def show_refusal(self, refusal: str) -> None:
        """Take why nothing can be changed now; empty when it can."""
        if refusal != self._refusal:
            self._refusal = refusal
            self._is_asking = False
            self._draw_keys()

    def _remove(self) -> None:
        """Ask first: without a boundary nothing limits spraying."""
        if not self._is_asking:
            self._is_asking = True
            self._draw_keys()
            return
        self._is_asking = False
        self.removed.emit()
        self._draw_keys()

    def _draw_keys(self) -> None:
        can_change = not self._refusal
        for key in (self.use_key, self.discard_key):
            key.setVisible(self._is_candidate)
        self.use_key.setEnabled(can_change)
        self.browse_key.setVisible(not self._is_candidate)
        self.browse_key.setEnabled(can_change and not self._reading)
        words = "Choose another" if self._has_boundary else "Choose a file"
        self.browse_key.set_words(words)
        self.remove_key.setVisible(self._has_boundary and not self._is_candidate)
        self.remove_key.setEnabled(can_change)
        self.remove_key.set_words(
            *(("Remove it?", "nothing limits spraying") if self._is_asking else ("Remove", ""))
        )
        self.remove_key.set_look(KeyLook.WARNING if self._is_asking else KeyLook.PLAIN)
        self.note.say(self._refusal or ("" if self._is_candidate else _CAN_DROP))

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self.icon)
        head.addWidget(self.title, 1)
        inner = QWidget()
        words = QVBoxLayout(inner)
        words.setContentsMargins(0, 0, 0, 0)
        words.addLayout(head)
        words.addWidget(self.detail)
        words.addWidget(self.doubts)
        words.addWidget(self.problem)
        words.addLayout(self.facts)
        words.addStretch(1)
        keys = QHBoxLayout()
        keys.addWidget(self.browse_key, 2)
        keys.addWidget(self.remove_key, 1)
        keys.addWidget(self.discard_key, 1)
        keys.addWidget(self.use_key, 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(scrolled(inner), 1)
        column.addWidget(self.job)
        column.addWidget(self.note)
        column.addLayout(keys)
