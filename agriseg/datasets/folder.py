"""Data folders of this program: ``images/``, ``masks/``, ``instances/`` and ``groups.json``."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agriseg.datasets.annotated import DataSource, Survey
from agriseg.datasets.finished import finished_stems
from agriseg.datasets.grouping import read_groups
from agriseg.datasets.labels import IMAGE_SUFFIXES, IdArray, Labels, Sample
from agriseg.errors import DatasetError
from agriseg.messages import ClassId, UInt8Array
from agriseg.opencv import cv2

_KNOWN_VALUES = np.array(sorted(ClassId), dtype=np.uint8)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskFiles:
    """A mask, and a map of plant ids where there is one; both PNG."""

    mask_path: Path
    ids_path: Path | None

    def read(self, shape: tuple[int, int], *, with_ids: bool) -> Labels:
        """Read them and check them against the image's ``shape`` (H, W).

        Raises
        ------
        DatasetError
            As `read_mask`, and for ids that are no map of one channel of the mask's size.
        """
        mask = read_mask(self.mask_path, shape)
        if not with_ids or self.ids_path is None:
            return Labels(mask=mask)
        return Labels(mask=mask, ids=read_ids(self.ids_path, mask))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FolderSet:
    """A data folder."""

    source: DataSource

    def survey(self) -> Survey:
        """Read every mask and return what they hold.

        Raises
        ------
        DatasetError
            A file is missing or wrong.
        """
        found: Counter[str] = Counter()
        samples = self.samples()
        for sample in samples:
            mask = sample.load()[1]
            values = np.unique(mask[mask != ClassId.SOIL]).tolist()
            found.update(ClassId(value).name.lower() for value in values)
        return Survey(pictures=len(samples), names=found)

    def samples(self) -> list[Sample]:
        """Return its pictures; see `list_folder`.

        Raises
        ------
        DatasetError
            As `list_folder`.
        """
        source = self.source
        return list_folder(source.directory, source.name, source.instances)


def open_folder(source: DataSource) -> FolderSet:
    """Open a data folder; its files are looked at when they are wanted."""
    return FolderSet(source=source)


def list_folder(directory: Path, source: str, instances: str = "") -> list[Sample]:
    """List a data folder: ``images/``, ``masks/STEM.png`` and, where there are, ids and groups.

    Without ``groups.json`` every image is a group of its own, named by its stem. ``instances``
    names a folder beside them with a map of plant ids for every image; when it is empty, those
    in ``instances/`` are taken as far as there are any. Of a label project the pictures that are
    done or reviewed are listed.

    Raises
    ------
    DatasetError
        A folder is missing, an image has no mask, group or map of ids, or there are no images.
    """
    images = directory / "images"
    if not images.is_dir():
        raise DatasetError(f"{images}: no such folder; expected images/ and masks/ in {directory}")
    paths = sorted(p for p in images.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES)
    if not paths:
        raise DatasetError(f"{images}: no images; expected files ending in {IMAGE_SUFFIXES}")
    groups = read_groups(directory)
    samples = []
    for path in _finished(directory, paths):
        mask = directory / "masks" / f"{path.stem}.png"
        if not mask.is_file():
            raise DatasetError(f"{mask}: missing; every image needs a mask of the same name")
        samples.append(
            Sample(
                source=source,
                stem=path.stem,
                group=groups.of(path.stem),
                image_path=path,
                labels=MaskFiles(
                    mask_path=mask, ids_path=_ids_path(directory, instances, path.stem)
                ),
            )
        )
    return samples


def _finished(directory: Path, paths: list[Path]) -> list[Path]:
    stems = finished_stems(directory)
    if stems is None:
        return paths
    finished = [path for path in paths if path.stem in stems]
    if not finished:
        raise DatasetError(
            f"{directory}: none of the {len(paths)} pictures of this label project is done; "
            "label some, or set their state with `agriseg labels state`"
        )
    return finished


def read_mask(path: Path, shape: tuple[int, int]) -> UInt8Array:
    """Read a label mask and check it against its image's ``shape`` (H, W).

    Raises
    ------
    DatasetError
        It cannot be read, is no 8-bit single-channel image, is of another size, or holds values
        other than 0 soil, 1 crop, 2 weed, 255 ignore.
    """
    mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if mask is None:
        raise DatasetError(f"{path}: cannot be read as an image")
    if mask.ndim != 2 or mask.dtype != np.uint8:
        raise DatasetError(
            f"{path}: expected a single-channel 8-bit mask, found {mask.dtype} {mask.shape}"
        )
    if mask.shape != shape:
        raise DatasetError(
            f"{path}: mask is {mask.shape[1]}x{mask.shape[0]}, its image is {shape[1]}x{shape[0]}; "
            "both must have the same size"
        )
    unknown = np.setdiff1d(np.unique(mask), _KNOWN_VALUES)
    if unknown.size:
        raise DatasetError(
            f"{path}: unknown values {unknown.tolist()}; expected 0 soil, 1 crop, 2 weed, "
            "255 ignore"
        )
    return np.asarray(mask, dtype=np.uint8)


def read_ids(path: Path, mask: UInt8Array) -> IdArray:
    """Read a map of plant ids and keep those on crop and weed of its mask ``(H, W)``.

    Raises
    ------
    DatasetError
        It cannot be read, is no single-channel image of 8 or 16 bits, or is of another size.
    """
    found = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if found is None or found.ndim != 2 or found.dtype not in (np.uint8, np.uint16):
        raise DatasetError(f"{path}: expected a single-channel map of plant ids, 8 or 16 bits")
    if found.shape != mask.shape:
        raise DatasetError(
            f"{path}: ids are {found.shape[1]}x{found.shape[0]}, the mask is "
            f"{mask.shape[1]}x{mask.shape[0]}; both must have the same size"
        )
    plant = (mask == ClassId.CROP) | (mask == ClassId.WEED)
    return np.where(plant, found, 0).astype(np.uint16)


def _ids_path(directory: Path, instances: str, stem: str) -> Path | None:
    path = directory / (instances or "instances") / f"{stem}.png"
    if path.is_file():
        return path
    if instances:
        raise DatasetError(
            f"{path}: missing; every image of a source with instances = {instances!r} needs a map "
            "of plant ids of the same name"
        )
    return None
