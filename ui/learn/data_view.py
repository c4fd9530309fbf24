"""What to learn from, what to begin with, where and how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from ui.models.learning import (
    LENGTHS,
    DataRole,
    LengthChoice,
    begin_refusal,
    begin_warning,
)
from ui.review.panels import scrolled
from ui.theme import Theme, ThemeKeeper
from ui.widgets.key import Key, KeyFace, KeyLook
from ui.widgets.words import Words

_FACE = KeyFace(text_px=17, icon_px=24)
_ROLE_FACE = KeyFace(text_px=17, min_width_px=150)
_ABOUT = (
    "Pictures that were corrected on the page Label make the model better where it was wrong. Touch"
    " the key beside a folder to say what it is there for."
)
_EMPTY = (
    "No labelled pictures are known yet. Correct some on the page Label (F7), or add a folder with"
    " images/ and masks/."
)
_LOOKS = {
    DataRole.NEW: KeyLook.PRIMARY,
    DataRole.REPLAY: KeyLook.SELECTED,
    DataRole.PROTECTED: KeyLook.SELECTED,
    DataRole.OFF: KeyLook.PLAIN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the user wants learned.

    Attributes
    ----------
    folders : tuple of (Path, DataRole)
        Those that are used.
    runs : tuple of Path
        Recorded runs to compare on.
    length : LengthChoice
    computer : str
        ``user@host``; empty for this one.
    """

    folders: tuple[tuple[Path, DataRole], ...]
    runs: tuple[Path, ...]
    length: LengthChoice
    computer: str


