"""Lists whose rows are cards to be touched, each with a small picture and lines of words."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QImage, QPainter, QPen
from PySide6.QtWidgets import (
    QListView,
    QScroller,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from ui.theme import Theme, ThemeKeeper
from ui.widgets.icons import pixmap

_NO_PICTURE = "#101412"
_PRESSED_EDGE_PX = 4

Index = QModelIndex | QPersistentModelIndex


class TouchList(QListView):
    """A list that scrolls by finger and takes the colours of the theme."""

    def __init__(self, keeper: ThemeKeeper, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setUniformItemSizes(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        QScroller.grabGesture(self.viewport(), QScroller.ScrollerGestureType.TouchGesture)
        keeper.changed.connect(self._set_theme)
        self._set_theme(keeper.theme)

    def _set_theme(self, theme: Theme) -> None:
        self.setStyleSheet(f"QListView {{ background: {theme.panel}; outline: none; }}")
        self.scheduleDelayedItemsLayout()
        self.viewport().update()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of words on a card; ``elide`` says which part is left out where room lacks."""

    words: str
    font: QFont
    ink: str
    elide: Qt.TextElideMode = Qt.TextElideMode.ElideRight


class CardPainter(QStyledItemDelegate):
    """Paints a row as a card: ground and edge here, what is on it in `paint_card`.

    Parameters
    ----------
    keeper : ThemeKeeper
    view : TouchList
    size_px : tuple of int
        Width and least height at 1280x800.
    radius_px, inset_px : int
        Of the corners; of the card in its row at its sides.
    """

    def __init__(
        self,
        keeper: ThemeKeeper,
        view: TouchList,
        size_px: tuple[int, int],
        *,
        radius_px: int,
        inset_px: int,
    ) -> None:
        super().__init__(view)
        self._keeper = keeper
        self._size_px = size_px
        self._radius_px = radius_px
        self._inset_px = inset_px

    @property
    def theme(self) -> Theme:
        """The theme shown."""
        return self._keeper.theme

    def is_marked(self, index: Index, state: QStyle.StateFlag) -> bool:  # noqa: ARG002
        """Return whether the card has the strong edge; by default the selected one has."""
        return bool(state & QStyle.StateFlag.State_Selected)

    def paint_card(self, painter: QPainter, box: QRect, index: Index) -> None:
        """Paint what is on the card."""
        raise NotImplementedError

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: ARG002
        """Return the size of a row; never lower than a touch target."""
        width, height = (self.theme.px(size) for size in self._size_px)
        return QSize(width, max(self.theme.touch_px(), height))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint the card."""
        theme = self.theme
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        inset = theme.px(self._inset_px)
        box = rect.adjusted(inset, theme.px(2), -inset, -theme.px(2))
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        hovered = bool(state & QStyle.StateFlag.State_MouseOver)
        painter.setBrush(QColor(theme.background if hovered else theme.raised))
        edge = QPen(QColor(theme.line), 1)
        if self.is_marked(index, state):
            edge = QPen(QColor(theme.accent), theme.px(_PRESSED_EDGE_PX))
        painter.setPen(edge)
        radius = theme.px(self._radius_px)
        painter.drawRoundedRect(box, radius, radius)
        self.paint_card(painter, box, index)
        painter.restore()


def paint_thumbnail(painter: QPainter, box: QRect, image: QImage | None) -> bool:
    """Fill ``box`` with the middle of a picture; return whether there is one."""
    painter.fillRect(box, QColor(_NO_PICTURE))
    if image is None or image.isNull():
        return False
    size = image.size().scaled(box.size(), Qt.AspectRatioMode.KeepAspectRatioByExpanding)
    shown = QRect(0, 0, size.width(), size.height())
    shown.moveCenter(box.center())
    painter.setClipRect(box)
    painter.drawImage(shown, image)
    painter.setClipping(False)
    return True


def paint_line(painter: QPainter, box: QRect, line: Line) -> int:
    """Write a line at the top of ``box``; return its height in pixels."""
    metrics = QFontMetrics(line.font)
    painter.setFont(line.font)
    painter.setPen(QColor(line.ink))
    at = QRect(box.left(), box.top(), box.width(), metrics.height())
    short = metrics.elidedText(line.words, line.elide, box.width())
    painter.drawText(at, Qt.AlignmentFlag.AlignVCenter, short)
    return metrics.height()


def paint_icon(painter: QPainter, at: QRect, name: str, ink: str) -> None:
    """Draw an icon into a square."""
    ratio = painter.device().devicePixelRatio()
    painter.drawPixmap(at.topLeft(), pixmap(name, ink, at.width(), ratio))
