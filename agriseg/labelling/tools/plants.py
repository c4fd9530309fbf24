"""Plant numbers, whole plants, and stems: split, merge, renumber, change class."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from agriseg.labelling.document import MOST_PLANTS, LabelDocument
from agriseg.labelling.edits import NOWHERE, Edit, Point, Rect
from agriseg.labelling.tools.brush import brush_region
from agriseg.labelling.tools.fill import patch_at
from agriseg.labelling.tools.regions import EMPTY, BoolArray, Paint, Region, decided
from agriseg.messages import ClassId, Float64Array
from agriseg.opencv import cv2

_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)
_CUT_RADIUS_PX = 1.0


def plant_region(document: LabelDocument, plant: int) -> Region:
    """Return the pixels of a plant; empty for 0 and for one that is not there."""
    return Region.of(document.instances == plant) if plant > 0 else EMPTY


def remove_plant(document: LabelDocument, plant: int) -> Edit | None:
    """Make soil of a plant, and take its stem away."""
    region = plant_region(document, plant)
    classes, instances = _copies(document, region.rect)
    classes[region.mask], instances[region.mask] = int(ClassId.SOIL), 0
    return document.edit(
        "remove plant",
        region.rect,
        classes=classes,
        instances=instances,
        confidence=decided(document, region.rect, region.mask),
        stems={plant: None},
    )


def set_class(document: LabelDocument, region: Region, what: Paint) -> Edit | None:
    """Give a plant (`plant_region`) or patch another class; plant numbers stay.

    Numbers go where the new class has no plants.
    """
    region = region.clipped(document.width_px, document.height_px)
    classes, instances = _copies(document, region.rect)
    classes[region.mask] = what.class_id
    gone: set[int] = set()
    if not what.counts_plants:
        gone = {int(plant) for plant in np.unique(instances[region.mask])} - {0}
        instances[region.mask] = 0
    return document.edit(
        "class",
        region.rect,
        classes=classes,
        instances=instances,
        confidence=decided(document, region.rect, region.mask),
        stems=dict.fromkeys(gone & set(document.stems)),
    )


def set_plant(document: LabelDocument, point: Point, plant: int) -> Edit | None:
    """Give the patch under ``point`` a plant number; None on soil and ignored ground."""
    region = patch_at(document, point)
    if region.rect.is_empty or _is_ground(document, point):
        return None
    _, instances = _copies(document, region.rect)
    instances[region.mask] = plant
    return document.edit("plant number", region.rect, instances=instances)


def merge(document: LabelDocument, plants: Sequence[int]) -> Edit | None:
    """Make one plant of several: the first number stays, with its stem or else the next one's.

    Raises
    ------
    ValueError
        Fewer than two numbers, or 0 among them.
    """
    if len(set(plants)) < 2 or 0 in plants:
        raise ValueError(f"merging takes two plant numbers or more, got {list(plants)}")
    kept = plants[0]
    region = Region.of(np.isin(document.instances, plants))
    _, instances = _copies(document, region.rect)
    instances[region.mask] = kept
    known = [document.stems[plant] for plant in plants if plant in document.stems]
    stems: dict[int, Point | None] = dict.fromkeys(p for p in plants if p in document.stems)
    if known:
        stems[kept] = known[0]
    return document.edit("merge plants", region.rect, instances=instances, stems=stems)


def split_along(document: LabelDocument, plant: int, line: Float64Array) -> Edit | None:
    """Cut a plant along a line that crosses it; the largest part keeps the number.

    Parameters
    ----------
    document : LabelDocument
    plant : int
    line : (N, 2) float64
        Points (u, v) px, N at least 2.

    Returns
    -------
    Edit, optional
        None where the line does not part the plant.
    """
    region = plant_region(document, plant)
    if region.rect.is_empty:
        return None
    tip = np.column_stack([line, np.full(len(line), _CUT_RADIUS_PX)])
    cut = brush_region(tip).over(region.rect)
    count, parts = cv2.connectedComponents((region.mask & ~cut).astype(np.uint8), connectivity=4)
    touching = _beside(np.asarray(parts), cut & region.mask)
    if count < 3 or len(touching) < 2:
        return None
    owner = _spread(np.asarray(parts, np.int32), region.mask)
    return _renumbered(document, "split plant", region, owner, plant, parted=touching)


def split_at(document: LabelDocument, plant: int, stems: Sequence[Point]) -> Edit | None:
    """Part a plant among stems: each pixel goes to the stem that is nearest within the plant.

    Parameters
    ----------
    document : LabelDocument
    plant : int
    stems : sequence of (u, v) px
        Two or more, on the plant; they become the stems of the new plants.
    """
    region = plant_region(document, plant)
    height, width = region.rect.height_px, region.rect.width_px
    seeds = np.zeros((height, width), np.int32)
    used: list[Point] = []
    for u, v in stems:
        column, row = round(u) - region.rect.u0, round(v) - region.rect.v0
        inside = 0 <= row < height and 0 <= column < width
        if inside and region.mask[row, column] and seeds[row, column] == 0:
            used.append((u, v))
            seeds[row, column] = len(used)
    if len(used) < 2:
        return None
    owner = _spread(seeds, region.mask)
    parted = range(1, len(used) + 1)
    return _renumbered(document, "split plant", region, owner, plant, parted=parted, stems=used)


def split_parts(document: LabelDocument, plant: int) -> Edit | None:
    """Make plants of their own of parts that do not touch; the largest keeps the number."""
    region = plant_region(document, plant)
    count, parts = cv2.connectedComponents(region.mask.view(np.uint8), connectivity=8)
    if count < 3:
        return None
    owner = np.asarray(parts, np.int32)
    return _renumbered(document, "split plant", region, owner, plant, parted=range(1, count))


def number_plants(document: LabelDocument, class_ids: Iterable[int]) -> Edit | None:
    """Number the patches of plants that have no number yet: one plant for what hangs together.

    Parameters
    ----------
    document : LabelDocument
    class_ids : iterable of int
        Classes whose pixels belong to plants.

    Raises
    ------
    ValueError
        There are more patches than numbers left.
    """
    instances = document.instances.copy()
    following = document.next_plant()
    for class_id in class_ids:
        bare = (document.classes == class_id) & (document.instances == 0)
        count, parts = cv2.connectedComponents(bare.view(np.uint8), connectivity=8)
        if following + count - 2 > MOST_PLANTS:
            raise ValueError(
                f"{count - 1} patches need a number, {MOST_PLANTS - following + 1} are left; "
                "remove specks first"
            )
        instances[bare] = (np.asarray(parts)[bare] + following - 1).astype(np.uint16)
        following += count - 1
    return document.edit("number plants", document.rect, instances=instances)


def set_stem(document: LabelDocument, plant: int, point: Point | None) -> Edit | None:
    """Place, move or, with None, remove a plant's stem.

    Raises
    ------
    ValueError
        The point lies outside the picture, or the plant is 0.
    """
    if plant <= 0:
        raise ValueError("soil has no stem; choose a plant")
    if point is not None:
        rect = Rect(round(point[0]), round(point[1]), round(point[0]) + 1, round(point[1]) + 1)
        if rect != rect.clipped(document.width_px, document.height_px):
            raise ValueError(f"a stem at {point} lies outside the picture")
    return document.edit("stem", NOWHERE, stems={plant: point})


def _copies(document: LabelDocument, rect: Rect) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    return document.classes[rect.window].copy(), document.instances[rect.window].copy()


def _is_ground(document: LabelDocument, point: Point) -> bool:
    found = int(document.classes[round(point[1]), round(point[0])])
    return found in (int(ClassId.SOIL), int(ClassId.IGNORE))


def _beside(parts: NDArray[np.integer], cut: BoolArray) -> list[int]:
    """Return the parts that touch a cut."""
    near = np.asarray(cv2.dilate(cut.view(np.uint8), np.ones((3, 3), np.uint8)), np.bool_)
    return [int(part) for part in np.unique(parts[near]) if part > 0]


def _spread(seeds: NDArray[np.int32], mask: BoolArray) -> NDArray[np.int32]:
    """Return for each pixel of ``mask`` the seed that is nearest on a way within the mask."""
    owner = seeds.astype(np.float32)
    while True:
        grown = np.asarray(cv2.dilate(owner, _CROSS), np.float32)
        fresh = mask & (owner == 0.0) & (grown > 0.0)
        if not fresh.any():
            return owner.astype(np.int32)
        owner[fresh] = grown[fresh]


def _renumbered(
    document: LabelDocument,
    name: str,
    region: Region,
    owner: NDArray[np.int32],
    plant: int,
    *,
    parted: Sequence[int],
    stems: Sequence[Point] | None = None,
) -> Edit | None:
    """Return the edit that gives parts of a plant numbers of their own; the largest keeps it.

    With ``stems``, part n has stem n - 1; without, the plant's stem goes to the part it is on.
    """
    sizes = np.bincount(owner.ravel(), minlength=max(parted) + 1)
    order = sorted(parted, key=lambda part: -sizes[part])
    following = document.next_plant()
    numbers = {part: plant if n == 0 else following + n - 1 for n, part in enumerate(order)}
    _, instances = _copies(document, region.rect)
    for part, number in numbers.items():
        instances[region.mask & (owner == part)] = number
    if stems is not None:
        places: dict[int, Point | None] = {numbers[p]: stems[p - 1] for p in parted}
    else:
        places = _stem_goes_along(document, region, owner, plant, numbers)
    return document.edit(name, region.rect, instances=instances, stems=places)


def _stem_goes_along(
    document: LabelDocument,
    region: Region,
    owner: NDArray[np.int32],
    plant: int,
    numbers: dict[int, int],
) -> dict[int, Point | None]:
    stem = document.stems.get(plant)
    if stem is None:
        return {}
    row, column = round(stem[1]) - region.rect.v0, round(stem[0]) - region.rect.u0
    inside = 0 <= row < owner.shape[0] and 0 <= column < owner.shape[1]
    number = numbers.get(int(owner[row, column]), plant) if inside else plant
    return {} if number == plant else {plant: None, number: stem}
