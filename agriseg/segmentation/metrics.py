"""Pixel metrics of label masks: confusion matrix and intersection over union."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agriseg.messages import ClassId, Float64Array, UInt8Array

CLASSES = (ClassId.SOIL, ClassId.CROP, ClassId.WEED)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PixelScores:
    """Pixels counted by what they are (rows) and what they were called (columns).

    Attributes
    ----------
    confusion : (3, 3) int64
        ``confusion[truth, called]``, in the order soil, crop, weed.
    """

    confusion: NDArray[np.int64]

    @classmethod
    def empty(cls) -> PixelScores:
        """Return scores of no pixels at all."""
        return cls(confusion=np.zeros((len(CLASSES), len(CLASSES)), np.int64))

    @classmethod
    def of(cls, labels: UInt8Array, truth: UInt8Array) -> PixelScores:
        """Compare one label mask with the truth; pixels that the truth ignores do not count.

        Parameters
        ----------
        labels, truth : (H, W) uint8
            `ClassId` values.

        Raises
        ------
        ValueError
            The shapes differ, or ``labels`` holds something other than the three classes.
        """
        if labels.shape != truth.shape:
            raise ValueError(f"labels are {labels.shape}, the truth is {truth.shape}")
        counted = truth != ClassId.IGNORE
        called = labels[counted].astype(np.int64)
        count = len(CLASSES)
        if called.size and called.max() >= count:
            raise ValueError(f"labels hold {called.max()}; expected 0 soil, 1 crop, 2 weed")
        cells = np.bincount(truth[counted] * count + called, minlength=count * count)
        return cls(confusion=cells.reshape(count, count).astype(np.int64))

    def __add__(self, other: PixelScores) -> PixelScores:
        return PixelScores(confusion=self.confusion + other.confusion)

    @property
    def iou(self) -> Float64Array:
        """Intersection over union per class, ``(3,) float64``; NaN for a class nowhere seen."""
        hits = np.diag(self.confusion)
        union = self.confusion.sum(axis=0) + self.confusion.sum(axis=1) - hits
        return _share(hits, union)

    @property
    def mean_iou(self) -> float:
        """Mean of `iou` over the classes that occur; NaN when none does."""
        seen = self.iou[~np.isnan(self.iou)]
        return float(seen.mean()) if seen.size else float("nan")

    @property
    def precision(self) -> Float64Array:
        """Share of the pixels called a class that are of it, ``(3,) float64``."""
        return _share(np.diag(self.confusion), self.confusion.sum(axis=0))

    @property
    def recall(self) -> Float64Array:
        """Share of a class's pixels that were called so, ``(3,) float64``."""
        return _share(np.diag(self.confusion), self.confusion.sum(axis=1))


def _share(part: NDArray[np.int64], whole: NDArray[np.int64]) -> Float64Array:
    shares = np.full(part.shape, np.nan, np.float64)
    np.divide(part, whole, out=shares, where=whole > 0)
    return shares
