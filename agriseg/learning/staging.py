"""The pictures of a job, put into its folder: labels changed later do not change what it learns."""

from __future__ import annotations

import contextlib
import fnmatch
import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from agriseg.datasets.grouping import GROUPS_NAME
from agriseg.datasets.labels import Sample, read_image
from agriseg.errors import LearningError
from agriseg.learning.room import free_room, needed_room
from agriseg.learning.spec import DataChoice, JobSpec, Role
from agriseg.models.training_sources import list_source
from agriseg.opencv import cv2
from agriseg.registry.durable import write_durably
from agriseg.registry.provenance import samples_sha256

DATA_NAME = "data"
STAGED_NAME = "staged.json"
_EVERY_HELD_OUT = 4

Tell = Callable[[str, float], None]
"""Told what is done and the share of it, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedSet:
    """One set of pictures as it lies in the job's folder.

    Attributes
    ----------
    name : str
    role : str
    trained, held_out : int
        Pictures.
    held_out_groups : tuple of str
    sha256 : str
        Of pictures and labels.
    directory : str
        Where it came from.
    licence, attribution : str
    """

    name: str
    role: Role
    trained: int
    held_out: int
    held_out_groups: tuple[str, ...]
    sha256: str
    directory: str
    licence: str
    attribution: str


def stage(job: Path, spec: JobSpec, tell: Tell) -> tuple[StagedSet, ...]:
    """Put the job's pictures and labels into its folder; return what is there.

    Pictures are linked where the disk allows it, labels become masks. A job that was staged
    before is left as it is.

    Raises
    ------
    LearningError
        The disk has not the room, or a set has no labelled pictures.
    DatasetError
        Anything about a set's files is wrong.
    """
    done = read_staged(job)
    if done is not None:
        return done
    target, partial = job / DATA_NAME, job / f"{DATA_NAME}.part"
    shutil.rmtree(partial, ignore_errors=True)
    chosen = [(choice, _chosen(choice)) for choice in spec.data]
    total = sum(len(samples) for _, samples in chosen)
    _check_room(job, [sample for _, samples in chosen for sample in samples])
    staged, count = [], 0
    for choice, samples in chosen:
        folder = partial / choice.source.name
        for sample in samples:
            _put(sample, folder)
            count += 1
            tell("pictures are put together", count / total)
        groups = {sample.stem.replace("/", "__"): sample.group for sample in samples}
        (folder / GROUPS_NAME).write_text(json.dumps(groups), encoding="utf-8")
        staged.append(_described(choice, samples))
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)
    _write_staged(job, staged)
    return tuple(staged)


def read_staged(job: Path) -> tuple[StagedSet, ...] | None:
    """Return what was staged; None when that is not done."""
    try:
        data = json.loads((job / STAGED_NAME).read_text(encoding="utf-8"))
        return tuple(
            StagedSet(**{**one, "held_out_groups": tuple(one["held_out_groups"])}) for one in data
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _chosen(choice: DataChoice) -> list[Sample]:
    """Return the samples of a set, a spread of them where it has more than wanted."""
    samples = list_source(choice.source, Path())
    if not samples:
        raise LearningError(f"{choice.source.directory}: no labelled pictures")
    most = choice.most_images
    if not most or len(samples) <= most:
        return samples
    return [samples[round(place * (len(samples) - 1) / max(1, most - 1))] for place in range(most)]


def _described(choice: DataChoice, samples: Sequence[Sample]) -> StagedSet:
    source = choice.source
    groups = _held_out_groups(choice, samples)
    held_out = sum(sample.group in groups for sample in samples)
    return StagedSet(
        name=source.name,
        role=choice.role,
        trained=0 if choice.role == "protected" else len(samples) - held_out,
        held_out=held_out,
        held_out_groups=groups,
        sha256=samples_sha256(samples),
        directory=source.directory,
        licence=source.licence,
        attribution=source.attribution,
    )


def _held_out_groups(choice: DataChoice, samples: Sequence[Sample]) -> tuple[str, ...]:
    """Return the groups that are not learned from.

    Those that the source names; of new pictures otherwise every fourth group, so that there is
    something to judge by. A single group is learned from whole.
    """
    groups = sorted({sample.group for sample in samples})
    if choice.role == "protected":
        return tuple(groups)
    patterns = choice.source.held_out
    if patterns:
        return tuple(g for g in groups if any(fnmatch.fnmatch(g, p) for p in patterns))
    if choice.role == "replay" or len(groups) < 2:
        return ()
    return tuple(groups[_EVERY_HELD_OUT // 2 :: _EVERY_HELD_OUT])


def _put(sample: Sample, folder: Path) -> None:
    """Link or copy a picture, and write its mask."""
    stem = sample.stem.replace("/", "__")
    image = folder / "images" / f"{stem}{sample.image_path.suffix.lower()}"
    mask = folder / "masks" / f"{stem}.png"
    try:
        for path in (image, mask):
            path.parent.mkdir(parents=True, exist_ok=True)
        _link(sample.image_path, image)
        shape = read_image(sample.image_path).shape
        labels = sample.labels.read((shape[0], shape[1]), with_ids=False)
        mask.write_bytes(cv2.imencode(".png", labels.mask)[1].tobytes())
    except OSError as error:
        raise LearningError(f"{folder}: cannot be written ({error.strerror})") from error


def _link(source: Path, target: Path) -> None:
    """Link a file; copy it where it lies on another disk or may not be linked."""
    with contextlib.suppress(OSError):
        os.link(source.resolve(), target)
        return
    shutil.copyfile(source, target)


def _check_room(job: Path, samples: Sequence[Sample]) -> None:
    pictures = sum(sample.image_path.stat().st_size for sample in samples)
    free, needed = free_room(job), needed_room(pictures)
    if free < needed:
        raise LearningError(
            f"{job}: {free / 1e6:.0f} MB are free, learning needs {needed / 1e6:.0f} MB; free some "
            "space, or delete old jobs with `agriseg learn delete`"
        )


def _write_staged(job: Path, staged: Sequence[StagedSet]) -> None:
    text = json.dumps([asdict(one) for one in staged], indent=2)
    write_durably(job / STAGED_NAME, text.encode())
