"""Opens the sources that a training configuration names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agriseg.models.dataset import (
    LabelledImage,
    Sample,
    list_samples,
    load_labelled,
    split_samples,
)
from agriseg.models.training_config import SourceConfig

TrainingImages = list[tuple[float, Sequence[LabelledImage]]]


def load_training_images(sources: Sequence[SourceConfig], data: Path, seed: int) -> TrainingImages:
    """Load the training images of every source, with the sources' weights.

    Parameters
    ----------
    sources : sequence of SourceConfig
    data : Path
        Folder that the sources' directories lie in.
    seed : int
        For what is drawn at random while loading.

    Raises
    ------
    DatasetError
        Anything about a source's files is wrong.
    """
    training: TrainingImages = []
    for source in sources:
        inside, _ = _split(source, data)
        images = [load_labelled(sample, source.long_side_px, seed) for sample in inside]
        training.append((source.weight, images))
    return training


def list_training(sources: Sequence[SourceConfig], data: Path) -> dict[str, list[Sample]]:
    """List what the folder sources train on, by source."""
    return {source.name: _split(source, data)[0] for source in sources}


def list_held_out(sources: Sequence[SourceConfig], data: Path) -> dict[str, list[Sample]]:
    """List what the folder sources hold out, by source; sources that hold nothing out are absent.

    Raises
    ------
    DatasetError
        Anything about a source's files is wrong.
    """
    found = {source.name: _split(source, data)[1] for source in sources}
    return {name: samples for name, samples in found.items() if samples}


def _split(source: SourceConfig, data: Path) -> tuple[list[Sample], list[Sample]]:
    samples = list_samples(data / source.directory, source.name)
    return split_samples(samples, source.held_out)