class DataView(QWidget):
    """The form in front of a job; what is asked is told by signals."""

    begun = Signal(object)
    """Carries a `Wanted`."""
    add_asked = Signal()
    run_asked = Signal()
    changed = Signal()

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keeper = keeper
        self._length = LENGTHS[1]
        self._refusal = ""
        self._is_busy = False
        self.roles: dict[Path, DataRole] = {}
        self.runs: list[Path] = []
        self.role_keys: dict[Path, Key] = {}
        self._hints: dict[Path, Words] = {}
        self.about = Words(_ABOUT, "note")
        self.empty = Words(_EMPTY, "strong")
        self.add_key = Key(keeper, "Add a folder", "folder-plus-outline", "", _FACE)
        self.run_key = Key(keeper, "Compare on a run", "history", "", _FACE)
        self.run_words = Words("", "note")
        self.start_words = Words("", "strong")
        self.length_keys = {
            one.word: Key(keeper, one.word, "", "", KeyFace(text_px=17)) for one in LENGTHS
        }
        self.computer = QLineEdit()
        self.computer.setPlaceholderText("this computer, or user@server")
        self.computer.setAccessibleName("Where to learn: empty for this computer, or user@server")
        self.computer_words = Words("", "note")
        self.warning = Words("", "note")
        self.problem = Words("", "strong")
        self.begin_key = Key(keeper, "Begin to learn", "school-outline", "", KeyFace(text_px=20))
        self._lay_out()
        self._connect()
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)
        self._draw()

    @property
    def wanted(self) -> Wanted:
        """What is chosen now."""
        used = [(path, role) for path, role in self.roles.items() if role is not DataRole.OFF]
        return Wanted(
            folders=tuple(used),
            runs=tuple(self.runs),
            length=self._length,
            computer=self.computer.text().strip(),
        )

    def show_folders(self, roles: Sequence[tuple[Path, DataRole]]) -> None:
        """List folders of labelled pictures, each with what it is there for."""
        self.roles = dict(roles)
        self._draw_rows()
        self._draw()

    def add_folder(self, folder: Path, role: DataRole = DataRole.NEW) -> None:
        """List one more folder."""
        self.roles[folder] = role
        self._draw_rows()
        self._draw()
        self.changed.emit()

    def add_run(self, run: Path) -> None:
        """Compare on one more recorded run."""
        if run not in self.runs:
            self.runs.append(run)
        self._draw()

    def show_start(self, words: str) -> None:
        """Say which model it begins with."""
        self.start_words.say(words)

    def show_problem(self, text: str) -> None:
        """Say why it could not begin."""
        self.problem.say(text)

    def show_refusal(self, text: str) -> None:
        """Say why nothing can begin now (spraying is on); empty when it can."""
        self._refusal = text
        self._draw()

    def show_busy(self, is_busy: bool) -> None:
        """While a job is being begun, no other can be."""
        self._is_busy = is_busy
        self._draw()

    # What the user does

    def _turn(self, folder: Path) -> None:
        self.roles[folder] = self.roles[folder].next
        self._draw_row(folder)
        self._draw()
        self.changed.emit()

    def _choose(self, length: LengthChoice) -> None:
        self._length = length
        self._draw()

    def _begin(self) -> None:
        if self.begin_key.isEnabled():
            self.problem.say("")
            self.begun.emit(self.wanted)

    # Drawing

    def _lay_out(self) -> None:
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.addWidget(self._left(), 6)
        self._row.addWidget(self._right(), 5)

    def _left(self) -> QFrame:
        panel = QFrame()
        panel.setProperty("role", "panel")
        inner = QWidget()
        self._list = QVBoxLayout(inner)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.addStretch(1)
        column = QVBoxLayout(panel)
        column.addWidget(Words("Pictures", "heading"))
        column.addWidget(self.about)
        column.addWidget(self.empty)
        column.addWidget(scrolled(inner), 1)
        column.addWidget(self.run_words)
        keys = QHBoxLayout()
        keys.addWidget(self.add_key)
        keys.addWidget(self.run_key)
        column.addLayout(keys)
        return panel

    def _right(self) -> QFrame:
        panel = QFrame()
        panel.setProperty("role", "panel")
        column = QVBoxLayout(panel)
        column.addWidget(Words("Begin with", "title"))
        column.addWidget(self.start_words)
        column.addWidget(Words("How long", "title"))
        lengths = QHBoxLayout()
        for one, key in zip(LENGTHS, self.length_keys.values(), strict=True):
            key.set_words(one.word, one.hint)
            lengths.addWidget(key)
        column.addLayout(lengths)
        column.addWidget(Words("Where", "title"))
        column.addWidget(self.computer)
        column.addWidget(self.computer_words)
        column.addStretch(1)
        column.addWidget(self.warning)
        column.addWidget(self.problem)
        column.addWidget(self.begin_key)
        return panel

    def _connect(self) -> None:
        self.add_key.clicked.connect(self.add_asked)
        self.run_key.clicked.connect(self.run_asked)
        self.begin_key.clicked.connect(self._begin)
        self.computer.textChanged.connect(lambda _text: self._draw())
        for one, key in zip(LENGTHS, self.length_keys.values(), strict=True):
            key.clicked.connect(lambda _checked=False, length=one: self._choose(length))

    def _draw_rows(self) -> None:
        while self._list.count() > 1:
            item = self._list.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.role_keys.clear()
        self._hints.clear()
        for folder in self.roles:
            row = QWidget()
            line = QHBoxLayout(row)
            line.setContentsMargins(0, 0, 0, 0)
            words = QVBoxLayout()
            words.setSpacing(0)
            words.addStretch(1)
            name = Words(folder.name, "strong")
            name.setToolTip(str(folder))
            words.addWidget(name)
            hint = self._hints[folder] = Words("", "note")
            words.addWidget(hint)
            words.addStretch(1)
            line.addLayout(words, 1)
            key = Key(self._keeper, "", "", "", _ROLE_FACE)
            key.setSizePolicy(key.sizePolicy().Policy.Fixed, key.sizePolicy().Policy.Fixed)
            key.clicked.connect(lambda _checked=False, f=folder: self._turn(f))
            line.addWidget(key)
            self._list.insertWidget(self._list.count() - 1, row)
            self.role_keys[folder] = key
            self._draw_row(folder)

    def _draw_row(self, folder: Path) -> None:
        role, key = self.roles[folder], self.role_keys[folder]
        key.set_words(role.word)
        key.set_look(_LOOKS[role])
        self._hints[folder].say(role.hint[:1].upper() + role.hint[1:])
        key.setAccessibleName(f"{folder.name}: {role.word}, {role.hint}")

    def _draw(self) -> None:
        roles = tuple(self.roles.values())
        self.empty.setVisible(not roles)
        for one, key in zip(LENGTHS, self.length_keys.values(), strict=True):
            key.set_look(KeyLook.SELECTED if one is self._length else KeyLook.PLAIN)
        names = ", ".join(run.name for run in self.runs)
        self.run_words.say(f"Compared on recorded runs as well: {names}" if names else "")
        is_remote = bool(self.computer.text().strip())
        self.computer_words.say(
            "Reached by ssh with your keys; it needs AgriSeg with its train extra. The pictures are"
            " copied there, and deleted when the model is back."
            if is_remote
            else "It works at low priority; the window, and spraying above all, go first."
        )
        why_not = self._refusal or (begin_refusal(roles) if roles else "")
        self.warning.say(why_not or begin_warning(roles))
        can_begin = bool(roles) and not why_not and not self._is_busy
        self.begin_key.setEnabled(can_begin)
        self.begin_key.set_look(KeyLook.PRIMARY if can_begin else KeyLook.PLAIN)

    def _set_theme(self, theme: Theme) -> None:
        self._row.setSpacing(theme.px(8))
