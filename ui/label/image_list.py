"""The project's pictures: thumbnails, states, and how far the whole is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFont, QFontMetrics, QImage, QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import (
    QListView,
    QScroller,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from agriseg.labelling.pictures import PictureState
from ui.style import font
from ui.theme import Theme, ThemeKeeper
from ui.widgets.icons import pixmap

_HEIGHT_PX = 64
_THUMB_PX = (72, 54)
_MOVES = (Qt.Key.Key_Home, Qt.Key.Key_End)

STATE_ICONS = {
    PictureState.TO_DO: "circle-outline",
    PictureState.IN_WORK: "progress-pencil",
    PictureState.DONE: "check-bold",
    PictureState.REVIEWED: "check-all",
}

Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureRow:
    """A picture as the list shows it; ``note`` is said below its name."""

    stem: str
    state: PictureState
    note: str = ""
    is_missing: bool = False


class PictureModel(QAbstractListModel):
    """The rows that are listed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[PictureRow] = []
        self.thumbnails: dict[str, QImage] = {}

    @property
    def rows(self) -> Sequence[PictureRow]:
        """The rows in their order."""
        return self._rows

    def show_rows(self, rows: Iterable[PictureRow]) -> None:
        """Take other rows; the same pictures in the same order keep their places."""
        made = list(rows)
        if [row.stem for row in made] == [row.stem for row in self._rows]:
            self._rows = made
            if made:
                self.dataChanged.emit(self.index(0), self.index(len(made) - 1))
            return
        self.beginResetModel()
        self._rows = made
        self.endResetModel()

    def show_thumbnail(self, stem: str, image: QImage) -> None:
        """Take a small picture."""
        self.thumbnails[stem] = image
        for place, row in enumerate(self._rows):
            if row.stem == stem:
                self.dataChanged.emit(self.index(place), self.index(place))

    def rowCount(self, parent: Index | None = None) -> int:
        """Return how many pictures are listed."""
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return words, for a screen reader."""
        row = self._rows[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{row.stem}, {row.state.value}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return row.stem
        return None


class PictureList(QListView):
    """Pictures as rows to be touched."""

    chosen = Signal(str)
    thumbnail_needed = Signal(str)

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pictures = PictureModel(self)
        self.setModel(self.pictures)
        self.current = ""
        """The picture at work."""
        self._asked: set[str] = set()
        self.setItemDelegate(_PicturePainter(keeper, self))
        self.setAccessibleName("Pictures of the project")
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setUniformItemSizes(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        QScroller.grabGesture(self.viewport(), QScroller.ScrollerGestureType.TouchGesture)
        self.clicked.connect(lambda index: self.chosen.emit(self.pictures.rows[index.row()].stem))
        keeper.changed.connect(self._set_theme)
        self._set_theme(keeper.theme)

    def show_current(self, stem: str) -> None:
        """Mark the picture at work, and bring it into view."""
        self.current = stem
        for place, row in enumerate(self.pictures.rows):
            if row.stem == stem:
                self.scrollTo(self.pictures.index(place))
        self.viewport().update()

    def thumbnail(self, stem: str) -> QImage | None:
        """Return a small picture; one that is not there yet is asked for, once."""
        image = self.pictures.thumbnails.get(stem)
        if image is None and stem not in self._asked:
            self._asked.add(stem)
            self.thumbnail_needed.emit(stem)
        return image

    def forget_thumbnails(self) -> None:
        """Forget all small pictures: another project was opened."""
        self._asked.clear()
        self.pictures.thumbnails.clear()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave the keyboard to the page."""
        event.ignore()

    def _set_theme(self, theme: Theme) -> None:
        self.setStyleSheet(f"QListView {{ background: {theme.panel}; outline: none; }}")
        self.scheduleDelayedItemsLayout()
        self.viewport().update()


class _PicturePainter(QStyledItemDelegate):
    def __init__(self, keeper: ThemeKeeper, view: PictureList) -> None:
        super().__init__(view)
        self._keeper = keeper
        self._view = view

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: ARG002
        theme = self._keeper.theme
        return QSize(theme.px(200), max(theme.touch_px(), theme.px(_HEIGHT_PX)))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        theme = self._keeper.theme
        row = self._view.pictures.rows[index.row()]
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        at_work = row.stem == self._view.current
        box = rect.adjusted(theme.px(2), theme.px(2), -theme.px(2), -theme.px(2))
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        hovered = bool(state & QStyle.StateFlag.State_MouseOver)
        painter.setBrush(QColor(theme.raised if not hovered else theme.background))
        edge = QPen(QColor(theme.accent), theme.px(4)) if at_work else QPen(QColor(theme.line), 1)
        painter.setPen(edge)
        painter.drawRoundedRect(box, theme.px(6), theme.px(6))
        thumb = QRect(0, 0, theme.px(_THUMB_PX[0]), min(theme.px(_THUMB_PX[1]), box.height() - 6))
        thumb.moveCenter(box.center())
        thumb.moveLeft(box.left() + theme.px(5))
        self._paint_thumbnail(painter, thumb, row)
        icon = theme.px(22)
        words = QRect(thumb.right() + theme.px(8), box.top(), 0, box.height())
        words.setRight(box.right() - icon - theme.px(12))
        self._paint_words(painter, words, row)
        ink = theme.fault if row.is_missing else theme.text
        name = "image-off-outline" if row.is_missing else STATE_ICONS[row.state]
        ratio = painter.device().devicePixelRatio()
        at = QRect(0, 0, icon, icon)
        at.moveCenter(box.center())
        at.moveRight(box.right() - theme.px(8))
        painter.drawPixmap(at.topLeft(), pixmap(name, ink, icon, ratio))
        painter.restore()

    def _paint_thumbnail(self, painter: QPainter, box: QRect, row: PictureRow) -> None:
        painter.fillRect(box, QColor("#101412"))
        image = None if row.is_missing else self._view.thumbnail(row.stem)
        if image is None or image.isNull():
            return
        size = image.size().scaled(box.size(), Qt.AspectRatioMode.KeepAspectRatioByExpanding)
        shown = QRect(0, 0, size.width(), size.height())
        shown.moveCenter(box.center())
        painter.setClipRect(box)
        painter.drawImage(shown, image)
        painter.setClipping(False)

    def _paint_words(self, painter: QPainter, box: QRect, row: PictureRow) -> None:
        theme = self._keeper.theme
        lines = (
            (row.stem, font(theme, 15, QFont.Weight.DemiBold), theme.text, "middle"),
            (row.note, font(theme, 13), theme.fault if row.is_missing else theme.muted, "right"),
        )
        metrics = [QFontMetrics(made) for _, made, _, _ in lines]
        top = box.top() + (box.height() - sum(m.height() for m in metrics)) // 2
        for (words, made, ink, elide), metric in zip(lines, metrics, strict=True):
            mode = (
                Qt.TextElideMode.ElideMiddle if elide == "middle" else Qt.TextElideMode.ElideRight
            )
            painter.setFont(made)
            painter.setPen(QColor(ink))
            line = QRect(box.left(), top, box.width(), metric.height())
            short = metric.elidedText(words, mode, box.width())
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, short)
            top += metric.height()
