"""What was seen, as files: label masks, plants, COCO. The formats are in ``RESULTS.md``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from agriseg.errors import ImageFileError
from agriseg.messages import ClassId, PlantInstance, Segmentation, UInt8Array
from agriseg.opencv import cv2
from agriseg.segmentation.coco_records import (
    CATEGORIES,
    PANOPTIC_CATEGORIES,
    instance_record,
    panoptic_colours,
    panoptic_segments,
)
from agriseg.segmentation.drawing import draw_labels, draw_plants
from agriseg.segmentation.plant_grouping import PlantsSeen, tell_plants_apart

Task = Literal["semantic", "instance", "panoptic"]
ResultFormat = Literal["png", "coco", "coco-panoptic"]

TASKS: tuple[Task, ...] = ("semantic", "instance", "panoptic")
FORMATS: tuple[ResultFormat, ...] = ("png", "coco", "coco-panoptic")
PANOPTIC_FACTOR = 10_000
"""Pixels of panoptic PNG files are class times this, plus the plant's id."""

_SCHEMA, _SCHEMA_VERSION = "agriseg-plants", 1
_LARGEST_ID = PANOPTIC_FACTOR - 1


class ResultWriter(Protocol):
    """Writes the results of one command; pictures as they come, lists at the end."""

    def pixel_file(self, stem: str) -> Path | None:
        """Return the PNG file that will hold an image's result; None where there is none."""
        ...

    def add(self, name: str, image: UInt8Array, seen: Segmentation) -> UInt8Array:
        """Take one image's result; return the image with it drawn over, ``(H, W, 3)`` BGR.

        Raises
        ------
        ImageFileError
            A file cannot be written, or cannot hold so many plants.
        """
        ...

    def finish(self) -> None:
        """Write what covers all images.

        Raises
        ------
        ImageFileError
            The file cannot be written.
        """
        ...


def result_writer(task: Task, result_format: ResultFormat, out: Path) -> ResultWriter:
    """Return what writes results of a task into a folder.

    Raises
    ------
    ImageFileError
        The format cannot say what the task finds.
    """
    if (task, result_format) == ("semantic", "png"):
        return _LabelMasks(out)
    if task != "semantic" and result_format == "png":
        return _PlantMasks(out, is_panoptic=task == "panoptic")
    if (task, result_format) == ("instance", "coco"):
        return _CocoInstances(out)
    if (task, result_format) == ("panoptic", "coco-panoptic"):
        return _CocoPanoptic(out)
    raise ImageFileError(
        f"--task {task} cannot be written as --format {result_format}; expected png for every "
        "task, coco for instance, coco-panoptic for panoptic"
    )


def write_png(path: Path, pixels: np.ndarray[Any, np.dtype[np.integer[Any]]]) -> None:
    """Write a picture without loss.

    Raises
    ------
    ImageFileError
        It cannot be written.
    """
    write_file(path, cv2.imencode(".png", pixels)[1].tobytes())


def write_file(path: Path, data: bytes) -> None:
    """Write a file, whole or not at all.

    Raises
    ------
    ImageFileError
        It cannot be written.
    """
    partial = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:
        raise ImageFileError(f"{path}: cannot be written ({error.strerror})") from error


class _LabelMasks:
    """One byte per pixel: the class."""

    def __init__(self, out: Path) -> None:
        self._out = out

    def pixel_file(self, stem: str) -> Path | None:
        return self._out / f"{stem}.png"

    def add(self, name: str, image: UInt8Array, seen: Segmentation) -> UInt8Array:
        write_png(self._out / f"{Path(name).stem}.png", seen.labels)
        return draw_labels(image, seen.labels)

    def finish(self) -> None:
        """Nothing covers all images."""


