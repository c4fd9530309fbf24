"""Paired bootstrap over groups, on scores made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from agriseg.evaluation.bootstrap import compare_models, group_weights
from agriseg.evaluation.labelled import LabelledFile, LabelledPicture
from agriseg.evaluation.plants import PlantRule
from agriseg.evaluation.scores import Judgement, ScoredImage, Scores
from agriseg.messages import Segmentation
from agriseg.segmentation.panoptic import PanopticMap

RULE = PlantRule.of(5.0)


def _image(group: int, width_px: int, source: str = "field") -> ScoredImage:
    """Return an image with a weed 20 pixels wide, of which ``width_px`` were called."""
    truth = np.zeros((30, 40), np.uint8)
    truth[10:20, 10:30] = 2
    labels = np.zeros_like(truth)
    labels[10:20, 10 : 10 + width_px] = 2
    weed = (labels == 2).astype(np.uint8) * np.uint8(255)
    seen = Segmentation(
        frame_id=0,
        t_capture_s=0.0,
        labels=labels,
        weed_probability=weed,
        crop_probability=np.zeros_like(weed),
        forward_ms=1.0,
        segmenter="test",
    )
    picture = LabelledPicture(
        image=np.zeros((30, 40, 3), np.uint8),
        truth=truth,
        plants=PanopticMap.of_components(truth),
        has_ids=False,
    )
    name = f"{source}/{group}"
    file = LabelledFile(source=source, group=name, name=name, load=lambda: picture)
    return ScoredImage(file=file, scores=Scores.of(seen, picture, Judgement(rule=RULE)))


def test_figures_are_those_of_all_images_and_differences_are_paired() -> None:
    widths = [4, 8, 12, 16, 20, 6, 10, 14]
    poor = [_image(group, width) for group, width in enumerate(widths)]
    better = [_image(group, min(width + 1, 20)) for group, width in enumerate(widths)]
    first, second = compare_models({"poor": poor, "better": better}, RULE)
    weed = first.figures["iou_weed"]
    assert weed.value == pytest.approx(sum(widths) / (20 * len(widths)))
    assert weed.low < weed.value < weed.high
    assert first.differences == {}
    gain = second.differences["iou_weed"]
    assert gain.value == pytest.approx(7 / 160)
    # Every resample but those of the one perfect group gains a twentieth per group.
    assert 0.0 < gain.low <= gain.value <= gain.high <= 0.05 + 1e-9
    assert gain.excludes_zero
    # Unpaired, the intervals of the two models would overlap.
    assert second.figures["iou_weed"].low < weed.high


def test_equal_models_do_not_differ() -> None:
    images = [_image(group, 4 + group) for group in range(6)]
    _, same = compare_models({"one": images, "two": images}, RULE)
    assert same.differences["mean_iou"].value == 0.0
    assert not same.differences["mean_iou"].excludes_zero


def test_a_single_group_has_no_interval() -> None:
    only = compare_models({"one": [_image(0, 10)], "two": [_image(0, 12)]}, RULE)
    assert only[0].figures["mean_iou"].value > 0.0
    assert np.isnan(only[0].figures["mean_iou"].low)
    assert not only[1].differences["mean_iou"].excludes_zero


def test_groups_are_drawn_within_their_source() -> None:
    weights = group_weights(["a", "a", "a", "b"], resamples=500)
    assert (weights[:, :3].sum(axis=1) == 3).all()
    assert (weights[:, 3] == 1).all()
    # A group is left out of a resample of three with probability (2/3)^3.
    assert (weights[:, 0] == 0).mean() == pytest.approx(8 / 27, abs=0.06)


def test_images_must_be_the_same() -> None:
    with pytest.raises(ValueError, match="same images"):
        compare_models({"one": [_image(0, 10)], "two": [_image(1, 10)]}, RULE)
