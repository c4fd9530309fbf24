"""The picture as the window paints it: frame and class overlay in the screen's formats."""

from __future__ import annotations

import cv2
import numpy as np

from agriseg.messages import BoomView, ClassId, Frame, Picture, UInt8Array

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
    """Scales frames to the window's size and colours the labels; no blending, that is Qt's."""

    def __init__(self, max_width_px: int, max_height_px: int) -> None:
        self._max_width_px = max_width_px
        self._max_height_px = max_height_px
        self._palette = class_palette()

    def size(self, frame: Frame) -> tuple[int, int]:
        """Return (width, height) in pixels of the picture made from ``frame``."""
        height, width = frame.image.shape[:2]
        scale = min(1.0, self._max_width_px / width, self._max_height_px / height)
        return max(1, round(width * scale)), max(1, round(height * scale))

    def paint(self, frame: Frame, labels: UInt8Array | None, boom: BoomView) -> Picture:
        """Return the picture; ``labels`` (H, W) uint8 of the same frame, None for no overlay."""
        size = self.size(frame)
        image: UInt8Array = np.asarray(frame.image)
        if size != (image.shape[1], image.shape[0]):
            image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        bgra = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2BGRA), np.uint8)
        return Picture(
            frame_id=frame.frame_id,
            t_capture_s=frame.t_capture_s,
            image=bgra,
            overlay=self._colour(labels, size),
            boom=boom,
        )

    def _colour(self, labels: UInt8Array | None, size: tuple[int, int]) -> UInt8Array:
        if labels is None:
            return np.zeros((size[1], size[0], 4), dtype=np.uint8)
        if size != (labels.shape[1], labels.shape[0]):
            labels = np.asarray(cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST), np.uint8)
        return np.take(self._palette, labels, axis=0)
