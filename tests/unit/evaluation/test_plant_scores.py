"""Weed plants that would be hit, on hand-drawn ground of 5 mm per pixel."""

from __future__ import annotations

import numpy as np
import pytest

from agriseg.evaluation.plants import PlantRule, PlantScores
from agriseg.messages import Segmentation, UInt8Array
from agriseg.segmentation.panoptic import PanopticMap

RULE = PlantRule.of(5.0)
"""Margins of 20 mm (4 px) around weed and 10 mm (2 px) around crop."""


def _ground(*boxes: tuple[int, int, int, int, int]) -> UInt8Array:
    mask = np.zeros((60, 80), np.uint8)
    for value, top, left, height, width in boxes:
        mask[top : top + height, left : left + width] = value
    return mask


def _seen(labels: UInt8Array, level: int = 255) -> Segmentation:
    return Segmentation(
        frame_id=0,
        t_capture_s=0.0,
        labels=labels,
        weed_probability=(labels == 2).astype(np.uint8) * np.uint8(level),
        crop_probability=(labels == 1).astype(np.uint8) * np.uint8(level),
        forward_ms=1.0,
        segmenter="test",
    )


def _score(labels: UInt8Array, truth: UInt8Array, rule: PlantRule = RULE) -> PlantScores:
    plants = PanopticMap.of_components(truth).ids
    return PlantScores.of(_seen(labels), truth, plants, rule)


def test_a_plant_whose_corner_is_seen_is_hit_within_the_margin() -> None:
    truth = _ground((2, 20, 20, 6, 6))
    scores = _score(_ground((2, 20, 20, 2, 2)), truth)
    assert scores.area_m2.tolist() == pytest.approx([36 * 25e-6])
    assert (scores.hit.tolist(), scores.seen.tolist()) == ([True], [True])


def test_half_of_a_large_plant_must_be_wetted() -> None:
    truth = _ground((2, 10, 10, 30, 10))
    # 10 rows seen at one end and a margin of 4 wet 14 of 30 rows: not a half; 11 and 4 do.
    assert not _score(_ground((2, 10, 10, 10, 10)), truth).hit.any()
    assert _score(_ground((2, 10, 10, 11, 10)), truth).hit.all()


def test_called_crop_protects_the_weed_beside_it() -> None:
    truth = _ground((2, 20, 20, 6, 6))
    assert not _score(_ground((2, 20, 20, 6, 6), (1, 20, 18, 6, 6)), truth).hit.any()


def test_a_weed_in_the_crops_margin_is_counted_apart() -> None:
    truth = _ground((2, 20, 20, 6, 3), (1, 20, 23, 6, 6), (2, 40, 40, 6, 6))
    counted = _score(truth, truth).recall(0.0)
    assert (counted.plants, counted.hit, counted.withheld) == (1, 1, 1)


def test_recall_goes_by_size() -> None:
    truth = _ground((2, 5, 5, 2, 2), (2, 30, 30, 6, 6))
    scores = _score(_ground((2, 30, 30, 6, 6)), truth)
    small, large = scores.recall(0.0, 4e-4), scores.recall(4e-4)
    assert (small.plants, small.hit) == (1, 0)
    assert (large.plants, large.hit) == (1, 1)


def test_false_targets_are_patches_far_from_any_weed() -> None:
    truth = _ground((2, 20, 20, 6, 6))
    labels = _ground((2, 20, 20, 6, 6), (2, 20, 29, 3, 3), (2, 50, 60, 4, 4))
    scores = _score(labels, truth)
    assert (scores.targets, scores.false_targets) == (3, 1)
    assert scores.ground_m2 == pytest.approx(60 * 80 * 25e-6)


def test_ignored_ground_holds_no_false_target() -> None:
    truth = _ground((255, 40, 50, 20, 30))
    assert _score(_ground((2, 50, 60, 4, 4)), truth).targets == 0


def test_uncertain_weed_is_no_target() -> None:
    truth = _ground((2, 20, 20, 6, 6))
    plants = PanopticMap.of_components(truth).ids
    unsure = PlantScores.of(_seen(truth, level=120), truth, plants, RULE)
    assert not unsure.hit.any()
    assert unsure.targets == 0


def test_without_a_scale_there_is_no_margin() -> None:
    rule = PlantRule.of(None)
    truth = _ground((2, 20, 20, 6, 6))
    assert not _score(_ground((2, 20, 20, 2, 6)), truth, rule).hit.any()
    assert _score(truth, truth, rule).recall(10.0).hit == 1


def test_crop_that_would_be_wetted() -> None:
    truth = _ground((1, 20, 20, 6, 6))
    scores = _score(_ground((2, 20, 20, 6, 6)), truth)
    assert scores.crop_wetted_m2 == pytest.approx(scores.crop_m2)
    assert _score(truth, truth).crop_wetted_m2 == 0.0
