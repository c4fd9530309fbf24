"""Small pictures for the list, read beside the window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from agriseg.opencv import cv2
from ui.review.thread import ReviewThread

_SIZE_PX = (192, 144)


class Thumbnails(QObject):
    """Reads small pictures in the order in which they are wanted."""

    made = Signal(str, object)
    """Carries the name and a `QImage`; a null one where the picture cannot be read."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thread = ReviewThread("label-thumbnails", self)

    def ask(self, stem: str, path: Path) -> None:
        """Have a picture read."""
        self._thread.ask(lambda: small_picture(path), lambda image: self.made.emit(stem, image))

    def cancel(self) -> None:
        """Forget what is still to be read."""
        self._thread.cancel()

    def stop(self) -> None:
        """End."""
        self._thread.stop()


def small_picture(path: Path) -> QImage:
    """Read a picture at an eighth of its size, or a null one where it cannot be."""
    found = cv2.imread(str(path), cv2.IMREAD_REDUCED_COLOR_8 | cv2.IMREAD_IGNORE_ORIENTATION)
    if found is None:
        return QImage()
    height, width = found.shape[:2]
    scale = min(1.0, max(_SIZE_PX[0] / width, _SIZE_PX[1] / height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    pixels = np.ascontiguousarray(cv2.resize(found, size, interpolation=cv2.INTER_AREA))
    made = QImage(pixels.tobytes(), size[0], size[1], 3 * size[0], QImage.Format.Format_BGR888)
    return made.copy()
