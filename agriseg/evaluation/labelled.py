"""Labelled images to judge by: a folder, or what a training configuration holds out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from agriseg.errors import DatasetError
from agriseg.messages import ClassId, UInt8Array
from agriseg.models.dataset import Sample, list_samples
from agriseg.models.training_config import load_training_config
from agriseg.models.training_sources import Example, list_held_out
from agriseg.opencv import cv2
from agriseg.segmentation.panoptic import IdArray, PanopticMap

_FRAMES_PER_SIMULATED_FIELD = 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelledPicture:
    """An image with its truth.

    Attributes
    ----------
    image : (H, W, 3) uint8
        BGR.
    truth : (H, W) uint8
        `ClassId` values.
    plants : PanopticMap
        The same with plants told apart: by the data set's own ids, else by connected patches.
    has_ids : bool
        Whether the ids are the data set's own.
    """

    image: UInt8Array
    truth: UInt8Array
    plants: PanopticMap
    has_ids: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelledFile:
    """Where a labelled image comes from; it is loaded when it is wanted.

    ``group`` is what belongs together (a video, a block of a field): neighbouring frames are near
    duplicates, so that only groups are independent of each other.
    """

    source: str
    group: str
    name: str
    load: Callable[[], LabelledPicture]


def list_labelled(data: Path, root: Path) -> list[LabelledFile]:
    """List the images that a command is to judge by.

    Parameters
    ----------
    data : Path
        A folder with ``images/``, ``masks/`` and perhaps ``groups.json`` and ``instances/``, or
        a training configuration (``.toml``), of which the held-out groups are taken.
    root : Path
        Folder that the configuration's sources lie in.

    Raises
    ------
    DatasetError
        It is neither, anything in it is wrong, or nothing is held out.
    ConfigError
        The configuration cannot be read.
    """
    if data.is_dir():
        return [_of_sample(sample) for sample in list_samples(data, data.resolve().name)]
    if data.suffix.lower() != ".toml":
        found = "a file" if data.exists() else "nothing there"
        raise DatasetError(
            f"{data}: {found}; expected a folder with images/ and masks/, or a training "
            "configuration (.toml)"
        )
    config = load_training_config(data)
    held_out = list_held_out(config.enabled_sources, root, config.seed)
    files = [file for name, examples in held_out.items() for file in _of_source(name, examples)]
    if not files:
        raise DatasetError(f"{data}: no source holds out any group; set held_out in one")
    return files


def _of_source(name: str, examples: Sequence[Example]) -> list[LabelledFile]:
    return [
        _of_sample(example) if isinstance(example, Sample) else _of_rendered(name, number, example)
        for number, example in enumerate(examples)
    ]


def _of_rendered(source: str, number: int, example: Example) -> LabelledFile:
    return LabelledFile(
        source=source,
        group=f"{source}/{number // _FRAMES_PER_SIMULATED_FIELD}",
        name=f"{source}/{number}",
        load=partial(_load_rendered, example),
    )


def _of_sample(sample: Sample) -> LabelledFile:
    return LabelledFile(
        source=sample.source,
        group=f"{sample.source}/{sample.group}",
        name=f"{sample.source}/{sample.stem}",
        load=partial(_load_sample, sample),
    )


def _load_rendered(example: Example) -> LabelledPicture:
    image, truth = example.load()
    plants = PanopticMap.of_components(truth)
    return LabelledPicture(image=image, truth=truth, plants=plants, has_ids=False)


def _load_sample(sample: Sample) -> LabelledPicture:
    image, truth = sample.load()
    path = sample.image_path.parent.parent / "instances" / f"{sample.stem}.png"
    has_ids = path.is_file()
    if has_ids:
        plants = PanopticMap(classes=truth, ids=_read_ids(path, truth))
    else:
        plants = PanopticMap.of_components(truth)
    return LabelledPicture(image=image, truth=truth, plants=plants, has_ids=has_ids)


def _read_ids(path: Path, truth: UInt8Array) -> IdArray:
    found = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if found is None or found.ndim != 2 or found.dtype not in (np.uint8, np.uint16):
        raise DatasetError(f"{path}: expected a single-channel map of plant ids, 8 or 16 bits")
    if found.shape != truth.shape:
        raise DatasetError(
            f"{path}: ids are {found.shape[1]}x{found.shape[0]}, the mask is "
            f"{truth.shape[1]}x{truth.shape[0]}; both must have the same size"
        )
    plant = (truth == ClassId.CROP) | (truth == ClassId.WEED)
    return np.where(plant, found, 0).astype(np.int32)
