"""COCO instances: polygons or run lengths.

Lin et al., "Microsoft COCO: common objects in context", ECCV 2014; the formats are those of
https://cocodataset.org/#format-data.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pycocotools import mask as coco_mask

from agriseg.datasets.annotated import DataSource, find_annotations
from agriseg.datasets.drawn import DrawnPicture, DrawnSet
from agriseg.datasets.labels import Point
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


def open_coco(source: DataSource) -> DrawnSet:
    """Open a COCO instances file.

    Later annotations cover earlier ones. Crowds count as their class, and as no plant.

    Raises
    ------
    DatasetError
        Anything in the file is wrong.
    """
    file = find_annotations(source, (".json",), "COCO annotations (.json)")
    data = read_coco(file)
    names, images = category_names(file, data), image_entries(file, data)
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
                stem=_stem(annotation.get("stem"), f"{file}: {words}"),
            )
        )
    pictures = [
        DrawnPicture(
            file=file,
            file_name=str(image["file_name"]),
            size_px=(image["width"], image["height"]),
            shapes=tuple(shapes[key]),
        )
        for key, image in images.items()
    ]
    return DrawnSet(source=source, file=file, pictures=tuple(pictures))


def read_coco(file: Path) -> dict[str, Any]:
    """Read a COCO file of either kind and check its outline.

    Raises
    ------
    DatasetError
        It cannot be read, or lacks a list.
    """
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


def category_names(file: Path, data: dict[str, Any]) -> dict[Any, str]:
    """Return the names of the categories by id.

    Raises
    ------
    DatasetError
        One has no name.
    """
    names = {one.get("id"): one.get("name") for one in data["categories"]}
    if not all(isinstance(name, str) for name in names.values()):
        raise DatasetError(f"{file}: every category needs an id and a name")
    return names


def image_entries(file: Path, data: dict[str, Any]) -> dict[Any, dict[str, Any]]:
    """Return the images by id.

    Raises
    ------
    DatasetError
        One lacks its name or size, or two have one id.
    """
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


def _stem(value: Any, words: str) -> Point | None:
    """Return where a plant leaves the ground, which AgriSeg adds to annotations."""
    if value is None:
        return None
    try:
        u, v = (float(number) for number in value)
    except (TypeError, ValueError) as error:
        raise DatasetError(f"{words}: stem is {value!r}, expected [u, v]") from error
    return u, v


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
