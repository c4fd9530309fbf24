"""Writes COCO: instances with polygons and run lengths, and panoptic PNG files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from agriseg.datasets.classes import ClassRow
from agriseg.datasets.writers.files import write_json, write_picture
from agriseg.datasets.writers.objects import LabelledObject, LabelledPicture

_IMAGES = "images"


class CocoWriter:
    """``images/`` and ``annotations/instances_default.json``.

    Objects with holes, and plants that are not told apart, are kept as run lengths; all others as
    polygons.
    """

    def __init__(self, out: Path, table: Sequence[ClassRow]) -> None:
        self._out = out
        self._table = table
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []

    def image_name(self, name: str) -> str:
        """Return the place in ``images/``."""
        return f"{_IMAGES}/{name}"

    def add(self, picture: LabelledPicture, objects: Sequence[LabelledObject]) -> None:
        """Keep a picture's annotations."""
        number = len(self._images) + 1
        self._images.append(_image(number, picture))
        for one in objects:
            self._annotations.append(
                {
                    "id": len(self._annotations) + 1,
                    "image_id": number,
                    "category_id": one.row.number,
                    "segmentation": _segmentation(one, picture),
                    "area": one.area_px,
                    "bbox": list(one.box_px),
                    "iscrowd": int(one.is_crowd),
                }
                | ({} if one.stem is None else {"stem": list(one.stem)})
            )

    def finish(self) -> None:
        """Write the annotations."""
        categories = [
            {"id": row.number, "name": row.name, "supercategory": ""}
            for row in self._table
            if row.number
        ]
        data = _file(self._images, self._annotations, categories)
        write_json(self._out / "annotations" / "instances_default.json", data)


class CocoPanopticWriter:
    """``images/``, ``annotations/panoptic_default.json`` and a folder of that name beside it.

    Ignored ground is void.
    """

    def __init__(self, out: Path, table: Sequence[ClassRow]) -> None:
        self._folder = out / "annotations" / "panoptic_default"
        self._soil = max(row.number for row in table) + 1
        self._table = table
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []

    def image_name(self, name: str) -> str:
        """Return the place in ``images/``."""
        return f"{_IMAGES}/{name}"

    def add(self, picture: LabelledPicture, objects: Sequence[LabelledObject]) -> None:
        """Write a picture's segments."""
        segments = np.ones((picture.height_px, picture.width_px), np.int64)
        segments[picture.classes != 0] = 0
        infos = []
        if (segments == 1).any():
            infos.append(_segment(1, self._soil, _box(segments == 1), is_crowd=False))
        for number, one in enumerate((o for o in objects if o.row.number != 255), start=2):
            height, width = one.mask.shape
            left, top = one.left_px, one.top_px
            segments[top : top + height, left : left + width][one.mask] = number
            bounds = (one.area_px, *one.box_px)
            infos.append(_segment(number, one.row.number, bounds, is_crowd=one.is_crowd))
        file = f"{picture.stem}.png"
        colours = np.stack([segments >> 16, segments >> 8 & 255, segments & 255], axis=2)
        write_picture(self._folder / file, colours.astype(np.uint8))
        image = _image(len(self._images) + 1, picture)
        self._images.append(image)
        self._annotations.append(
            {"image_id": image["id"], "file_name": file, "segments_info": infos}
        )

    def finish(self) -> None:
        """Write the list of segments."""
        categories = [
            {
                "id": row.number,
                "name": row.name,
                "supercategory": "",
                "isthing": int(row.has_plants),
            }
            for row in self._table
            if row.number not in (0, 255)
        ]
        soil = next(row for row in self._table if row.number == 0)
        categories.append({"id": self._soil, "name": soil.name, "supercategory": "", "isthing": 0})
        data = _file(self._images, self._annotations, categories)
        write_json(self._folder.with_suffix(".json"), data)


def _file(
    images: list[dict[str, Any]],
    annotations: list[dict[str, Any]],
    categories: list[dict[str, Any]],
) -> dict[str, Any]:
    return {
        "info": {"description": "labels written by AgriSeg", "version": "1.0"},
        "licenses": [{"id": 0, "name": "", "url": ""}],
        "images": images,
        "annotations": annotations,
        "categories": categories,
    }


def _image(number: int, picture: LabelledPicture) -> dict[str, Any]:
    return {
        "id": number,
        "file_name": picture.name,
        "width": picture.width_px,
        "height": picture.height_px,
        "license": 0,
    }


def _segmentation(one: LabelledObject, picture: LabelledPicture) -> Any:
    regions = one.regions
    if not one.is_crowd and not any(region.holes for region in regions):
        return [region.outer.ravel().tolist() for region in regions]
    canvas = np.zeros((picture.height_px, picture.width_px), bool)
    one.place(canvas)
    runs = coco_mask.encode(np.asfortranarray(canvas.astype(np.uint8)))
    return {"size": list(runs["size"]), "counts": runs["counts"].decode("ascii")}


def _segment(
    number: int, category: int, bounds: tuple[int, int, int, int, int], *, is_crowd: bool
) -> dict[str, Any]:
    area, *box = bounds
    return {
        "id": number,
        "category_id": category,
        "area": area,
        "bbox": box,
        "iscrowd": int(is_crowd),
    }


def _box(mask: np.ndarray[Any, np.dtype[np.bool_]]) -> tuple[int, int, int, int, int]:
    """Return the area of a mask, and left, top, width and height of the box around it."""
    v, u = np.nonzero(mask)
    left, top = int(u.min()), int(v.min())
    return len(v), left, top, int(u.max()) - left + 1, int(v.max()) - top + 1
