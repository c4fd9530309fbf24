"""How well the outlines of soil, crop and weed are met: the boundary F-score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agriseg.messages import ClassId, Float64Array, UInt8Array
from agriseg.opencv import cv2
from agriseg.segmentation.metrics import CLASSES

_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BoundaryScores:
    """Boundary F-scores of single images, added up per class.

    Csurka, Larlus and Perronnin, "What is a good evaluation measure for semantic
    segmentation?", BMVC 2013: precision is the share of the called outline that lies within a
    tolerance of the true outline, recall the share of the true outline that lies within it of
    the called one, F their harmonic mean; a class's figure is the mean over the images that
    show it, in truth or as called.

    Attributes
    ----------
    f_sum : (3,) float64
    images : (3,) int64
        Images that show the class.
    """

    f_sum: Float64Array
    images: NDArray[np.int64]

    @classmethod
    def empty(cls) -> BoundaryScores:
        """Return scores of no image."""
        return cls(f_sum=np.zeros(len(CLASSES)), images=np.zeros(len(CLASSES), np.int64))

    @classmethod
    def of(cls, labels: UInt8Array, truth: UInt8Array, tolerance_px: float) -> BoundaryScores:
        """Compare the outlines of one image.

        Outlines nearer than the tolerance to ground that the truth ignores do not count.

        Parameters
        ----------
        labels, truth : (H, W) uint8
            `ClassId` values.
        tolerance_px : float
        """
        counted = _distance_px(truth == ClassId.IGNORE) > tolerance_px
        scores = [_f_score(labels == c, truth == c, counted, tolerance_px) for c in CLASSES]
        return cls(
            f_sum=np.array([0.0 if score is None else score for score in scores]),
            images=np.array([score is not None for score in scores], np.int64),
        )

    def __add__(self, other: BoundaryScores) -> BoundaryScores:
        return BoundaryScores(f_sum=self.f_sum + other.f_sum, images=self.images + other.images)

    @property
    def f_score(self) -> Float64Array:
        """Mean F-score per class, ``(3,) float64``; NaN for a class nowhere seen."""
        mean = np.full(len(CLASSES), np.nan)
        np.divide(self.f_sum, self.images, out=mean, where=self.images > 0)
        return mean


def _f_score(
    called: NDArray[np.bool_], true: NDArray[np.bool_], counted: NDArray[np.bool_], reach_px: float
) -> float | None:
    called_line, true_line = _outline(called) & counted, _outline(true) & counted
    if not called_line.any() and not true_line.any():
        return None
    precision = _near_share(called_line, true_line, reach_px)
    recall = _near_share(true_line, called_line, reach_px)
    return 2.0 * precision * recall / (precision + recall) if precision + recall > 0.0 else 0.0


def _near_share(line: NDArray[np.bool_], other: NDArray[np.bool_], reach_px: float) -> float:
    if not line.any():
        return 0.0
    return float((_distance_px(other)[line] <= reach_px).mean())


def _outline(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels of a mask with a neighbour outside of it; the image's edge is none."""
    inner = cv2.erode(mask.astype(np.uint8), _CROSS)
    outline: NDArray[np.bool_] = mask & (np.asarray(inner) == 0)
    return outline


def _distance_px(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the distance of every pixel to the mask, infinite where the mask is empty."""
    if not mask.any():
        return np.full(mask.shape, np.inf, np.float32)
    outside = (~mask).astype(np.uint8)
    distance = cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(distance, np.float32)
