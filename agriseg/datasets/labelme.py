"""LabelMe: one JSON file for each picture.

The format is that of https://github.com/wkentaro/labelme. Lines and line strips
cover no ground; they are left out. A point in the group of a plant is its stem.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from agriseg.datasets.annotated import DataSource, images_folder
from agriseg.datasets.drawn import DrawnPicture, DrawnSet
from agriseg.datasets.labels import IMAGE_SUFFIXES, Point
from agriseg.datasets.shapes import (
    Geometry,
    Outlines,
    Patch,
    Shape,
    box,
    ellipse,
    outline,
    with_stems,
)
from agriseg.errors import DatasetError
from agriseg.opencv import cv2

CROWD = "crowd"
"""Flag of shapes that hold several plants not told apart."""

_WITHOUT_GROUND = ("point", "points", "line", "linestrip")


def open_labelme(source: DataSource) -> DrawnSet:
    """Open a folder of LabelMe files.

    Later shapes cover earlier ones. Shapes of one ``group_id`` are one plant. Images without a
    file beside them count as images without labels.

    Raises
    ------
    DatasetError
        Anything in a file is wrong.
    """
    folder = source.directory / source.annotations
    if not folder.is_dir():
        raise DatasetError(f"{folder}: no such folder; expected LabelMe files (.json) in it")
    files = sorted(path for path in folder.rglob("*.json") if path.name != "groups.json")
    if not files:
        raise DatasetError(f"{folder}: no LabelMe files; expected one .json for every image")
    pictures = [_picture(file, folder, source) for file in files]
    found = (*pictures, *_unlabelled(source, pictures))
    return DrawnSet(source=source, file=folder, pictures=found)


def _picture(file: Path, folder: Path, source: DataSource) -> DrawnPicture:
    data = _read(file)
    shapes = []
    stems: dict[tuple[str, str], Point] = {}
    for number, entry in enumerate(data["shapes"], start=1):
        kind = entry.get("shape_type", "polygon")
        words = f"shape {number}"
        group = entry.get("group_id")
        if kind == "point":
            stems |= _stem(entry, group)
        if kind in _WITHOUT_GROUND:
            continue
        shapes.append(
            Shape(
                name=str(entry.get("label", "")),
                geometry=_geometry(entry, kind, f"{file}: {words}"),
                words=words,
                plant="" if group is None else str(group),
                is_crowd=(entry.get("flags") or {}).get(CROWD) is True,
                is_box=kind == "rectangle",
            )
        )
    return DrawnPicture(
        file=file,
        file_name=_image_name(data, file, folder, source),
        size_px=(data["imageWidth"], data["imageHeight"]),
        shapes=tuple(with_stems(shapes, stems)),
    )


def _stem(entry: dict[str, Any], group: Any) -> dict[tuple[str, str], Point]:
    """Return the stem that a point in a plant's group is."""
    try:
        ((u, v),) = entry.get("points", [])
        return {(str(entry.get("label", "")), str(group)): (float(u), float(v))}
    except (TypeError, ValueError):
        return {}


def _image_name(data: dict[str, Any], file: Path, folder: Path, source: DataSource) -> str:
    """Return the image's path below the folder of images; by the JSON file's place."""
    name = PurePosixPath(str(data.get("imagePath", "")).replace("\\", "/")).name
    if not name:
        raise DatasetError(f"{file}: imagePath is missing; nothing says which image it belongs to")
    below = file.parent.relative_to(folder)
    if (images_folder(source) / below / name).is_file():
        return (below / name).as_posix()
    return name


def _unlabelled(source: DataSource, pictures: list[DrawnPicture]) -> list[DrawnPicture]:
    """Return the images that no file is about, where a size for bare ground can be had."""
    folder = images_folder(source)
    known = {picture.file_name for picture in pictures} | {
        PurePosixPath(picture.file_name).name for picture in pictures
    }
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES):
        name = path.relative_to(folder).as_posix()
        if name in known or path.name in known:
            continue
        image = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        if image is None:
            raise DatasetError(f"{path}: cannot be read as an image")
        size_px = (image.shape[1], image.shape[0])
        found.append(DrawnPicture(file=folder, file_name=name, size_px=size_px, shapes=()))
    return found


def _read(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{file}: cannot be read as JSON ({error})") from error
    shapes = data.get("shapes") if isinstance(data, dict) else None
    if not isinstance(shapes, list) or not all(isinstance(one, dict) for one in shapes):
        raise DatasetError(f"{file}: not a LabelMe file; expected a list of objects in 'shapes'")
    for key in ("imageWidth", "imageHeight"):
        if type(data.get(key)) is not int:
            raise DatasetError(f"{file}: {key} is {data.get(key)!r}, expected a whole number")
    found: dict[str, Any] = data
    return found


def _geometry(entry: dict[str, Any], kind: str, where: str) -> Geometry:
    points = entry.get("points", [])
    if kind == "polygon":
        return Outlines(rings=(outline(points, where),))
    if kind not in ("rectangle", "circle", "mask"):
        raise DatasetError(
            f"{where}: shape_type {kind!r}; expected polygon, mask, circle or rectangle"
        )
    try:
        (u0, v0), (u1, v1) = points
        corners = (float(u0), float(v0), float(u1), float(v1))
    except (TypeError, ValueError) as error:
        raise DatasetError(f"{where}: a {kind} needs two points of u and v") from error
    if not all(map(math.isfinite, corners)):
        raise DatasetError(f"{where}: points that are no finite numbers")
    if kind == "circle":
        radius = math.hypot(corners[2] - corners[0], corners[3] - corners[1])
        return ellipse((corners[0], corners[1]), (radius, radius))
    if kind == "mask":
        return _bitmap(entry, corners, where)
    return box(*corners)


def _bitmap(entry: dict[str, Any], corners: tuple[float, ...], where: str) -> Patch:
    try:
        encoded = base64.b64decode(entry.get("mask") or "", validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise DatasetError(f"{where}: mask is not base64 ({error})") from error
    found = (
        cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_GRAYSCALE) if encoded else None
    )
    if found is None:
        raise DatasetError(f"{where}: mask holds no PNG")
    return Patch(left_px=round(corners[0]), top_px=round(corners[1]), mask=np.asarray(found) > 0)
