"""Held-out images while a model is trained: their classes, and how a labelling scores on them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agriseg.errors import DatasetError
from agriseg.evaluation.pages import write_whole
from agriseg.messages import UInt8Array
from agriseg.models.training_sources import Example, TrainingImages
from agriseg.opencv import cv2
from agriseg.segmentation.drawing import comparison
from agriseg.segmentation.metrics import CLASSES, PixelScores

if TYPE_CHECKING:
    from agriseg.models.training import LabelImage, Validate

SAMPLES_NAME = "samples"
"""Folder of a training with one picture of every source, drawn anew at every validation."""


def choose_examples(
    held_out: Mapping[str, Sequence[Example]], images: int
) -> dict[str, Sequence[Example]]:
    """Return some of every source's held-out images, spread over all of them."""
    return {
        source: samples[:: max(1, len(samples) // images)][:images]
        for source, samples in held_out.items()
    }


def validator(
    held_out: Mapping[str, Sequence[Example]], images: int, directory: Path | None = None
) -> Validate:
    """Return what scores a labelling on some of the held-out images of every source.

    Parameters
    ----------
    held_out : mapping of str to sequence of Example
    images : int
        Of each source.
    directory : Path, optional
        Where one picture of every source is drawn, as ``samples/SOURCE.jpg``.
    """
    chosen = choose_examples(held_out, images)

    def validate(label: LabelImage) -> dict[str, float]:
        figures = {}
        for source, samples in chosen.items():
            scores = PixelScores.empty()
            for number, sample in enumerate(samples):
                image, truth = sample.load()
                labels = label(image)
                own = PixelScores.of(labels, truth)
                scores += own
                if directory is not None and number == 0:
                    cell = comparison(image, truth, labels, f"mean IoU {own.mean_iou:.2f}")
                    encoded = cv2.imencode(".jpg", cell)[1].tobytes()
                    write_whole(directory / SAMPLES_NAME / f"{source}.jpg", encoded)
            figures[f"{source}.miou"] = scores.mean_iou
            for class_id in CLASSES:
                figures[f"{source}.{class_id.name.lower()}"] = float(scores.iou[class_id])
        return figures

    return validate


def check_classes(
    training: TrainingImages,
    held_out: Mapping[str, Sequence[Example]],
    images: int,
    missing: Collection[str] = (),
) -> None:
    """Refuse data in which a class does not occur: it could not be learned, or not be judged.

    Parameters
    ----------
    training : TrainingImages
    held_out : mapping of str to sequence of Example
        Nothing held out at all is allowed.
    images : int
        Images of each held-out source that are looked at, as `validator` does.
    missing : collection of str
        Classes that may be missing.

    Raises
    ------
    DatasetError
        Naming the classes, the part of the data, and the key that allows it.
    """
    masks = (item.mask for _, members in training for item in members)
    _refuse(_absent(masks, missing), "training images", "cannot be learned")
    chosen = choose_examples(held_out, images)
    if chosen:
        loaded = (sample.load()[1] for samples in chosen.values() for sample in samples)
        _refuse(_absent(loaded, missing), "held-out images that are scored", "cannot be judged")


def _absent(masks: Iterable[UInt8Array], missing: Collection[str]) -> list[str]:
    wanted = {int(c): c.name.lower() for c in CLASSES if c.name.lower() not in missing}
    for mask in masks:
        for value in [value for value in wanted if (mask == value).any()]:
            del wanted[value]
        if not wanted:
            break
    return list(wanted.values())


def _refuse(absent: Sequence[str], part: str, what: str) -> None:
    if absent:
        names = " and ".join(absent)
        listed = ", ".join(f'"{name}"' for name in absent)
        raise DatasetError(
            f"no pixel of {names} in the {part}, so {names} {what}; choose other groups with "
            f"held_out, check the sources' classes, or allow it with missing_classes = [{listed}]"
        )
