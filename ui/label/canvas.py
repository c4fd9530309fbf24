"""The picture being labelled: zoom, pan, mouse, pen and touch; tools draw on top."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPaintEvent,
    QPointingDevice,
    QRegion,
    QResizeEvent,
    QTabletEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QGestureEvent, QPinchGesture, QSizePolicy, QWidget

from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Rect
from ui.label.composing import LayerLook, Pyramid
from ui.label.view_buffer import ViewBuffer
from ui.label.viewport import SMALLEST_SHARE, Viewport, fitted, framing
from ui.style import font
from ui.theme import Theme, ThemeKeeper

_ZOOM_A_NOTCH = 1.25
_NOTCH = 120.0
_PAN_SHARE = 0.2
_FRAMED_SCALE = 8.0
_INK = QColor("#ffffff")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """Mouse, pen or finger on the picture.

    Attributes
    ----------
    u, v : float
        Place in the picture, px, pixel centres at .0; may lie outside of it.
    pressure : float
        Of a pen, 0 to 1; 1 for everything else.
    is_eraser : bool
        A pen turned round, or the mouse's right button.
    shift, alt : bool
        Keys held.
    """

    u: float
    v: float
    pressure: float = 1.0
    is_eraser: bool = False
    shift: bool = False
    alt: bool = False


class Hand(Protocol):
    """What a tool does with the pointer; it asks for repaints itself."""

    def press(self, pointer: Pointer) -> None:
        """Begin."""
        ...

    def drag(self, pointer: Pointer) -> None:
        """Go on."""
        ...

    def release(self, pointer: Pointer) -> None:
        """End."""
        ...

    def hover(self, pointer: Pointer | None) -> None:
        """Move without pressing; None once the pointer has left."""
        ...

    def double(self, pointer: Pointer) -> None:
        """Press twice."""
        ...

    def paint(self, painter: QPainter, view: Viewport) -> None:
        """Draw what is not yet in the labels, in screen pixels."""
        ...


class LabelCanvas(QWidget):
    """Shows a document and hands the pointer to a tool."""

    pointed = Signal(object)
    """Carries the `Pointer`, or None when it has left."""

    def __init__(self, keeper: ThemeKeeper, look: LayerLook, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = keeper.theme
        self._buffer = ViewBuffer(look)
        self._document: LabelDocument | None = None
        self._picture = (1, 1)
        self._view = Viewport()
        self._fits = True
        self._hand: Hand | None = None
        self._words = ""
        self._pan_from: QPointF | None = None
        self._pen_down = False
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.setTabletTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(320, 240)
        self.setAccessibleName("Picture being labelled")
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.grabGesture(Qt.GestureType.PinchGesture)
        keeper.changed.connect(self._set_theme)

    def sizeHint(self) -> QSize:
        """Return the size at 1280x800."""
        return QSize(720, 480)

    @property
    def view(self) -> Viewport:
        """Where the picture lies."""
        return self._view

    def show_document(self, document: LabelDocument | None, pyramid: Pyramid | None) -> None:
        """Take another picture, whole."""
        self._document, self._words = document, ""
        if pyramid is not None:
            self._picture = pyramid.size
        self._buffer.show_document(pyramid, document)
        self.fit()

    def show_words(self, text: str) -> None:
        """Say why there is no picture."""
        self.show_document(None, None)
        self._words = text
        self.update()

    def show_look(self, look: LayerLook) -> None:
        """Draw the layers another way."""
        self._buffer.show_look(look)
        self.update()

    def take_change(self, changed: Rect) -> None:
        """Draw what changed in the labels."""
        rect = self._buffer.take_change(changed)
        if not rect.isEmpty():
            self.update(self._logical(rect))

    def use(self, hand: Hand | None) -> None:
        """Hand the pointer to a tool."""
        self._hand = hand
        self.update()

    # Zoom and pan

    def fit(self) -> None:
        """Show the whole picture."""
        self._fits = True
        self._take_view(fitted(self._picture, self._room()))

    def show_actual(self) -> None:
        """Show a pixel of the picture on a pixel of the screen."""
        scale = 1.0 / self.devicePixelRatioF()
        at = QPointF(self.rect().center())
        self._fits = False
        self._take_view(self._view.zoomed(scale / self._view.scale, at, 0.0))

    def zoom(self, notches: float, at: QPointF | None = None) -> None:
        """Zoom in, or out with a negative number, around a place or the middle."""
        self._fits = False
        least = SMALLEST_SHARE * fitted(self._picture, self._room()).scale
        place = at if at is not None else QPointF(self.rect().center())
        self._take_view(self._view.zoomed(_ZOOM_A_NOTCH**notches, place, least))

    def pan(self, dx_px: float, dy_px: float) -> None:
        """Move the picture by screen pixels."""
        self._fits = False
        self._take_view(self._view.panned(dx_px, dy_px))

    def pan_by_shares(self, across: float, down: float) -> None:
        """Move what is seen by a fifth of the view for each step."""
        self.pan(
            -round(across * _PAN_SHARE * self.width()), -round(down * _PAN_SHARE * self.height())
        )

    def frame(self, rect: Rect) -> None:
        """Show a part of the picture with room around it."""
        self._fits = False
        area = QRectF(rect.u0 - 0.5, rect.v0 - 0.5, rect.width_px, rect.height_px)
        self._take_view(framing(area, self._room(), _FRAMED_SCALE))

    def _room(self) -> tuple[int, int]:
        return max(1, self.width()), max(1, self.height())

    def _take_view(self, view: Viewport) -> None:
        if not self._fits:
            view = view.kept_near(self._picture, self._room())
        ratio = self.devicePixelRatioF()
        aligned = Viewport(
            scale=view.scale,
            left_px=round(view.left_px * ratio) / ratio,
            top_px=round(view.top_px * ratio) / ratio,
        )
        self._view = aligned
        self._buffer.set_view(
            Viewport(
                scale=aligned.scale * ratio,
                left_px=round(aligned.left_px * ratio),
                top_px=round(aligned.top_px * ratio),
            ),
            QSize(round(self.width() * ratio), round(self.height() * ratio)),
            max(1, round(self._theme.px(1.4) * ratio)),
        )
        self.update()

    # Qt's events

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the whole picture in view, or the part that was."""
        super().resizeEvent(event)
        if self._fits:
            self.fit()
            return
        grown = event.size() - event.oldSize() if event.oldSize().isValid() else QSize()
        self._take_view(self._view.panned(grown.width() / 2.0, grown.height() / 2.0))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the composed view and what the tool has in hand."""
        painter = QPainter(self)
        ratio = self.devicePixelRatioF()
        region = event.region()
        image = self._buffer.image(region if ratio == 1.0 else self._device(region))
        image.setDevicePixelRatio(ratio)
        painter.drawImage(QPointF(0.0, 0.0), image)
        image.setDevicePixelRatio(1.0)
        if self._words:
            self._paint_words(painter)
        elif self._hand is not None and self._document is not None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._hand.paint(painter, self._view)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin with the tool, or to pan with the middle button."""
        self.setFocus()
        if event.button() is Qt.MouseButton.MiddleButton:
            self._pan_from = event.position()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        elif self._hand is not None and self._document is not None and not self._pen_down:
            self._hand.press(self._pointer(event))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go on with what was begun."""
        if self._pan_from is not None:
            by = event.position() - self._pan_from
            self._pan_from = event.position()
            self.pan(by.x(), by.y())
            return
        pointer = self._pointer(event)
        self.pointed.emit(pointer)
        if self._hand is None or self._document is None or self._pen_down:
            return
        if event.buttons() & (Qt.MouseButton.LeftButton | Qt.MouseButton.RightButton):
            self._hand.drag(pointer)
        else:
            self._hand.hover(pointer)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End what was begun."""
        if event.button() is Qt.MouseButton.MiddleButton:
            self._pan_from = None
            self.unsetCursor()
        elif self._hand is not None and self._document is not None and not self._pen_down:
            self._hand.release(self._pointer(event))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Tell the tool; quick strokes of a brush are two strokes for it."""
        if (
            event.button() is not Qt.MouseButton.MiddleButton
            and self._hand is not None
            and self._document is not None
        ):
            self._hand.double(self._pointer(event))

    def tabletEvent(self, event: QTabletEvent) -> None:
        """Work with a pen: pressure, and its other end to erase."""
        event.accept()
        pointer = self._pen(event)
        self.pointed.emit(pointer)
        if self._hand is None or self._document is None:
            return
        if event.type() is QEvent.Type.TabletPress:
            self.setFocus()
            self._pen_down = True
            self._hand.press(pointer)
        elif event.type() is QEvent.Type.TabletRelease:
            self._pen_down = False
            self._hand.release(pointer)
        elif self._pen_down:
            self._hand.drag(pointer)
        else:
            self._hand.hover(pointer)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom around the pointer; a touch pad's two fingers pan, with Ctrl they zoom."""
        event.accept()
        pixels, angle = event.pixelDelta(), event.angleDelta()
        with_ctrl = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        by_pad = event.device().type() is QPointingDevice.DeviceType.TouchPad
        if by_pad and not pixels.isNull() and not with_ctrl:
            self.pan(pixels.x(), pixels.y())
        else:
            self.zoom((angle.y() or angle.x()) / _NOTCH, event.position())

    def leaveEvent(self, event: QEvent) -> None:
        """Tell that the pointer has left."""
        super().leaveEvent(event)
        self.pointed.emit(None)
        if self._hand is not None:
            self._hand.hover(None)

    def event(self, event: QEvent) -> bool:
        """Zoom and pan with two fingers."""
        if isinstance(event, QNativeGestureEvent):
            if event.gestureType() is Qt.NativeGestureType.ZoomNativeGesture:
                self.zoom(event.value() * 3.0, event.position())
                return True
        elif isinstance(event, QGestureEvent):
            pinch = event.gesture(Qt.GestureType.PinchGesture)
            if isinstance(pinch, QPinchGesture):
                self._pinch(pinch)
                return True
        return super().event(event)

    def _pinch(self, pinch: QPinchGesture) -> None:
        self._fits = False
        at = self.mapFromGlobal(pinch.centerPoint())
        by = pinch.centerPoint() - pinch.lastCenterPoint()
        least = SMALLEST_SHARE * fitted(self._picture, self._room()).scale
        view = self._view.zoomed(pinch.scaleFactor(), at, least)
        self._take_view(view.panned(by.x(), by.y()))

    def _pointer(self, event: QMouseEvent) -> Pointer:
        u, v = self._view.to_picture(event.position())
        right = Qt.MouseButton.RightButton
        modifiers = event.modifiers()
        return Pointer(
            u=u,
            v=v,
            is_eraser=event.button() is right or bool(event.buttons() & right),
            shift=bool(modifiers & Qt.KeyboardModifier.ShiftModifier),
            alt=bool(modifiers & Qt.KeyboardModifier.AltModifier),
        )

    def _pen(self, event: QTabletEvent) -> Pointer:
        u, v = self._view.to_picture(event.position())
        modifiers = event.modifiers()
        return Pointer(
            u=u,
            v=v,
            pressure=event.pressure(),
            is_eraser=event.pointerType() is QPointingDevice.PointerType.Eraser,
            shift=bool(modifiers & Qt.KeyboardModifier.ShiftModifier),
            alt=bool(modifiers & Qt.KeyboardModifier.AltModifier),
        )

    def _paint_words(self, painter: QPainter) -> None:
        margin = self._theme.px(24)
        painter.setPen(_INK)
        painter.setFont(font(self._theme, 18))
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(self.rect().adjusted(margin, margin, -margin, -margin), flags, self._words)

    def _device(self, region: QRegion) -> QRegion:
        ratio, box = self.devicePixelRatioF(), region.boundingRect()
        return QRegion(
            QRectF(
                box.x() * ratio, box.y() * ratio, box.width() * ratio, box.height() * ratio
            ).toAlignedRect()
        )

    def _logical(self, rect: QRect) -> QRect:
        ratio = self.devicePixelRatioF()
        return QRectF(
            rect.x() / ratio, rect.y() / ratio, rect.width() / ratio, rect.height() / ratio
        ).toAlignedRect()

    def _set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self._take_view(self._view)
