"""How far a segmenter is from the float32 network: on labels, and in points of mean IoU."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from agriseg.datasets.folder import list_folder
from agriseg.datasets.labels import IMAGE_SUFFIXES, read_image
from agriseg.errors import DatasetError
from agriseg.messages import Frame, UInt8Array
from agriseg.ports import Segmenter
from agriseg.segmentation.metrics import PixelScores
from agriseg.simulation.training_frames import random_training_frames

BOUND_POINTS = 1.0
"""Points of mean IoU (hundredths) that a faster form of a model may lose."""

_SIMULATION_SEED = 808

Picture = tuple[UInt8Array, UInt8Array | None]
"""Image (H, W, 3) uint8 BGR, and its label mask where there is one."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pictures:
    """Images to compare on; ``are_labelled`` says whether every one has a mask."""

    name: str
    are_labelled: bool
    load: Sequence[Callable[[], Picture]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyLoss:
    """What a form of a model costs against float32.

    Attributes
    ----------
    images : int
    against : str
        What mean IoU is measured against: ``truth`` or ``float32 labels``.
    points : float
        Mean IoU of float32 less that of the other form, in hundredths; against float32's own
        labels, what is missing to 100.
    mean_disagreement, max_disagreement : float
        Share of pixels with another label: over all images, and of the worst image.
    """

    images: int
    against: str
    points: float
    mean_disagreement: float
    max_disagreement: float

    @property
    def is_bounded(self) -> bool:
        """Whether at most one point of mean IoU is lost."""
        return self.points <= BOUND_POINTS

    def figures(self) -> dict[str, Any]:
        """Return plain figures for JSON."""
        return {
            "images": self.images,
            "against": self.against,
            "mean_iou_loss_points": self.points,
            "bound_points": BOUND_POINTS,
            "is_bounded": self.is_bounded,
            "label_disagreement_mean": self.mean_disagreement,
            "label_disagreement_max": self.max_disagreement,
        }


def list_pictures(folder: Path) -> Pictures:
    """List images to compare on.

    Parameters
    ----------
    folder : Path
        With ``images/`` and ``masks/``, with ``images/`` alone, or images directly inside.

    Raises
    ------
    DatasetError
        There are no images, or a mask is missing.
    """
    inside = folder / "images"
    if (folder / "masks").is_dir():
        samples = list_folder(folder, folder.resolve().name)
        return Pictures(name=str(folder), are_labelled=True, load=[s.load for s in samples])
    place = inside if inside.is_dir() else folder
    if not place.is_dir():
        raise DatasetError(f"{folder}: no such folder; expected images, or images/ and masks/")
    paths = sorted(p for p in place.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES)
    if not paths:
        raise DatasetError(f"{place}: no images; expected files ending in {IMAGE_SUFFIXES}")
    loads = [partial(_load_bare, path) for path in paths]
    return Pictures(name=str(folder), are_labelled=False, load=loads)


def simulated_pictures(count: int, size_px: tuple[int, int]) -> Pictures:
    """Return frames of simulated fields, with their true labels."""
    frames = list(random_training_frames(_SIMULATION_SEED, count, size_px))
    loads = [partial(_given, (image, mask)) for image, mask in frames]
    return Pictures(name="simulated field", are_labelled=True, load=loads)


def measure_loss(
    reference: Segmenter, other: Segmenter, pictures: Iterable[Picture]
) -> AccuracyLoss:
    """Compare two segmenters' labels picture by picture.

    Parameters
    ----------
    reference : Segmenter
        The float32 network.
    other : Segmenter
    pictures : iterable of Picture
        With masks all, or none; at least one.
    """
    truths: list[bool] = []
    true_scores, other_scores = PixelScores.empty(), PixelScores.empty()
    unlike, pixels, worst = 0, 0, 0.0
    for number, (image, truth) in enumerate(pictures):
        frame = Frame(frame_id=number, t_capture_s=0.0, image=image)
        expected, found = reference.segment(frame).labels, other.segment(frame).labels
        judge = expected if truth is None else truth
        true_scores += PixelScores.of(expected, judge)
        other_scores += PixelScores.of(found, judge)
        differing = int((expected != found).sum())
        unlike, pixels = unlike + differing, pixels + expected.size
        worst = max(worst, differing / expected.size)
        truths.append(truth is not None)
    return AccuracyLoss(
        images=len(truths),
        against="truth" if all(truths) else "float32 labels",
        points=100.0 * (true_scores.mean_iou - other_scores.mean_iou),
        mean_disagreement=unlike / pixels,
        max_disagreement=worst,
    )


def _load_bare(path: Path) -> Picture:
    return read_image(path), None


def _given(picture: Picture) -> Picture:
    return picture
