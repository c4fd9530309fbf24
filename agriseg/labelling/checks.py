"""What is probably wrong with labels: holes, specks, forgotten plants, numbers that cannot be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from agriseg.labelling.classes import ClassList
from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Edit, Rect
from agriseg.labelling.stored import StoredLabels
from agriseg.labelling.tools.fill import fill_hole
from agriseg.labelling.tools.regions import ERASER, BoolArray, Paint, Region, paint
from agriseg.labelling.tools.vegetation import LEVELS_PER_UNIT, Vegetation
from agriseg.messages import ClassId, UInt8Array
from agriseg.opencv import cv2

_PALE_PERCENT = 35.0
_LEAST_PLANT_SHARE = 0.001


class FindingKind(StrEnum):
    """What may be wrong."""

    HOLE = "hole"
    """Soil inside a plant: small, or green."""
    SPECK = "speck"
    """A patch too small for a plant, apart from all others."""
    UNLABELLED = "unlabelled vegetation"
    """Green ground that is labelled soil."""
    BARE_LABEL = "label without vegetation"
    """A plant label on ground that is nowhere green."""
    TWO_CLASSES = "plant of two classes"
    """One plant number on pixels of different classes."""
    UNNUMBERED = "plant without number"
    """A patch without a number, in a picture whose plants are numbered."""
    STEM_OUTSIDE = "stem without plant"
    """A stem whose plant is not there, or not near it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRules:
    """From what size on something is said; sizes are shares of the picture's area.

    Attributes
    ----------
    speck, hole : float
        Up to this size, patches are specks and enclosed soil is a hole.
    unlabelled : float
        From this size on, green ground must be labelled.
    edge_px : int
        So close to a labelled plant, green pixels are taken for its blurred edge.
    strictness : float
        Added to the threshold of green for unlabelled vegetation, at least. Where plants are
        labelled, the ground must be greener than a third of their pixels too: litter is not.
    most : int
        No more than so many findings of a kind for each picture, the largest first.
    """

    speck: float = 8e-6
    hole: float = 2e-5
    unlabelled: float = 6e-5
    edge_px: int = 4
    strictness: float = 0.04
    most: int = 200


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Finding:
    """One place where labels are probably wrong.

    Attributes
    ----------
    kind : FindingKind
    region : Region
        The pixels in question; a single one for a stem.
    words : str
        What was found, for people.
    class_id : int
        Class of the pixels.
    plant : int
        Plant in question, 0 for none.
    """

    kind: FindingKind
    region: Region
    words: str
    class_id: int = 0
    plant: int = 0


def check_labels(
    image: UInt8Array,
    labels: StoredLabels,
    classes: ClassList,
    rules: CheckRules | None = None,
    vegetation: Vegetation | None = None,
) -> tuple[Finding, ...]:
    """Look for what is probably wrong, by kind, the largest first; about 1.5 s at 4000 x 3000.

    Parameters
    ----------
    image : (H, W, 3) uint8
        BGR.
    labels : StoredLabels
        Not changed meanwhile; `StoredLabels.of` copies a document's.
    classes : ClassList
    rules : CheckRules, optional
    vegetation : Vegetation, optional
        Of the image, where it is known already.
    """
    rules = rules or CheckRules()
    green = vegetation or Vegetation.of(image)
    area = float(labels.classes.size)
    holes = list(_holes(labels, classes, green.mask(), rules.hole * area))
    clearly_green = green.mask(_strictness(labels, classes, green, rules))
    for hole in holes:
        clearly_green[hole.region.rect.window] &= ~hole.region.mask
    searches: tuple[Iterable[Finding], ...] = (
        _unlabelled(labels, clearly_green, rules, area),
        holes,
        _specks(labels, classes, rules.speck * area),
        _bare_labels(labels, classes, green.mask(-rules.strictness), rules.unlabelled * area),
        _two_classes(labels, classes),
        _unnumbered(labels, classes),
        _stems(labels),
    )
    found: list[Finding] = []
    for search in searches:
        kind = sorted(search, key=lambda finding: -finding.region.area_px)
        found += kind[: rules.most]
    return tuple(found)


def mend(document: LabelDocument, finding: Finding, what: Paint | None = None) -> Edit | None:
    """Return the edit that settles a finding; None where a person must decide, or nothing is left.

    A hole is filled with what surrounds it, a speck and a label without vegetation become soil.

    Parameters
    ----------
    document : LabelDocument
    finding : Finding
    what : Paint, optional
        Class and plant for unlabelled vegetation.
    """
    region = finding.region
    if finding.kind is FindingKind.HOLE:
        rows, columns = np.nonzero(region.mask)
        return fill_hole(document, (region.rect.u0 + columns[0], region.rect.v0 + rows[0]))
    if finding.kind in (FindingKind.SPECK, FindingKind.BARE_LABEL):
        return paint(document, region, ERASER, f"remove {finding.kind.value}")
    if finding.kind is FindingKind.UNLABELLED and what is not None:
        return paint(document, region, what, "label vegetation")
    if finding.kind is FindingKind.STEM_OUTSIDE:
        return document.edit("remove stem", Rect(0, 0, 0, 0), stems={finding.plant: None})
    return None


def _strictness(
    labels: StoredLabels, classes: ClassList, green: Vegetation, rules: CheckRules
) -> float:
    plants = green.levels[_plant_pixels(labels, classes)]
    if plants.size < _LEAST_PLANT_SHARE * green.levels.size:
        return rules.strictness
    third = (float(np.percentile(plants, _PALE_PERCENT)) - 1.0) / LEVELS_PER_UNIT - 1.0
    return max(rules.strictness, third - green.threshold)


