"""Panoptic quality by hand, and beside torchmetrics."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from agriseg.messages import UInt8Array
from agriseg.segmentation.panoptic import PanopticMap, PanopticScores

torchmetrics = pytest.importorskip("torchmetrics")


def _map(classes: UInt8Array, ids: NDArray[np.int32]) -> PanopticMap:
    return PanopticMap(classes=classes, ids=ids)


def _plants(*boxes: tuple[int, int, int, int, int, int]) -> PanopticMap:
    """Draw plants as boxes (class, id, top, left, height, width)."""
    classes, ids = np.zeros((20, 30), np.uint8), np.zeros((20, 30), np.int32)
    for class_id, plant, top, left, height, width in boxes:
        classes[top : top + height, left : left + width] = class_id
        ids[top : top + height, left : left + width] = plant
    return _map(classes, ids)


def test_two_plants_that_touch_are_one_component() -> None:
    truth = _plants((2, 1, 4, 4, 6, 6), (2, 2, 4, 10, 6, 6))
    joined = PanopticMap.of_components(truth.classes)
    assert joined.ids.max() == 1
    scores = PanopticScores.of(joined, truth)
    # Each plant is half of the component: no overlap above a half.
    assert scores.matched.tolist() == [1, 0, 0]
    assert scores.missed.tolist() == [0, 0, 2]
    assert scores.false.tolist() == [0, 0, 1]
    assert PanopticScores.of(truth, truth).panoptic_quality[2] == 1.0


def test_quality_is_shape_times_recognition() -> None:
    truth = _plants((1, 1, 0, 0, 4, 10), (1, 2, 10, 0, 4, 10), (2, 3, 10, 20, 4, 4))
    called = _plants((1, 7, 0, 0, 4, 8), (2, 9, 0, 20, 4, 4))
    scores = PanopticScores.of(called, truth)
    assert scores.segmentation_quality[1] == pytest.approx(32 / 40)
    assert scores.recognition_quality[1] == pytest.approx(1 / 1.5)
    assert scores.panoptic_quality[1] == pytest.approx(32 / 40 / 1.5)
    assert scores.panoptic_quality[2] == 0.0
    assert (scores.false[2], scores.missed[2]) == (1, 1)


def test_class_must_agree() -> None:
    scores = PanopticScores.of(_plants((1, 1, 2, 2, 5, 5)), _plants((2, 1, 2, 2, 5, 5)))
    assert scores.matched[1:].tolist() == [0, 0]
    assert (scores.false[1], scores.missed[2]) == (1, 1)


def test_called_plants_on_ignored_ground_are_not_false() -> None:
    truth = _plants((255, 0, 0, 0, 10, 10))
    assert PanopticScores.of(_plants((2, 1, 1, 1, 5, 5)), truth).false[2] == 0
    assert PanopticScores.of(_plants((2, 1, 1, 8, 5, 5)), truth).false[2] == 1


def test_ignored_ground_below_a_called_plant_takes_nothing_from_its_iou() -> None:
    truth = _plants((2, 1, 0, 0, 10, 10), (255, 0, 0, 10, 10, 4))
    scores = PanopticScores.of(_plants((2, 5, 0, 0, 10, 14)), truth)
    assert scores.segmentation_quality[2] == 1.0


def test_absent_class_has_no_quality() -> None:
    soil = _plants()
    assert PanopticScores.of(soil, soil).panoptic_quality[0] == 1.0
    assert np.isnan(PanopticScores.of(soil, soil).panoptic_quality[1:]).all()
    assert np.isnan(PanopticScores.empty().panoptic_quality).all()


def test_maps_must_fit() -> None:
    with pytest.raises(ValueError, match=r"classes \(2, 2\) and ids \(2, 3\)"):
        _map(np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.int32))


def test_agrees_with_torchmetrics() -> None:
    rng = np.random.default_rng(11)
    metric = torchmetrics.detection.PanopticQuality(
        things={1, 2}, stuffs={0}, return_sq_and_rq=True, return_per_class=True
    )
    total = PanopticScores.empty()
    for _ in range(4):
        boxes = [
            (int(rng.integers(1, 3)), plant, *rng.integers(0, 14, 2), *rng.integers(2, 9, 2))
            for plant in range(1, 9)
        ]
        truth = _plants(*boxes)
        moved = [(*box[:2], box[2] + int(rng.integers(0, 2)), *box[3:]) for box in boxes[:7]]
        called = _plants(*moved)
        total += PanopticScores.of(called, truth)
        pair = [
            torch.from_numpy(np.stack([m.classes.astype(np.int64), m.ids.astype(np.int64)], -1))
            for m in (called, truth)
        ]
        metric.update(pair[0][None], pair[1][None])
    ours = np.column_stack(
        (total.panoptic_quality, total.segmentation_quality, total.recognition_quality)
    )
    crop_weed_soil = metric.compute().numpy()
    np.testing.assert_allclose(ours[[1, 2, 0]], crop_weed_soil, atol=1e-6)
