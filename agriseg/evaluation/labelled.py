"""Labelled images to judge by: a folder, or what a training configuration holds out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from agriseg.datasets.folder import list_folder
from agriseg.datasets.labels import IdArray, Sample
from agriseg.errors import DatasetError
from agriseg.messages import UInt8Array
from agriseg.models.training_config import load_training_config
from agriseg.models.training_sources import Example, list_held_out
from agriseg.segmentation.panoptic import PanopticMap

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
        return [_of_sample(sample) for sample in list_folder(data, data.resolve().name)]
    if data.suffix.lower() != ".toml":
        found = "a file" if data.exists() else "nothing there"
        raise DatasetError(
            f"{data}: {found}; expected a folder with images/ and masks/, or a training "
            "configuration (.toml)"
        )
    config = load_training_config(data)
    held_out = list_held_out(config.enabled_sources, root, config.seed)
    files = labelled_files(held_out)
    if not files:
        raise DatasetError(f"{data}: no source holds out any group; set held_out in one")
    return files


def labelled_files(held_out: Mapping[str, Sequence[Example]]) -> list[LabelledFile]:
    """Return the images that sources hold out, with the groups that make them independent."""
    return [file for name, examples in held_out.items() for file in _of_source(name, examples)]


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
    return _picture(image, truth, example.load_ids(truth))


def _load_sample(sample: Sample) -> LabelledPicture:
    image, labels = sample.load_labels()
    return _picture(image, labels.mask, labels.ids)


def _picture(image: UInt8Array, truth: UInt8Array, ids: IdArray | None) -> LabelledPicture:
    if ids is None:
        plants = PanopticMap.of_components(truth)
    else:
        plants = PanopticMap(classes=truth, ids=ids.astype(np.int32))
    return LabelledPicture(image=image, truth=truth, plants=plants, has_ids=ids is not None)
