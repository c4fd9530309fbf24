"""Pascal VOC's segmentation, which is also CVAT's "Segmentation mask 1.1".

Masks in ``SegmentationClass/`` and, of objects, in ``SegmentationObject/``; their colours are named
in ``labelmap.txt``, or are those of Pascal VOC. Boxes (``Annotations/``) are left out.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from agriseg.datasets.annotated import DataSource, images_folder
from agriseg.datasets.labels import IMAGE_SUFFIXES
from agriseg.datasets.masked import MaskedPicture, MaskedSet, MaskNames, find_image
from agriseg.datasets.voc_colours import (
    BACKGROUND,
    BACKGROUND_NAME,
    LABEL_MAP,
    VOC_NAMES,
    VOID,
    object_colours,
)
from agriseg.errors import DatasetError

Rgb = tuple[int, int, int]

_VOID_NAME = "ignore"


def open_voc(source: DataSource) -> MaskedSet:
    """Open a folder of Pascal VOC or of CVAT's segmentation masks.

    Raises
    ------
    DatasetError
        There are no masks, or ``labelmap.txt`` is damaged.
    """
    folder = source.directory / "SegmentationClass"
    if not folder.is_dir():
        raise DatasetError(
            f"{folder}: no such folder; expected SegmentationClass/ and perhaps SegmentationObject/"
        )
    masks = sorted(path for path in folder.rglob("*.png"))
    if not masks:
        raise DatasetError(f"{folder}: no masks; expected one .png for every image")
    if not source.images and (source.directory / "JPEGImages").is_dir():
        source = replace(source, images="JPEGImages")
    images = images_folder(source)
    pictures = []
    for path in masks:
        stem = path.relative_to(folder).with_suffix("").as_posix()
        objects = source.directory / "SegmentationObject" / f"{stem}.png"
        pictures.append(
            MaskedPicture(
                file_name=find_image(images, stem, IMAGE_SUFFIXES),
                mask_path=path,
                ids_path=objects if objects.is_file() else None,
            )
        )
    names = MaskNames(
        numbers=dict(enumerate(VOC_NAMES)),
        colours=read_label_map(source.directory / LABEL_MAP),
        unlabelled=frozenset({BACKGROUND_NAME}),
    )
    return MaskedSet(source=source, place=folder, pictures=tuple(pictures), names=names)


def read_label_map(path: Path) -> dict[Rgb, str]:
    """Read the names of colours; without a file, those of Pascal VOC.

    Each line is ``name:red,green,blue:parts:actions``; lines that begin with # are passed over.

    Raises
    ------
    DatasetError
        It cannot be read, or a line is not like that.
    """
    names: dict[Rgb, str] = {VOID: _VOID_NAME, BACKGROUND: BACKGROUND_NAME}
    if not path.is_file():
        colours = object_colours(np.arange(len(VOC_NAMES)))
        found: list[list[int]] = colours.tolist()
        return names | {(r, g, b): name for (r, g, b), name in zip(found, VOC_NAMES, strict=True)}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: cannot be read as text ({error})") from error
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.startswith("#"):
            rgb, name = _entry(line, f"{path}: line {number}")
            names[rgb] = name
    return names


def _entry(line: str, where: str) -> tuple[Rgb, str]:
    name, _, rest = line.strip().partition(":")
    try:
        red, green, blue = (int(value) for value in rest.partition(":")[0].split(","))
    except ValueError as error:
        raise DatasetError(
            f"{where} is {line!r}; expected name:red,green,blue:parts:actions"
        ) from error
    if not name or not all(0 <= value <= 255 for value in (red, green, blue)):
        raise DatasetError(f"{where} is {line!r}; expected a name and values from 0 to 255")
    return (red, green, blue), name
