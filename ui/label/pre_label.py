"""What the model makes of pictures, asked in a process of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from agriseg.datasets.labels import IdArray
from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Edit, Point
from agriseg.messages import ClassId, UInt8Array
from ui.review.process_job import Tell

if TYPE_CHECKING:
    from agriseg.messages import Segmentation


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Proposal:
    """A model's labels of one picture; arrays as in `LabelDocument`."""

    classes: UInt8Array
    instances: IdArray
    stems: dict[int, Point]
    confidence: UInt8Array


def pre_label(tell: Tell, pictures: dict[str, Path], folder: Path, bundle: Path | None) -> str:
    """Ask the model about pictures; runs in a process of its own.

    Parameters
    ----------
    tell : callable
    pictures : dict of stem to Path
    folder : Path
        Takes a file for each picture, ``STEM.npz``; `read_proposal` reads it.
    bundle : Path, optional
        The model; None for the one that comes with the program.

    Returns
    -------
    str
        Name of the model.

    Raises
    ------
    ModelError, DatasetError
        The model cannot be used, or a picture not be read.
    """
    from agriseg.datasets.labels import read_image
    from agriseg.messages import Frame
    from agriseg.models import open_segmenter

    tell("The model is being loaded", 0.0)
    segmenter = open_segmenter(bundle)
    try:
        for number, (stem, path) in enumerate(pictures.items()):
            tell("The model looks at pictures", number / len(pictures))
            frame = Frame(frame_id=number, t_capture_s=0.0, image=read_image(path), name=path.name)
            made = proposal(segmenter.segment(frame))
            np.savez(
                folder / f"{stem}.npz",
                classes=made.classes,
                instances=made.instances,
                confidence=made.confidence,
                plants=np.array(list(made.stems), np.int64),
                stems=np.array(list(made.stems.values()), np.float64).reshape(-1, 2),
            )
        tell("The model looks at pictures", 1.0)
        return segmenter.name
    finally:
        segmenter.close()


def proposal(seen: Segmentation) -> Proposal:
    """Return what a model saw as labels; confidence is the probability of each pixel's class."""
    from agriseg.segmentation.plant_grouping import tell_plants_apart

    plants = tell_plants_apart(seen)
    ids, classes = plants.panoptic.ids.astype(np.uint16), plants.panoptic.classes
    crop, weed = seen.crop_probability, seen.weed_probability
    soil = 255 - np.minimum(crop.astype(np.uint16) + weed, 255).astype(np.uint8)
    sure = np.where(classes == ClassId.CROP, crop, soil)
    sure = np.where(classes == ClassId.WEED, weed, sure).astype(np.uint8)
    known = np.unique(ids)
    return Proposal(
        classes=classes.astype(np.uint8),
        instances=ids,
        stems={
            plant.plant_id: (float(plant.stem_px[0]), float(plant.stem_px[1]))
            for plant in plants.plants
            if plant.plant_id in known
        },
        confidence=np.minimum(sure, 254),
    )


def read_proposal(folder: Path, stem: str) -> Proposal:
    """Read what `pre_label` wrote."""
    with np.load(folder / f"{stem}.npz") as data:
        stems = zip(data["plants"].tolist(), data["stems"].tolist(), strict=True)
        return Proposal(
            classes=data["classes"],
            instances=data["instances"],
            stems={int(plant): (float(u), float(v)) for plant, (u, v) in stems},
            confidence=data["confidence"],
        )


def proposed(document: LabelDocument, made: Proposal) -> Edit | None:
    """Return the edit that takes a proposal over, where no person has decided yet.

    What a person labelled before stays: with a pre-label, pixels that are sure; without one, all
    that is not soil.
    """
    if document.confidence is not None:
        kept = document.confidence == 255
    else:
        kept = document.classes != ClassId.SOIL
    offset = int(document.instances[kept].max()) if kept.any() else 0
    shifted = np.where(made.instances > 0, made.instances + np.uint16(offset), 0)
    stems = {plant + offset: point for plant, point in made.stems.items()}
    gone = {plant: None for plant in document.stems if plant not in stems and plant > offset}
    return document.edit(
        "pre-label",
        document.rect,
        classes=np.where(kept, document.classes, made.classes),
        instances=np.where(kept, document.instances, shifted).astype(np.uint16),
        confidence=np.where(kept, np.uint8(255), made.confidence),
        stems={**gone, **stems},
    )
