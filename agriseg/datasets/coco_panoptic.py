"""COCO panoptic: PNG files whose colours are segments, and what they mean.

Kirillov et al., "Panoptic segmentation", CVPR 2019; the format is that of
https://cocodataset.org/#format-data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from agriseg.datasets.annotated import (
    AnnotatedPicture,
    DataSource,
    Survey,
    find_annotations,
    samples_of,
)
from agriseg.datasets.classes import ClassMapping
from agriseg.datasets.coco import category_names, image_entries, read_coco
from agriseg.datasets.labels import Labels, Sample
from agriseg.errors import DatasetError
from agriseg.messages import ClassId
from agriseg.opencv import cv2

_VOID = 0

Segments = Mapping[int, tuple[str, bool]]
"""Class name of each segment, and whether it is a crowd."""


def open_coco_panoptic(source: DataSource) -> PanopticSet:
    """Open a COCO panoptic file; void pixels are ignored.

    The PNG files lie in a folder beside the file that bears its name, or in ``masks/``.

    Raises
    ------
    DatasetError
        Anything in the file is wrong.
    """
    file = find_annotations(source, (".json",), "COCO panoptic annotations (.json)")
    data = read_coco(file)
    names, images = category_names(file, data), image_entries(file, data)
    folder = _panoptic_folder(file)
    pictures = []
    for annotation in data["annotations"]:
        image = images.pop(annotation.get("image_id"), None)
        if image is None:
            raise DatasetError(
                f"{file}: an annotation of image_id {annotation.get('image_id')!r}, which is not "
                "in the file or has one already"
            )
        name = str(image["file_name"])
        pictures.append(
            PanopticPicture(
                file_name=name,
                path=folder / str(annotation.get("file_name")),
                segments=_segments(annotation, names, f"{file}: image {name!r}"),
            )
        )
    if images:
        first = next(iter(images.values()))["file_name"]
        raise DatasetError(f"{file}: image {first!r} has no annotation; every image needs one")
    return PanopticSet(source=source, file=file, pictures=tuple(pictures))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PanopticPicture:
    """A picture, its PNG file, and what the colours in it are."""

    file_name: str
    path: Path
    segments: Segments


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PanopticSet:
    """The pictures of a COCO panoptic file."""

    source: DataSource
    file: Path
    pictures: tuple[PanopticPicture, ...]

    def survey(self) -> Survey:
        """Return what it holds."""
        return Survey(
            pictures=len(self.pictures),
            names=Counter(name for p in self.pictures for name, _ in p.segments.values()),
            empty=tuple(p.file_name for p in self.pictures if not p.segments),
        )

    def samples(self) -> list[Sample]:
        """Return its pictures, ordered by name.

        Raises
        ------
        DatasetError
            A class has no meaning, or an image is missing.
        """
        mapping = self.source.mapping
        names = (name for picture in self.pictures for name, _ in picture.segments.values())
        mapping.check(names, self.file)
        pictures = [
            AnnotatedPicture(
                file_name=picture.file_name,
                is_empty=not picture.segments,
                labels=PanopticFile(
                    path=picture.path,
                    segments={
                        number: (mapping[name], is_crowd)
                        for number, (name, is_crowd) in picture.segments.items()
                    },
                    classes=mapping,
                ),
            )
            for picture in self.pictures
        ]
        return samples_of(self.source, self.file, pictures)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PanopticFile:
    """A panoptic PNG, whose colours R + 256 G + 65536 B are segments, and what they mean."""

    path: Path
    segments: Mapping[int, tuple[int, bool]]
    """Class of each segment, and whether it is a crowd."""
    classes: ClassMapping

    def read(self, shape: tuple[int, int], *, with_ids: bool) -> Labels:
        """Read the file.

        Raises
        ------
        DatasetError
            It cannot be read, has another size than ``shape`` (H, W), or holds a segment of
            which the annotations say nothing.
        """
        found = cv2.imread(str(self.path), cv2.IMREAD_UNCHANGED)
        if found is None or found.ndim != 3 or found.dtype != np.uint8:
            raise DatasetError(f"{self.path}: expected a panoptic PNG of three 8-bit channels")
        if found.shape[:2] != shape:
            raise DatasetError(
                f"{self.path}: {found.shape[1]}x{found.shape[0]}, its image is "
                f"{shape[1]}x{shape[0]}; both must have the same size"
            )
        colours = found[..., 2::-1].astype(np.int64) @ np.array([1, 256, 65536])
        numbers, index = np.unique(colours, return_inverse=True)
        unknown = sorted(set(numbers.tolist()) - set(self.segments) - {_VOID})
        if unknown:
            raise DatasetError(
                f"{self.path}: segments {unknown[:5]} are not among the annotation's segments_info"
            )
        classes = np.full(len(numbers), ClassId.IGNORE, np.uint8)
        ids = np.zeros(len(numbers), np.uint16)
        for place, number in enumerate(numbers.tolist()):
            if number != _VOID:
                class_id, is_crowd = self.segments[number]
                classes[place] = class_id
                is_plant = self.classes.has_plants(class_id) and not is_crowd
                ids[place] = place + 1 if is_plant else 0
        index = index.reshape(shape)
        return Labels(mask=classes[index], ids=ids[index] if with_ids else None)


def _panoptic_folder(file: Path) -> Path:
    for folder in (file.with_suffix(""), file.parent / "masks", file.parent.parent / file.stem):
        if folder.is_dir():
            return folder
    raise DatasetError(
        f"{file.with_suffix('')}: no such folder; the PNG files of {file.name} lie in a folder of "
        "its name, or in masks/ beside it"
    )


def _segments(annotation: dict[str, Any], names: dict[Any, str], where: str) -> Segments:
    segments: dict[int, tuple[str, bool]] = {}
    entries = annotation.get("segments_info")
    if not isinstance(entries, list):
        raise DatasetError(f"{where}: segments_info is missing; is this a panoptic file?")
    for entry in entries:
        name = names.get(entry.get("category_id"))
        if name is None or type(entry.get("id")) is not int:
            raise DatasetError(f"{where}: segment {entry!r} needs an id and a known category_id")
        segments[entry["id"]] = (name, bool(entry.get("iscrowd", 0)))
    return segments
