"""Opens the sources that a training configuration names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from agriseg.messages import UInt8Array
from agriseg.models.dataset import (
    LabelledImage,
    Sample,
    list_samples,
    load_labelled,
    prepare,
    split_samples,
)
from agriseg.models.training_config import SourceConfig
from agriseg.simulation.training_frames import random_training_frames

TrainingImages = list[tuple[float, Sequence[LabelledImage]]]

_SIMULATED_SIZE_PX = (960, 544)
_HELD_OUT_SEED_OFFSET = 1_000_003
_HELD_OUT_SHARE = 20


class Example(Protocol):
    """A held-out image with its true mask, loaded when it is wanted."""

    def load(self) -> tuple[UInt8Array, UInt8Array]:
        """Return the image ``(H, W, 3) uint8`` BGR and its mask ``(H, W) uint8``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RenderedExample:
    """A frame of the simulated field with its true mask."""

    image: UInt8Array
    mask: UInt8Array

    def load(self) -> tuple[UInt8Array, UInt8Array]:
        """Return the image and its mask."""
        return self.image, self.mask


def load_training_images(sources: Sequence[SourceConfig], data: Path, seed: int) -> TrainingImages:
    """Load or render the training images of every source, with the sources' weights.

    Parameters
    ----------
    sources : sequence of SourceConfig
    data : Path
        Folder that the sources' directories lie in.
    seed : int
        For what is drawn at random while loading, and for the simulated fields.

    Raises
    ------
    DatasetError
        Anything about a source's files is wrong.
    """
    return [(source.weight, _training_images(source, data, seed)) for source in sources]


def list_training(sources: Sequence[SourceConfig], data: Path) -> dict[str, list[Sample]]:
    """List the files that the folder sources train on, by source.

    Raises
    ------
    DatasetError
        Anything about a source's files is wrong.
    """
    return {source.name: _split(source, data)[0] for source in sources if source.kind == "folder"}


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
            frames = random_training_frames(seed + _HELD_OUT_SEED_OFFSET, count, _SIMULATED_SIZE_PX)
            found[source.name] = [RenderedExample(image=image, mask=mask) for image, mask in frames]
        else:
            found[source.name] = _split(source, data)[1]
    return {name: examples for name, examples in found.items() if examples}


def _training_images(source: SourceConfig, data: Path, seed: int) -> list[LabelledImage]:
    if source.kind == "simulation":
        frames = random_training_frames(seed, source.frames, _SIMULATED_SIZE_PX)
        return [
            prepare(f"{source.name}/{number}", image, mask, source.long_side_px, seed)
            for number, (image, mask) in enumerate(frames)
        ]
    inside, _ = _split(source, data)
    return [load_labelled(sample, source.long_side_px, seed) for sample in inside]


def _split(source: SourceConfig, data: Path) -> tuple[list[Sample], list[Sample]]:
    samples = list_samples(data / source.directory, source.name)
    return split_samples(samples, source.held_out)
