"""Opens the sources that a training configuration names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from agriseg.datasets.annotated import DataSource
from agriseg.datasets.classes import CLASS_WORDS
from agriseg.datasets.grouping import split_samples
from agriseg.datasets.labels import Sample, read_image
from agriseg.datasets.opening import list_samples
from agriseg.errors import DatasetError
from agriseg.messages import UInt8Array
from agriseg.models.cut_paste import PlantBank, cut_plants
from agriseg.models.dataset import LabelledImage, Pasting, load_labelled, prepare
from agriseg.models.training_config import AugmentationConfig, SourceConfig, TrainingConfig
from agriseg.simulation.training_frames import random_plant_frames

TrainingImages = list[tuple[float, Sequence[LabelledImage]]]

_SIMULATED_SIZE_PX = (960, 544)
_HELD_OUT_SEED_OFFSET = 1_000_003
_HELD_OUT_SHARE = 20
_REFERENCE_IMAGES = 120


class Example(Protocol):
    """A held-out image with its true mask, loaded when it is wanted."""

    def load(self) -> tuple[UInt8Array, UInt8Array]:
        """Return the image ``(H, W, 3) uint8`` BGR and its mask ``(H, W) uint8``."""
        ...

    def load_ids(self, mask: UInt8Array) -> NDArray[np.uint16] | None:
        """Return the plants of the mask told apart, ``(H, W)``; None where nobody did."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RenderedExample:
    """A frame of the simulated field with its true mask."""

    image: UInt8Array
    mask: UInt8Array
    ids: NDArray[np.uint16]
    """Plants told apart, (H, W), from 1."""

    def load(self) -> tuple[UInt8Array, UInt8Array]:
        """Return the image and its mask."""
        return self.image, self.mask

    def load_ids(self, mask: UInt8Array) -> NDArray[np.uint16] | None:  # noqa: ARG002
        """Return the plants that were drawn."""
        return self.ids


def load_training_images(
    sources: Sequence[SourceConfig], data: Path, seed: int, *, with_ids: bool = False
) -> TrainingImages:
    """Load or render the training images of every source, with the sources' weights.

    Parameters
    ----------
    sources : sequence of SourceConfig
    data : Path
        Folder that the sources' directories lie in.
    seed : int
        For what is drawn at random while loading, and for the simulated fields.
    with_ids : bool
        Load plant ids as well, where a source has them: for networks with plant heads.

    Raises
    ------
    DatasetError
        Anything about a source's files is wrong, or ids are asked for and no source has any.
    """
    if with_ids and not any(s.instances or s.kind != "folder" for s in sources):
        raise DatasetError(
            "the network tells plants apart and no source knows its plants: give a source "
            'instances = "FOLDER" (maps of plant ids beside images/), or choose an architecture '
            "without plant heads"
        )
    return [(source.weight, _training_images(source, data, seed, with_ids)) for source in sources]


def list_training(sources: Sequence[SourceConfig], data: Path) -> dict[str, list[Sample]]:
    """List the files that sources on disk train on, by source.

    Raises
    ------
    DatasetError
        Anything about a source's files is wrong.
    """
    return {
        source.name: _split(source, data)[0] for source in sources if source.kind != "simulation"
    }


def list_held_out(
    sources: Sequence[SourceConfig], data: Path, seed: int
) -> dict[str, Sequence[Example]]:
    """List what every source holds out, by source; sources that hold nothing out are absent.

    Simulated fields of another seed than the training's stand in for a group.

    Raises
    ------
    DatasetError
        Anything about a source's files is wrong.
    """
    found: dict[str, Sequence[Example]] = {}
    for source in sources:
        if source.kind == "simulation":
            count = -(-source.frames // _HELD_OUT_SHARE)
            frames = random_plant_frames(seed + _HELD_OUT_SEED_OFFSET, count, _SIMULATED_SIZE_PX)
            found[source.name] = [
                RenderedExample(image=image, mask=mask, ids=ids) for image, mask, ids in frames
            ]
        else:
            found[source.name] = _split(source, data)[1]
    return {name: examples for name, examples in found.items() if examples}


def list_source(source: SourceConfig, data: Path) -> list[Sample]:
    """List all labelled images of a source on disk.

    Raises
    ------
    DatasetError
        Anything about its files is wrong, or it is a simulation.
    """
    if source.kind == "simulation":
        raise DatasetError(f"{source.name!r} is simulated; it has no files")
    found = DataSource(
        name=source.name,
        directory=data / source.directory,
        annotations=source.annotations,
        images=source.images,
        classes=source.classes,
        unlabelled=CLASS_WORDS[source.unlabelled],
        empty_images=source.empty_images,
        instances=source.instances,
    )
    return list_samples(found, source.kind)


def reference_images(config: TrainingConfig, data: Path) -> Iterator[UInt8Array]:
    """Yield a spread of every source's training images, as the camera sees them, BGR.

    Raises
    ------
    DatasetError
        Anything about a source's files is wrong.
    """
    for source in config.enabled_sources:
        if source.kind == "simulation":
            count = min(source.frames, _REFERENCE_IMAGES)
            frames = random_plant_frames(config.seed, count, _SIMULATED_SIZE_PX)
            yield from (image for image, _, _ in frames)
        else:
            inside, _ = _split(source, data)
            for sample in inside[:: max(1, len(inside) // _REFERENCE_IMAGES)][:_REFERENCE_IMAGES]:
                yield read_image(sample.image_path)


def plants_to_paste(
    sources: Sequence[SourceConfig], images: TrainingImages, settings: AugmentationConfig, seed: int
) -> Pasting | None:
    """Cut out the plants of every family of sources; None where nothing is to be pasted.

    Parameters
    ----------
    sources : sequence of SourceConfig
    images : TrainingImages
        Of `load_training_images`, in the order of the sources.
    settings : AugmentationConfig
    seed : int
        Chooses which plants are kept where there are many.
    """
    if settings.paste_share == 0.0:
        return None
    families: dict[str, list[LabelledImage]] = {}
    names = [source.family or source.name for source in sources]
    for name, (_, members) in zip(names, images, strict=True):
        families.setdefault(name, []).extend(members)
    banks = {
        name: PlantBank(
            [p for i in members for p in cut_plants(i.image, i.mask, i.ids, i.scale)], seed
        )
        for name, members in families.items()
    }
    return Pasting(
        banks=[banks[name] for name in names],
        share=settings.paste_share,
        most=settings.paste_plants,
    )


def _training_images(
    source: SourceConfig, data: Path, seed: int, with_ids: bool
) -> list[LabelledImage]:
    side_px = source.long_side_px
    if source.kind == "simulation":
        frames = random_plant_frames(seed, source.frames, _SIMULATED_SIZE_PX)
        return [
            prepare(f"{source.name}/{n}", image, mask, side_px, seed, ids if with_ids else None)
            for n, (image, mask, ids) in enumerate(frames)
        ]
    inside, _ = _split(source, data)
    return [load_labelled(sample, side_px, seed, with_ids=with_ids) for sample in inside]


def _split(source: SourceConfig, data: Path) -> tuple[list[Sample], list[Sample]]:
    return split_samples(list_source(source, data), source.held_out)
