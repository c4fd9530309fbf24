"""The live picture with what a calibration step marks on it."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetrics,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from agriseg.calibration.steps import PictureMark, Shape, Tone
from agriseg.messages import Picture
from ui.style import font
from ui.theme import Theme, ThemeKeeper
from ui.units import age_text

COVER_AFTER_S = 1.0
"""A picture older than this is not live: the view says so."""

_TONES = {
    Tone.GUIDE: QColor("#ffffff"),
    Tone.OK: QColor("#2fbd90"),
    Tone.WARNING: QColor("#e69f00"),
    Tone.FAULT: QColor("#ff7a66"),
}
_EDGE = QColor(0, 0, 0, 200)
_GUIDE_FILL = QColor(255, 255, 255, 46)
_CROSS_PX = 6


class MarkedPicture(QWidget):
    """Paints the newest picture and the marks of the step."""

    tapped = Signal(float, float)
    """The operator tapped the picture: (u, v) in its pixels."""

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = keeper.theme
        self._image: QImage | None = None
        self._t_capture_s = float("-inf")
        self._age_s = float("inf")
        self._marks: tuple[PictureMark, ...] = ()
        self._size = (0, 0)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(320, 180)
        self.setAccessibleName("Camera picture with what is measured")
        keeper.changed.connect(self._set_theme)

    def sizeHint(self) -> QSize:
        """Return the size at 1280x800."""
        return QSize(680, 385)

    @property
    def is_live(self) -> bool:
        """Whether the picture shown is of now."""
        return self._image is not None and self._age_s <= COVER_AFTER_S

    def show_picture(self, picture: Picture, now_s: float) -> None:
        """Take a picture."""
        height, width = picture.image.shape[:2]
        self._image = QImage(
            picture.image.tobytes(), width, height, width * 4, QImage.Format.Format_RGB32
        ).copy()
        self._t_capture_s = picture.t_capture_s
        self.show_age(now_s)
        self.update()

    def show_age(self, now_s: float) -> None:
        """Judge at ``now_s`` whether the picture is still live."""
        was_live = self.is_live
        self._age_s = max(0.0, now_s - self._t_capture_s)
        if was_live != self.is_live or not self.is_live:
            self.update()

    def show_marks(self, marks: tuple[PictureMark, ...], size: tuple[int, int]) -> None:
        """Take marks, in pixels of a picture of ``size`` (width, height)."""
        if (marks, size) != (self._marks, self._size):
            self._marks, self._size = marks, size
            self.update()

    def forget(self) -> None:
        """Drop picture and marks."""
        self._image = None
        self._age_s = float("inf")
        self._marks = ()
        self.update()

    def picture_rect(self) -> QRectF:
        """Return where the picture is drawn, centred with its aspect ratio kept."""
        box = QRectF(self.rect())
        if self._image is None:
            return box
        scale = min(box.width() / self._image.width(), box.height() / self._image.height())
        width, height = self._image.width() * scale, self._image.height() * scale
        return QRectF((box.width() - width) / 2, (box.height() - height) / 2, width, height)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Tell where the picture was tapped."""
        if self._image is None or event.button() is not Qt.MouseButton.LeftButton:
            return
        target = self.picture_rect()
        place = event.position()
        if target.contains(place):
            scale = self._image.width() / target.width()
            self.tapped.emit(
                (place.x() - target.left()) * scale - 0.5, (place.y() - target.top()) * scale - 0.5
            )

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw picture and marks, or say why there is none."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor("#101412"))
        if self._image is None:
            self._paint_words(painter, "Waiting for the camera's picture …")
        else:
            target = self.picture_rect()
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(target, self._image)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setClipRect(target)
            for mark in self._marks:
                self._paint_mark(painter, mark, target)
            if not self.is_live:
                painter.fillRect(self.rect(), QColor(0, 0, 0, 170))
                self._paint_words(painter, f"This picture is {age_text(self._age_s)} old")
        painter.end()

    def _paint_mark(self, painter: QPainter, mark: PictureMark, target: QRectF) -> None:
        """Draw a mark twice, dark and wide below, so that it shows on any ground."""
        points = self._placed(mark, target)
        if not points:
            return
        colour = _TONES[mark.tone]
        width = max(2.0, self._theme.px(2))
        for ink, thick in ((_EDGE, width + 2.5), (colour, width)):
            pen = QPen(ink, thick)
            if mark.tone is Tone.WARNING:
                pen.setStyle(Qt.PenStyle.DashLine)
            painter.setPen(pen)
            self._paint_shape(painter, mark, points)
        if mark.label:
            self._paint_label(painter, mark.label, points[0])

    def _paint_shape(self, painter: QPainter, mark: PictureMark, points: list[QPointF]) -> None:
        reach = self._theme.px(_CROSS_PX)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if mark.shape is Shape.POLYGON:
            if mark.tone is Tone.GUIDE:
                painter.setBrush(_GUIDE_FILL)
            painter.drawPolygon(QPolygonF(points))
        elif mark.shape is Shape.LINE:
            painter.drawPolyline(QPolygonF(points))
        elif mark.shape is Shape.ARROW and len(points) == 2:
            painter.drawLine(points[0], points[1])
            painter.drawEllipse(points[1], reach / 3, reach / 3)
        elif mark.shape is Shape.POINTS:
            for point in points:
                painter.drawEllipse(point, reach / 2, reach / 2)
        else:
            for point in points:
                painter.drawLine(point - QPointF(reach, 0), point + QPointF(reach, 0))
                painter.drawLine(point - QPointF(0, reach), point + QPointF(0, reach))

    def _placed(self, mark: PictureMark, target: QRectF) -> list[QPointF]:
        if self._image is None or 0 in self._size:
            return []
        across, down = target.width() / self._size[0], target.height() / self._size[1]
        return [
            QPointF(target.left() + (u + 0.5) * across, target.top() + (v + 0.5) * down)
            for u, v in mark.points_px
        ]

    def _paint_label(self, painter: QPainter, text: str, at: QPointF) -> None:
        made = font(self._theme, 14, QFont.Weight.Bold)
        metrics = QFontMetrics(made)
        box = QRectF(
            at.x() + self._theme.px(8),
            at.y() - metrics.height() / 2,
            metrics.horizontalAdvance(text) + self._theme.px(10),
            metrics.height(),
        )
        painter.fillRect(box, _EDGE)
        painter.setPen(QColor("#ffffff"))
        painter.setFont(made)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _paint_words(self, painter: QPainter, text: str) -> None:
        painter.setPen(QColor("#ffffff"))
        painter.setFont(font(self._theme, 20, QFont.Weight.DemiBold))
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(self.rect(), flags, text)

    def _set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()
