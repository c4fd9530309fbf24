"""Masks become polygons and come back the same; holes stay open, touching plants keep apart."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps
from pycocotools import mask as coco_mask

from agriseg.datasets.polygons import (
    BoolArray,
    Region,
    fill,
    mask_of_regions,
    one_ring,
    regions_of_ids,
    regions_of_mask,
)
from agriseg.datasets.tracing import staircase, straighten, trace

HALF_A_PIXEL = 0.5
MASKS = nps.arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 11)))


def _mask(*rows: str) -> BoolArray:
    return np.array([[sign == "#" for sign in row] for row in rows])


def _there_and_back(mask: BoolArray) -> BoolArray:
    h, w = mask.shape
    return mask_of_regions(regions_of_mask(mask), w, h)


def _leaves(seed: int, size_px: int = 80) -> BoolArray:
    """Return ragged patches with holes."""
    noise = np.random.default_rng(seed).random((size_px, size_px)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2.5)
    return np.asarray(smooth > np.median(smooth))


@given(MASKS)
@settings(max_examples=120, deadline=None)
def test_any_mask_comes_back_pixel_for_pixel(mask: BoolArray) -> None:
    assert np.array_equal(_there_and_back(mask), mask)


@given(MASKS)
@settings(max_examples=60, deadline=None)
def test_one_ring_around_everything_holds_the_same_pixels(mask: BoolArray) -> None:
    rings = [ring for region in regions_of_mask(mask) for ring in region.rings]
    if rings:
        h, w = mask.shape
        joined = Region(outer=one_ring(rings))
        assert np.array_equal(mask_of_regions([joined], w, h), mask)


def test_a_rectangle_has_four_corners() -> None:
    mask = np.zeros((20, 30), bool)
    mask[4:12, 7:25] = True
    (region,) = regions_of_mask(mask)
    assert region.outer.tolist() == [[7, 4], [25, 4], [25, 12], [7, 12]]
    assert region.holes == ()


def test_a_single_pixel_is_a_square() -> None:
    (region,) = regions_of_mask(_mask("...", ".#.", "..."), (100, 50))
    assert region.outer.tolist() == [[101, 51], [102, 51], [102, 52], [101, 52]]


def test_holes_and_islands_in_them_are_told_apart() -> None:
    mask = _mask("#######", "#.....#", "#.###.#", "#.#.#.#", "#.###.#", "#.....#", "#######")
    ring, island = regions_of_mask(mask)
    assert len(ring.holes) == len(island.holes) == 1
    assert fill([ring.outer], 7, 7).mask.sum() == 49
    assert fill([island.holes[0]], 7, 7).mask.sum() == 1


def test_pixels_that_share_a_corner_are_one_region_without_crossing_itself() -> None:
    for side in (2, 5):
        corner = np.kron(_mask("#.", ".#"), np.ones((side, side), bool))
        (region,) = regions_of_mask(corner)
        assert shapely.LinearRing(region.outer).is_simple


def test_outlines_stay_within_half_a_pixel_and_never_cross() -> None:
    for seed in range(4):
        outlines = []
        for border in trace(_leaves(seed)):
            exact = shapely.LinearRing(staircase(border))
            drawn = shapely.LinearRing(straighten(border))
            assert drawn.is_simple
            points = shapely.points(shapely.get_coordinates(shapely.segmentize(drawn, 0.05)))
            assert shapely.distance(points, exact).max() <= HALF_A_PIXEL
            outlines.append(drawn)
        assert not any(
            first.intersects(second)
            for place, first in enumerate(outlines)
            for second in outlines[place + 1 :]
        )


def test_straightening_saves_most_corners() -> None:
    disc = cv2.circle(np.zeros((200, 200), np.uint8), (100, 100), 90, 1, -1) > 0
    for mask in (disc, _leaves(2)):
        borders = trace(mask)
        corners = sum(len(staircase(border)) for border in borders)
        assert sum(len(straighten(border)) for border in borders) < 0.67 * corners


def test_plants_that_touch_keep_touching_without_overlap() -> None:
    ids = np.zeros((60, 60), np.int32)
    leaves = _leaves(9, 60)
    ids[leaves] = 3
    ids[~leaves] = 40_000
    covered = np.zeros((60, 60), np.int32)
    for number, regions in regions_of_ids(ids).items():
        mask = mask_of_regions(regions, 60, 60)
        assert np.array_equal(mask, ids == number)
        covered += mask
    assert (covered == 1).all()


def test_nothing_labelled_is_no_region() -> None:
    assert regions_of_mask(np.zeros((5, 4), bool)) == []
    assert regions_of_ids(np.zeros((5, 4), np.uint16)) == {}
    assert not mask_of_regions([], 4, 5).any()


def test_a_drawn_polygon_fills_the_pixels_whose_centres_it_encloses() -> None:
    triangle = Region(outer=np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]]))
    assert np.array_equal(
        mask_of_regions([triangle], 5, 4), _mask("###..", "##...", "#....", ".....")
    )


def test_what_is_drawn_outside_the_picture_is_cut_off() -> None:
    drawn = Region(outer=np.array([[-5.0, -5.0], [3.0, -5.0], [3.0, 2.0], [-5.0, 2.0]]))
    assert drawn.reaches_beyond(4, 4)
    assert np.array_equal(mask_of_regions([drawn], 4, 4), _mask("###.", "###.", "....", "...."))
    away = Region(outer=drawn.outer + 100.0)
    assert not mask_of_regions([away], 4, 4).any()
    before = Region(outer=drawn.outer - 100.0)
    assert not mask_of_regions([before], 4, 4).any()


def test_pycocotools_fills_the_outlines_alike() -> None:
    for seed in range(3):
        mask = _leaves(seed)
        filled = np.zeros(mask.shape, bool)
        for region in regions_of_mask(mask):
            for ring in region.rings:
                runs = coco_mask.frPyObjects([ring.ravel().tolist()], *mask.shape)
                filled ^= coco_mask.decode(runs)[..., 0].astype(bool)
        assert np.array_equal(filled, mask)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_all_masks_of_real_fields_come_back(shared_data: Path) -> None:
    files = sorted(shared_data.glob("*/masks/*.png"))
    assert files
    for file in files:
        mask = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
        h, w = mask.shape
        for value in np.unique(mask[mask > 0]):
            wanted = mask == value
            assert np.array_equal(_there_and_back(wanted), wanted), f"{file}: class {value}"
        plants = file.parent.parent / "instances" / file.name
        if plants.is_file():
            ids = cv2.imread(str(plants), cv2.IMREAD_UNCHANGED)
            for number, regions in regions_of_ids(ids).items():
                assert np.array_equal(mask_of_regions(regions, w, h), ids == number), plants
