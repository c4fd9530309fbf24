"""All scores of one image, of a group, of a data set: they add up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from agriseg.evaluation.labelled import LabelledFile, LabelledPicture
from agriseg.evaluation.plants import PlantRule, PlantScores
from agriseg.messages import Frame, Segmentation
from agriseg.ports import Segmenter
from agriseg.segmentation.boundaries import BoundaryScores
from agriseg.segmentation.metrics import PixelScores
from agriseg.segmentation.panoptic import PanopticMap, PanopticScores
from agriseg.segmentation.plant_grouping import tell_plants_apart
from agriseg.segmentation.reliability import Reliability

DEFAULT_BOUNDARY_PX = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """How images are judged: the sprayer's rule, and the tolerance of outlines in pixels."""

    rule: PlantRule
    boundary_px: float = DEFAULT_BOUNDARY_PX


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scores:
    """Every score of one or more images.

    Attributes
    ----------
    images : int
    with_ids : int
        Images whose plants are told apart by the data set's own ids.
    with_heads : int
        Images whose plants the model tells apart itself.
    pixels, boundary, reliability, plants, panoptic, patches
        Kept as counts, so that scores of images add up to those of a group or data set.
        ``panoptic`` scores the plants as the model tells them apart, ``patches`` the connected
        patches of the same labels; they are one for models without plant heads.
    """

    images: int
    with_ids: int
    with_heads: int
    pixels: PixelScores
    boundary: BoundaryScores
    reliability: Reliability
    plants: PlantScores
    panoptic: PanopticScores
    patches: PanopticScores

    @classmethod
    def empty(cls) -> Scores:
        """Return scores of no image."""
        return cls(
            images=0,
            with_ids=0,
            with_heads=0,
            pixels=PixelScores.empty(),
            boundary=BoundaryScores.empty(),
            reliability=Reliability.empty(),
            plants=PlantScores.empty(),
            panoptic=PanopticScores.empty(),
            patches=PanopticScores.empty(),
        )

    @classmethod
    def of(cls, seen: Segmentation, picture: LabelledPicture, judgement: Judgement) -> Scores:
        """Score one image."""
        truth = picture.truth
        patches = PanopticScores.of(PanopticMap.of_components(seen.labels), picture.plants)
        panoptic = patches
        if seen.plants is not None:
            panoptic = PanopticScores.of(tell_plants_apart(seen).panoptic, picture.plants)
        return cls(
            images=1,
            with_ids=int(picture.has_ids),
            with_heads=int(seen.plants is not None),
            pixels=PixelScores.of(seen.labels, truth),
            boundary=BoundaryScores.of(seen.labels, truth, judgement.boundary_px),
            reliability=Reliability.of(seen, truth),
            plants=PlantScores.of(seen, truth, picture.plants.ids, judgement.rule),
            panoptic=panoptic,
            patches=patches,
        )

    def __add__(self, other: Scores) -> Scores:
        return Scores(
            images=self.images + other.images,
            with_ids=self.with_ids + other.with_ids,
            with_heads=self.with_heads + other.with_heads,
            pixels=self.pixels + other.pixels,
            boundary=self.boundary + other.boundary,
            reliability=self.reliability + other.reliability,
            plants=self.plants + other.plants,
            panoptic=self.panoptic + other.panoptic,
            patches=self.patches + other.patches,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoredImage:
    """One image of a data set, and its scores."""

    file: LabelledFile
    scores: Scores


def score_images(
    segmenter: Segmenter, files: Iterable[LabelledFile], judgement: Judgement
) -> list[ScoredImage]:
    """Score every image by itself.

    Raises
    ------
    DatasetError
        An image cannot be read.
    """
    scored = []
    for number, file in enumerate(files):
        picture = file.load()
        frame = Frame(frame_id=number, t_capture_s=0.0, image=picture.image, name=file.name)
        scores = Scores.of(segmenter.segment(frame), picture, judgement)
        scored.append(ScoredImage(file=file, scores=scores))
    return scored


def total(scored: Iterable[ScoredImage]) -> Scores:
    """Return the scores of all images together."""
    return sum((image.scores for image in scored), Scores.empty())


def by_source(scored: Iterable[ScoredImage]) -> dict[str, list[ScoredImage]]:
    """Sort images by their source, in the order met."""
    sources: dict[str, list[ScoredImage]] = {}
    for image in scored:
        sources.setdefault(image.file.source, []).append(image)
    return sources
