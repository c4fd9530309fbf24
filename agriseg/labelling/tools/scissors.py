"""Intelligent scissors: a line that follows the edge between two clicks.

OpenCV's implementation of Mortensen and Barrett, "Intelligent scissors for image composition",
SIGGRAPH 1995, on a window around the last click, so that it costs the same in any picture.
"""

from __future__ import annotations

import numpy as np

from agriseg.labelling.edits import Point, Rect
from agriseg.messages import Float64Array, UInt8Array
from agriseg.opencv import cv2

WINDOW_PX = 512
_CANNY = (32, 100)
_STRONGEST_GRADIENT = 200


class LiveWire:
    """Follows edges from an anchor to wherever the pointer is.

    Parameters
    ----------
    image : (H, W, 3) uint8
        BGR.
    window_px : int
        Side of the square around the anchor in which edges are followed; beyond, the line is
        straight.
    """

    def __init__(self, image: UInt8Array, window_px: int = WINDOW_PX) -> None:
        self._image = image
        self._window_px = window_px
        self._rect = Rect(0, 0, 0, 0)
        self._anchor: Point | None = None
        self._tool = cv2.segmentation.IntelligentScissorsMB()
        self._tool.setEdgeFeatureCannyParameters(*_CANNY)
        self._tool.setGradientMagnitudeMaxLimit(_STRONGEST_GRADIENT)

    def anchor(self, point: Point) -> Point:
        """Begin at ``point``, (u, v) px; return it, moved into the picture. About 0.1 s."""
        height, width = self._image.shape[:2]
        u, v = min(max(point[0], 0.0), width - 1.0), min(max(point[1], 0.0), height - 1.0)
        half = self._window_px // 2
        self._rect = Rect(
            round(u) - half, round(v) - half, round(u) + half, round(v) + half
        ).clipped(width, height)
        self._tool.applyImage(np.ascontiguousarray(self._image[self._rect.window]))
        self._tool.buildMap((round(u) - self._rect.u0, round(v) - self._rect.v0))
        self._anchor = (u, v)
        return self._anchor

    def path_to(self, point: Point) -> Float64Array:
        """Return the line from the anchor to ``point`` along edges.

        Returns
        -------
        (N, 2) float64
            (u, v) px, the anchor first; straight beyond the window.

        Raises
        ------
        ValueError
            There is no anchor yet.
        """
        if self._anchor is None:
            raise ValueError("there is no anchor to come from; set one first")
        rect = self._rect
        inner = (
            min(max(round(point[0]), rect.u0), rect.u1 - 1) - rect.u0,
            min(max(round(point[1]), rect.v0), rect.v1 - 1) - rect.v0,
        )
        found = np.asarray(self._tool.getContour(inner), np.float64).reshape(-1, 2)
        path: Float64Array = found + np.array([rect.u0, rect.v0])
        if (inner[0] + rect.u0, inner[1] + rect.v0) != (round(point[0]), round(point[1])):
            path = np.concatenate([path, [[point[0], point[1]]]])
        return path
