"""What a part of the view shows, made from the layers at the screen's own pixels.

Nothing is kept of the labels but the labels themselves: a changed rectangle is sampled again,
which costs what it covers on the screen and not what the picture has in megapixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agriseg.labelling.document import SURE, LabelDocument
from agriseg.messages import ClassId, UInt8Array
from agriseg.opencv import cv2
from ui.label.viewport import Viewport

UInt32Array = NDArray[np.uint32]
IntArray = NDArray[Any]

_BACKGROUND_BGR = (18, 20, 16)
_SHARP_FROM_SCALE = 2.0
"""From this scale on the picture's pixels are shown as squares."""
_HATCH_PX = 6
DOUBT_BELOW = 0.75
"""Confidence under which a label is doubtful, unless the labeller says otherwise."""
_DOUBT = 0xFFF0E442
"""Yellow of the Okabe-Ito palette."""
_IGNORE_LIGHT = 0xFFB0B6B3
_IGNORE_DARK = 0xFF202624


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerLook:
    """Which layers are drawn, and how: opacities from 0 to 1.

    Attributes
    ----------
    picture, classes : float
        Opacities; of the picture, how bright it is below them.
    filled, outlines, doubt, stems, findings : bool
        Layers drawn.
    hidden : bool
        Whether all labels are hidden for a look at the picture.
    doubt_below : float
        Confidence under which a pixel is doubtful.
    colours : mapping of int to str
        Class value to ``#rrggbb``; classes without a colour are not drawn.
    """

    picture: float = 1.0
    classes: float = 0.45
    filled: bool = True
    outlines: bool = True
    doubt: bool = True
    stems: bool = True
    findings: bool = True
    hidden: bool = False
    doubt_below: float = DOUBT_BELOW
    colours: Mapping[int, str]


