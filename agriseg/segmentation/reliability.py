"""Whether probabilities mean what they say: reliability diagram and calibration error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agriseg.messages import ClassId, Float64Array, Segmentation, UInt8Array
from agriseg.segmentation.metrics import CLASSES

BINS = 15
_LEVELS = 256


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReliabilityBins:
    """Pixels sorted by the probability that was claimed for them.

    Attributes
    ----------
    pixels : (15,) int64
        Bin m of 15 holds the probabilities above m / 15, up to (m + 1) / 15.
    confidence, accuracy : (15,) float64
        Mean claimed probability, and share of pixels that were called rightly; NaN where a bin
        is empty.
    """

    pixels: NDArray[np.int64]
    confidence: Float64Array
    accuracy: Float64Array

    @property
    def error(self) -> float:
        """Expected calibration error; NaN without pixels.

        Mean of ``|accuracy - confidence|`` over the bins, weighted by their pixels (Guo et al.,
        "On calibration of modern neural networks", ICML 2017, equation 3).
        """
        total = int(self.pixels.sum())
        if total == 0:
            return float("nan")
        gaps = np.nan_to_num(np.abs(self.accuracy - self.confidence))
        return float((gaps * self.pixels).sum() / total)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reliability:
    """Pixels counted by the class they were called, by its probability, and by whether it is true.

    Attributes
    ----------
    counts : (3, 256, 2) int64
        ``counts[called, level, is_true]``; the probability is ``level / 255``.
    """

    counts: NDArray[np.int64]

    @classmethod
    def empty(cls) -> Reliability:
        """Return counts of no pixels."""
        return cls(counts=np.zeros((len(CLASSES), _LEVELS, 2), np.int64))

    @classmethod
    def of(cls, seen: Segmentation, truth: UInt8Array) -> Reliability:
        """Count one image; pixels that the truth ignores do not count.

        Parameters
        ----------
        seen : Segmentation
        truth : (H, W) uint8
            `ClassId` values.
        """
        weed = seen.weed_probability.astype(np.int64)
        crop = seen.crop_probability.astype(np.int64)
        levels = (np.maximum(_LEVELS - 1 - weed - crop, 0), crop, weed)
        level = np.choose(seen.labels, levels)
        cell = (seen.labels.astype(np.int64) * _LEVELS + level) * 2 + (seen.labels == truth)
        size = len(CLASSES) * _LEVELS * 2
        counts = np.bincount(cell[truth != ClassId.IGNORE], minlength=size)
        return cls(counts=counts.reshape(len(CLASSES), _LEVELS, 2).astype(np.int64))

    def __add__(self, other: Reliability) -> Reliability:
        return Reliability(counts=self.counts + other.counts)

    def bins(self, class_id: ClassId | None = None) -> ReliabilityBins:
        """Return the diagram of all pixels, or of those that were called one class."""
        counts = self.counts.sum(axis=0) if class_id is None else self.counts[class_id]
        probability = np.arange(_LEVELS) / (_LEVELS - 1)
        # Bins are open below and closed above, as Guo et al. draw them.
        place = np.maximum(np.ceil(probability * BINS - 1e-9).astype(np.int64) - 1, 0)
        total = counts.sum(axis=1)
        pixels = _sums(place, total)
        claimed, right = _sums(place, total * probability), _sums(place, counts[:, 1])
        return ReliabilityBins(
            pixels=pixels.astype(np.int64),
            confidence=_mean(claimed, pixels),
            accuracy=_mean(right, pixels),
        )


def _sums(place: NDArray[np.int64], weights: NDArray[Any]) -> Float64Array:
    return np.bincount(place, weights=weights, minlength=BINS).astype(np.float64)


def _mean(part: Float64Array, pixels: Float64Array) -> Float64Array:
    mean = np.full(pixels.shape, np.nan)
    np.divide(part, pixels, out=mean, where=pixels > 0)
    return mean
