"""Plants as a model's heads tell them apart are scored beside connected patches."""

from __future__ import annotations

from functools import partial

import numpy as np

from agriseg.evaluation.figures import evaluation_figures
from agriseg.evaluation.labelled import LabelledFile, LabelledPicture
from agriseg.evaluation.plants import PlantRule
from agriseg.evaluation.scores import Judgement, score_images
from agriseg.evaluation.tables import evaluation_tables
from agriseg.messages import Frame, GroupingRule, PlantMaps, Segmentation
from agriseg.segmentation.panoptic import PanopticMap


class _Drawn:
    """Sees two weeds that touch, with or without knowing where each stands."""

    name = "drawn"

    def __init__(self, *, with_heads: bool) -> None:
        self._with_heads = with_heads

    def segment(self, frame: Frame) -> Segmentation:
        labels = _labels()
        plants = None
        if self._with_heads:
            centre = np.zeros((12, 16), np.float32)
            centre[[4, 4], [4, 7]] = 1.0
            offset = np.zeros((2, 12, 16), np.float32)
            rule = GroupingRule(spacing_cells=1, reach_cells=50.0, least_cells=1.0)
            plants = PlantMaps(centre=centre, offset=offset, rule=rule)
        return Segmentation(
            frame_id=frame.frame_id,
            t_capture_s=frame.t_capture_s,
            labels=labels,
            weed_probability=np.where(labels == 2, np.uint8(255), np.uint8(0)),
            crop_probability=np.zeros_like(labels),
            forward_ms=1.0,
            segmenter=self.name,
            plants=plants,
        )

    def close(self) -> None:
        """Nothing is held."""


def _labels() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    labels = np.zeros((48, 64), np.uint8)
    labels[8:24, 8:40] = 2
    return labels


def _picture() -> LabelledPicture:
    truth = _labels()
    ids = np.where(truth > 0, 1, 0).astype(np.int32)
    ids[:, 24:][truth[:, 24:] > 0] = 2
    return LabelledPicture(
        image=np.zeros((48, 64, 3), np.uint8),
        truth=truth,
        plants=PanopticMap(classes=truth, ids=ids),
        has_ids=True,
    )


def _figures(*, with_heads: bool) -> dict[str, object]:
    judgement = Judgement(rule=PlantRule.of(None))
    files = [
        LabelledFile(source="s", group=str(n), name=str(n), load=partial(_picture))
        for n in range(2)
    ]
    scored = score_images(_Drawn(with_heads=with_heads), files, judgement)
    return evaluation_figures("drawn", "s", scored, judgement)


def test_heads_and_patches_stand_side_by_side() -> None:
    figures = _figures(with_heads=True)
    panoptic = figures["sources"]["s"]["panoptic"]  # type: ignore[index]
    assert panoptic["called"] == "plant heads"
    assert panoptic["pq"]["weed"] == 1.0
    assert panoptic["matched"]["weed"] == 4
    assert panoptic["patches"]["pq"]["weed"] == 0.0
    assert panoptic["patches"]["false"]["weed"] == 2
    text = evaluation_tables(figures)
    assert "| s | plant heads | - | 1.000 |" in text
    assert "| s | connected patches | - | 0.000 |" in text


def test_without_heads_there_are_patches_alone() -> None:
    figures = _figures(with_heads=False)
    panoptic = figures["sources"]["s"]["panoptic"]  # type: ignore[index]
    assert panoptic["called"] == "connected patches"
    assert panoptic["pq"]["weed"] == 0.0
    assert panoptic["patches"] is None
    assert "plants by" not in evaluation_tables(figures)
