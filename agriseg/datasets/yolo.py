"""YOLO's segmentation: a text file for each picture, a line for each object.

The format is that of https://docs.ultralytics.com/datasets/segment/: the number of the class, then
u and v of an outline as shares of the picture's width and height. Lines of four numbers are boxes.
"""

from __future__ import annotations

import math
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import yaml
from PIL import Image, UnidentifiedImageError

from agriseg.datasets.annotated import DataSource, find_annotations, images_folder
from agriseg.datasets.drawn import DrawnPicture, DrawnSet
from agriseg.datasets.labels import IMAGE_SUFFIXES
from agriseg.datasets.polygons import Region
from agriseg.datasets.shapes import Geometry, Shape, box
from agriseg.errors import DatasetError

_IMAGES, _LABELS = "images", "labels"
_BOX_NUMBERS = 4


def open_yolo(source: DataSource) -> DrawnSet:
    """Open a folder with ``data.yaml``.

    The labels of ``.../images/.../NAME.jpg`` lie in ``.../labels/.../NAME.txt``; pictures without
    such a file have no labels. Later lines cover earlier ones.

    Raises
    ------
    DatasetError
        Anything in a file is wrong.
    """
    file = find_annotations(source, (".yaml", ".yml"), "YOLO's classes (.yaml)")
    names = _names(file)
    folder = images_folder(source)
    pictures = []
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES):
        labels = _labels_path(path)
        size_px = _size(path)
        pictures.append(
            DrawnPicture(
                file=labels,
                file_name=path.relative_to(folder).as_posix(),
                size_px=size_px,
                shapes=tuple(_shapes(labels, names, size_px)) if labels.is_file() else (),
            )
        )
    if not any(picture.file.is_file() for picture in pictures):
        raise DatasetError(
            f"{source.directory}: no labels; expected a .txt in a folder labels/ for every image "
            "in a folder images/ beside it"
        )
    return DrawnSet(source=source, file=file, pictures=tuple(pictures))


def _names(file: Path) -> dict[int, str]:
    try:
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DatasetError(f"{file}: cannot be read as YAML ({error})") from error
    names: Any = data.get("names") if isinstance(data, dict) else None
    entries = dict(enumerate(names)) if isinstance(names, list) else names
    if not isinstance(entries, dict) or not all(type(key) is int for key in entries):
        raise DatasetError(f"{file}: names is {names!r}; expected a list of the classes' names")
    return {key: str(name) for key, name in entries.items()}


def _labels_path(image: Path) -> Path:
    """Return the text file of an image: the last folder called images becomes labels."""
    parts = list(image.parts)
    for place in range(len(parts) - 2, -1, -1):
        if parts[place] == _IMAGES:
            parts[place] = _LABELS
            break
    return Path(*parts).with_suffix(".txt")


def _size(path: Path) -> tuple[int, int]:
    try:
        with Image.open(path) as image:
            return image.size
    except (OSError, UnidentifiedImageError) as error:
        raise DatasetError(f"{path}: cannot be read as an image ({error})") from error


def _shapes(file: Path, names: dict[int, str], size_px: tuple[int, int]) -> list[Shape]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{file}: cannot be read as text ({error})") from error
    shapes = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{file}: line {number}"
        name, values = _line(line, names, where)
        is_box = len(values) == _BOX_NUMBERS
        shapes.append(
            Shape(
                name=name,
                geometry=_geometry(values, size_px, where),
                words=f"line {number} of {PurePosixPath(file).name}",
                is_box=is_box,
            )
        )
    return shapes


def _line(line: str, names: dict[int, str], where: str) -> tuple[str, list[float]]:
    first, *rest = line.split()
    try:
        number, values = int(first), [float(value) for value in rest]
    except ValueError as error:
        raise DatasetError(f"{where}: expected numbers alone ({error})") from error
    if number not in names:
        raise DatasetError(f"{where}: class {number} is not among the names in data.yaml")
    if not all(map(math.isfinite, values)):
        raise DatasetError(f"{where}: values that are no finite numbers")
    return names[number], values


def _geometry(values: list[float], size_px: tuple[int, int], where: str) -> Geometry:
    width_px, height_px = size_px
    if len(values) == _BOX_NUMBERS:
        u, v, width, height = values
        return box(
            (u - width / 2) * width_px,
            (v - height / 2) * height_px,
            (u + width / 2) * width_px,
            (v + height / 2) * height_px,
        )
    if len(values) < 6 or len(values) % 2:
        raise DatasetError(
            f"{where}: an outline needs at least three points of u and v, found {len(values)} "
            "numbers"
        )
    return Region(outer=np.array(values).reshape(-1, 2) * size_px)
