"""The alarms: what happened, what to do, and a key to acknowledge each."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QScroller,
    QVBoxLayout,
    QWidget,
)

from agriseg.messages import AlarmPriority
from ui.models.alarms import PRIORITY_WORDS, AlarmRow
from ui.theme import Theme, ThemeKeeper
from ui.widgets.icons import PRIORITY_ICONS, pixmap
from ui.widgets.key import Key, KeyFace, KeyLook

_KEY_LOOKS = {
    AlarmPriority.DANGER: KeyLook.DANGER,
    AlarmPriority.WARNING: KeyLook.WARNING,
    AlarmPriority.NOTICE: KeyLook.PLAIN,
}


class AlarmItem(QFrame):
    """One alarm."""

    acknowledged = Signal(str)
    """The operator acknowledges; carries the code."""

    def __init__(
        self, keeper: ThemeKeeper, row: AlarmRow, *, first: bool, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._keeper = keeper
        self._row = row
        self.setProperty("role", "panel")
        self._icon = QLabel()
        self._icon.setAlignment(Qt.AlignmentFlag.AlignTop)
        margin = keeper.theme.px(8)
        line = QHBoxLayout(self)
        line.setContentsMargins(margin, margin, margin, margin)
        line.setSpacing(margin)
        line.addWidget(self._icon)
        line.addLayout(self._words(), 1)
        self.key = Key(keeper, "OK", "check-bold", "A" if first else "", KeyFace(stacked=True))
        self.key.setAccessibleName(f"Acknowledge: {row.alarm.text}")
        self.key.setSizePolicy(
            self.key.sizePolicy().Policy.Fixed, self.key.sizePolicy().Policy.Fixed
        )
        self.key.set_look(_KEY_LOOKS[row.alarm.priority])
        self.key.clicked.connect(self._acknowledge)
        self.key.setVisible(row.waits)
        line.addWidget(self.key, 0, Qt.AlignmentFlag.AlignTop)
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    @property
    def code(self) -> str:
        """Which alarm it shows."""
        return self._row.alarm.code

    def _words(self) -> QVBoxLayout:
        alarm = self._row.alarm
        column = QVBoxLayout()
        column.setSpacing(2)
        word = PRIORITY_WORDS[alarm.priority]
        heading = f"{word} · {self._row.note}" if self._row.note else word
        for role, text in (("title", heading), ("strong", alarm.text), ("", alarm.remedy)):
            if text:
                label = QLabel(text)
                label.setProperty("role", role)
                label.setWordWrap(True)
                label.setTextFormat(Qt.TextFormat.PlainText)
                column.addWidget(label)
        column.addStretch(1)
        return column

    def _acknowledge(self) -> None:
        self.acknowledged.emit(self._row.alarm.code)

    def _set_theme(self, theme: Theme) -> None:
        colour = {
            AlarmPriority.DANGER: theme.fault,
            AlarmPriority.WARNING: theme.text,
            AlarmPriority.NOTICE: theme.accent,
        }[self._row.alarm.priority]
        size = theme.px(28)
        name = PRIORITY_ICONS[self._row.alarm.priority]
        self._icon.setPixmap(pixmap(name, colour, size, self.devicePixelRatioF()))


class AlarmList(QScrollArea):
    """All alarms, the most urgent first."""

    acknowledged = Signal(str)

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keeper = keeper
        self._rows: tuple[AlarmRow, ...] | None = None
        self._items: list[AlarmItem] = []
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName("Alarms")
        QScroller.grabGesture(self.viewport(), QScroller.ScrollerGestureType.TouchGesture)
        inner = QWidget()
        self._column = QVBoxLayout(inner)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(6)
        self._none = QLabel("No alarms.")
        self._none.setProperty("role", "note")
        self._column.addWidget(self._none)
        self._column.addStretch(1)
        self.setWidget(inner)
        self.show_rows(())

    @property
    def items(self) -> tuple[AlarmItem, ...]:
        """The alarms shown, from the top."""
        return tuple(self._items)

    def show_rows(self, rows: tuple[AlarmRow, ...]) -> None:
        """Show the rows; the list is rebuilt only when something changed."""
        if rows == self._rows:
            return
        self._rows = rows
        for item in self._items:
            self._column.removeWidget(item)
            item.hide()
            item.deleteLater()
        self._items = []
        for index, row in enumerate(rows):
            item = AlarmItem(self._keeper, row, first=index == 0 and row.waits)
            item.acknowledged.connect(self.acknowledged)
            self._column.insertWidget(index, item)
            self._items.append(item)
        self._none.setVisible(not rows)
