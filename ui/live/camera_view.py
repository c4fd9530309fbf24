"""The camera picture with what the model saw and the boom on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetrics,
    QImage,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from agriseg.messages import Picture, UInt8Array
from ui.models.nozzles import NozzleState
from ui.style import font
from ui.theme import Theme, ThemeKeeper
from ui.units import age_text

COVER_AFTER_S = 0.5
"""A picture older than this is covered: it no longer shows the field."""
CROP_COLOUR = "#56b4e9"
WEED_COLOUR = "#e63c00"
_PLATE = QColor(0, 0, 0, 190)
_INK = QColor("#ffffff")
_FAINT = QColor(255, 255, 255, 110)
_SPRAY = QColor(86, 180, 233, 120)
_TICK_SHARE = 0.05
"""Length of a nozzle's tick, as a share of its track through the picture."""
_LABEL_GAP_PX = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureNotes:
    """Words written into the corners of the picture."""

    source: str = ""
    segmenter: str = ""
    rate: str = ""


class CameraView(QWidget):
    """Paints the newest picture, its overlay and the nozzles' tracks.

    A picture older than `COVER_AFTER_S` is covered and says its age; before the first
    one the view says what is being waited for.
    """

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = keeper.theme
        self._picture: Picture | None = None
        self._image: QImage | None = None
        self._overlay: QImage | None = None
        self._nozzles: tuple[NozzleState, ...] = ()
        self._notes = PictureNotes()
        self._age_s = float("inf")
        self._cover_reason = ""
        self._waiting: tuple[str, ...] = ("Waiting for the field engine …",)
        self._show_overlay = True
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(320, 180)
        self.setAccessibleName("Camera picture")
        keeper.changed.connect(self._set_theme)

    def sizeHint(self) -> QSize:
        """Return the size at 1280x800."""
        return QSize(760, 430)

    @property
    def is_covered(self) -> bool:
        """Whether a picture is there and hidden because it is not of now."""
        return self._image is not None and self._age_s > COVER_AFTER_S

    @property
    def cover_text(self) -> str:
        """What stands over a covered picture; empty while it is not covered."""
        if not self.is_covered:
            return ""
        return f"Picture is {age_text(self._age_s)} old"

    @property
    def cover_reason(self) -> str:
        """Why the picture may be old, in words."""
        return self._cover_reason

    @property
    def picture(self) -> Picture | None:
        """The newest picture taken."""
        return self._picture

    def show_picture(self, picture: Picture, now_s: float) -> None:
        """Take a picture; its arrays are copied, they may change afterwards."""
        self._picture = picture
        self._image = _qimage(picture.image, QImage.Format.Format_RGB32)
        self._overlay = _qimage(picture.overlay, QImage.Format.Format_ARGB32_Premultiplied)
        self._age_s = max(0.0, now_s - picture.t_capture_s)
        self.update()

    def show_age(self, now_s: float, reason: str = "") -> None:
        """Judge the age of the picture at ``now_s``; ``reason`` says why it may be old."""
        if self._picture is None:
            return
        was_covered = self.is_covered
        self._age_s = max(0.0, now_s - self._picture.t_capture_s)
        self._cover_reason = reason
        if self.is_covered or was_covered:
            self.update()

    def show_nozzles(self, nozzles: tuple[NozzleState, ...]) -> None:
        """Take the nozzles' states for the boom drawn on the picture."""
        if nozzles != self._nozzles:
            self._nozzles = nozzles
            self.update()

    def show_notes(self, notes: PictureNotes) -> None:
        """Take the words for the corners."""
        if notes != self._notes:
            self._notes = notes
            self.update()

    def show_waiting(self, lines: tuple[str, ...]) -> None:
        """Say what is waited for, while there is no picture."""
        if lines != self._waiting:
            self._waiting = lines
            self.update()

    def forget_picture(self) -> None:
        """Drop the picture, when the engine was started anew."""
        self._picture = self._image = self._overlay = None
        self._age_s = float("inf")
        self.update()

    @property
    def overlay_shown(self) -> bool:
        """Whether crop, weeds and boom are drawn on the picture."""
        return self._show_overlay

    def toggle_overlay(self) -> None:
        """Show the plain picture, or the picture with overlay and boom."""
        self._show_overlay = not self._show_overlay
        self.update()

    def picture_rect(self) -> QRectF:
        """Return where the picture is drawn, centred with its aspect ratio kept."""
        box = QRectF(self.rect())
        if self._image is None:
            return box
        scale = min(box.width() / self._image.width(), box.height() / self._image.height())
        width, height = self._image.width() * scale, self._image.height() * scale
        return QRectF((box.width() - width) / 2, (box.height() - height) / 2, width, height)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw picture, overlay, boom, notes; cover them when they are old."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor("#101412"))
        if self._image is None:
            self._paint_lines(painter, self._waiting, "#ffffff")
        else:
            self._paint_picture(painter)
            if self.is_covered:
                self._paint_cover(painter)
            else:
                self._paint_notes(painter)
        painter.end()

    def _set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def _paint_picture(self, painter: QPainter) -> None:
        assert self._image is not None
        target = self.picture_rect()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(target, self._image)
        if self._show_overlay and self._overlay is not None:
            painter.drawImage(target, self._overlay)
            self._paint_boom(painter, target)

    def _paint_boom(self, painter: QPainter, target: QRectF) -> None:
        """Draw the boom's edges, a tick a nozzle, and the strips of nozzles at work."""
        assert self._picture is not None
        assert self._image is not None
        boom = self._picture.boom
        scale = target.width() / self._image.width()
        origin = np.array([target.left(), target.top()])
        swaths = boom.swath_px * scale + origin
        tracks = boom.nozzle_tracks_px * scale + origin
        painter.save()
        painter.setClipRect(target)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        _paint_ticks(painter, tracks)
        for index, corners in enumerate(swaths):
            if index < len(self._nozzles):
                self._paint_swath(painter, _polygon(corners), self._nozzles[index])
        self._paint_numbers(painter, tracks, target)
        painter.restore()

    def _paint_swath(self, painter: QPainter, polygon: QPolygonF, state: NozzleState) -> None:
        """Draw a thick frame when commanded, a filled strip when confirmed, dashes at a fault."""
        if not (state.commanded or state.confirmed or state.fault):
            return
        pen = QPen(_FAINT, 1)
        if state.fault:
            pen = QPen(QColor("#ff7a66"), max(2, self._theme.px(2)), Qt.PenStyle.DashLine)
        elif state.commanded:
            pen = QPen(_INK, max(2, self._theme.px(2.5)))
        painter.setPen(pen)
        painter.setBrush(_SPRAY if state.confirmed else Qt.BrushStyle.NoBrush)
        painter.drawPolygon(polygon)

    def _paint_numbers(
        self,
        painter: QPainter,
        tracks: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
        target: QRectF,
    ) -> None:
        """Write nozzle numbers at the near edge, as many as have room."""
        if not len(tracks):
            return
        made = font(self._theme, 13, QFont.Weight.Bold)
        metrics = QFontMetrics(made)
        painter.setFont(made)
        height = metrics.height()
        bottom = target.bottom() - 2
        right_end = -np.inf
        for index, track in enumerate(tracks):
            number = str(self._nozzles[index].number if index < len(self._nozzles) else index + 1)
            width = metrics.horizontalAdvance(number) + _LABEL_GAP_PX
            left = float(track[0, 0]) - width / 2
            if not np.isfinite(left) or left < right_end + 2 or left + width > target.right():
                continue
            plate = QRectF(left, bottom - height, width, height)
            painter.fillRect(plate, _PLATE)
            painter.setPen(_INK)
            painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, number)
            right_end = left + width

    def _paint_cover(self, painter: QPainter) -> None:
        painter.fillRect(self.rect(), QColor(0, 0, 0, 205))
        lines = [self.cover_text, "It does not show the field as it is now."]
        if self._cover_reason:
            lines.append(self._cover_reason)
        self._paint_lines(painter, tuple(lines), "#ffffff")

    def _paint_lines(self, painter: QPainter, lines: tuple[str, ...], colour: str) -> None:
        """Write centred lines, the first one large, wrapped to the view."""
        margin = self._theme.px(24)
        box = self.rect().adjusted(margin, margin, -margin, -margin)
        flags = Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap
        fonts = [
            font(self._theme, 26 if i == 0 else 17, QFont.Weight.DemiBold)
            for i in range(len(lines))
        ]
        heights = [
            QFontMetrics(made).boundingRect(box, flags, line).height() + self._theme.px(8)
            for made, line in zip(fonts, lines, strict=True)
        ]
        top = box.top() + max(0, (box.height() - sum(heights)) // 2)
        painter.setPen(QColor(colour))
        for made, line, height in zip(fonts, lines, heights, strict=True):
            painter.setFont(made)
            painter.drawText(QRect(box.left(), top, box.width(), height), flags, line)
            top += height

    def _paint_notes(self, painter: QPainter) -> None:
        """Name source and model above; below the age the legend of colours."""
        target = self.rect()
        inset = self._theme.px(8)
        above = " · ".join(t for t in (self._notes.source, self._notes.segmenter) if t)
        if above:
            room = target.width() - 3 * inset - self._theme.touch_px()
            self._plate(painter, target.left() + inset, target.top() + inset, above, room)
        if self._notes.rate:
            top = target.top() + inset + self._theme.px(32)
            self._plate(painter, target.left() + inset, top, self._notes.rate, target.width())
        if self._show_overlay:
            self._paint_legend(painter, target, inset)

    def _plate(self, painter: QPainter, left: int, top: int, text: str, room: int) -> int:
        made = font(self._theme, 14, QFont.Weight.DemiBold)
        metrics = QFontMetrics(made)
        padding = self._theme.px(6)
        text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room - 2 * padding)
        width = metrics.horizontalAdvance(text) + 2 * padding
        box = QRect(left, top, width, metrics.height() + padding)
        painter.fillRect(box, _PLATE)
        painter.setPen(_INK)
        painter.setFont(made)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
        return box.right() + 1

    def _paint_legend(self, painter: QPainter, target: QRect, inset: int) -> None:
        """Name the overlay's colours, at the right edge below the overlay key."""
        size = self._theme.px(14)
        made = font(self._theme, 14, QFont.Weight.DemiBold)
        metrics = QFontMetrics(made)
        entries = (("Weed", WEED_COLOUR), ("Crop", CROP_COLOUR))
        row = metrics.height() + self._theme.px(4)
        width = size + 3 * self._theme.px(6) + max(metrics.horizontalAdvance(w) for w, _ in entries)
        left = target.right() + 1 - inset - width
        top = target.top() + 2 * inset + self._theme.touch_px()
        painter.fillRect(QRect(left, top, width, row * len(entries) + self._theme.px(4)), _PLATE)
        painter.setFont(made)
        for index, (word, colour) in enumerate(entries):
            y = top + self._theme.px(2) + index * row
            swatch = QRect(left + self._theme.px(6), y + (row - size) // 2, size, size)
            painter.fillRect(swatch, QColor(colour))
            painter.setPen(_INK)
            painter.drawRect(swatch)
            words = QRect(swatch.right() + self._theme.px(6), y, width, row)
            painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, word)


def _qimage(array: UInt8Array, form: QImage.Format) -> QImage:
    """Return an image of its own memory from (H, W, 4) BGRA."""
    pixels = np.ascontiguousarray(array)
    height, width = pixels.shape[:2]
    return QImage(pixels.data, width, height, width * 4, form).copy()


def _paint_ticks(
    painter: QPainter, tracks: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
) -> None:
    """Draw the outermost tracks whole, and the near and far end of every other one."""
    painter.setPen(QPen(_FAINT, 1))
    last = len(tracks) - 1
    for index, (near, far) in enumerate(tracks):
        if not np.isfinite((near, far)).all():
            continue
        step = (far - near) * (1.0 if index in (0, last) else _TICK_SHARE)
        painter.drawLine(QPointF(*near), QPointF(*(near + step)))
        painter.drawLine(QPointF(*far), QPointF(*(far - step)))


def _polygon(corners: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> QPolygonF:
    """Return a polygon from (4, 2) points; an unseen strip (NaN) becomes empty."""
    if not np.isfinite(corners).all():
        return QPolygonF()
    return QPolygonF([QPointF(float(u), float(v)) for u, v in corners])
