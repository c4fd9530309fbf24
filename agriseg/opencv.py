"""OpenCV, imported in one place so that it behaves beside Qt and on the terminal.

``from agriseg.opencv import cv2`` instead of ``import cv2``: opencv-python points Qt at its
own plugins and fonts through two environment variables when it is imported, which the
window must not inherit; and its video back ends write to the terminal and wait ten seconds
for a silent camera unless told otherwise before the import.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENCV_LOG_LEVEL", "FATAL")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "2")

import cv2  # the three settings above are read at import

for _variable in ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR"):
    os.environ.pop(_variable, None)

__all__ = ["cv2", "use_one_thread"]


def use_one_thread() -> None:
    """Keep OpenCV to the calling thread, in this process.

    Its helpers look for work on a core of their own for a while before they sleep: beside a
    network that needs the core, they cost more than they bring.
    """
    cv2.setNumThreads(1)
