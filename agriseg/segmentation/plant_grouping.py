"""From pixels to plants: by the centres that a network sees, or by connected patches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agriseg.messages import (
    ClassId,
    Float64Array,
    GroupingRule,
    PlantInstance,
    PlantMaps,
    Segmentation,
)
from agriseg.opencv import cv2
from agriseg.segmentation.panoptic import IdArray, PanopticMap

_FULL = 255.0

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlantsSeen:
    """The plants of one frame.

    Attributes
    ----------
    panoptic : PanopticMap
        Every pixel has a class, every pixel of crop or weed one plant. A plant is of one class,
        that of most of it, so that single pixels may differ from the segmentation's labels.
    plants : tuple of PlantInstance
        In the order of their ids, which are those of the map.
    by_heads : bool
        Whether the network told them apart; else each is a connected patch of its class.
    """

    panoptic: PanopticMap
    plants: tuple[PlantInstance, ...]
    by_heads: bool


def tell_plants_apart(seen: Segmentation) -> PlantsSeen:
    """Return the plants of a frame: by the network's plant heads where it has them."""
    if seen.plants is None:
        return plants_by_patches(seen)
    return _plants_by_heads(seen, seen.plants)


def plants_by_patches(seen: Segmentation) -> PlantsSeen:
    """Take every connected patch of crop or weed, corners included, for a plant."""
    ids = np.zeros(seen.labels.shape, np.int32)
    for class_id in (ClassId.CROP, ClassId.WEED):
        mask = (seen.labels == class_id).astype(np.uint8)
        before = int(ids.max(initial=0))
        _, patches = cv2.connectedComponents(mask, connectivity=8, ltype=cv2.CV_32S)
        ids += np.where(mask, np.asarray(patches, np.int32) + before, 0).astype(np.int32)
    return _plants_seen(seen, ids, _Stems.empty(), by_heads=False)


