"""COCO: instances with polygons or run lengths, and panoptic PNG files.

Lin et al., "Microsoft COCO: common objects in context", ECCV 2014; the formats are those of
https://cocodataset.org/#format-data.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from agriseg.datasets.annotated import (
    AnnotatedPicture,
    DataSource,
    find_annotations,
    samples_of,
    shaped_picture,
)
from agriseg.datasets.classes import ClassMapping
from agriseg.datasets.labels import Labels, Sample
from agriseg.datasets.shapes import (
    Geometry,
    Outlines,
    Patch,
    Shape,
    box,
    outline,
    patch_of_runs,
)
from agriseg.errors import DatasetError
from agriseg.messages import ClassId
from agriseg.opencv import cv2

_VOID = 0


def list_coco(source: DataSource) -> list[Sample]:
    """List the pictures of a COCO instances file.

    Later annotations cover earlier ones. Crowds count as their class, and as no plant.

    Raises
    ------
    DatasetError
        Anything in the file is wrong, a class has no meaning, or an image is missing.
    """
    file = find_annotations(source, (".json",), "COCO annotations (.json)")
    data = _read(file)
    names, images = _categories(file, data), _images(file, data)
    shapes: dict[Any, list[Shape]] = {key: [] for key in images}
    for annotation in data["annotations"]:
        words = f"annotation {annotation.get('id')!r}"
        image = images.get(annotation.get("image_id"))
        name = names.get(annotation.get("category_id"))
        if image is None or name is None:
            key = "image_id" if image is None else "category_id"
            raise DatasetError(f"{file}: {words}: {key} {annotation.get(key)!r} is not in the file")
        geometry, is_box = _geometry(annotation, image, f"{file}: {words}")
        shapes[image["id"]].append(
            Shape(
                name=name,
                geometry=geometry,
                words=words,
                is_crowd=bool(annotation.get("iscrowd", 0)),
                is_box=is_box,
            )
        )
    source.mapping.check((s.name for found in shapes.values() for s in found), file)
    pictures = [
        shaped_picture(source, file, str(i["file_name"]), (i["width"], i["height"]), shapes[key])
        for key, i in images.items()
    ]
    return samples_of(source, file, pictures)


def list_coco_panoptic(source: DataSource) -> list[Sample]:
    """List the pictures of a COCO panoptic file; void pixels are ignored.

    The PNG files lie in a folder beside the file that bears its name, or in ``masks/``.

    Raises
    ------
    DatasetError
        Anything in the file is wrong, a class has no meaning, or an image is missing.
    """
    file = find_annotations(source, (".json",), "COCO panoptic annotations (.json)")
    data = _read(file)
    names, images = _categories(file, data), _images(file, data)
    folder = _panoptic_folder(file)
    pictures = []
    for annotation in data["annotations"]:
        image = images.pop(annotation.get("image_id"), None)
        if image is None:
            raise DatasetError(
                f"{file}: an annotation of image_id {annotation.get('image_id')!r}, which is not "
                "in the file or has one already"
            )
        where = f"{file}: image {image['file_name']!r}"
        segments = _segments(annotation, names, where)
        source.mapping.check((name for name, _ in segments.values()), file)
        labels = PanopticFile(
            path=folder / str(annotation.get("file_name")),
            segments={
                number: (source.mapping[name], is_crowd)
                for number, (name, is_crowd) in segments.items()
            },
            classes=source.mapping,
        )
        pictures.append(
            AnnotatedPicture(
                file_name=str(image["file_name"]), is_empty=not segments, labels=labels
            )
        )
    if images:
        first = next(iter(images.values()))["file_name"]
        raise DatasetError(f"{file}: image {first!r} has no annotation; every image needs one")
    return samples_of(source, file, pictures)


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


def _read(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{file}: cannot be read as JSON ({error})") from error
    for key in ("images", "annotations", "categories"):
        entries = data.get(key) if isinstance(data, dict) else None
        if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
            raise DatasetError(f"{file}: not a COCO file; expected a list of objects in {key!r}")
    found: dict[str, Any] = data
    return found


def _categories(file: Path, data: dict[str, Any]) -> dict[Any, str]:
    names = {one.get("id"): one.get("name") for one in data["categories"]}
    if not all(isinstance(name, str) for name in names.values()):
        raise DatasetError(f"{file}: every category needs an id and a name")
    return names


def _images(file: Path, data: dict[str, Any]) -> dict[Any, dict[str, Any]]:
    images: dict[Any, dict[str, Any]] = {}
    for image in data["images"]:
        sizes = (image.get("width"), image.get("height"))
        if not isinstance(image.get("file_name"), str) or not all(type(n) is int for n in sizes):
            raise DatasetError(
                f"{file}: image {image.get('id')!r} needs file_name, width and height, found "
                f"{image.get('file_name')!r}, {sizes[0]!r} and {sizes[1]!r}"
            )
        if image.get("id") in images:
            raise DatasetError(f"{file}: two images have the id {image.get('id')!r}")
        images[image.get("id")] = image
    return images


def _geometry(
    annotation: dict[str, Any], image: dict[str, Any], words: str
) -> tuple[Geometry, bool]:
    """Return what an annotation covers, and whether that is only its box."""
    segmentation = annotation.get("segmentation")
    if isinstance(segmentation, dict):
        return _bitmap(segmentation, image, words), False
    if isinstance(segmentation, list) and segmentation:
        if not all(isinstance(ring, list) and len(ring) % 2 == 0 for ring in segmentation):
            raise DatasetError(f"{words}: segmentation is not a list of outlines [u, v, u, v, ...]")
        rings = tuple(
            outline([ring[i : i + 2] for i in range(0, len(ring), 2)], words)
            for ring in segmentation
        )
        return Outlines(rings=rings), False
    bounds = annotation.get("bbox")
    if isinstance(bounds, list) and len(bounds) == 4:
        left, top, width, height = (float(number) for number in bounds)
        return box(left, top, left + width, top + height), True
    raise DatasetError(f"{words}: neither segmentation nor bbox; nothing says where it is")


def _bitmap(segmentation: dict[str, Any], image: dict[str, Any], words: str) -> Patch:
    size, counts = segmentation.get("size"), segmentation.get("counts")
    expected = [image["height"], image["width"]]
    if size != expected:
        raise DatasetError(f"{words}: run lengths of size {size!r}, its image is {expected}")
    lengths = _unpacked(counts) if isinstance(counts, str) else counts
    if not isinstance(lengths, list) or not all(type(n) is int and n >= 0 for n in lengths):
        raise DatasetError(f"{words}: counts of run lengths are damaged, or of another form")
    if sum(lengths) != size[0] * size[1]:
        raise DatasetError(
            f"{words}: run lengths for {sum(lengths)} pixels, its image has {size[0] * size[1]}"
        )
    return patch_of_runs(coco_mask.frPyObjects({"size": size, "counts": lengths}, *size))


def _unpacked(counts: str) -> list[int]:
    """Unpack compressed run lengths: six bits a letter, each number less the one before the last.

    pycocotools unpacks them too, but without looking whether they fit the picture.
    """
    lengths: list[int] = []
    value, shift = 0, 0
    for letter in counts:
        bits = ord(letter) - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if not bits & 0x20:
            value -= (1 << shift) if bits & 0x10 else 0
            lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
            value, shift = 0, 0
    return lengths


def _panoptic_folder(file: Path) -> Path:
    for folder in (file.with_suffix(""), file.parent / "masks", file.parent.parent / file.stem):
        if folder.is_dir():
            return folder
    raise DatasetError(
        f"{file.with_suffix('')}: no such folder; the PNG files of {file.name} lie in a folder of "
        "its name, or in masks/ beside it"
    )


def _segments(
    annotation: dict[str, Any], names: dict[Any, str], where: str
) -> dict[int, tuple[str, bool]]:
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
