"""Pixel scores against counts made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from agriseg.segmentation.metrics import PixelScores

TRUTH = np.array([[0, 0, 1], [1, 2, 255]], np.uint8)
LABELS = np.array([[0, 1, 1], [1, 1, 2]], np.uint8)


def test_counts_by_truth_and_label() -> None:
    scores = PixelScores.of(LABELS, TRUTH)
    assert scores.confusion.tolist() == [[1, 1, 0], [0, 2, 0], [0, 1, 0]]


def test_iou_precision_and_recall() -> None:
    scores = PixelScores.of(LABELS, TRUTH)
    assert scores.iou.tolist() == pytest.approx([1 / 2, 2 / 4, 0.0])
    assert scores.mean_iou == pytest.approx(1 / 3)
    assert scores.precision[:2].tolist() == pytest.approx([1.0, 2 / 4])
    assert np.isnan(scores.precision[2])
    assert scores.recall.tolist() == pytest.approx([1 / 2, 1.0, 0.0])


def test_sum_counts_pixels_not_images() -> None:
    whole = PixelScores.of(LABELS, TRUTH)
    parts = PixelScores.of(LABELS[:1], TRUTH[:1]) + PixelScores.of(LABELS[1:], TRUTH[1:])
    assert np.array_equal(whole.confusion, parts.confusion)


def test_absent_class_is_left_out_of_the_mean() -> None:
    soil = np.zeros((2, 2), np.uint8)
    scores = PixelScores.of(soil, soil)
    assert np.isnan(scores.iou[1:]).all()
    assert scores.mean_iou == 1.0
    assert np.isnan(PixelScores.empty().mean_iou)


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match=r"labels are \(1, 3\), the truth is \(2, 3\)"):
        PixelScores.of(LABELS[:1], TRUTH)


def test_labels_must_be_classes() -> None:
    with pytest.raises(ValueError, match=r"labels hold 9"):
        PixelScores.of(np.full_like(LABELS, 9), TRUTH)
