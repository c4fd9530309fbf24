"""The project's pictures: thumbnails, states, and how far the whole is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QAbstractListModel, QRect, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QImage, QKeyEvent, QPainter
from PySide6.QtWidgets import QStyle, QWidget

from agriseg.labelling.pictures import PictureState
from ui.style import font
from ui.theme import ThemeKeeper
from ui.widgets.touch_list import (
    CardPainter,
    Index,
    Line,
    TouchList,
    paint_icon,
    paint_line,
    paint_thumbnail,
)

_SIZE_PX = (200, 64)
_THUMB_PX = (72, 54)

STATE_ICONS = {
    PictureState.TO_DO: "circle-outline",
    PictureState.IN_WORK: "progress-pencil",
    PictureState.DONE: "check-bold",
    PictureState.REVIEWED: "check-all",
}


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


class PictureList(TouchList):
    """Pictures as rows to be touched."""

    chosen = Signal(str)
    thumbnail_needed = Signal(str)

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(keeper, "Pictures of the project", parent)
        self.pictures = PictureModel(self)
        self.setModel(self.pictures)
        self.current = ""
        """The picture at work."""
        self._asked: set[str] = set()
        self.setItemDelegate(_PicturePainter(keeper, self))
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.clicked.connect(lambda index: self.chosen.emit(self.pictures.rows[index.row()].stem))

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


class _PicturePainter(CardPainter):
    def __init__(self, keeper: ThemeKeeper, view: PictureList) -> None:
        super().__init__(keeper, view, _SIZE_PX, radius_px=6, inset_px=2)
        self._view = view

    def is_marked(self, index: Index, state: QStyle.StateFlag) -> bool:  # noqa: ARG002
        return self._view.pictures.rows[index.row()].stem == self._view.current

    def paint_card(self, painter: QPainter, box: QRect, index: Index) -> None:
        theme = self.theme
        row = self._view.pictures.rows[index.row()]
        thumb = QRect(0, 0, theme.px(_THUMB_PX[0]), min(theme.px(_THUMB_PX[1]), box.height() - 6))
        thumb.moveCenter(box.center())
        thumb.moveLeft(box.left() + theme.px(5))
        paint_thumbnail(painter, thumb, None if row.is_missing else self._view.thumbnail(row.stem))
        icon = theme.px(22)
        words = QRect(thumb.right() + theme.px(8), box.top(), 0, box.height())
        words.setRight(box.right() - icon - theme.px(12))
        self._paint_words(painter, words, row)
        at = QRect(0, 0, icon, icon)
        at.moveCenter(box.center())
        at.moveRight(box.right() - theme.px(8))
        name = "image-off-outline" if row.is_missing else STATE_ICONS[row.state]
        paint_icon(painter, at, name, theme.fault if row.is_missing else theme.text)

    def _paint_words(self, painter: QPainter, box: QRect, row: PictureRow) -> None:
        theme = self.theme
        middle = Qt.TextElideMode.ElideMiddle
        bold = font(theme, 15, QFont.Weight.DemiBold)
        ink = theme.fault if row.is_missing else theme.muted
        lines = (
            Line(words=row.stem, font=bold, ink=theme.text, elide=middle),
            Line(words=row.note, font=font(theme, 13), ink=ink),
        )
        height = sum(QFontMetrics(line.font).height() for line in lines)
        box.setTop(box.top() + (box.height() - height) // 2)
        for line in lines:
            box.setTop(box.top() + paint_line(painter, box, line))
