"""The composed view, kept between paints: only what changed is composed again."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPoint, QRect, QSize
from PySide6.QtGui import QImage, QPainter, QRegion

from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Rect
from agriseg.messages import UInt8Array
from ui.label.composing import (
    LabelColours,
    LayerLook,
    Pyramid,
    UInt32Array,
    label_part,
)
from ui.label.viewport import Viewport, outer

_GROUND = 0xFF101412


class ViewBuffer:
    """Everything below the tools' own drawing, in the screen's device pixels."""

    def __init__(self, look: LayerLook) -> None:
        self._look = look
        self._colours = LabelColours(look)
        self._pyramid: Pyramid | None = None
        self._document: LabelDocument | None = None
        self._view = Viewport()
        self._image = QImage()
        self._stale = QRegion()
        self._thick_px = 1

    @property
    def view(self) -> Viewport:
        """Where the picture lies, in device pixels."""
        return self._view

    def show_document(self, pyramid: Pyramid | None, document: LabelDocument | None) -> None:
        """Take another picture."""
        self._pyramid, self._document = pyramid, document
        self._make_all_stale()

    def show_look(self, look: LayerLook) -> None:
        """Draw the layers another way."""
        self._look, self._colours = look, LabelColours(look)
        self._make_all_stale()

    def set_view(self, view: Viewport, size: QSize, thick_px: int) -> None:
        """Take where the picture lies and the view's size, both in device pixels.

        A view that only moved by whole pixels keeps what it has.
        """
        moved = _whole_shift(self._view, view)
        same = size == self._image.size() and thick_px == self._thick_px
        self._view, self._thick_px = view, thick_px
        if same and moved is not None:
            self._shift(moved)
            return
        self._image = QImage(size, QImage.Format.Format_RGB32)
        self._make_all_stale()

    def take_change(self, changed: Rect) -> QRect:
        """Take that labels changed; return where on the screen."""
        corners = (changed.u0, changed.v0, changed.u1, changed.v1)
        rect = outer(self._view.screen_rect(*corners), self._thick_px + 1)
        rect = rect.intersected(self._image.rect())
        self._stale |= QRegion(rect)
        return rect

    def image(self, wanted: QRegion) -> QImage:
        """Return the view, up to date inside ``wanted``."""
        due = self._stale.intersected(wanted)
        if not due.isEmpty():
            painter = QPainter(self._image)
            for rect in due:  # type: ignore[attr-defined]  # iterable, says Qt for Python
                self._compose(painter, rect)
            painter.end()
            self._stale -= due
        return self._image

    def _make_all_stale(self) -> None:
        self._stale = QRegion(self._image.rect())

    def _shift(self, by: QPoint) -> None:
        if by.isNull():
            return
        before = self._image
        self._image = QImage(before.size(), QImage.Format.Format_RGB32)
        painter = QPainter(self._image)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
        painter.drawImage(by, before)
        painter.end()
        kept = before.rect().translated(by)
        self._stale = self._stale.translated(by) | QRegion(self._image.rect()).subtracted(
            QRegion(kept)
        )

    def _compose(self, painter: QPainter, rect: QRect) -> None:
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
        painter.fillRect(rect, _GROUND)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceOver)
        if self._pyramid is None:
            return
        box = (rect.x(), rect.y(), rect.width(), rect.height())
        if self._look.picture > 0.0:
            picture = self._pyramid.part(self._view, *box)
            painter.setOpacity(self._look.picture)
            painter.drawImage(rect.topLeft(), _as_image(picture, QImage.Format.Format_RGB32))
            painter.setOpacity(1.0)
        if self._document is not None and not self._look.hidden:
            labels = label_part(
                self._document, self._look, self._colours, self._view, *box, self._thick_px
            )
            form = QImage.Format.Format_ARGB32_Premultiplied
            painter.drawImage(rect.topLeft(), _as_image(labels, form))


def _as_image(pixels: UInt8Array | UInt32Array, form: QImage.Format) -> QImage:
    """Return an image over the array's own memory; the array must outlive it."""
    made = np.ascontiguousarray(pixels)
    return QImage(made.data, made.shape[1], made.shape[0], 4 * made.shape[1], form)


def _whole_shift(before: Viewport, after: Viewport) -> QPoint | None:
    """Return by how many whole pixels a view moved; None where it did more than that."""
    dx, dy = after.left_px - before.left_px, after.top_px - before.top_px
    if after.scale != before.scale or dx != round(dx) or dy != round(dy):
        return None
    return QPoint(round(dx), round(dy))
