"""Excess green on pictures whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from agriseg.messages import Frame, Segmentation, UInt8Array
from agriseg.segmentation.color_index import ExcessGreenSegmenter, excess_green

SOIL_BGR = (70, 90, 120)
LEAF_BGR = (40, 150, 70)


def _segment(image: UInt8Array) -> Segmentation:
    return ExcessGreenSegmenter().segment(Frame(frame_id=3, t_capture_s=2.0, image=image))


def _soil(seed: int = 1) -> UInt8Array:
    noise = np.random.default_rng(seed).normal(0.0, 6.0, (60, 80, 3))
    return np.clip(np.array(SOIL_BGR) + noise, 0, 255).astype(np.uint8)


def test_index_of_known_colours() -> None:
    image = np.array([[(0, 255, 0), (90, 90, 90), (255, 0, 0), (0, 0, 0)]], np.uint8)
    assert excess_green(image)[0].tolist() == pytest.approx([2.0, 0.0, -1.0, -1.0])


def test_green_is_weed_and_soil_is_not() -> None:
    image = _soil()
    image[20:40, 30:60] = LEAF_BGR
    result = _segment(image)
    expected = np.zeros((60, 80), bool)
    expected[20:40, 30:60] = True
    wrong = (result.labels == 2) != expected
    assert wrong.sum() <= 8  # corners, which the median rounds
    assert set(np.unique(result.labels)) == {0, 2}
    assert not result.crop_probability.any()


def test_bare_soil_stays_soil() -> None:
    assert not _segment(_soil()).labels.any()


def test_brightness_does_not_matter() -> None:
    image = _soil()
    image[20:40, 30:60] = LEAF_BGR
    dim = (image * 0.4).astype(np.uint8)
    assert (_segment(dim).labels == _segment(image).labels).mean() > 0.99


def test_night_is_soil() -> None:
    dark = np.random.default_rng(2).integers(0, 8, (40, 40, 3)).astype(np.uint8)
    assert not _segment(dark).labels.any()


def test_probability_says_the_same_as_the_label() -> None:
    image = _soil()
    image[20:40, 30:60] = LEAF_BGR
    result = _segment(image)
    assert np.array_equal(result.weed_probability >= 128, result.labels == 2)


@pytest.mark.parametrize("arguments", [{"floor": 0.0}, {"floor": 2.5}, {"softness": 0.0}])
def test_impossible_settings_are_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"must"):
        ExcessGreenSegmenter(**arguments)
