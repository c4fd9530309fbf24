"""Plants from centres and offsets: drawn maps in, the drawn plants out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from agriseg.messages import ClassId, GroupingRule, PlantMaps, Segmentation, UInt8Array
from agriseg.segmentation.plant_grouping import plants_by_patches, tell_plants_apart

Box = tuple[int, int, int, int, int]
"""Class, and top, left, height and width in cells."""

ROWS, COLUMNS, CELL_PX = 24, 32, 4
RULE = GroupingRule(least_centre=0.3, spacing_cells=2, reach_cells=4.0, least_cells=3.0)


def _draw(boxes: list[Box]) -> tuple[UInt8Array, NDArray[np.int32]]:
    """Return classes and ids of the cells; later boxes cover earlier ones."""
    classes, ids = np.zeros((ROWS, COLUMNS), np.uint8), np.zeros((ROWS, COLUMNS), np.int32)
    for number, (kind, top, left, height, width) in enumerate(boxes, start=1):
        classes[top : top + height, left : left + width] = kind
        ids[top : top + height, left : left + width] = number
    return classes, ids


def _maps(ids: NDArray[np.int32]) -> PlantMaps:
    """Return what perfect heads say of the plants."""
    centre = np.zeros(ids.shape, np.float32)
    offset = np.zeros((2, *ids.shape), np.float32)
    place = np.indices(ids.shape)
    for number in np.unique(ids[ids > 0]):
        inside = ids == number
        middle = np.rint(place[:, inside].mean(axis=1))
        distance = (place[0] - middle[0]) ** 2 + (place[1] - middle[1]) ** 2
        centre = np.maximum(centre, np.exp(-distance / 8.0).astype(np.float32))
        offset[:, inside] = (middle[:, None, None] - place)[:, inside]
    return PlantMaps(centre=centre, offset=offset, rule=RULE)


def _grown(cells: NDArray[np.generic]) -> NDArray[np.generic]:
    return cells.repeat(CELL_PX, axis=0).repeat(CELL_PX, axis=1)


def _seen(classes: UInt8Array, plants: PlantMaps | None) -> Segmentation:
    """Return a segmentation sure of its classes at 0.8, at four pixels a cell."""
    labels = _grown(classes).astype(np.uint8)
    return Segmentation(
        frame_id=0,
        t_capture_s=0.0,
        labels=labels,
        weed_probability=np.where(labels == ClassId.WEED, np.uint8(204), np.uint8(0)),
        crop_probability=np.where(labels == ClassId.CROP, np.uint8(204), np.uint8(0)),
        forward_ms=0.0,
        segmenter="drawn",
        plants=plants,
    )


def _from(boxes: list[Box]) -> Segmentation:
    classes, ids = _draw(boxes)
    return _seen(classes, _maps(ids))


def test_plants_that_touch_are_told_apart() -> None:
    seen = _from([(2, 4, 4, 6, 6), (2, 4, 10, 6, 6)])
    found = tell_plants_apart(seen)
    assert found.by_heads
    assert [plant.area_px for plant in found.plants] == [36 * 16, 36 * 16]
    assert found.panoptic.ids[20, 20] != found.panoptic.ids[20, 60]
    assert len(plants_by_patches(seen).plants) == 1


def test_parts_of_one_plant_are_one() -> None:
    classes, ids = _draw([(1, 2, 2, 10, 4), (1, 2, 10, 10, 4)])
    ids[ids > 0] = 1
    found = tell_plants_apart(_seen(classes, _maps(ids)))
    assert len(found.plants) == 1
    assert len(plants_by_patches(_seen(classes, None)).plants) == 2


def test_a_plant_is_measured() -> None:
    (plant,) = tell_plants_apart(_from([(2, 4, 6, 5, 7)])).plants
    assert plant.class_id is ClassId.WEED
    assert plant.box_px == (24, 16, 28, 20)
    assert plant.area_px == 28 * 20
    # The centre lies in cell (6, 9), whose middle is at pixel 25.5, 37.5.
    assert plant.stem_px == (37.5, 25.5)
    assert plant.confidence == pytest.approx(0.8, abs=0.01)


def test_a_plant_is_of_the_class_of_most_of_it() -> None:
    classes, ids = _draw([(1, 4, 4, 8, 8)])
    classes[4:6, 4:8] = ClassId.WEED
    found = tell_plants_apart(_seen(classes, _maps(ids)))
    assert [plant.class_id for plant in found.plants] == [ClassId.CROP]
    assert set(np.unique(found.panoptic.classes)) == {0, 1}


def test_low_peaks_and_peaks_near_higher_ones_are_no_plants() -> None:
    classes, ids = _draw([(2, 4, 4, 8, 8)])
    maps = _maps(ids)
    centre = np.array(maps.centre)
    centre[8, 9] = 0.9
    centre[18, 20] = 0.29
    found = tell_plants_apart(_seen(classes, replace(maps, centre=centre)))
    assert len(found.plants) == 1


def test_a_plateau_is_one_plant() -> None:
    classes, ids = _draw([(2, 4, 4, 8, 8)])
    centre = np.array(_maps(ids).centre)
    centre[7:9, 7:9] = 1.0
    found = tell_plants_apart(_seen(classes, replace(_maps(ids), centre=centre)))
    assert len(found.plants) == 1


def test_a_plant_without_a_centre_is_no_part_of_another() -> None:
    classes, ids = _draw([(2, 2, 2, 5, 5), (2, 14, 22, 5, 5)])
    maps = _maps(ids)
    centre = np.array(maps.centre)
    centre[10:] = 0.0
    found = tell_plants_apart(_seen(classes, replace(maps, centre=centre)))
    assert [plant.area_px for plant in found.plants] == [400, 400]
    assert found.plants[1].confidence == 0.0


def test_a_speck_far_from_any_centre_goes_to_the_nearest() -> None:
    classes, ids = _draw([(2, 2, 2, 5, 5), (2, 14, 22, 5, 5)])
    maps = _maps(ids)
    classes[10, 28] = ClassId.WEED
    found = tell_plants_apart(_seen(classes, maps))
    assert [plant.area_px for plant in found.plants] == [400, 416]


def test_a_centre_without_vegetation_is_no_plant() -> None:
    classes, ids = _draw([(2, 2, 2, 5, 5), (2, 14, 22, 5, 5)])
    maps = _maps(ids)
    classes[14:] = 0
    assert len(tell_plants_apart(_seen(classes, maps)).plants) == 1


def test_a_centre_with_hardly_any_vegetation_is_no_plant_of_its_own() -> None:
    classes, ids = _draw([(2, 4, 4, 8, 8)])
    classes[4, 15] = ClassId.WEED
    maps = _maps(ids)
    centre = np.array(maps.centre)
    centre[4, 15] = 1.0
    found = tell_plants_apart(_seen(classes, replace(maps, centre=centre)))
    assert [plant.area_px for plant in found.plants] == [65 * 16]


def test_without_any_centre_patches_are_plants() -> None:
    classes, ids = _draw([(2, 2, 2, 1, 1), (1, 14, 22, 5, 5)])
    maps = replace(_maps(ids), centre=np.zeros((ROWS, COLUMNS), np.float32))
    assert len(tell_plants_apart(_seen(classes, maps)).plants) == 2


def test_bare_soil_has_no_plants() -> None:
    classes, ids = _draw([])
    for seen in (_seen(classes, _maps(ids)), _seen(classes, None)):
        found = tell_plants_apart(seen)
        assert found.plants == ()
        assert not found.panoptic.ids.any()


def test_without_heads_a_plant_is_a_patch_of_its_class() -> None:
    classes, _ = _draw([(1, 2, 2, 6, 6), (2, 2, 8, 6, 6)])
    found = tell_plants_apart(_seen(classes, None))
    assert not found.by_heads
    assert [plant.class_id for plant in found.plants] == [ClassId.CROP, ClassId.WEED]
    assert found.plants[0].stem_px == (19.5, 19.5)
    assert found.plants[0].confidence == pytest.approx(0.8, abs=0.01)
    assert np.array_equal(found.panoptic.classes, _grown(classes))


_BOX = st.tuples(
    st.integers(1, 2), st.integers(0, 20), st.integers(0, 28), st.integers(1, 9), st.integers(1, 9)
)


@settings(max_examples=40, deadline=None)
@given(boxes=st.lists(_BOX, max_size=8), noise=st.integers(0, 1000), has_heads=st.booleans())
def test_every_pixel_of_vegetation_belongs_to_one_plant(
    boxes: list[Box], noise: int, has_heads: bool
) -> None:
    classes, ids = _draw(boxes)
    maps = _maps(ids)
    rng = np.random.default_rng(noise)
    centre = maps.centre + rng.normal(0.0, 0.1, maps.centre.shape).astype(np.float32)
    offset = maps.offset + rng.normal(0.0, 3.0, maps.offset.shape).astype(np.float32)
    seen = _seen(classes, replace(maps, centre=centre, offset=offset) if has_heads else None)
    found = tell_plants_apart(seen)
    assert np.array_equal(found.panoptic.ids > 0, seen.labels > 0)
    assert np.array_equal(found.panoptic.classes > 0, seen.labels > 0)
    numbers, areas = np.unique(found.panoptic.ids[found.panoptic.ids > 0], return_counts=True)
    assert numbers.tolist() == [plant.plant_id for plant in found.plants]
    assert areas.tolist() == [plant.area_px for plant in found.plants]
    for plant in found.plants:
        mask = found.panoptic.ids == plant.plant_id
        assert set(found.panoptic.classes[mask]) == {plant.class_id}
        v, u = np.nonzero(mask)
        assert plant.box_px == (u.min(), v.min(), u.max() - u.min() + 1, v.max() - v.min() + 1)
        assert 0.0 <= plant.confidence <= 1.0
    again = tell_plants_apart(seen)
    assert np.array_equal(again.panoptic.ids, found.panoptic.ids)
