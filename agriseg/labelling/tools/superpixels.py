"""Superpixels: patches of one colour that are painted whole.

SLIC (Achanta et al., "SLIC superpixels compared to state-of-the-art superpixel methods", PAMI
2012) by scikit-image, in squares of the picture as they are needed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Edit, Point, Rect
from agriseg.labelling.tools.regions import EMPTY, Paint, Region, paint
from agriseg.messages import UInt8Array

TILE_PX = 256
_COMPACTNESS = 12.0
_SMOOTHING_PX = 1.0
_LEAST_SIZE_PX = 4


class Superpixels:
    """The superpixels of one picture; each square of it is divided when it is first touched.

    Parameters
    ----------
    image : (H, W, 3) uint8
        BGR.
    size_px : int
        Side of a superpixel, about.

    Raises
    ------
    ValueError
        The size is smaller than 4 pixels.
    """

    def __init__(self, image: UInt8Array, size_px: int = 14) -> None:
        if size_px < _LEAST_SIZE_PX:
            raise ValueError(f"superpixels have {_LEAST_SIZE_PX} pixels a side at least")
        self._image = image
        self._size_px = size_px
        self._tiles: dict[tuple[int, int], NDArray[np.uint16]] = {}

    def at(self, point: Point) -> Region:
        """Return the superpixel under ``point``, (u, v) px; about 0.1 s in a new square."""
        height, width = self._image.shape[:2]
        u, v = round(point[0]), round(point[1])
        if not (0 <= u < width and 0 <= v < height):
            return EMPTY
        tile = u // TILE_PX, v // TILE_PX
        labels = self._labels(tile)
        rect = _tile_rect(tile, width, height)
        return Region.of(labels == labels[v - rect.v0, u - rect.u0], rect)

    def under(self, region: Region) -> Region:
        """Return all superpixels that a stroke (`brush_region`) touches."""
        height, width = self._image.shape[:2]
        region = region.clipped(width, height)
        if region.rect.is_empty:
            return EMPTY
        found = EMPTY
        for row in range(region.rect.v0 // TILE_PX, (region.rect.v1 - 1) // TILE_PX + 1):
            for column in range(region.rect.u0 // TILE_PX, (region.rect.u1 - 1) // TILE_PX + 1):
                rect = _tile_rect((column, row), width, height)
                labels = self._labels((column, row))
                touched = np.unique(labels[region.over(rect)])
                if touched.size:
                    found = found.united(Region.of(np.isin(labels, touched), rect))
        return found

    def _labels(self, tile: tuple[int, int]) -> NDArray[np.uint16]:
        if tile not in self._tiles:
            height, width = self._image.shape[:2]
            piece = self._image[_tile_rect(tile, width, height).window]
            self._tiles[tile] = _divided(piece, self._size_px)
        return self._tiles[tile]


def superpixels(
    document: LabelDocument, parts: Superpixels, stroke: Region, what: Paint
) -> Edit | None:
    """Paint all superpixels that a stroke touches; ``parts`` belongs to the document's image."""
    return paint(document, parts.under(stroke), what, "superpixels")


def _divided(image: UInt8Array, size_px: int) -> NDArray[np.uint16]:
    # scikit-image takes half a second to import: only for those who use this tool.
    from skimage.segmentation import slic

    height, width = image.shape[:2]
    count = max(1, round(height * width / size_px**2))
    rgb = np.ascontiguousarray(image[..., ::-1])
    labels = slic(
        rgb, n_segments=count, compactness=_COMPACTNESS, sigma=_SMOOTHING_PX, start_label=1
    )
    return np.asarray(labels, np.uint16)


def _tile_rect(tile: tuple[int, int], width: int, height: int) -> Rect:
    u, v = tile[0] * TILE_PX, tile[1] * TILE_PX
    return Rect(u, v, u + TILE_PX, v + TILE_PX).clipped(width, height)
