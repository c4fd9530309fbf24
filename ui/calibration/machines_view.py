"""Several machines or booms in the window: make one, choose one, to a file, from a file."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLayout, QScrollArea, QVBoxLayout, QWidget

from agriseg.calibration.entries import Machine
from agriseg.calibration.profiles import SIMULATED, Profiles
from agriseg.errors import AgrisegError, CalibrationError
from ui.calibration.letter_pad import LetterPad
from ui.calibration.places import Place
from ui.theme import Theme, ThemeKeeper
from ui.widgets.key import Key, KeyFace, KeyLook
from ui.widgets.words import Words

NEW, NEW_SERIAL, IMPORT = "machine-name", "machine-serial", "machine-import"
_NAME_HELP = "Letters, digits, blanks, dots and hyphens."
_LayoutT = TypeVar("_LayoutT", bound=QLayout)
_FACE = KeyFace(text_px=18, icon_px=28, min_width_px=240, min_height_px=68, left=True)


class MachinesView(QWidget):
    """Nothing in it changes what is in force but `chosen`, which the operator is asked about.

    Parameters
    ----------
    keeper : ThemeKeeper
    pad : LetterPad
        The page's, shared with what else asks for names.
    places : callable
        Returns where files may lie.
    now : callable
        Returns the date and time, for the names of files.
    """

    left = Signal()
    chosen = Signal(str)
    """The operator wants this machine's calibration in force, and was asked."""

    def __init__(
        self,
        keeper: ThemeKeeper,
        pad: LetterPad,
        places: Callable[[], tuple[Place, ...]],
        now: Callable[[], datetime],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._keeper, self._pad, self._places, self._now = keeper, pad, places, now
        self._profiles: Profiles | None = None
        self._used = self._selected = self._fixed = self._new_name = ""
        self._source: Path | None = None
        self._asks_use = False
        self.profile_keys: dict[str, Key] = {}
        self.file_keys: dict[str, Key] = {}
        self.instruction = Words("Choose a machine; it is used only when you say so.", "heading")
        self.name = Words("", "heading")
        self.note = Words("", "note")
        self.problem = Words("", "strong")
        self.files_title = Words("", "title")
        self.back_key = self._key("Steps", "arrow-left")
        self.use_key = self._key("Use this one", "check-bold")
        self.new_key = self._key("New machine", "plus")
        self.import_key = self._key("From a file", "import")
        self.export_key = self._key("To a file", "export-variant")
        self.back_key.clicked.connect(self.left)
        self.use_key.clicked.connect(self._use)
        self.new_key.clicked.connect(
            lambda: self._pad.ask(NEW, "Name of the new machine", _NAME_HELP)
        )
        self.import_key.clicked.connect(self._offer_files)
        self.export_key.clicked.connect(self._offer_places)
        pad.entered.connect(self._take_name)
        self._lay_out()
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    def show_profiles(self, profiles: Profiles, used: str, fixed: str) -> None:
        """Show the machines of a folder.

        Parameters
        ----------
        profiles : Profiles
        used : str
            The one in force.
        fixed : str
            Why no other can be chosen here, in a sentence; empty if one can.
        """
        self._profiles, self._used, self._fixed = profiles, used, fixed
        self._selected = used
        self.problem.say("")
        self._forget_files()
        self._draw()

    # What the operator does

    def _use(self) -> None:
        if self._asks_use:
            self._asks_use = False
            self.chosen.emit(self._selected)
        else:
            self._asks_use = True
        self._draw()

    def _select(self, name: str) -> None:
        self._selected, self._asks_use = name, False
        self._forget_files()
        self.problem.say("")
        self._draw()

    def _take_name(self, what: str, text: str) -> None:
        if what == NEW:
            try:
                self._check_free(text)
            except AgrisegError as error:
                self.problem.say(f"{error}.")
                return
            self._new_name = text
            self._pad.ask(NEW_SERIAL, "Serial number", "As it stands on the machine's plate.")
        elif what == NEW_SERIAL:
            self._do(lambda p: self._make(p, text))
        elif what == IMPORT and self._source is not None:
            source = self._source
            self._do(lambda p: self._import(p, source, text))

    def _make(self, profiles: Profiles, serial: str) -> str:
        profiles.create(self._new_name, serial)
        self._selected = self._new_name
        return f"{self._new_name} is made, with nothing calibrated; it is not in use yet."

    def _import(self, profiles: Profiles, source: Path, name: str) -> str:
        self._check_free(name)
        store = profiles.import_file(source, name)
        store.history()
        self._selected = name
        self._forget_files()
        said = f"{name} is taken over from {source.name}; it is not in use yet."
        return f"{said} {store.damage}".strip()

    def _export(self, profiles: Profiles, place: Place) -> str:
        moment = self._now().astimezone().strftime("%Y%m%d-%H%M")
        path = place.folder / f"{self._selected}-{moment}.jsonl"
        profiles.export_file(self._selected, path)
        self._forget_files()
        return f"{self._selected} is written with its history: {path}"

    def _do(self, job: Callable[[Profiles], str]) -> None:
        if self._profiles is None:
            return
        try:
            said = job(self._profiles)
        except AgrisegError as error:
            said = f"{error}."
        self._asks_use = False
        self.problem.say(said)
        self._draw()

    def _check_free(self, name: str) -> None:
        """Refuse names in use, also of a machine that has no file yet: it would be in force."""
        profiles = self._profiles
        if profiles is None:
            return
        if name in {*profiles.names, self._used, SIMULATED}:
            raise CalibrationError(
                f"there is a machine {name!r} already, or the name is kept for one; choose another"
            )
        profiles.store(name)

    def _offer_files(self) -> None:
        places = self._places()
        found = [path for place in places for path in sorted(place.folder.glob("*.jsonl"))]
        self._offer(
            "Which file?" if found else "",
            [(path.name, path.parent, partial(self._ask_import, path)) for path in found],
        )
        if not found:
            where = " or ".join(str(place.folder) for place in places)
            self.problem.say(
                "There is no calibration file (.jsonl). Plug in the USB stick that has it, or"
                f" copy it to {where}, then press From a file again."
            )

    def _ask_import(self, path: Path) -> None:
        self._source = path
        self._pad.ask(IMPORT, "Name for this machine", _NAME_HELP, path.stem[:40])

    def _offer_places(self) -> None:
        offered = self._places()
        self._offer(
            f"Where to write {self._selected}?",
            [(place.word, place.folder, partial(self._export_to, place)) for place in offered],
        )

    def _export_to(self, place: Place) -> None:
        self._do(lambda profiles: self._export(profiles, place))

    def _offer(self, title: str, rows: list[tuple[str, Path, Callable[[], None]]]) -> None:
        self._forget_files()
        self.problem.say("")
        self.files_title.say(title)
        for word, folder, act in rows:
            key = Key(self._keeper, word, "file-outline", "", _FACE)
            key.set_words(word, str(folder))
            key.clicked.connect(lambda _checked=False, do=act: do())
            self.file_keys[str(folder / word)] = key
            self._files.addWidget(key)

    def _forget_files(self) -> None:
        for key in self.file_keys.values():
            key.hide()
            key.deleteLater()
        self.file_keys.clear()
        self.files_title.say("")

    # Drawing

    def _draw(self) -> None:
        profiles = self._profiles
        if profiles is None:
            return
        names = list(dict.fromkeys((*profiles.names, self._used)))
        for name in [name for name in self.profile_keys if name not in names]:
            self.profile_keys.pop(name).deleteLater()
        for name in names:
            key = self.profile_keys.get(name) or self._add(name)
            key.set_words(name, "in use" if name == self._used else "")
            key.set_look(KeyLook.SELECTED if name == self._selected else KeyLook.PLAIN)
        self.name.say(self._selected)
        self.note.say(self._described(profiles))
        other = self._selected != self._used
        self.use_key.setEnabled(other and not self._fixed and self._selected != SIMULATED)
        self.use_key.set_words(
            "Really use this one?" if self._asks_use else "Use this one",
            "the field engine starts again" if other else "in use",
        )
        plain = KeyLook.PRIMARY if self.use_key.isEnabled() else KeyLook.PLAIN
        self.use_key.set_look(KeyLook.WARNING if self._asks_use else plain)

    def _described(self, profiles: Profiles) -> str:
        try:
            store = profiles.store(self._selected)
            entries = len(store.history())
            machine: Machine = store.machine
        except AgrisegError as error:
            return str(error)
        lines = [
            f"Serial number: {machine.serial or 'not entered'}",
            f"Accepted calibrations: {entries}",
            f"Kept in {store.path}",
        ]
        return "\n".join([*lines, self._fixed] if self._fixed else lines)

    def _add(self, name: str) -> Key:
        key = Key(self._keeper, name, "tractor", "", _FACE)
        key.clicked.connect(lambda _checked=False, n=name: self._select(n))
        self.profile_keys[name] = key
        self._list.addWidget(key)
        return key

    def _key(self, word: str, icon: str) -> Key:
        return Key(self._keeper, word, icon, "", KeyFace(text_px=18))

    def _lay_out(self) -> None:
        top, head = _panel(QHBoxLayout())
        policy = self.back_key.sizePolicy().Policy.Fixed
        self.back_key.setSizePolicy(policy, policy)
        head.addWidget(self.back_key)
        words = QVBoxLayout()
        words.addWidget(Words("Machines", "title"))
        words.addWidget(self.instruction)
        head.addLayout(words, 1)
        left, column = _panel(QVBoxLayout())
        self._list = QVBoxLayout()
        column.addWidget(_scrolled(self._list), 1)
        column.addLayout(_row(self.new_key, self.import_key))
        right, column = _panel(QVBoxLayout())
        for label in (self.name, self.note, self.problem, self.files_title):
            column.addWidget(label)
        self._files = QVBoxLayout()
        column.addWidget(_scrolled(self._files), 1)
        column.addLayout(_row(self.export_key, self.use_key))
        self._body = QHBoxLayout()
        self._body.addWidget(left, 5)
        self._body.addWidget(right, 6)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addWidget(top)
        self._column.addLayout(self._body, 1)

    def _set_theme(self, theme: Theme) -> None:
        for layout in (self._column, self._body):
            layout.setSpacing(theme.px(8))


def _panel(layout: _LayoutT) -> tuple[QFrame, _LayoutT]:
    frame = QFrame()
    frame.setProperty("role", "panel")
    frame.setLayout(layout)
    return frame, layout


def _row(*keys: Key) -> QHBoxLayout:
    row = QHBoxLayout()
    for key in keys:
        row.addWidget(key, 1)
    return row


def _scrolled(layout: QVBoxLayout) -> QScrollArea:
    inner = QWidget()
    column = QVBoxLayout(inner)
    column.setContentsMargins(0, 0, 0, 0)
    column.addLayout(layout)
    column.addStretch(1)
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setWidget(inner)
    return area
