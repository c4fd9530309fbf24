"""Press on a mistake and drag until it is covered: a region that grows along doubt and colour."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agriseg.labelling.document import SURE, LabelDocument
from agriseg.labelling.edits import Edit, Point, Rect
from agriseg.labelling.tools.regions import EMPTY, Paint, Region, paint
from agriseg.opencv import cv2

WINDOW_PX = 301
_SURE_COST = 60.0
_SURE_POWER = 4
_COLOUR_STEP = 10.0
_FILTER = (5, 25.0, 5.0)


class Growth:
    """What belongs to the ground under a press, nearest first.

    Nearness is the shortest way (Dijkstra, by scikit-image) from the press through pixels that have
    the same label: short through what a model was unsure of and what looks like the ground
    pressed on, long through sure labels and other colours. So a region grows first over the
    one mistake that a person means.

    Parameters
    ----------
    document : LabelDocument
    point : (u, v) px
        Within the picture.
    window_px : int
        Side of the square around it within which the region grows; about 0.1 s for 301.

    Raises
    ------
    ValueError
        The point lies outside the picture.
    """

    def __init__(self, document: LabelDocument, point: Point, window_px: int = WINDOW_PX) -> None:
        u, v = round(point[0]), round(point[1])
        if not (0 <= u < document.width_px and 0 <= v < document.height_px):
            raise ValueError(f"{point} lies outside the picture")
        half = window_px // 2
        around = Rect(u - half, v - half, u + half + 1, v + half + 1)
        self._rect = around.clipped(document.width_px, document.height_px)
        seed = (v - self._rect.v0, u - self._rect.u0)
        self._distance = _distances(document, self._rect, seed)

    @property
    def distances(self) -> NDArray[np.float64]:
        """How far each pixel of `rect` is from the press, ``(h, w)``; infinite beyond the label."""
        return self._distance

    @property
    def rect(self) -> Rect:
        """The window around the press."""
        return self._rect

    def region(self, area_px: int) -> Region:
        """Return the ``area_px`` pixels that are nearest, fewer where the label ends before."""
        reachable = np.sort(self._distance[np.isfinite(self._distance)])
        if area_px < 1 or reachable.size == 0:
            return EMPTY
        limit = reachable[min(area_px, reachable.size) - 1]
        return Region.of(self._distance <= limit, self._rect)


def area_of_drag(length_px: float) -> int:
    """Return how many pixels a drag of this length takes: a disc of that radius."""
    return max(1, round(np.pi * length_px * length_px))


def grow(document: LabelDocument, growth: Growth, area_px: int, what: Paint) -> Edit | None:
    """Paint what has grown; ``growth`` was made of the document as it is now."""
    return paint(document, growth.region(area_px), what, "grow")


def _distances(document: LabelDocument, rect: Rect, seed: tuple[int, int]) -> NDArray[np.float64]:
    # scikit-image takes half a second to import: only for those who use this tool.
    from skimage.graph import MCP_Geometric

    piece = cv2.bilateralFilter(np.ascontiguousarray(document.image[rect.window]), *_FILTER)
    colours = cv2.cvtColor(piece, cv2.COLOR_BGR2LAB).astype(np.float32)
    v, u = seed
    pressed = colours[max(0, v - 1) : v + 2, max(0, u - 1) : u + 2].reshape(-1, 3).mean(axis=0)
    costs = 1.0 + (np.abs(colours - pressed).sum(axis=2) / _COLOUR_STEP) ** 2
    if document.confidence is not None:
        sure = document.confidence[rect.window].astype(np.float64) / SURE
        costs = costs + _SURE_COST * sure**_SURE_POWER
    classes = document.classes[rect.window]
    # Negative costs are walls.
    costs = np.where(classes == classes[v, u], costs, -1.0)
    found: NDArray[np.float64] = MCP_Geometric(costs).find_costs([seed])[0]
    return found
