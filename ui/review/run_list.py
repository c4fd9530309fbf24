"""All runs: a list to search in, and what is known of the one selected."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QImage, QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import (
    QListView,
    QScroller,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from ui.models.review_runs import RunCard, card_lines
from ui.style import font
from ui.theme import Theme, ThemeKeeper
from ui.units import Units, UnitSystem
from ui.widgets.icons import pixmap

CARD = Qt.ItemDataRole.UserRole
_HEIGHT_PX = 92
_MOVES = (
    Qt.Key.Key_Up,
    Qt.Key.Key_Down,
    Qt.Key.Key_PageUp,
    Qt.Key.Key_PageDown,
    Qt.Key.Key_Home,
    Qt.Key.Key_End,
)
_THUMB_PX = (128, 76)

Index = QModelIndex | QPersistentModelIndex


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


class RunList(QListView):
    """Runs as rows to be touched."""

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.runs = RunModel(self)
        self.setModel(self.runs)
        self._delegate = _RunPainter(keeper, self.runs, self)
        self.setItemDelegate(self._delegate)
        self.setAccessibleName("Recorded runs")
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setUniformItemSizes(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        QScroller.grabGesture(self.viewport(), QScroller.ScrollerGestureType.TouchGesture)
        keeper.changed.connect(self._set_theme)
        self._set_theme(keeper.theme)

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

    def _set_theme(self, theme: Theme) -> None:
        self.setStyleSheet(f"QListView {{ background: {theme.panel}; outline: none; }}")
        self.scheduleDelayedItemsLayout()
        self.viewport().update()


class _RunPainter(QStyledItemDelegate):
    def __init__(self, keeper: ThemeKeeper, runs: RunModel, parent: RunList) -> None:
        super().__init__(parent)
        self._keeper = keeper
        self._runs = runs
        self.units = Units(UnitSystem.METRIC)

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: ARG002
        theme = self._keeper.theme
        return QSize(theme.px(300), max(theme.touch_px(), theme.px(_HEIGHT_PX)))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        theme = self._keeper.theme
        card = self._runs.cards[index.row()]
        rect: QRect = option.rect
        box = rect.adjusted(theme.px(3), theme.px(2), -theme.px(3), -theme.px(2))
        state: QStyle.StateFlag = option.state
        selected = bool(state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setBrush(QColor(theme.raised))
        edge = QPen(QColor(theme.accent), theme.px(4)) if selected else QPen(QColor(theme.line), 1)
        painter.setPen(edge)
        painter.drawRoundedRect(box, theme.px(8), theme.px(8))
        margin = theme.px(8)
        thumb = QRect(box.left() + margin, box.top() + margin, theme.px(_THUMB_PX[0]), 0)
        thumb.setHeight(box.height() - 2 * margin)
        self._paint_thumbnail(painter, thumb, card)
        text = QRect(thumb.right() + margin, box.top() + theme.px(6), 0, box.height())
        text.setRight(box.right() - margin)
        self._paint_words(painter, text, card)
        painter.restore()

    def _paint_thumbnail(self, painter: QPainter, box: QRect, card: RunCard) -> None:
        theme = self._keeper.theme
        painter.fillRect(box, QColor("#101412"))
        image = self._runs.thumbnails.get(card.directory)
        if image is not None and not image.isNull():
            size = image.size().scaled(box.size(), Qt.AspectRatioMode.KeepAspectRatioByExpanding)
            shown = QRect(0, 0, size.width(), size.height())
            shown.moveCenter(box.center())
            painter.setClipRect(box)
            painter.drawImage(shown, image)
            painter.setClipping(False)
            return
        painter.setPen(QColor("#ffffff"))
        painter.setFont(font(theme, 13))
        words = "no picture" if not card.pictures else "…"
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)

    def _paint_words(self, painter: QPainter, box: QRect, card: RunCard) -> None:
        theme = self._keeper.theme
        title, figures, below = card_lines(card, self.units)
        attention = bool(card.state or card.faults)
        lines = (
            (title, font(theme, 18, QFont.Weight.Bold), theme.text),
            (figures, font(theme, 15, QFont.Weight.DemiBold), theme.text),
            (below, font(theme, 14), theme.fault if card.state else theme.muted),
        )
        icons = (["star"] if card.starred else []) + (["alert"] if attention else [])
        right = box.right()
        for name in icons:
            size = theme.px(22)
            right -= size
            ink = theme.text if name == "star" else theme.fault
            painter.drawPixmap(right, box.top(), pixmap(name, ink, size, _ratio(painter)))
        top = box.top()
        for row, (words, made, ink) in enumerate(lines):
            metrics = QFontMetrics(made)
            room = (right if row == 0 else box.right()) - box.left()
            painter.setFont(made)
            painter.setPen(QColor(ink))
            short = metrics.elidedText(words, Qt.TextElideMode.ElideRight, room)
            line = QRect(box.left(), top, room, metrics.height())
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, short)
            top += metrics.height() + theme.px(1)


def _ratio(painter: QPainter) -> float:
    return painter.device().devicePixelRatio()
