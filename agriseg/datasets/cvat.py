"""CVAT for images 1.1: one XML file with polygons, masks, boxes and ellipses.

The format is that of https://docs.cvat.ai/docs/dataset_management/formats/format-cvat/. Polylines,
skeletons, cuboids and tags cover no ground; they are left out. A single point in the group of a
plant is its stem.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np

from agriseg.datasets.annotated import DataSource, find_annotations
from agriseg.datasets.drawn import DrawnPicture, DrawnSet
from agriseg.datasets.labels import Point
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

_VERSION = "1.1"
CROWD = "crowd"
"""Attribute of shapes that hold several plants not told apart."""


def open_cvat(source: DataSource) -> DrawnSet:
    """Open a CVAT file.

    Shapes of higher ``z_order`` cover those of lower, and of equal ones the later. Shapes of one
    ``group_id`` are one plant.

    Raises
    ------
    DatasetError
        Anything in the file is wrong.
    """
    file = find_annotations(source, (".xml",), "CVAT annotations (.xml)")
    root = _read(file)
    pictures = []
    for image in root.iter("image"):
        words = f"{file}: image {image.get('name')!r}"
        pictures.append(
            DrawnPicture(
                file=file,
                file_name=image.get("name", ""),
                size_px=(
                    int(_number(image, "width", words)),
                    int(_number(image, "height", words)),
                ),
                shapes=tuple(_shapes(image, file)),
            )
        )
    return DrawnSet(source=source, file=file, pictures=tuple(pictures))


def _read(file: Path) -> Element:
    try:
        # Expat fetches no external entities, and limits what inner ones may grow to.
        root = ElementTree.parse(file).getroot()
    except (OSError, ElementTree.ParseError) as error:
        raise DatasetError(f"{file}: cannot be read as XML ({error})") from error
    version = root.findtext("version")
    if root.tag != "annotations" or version != _VERSION:
        raise DatasetError(
            f"{file}: <{root.tag}> of version {version!r}; expected CVAT annotations of version "
            f"{_VERSION} (export as 'CVAT for images 1.1')"
        )
    if root.find("track") is not None:
        raise DatasetError(
            f"{file}: holds tracks of a video; export the task as 'CVAT for images 1.1'"
        )
    return root


def _shapes(image: Element, file: Path) -> list[Shape]:
    shapes = []
    stems: dict[tuple[str, str], Point] = {}
    for number, element in enumerate(image, start=1):
        words = f"{element.tag} {number}"
        where = f"{file}: image {image.get('name')!r}: {words}"
        group = element.get("group_id", "0")
        if element.tag == "points":
            stems |= _stem(element, group)
        read = _READERS.get(element.tag)
        if read is None:
            continue
        shapes.append(
            Shape(
                name=element.get("label", ""),
                geometry=read(element, where),
                words=words,
                z=int(_number(element, "z_order", where, "0")),
                plant="" if group in ("", "0") else group,
                is_crowd=_is_crowd(element),
                is_box=element.tag == "box",
            )
        )
    return with_stems(shapes, stems)


def _stem(element: Element, group: str) -> dict[tuple[str, str], Point]:
    """Return the stem that a single point in a plant's group is."""
    try:
        u, v = (float(number) for number in element.get("points", "").split(","))
    except ValueError:
        return {}
    return {(element.get("label", ""), group): (u, v)}


def _is_crowd(element: Element) -> bool:
    """Whether a checkbox says that several plants are meant, which are not told apart."""
    return any(
        attribute.get("name") == CROWD and attribute.text == "true"
        for attribute in element.iter("attribute")
    )


def _polygon(element: Element, where: str) -> Geometry:
    points = [pair.split(",") for pair in element.get("points", "").split(";")]
    return Outlines(rings=(outline(points, where),))  # type: ignore[arg-type]


def _mask(element: Element, where: str) -> Geometry:
    left, top, width, height = (
        int(_number(element, key, where)) for key in ("left", "top", "width", "height")
    )
    try:
        runs = [int(run) for run in element.get("rle", "").split(",")]
    except ValueError as error:
        raise DatasetError(f"{where}: rle is not a list of whole numbers ({error})") from error
    if min(runs) < 0 or sum(runs) != width * height:
        raise DatasetError(
            f"{where}: run lengths for {sum(runs)} pixels, its box has {width}x{height}"
        )
    values = np.arange(len(runs)) % 2 == 1
    bitmap = np.repeat(values, runs).reshape(height, width)
    return Patch(left_px=left, top_px=top, mask=bitmap)


def _box(element: Element, where: str) -> Geometry:
    left, top, right, bottom = (
        _number(element, key, where) for key in ("xtl", "ytl", "xbr", "ybr")
    )
    return box(left, top, right, bottom, _number(element, "rotation", where, "0"))


def _ellipse(element: Element, where: str) -> Geometry:
    u, v, ru, rv = (_number(element, key, where) for key in ("cx", "cy", "rx", "ry"))
    return ellipse((u, v), (ru, rv), _number(element, "rotation", where, "0"))


_READERS: dict[str, Callable[[Element, str], Geometry]] = {
    "polygon": _polygon,
    "mask": _mask,
    "box": _box,
    "ellipse": _ellipse,
}


def _number(element: Element, key: str, where: str, default: str | None = None) -> float:
    text = element.get(key, default)
    try:
        value = float(text if text is not None else "")
    except ValueError as error:
        raise DatasetError(f"{where}: {key} is {text!r}, expected a number") from error
    if not np.isfinite(value):
        raise DatasetError(f"{where}: {key} is {text!r}, expected a finite number")
    return value
