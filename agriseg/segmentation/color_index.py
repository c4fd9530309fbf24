"""Vegetation by colour alone: excess green with an adaptive threshold.

The method knows no species. It calls **all** vegetation weed, the crop as well, so it serves
fallow and bare-soil work, or ground before the crop emerges; spraying a standing crop with it
sprays the crop.
"""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from agriseg.messages import ClassId, Frame, Segmentation, UInt8Array
from agriseg.opencv import cv2

_LEVEL_SPAN = 255.0
_INDEX_MIN = -1.0
_INDEX_MAX = 2.0
_OPENING_PX = 3


class ExcessGreenSegmenter:
    """Calls green pixels weed, and nothing crop.

    The index is ``2g - r - b`` on the chromatic coordinates ``r, g, b`` (each channel divided by
    the sum of the three), after Woebbecke et al., "Color indices for weed identification under
    various soil, residue, and lighting conditions", Trans. ASAE 38(1), 1995. The threshold is
    Otsu's of each frame, but never below ``floor``: on bare soil Otsu would split the soil itself.

    Parameters
    ----------
    floor : float
        Lowest threshold of the index; soil and straw stay below it.
    softness : float
        Index distance from the threshold over which the probability rises from 0.5 to 1.
    dark_level : float
        Mean channel value, 0 to 255, below which colour is noise and a pixel counts as soil.
    """

    def __init__(
        self, *, floor: float = 0.10, softness: float = 0.10, dark_level: float = 12.0
    ) -> None:
        if not 0.0 < floor < _INDEX_MAX:
            raise ValueError(f"floor must lie between 0 and 2, got {floor}")
        if softness <= 0.0:
            raise ValueError(f"softness must be positive, got {softness}")
        self._floor = floor
        self._softness = softness
        self._dark_level = dark_level

    @property
    def name(self) -> str:
        """Name of the method."""
        return "excess green"

    def segment(self, frame: Frame) -> Segmentation:
        """Return weed where the frame is green; the probability grows with the index."""
        began_s = time.perf_counter()
        index = excess_green(frame.image, self._dark_level)
        threshold = max(self._floor, _otsu(index))
        green = (index > threshold).astype(np.uint8)
        green = np.asarray(cv2.medianBlur(green, _OPENING_PX), dtype=np.uint8)
        probability = 127.5 + (index - threshold) * (127.5 / self._softness)
        weed = np.clip(probability, 0.0, 255.0).astype(np.uint8)
        # The filter decides single pixels; the probability must not say otherwise.
        weed = np.where(green, np.maximum(weed, 128), np.minimum(weed, 127)).astype(np.uint8)
        forward_ms = (time.perf_counter() - began_s) * 1e3
        return Segmentation(
            frame_id=frame.frame_id,
            t_capture_s=frame.t_capture_s,
            labels=green * np.uint8(ClassId.WEED),
            weed_probability=weed,
            crop_probability=np.zeros_like(green),
            forward_ms=forward_ms,
            segmenter=self.name,
        )

    def close(self) -> None:
        """Nothing is held."""


def excess_green(image: UInt8Array, dark_level: float = 0.0) -> NDArray[np.float32]:
    """Return the excess green index of a BGR image.

    Parameters
    ----------
    image : (H, W, 3) uint8
        BGR.
    dark_level : float
        Mean channel value below which the index is set to its minimum, -1.

    Returns
    -------
    (H, W) float32
        -1 (no green) to 2 (pure green), 0 for greys.
    """
    blue, green, red = (plane.astype(np.float32) for plane in cv2.split(image))
    total = blue + green + red
    index = 3.0 * green / np.maximum(total, 1.0) - 1.0
    index[total <= max(3.0 * dark_level, 0.0)] = _INDEX_MIN
    return np.asarray(index, dtype=np.float32)


def _otsu(index: NDArray[np.float32]) -> float:
    """Return the threshold that separates two groups of index values best (Otsu, 1979)."""
    scale = _LEVEL_SPAN / (_INDEX_MAX - _INDEX_MIN)
    levels = ((index - _INDEX_MIN) * scale).astype(np.uint8)
    level, _ = cv2.threshold(levels, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return float(level / scale + _INDEX_MIN)
