"""What needs a look: what the model doubts, and what the checks found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from agriseg.labelling.edits import Rect
from ui.label.actions import ACTIONS
from ui.review.panels import scrolled
from ui.theme import Theme, ThemeKeeper
from ui.widgets.key import Key, KeyFace, KeyLook
from ui.widgets.words import Words, counted

_FACE = KeyFace(text_px=15, icon_px=20, min_width_px=96)
_ROW_FACE = KeyFace(text_px=14, icon_px=20, min_width_px=120, left=True)
_ICON_FACE = KeyFace(text_px=13, icon_px=26)
_MOST_ROWS = 60
_KEYS = ("pre-label", "pre-label-all", "confirm", "confirm-all", "check", "mend", "propagate")
_NOT_ASKED = "No model was asked about this picture."


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingRow:
    """Something that may be wrong, and where."""

    text: str
    rect: Rect


class CheckPanel(QWidget):
    """Keys of the model's proposals, of the walk through doubts, and of the checks."""

    asked = Signal(str)
    """Carries the name of an `Action`."""
    finding_chosen = Signal(int)

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keeper = keeper
        self.doubt = Words(_NOT_ASKED, "")
        self.keys: dict[str, Key] = {}
        for name in (
            "pre-label",
            "pre-label-all",
            "confirm",
            "confirm-all",
            "check",
            "mend",
            "propagate",
        ):
            action = ACTIONS[name]
            key = Key(keeper, action.word, action.icon, _short(action.keys[0]), _FACE)
            self._add(name, key)
        for name in ("last-doubt", "next-doubt"):
            action = ACTIONS[name]
            key = Key(keeper, "", action.icon, _short(action.keys[0]), _ICON_FACE)
            key.setAccessibleName(action.word)
            self._add(name, key)
        self.said = Words("Holes, specks, unlabelled vegetation and the like.", "note")
        self.rows: list[Key] = []
        inner = QWidget()
        self._list = QVBoxLayout(inner)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.addStretch(1)
        self._rows: list[QHBoxLayout] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._put("pre-label", "pre-label-all")
        self._column.addWidget(self.doubt)
        self._put("last-doubt", "confirm", "next-doubt")
        self._put("confirm-all", "propagate")
        self._put("check", "mend")
        self._column.addWidget(self.said)
        self._column.addWidget(scrolled(inner), 1)
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    def show_doubts(self, left: int, total: int, *, was_asked: bool) -> None:
        """Say how many doubtful parts there are; -1 while they are being looked for."""
        if not was_asked:
            self.doubt.say(_NOT_ASKED)
        elif left < 0:
            self.doubt.say("Doubtful parts are being looked for …")
        elif total == 0:
            self.doubt.say("The model doubts nothing here.")
        elif left == 0:
            self.doubt.say(f"All {total} doubtful parts are settled.")
        else:
            self.doubt.say(f"{left} of {counted(total, 'doubtful part')} left to look at.")
        for name in ("last-doubt", "next-doubt", "confirm", "confirm-all"):
            self.keys[name].setEnabled(was_asked and left > 0)
        look = KeyLook.PRIMARY if was_asked and left > 0 else KeyLook.PLAIN
        self.keys["confirm"].set_look(look)

    def show_findings(self, findings: Sequence[FindingRow], said: str) -> None:
        """List what the checks found."""
        for row in self.rows:
            row.hide()
            row.deleteLater()
        self.rows.clear()
        more = len(findings) - _MOST_ROWS
        self.said.say(f"{said} The first {_MOST_ROWS} are listed." if more > 0 else said)
        self.keys["mend"].setEnabled(bool(findings))
        for place, finding in enumerate(findings[:_MOST_ROWS]):
            key = Key(self._keeper, finding.text, "alert-circle-outline", "", _ROW_FACE)
            key.setToolTip(finding.text)
            key.clicked.connect(lambda _checked=False, p=place: self.finding_chosen.emit(p))
            self._list.insertWidget(self._list.count() - 1, key)
            self.rows.append(key)

    def show_finding(self, place: int) -> None:
        """Mark the finding that is looked at; -1 for none."""
        for other, row in enumerate(self.rows):
            row.set_look(KeyLook.SELECTED if other == place else KeyLook.PLAIN)

    def _add(self, name: str, key: Key) -> None:
        key.setToolTip(ACTIONS[name].help)
        key.clicked.connect(lambda: self.asked.emit(name))
        self.keys[name] = key

    def _put(self, *names: str) -> None:
        row = QHBoxLayout()
        for name in names:
            row.addWidget(self.keys[name], 2 if name == "confirm" else 1)
        self._rows.append(row)
        self._column.addLayout(row)

    def _set_theme(self, theme: Theme) -> None:
        self._column.setSpacing(theme.px(6))
        self._list.setSpacing(theme.px(4))
        for row in self._rows:
            row.setSpacing(theme.px(6))


def _short(stroke: str) -> str:
    return stroke.replace("Shift+", "⇧").replace("Ctrl+", "^")
