"""How far two labellers agree on the same pictures, and where they do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from agriseg.errors import LabelError
from agriseg.labelling.classes import ClassList
from agriseg.labelling.edits import Rect
from agriseg.labelling.project import LabelProject
from agriseg.labelling.stored import StoredLabels
from agriseg.labelling.tools.regions import Region
from agriseg.messages import ClassId, Float64Array
from agriseg.opencv import cv2
from agriseg.segmentation.metrics import CLASSES, PixelScores
from agriseg.segmentation.panoptic import PanopticMap, PanopticScores

_LEAST_DISPUTE = 2e-5
_EDGE_PX = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Agreement:
    """Two labellings compared; neither is the truth, and all figures are the same either way.

    Attributes
    ----------
    pixels : PixelScores
        Of soil, crop and weed; ground that either ignores is left out.
    plants : PanopticScores
        Plants of one class that overlap by more than half are the same plant. Only of pictures
        in which both labellers numbered the plants that they labelled.
    """

    pixels: PixelScores
    plants: PanopticScores

    @classmethod
    def empty(cls) -> Agreement:
        """Return the agreement on no picture."""
        return cls(pixels=PixelScores.empty(), plants=PanopticScores.empty())

    @classmethod
    def of(cls, first: StoredLabels, second: StoredLabels, classes: ClassList) -> Agreement:
        """Compare two labellings of one picture.

        Raises
        ------
        ValueError
            They have different shapes.
        """
        if first.classes.shape != second.classes.shape:
            raise ValueError(f"labels are {first.classes.shape} and {second.classes.shape}")
        one, other = classes.meanings(first.classes), classes.meanings(second.classes)
        left_out = (one == ClassId.IGNORE) | (other == ClassId.IGNORE)
        one, other = (np.where(left_out, np.uint8(ClassId.IGNORE), m) for m in (one, other))
        ids = (
            np.where(left_out, 0, labels.instances).astype(np.int32) for labels in (first, second)
        )
        maps = [PanopticMap(classes=m, ids=i) for m, i in zip((one, other), ids, strict=True)]
        called = np.where(left_out, np.uint8(ClassId.SOIL), one)
        return cls(pixels=PixelScores.of(called, other), plants=PanopticScores.of(maps[0], maps[1]))

    def __add__(self, other: Agreement) -> Agreement:
        return Agreement(pixels=self.pixels + other.pixels, plants=self.plants + other.plants)

    @property
    def iou(self) -> Float64Array:
        """Intersection over union of soil, crop and weed, ``(3,)``; NaN for one nobody used."""
        return self.pixels.iou

    @property
    def mean_iou(self) -> float:
        """Mean of `iou` over the classes that either used; NaN for none."""
        return self.pixels.mean_iou

    @property
    def kappa(self) -> float:
        """Cohen's kappa of the pixels: agreement beyond chance, 1 for full.

        Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological
        Measurement 20(1), 1960. NaN where both used one class alone.
        """
        counts = self.pixels.confusion.astype(np.float64)
        total = counts.sum()
        if total == 0.0:
            return float("nan")
        seen = np.trace(counts) / total
        chance = float((counts.sum(axis=0) * counts.sum(axis=1)).sum()) / total**2
        return float((seen - chance) / (1.0 - chance)) if chance < 1.0 else float("nan")

    @property
    def plant_counts(self) -> dict[str, tuple[int, int, int]]:
        """Per class: plants that both have, that only the first has, and only the second."""
        plants = self.plants
        return {
            class_id.name.lower(): (
                int(plants.matched[index]),
                int(plants.false[index]),
                int(plants.missed[index]),
            )
            for index, class_id in enumerate(CLASSES)
            if class_id is not ClassId.SOIL
        }


def _is_numbered(labels: StoredLabels, classes: ClassList) -> bool:
    """Whether plants have numbers, or there are none."""
    plants = (ClassId.CROP, ClassId.WEED)
    return bool(
        labels.instances.any() or not np.isin(classes.meanings(labels.classes), plants).any()
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dispute:
    """Ground that two labellers call differently.

    Attributes
    ----------
    region : Region
    first, second : ClassId
        What each calls it.
    """

    region: Region
    first: ClassId
    second: ClassId


def disputes(first: StoredLabels, second: StoredLabels, classes: ClassList) -> list[Dispute]:
    """Return where two labellings differ, the largest first.

    Lines along edges, a few pixels wide, and what is smaller than a fifty-thousandth of the
    picture are left out.
    """
    one, other = classes.meanings(first.classes), classes.meanings(second.classes)
    known = (one != ClassId.IGNORE) & (other != ClassId.IGNORE)
    found: list[Dispute] = []
    for a in CLASSES:
        for b in CLASSES:
            if a is b:
                continue
            mask = (known & (one == a) & (other == b)).astype(np.uint8)
            solid = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((_EDGE_PX, _EDGE_PX), np.uint8))
            count, parts, boxes, _ = cv2.connectedComponentsWithStats(solid, connectivity=8)
            for part in range(1, count):
                u, v, width, height, area = (int(value) for value in boxes[part])
                if area >= _LEAST_DISPUTE * mask.size:
                    rect = Rect(u, v, u + width, v + height)
                    region = Region(rect, np.asarray(parts)[rect.window] == part)
                    found.append(Dispute(region=region, first=a, second=b))
    return sorted(found, key=lambda dispute: -dispute.region.area_px)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PictureAgreement:
    """The agreement on one picture.

    Attributes
    ----------
    stem, other_stem : str
        Its names in both projects.
    agreement : Agreement
    disputes : tuple of Dispute
    """

    stem: str
    other_stem: str
    agreement: Agreement
    disputes: tuple[Dispute, ...]


def compare_projects(
    first: LabelProject,
    second: LabelProject,
    *,
    finished_only: bool = True,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[PictureAgreement, ...]:
    """Compare the pictures that two projects have in common by content, worst agreement first.

    Parameters
    ----------
    first, second : LabelProject
    finished_only : bool
        Only pictures that both hold for done or reviewed.
    on_progress : callable of (done, all), optional
        What it raises ends the comparison.

    Raises
    ------
    LabelError
        There is no such picture.
    DatasetError
        Labels cannot be read.
    """
    by_content = {entry.sha256: entry for entry in second.pictures.values()}
    pairs = [
        (entry.stem, by_content[entry.sha256].stem)
        for entry in first.pictures.values()
        if entry.sha256 in by_content
        and (
            not finished_only
            or (entry.state.is_finished and by_content[entry.sha256].state.is_finished)
        )
    ]
    if not pairs:
        which = "that both have finished " if finished_only else ""
        raise LabelError(
            f"{first.directory} and {second.directory} have no picture {which}in common; both must "
            "hold copies of the same image files"
        )
    found = []
    for number, (stem, other_stem) in enumerate(pairs, start=1):
        mine, theirs = first.labels(stem), second.labels(other_stem)
        found.append(
            PictureAgreement(
                stem=stem,
                other_stem=other_stem,
                agreement=Agreement.of(mine, theirs, first.classes),
                disputes=tuple(disputes(mine, theirs, first.classes)),
            )
        )
        if on_progress is not None:
            on_progress(number, len(pairs))
    return tuple(sorted(found, key=lambda one: one.agreement.mean_iou))