class _PlantMasks:
    """Sixteen bits per pixel: the plant, or class and plant; and a list of the plants."""

    def __init__(self, out: Path, *, is_panoptic: bool) -> None:
        self._out = out
        self._is_panoptic = is_panoptic
        self._segmenter = ""
        self._images: list[dict[str, Any]] = []

    def pixel_file(self, stem: str) -> Path | None:
        return self._out / f"{stem}.png"

    def add(self, name: str, image: UInt8Array, seen: Segmentation) -> UInt8Array:
        plants = tell_plants_apart(seen)
        _check_count(name, plants)
        pixels = plants.panoptic.ids.astype(np.uint16)
        if self._is_panoptic:
            pixels += plants.panoptic.classes.astype(np.uint16) * np.uint16(PANOPTIC_FACTOR)
        file = f"{Path(name).stem}.png"
        write_png(self._out / file, pixels)
        self._segmenter = seen.segmenter
        self._images.append(
            {
                "image": name,
                "file": file,
                "width": seen.labels.shape[1],
                "height": seen.labels.shape[0],
                "told_apart_by": _told_apart_by(plants),
                "plants": [_plain(plant) for plant in plants.plants],
            }
        )
        return draw_plants(image, plants)

    def finish(self) -> None:
        data = {
            "schema": _SCHEMA,
            "schema_version": _SCHEMA_VERSION,
            "segmenter": self._segmenter,
            "images": self._images,
        }
        _write_json(self._out / "plants.json", data)


class _CocoInstances:
    """COCO annotations with run lengths."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []

    def pixel_file(self, stem: str) -> Path | None:  # noqa: ARG002
        return None

    def add(self, name: str, image: UInt8Array, seen: Segmentation) -> UInt8Array:
        plants = tell_plants_apart(seen)
        number = len(self._images) + 1
        self._images.append(_coco_image(number, name, seen))
        for plant in plants.plants:
            record = instance_record(plant, plants.panoptic.ids)
            self._annotations.append(
                {"id": len(self._annotations) + 1, "image_id": number, **record}
            )
        return draw_plants(image, plants)

    def finish(self) -> None:
        data = {
            "images": self._images,
            "annotations": self._annotations,
            "categories": list(CATEGORIES),
        }
        _write_json(self._out / "instances.json", data)


class _CocoPanoptic:
    """COCO panoptic: a colour for each segment, and a list of the segments."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []

    def pixel_file(self, stem: str) -> Path | None:
        return self._out / "panoptic" / f"{stem}.png"

    def add(self, name: str, image: UInt8Array, seen: Segmentation) -> UInt8Array:
        plants = tell_plants_apart(seen)
        number = len(self._images) + 1
        file = f"{Path(name).stem}.png"
        write_png(self._out / "panoptic" / file, panoptic_colours(plants.panoptic)[..., ::-1])
        self._images.append(_coco_image(number, name, seen))
        segments = panoptic_segments(plants)
        self._annotations.append({"image_id": number, "file_name": file, "segments_info": segments})
        return draw_plants(image, plants)

    def finish(self) -> None:
        data = {
            "images": self._images,
            "annotations": self._annotations,
            "categories": list(PANOPTIC_CATEGORIES),
        }
        _write_json(self._out / "panoptic.json", data)


def _coco_image(number: int, name: str, seen: Segmentation) -> dict[str, Any]:
    height, width = seen.labels.shape
    return {"id": number, "file_name": name, "width": width, "height": height}


def _check_count(name: str, plants: PlantsSeen) -> None:
    if len(plants.plants) > _LARGEST_ID:
        raise ImageFileError(
            f"{name}: {len(plants.plants)} plants; a PNG file of plants holds {_LARGEST_ID}, use "
            "--format coco or coco-panoptic"
        )


def _told_apart_by(plants: PlantsSeen) -> str:
    return "plant heads" if plants.by_heads else "connected patches"


def _plain(plant: PlantInstance) -> dict[str, Any]:
    return {
        "id": plant.plant_id,
        "class": ClassId(plant.class_id).name.lower(),
        "stem_px": [round(value, 1) for value in plant.stem_px],
        "box_px": list(plant.box_px),
        "area_px": plant.area_px,
        "confidence": round(plant.confidence, 4),
    }


def _write_json(path: Path, data: Mapping[str, Any]) -> None:
    text = json.dumps(data, indent=1, allow_nan=False, ensure_ascii=False)
    write_file(path, (text + "\n").encode())
