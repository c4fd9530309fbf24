"""All runs: a list to search in, and what is known of the one selected."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QAbstractListModel, QRect, Qt
from PySide6.QtGui import QColor, QFont, QImage, QKeyEvent, QPainter
from PySide6.QtWidgets import QWidget

from ui.models.review_runs import RunCard, card_lines
from ui.style import font
from ui.theme import ThemeKeeper
from ui.units import Units, UnitSystem
from ui.widgets.touch_list import (
    CardPainter,
    Index,
    Line,
    TouchList,
    paint_icon,
    paint_line,
    paint_thumbnail,
)

CARD = Qt.ItemDataRole.UserRole
_SIZE_PX = (300, 92)
_MOVES = (
    Qt.Key.Key_Up,
    Qt.Key.Key_Down,
    Qt.Key.Key_PageUp,
    Qt.Key.Key_PageDown,
    Qt.Key.Key_Home,
    Qt.Key.Key_End,
)
_THUMB_PX = (128, 76)


class RunModel(QAbstractListModel):
    """The runs that are listed, with their thumbnails."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cards: list[RunCard] = []
        self.thumbnails: dict[Path, QImage] = {}

    @property
    def cards(self) -> Sequence[RunCard]:
        """The runs in their order."""
        return self._cards

    def show_cards(self, cards: Sequence[RunCard]) -> None:
        """Take other runs."""
        self.beginResetModel()
        self._cards = list(cards)
        self.endResetModel()

    def show_thumbnail(self, directory: Path, image: QImage) -> None:
        """Take a run's small picture."""
        self.thumbnails[directory] = image
        for row, card in enumerate(self._cards):
            if card.directory == directory:
                self.dataChanged.emit(self.index(row), self.index(row))

    def rowCount(self, parent: Index | None = None) -> int:
        """Return how many runs are listed."""
        return 0 if parent is not None and parent.isValid() else len(self._cards)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return the run, or its words for a screen reader."""
        card = self._cards[index.row()]
        if role == CARD:
            return card
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return card.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return card.state or None
        return None


class RunList(TouchList):
    """Runs as rows to be touched."""

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(keeper, "Recorded runs", parent)
        self.runs = RunModel(self)
        self.setModel(self.runs)
        self._delegate = _RunPainter(keeper, self.runs, self)
        self.setItemDelegate(self._delegate)

    def set_units(self, units: Units) -> None:
        """Write the figures in other units."""
        self._delegate.units = units
        self.viewport().update()

    def selected(self) -> RunCard | None:
        """Return the selected run."""
        index = self.currentIndex()
        return self.runs.cards[index.row()] if index.isValid() else None

    def select(self, directory: Path | None) -> None:
        """Select a run, or the first."""
        rows = [i for i, card in enumerate(self.runs.cards) if card.directory == directory]
        row = rows[0] if rows else 0
        if self.runs.cards:
            self.setCurrentIndex(self.runs.index(row))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move with the arrows, open with Return; leave Space and letters to the window.

        A list would take Space for choosing a row and letters for a search.
        """
        if event.key() in _MOVES:
            super().keyPressEvent(event)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.activated.emit(self.currentIndex())
        else:
            event.ignore()


class _RunPainter(CardPainter):
    def __init__(self, keeper: ThemeKeeper, runs: RunModel, view: RunList) -> None:
        super().__init__(keeper, view, _SIZE_PX, radius_px=8, inset_px=3)
        self._runs = runs
        self.units = Units(UnitSystem.METRIC)

    def paint_card(self, painter: QPainter, box: QRect, index: Index) -> None:
        theme = self.theme
        card = self._runs.cards[index.row()]
        margin = theme.px(8)
        thumb = QRect(box.left() + margin, box.top() + margin, theme.px(_THUMB_PX[0]), 0)
        thumb.setHeight(box.height() - 2 * margin)
        if not paint_thumbnail(painter, thumb, self._runs.thumbnails.get(card.directory)):
            painter.setPen(QColor("#ffffff"))
            painter.setFont(font(theme, 13))
            words = "no picture" if not card.pictures else "…"
            painter.drawText(thumb, Qt.AlignmentFlag.AlignCenter, words)
        text = QRect(thumb.right() + margin, box.top() + theme.px(6), 0, box.height())
        text.setRight(box.right() - margin)
        self._paint_words(painter, text, card)

    def _paint_words(self, painter: QPainter, box: QRect, card: RunCard) -> None:
        theme = self.theme
        title, figures, below = card_lines(card, self.units)
        ink = theme.fault if card.state else theme.muted
        right = self._paint_icons(painter, box, card)
        bold, strong = font(theme, 18, QFont.Weight.Bold), font(theme, 15, QFont.Weight.DemiBold)
        lines = (
            (right, Line(words=title, font=bold, ink=theme.text)),
            (box.right(), Line(words=figures, font=strong, ink=theme.text)),
            (box.right(), Line(words=below, font=font(theme, 14), ink=ink)),
        )
        top = box.top()
        for end, line in lines:
            at = QRect(box.left(), top, end - box.left(), 0)
            top += paint_line(painter, at, line) + theme.px(1)

    def _paint_icons(self, painter: QPainter, box: QRect, card: RunCard) -> int:
        """Draw star and warning from the right; return where the words' room ends."""
        theme = self.theme
        size = theme.px(22)
        right = box.right()
        icons = [("star", theme.text)] if card.starred else []
        if card.state or card.faults:
            icons.append(("alert", theme.fault))
        for name, ink in icons:
            right -= size
            paint_icon(painter, QRect(right, box.top(), size, size), name, ink)
        return right