class Pyramid:
    """A picture and its halves, so that a small view costs little.

    Parameters
    ----------
    image : (H, W, 3) uint8
        BGR.
    """

    def __init__(self, image: UInt8Array) -> None:
        self.levels = [image]
        while min(self.levels[-1].shape[:2]) >= 256:
            height, width = self.levels[-1].shape[:2]
            half = cv2.resize(
                self.levels[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA
            )
            self.levels.append(np.asarray(half, dtype=np.uint8))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        height, width = self.levels[0].shape[:2]
        return width, height

    def part(self, view: Viewport, x: int, y: int, width: int, height: int) -> UInt8Array:
        """Return a part of the view, (height, width, 4) uint8 BGRA."""
        level, level_scale = 0, view.scale
        while level_scale < 0.7 and level + 1 < len(self.levels):
            level, level_scale = level + 1, level_scale * 2.0
        image = self.levels[level]
        across = self.size[0] / image.shape[1]
        down = self.size[1] / image.shape[0]
        matrix = np.array(
            [
                [1 / (view.scale * across), 0.0, (x + 0.5 - view.left_px) / view.scale / across],
                [0.0, 1 / (view.scale * down), (y + 0.5 - view.top_px) / view.scale / down],
            ]
        )
        matrix[:, 2] -= 0.5
        sharp = view.scale >= _SHARP_FROM_SCALE
        made = cv2.warpAffine(
            image,
            matrix,
            (width, height),
            flags=cv2.WARP_INVERSE_MAP | (cv2.INTER_NEAREST if sharp else cv2.INTER_LINEAR),
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=_BACKGROUND_BGR,
        )
        return np.asarray(cv2.cvtColor(made, cv2.COLOR_BGR2BGRA), dtype=np.uint8)


class LabelColours:
    """Colours of the label layers as tables of premultiplied ARGB."""

    def __init__(self, look: LayerLook) -> None:
        self.fill = np.zeros(256, np.uint32)
        self.edge = np.zeros(256, np.uint32)
        for value, colour in look.colours.items():
            if value == ClassId.SOIL or value == ClassId.IGNORE:
                continue
            self.fill[value] = premultiplied(colour, look.classes if look.filled else 0.0)
            self.edge[value] = premultiplied(colour, 1.0)
        self.edge[ClassId.IGNORE] = _IGNORE_LIGHT


def premultiplied(colour: str, opacity: float) -> int:
    """Return ``#rrggbb`` as Qt's premultiplied ARGB."""
    channels = [round(int(colour[i : i + 2], 16) * opacity) for i in (1, 3, 5)]
    return round(255 * opacity) << 24 | channels[0] << 16 | channels[1] << 8 | channels[2]


def label_part(
    labels: LabelDocument,
    look: LayerLook,
    colours: LabelColours,
    view: Viewport,
    x: int,
    y: int,
    width: int,
    height: int,
    thick_px: int = 1,
) -> UInt32Array:
    """Return the labels of a part of the view, (height, width) uint32 premultiplied ARGB.

    Parameters
    ----------
    x, y, width, height : int
        The part, in screen pixels.
    thick_px : int
        Width of the plants' outlines.
    """
    pad = thick_px
    us = _picture_index(view.left_px, view.scale, x - pad, width + 2 * pad)
    vs = _picture_index(view.top_px, view.scale, y - pad, height + 2 * pad)
    padded = _sampled(labels.classes, us, vs)
    inner = (slice(pad, pad + height), slice(pad, pad + width))
    classes = padded[inner]
    made = colours.fill[classes]
    if look.filled and look.classes > 0.0:
        _hatch_ignored(made, classes, look.classes, x, y)
    if look.doubt and labels.confidence is not None:
        sure = _sampled(labels.confidence, us[pad : pad + width], vs[pad : pad + height], SURE)
        _hatch_doubt(made, sure < look.doubt_below * SURE, x, y)
    if look.outlines:
        ids = _sampled(labels.instances, us, vs).astype(np.uint32)
        keys: UInt32Array = np.bitwise_or(ids << 8, padded, dtype=np.uint32)
        edges = _edges(keys, pad, width, height)
        edges &= classes != ClassId.SOIL
        np.copyto(made, colours.edge[classes], where=edges)
    return made


def _picture_index(start_px: float, scale: float, first: int, count: int) -> NDArray[np.int64]:
    """Return the pixel of the picture below each screen pixel along one axis."""
    at = np.arange(first, first + count, dtype=np.float64) + (0.5 - start_px)
    index: NDArray[np.int64] = np.floor(at / scale).astype(np.int64)
    return index


def _sampled(
    layer: IntArray, us: NDArray[np.int64], vs: NDArray[np.int64], outside: int = 0
) -> IntArray:
    """Return a layer at columns and rows; ``outside`` beyond its border."""
    height, width = layer.shape
    left, right = np.searchsorted(us, (0, width))
    top, bottom = np.searchsorted(vs, (0, height))
    if (left, top) == (0, 0) and (right, bottom) == (len(us), len(vs)):
        return _gathered(layer, us, vs)
    made = np.full((len(vs), len(us)), outside, layer.dtype)
    if left < right and top < bottom:
        made[top:bottom, left:right] = _gathered(layer, us[left:right], vs[top:bottom])
    return made


def _gathered(layer: IntArray, us: NDArray[np.int64], vs: NDArray[np.int64]) -> IntArray:
    rows = layer[:, us[0] : us[-1] + 1].take(vs, axis=0)
    made: IntArray = rows.take(us - us[0], axis=1)
    return made


def _edges(keys: UInt32Array, pad: int, width: int, height: int) -> NDArray[np.bool_]:
    """Return the pixels that differ from one ``pad`` away, across or down."""
    middle = keys[pad : pad + height, pad : pad + width]
    edges: NDArray[np.bool_] = middle != keys[pad : pad + height, :width]
    edges |= middle != keys[pad : pad + height, 2 * pad :]
    edges |= middle != keys[:height, pad : pad + width]
    edges |= middle != keys[2 * pad :, pad : pad + width]
    return edges


def _diagonals(x: int, y: int, shape: tuple[int, ...], *, rising: bool) -> NDArray[np.int64]:
    """Return the number of the diagonal stripe at every screen pixel of a part."""
    across = np.arange(x, x + shape[1])
    down = np.arange(y, y + shape[0])[:, None]
    return (across + down if rising else across - down) // (_HATCH_PX // 2)


def _hatch_ignored(made: UInt32Array, classes: UInt8Array, opacity: float, x: int, y: int) -> None:
    ignored = classes == ClassId.IGNORE
    if not ignored.any():
        return
    stripes = _diagonals(x, y, ignored.shape, rising=False) % 2 == 0
    for value, where in ((_IGNORE_LIGHT, stripes), (_IGNORE_DARK, ~stripes)):
        colour = premultiplied(f"#{value & 0xFFFFFF:06x}", opacity)
        np.copyto(made, np.uint32(colour), where=ignored & where)


def _hatch_doubt(made: UInt32Array, doubtful: NDArray[np.bool_], x: int, y: int) -> None:
    if doubtful.any():
        stripes = _diagonals(x, y, doubtful.shape, rising=True) % 3 == 0
        np.copyto(made, np.uint32(_DOUBT), where=doubtful & stripes)
