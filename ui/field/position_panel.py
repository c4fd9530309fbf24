"""The position in words: fix, accuracy, place, heading, age; what is wrong and how to mend it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout

from ui.models.field import PositionView
from ui.models.status import Level
from ui.theme import Theme, ThemeKeeper
from ui.widgets.icons import LEVEL_ICONS, pixmap
from ui.widgets.words import Words

_ICON_PX = 32


class LevelIcon(QLabel):
    """The sign of a level, in its colour."""

    def __init__(self, keeper: ThemeKeeper) -> None:
        super().__init__()
        self._theme = keeper.theme
        self._level: Level | None = None
        self._icon = ""
        self.setAlignment(Qt.AlignmentFlag.AlignTop)
        keeper.changed.connect(self._set_theme)

    def show_level(self, level: Level, icon: str = "") -> None:
        """Draw a level by its own sign, or by another."""
        sign = icon or LEVEL_ICONS[level]
        if (level, sign) != (self._level, self._icon):
            self._level, self._icon = level, sign
            self._draw()

    def _set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self._draw()

    def _draw(self) -> None:
        if self._level is None:
            return
        theme = self._theme
        colour = {
            Level.OK: theme.ok,
            Level.WARNING: theme.text,
            Level.DANGER: theme.fault,
        }.get(self._level, theme.accent)
        size = theme.px(_ICON_PX)
        self.setPixmap(pixmap(self._icon, colour, size, self.devicePixelRatioF()))


class FactTable(QGridLayout):
    """Names at the left, values at the right; rows are added as they are needed."""

    def __init__(self) -> None:
        super().__init__()
        self.setContentsMargins(0, 0, 0, 0)
        self.setColumnStretch(1, 1)
        self._rows: list[tuple[Words, Words]] = []

    def show_facts(self, facts: tuple[tuple[str, str], ...]) -> None:
        """Write the facts."""
        while len(self._rows) < len(facts):
            name, value = Words("", "note"), Words("", "strong")
            name.setWordWrap(False)
            row = len(self._rows)
            self.addWidget(name, row, 0, Qt.AlignmentFlag.AlignTop)
            self.addWidget(value, row, 1, Qt.AlignmentFlag.AlignTop)
            self._rows.append((name, value))
        padded = [*facts, *[("", "")] * (len(self._rows) - len(facts))]
        for (name, value), (name_text, value_text) in zip(self._rows, padded, strict=True):
            name.say(name_text)
            value.say(value_text)


class PositionPanel(QFrame):
    """Shows a `PositionView`."""

    def __init__(self, keeper: ThemeKeeper) -> None:
        super().__init__()
        self.setProperty("role", "panel")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._shown: PositionView | None = None
        self._is_short = False
        self._icon = LevelIcon(keeper)
        self.title = Words("", "heading")
        self.detail = Words("", "")
        self.remedy = Words("", "strong")
        self.facts = FactTable()
        head = QHBoxLayout()
        head.addWidget(self._icon)
        head.addWidget(self.title, 1)
        column = QVBoxLayout(self)
        column.addWidget(Words("Position", "title"))
        column.addLayout(head)
        column.addWidget(self.detail)
        column.addWidget(self.remedy)
        column.addLayout(self.facts)

    @property
    def shown(self) -> PositionView | None:
        """What it shows."""
        return self._shown

    def show_view(self, view: PositionView) -> None:
        """Show how the position stands."""
        if view == self._shown:
            return
        self._shown = view
        self._icon.show_level(view.level, view.icon)
        self.title.say(view.title)
        self.detail.say(view.detail)
        self.remedy.say(view.remedy)
        self._draw_facts()

    def show_short(self, is_short: bool) -> None:
        """Leave the facts out, where the room is needed."""
        if is_short is not self._is_short:
            self._is_short = is_short
            self._draw_facts()

    def _draw_facts(self) -> None:
        facts = () if self._is_short or self._shown is None else self._shown.facts
        self.facts.show_facts(facts)
