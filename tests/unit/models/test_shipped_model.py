"""The shipped model on held-out images of real fields and on the simulated field."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from agriseg.messages import Frame
from agriseg.models import open_segmenter, shipped_model
from agriseg.models.training_config import SourceConfig, load_training_config
from agriseg.models.training_sources import list_held_out
from agriseg.segmentation.metrics import PixelScores
from agriseg.simulation.training_frames import random_training_frames

IMAGES = 12


def _source(name: str) -> SourceConfig:
    config = load_training_config(shipped_model() / "training.toml")
    return next(source for source in config.source if source.name == name)


def _score(name: str, data: Path, model: str = "field-lite0") -> PixelScores:
    examples = list_held_out([_source(name)], data, seed=0)[name]
    segmenter = open_segmenter(model, runtime="openvino", threads=1)
    scores = PixelScores.empty()
    for number, example in enumerate(examples[:: max(1, len(examples) // IMAGES)]):
        image, truth = example.load()
        seen = segmenter.segment(Frame(frame_id=number, t_capture_s=0.0, image=image))
        scores += PixelScores.of(seen.labels, truth)
    segmenter.close()
    return scores


@pytest.mark.parametrize(("name", "floor"), [("maize", 0.85), ("peanut", 0.815), ("soy", 0.78)])
def test_mean_iou_on_held_out_groups(shared_data: Path, name: str, floor: float) -> None:
    """Not below what the model card says, less what a choice of twelve images may cost."""
    scores = _score(name, shared_data)
    assert scores.mean_iou >= floor, f"soil, crop, weed: {scores.iou.round(3)}"


def test_the_small_model_sees_nearly_as_much(shared_data: Path) -> None:
    scores = _score("maize", shared_data, "field-lite0-small")
    assert scores.mean_iou >= 0.84, f"soil, crop, weed: {scores.iou.round(3)}"


def test_simulated_field_is_seen() -> None:
    """The simulated field looks enough like a field for a model that must serve real ones."""
    segmenter = open_segmenter(runtime="openvino", threads=1)
    scores = PixelScores.empty()
    for number, (image, truth) in enumerate(random_training_frames(77, 8, (960, 544))):
        seen = segmenter.segment(
            Frame(frame_id=number, t_capture_s=0.0, image=np.ascontiguousarray(image))
        )
        scores += PixelScores.of(seen.labels, truth)
    segmenter.close()
    assert scores.mean_iou >= 0.85, f"soil, crop, weed: {scores.iou.round(3)}"
