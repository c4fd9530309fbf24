"""Colours in which Pascal VOC and CVAT keep classes and objects."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agriseg.messages import UInt8Array

LABEL_MAP = "labelmap.txt"
BACKGROUND = (0, 0, 0)
BACKGROUND_NAME = "background"
VOID = (224, 224, 192)
"""Ground that the makers of Pascal VOC did not want judged: the borders of objects."""

VOC_NAMES = (
    BACKGROUND_NAME,
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)
"""The classes of Pascal VOC 2012, in the order of their colours."""


def object_colours(numbers: NDArray[np.integer[Any]]) -> UInt8Array:
    """Return VOC's colour of each number ``(...) -> (..., 3) uint8`` RGB.

    Three bits of the number at a time go to red, green and blue, from the highest bit down, so
    that neighbours look different.
    """
    colours = np.zeros((*numbers.shape, 3), np.uint8)
    for level in range(8):
        for channel in range(3):
            bit = (numbers >> (3 * level + channel)) & 1
            colours[..., channel] |= (bit << (7 - level)).astype(np.uint8)
    return colours
