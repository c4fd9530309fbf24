"""Plant numbers and stems: split, merge, number, change class; frames that overlap."""

from __future__ import annotations

import numpy as np
import pytest

from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Edit
from agriseg.labelling.tools.brush import brush
from agriseg.labelling.tools.plants import (
    merge,
    number_plants,
    plant_region,
    remove_plant,
    set_class,
    set_plant,
    set_stem,
    split_along,
    split_at,
    split_parts,
)
from agriseg.labelling.tools.propagate import Motion, estimate_motion, propagate
from agriseg.labelling.tools.regions import Paint
from agriseg.labelling.tools.vegetation import Vegetation
from agriseg.messages import UInt8Array
from agriseg.opencv import cv2


def _do(document: LabelDocument, edit: Edit | None) -> None:
    assert edit is not None
    document.apply(edit)


def _two_leaves() -> LabelDocument:
    """Return a plant: a large leaf on the left, a smaller one with the stem, and a stalk."""
    document = LabelDocument(np.zeros((60, 100, 3), np.uint8))
    what = Paint(class_id=1, plant=1)
    _do(document, brush(document, np.array([[30.0, 30.0, 14.0]]), what))
    _do(document, brush(document, np.array([[70.0, 30.0, 10.0]]), what))
    _do(document, brush(document, np.array([[30.0, 30.0, 2.0], [70.0, 30.0, 2.0]]), what))
    _do(document, set_stem(document, 1, (70.0, 30.0)))
    return document


def test_a_line_splits_a_plant_and_the_stem_goes_with_its_part() -> None:
    document = _two_leaves()
    _do(document, brush(document, np.array([[95.0, 55.0, 2.0]]), Paint(class_id=1, plant=6)))
    whole = (document.instances > 0).copy()
    _do(document, split_along(document, 1, np.array([[50.0, 20.0], [50.0, 40.0]])))
    assert document.instances[30, 30] == 1
    assert document.instances[30, 70] == 7, "6 is taken"
    assert ((document.instances > 0) == whole).all(), "no pixel is lost to the cut"
    assert dict(document.stems) == {7: (70.0, 30.0)}
    document.undo()
    assert dict(document.stems) == {1: (70.0, 30.0)}


def test_a_line_that_does_not_part_the_plant_does_nothing() -> None:
    document = _two_leaves()
    assert split_along(document, 1, np.array([[30.0, 0.0], [30.0, 25.0]])) is None
    assert split_along(document, 1, np.array([[90.0, 0.0], [90.0, 50.0]])) is None
    assert split_along(document, 9, np.array([[50.0, 20.0], [50.0, 40.0]])) is None


def test_stems_split_a_plant_where_they_meet() -> None:
    document = _two_leaves()
    _do(document, split_at(document, 1, [(30.0, 30.0), (70.0, 30.0), (5.0, 5.0)]))
    assert document.instances[30, 30] == 1
    assert document.instances[30, 70] == 2
    assert document.instances[30, 45] == 1
    assert document.instances[30, 55] == 2
    assert dict(document.stems) == {1: (30.0, 30.0), 2: (70.0, 30.0)}
    assert split_at(document, 1, [(30.0, 30.0)]) is None


def test_parts_that_do_not_touch_become_plants_of_their_own() -> None:
    document = _two_leaves()
    assert split_parts(document, 1) is None
    soil = Paint(class_id=0)
    _do(document, brush(document, np.array([[50.0, 25.0, 3.0], [50.0, 35.0, 3.0]]), soil))
    _do(document, split_parts(document, 1))
    assert document.instances[30, 30] == 1
    assert document.instances[30, 70] == 2


def test_merging_keeps_the_first_number_and_a_stem() -> None:
    document = _two_leaves()
    _do(document, split_along(document, 1, np.array([[50.0, 20.0], [50.0, 40.0]])))
    _do(document, merge(document, [1, 2]))
    assert set(np.unique(document.instances)) == {0, 1}
    assert dict(document.stems) == {1: (70.0, 30.0)}
    with pytest.raises(ValueError, match="two plant numbers or more"):
        merge(document, [1, 1])


