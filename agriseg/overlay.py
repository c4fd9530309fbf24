"""The picture as the window paints it: frame and class overlay in the screen's formats."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agriseg.messages import BoomView, ClassId, Frame, Picture, UInt8Array
from agriseg.opencv import cv2

UInt32Array = NDArray[np.uint32]

CROP_RGB = (86, 180, 233)
"""Sky blue of the Okabe-Ito palette: not green, which vanishes on leaves."""

WEED_RGB = (230, 60, 0)
"""Vermilion of the Okabe-Ito palette, a little stronger for sunlight."""

OVERLAY_ALPHA = 0.55


def class_palette() -> UInt8Array:
    """Return the (256, 4) uint8 BGRA palette of labels, alpha premultiplied."""
    palette = np.zeros((256, 4), dtype=np.uint8)
    for class_id, rgb in ((ClassId.CROP, CROP_RGB), (ClassId.WEED, WEED_RGB)):
        premultiplied = [round(channel * OVERLAY_ALPHA) for channel in reversed(rgb)]
        palette[class_id] = [*premultiplied, round(255 * OVERLAY_ALPHA)]
    return palette


class PicturePainter:
    """Scales frames to the window's size and colours the labels; no blending, that is Qt's.

    A picture's pixels are the painter's own and change with the next one: it is copied into
    shared memory at once, and fresh memory for every picture would cost more than painting it.
    """

    def __init__(self, max_width_px: int, max_height_px: int) -> None:
        self._max_width_px = max_width_px
        self._max_height_px = max_height_px
        self._palette: UInt32Array = class_palette().view(np.uint32)[:, 0]
        self._image: UInt8Array = np.zeros((0, 0, 4), np.uint8)
        self._overlay: UInt32Array = np.zeros((0, 0), np.uint32)

    def size(self, frame: Frame) -> tuple[int, int]:
        """Return (width, height) in pixels of the picture made from ``frame``."""
        height, width = frame.image.shape[:2]
        scale = min(1.0, self._max_width_px / width, self._max_height_px / height)
        return max(1, round(width * scale)), max(1, round(height * scale))

    def paint(self, frame: Frame, labels: UInt8Array | None, boom: BoomView) -> Picture:
        """Return the picture, valid until the next is painted.

        ``labels`` are (H, W) uint8 of the same frame, None for no overlay.
        """
        size = self.size(frame)
        self._make_room(size)
        image: UInt8Array = np.asarray(frame.image)
        if size != (image.shape[1], image.shape[0]):
            image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        cv2.cvtColor(image, cv2.COLOR_BGR2BGRA, dst=self._image)
        self._colour(labels, size)
        return Picture(
            frame_id=frame.frame_id,
            t_capture_s=frame.t_capture_s,
            image=self._image,
            overlay=self._overlay.view(np.uint8).reshape(self._image.shape),
            boom=boom,
        )

    def _make_room(self, size: tuple[int, int]) -> None:
        width, height = size
        if self._overlay.shape != (height, width):
            self._image = np.zeros((height, width, 4), np.uint8)
            self._overlay = np.zeros((height, width), np.uint32)

    def _colour(self, labels: UInt8Array | None, size: tuple[int, int]) -> None:
        if labels is None:
            self._overlay[:] = 0
            return
        if size != (labels.shape[1], labels.shape[0]):
            labels = np.asarray(cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST), np.uint8)
        np.take(self._palette, labels, out=self._overlay, mode="clip")
