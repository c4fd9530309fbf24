"""The classes of a project: names, what they count for, colours, keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from agriseg.errors import LabelError
from agriseg.labelling.classes import FIRST_OWN, LAST_OWN, ClassList, LabelClass
from agriseg.messages import ClassId
from ui.label.actions import BY_KEY
from ui.label.class_key import ClassKey
from ui.review.panels import scrolled
from ui.theme import ThemeKeeper
from ui.widgets.key import Key, KeyFace, KeyLook
from ui.widgets.words import Words

_FACE = KeyFace(text_px=17, icon_px=24)
_COLOURS = {
    "#56b4e9": "sky blue",
    "#e63c00": "vermilion",
    "#009e73": "green",
    "#f0e442": "yellow",
    "#cc79a7": "pink",
    "#0072b2": "blue",
    "#e69f00": "orange",
    "#8a6d4b": "brown",
    "#9aa0a6": "grey",
}
"""Those of Okabe and Ito, and the colours of soil and ignored ground."""
_MEANINGS = (
    (ClassId.CROP, "Crop"),
    (ClassId.WEED, "Weed"),
    (ClassId.SOIL, "Soil"),
    (ClassId.IGNORE, "Ignore"),
)


class ClassPanel(QFrame):
    """Edits a copy of the list; what does not fit together is said and cannot be kept."""

    chosen = Signal(object)
    """Carries a `ClassList`."""
    left = Signal()

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "overlay")
        self._keeper = keeper
        self._entries: list[LabelClass] = []
        self._at = 0
        self.rows: list[ClassKey] = []
        self._list = QGridLayout()
        self.name = QLineEdit()
        self.name.setPlaceholderText("Name, such as thistle")
        self.shortcut = QLineEdit()
        self.shortcut.setPlaceholderText("Key, such as 4")
        self.shortcut.setMaxLength(1)
        self.meaning_keys = {m: Key(keeper, word, "", "", _FACE) for m, word in _MEANINGS}
        self.colour_keys = {c: ClassKey(keeper, "", c, "") for c in _COLOURS}
        for colour, name in _COLOURS.items():
            self.colour_keys[colour].setAccessibleName(f"Colour: {name}")
        self.problem = Words("", "strong")
        self.add_key = Key(keeper, "Another class", "plus", "", _FACE)
        self.take_key = Key(keeper, "Keep", "check", "", _FACE)
        self.leave_key = Key(keeper, "Cancel", "close", "", _FACE)
        self._lay_out()
        self._connect()
        self.hide()

    def ask(self, classes: ClassList) -> None:
        """Open it for a project's classes."""
        self._entries = list(classes)
        self._at = min(1, len(self._entries) - 1)
        self._draw_rows()
        self._show()
        self.show()
        self.raise_()

    def _add(self) -> None:
        taken = {entry.class_id for entry in self._entries}
        number = next((n for n in range(FIRST_OWN, LAST_OWN + 1) if n not in taken), None)
        if number is None:
            self.problem.say("All numbers of own classes are taken.")
            return
        used = {entry.colour for entry in self._entries}
        keys = {entry.shortcut for entry in self._entries} | set(BY_KEY)
        self._entries.append(
            LabelClass(
                class_id=number,
                name=f"class {number}",
                meaning=ClassId.WEED,
                colour=next((c for c in _COLOURS if c not in used), next(iter(_COLOURS))),
                shortcut=next((d for d in "3456789" if d not in keys), ""),
            )
        )
        self._at = len(self._entries) - 1
        self._draw_rows()
        self._show()
        self.name.setFocus()
        self.name.selectAll()

    def _change(self, **changes: object) -> None:
        self._entries[self._at] = replace(self._entries[self._at], **changes)  # type: ignore[arg-type]
        self._draw_rows()
        self._draw()

    def _select(self, row: int) -> None:
        self._at = row
        self._show()

    def _take(self) -> None:
        try:
            classes = ClassList.checked(self._entries, "the classes")
        except LabelError as error:
            self.problem.say(str(error))
            return
        self.hide()
        self.chosen.emit(classes)

    def _leave(self) -> None:
        self.hide()
        self.left.emit()

    def _show(self) -> None:
        entry = self._entries[self._at]
        for line, text in ((self.name, entry.name), (self.shortcut, entry.shortcut)):
            line.blockSignals(True)
            line.setText(text)
            line.blockSignals(False)
        self._draw()

    def _draw_rows(self) -> None:
        for row in self.rows:
            row.hide()
            row.deleteLater()
        self.rows.clear()
        for place, entry in enumerate(self._entries):
            key = ClassKey(self._keeper, entry.name, entry.colour, entry.shortcut)
            key.clicked.connect(lambda _checked=False, p=place: self._select(p))
            self._list.addWidget(key, place, 0)
            self.rows.append(key)

    def _draw(self) -> None:
        entry = self._entries[self._at]
        for place, row in enumerate(self.rows):
            row.set_look(KeyLook.SELECTED if place == self._at else KeyLook.PLAIN)
        is_own = FIRST_OWN <= entry.class_id <= LAST_OWN
        for meaning, key in self.meaning_keys.items():
            key.set_look(KeyLook.SELECTED if meaning is entry.meaning else KeyLook.PLAIN)
            key.setEnabled(is_own)
        for colour, colour_key in self.colour_keys.items():
            same = colour == entry.colour
            colour_key.set_look(KeyLook.SELECTED if same else KeyLook.PLAIN)
        self.problem.say(self._trouble())
        self.take_key.setEnabled(not self.problem.text())
        self.take_key.set_look(KeyLook.PLAIN if self.problem.text() else KeyLook.PRIMARY)

    def _trouble(self) -> str:
        shortcut = self._entries[self._at].shortcut.upper()
        if shortcut in BY_KEY or (shortcut in "ADMPSU" and shortcut):
            return f"The key {shortcut} does something else on this page; take another."
        try:
            ClassList.checked(self._entries, "the classes")
        except LabelError as error:
            return str(error)
        return ""

    def _connect(self) -> None:
        self.name.textEdited.connect(lambda text: self._change(name=text.strip()))
        self.shortcut.textEdited.connect(lambda text: self._change(shortcut=text.strip()))
        for meaning, key in self.meaning_keys.items():
            key.clicked.connect(lambda _checked=False, m=meaning: self._change(meaning=m))
        for colour, colour_key in self.colour_keys.items():
            colour_key.clicked.connect(lambda _checked=False, c=colour: self._change(colour=c))
        self.add_key.clicked.connect(self._add)
        self.take_key.clicked.connect(self._take)
        self.leave_key.clicked.connect(self._leave)

    def _lay_out(self) -> None:
        inner = QWidget()
        holder = QVBoxLayout(inner)
        holder.setContentsMargins(0, 0, 0, 0)
        holder.addLayout(self._list)
        holder.addStretch(1)
        left = QVBoxLayout()
        left.addWidget(scrolled(inner), 1)
        left.addWidget(self.add_key)
        right = QVBoxLayout()
        lines = QHBoxLayout()
        lines.addWidget(self.name, 3)
        lines.addWidget(self.shortcut, 1)
        right.addLayout(lines)
        right.addWidget(Words("Counts in training and spraying as", "title"))
        right.addLayout(_row(list(self.meaning_keys.values())))
        right.addWidget(Words("Colour", "title"))
        right.addLayout(_row(list(self.colour_keys.values())))
        right.addStretch(1)
        right.addWidget(self.problem)
        right.addLayout(_row([self.leave_key, self.take_key]))
        body = QHBoxLayout()
        body.addLayout(left, 2)
        body.addLayout(right, 5)
        column = QVBoxLayout(self)
        column.addWidget(Words("Classes of this project", "heading"))
        column.addLayout(body, 1)


def _row(keys: Sequence[Key]) -> QHBoxLayout:
    row = QHBoxLayout()
    for key in keys:
        row.addWidget(key)
    return row