def _plants_by_heads(seen: Segmentation, maps: PlantMaps) -> PlantsSeen:
    """Group vegetation by where its offsets end (Cheng et al., "Panoptic-DeepLab", CVPR 2020).

    What ends far from any centre is told apart by connected patches, so that a plant whose centre
    was not seen is not added to another one; smaller patches go to the nearest centre after all.
    """
    green = seen.labels != ClassId.SOIL
    stems, cells, is_near = _group_cells(maps, green)
    size = (green.shape[1], green.shape[0])
    ids = np.asarray(cv2.resize(cells, size, interpolation=cv2.INTER_NEAREST), np.int32)
    near = cv2.resize(is_near.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    ids[~green] = 0
    least_px = maps.rule.least_cells * green.size / maps.centre.size if stems.count else 0.0
    _number_patches(ids, green & ~near, least_px, stems.count)
    return _plants_seen(seen, ids, stems, by_heads=True)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Stems:
    """Centres in cells of their map: places (N, 2) as (v, u), and heights of the peaks (N,)."""

    places: Float64Array
    height: Float64Array

    @classmethod
    def empty(cls) -> _Stems:
        return cls(places=np.zeros((0, 2)), height=np.zeros(0))

    @property
    def count(self) -> int:
        return len(self.height)

    def chosen(self, which: BoolArray) -> _Stems:
        return _Stems(places=self.places[which], height=self.height[which])


def _group_cells(
    maps: PlantMaps, green: BoolArray
) -> tuple[_Stems, NDArray[np.float32], BoolArray]:
    """Return the stems, the number of each cell's stem from 1, and which cells end near it."""
    stems = _peaks(maps.centre, maps.rule)
    size = (maps.centre.shape[1], maps.centre.shape[0])
    cover = cv2.resize(green.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    cells, near = _nearest(maps, stems)
    if stems.count:
        area = np.bincount(cells.ravel(), weights=(cover * near).ravel(), minlength=stems.count + 1)
        lasting = area[1:] >= maps.rule.least_cells
        if not lasting.all():
            stems = stems.chosen(lasting)
            cells, near = _nearest(maps, stems)
    return stems, cells.astype(np.float32), near


def _peaks(centre: NDArray[np.float32], rule: GroupingRule) -> _Stems:
    side = 2 * rule.spacing_cells + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    highest = np.asarray(cv2.dilate(centre, kernel))
    tops = ((centre >= highest) & (centre >= rule.least_centre)).astype(np.uint8)
    # A peak of equal cells is one: its cells are neighbours.
    count, patches, _, middles = cv2.connectedComponentsWithStats(tops, connectivity=8)
    height = np.zeros(count)
    v, u = np.nonzero(tops)
    np.maximum.at(height, np.asarray(patches, np.int32)[v, u], centre[v, u])
    places = np.asarray(middles, np.float64)[1:, ::-1]
    return _Stems(places=places, height=np.clip(height[1:], 0.0, 1.0))


def _nearest(maps: PlantMaps, stems: _Stems) -> tuple[NDArray[np.int32], BoolArray]:
    """Return the stem nearest to where each cell's offset ends, and whether that is in reach."""
    shape = maps.centre.shape
    if stems.count == 0:
        return np.zeros(shape, np.int32), np.zeros(shape, bool)
    ground = np.ones(shape, np.uint8)
    v, u = np.rint(stems.places).astype(np.intp).T
    ground[v, u] = 0
    distance, owner = cv2.distanceTransformWithLabels(
        ground, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    number = np.zeros(int(owner.max()) + 1, np.int32)
    number[np.asarray(owner)[v, u]] = np.arange(1, stems.count + 1)
    rows, columns = np.indices(shape, np.float32)
    end_v = np.clip(np.rint(rows + maps.offset[0]), 0, shape[0] - 1).astype(np.intp)
    end_u = np.clip(np.rint(columns + maps.offset[1]), 0, shape[1] - 1).astype(np.intp)
    in_reach: BoolArray = np.asarray(distance)[end_v, end_u] <= maps.rule.reach_cells
    return number[np.asarray(owner)[end_v, end_u]], in_reach


def _number_patches(ids: IdArray, lonely: BoolArray, least_px: float, count: int) -> None:
    """Make plants of the patches of a mask that are large enough; number them after ``count``."""
    _, patches, stats, _ = cv2.connectedComponentsWithStats(
        lonely.astype(np.uint8), connectivity=8, ltype=cv2.CV_32S
    )
    large = np.asarray(stats)[:, cv2.CC_STAT_AREA] >= least_px
    large[0] = False
    number = np.where(large, count + np.cumsum(large), 0).astype(np.int32)
    own = number[np.asarray(patches)]
    np.copyto(ids, own, where=own > 0)


def _plants_seen(seen: Segmentation, ids: IdArray, stems: _Stems, *, by_heads: bool) -> PlantsSeen:
    """Vote on each plant's class, number those that are there from 1 and measure them."""
    v, u = np.nonzero(ids)
    there = np.bincount(ids[v, u]) > 0
    found = np.flatnonzero(there)
    index = (np.cumsum(there) - 1)[ids[v, u]]
    count = len(found)
    if count == 0:
        empty = PanopticMap(classes=np.zeros(ids.shape, np.uint8), ids=np.zeros_like(ids))
        return PlantsSeen(panoptic=empty, plants=(), by_heads=by_heads)
    area = np.bincount(index, minlength=count)
    weed, crop = (
        np.bincount(index, weights=one[v, u], minlength=count) / area / _FULL
        for one in (seen.weed_probability, seen.crop_probability)
    )
    kinds = np.where(weed > crop, np.uint8(ClassId.WEED), np.uint8(ClassId.CROP))
    if not by_heads:
        # A patch has one class, whatever rounding says of its probabilities.
        kinds[index] = seen.labels[v, u]
    numbers, classes = np.zeros_like(ids), np.zeros(ids.shape, np.uint8)
    numbers[v, u], classes[v, u] = index + 1, kinds[index]
    has_stem = found <= stems.count
    sure = np.where(has_stem, np.append(stems.height, 1.0)[np.minimum(found - 1, stems.count)], 1.0)
    if by_heads:
        sure[~has_stem] = 0.0
    centres = _centres_px(found, index, (v, u), stems, seen)
    boxes = _boxes(index, v, u, count)
    plants = tuple(
        PlantInstance(
            plant_id=i + 1,
            class_id=ClassId(int(kinds[i])),
            stem_px=(float(centres[i, 1]), float(centres[i, 0])),
            box_px=boxes[i],
            area_px=int(area[i]),
            confidence=float(sure[i] * (weed if kinds[i] == ClassId.WEED else crop)[i]),
        )
        for i in range(count)
    )
    panoptic = PanopticMap(classes=classes, ids=numbers)
    return PlantsSeen(panoptic=panoptic, plants=plants, by_heads=by_heads)


def _centres_px(
    found: NDArray[np.intp],
    index: NDArray[np.intp],
    pixels: tuple[NDArray[np.intp], NDArray[np.intp]],
    stems: _Stems,
    seen: Segmentation,
) -> Float64Array:
    """Return the plants' centres (v, u): the peak's, or the middle of the pixels."""
    area = np.bincount(index)
    centres = np.stack([np.bincount(index, weights=axis) / area for axis in pixels], axis=1)
    if stems.count and seen.plants is not None:
        cell_px = np.divide(seen.labels.shape, seen.plants.centre.shape)
        known = found <= stems.count
        centres[known] = (stems.places[found[known] - 1] + 0.5) * cell_px - 0.5
    return centres


def _boxes(
    index: NDArray[np.intp], v: NDArray[np.intp], u: NDArray[np.intp], count: int
) -> list[tuple[int, int, int, int]]:
    """Return each plant's upright box (u, v, width, height)."""
    # Sixteen bits are sorted several times faster.
    keys = index.astype(np.uint16) if count <= np.iinfo(np.uint16).max else index
    order = np.argsort(keys, kind="stable")
    starts = np.searchsorted(index[order], np.arange(count))
    top, left = (np.minimum.reduceat(axis[order], starts) for axis in (v, u))
    bottom, right = (np.maximum.reduceat(axis[order], starts) for axis in (v, u))
    return [
        (int(left[i]), int(top[i]), int(right[i] - left[i] + 1), int(bottom[i] - top[i] + 1))
        for i in range(count)
    ]
