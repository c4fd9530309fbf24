"""Data folders: what is wrong with them is said; crops are drawn reproducibly."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from tiny_fields import field_picture

from agriseg.datasets.folder import list_folder
from agriseg.datasets.grouping import split_samples
from agriseg.errors import DatasetError
from agriseg.models.augment import CropGeometry, augment_colour, cut_crop
from agriseg.models.dataset import CropSampler, load_labelled, prepare


def test_lists_images_with_groups(source: Path) -> None:
    samples = list_folder(source, "tiny")
    assert [(s.stem, s.group) for s in samples] == [
        ("p0", "a"),
        ("p1", "a"),
        ("p2", "b"),
        ("p3", "b"),
    ]


def test_splits_by_group_never_by_frame(source: Path) -> None:
    inside, outside = split_samples(list_folder(source, "tiny"), ["b"])
    assert {s.group for s in inside} == {"a"}
    assert {s.group for s in outside} == {"b"}


def test_without_groups_each_image_is_its_own(source: Path) -> None:
    (source / "groups.json").unlink()
    inside, outside = split_samples(list_folder(source, "tiny"), ["p[23]"])
    assert [s.stem for s in outside] == ["p2", "p3"]
    assert [s.stem for s in inside] == ["p0", "p1"]


def test_unknown_group_is_named(source: Path) -> None:
    with pytest.raises(DatasetError, match=r"held_out 'c' matches no group of 'tiny'; it has a, b"):
        split_samples(list_folder(source, "tiny"), ["c"])


def test_nothing_left_to_train_is_refused(source: Path) -> None:
    with pytest.raises(DatasetError, match=r"every group is held out"):
        split_samples(list_folder(source, "tiny"), ["*"])


def test_missing_mask_is_named(source: Path) -> None:
    (source / "masks" / "p1.png").unlink()
    with pytest.raises(DatasetError, match=r"p1\.png: missing"):
        list_folder(source, "tiny")


def test_image_without_a_group_is_named(source: Path) -> None:
    (source / "groups.json").write_text(json.dumps({"p0": "a"}))
    with pytest.raises(DatasetError, match=r"image 'p1' has no group"):
        list_folder(source, "tiny")


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no such folder"):
        list_folder(tmp_path / "nothing", "nothing")


def _load_first(source: Path) -> None:
    load_labelled(list_folder(source, "tiny")[0], 96, seed=1)


def test_mask_of_another_size_is_refused(source: Path) -> None:
    cv2.imwrite(str(source / "masks" / "p0.png"), np.zeros((64, 95), np.uint8))
    with pytest.raises(DatasetError, match=r"mask is 95x64, its image is 96x64"):
        _load_first(source)


def test_unknown_mask_values_are_refused(source: Path) -> None:
    mask = np.zeros((64, 96), np.uint8)
    mask[3, 4] = 7
    cv2.imwrite(str(source / "masks" / "p0.png"), mask)
    with pytest.raises(DatasetError, match=r"unknown values \[7\]"):
        _load_first(source)


def test_coloured_mask_is_refused(source: Path) -> None:
    cv2.imwrite(str(source / "masks" / "p0.png"), np.zeros((64, 96, 3), np.uint8))
    with pytest.raises(DatasetError, match=r"expected a single-channel 8-bit mask"):
        _load_first(source)


def test_unreadable_image_is_refused(source: Path) -> None:
    (source / "images" / "p0.png").write_bytes(b"not a picture")
    with pytest.raises(DatasetError, match=r"p0\.png: cannot be read as an image"):
        _load_first(source)


def test_large_images_are_brought_down_once() -> None:
    image, mask = field_picture(0, 960, 640)
    item = prepare("x", image, mask, long_side_px=96, seed=1)
    assert item.mask.shape == (85, 128)
    assert item.scale == pytest.approx(96 / 128)
    assert all(item.mask[v, u] == 2 for v, u in item.anchors[1])


def _sampler(seed: int = 4) -> CropSampler:
    items = [prepare(str(i), *field_picture(i), 96, 1) for i in range(3)]
    return CropSampler([(1.0, items)], crop_px=64, seed=seed)


def test_same_step_and_slot_give_the_same_crop() -> None:
    first, second = _sampler(), _sampler()
    second.crop(0, 0)
    for a, b in zip(first.crop(3, 1), second.crop(3, 1), strict=True):
        assert np.array_equal(a, b)
    assert not np.array_equal(first.crop(3, 1)[0], first.crop(3, 2)[0])
    assert not np.array_equal(first.crop(3, 1)[0], _sampler(5).crop(3, 1)[0])


def test_batch_shapes() -> None:
    images, masks = _sampler().batch(0, 5)
    assert images.shape == (5, 64, 64, 3)
    assert masks.shape == (5, 64, 64)
    assert images.dtype == masks.dtype == np.uint8


def test_crops_show_weeds_often() -> None:
    _, masks = _sampler().batch(0, 40)
    assert (masks == 2).any(axis=(1, 2)).mean() > 0.6


def test_image_and_mask_move_together() -> None:
    _, mask = field_picture(2)
    red = np.dstack([mask * 100] * 3)
    for seed in range(8):
        rng = np.random.default_rng(seed)
        geometry = CropGeometry.draw(
            rng, anchor=(20.0, 30.0), scale=1.3, shape=(64, 96), crop_px=48
        )
        picture, labels = cut_crop(np.ascontiguousarray(red), mask, geometry, 48)
        known = labels != 255
        expected = np.where(known, labels, 0).astype(int) * 100
        off = np.abs(picture[..., 0].astype(int) - expected)[known]
        assert np.mean(off > 60) < 0.12  # only at interpolated borders


def test_crop_stays_inside_an_image_that_is_large_enough() -> None:
    mask = np.zeros((400, 400), np.uint8)
    image = np.zeros((400, 400, 3), np.uint8)
    outside = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        geometry = CropGeometry.draw(
            rng, anchor=(0.0, 399.0), scale=1.0, shape=(400, 400), crop_px=100
        )
        outside += int((cut_crop(image, mask, geometry, 100)[1] == 255).mean() > 0.15)
    assert outside == 0


def test_colour_changes_leave_size_and_vary() -> None:
    image, _ = field_picture(1)
    changed = [augment_colour(image, np.random.default_rng(seed)) for seed in range(12)]
    assert all(one.shape == image.shape and one.dtype == np.uint8 for one in changed)
    assert len({one.tobytes() for one in changed}) == 12
    assert np.array_equal(changed[3], augment_colour(image, np.random.default_rng(3)))
