"""How a frame looks, whether two show the same ground, and how unsure a model is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from agriseg.messages import Segmentation, UInt8Array
from agriseg.selection.describing import (
    are_near_duplicates,
    describe,
    doubt_of,
    expected_error,
    look_of,
    thumb_of,
)


def _ground(seed: int, height: int = 900) -> UInt8Array:
    """Return clods of all sizes with green leaves, 640 px wide."""
    rng = np.random.default_rng(seed)
    ground = np.zeros((height, 640), np.float32)
    for size in (4.0, 10.0, 25.0):
        noise = rng.normal(size=(height, 640)).astype(np.float32)
        ground += cv2.GaussianBlur(noise, (0, 0), size) * size
    image = np.dstack([90 + 20 * ground, 110 + 22 * ground, 130 + 24 * ground])
    for _ in range(height // 40):
        at = (int(rng.integers(640)), int(rng.integers(height)))
        cv2.circle(image, at, int(rng.integers(5, 25)), (50, 170, 60), -1)
    return np.clip(image, 0, 255).astype(np.uint8)


def _seen(weed: list[int], crop: list[int]) -> Segmentation:
    """Return what a model saw in rows of 100 pixels each; probabilities 0 to 255."""
    w, c = (np.repeat(np.array(rows, np.uint8)[:, None], 100, axis=1) for rows in (weed, crop))
    soil = 255 - w.astype(int) - c
    labels = np.argmax(np.dstack([soil, c, w]), axis=2).astype(np.uint8)
    return Segmentation(
        frame_id=1,
        t_capture_s=0.0,
        labels=labels,
        weed_probability=w,
        crop_probability=c,
        forward_ms=1.0,
        segmenter="test",
    )


def test_the_same_ground_a_little_further_on_is_a_near_duplicate() -> None:
    ground = _ground(1)
    first = thumb_of(ground[:480])
    assert are_near_duplicates(first, first)
    assert are_near_duplicates(first, thumb_of(ground[100:580]))
    assert not are_near_duplicates(first, thumb_of(ground[400:880]))
    assert not are_near_duplicates(first, thumb_of(_ground(2)[:480]))


def test_the_robots_own_parts_do_not_make_frames_alike() -> None:
    frames = [_ground(seed)[:480] for seed in (3, 4)]
    for frame in frames:
        frame[:, :60] = (20, 20, 20)
        frame[:, -60:] = (180, 180, 185)
    assert not are_near_duplicates(*map(thumb_of, frames))


def test_brightness_alone_makes_no_other_ground() -> None:
    ground = _ground(5)[:480]
    assert are_near_duplicates(thumb_of(ground), thumb_of((ground * 0.6).astype(np.uint8)))


def test_a_picture_of_one_colour_is_described() -> None:
    plain = np.full((60, 80, 3), 128, np.uint8)
    described = describe(plain, None)
    assert np.isfinite(described.look).all()
    assert not are_near_duplicates(described.thumb, described.thumb)
    assert np.isnan(described.doubt)


def test_ground_of_a_kind_looks_more_alike_than_ground_of_another() -> None:
    first, second = (look_of(_ground(seed)[:480]) for seed in (6, 7))
    green = _ground(8)[:480]
    cv2.rectangle(green, (0, 0), (639, 300), (40, 160, 60), -1)
    assert np.linalg.norm(first - second) < 0.5 * np.linalg.norm(first - look_of(green))


def test_a_model_that_is_sure_has_no_doubt() -> None:
    seen = _seen([255] * 20 + [0] * 80, [0] * 100)
    assert doubt_of(seen) == pytest.approx(0.0)
    assert expected_error(seen) == pytest.approx(0.0)


def test_doubt_is_the_share_of_plants_that_is_expected_to_be_wrong() -> None:
    seen = _seen([153] * 20 + [0] * 80, [102] * 20 + [0] * 80)  # 0.6 weed, 0.4 crop
    # All 2000 pixels called weed: 800 wrong of 2000. Crop: none called so, 800 missed of 800.
    assert doubt_of(seen) == pytest.approx(800 / (800 + 20), rel=0.01)
    assert expected_error(seen) == pytest.approx(0.2 * 0.4, rel=0.01)


def test_a_shimmer_of_plants_on_bare_soil_counts_for_little() -> None:
    seen = _seen([1] * 100, [0] * 100)
    assert doubt_of(seen) > expected_error(seen)
    assert doubt_of(_seen([0] * 100, [0] * 100)) == 0.0
    few = _seen([0] * 100, [0] * 100)
    assert expected_error(few) == 0.0
