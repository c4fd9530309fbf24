"""A recorded picture with its layers; plants in it can be touched."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
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

from agriseg.messages import ClassId, Float64Array
from ui.live.camera_view import CROP_COLOUR, WEED_COLOUR
from ui.models.review_open import ReviewFrame
from ui.style import font
from ui.theme import Theme, ThemeKeeper

_INK = QColor("#ffffff")
_EDGE = QColor(0, 0, 0, 200)
_FAINT = QColor(255, 255, 255, 110)
_SPRAY = QColor(86, 180, 233, 120)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """What is drawn on the picture; ``opacity`` is the mask's, 0 to 1."""

    mask: bool = True
    plants: bool = True
    boom: bool = True
    opacity: float = 0.8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PaintedFrame:
    """A frame whose pixels belong to it, ready for the screen."""

    frame: ReviewFrame
    image: QImage
    overlay: QImage


def painted(frame: ReviewFrame) -> PaintedFrame:
    """Copy a frame's pixels into images of their own; done beside the window's thread."""
    height, width = frame.picture.image.shape[:2]
    return PaintedFrame(
        frame=frame,
        image=_image(frame.picture.image.tobytes(), width, height, QImage.Format.Format_RGB32),
        overlay=_image(
            frame.picture.overlay.tobytes(),
            width,
            height,
            QImage.Format.Format_ARGB32_Premultiplied,
        ),
    )