def _unlabelled(
    labels: StoredLabels, green: BoolArray, rules: CheckRules, area: float
) -> Iterator[Finding]:
    near = cv2.dilate(
        (labels.classes != ClassId.SOIL).astype(np.uint8),
        np.ones((2 * rules.edge_px + 1,) * 2, np.uint8),
    )
    open_green = (green & (np.asarray(near) == 0)).astype(np.uint8)
    solid = np.asarray(cv2.morphologyEx(open_green, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)))
    for part in _parts(solid > 0, rules.unlabelled * area, np.inf):
        words = f"{part.area_px} px of green ground are labelled soil"
        yield Finding(kind=FindingKind.UNLABELLED, region=part, words=words)


def _holes(
    labels: StoredLabels, classes: ClassList, green: BoolArray, largest_px: float
) -> Iterator[Finding]:
    plant = _plant_pixels(labels, classes)
    height, width = plant.shape
    for part in _parts(labels.classes == ClassId.SOIL, 1, 0.2 * plant.size, connectivity=4):
        rect = part.rect
        if rect.u0 == 0 or rect.v0 == 0 or rect.u1 == width or rect.v1 == height:
            continue
        around = rect.grown(1)
        inner = np.pad(part.mask, 1)
        ring = np.asarray(cv2.dilate(inner.astype(np.uint8), np.ones((3, 3), np.uint8))) > 0
        if not plant[around.window][ring & ~inner].all():
            continue
        is_green = bool(green[rect.window][part.mask].mean() > 0.6)
        if part.area_px <= largest_px or is_green:
            what = "green" if is_green else "soil"
            words = f"a hole of {part.area_px} px, {what}, in a plant"
            yield Finding(kind=FindingKind.HOLE, region=part, words=words)


def _specks(labels: StoredLabels, classes: ClassList, largest_px: float) -> Iterator[Finding]:
    for part in _parts(_plant_pixels(labels, classes), 1, largest_px):
        class_id = int(labels.classes[part.rect.window][part.mask][0])
        words = f"a speck of {part.area_px} px, {classes[class_id].name}, apart from all plants"
        yield Finding(kind=FindingKind.SPECK, region=part, words=words, class_id=class_id)


def _bare_labels(
    labels: StoredLabels, classes: ClassList, green: BoolArray, least_px: float
) -> Iterator[Finding]:
    for part in _parts(_plant_pixels(labels, classes), least_px, np.inf):
        if green[part.rect.window][part.mask].mean() < 0.05:
            class_id = int(labels.classes[part.rect.window][part.mask][0])
            words = f"{part.area_px} px are labelled {classes[class_id].name}, nothing is green"
            yield Finding(kind=FindingKind.BARE_LABEL, region=part, words=words, class_id=class_id)


def _two_classes(labels: StoredLabels, classes: ClassList) -> Iterator[Finding]:
    numbered = labels.instances > 0
    pairs = np.unique(labels.instances[numbered].astype(np.int64) * 256 + labels.classes[numbered])
    plants, counts = np.unique(pairs // 256, return_counts=True)
    for plant in plants[counts > 1].tolist():
        names = [classes[int(pair % 256)].name for pair in pairs if pair // 256 == plant]
        region = Region.of(labels.instances == plant)
        words = f"plant {plant} is both {' and '.join(names)}"
        yield Finding(kind=FindingKind.TWO_CLASSES, region=region, words=words, plant=plant)


def _unnumbered(labels: StoredLabels, classes: ClassList) -> Iterator[Finding]:
    if not labels.instances.any():
        return
    for part in _parts(_plant_pixels(labels, classes) & (labels.instances == 0), 1, np.inf):
        class_id = int(labels.classes[part.rect.window][part.mask][0])
        words = f"{part.area_px} px of {classes[class_id].name} belong to no plant"
        yield Finding(kind=FindingKind.UNNUMBERED, region=part, words=words, class_id=class_id)


def _stems(labels: StoredLabels) -> Iterator[Finding]:
    for plant, (u, v) in labels.stems.items():
        column, row = round(u), round(v)
        rows, columns = np.nonzero(labels.instances == plant)
        spot = Region(Rect(column, row, column + 1, row + 1), np.ones((1, 1), np.bool_))
        if not rows.size:
            words = f"the stem of plant {plant} is there, the plant is not"
        elif np.hypot(columns - u, rows - v).min() > 0.5 * np.sqrt(rows.size):
            words = f"the stem of plant {plant} is far from the plant"
        else:
            continue
        yield Finding(kind=FindingKind.STEM_OUTSIDE, region=spot, words=words, plant=plant)


def _plant_pixels(labels: StoredLabels, classes: ClassList) -> BoolArray:
    meanings = classes.meanings(labels.classes)
    plant: BoolArray = (meanings == ClassId.CROP) | (meanings == ClassId.WEED)
    return plant


def _parts(
    mask: BoolArray, least_px: float, largest_px: float, *, connectivity: int = 8
) -> Iterator[Region]:
    """Yield the connected parts of a mask whose area lies between two limits."""
    count, parts, boxes, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=connectivity
    )
    labels: NDArray[np.int32] = np.asarray(parts, np.int32)
    areas = np.asarray(boxes)[:, cv2.CC_STAT_AREA]
    for part in range(1, count):
        if least_px <= areas[part] <= largest_px:
            u, v, width, height = (int(value) for value in boxes[part][:4])
            rect = Rect(u, v, u + width, v + height)
            yield Region(rect, labels[rect.window] == part)