def test_patches_without_a_number_get_one_each() -> None:
    document = LabelDocument(np.zeros((60, 100, 3), np.uint8))
    for u, class_id in ((20.0, 1), (50.0, 2), (80.0, 2)):
        _do(document, brush(document, np.array([[u, 30.0, 8.0]]), Paint(class_id=class_id)))
    _do(document, set_plant(document, (50.0, 30.0), 7))
    _do(document, number_plants(document, (1, 2)))
    assert [int(document.instances[30, u]) for u in (20, 50, 80)] == [8, 7, 9]
    assert number_plants(document, (1, 2)) is None
    assert set_plant(document, (2.0, 2.0), 3) is None, "soil is no plant"


def test_a_whole_plant_changes_its_class_in_one_step() -> None:
    document = _two_leaves()
    region = plant_region(document, 1)
    _do(document, set_class(document, region, Paint(class_id=2)))
    assert document.classes[30, 30] == 2
    assert document.instances[30, 30] == 1
    assert dict(document.stems) == {1: (70.0, 30.0)}
    _do(document, set_class(document, region, Paint(class_id=255)))
    assert not document.instances.any()
    assert not document.stems


def test_removing_a_plant_takes_pixels_and_stem() -> None:
    document = _two_leaves()
    _do(document, remove_plant(document, 1))
    assert not document.classes.any()
    assert not document.stems
    assert remove_plant(document, 1) is None


def test_a_stem_lies_in_the_picture_and_belongs_to_a_plant() -> None:
    document = _two_leaves()
    with pytest.raises(ValueError, match="outside the picture"):
        set_stem(document, 1, (200.0, 3.0))
    with pytest.raises(ValueError, match="soil has no stem"):
        set_stem(document, 0, (20.0, 3.0))
    _do(document, set_stem(document, 1, None))
    assert not document.stems


def _ground(seed: int, height: int = 500, width: int = 300) -> UInt8Array:
    """Return rough soil with a few round plants."""
    generator = np.random.default_rng(seed)
    rough = sum(
        cv2.resize(generator.normal(0.0, 14.0, (height // size, width // size)), (width, height))
        for size in (2, 5, 12)
    )
    image = np.clip(np.array([60.0, 80.0, 100.0]) + np.asarray(rough)[..., None], 0, 255)
    return image.astype(np.uint8)


def test_labels_come_along_to_the_next_frame() -> None:
    ground = _ground(1)
    cv2.circle(ground, (120, 260), 15, (40, 160, 60), -1)
    frame, following = ground[:300].copy(), ground[180:480].copy()
    motion = estimate_motion(frame, following)
    assert motion is not None
    shift = motion.h_now_before[:2, 2]
    assert np.abs(motion.h_now_before[:2, :2] - np.eye(2)).max() < 0.01
    assert np.abs(shift - [0.0, -180.0]).max() < 1.0
    assert motion.overlap == pytest.approx(0.4, abs=0.02)
    before, document = LabelDocument(frame), LabelDocument(following)
    _do(before, brush(before, np.array([[120.0, 260.0, 15.0]]), Paint(class_id=2, plant=5)))
    _do(before, set_stem(before, 5, (120.0, 260.0)))
    _do(document, brush(document, np.array([[30.0, 90.0, 6.0]]), Paint(class_id=1, plant=5)))
    _do(document, propagate(document, before, motion))
    assert document.classes[80, 120] == 2
    assert document.classes[90, 30] == 1, "what a person drew here stays"
    plant = int(document.instances[80, 120])
    assert plant not in (0, 5), "the number was taken here"
    assert document.stems[plant] == pytest.approx((120.0, 80.0), abs=1.5)


def test_plants_snap_to_what_is_green_now() -> None:
    following = np.full((100, 100, 3), (60, 80, 100), np.uint8)
    cv2.circle(following, (53, 50), 10, (40, 160, 60), -1)
    cv2.circle(following, (90, 10), 5, (40, 160, 60), -1)
    before, document = LabelDocument(np.zeros_like(following)), LabelDocument(following)
    _do(before, brush(before, np.array([[50.0, 50.0, 10.0]]), Paint(class_id=2, plant=1)))
    green = Vegetation.of(following).mask()
    _do(document, propagate(document, before, Motion(h_now_before=np.eye(3)), green=green))
    assert document.classes[50, 61] == 2
    assert document.classes[50, 41] == 0
    assert document.classes[10, 90] == 0, "no plant was known there"


def test_pictures_of_different_ground_have_no_motion() -> None:
    assert estimate_motion(_ground(1)[:300], _ground(2)[:300]) is None
    assert estimate_motion(np.zeros((90, 90, 3), np.uint8), _ground(2)[:300]) is None