class ReviewPicture(QWidget):
    """Paints one recorded frame, its mask, its plants and the boom."""

    tapped = Signal(float, float)
    """(u, v) in pixels of the camera."""

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = keeper.theme
        self._shown: PaintedFrame | None = None
        self._layers = Layers()
        self._selected = -1
        self._words = ""
        self._label = ""
        self._commanded: frozenset[int] = frozenset()
        self._confirmed: frozenset[int] = frozenset()
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(280, 150)
        self.setAccessibleName("Recorded picture")
        keeper.changed.connect(self._set_theme)

    def sizeHint(self) -> QSize:
        """Return the size at 1280x800."""
        return QSize(480, 270)

    @property
    def frame(self) -> ReviewFrame | None:
        """The frame shown."""
        return self._shown.frame if self._shown is not None else None

    def show_frame(self, shown: PaintedFrame, label: str) -> None:
        """Take a frame, and the words for its corner."""
        self._shown, self._label, self._words = shown, label, ""
        self.update()

    def show_words(self, text: str) -> None:
        """Say why there is no picture."""
        self._shown, self._words = None, text
        self.update()

    def show_layers(self, layers: Layers) -> None:
        """Draw other layers."""
        self._layers = layers
        self.update()

    def show_nozzles(self, commanded: frozenset[int], confirmed: frozenset[int]) -> None:
        """Take which nozzles' commanded and confirmed ground is below the boom."""
        self._commanded, self._confirmed = commanded, confirmed
        self.update()

    def select(self, plant_id: int) -> None:
        """Mark a plant; -1 for none."""
        self._selected = plant_id
        self.update()

    def picture_rect(self) -> QRectF:
        """Return where the picture is drawn, centred with its aspect ratio kept."""
        box = QRectF(self.rect())
        if self._shown is None:
            return box
        image = self._shown.image
        scale = min(box.width() / image.width(), box.height() / image.height())
        width, height = image.width() * scale, image.height() * scale
        return QRectF((box.width() - width) / 2, (box.height() - height) / 2, width, height)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Tell where the picture was touched."""
        if self._shown is None or event.button() is not Qt.MouseButton.LeftButton:
            return
        target, place = self.picture_rect(), event.position()
        if target.contains(place):
            scale = self._shown.image.width() / target.width() / self._shown.frame.scale
            self.tapped.emit(
                (place.x() - target.left()) * scale, (place.y() - target.top()) * scale
            )

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw picture and layers, or say why there is none."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor("#101412"))
        if self._shown is None:
            self._paint_words(painter)
        else:
            self._paint_frame(painter, self._shown)
        painter.end()

    def _paint_frame(self, painter: QPainter, shown: PaintedFrame) -> None:
        target = self.picture_rect()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(target, shown.image)
        if self._layers.mask:
            painter.setOpacity(self._layers.opacity)
            painter.drawImage(target, shown.overlay)
            painter.setOpacity(1.0)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(target)
        scale = target.width() / shown.image.width()
        if self._layers.boom:
            self._paint_boom(painter, shown.frame, scale, target)
        if self._layers.plants:
            self._paint_plants(painter, shown.frame, scale * shown.frame.scale, target)
        painter.setClipping(False)
        self._paint_label(painter)

    def _paint_boom(
        self, painter: QPainter, frame: ReviewFrame, scale: float, target: QRectF
    ) -> None:
        """Draw each nozzle's track; frame what is commanded, fill what is confirmed."""
        boom = frame.picture.boom
        origin = np.array([target.left(), target.top()])
        for nozzle, corners in enumerate(boom.swath_px * scale + origin):
            commanded, confirmed = nozzle in self._commanded, nozzle in self._confirmed
            if not (commanded or confirmed):
                continue
            pen = QPen(_INK, max(2, self._theme.px(2.5))) if commanded else QPen(_FAINT, 1)
            painter.setPen(pen)
            painter.setBrush(_SPRAY if confirmed else Qt.BrushStyle.NoBrush)
            painter.drawPolygon(_polygon(corners))
        painter.setPen(QPen(_FAINT, 1, Qt.PenStyle.DotLine))
        for near, far in boom.nozzle_tracks_px * scale + origin:
            if np.isfinite((near, far)).all():
                painter.drawLine(QPointF(*near), QPointF(*far))

    def _paint_plants(
        self, painter: QPainter, frame: ReviewFrame, scale: float, target: QRectF
    ) -> None:
        """Draw plants' boxes: weeds solid, crop dashed, the selected one thick and white."""
        origin = np.array([target.left(), target.top()])
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for plant in frame.plants:
            polygon = _polygon(plant.outline_px * scale + origin)
            is_weed = plant.class_id is ClassId.WEED
            colour = QColor(WEED_COLOUR if is_weed else CROP_COLOUR)
            style = Qt.PenStyle.SolidLine if is_weed else Qt.PenStyle.DashLine
            thick = self._theme.px(2)
            if plant.plant_id == self._selected:
                colour, style, thick = _INK, Qt.PenStyle.SolidLine, self._theme.px(4)
            for ink, width in ((_EDGE, thick + 2), (colour, thick)):
                painter.setPen(QPen(ink, width, style))
                painter.drawPolygon(polygon)

    def _paint_label(self, painter: QPainter) -> None:
        made = font(self._theme, 14, QFont.Weight.DemiBold)
        metrics = QFontMetrics(made)
        inset = self._theme.px(6)
        box = QRectF(0, 0, metrics.horizontalAdvance(self._label) + 2 * inset, metrics.height() + 4)
        box.moveTopLeft(QPointF(inset, inset))
        painter.fillRect(box, _EDGE)
        painter.setPen(_INK)
        painter.setFont(made)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self._label)

    def _paint_words(self, painter: QPainter) -> None:
        margin = self._theme.px(16)
        painter.setPen(_INK)
        painter.setFont(font(self._theme, 18, QFont.Weight.DemiBold))
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(self.rect().adjusted(margin, margin, -margin, -margin), flags, self._words)

    def _set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()


def _image(pixels: bytes, width: int, height: int, form: QImage.Format) -> QImage:
    return QImage(pixels, width, height, width * 4, form).copy()


def _polygon(corners: Float64Array) -> QPolygonF:
    if not np.isfinite(corners).all():
        return QPolygonF()
    return QPolygonF([QPointF(float(u), float(v)) for u, v in corners])
