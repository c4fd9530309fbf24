"""Labels from elsewhere: what they hold, and what their classes mean here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from agriseg.labelling.importing import Found
from agriseg.labelling.pictures import PictureState
from ui.review.panels import scrolled
from ui.theme import ThemeKeeper
from ui.widgets.key import Key, KeyFace, KeyLook
from ui.widgets.words import Words, counted

_FACE = KeyFace(text_px=15, min_width_px=84)
_NEW_CROP = "new crop"
_NEW_WEED = "new weed"
_LISTED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportChoice:
    """What the labeller wants of an import.

    Attributes
    ----------
    meanings : dict of str to str
        Class names of the set to those of the project.
    new_crops, new_weeds : tuple of str
        Classes that the project gets, and what they count for.
    state : PictureState
    over_labels : bool
        Replace labels that are there.
    """

    meanings: dict[str, str] = field(default_factory=dict)
    new_crops: tuple[str, ...] = ()
    new_weeds: tuple[str, ...] = ()
    state: PictureState = PictureState.DONE
    over_labels: bool = False


class ImportPanel(QFrame):
    """Nothing is imported before every unknown class has a meaning."""

    chosen = Signal(object)
    """Carries an `ImportChoice`."""
    left = Signal()

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "overlay")
        self._keeper = keeper
        self._meanings: dict[str, str] = {}
        self._unknown: tuple[str, ...] = ()
        self._is_done = True
        self._over_labels = False
        self.heading = Words("", "heading")
        self.words = Words("", "")
        self.warning = Words("", "strong")
        self.question = Words("", "strong")
        self.keys: dict[tuple[str, str], Key] = {}
        self._rows: QWidget | None = None
        self._place = QVBoxLayout()
        face = KeyFace(text_px=17, icon_px=24)
        self.done_key = Key(keeper, "They are done", "check-bold", "", face)
        self.over_key = Key(keeper, "Replace labels that are there", "alert", "", face)
        self.take_key = Key(keeper, "Import", "import", "", face)
        self.leave_key = Key(keeper, "Cancel", "close", "", face)
        self._lay_out()
        self.done_key.clicked.connect(self._toggle_done)
        self.over_key.clicked.connect(self._toggle_over)
        self.take_key.clicked.connect(self._take)
        self.leave_key.clicked.connect(self._leave)
        self.hide()

    def ask(self, title: str, found: Found, classes: Sequence[str]) -> None:
        """Show what a set holds, and ask what its unknown classes mean.

        Parameters
        ----------
        title : str
            Name and format of the set.
        found : Found
        classes : sequence of str
            Names of the project's classes.
        """
        survey = found.survey
        self._meanings, self._unknown = {}, found.unknown
        self.heading.say(title)
        names = ", ".join(f"{name} ({count:,})" for name, count in sorted(survey.names.items()))
        self.words.say(f"{counted(survey.pictures, 'picture')}; {names or 'no labels'}.")
        lines = []
        if survey.cut:
            lines.append(f"Cut at their picture's border: {counted(len(survey.cut), 'shape')}.")
        if survey.outside:
            lines.append(
                f"Wholly outside, so left out: {counted(len(survey.outside), 'shape')}"
                f" ({', '.join(survey.outside[:_LISTED])})."
            )
        if survey.empty:
            lines.append(f"Nothing drawn, so left out: {counted(len(survey.empty), 'picture')}.")
        self.warning.say(" ".join(lines))
        self.question.say("What do these classes mean here?" if found.unknown else "")
        self._draw_rows(classes)
        self._draw()
        self.show()
        self.raise_()

    def _draw_rows(self, classes: Sequence[str]) -> None:
        if self._rows is not None:
            self._rows.hide()
            self._rows.deleteLater()
        self.keys.clear()
        inner = QWidget()
        grid = QGridLayout(inner)
        grid.setContentsMargins(0, 0, 0, 0)
        for row, name in enumerate(self._unknown):
            grid.addWidget(Words(name, "strong"), row, 0)
            for column, meaning in enumerate((*classes, _NEW_CROP, _NEW_WEED), start=1):
                key = Key(self._keeper, meaning, "", "", _FACE)
                key.clicked.connect(lambda _c=False, n=name, m=meaning: self._mean(n, m))
                self.keys[name, meaning] = key
                grid.addWidget(key, row, column)
        grid.setRowStretch(len(self._unknown), 1)
        self._rows = scrolled(inner)
        self._place.addWidget(self._rows)

    def _mean(self, name: str, meaning: str) -> None:
        self._meanings[name] = meaning
        self._draw()

    def _toggle_done(self) -> None:
        self._is_done = not self._is_done
        self._draw()

    def _toggle_over(self) -> None:
        self._over_labels = not self._over_labels
        self._draw()

    def _take(self) -> None:
        new = {n: m for n, m in self._meanings.items() if m in (_NEW_CROP, _NEW_WEED)}
        self.hide()
        self.chosen.emit(
            ImportChoice(
                meanings={n: m for n, m in self._meanings.items() if n not in new},
                new_crops=tuple(n for n, m in new.items() if m == _NEW_CROP),
                new_weeds=tuple(n for n, m in new.items() if m == _NEW_WEED),
                state=PictureState.DONE if self._is_done else PictureState.TO_DO,
                over_labels=self._over_labels,
            )
        )

    def _leave(self) -> None:
        self.hide()
        self.left.emit()

    def _draw(self) -> None:
        for (name, meaning), key in self.keys.items():
            is_chosen = self._meanings.get(name) == meaning
            key.set_look(KeyLook.SELECTED if is_chosen else KeyLook.PLAIN)
        left = [name for name in self._unknown if name not in self._meanings]
        self.take_key.setEnabled(not left)
        self.take_key.set_words(
            "Import", f"{counted(len(left), 'class', 'classes')} without a meaning" if left else ""
        )
        self.take_key.set_look(KeyLook.PLAIN if left else KeyLook.PRIMARY)
        words = "They are done" if self._is_done else "They are to do"
        self.done_key.set_words(words, icon="check-bold" if self._is_done else "circle-outline")
        self.over_key.set_words(
            "Replace labels that are there" if self._over_labels else "Keep labels that are there",
            icon="alert" if self._over_labels else "shield-check-outline",
        )
        self.over_key.set_look(KeyLook.WARNING if self._over_labels else KeyLook.PLAIN)

    def _lay_out(self) -> None:
        choices = QHBoxLayout()
        choices.addWidget(self.done_key)
        choices.addWidget(self.over_key)
        keys = QHBoxLayout()
        keys.addWidget(self.leave_key, 1)
        keys.addWidget(self.take_key, 2)
        column = QVBoxLayout(self)
        for words in (self.heading, self.words, self.warning, self.question):
            column.addWidget(words)
        column.addLayout(self._place, 1)
        column.addLayout(choices)
        column.addLayout(keys)
