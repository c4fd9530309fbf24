"""Plants pasted on soil: where, with which labels, and without changing other crops."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from agriseg.messages import ClassId, UInt8Array
from agriseg.models.cut_paste import CutPlant, PlantBank, cut_plants
from agriseg.models.dataset import CropSampler, LabelledImage, Pasting, prepare
from agriseg.models.training_config import AugmentationConfig, SourceConfig
from agriseg.models.training_sources import plants_to_paste

SOIL, LEAF = (60, 80, 110), (40, 200, 60)


def _picture(*plants: tuple[int, int, int, int]) -> tuple[UInt8Array, UInt8Array]:
    """Return a picture of 120x120 with plants (u, v, radius, class)."""
    image = np.full((120, 120, 3), SOIL, np.uint8)
    mask = np.zeros((120, 120), np.uint8)
    for u, v, radius, class_id in plants:
        cv2.circle(image, (u, v), radius, LEAF, -1)
        cv2.circle(mask, (u, v), radius, class_id, -1)
    return image, mask


def test_cuts_out_whole_plants_alone() -> None:
    image, mask = _picture((30, 30, 8, 2), (80, 80, 10, 1), (0, 60, 8, 2), (60, 20, 2, 2))
    plants = cut_plants(image, mask, None, 0.5)
    assert [p.class_id for p in plants] == [ClassId.CROP, ClassId.WEED]
    assert plants[1].mask.sum() == (mask[10:50, 10:50] == 2).sum()
    assert plants[1].scale == 0.5
    assert plants[1].soil_level == pytest.approx(np.mean(SOIL), abs=1.0)


def test_plants_that_touch_are_told_apart_by_their_ids() -> None:
    image, mask = _picture((40, 40, 9, 1), (54, 40, 9, 1))
    assert len(cut_plants(image, mask, None, 1.0)) == 1
    ids = np.where(mask > 0, np.where(np.arange(120)[None, :] < 47, 7, 9), 0).astype(np.uint16)
    assert len(cut_plants(image, mask, ids, 1.0)) == 2


def _bank() -> PlantBank:
    return PlantBank(cut_plants(*_picture((30, 30, 8, 2)), None, 1.0), seed=1)


def test_pastes_on_soil_with_labels_and_ids() -> None:
    image, mask = _picture((30, 60, 25, 1))
    ids = (mask > 0).astype(np.uint16)
    pasted, labels, plants = _bank().paste(image, mask, ids, 1.0, 3, np.random.default_rng(1))
    assert plants is not None
    new = labels == ClassId.WEED
    assert 100 < new.sum() < 3 * 420
    assert set(np.unique(plants[new])) <= {2, 3, 4}
    assert ((mask == ClassId.CROP) & new).sum() <= 0.1 * new.sum()
    assert np.array_equal(labels[~new], mask[~new])
    green = pasted[..., 1].astype(int)
    assert green[new].mean() > 150
    assert np.array_equal(image, _picture((30, 60, 25, 1))[0])


def test_edges_are_soft() -> None:
    image, mask = np.full((120, 120, 3), 200, np.uint8), np.zeros((120, 120), np.uint8)
    pasted, labels, _ = _bank().paste(image, mask, None, 1.0, 1, np.random.default_rng(4))
    inside = (labels == ClassId.WEED).astype(np.uint8)
    around = cv2.dilate(inside, np.ones((3, 3))).astype(bool) & (inside == 0)
    blue = pasted[..., 0][around]
    assert blue.size > 30
    assert ((blue > 100) & (blue < 195)).mean() > 0.8


def test_a_plant_takes_the_light_of_the_soil_that_it_comes_to() -> None:
    image, mask = _picture()
    dark = (image * 0.7).astype(np.uint8)
    bright, labels, _ = _bank().paste(image, mask, None, 1.0, 1, np.random.default_rng(4))
    dim, _, _ = _bank().paste(dark, mask, None, 1.0, 1, np.random.default_rng(4))
    inside = cv2.erode((labels == 2).astype(np.uint8), np.ones((5, 5))).astype(bool)
    assert dim[inside].mean() / bright[inside].mean() == pytest.approx(0.7, abs=0.03)


def test_nothing_is_pasted_where_there_is_no_soil() -> None:
    image, mask = _picture()
    mask[:] = ClassId.CROP
    pasted, labels, _ = _bank().paste(image, mask, None, 1.0, 4, np.random.default_rng(1))
    assert np.array_equal(pasted, image)
    assert np.array_equal(labels, mask)


def _items() -> list[LabelledImage]:
    return [prepare("p", *_picture((30, 30, 8, 2), (80, 80, 10, 1)), 120, 1)]


def _sampler(share: float) -> CropSampler:
    pasting = Pasting(banks=[_bank()], share=share, most=3) if share else None
    return CropSampler([(1.0, _items())], crop_px=64, seed=4, pasting=pasting)


def test_crops_without_pasted_plants_stay_as_they_were() -> None:
    plain, some = _sampler(0.0), _sampler(0.5)
    same = [np.array_equal(plain.crop(step, 0)[0], some.crop(step, 0)[0]) for step in range(24)]
    assert 4 < sum(same) < 20
    again = _sampler(0.5)
    assert all(np.array_equal(some.crop(s, 0)[0], again.crop(s, 0)[0]) for s in range(6))


def test_plants_are_pasted_within_a_family_only() -> None:
    weeds = [prepare("w", *_picture((30, 30, 8, 2), (80, 80, 8, 2)), 120, 1)]
    soil = [prepare("s", *_picture(), 120, 1)]
    images = [(1.0, weeds), (1.0, soil), (1.0, soil)]
    sources = [
        SourceConfig(name="w", weight=1.0, family="field"),
        SourceConfig(name="s", weight=1.0, family="field"),
        SourceConfig(name="other", weight=1.0),
    ]
    found = plants_to_paste(sources, images, AugmentationConfig(paste_share=1.0), 1)
    assert found is not None
    assert [len(bank) for bank in found.banks] == [2, 2, 0]
    assert plants_to_paste(sources, images, AugmentationConfig(), 1) is None


def test_no_more_plants_are_kept_than_needed() -> None:
    plant = cut_plants(*_picture((30, 30, 8, 2)), None, 1.0)[0]
    assert isinstance(plant, CutPlant)
    assert len(PlantBank([plant] * 900, seed=1)) == 500
