"""Calibration figures by hand, and beside torchmetrics."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agriseg.messages import ClassId, Segmentation, UInt8Array
from agriseg.segmentation.reliability import BINS, Reliability

torchmetrics = pytest.importorskip("torchmetrics")


def _seen(labels: UInt8Array, weed: UInt8Array, crop: UInt8Array) -> Segmentation:
    return Segmentation(
        frame_id=0,
        t_capture_s=0.0,
        labels=labels,
        weed_probability=weed,
        crop_probability=crop,
        forward_ms=1.0,
        segmenter="test",
    )


def _row(*values: int) -> UInt8Array:
    return np.array([values], np.uint8)


def test_counts_claims_and_truths() -> None:
    # Four pixels called weed with probability 0.8; two are, one is soil, one is ignored.
    seen = _seen(_row(2, 2, 2, 2), _row(204, 204, 204, 204), _row(0, 0, 0, 0))
    diagram = Reliability.of(seen, _row(2, 2, 0, 255)).bins()
    bin_of_0_8 = 11
    assert diagram.pixels.tolist() == [3 if m == bin_of_0_8 else 0 for m in range(BINS)]
    assert diagram.confidence[bin_of_0_8] == pytest.approx(0.8)
    assert diagram.accuracy[bin_of_0_8] == pytest.approx(2 / 3)
    assert diagram.error == pytest.approx(0.8 - 2 / 3)


def test_soil_claims_the_rest_and_classes_are_told_apart() -> None:
    seen = _seen(_row(0, 1), _row(51, 0), _row(0, 255))
    scores = Reliability.of(seen, _row(0, 0))
    assert scores.bins(ClassId.SOIL).confidence[11] == pytest.approx(0.8)
    assert scores.bins(ClassId.SOIL).error == pytest.approx(0.2)
    assert scores.bins(ClassId.CROP).error == pytest.approx(1.0)
    assert np.isnan(scores.bins(ClassId.WEED).error)


def test_agrees_with_torchmetrics() -> None:
    rng = np.random.default_rng(4)
    weed = rng.integers(0, 128, (40, 50)).astype(np.uint8)
    crop = rng.integers(0, 128, (40, 50)).astype(np.uint8)
    levels = np.stack([255 - weed.astype(int) - crop, crop, weed])
    labels = levels.argmax(axis=0).astype(np.uint8)
    truth = np.where(rng.random((40, 50)) < 0.7, labels, rng.integers(0, 3, (40, 50)))
    truth = truth.astype(np.uint8)
    truth[:3] = 255
    halves = slice(0, 20), slice(20, 40)
    parts = [Reliability.of(_seen(labels[h], weed[h], crop[h]), truth[h]) for h in halves]
    ours = (parts[0] + parts[1]).bins().error

    counted = truth != 255
    # Levels on a bin's edge fall to either side in single precision; move them off it.
    probability = torch.from_numpy(np.maximum(levels[:, counted].T / 255.0 - 1e-6, 0.0))
    metric = torchmetrics.classification.MulticlassCalibrationError(3, n_bins=BINS, norm="l1")
    theirs = metric(probability, torch.from_numpy(truth[counted].astype(np.int64)))
    assert ours == pytest.approx(float(theirs), abs=1e-5)
