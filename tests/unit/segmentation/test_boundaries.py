"""Boundary F-scores against outlines counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from agriseg.messages import UInt8Array
from agriseg.segmentation.boundaries import BoundaryScores


def _square(top: int, left: int, side: int = 6, value: int = 2) -> UInt8Array:
    mask = np.zeros((24, 24), np.uint8)
    mask[top : top + side, left : left + side] = value
    return mask


def test_same_outline_scores_one_and_absent_class_nothing() -> None:
    scores = BoundaryScores.of(_square(8, 8), _square(8, 8), 1.0)
    assert scores.f_score[[0, 2]].tolist() == [1.0, 1.0]
    assert np.isnan(scores.f_score[1])


def test_a_shift_within_the_tolerance_is_forgiven_and_beyond_it_is_not() -> None:
    truth, labels = _square(8, 8), _square(8, 10)
    assert BoundaryScores.of(labels, truth, 2.0).f_score[2] == 1.0
    # Of the 20 pixels of a 6 x 6 outline, 8 of the upper and lower sides coincide; at a
    # distance of 0 nothing else does.
    assert BoundaryScores.of(labels, truth, 0.0).f_score[2] == pytest.approx(8 / 20)


def test_precision_and_recall_differ() -> None:
    truth = _square(8, 8)
    labels = np.maximum(truth, _square(2, 2, 2))
    # The called outline has 20 + 4 pixels, of which 20 lie on the true one.
    precision, recall = 20 / 24, 1.0
    expected = 2 * precision * recall / (precision + recall)
    assert BoundaryScores.of(labels, truth, 0.0).f_score[2] == pytest.approx(expected)


def test_a_class_called_where_none_is_scores_zero() -> None:
    soil = np.zeros((24, 24), np.uint8)
    assert BoundaryScores.of(_square(8, 8), soil, 2.0).f_score[2] == 0.0
    assert BoundaryScores.of(soil, _square(8, 8), 2.0).f_score[2] == 0.0


def test_outlines_beside_ignored_ground_do_not_count() -> None:
    truth = _square(8, 8)
    truth[:, 16:] = 255
    labels = np.maximum(_square(8, 8), _square(8, 17))
    assert BoundaryScores.of(labels, truth, 1.0).f_score[2] == 1.0


def test_images_are_averaged() -> None:
    one = BoundaryScores.of(_square(8, 8), _square(8, 8), 1.0)
    none = BoundaryScores.of(_square(0, 0), _square(16, 16), 1.0)
    nothing = BoundaryScores.of(_square(0, 0, 0), _square(0, 0, 0), 1.0)
    total = one + none + nothing + BoundaryScores.empty()
    assert total.f_score[2] == pytest.approx(0.5)
    assert total.images.tolist() == [2, 0, 2]
