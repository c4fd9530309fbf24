"""Panoptic quality: plants told apart, each pixel of one class and at most one plant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agriseg.messages import ClassId, Float64Array, UInt8Array
from agriseg.opencv import cv2
from agriseg.segmentation.metrics import CLASSES

IdArray = NDArray[np.int32]

_PLANTS = (ClassId.CROP, ClassId.WEED)
_MATCH_IOU = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PanopticMap:
    """Class and plant of every pixel.

    Attributes
    ----------
    classes : (H, W) uint8
        `ClassId` values.
    ids : (H, W) int32
        Number of the plant, from 1; two plants of different classes may share a number. 0 on
        soil; a pixel of crop or weed with 0 belongs to no plant and counts as ignored.
    """

    classes: UInt8Array
    ids: IdArray

    def __post_init__(self) -> None:
        if self.classes.shape != self.ids.shape or self.classes.ndim != 2:
            raise ValueError(
                f"classes {self.classes.shape} and ids {self.ids.shape} must be one (H, W)"
            )

    @classmethod
    def of_components(cls, labels: UInt8Array) -> PanopticMap:
        """Take every connected patch of crop or weed, corners included, for a plant."""
        ids = np.zeros(labels.shape, np.int32)
        for class_id in _PLANTS:
            mask = (labels == class_id).astype(np.uint8)
            _, patches = cv2.connectedComponents(mask, connectivity=8, ltype=cv2.CV_32S)
            ids += np.asarray(patches, np.int32)
        return cls(classes=labels, ids=ids)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PanopticScores:
    """Segments matched between what was called and the truth, per class.

    Kirillov et al., "Panoptic segmentation", CVPR 2019. Two segments of one class match when
    their intersection over union, ignored ground left out, exceeds a half; soil is one segment
    per image. A called segment of which more than half lies on ignored ground is not counted.

    Attributes
    ----------
    iou_sum : (3,) float64
        Of the matched pairs.
    matched, false, missed : (3,) int64
        Matched pairs, called segments without a match, true segments without one.
    """

    iou_sum: Float64Array
    matched: NDArray[np.int64]
    false: NDArray[np.int64]
    missed: NDArray[np.int64]

    @classmethod
    def empty(cls) -> PanopticScores:
        """Return scores of no image."""
        zeros = np.zeros(len(CLASSES), np.int64)
        return cls(iou_sum=np.zeros(len(CLASSES)), matched=zeros, false=zeros, missed=zeros)

    @classmethod
    def of(cls, called: PanopticMap, truth: PanopticMap) -> PanopticScores:
        """Match the segments of one image."""
        true_segment, true_class = _segments(truth)
        called_segment, called_class = _segments(called)
        shared = _overlaps(true_segment, called_segment, len(true_class), len(called_class))
        # Row 0 is ignored ground in the truth, column 0 pixels that were called no segment.
        true_px = shared[1:].sum(axis=1)
        called_px = shared[:, 1:].sum(axis=0)
        ignored_px = shared[0, 1:]
        both = shared[1:, 1:].astype(np.float64)
        union = true_px[:, None] + (called_px - ignored_px)[None, :] - both
        iou = np.where(true_class[1:, None] == called_class[None, 1:], both / union, 0.0)
        pairs = iou > _MATCH_IOU
        lost = ~pairs.any(axis=1)
        extra = ~pairs.any(axis=0) & (ignored_px <= 0.5 * called_px)
        row, column = np.nonzero(pairs)
        sums = np.bincount(true_class[1:][row], weights=iou[row, column], minlength=len(CLASSES))
        return cls(
            iou_sum=sums.astype(np.float64),
            matched=_count(true_class[1:][row]),
            false=_count(called_class[1:][extra]),
            missed=_count(true_class[1:][lost]),
        )

    def __add__(self, other: PanopticScores) -> PanopticScores:
        return PanopticScores(
            iou_sum=self.iou_sum + other.iou_sum,
            matched=self.matched + other.matched,
            false=self.false + other.false,
            missed=self.missed + other.missed,
        )

    @property
    def panoptic_quality(self) -> Float64Array:
        """PQ per class, ``(3,) float64``; NaN for a class nowhere seen."""
        return _ratio(self.iou_sum, self.matched + 0.5 * self.false + 0.5 * self.missed)

    @property
    def segmentation_quality(self) -> Float64Array:
        """SQ per class: mean IoU of the matched pairs; NaN without any."""
        return _ratio(self.iou_sum, self.matched.astype(np.float64))

    @property
    def recognition_quality(self) -> Float64Array:
        """RQ per class: F-score of finding the segments; NaN for a class nowhere seen."""
        return _ratio(
            self.matched.astype(np.float64), self.matched + 0.5 * self.false + 0.5 * self.missed
        )


def _segments(panoptic: PanopticMap) -> tuple[IdArray, NDArray[np.int64]]:
    """Number a map's segments from 1, ignored pixels 0; return them and each one's class."""
    count = len(CLASSES)
    keys = panoptic.ids.astype(np.int64) * count + panoptic.classes
    keys[panoptic.classes == ClassId.SOIL] = 0
    is_plant = (panoptic.classes == ClassId.CROP) | (panoptic.classes == ClassId.WEED)
    keys[is_plant & (panoptic.ids <= 0)] = -1
    keys[panoptic.classes == ClassId.IGNORE] = -1
    values, index = np.unique(keys, return_inverse=True)
    first = 0 if values.size and values[0] == -1 else 1
    segments = (index.reshape(keys.shape) + first).astype(np.int32)
    classes = values[values >= 0] % count
    return segments, np.concatenate(([-1], classes)).astype(np.int64)


def _overlaps(
    first: IdArray, second: IdArray, first_count: int, second_count: int
) -> NDArray[np.int64]:
    pairs = first.astype(np.int64) * second_count + second
    values, pixels = np.unique(pairs, return_counts=True)
    shared = np.zeros(first_count * second_count, np.int64)
    shared[values] = pixels
    return shared.reshape(first_count, second_count)


def _count(classes: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.bincount(classes, minlength=len(CLASSES)).astype(np.int64)


def _ratio(part: Float64Array, whole: Float64Array) -> Float64Array:
    ratio = np.full(part.shape, np.nan)
    np.divide(part, whole, out=ratio, where=whole > 0)
    return ratio
