"""From the network's coarse logits to maps of the frame's size, on the CPU."""

from __future__ import annotations

import numpy as np

from agriseg.messages import ClassId, Float32Array, UInt8Array
from agriseg.models.frame_maps import FrameMaps
from agriseg.models.sizing import Size
from agriseg.opencv import cv2

_STRIP_ROWS = 32
_LARGEST_EXPONENT = np.float32(40.0)
_WHOLE = 255.0


class FullSizeMaps:
    """Enlarges logits bilinearly and answers class and probabilities of every pixel.

    Only the two differences from soil's logit are enlarged, and what follows is done strip by
    strip, so that a strip stays in the cache. Its memory is kept from frame to frame, but for the
    maps that it returns.

    Parameters
    ----------
    frame : Size
        Size of the frames and of the maps.
    temperature : float
        Logits are divided by it before the softmax.
    """

    def __init__(self, frame: Size, temperature: float) -> None:
        self._frame = frame
        self._temperature = temperature
        shape = (frame.height_px, frame.width_px)
        self._crop = np.empty(shape, np.float32)
        self._weed = np.empty(shape, np.float32)

    def maps(self, logits: Float32Array, plants: Float32Array | None = None) -> FrameMaps:
        """Return the maps of one frame.

        Parameters
        ----------
        logits : (3, h, w) float32
            Of soil, crop and weed; the centres of their pixels and of the frame's agree as in
            ``align_corners=False``.
        plants : (3, h, w) float32, optional
            Handed on.
        """
        size = (self._frame.width_px, self._frame.height_px)
        cv2.resize(logits[1] - logits[0], size, dst=self._crop, interpolation=cv2.INTER_LINEAR)
        cv2.resize(logits[2] - logits[0], size, dst=self._weed, interpolation=cv2.INTER_LINEAR)
        labels, weed, crop = (np.empty(self._crop.shape, np.uint8) for _ in range(3))
        for top in range(0, self._frame.height_px, _STRIP_ROWS):
            rows = slice(top, top + _STRIP_ROWS)
            self._fill(rows, labels[rows], weed[rows], crop[rows])
        return FrameMaps(labels, weed, crop, plants)

    def _fill(self, rows: slice, labels: UInt8Array, weed: UInt8Array, crop: UInt8Array) -> None:
        more_crop, more_weed = self._crop[rows], self._weed[rows]
        # Weed is the class after crop; soil is 0.
        np.add(more_weed > more_crop, np.uint8(ClassId.CROP), out=labels, dtype=np.uint8)
        labels *= np.maximum(more_crop, more_weed) > 0.0
        of_crop, of_weed = self._odds(more_crop), self._odds(more_weed)
        share = np.float32(_WHOLE) / (of_crop + of_weed + 1.0)
        crop[:] = of_crop * share + 0.5
        weed[:] = of_weed * share + 0.5

    def _odds(self, difference: Float32Array) -> Float32Array:
        """Return how much likelier than soil a class is."""
        odds: Float32Array = np.minimum(
            difference / np.float32(self._temperature), _LARGEST_EXPONENT
        )
        np.exp(odds, out=odds)
        return odds
