"""Finds out in which format a file or folder of labels is, and opens archives of them."""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from agriseg.datasets.masked import read_values
from agriseg.datasets.opening import Format
from agriseg.errors import DatasetError
from agriseg.messages import ClassId

_LEAST_FREE_BYTES = 100_000_000


def guess_format(place: Path) -> Format:
    """Return the format of a file or folder of labels.

    Raises
    ------
    DatasetError
        It is not there, or looks like none, or like several.
    """
    if not place.exists():
        raise DatasetError(f"{place}: no such file or folder; expected labels to import")
    found = _of_file(place) if place.is_file() else _of_folder(place)
    if found is None:
        raise DatasetError(
            f"{place}: no labels of a known format; name the format with --format, and the file "
            "itself where it lies deeper"
        )
    return found


@contextmanager
def unpacked(place: Path) -> Iterator[Path]:
    """Give a folder for a ``.zip`` archive, for as long as the block runs; others as they are.

    Raises
    ------
    DatasetError
        It is no archive, is damaged, or needs more room than there is.
    """
    if place.suffix.lower() != ".zip":
        yield place
        return
    with tempfile.TemporaryDirectory(prefix="agriseg-labels-") as name:
        folder = Path(name)
        try:
            with zipfile.ZipFile(place) as archive:
                needed = sum(entry.file_size for entry in archive.infolist())
                free = shutil.disk_usage(folder).free - _LEAST_FREE_BYTES
                if needed > free:
                    raise DatasetError(
                        f"{place}: unpacked it needs {needed / 1e6:,.0f} MB, {folder.parent} has "
                        f"{max(free, 0) / 1e6:,.0f} MB to spare; unpack it elsewhere and import "
                        "the folder"
                    )
                archive.extractall(folder)
        except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            raise DatasetError(f"{place}: cannot be unpacked ({error})") from error
        yield folder


def _of_folder(folder: Path) -> Format | None:
    if (folder / "SegmentationClass").is_dir():
        return "voc"
    if (folder / "masks").is_dir() and any((folder / "masks").rglob("*.png")):
        return "folder" if _is_plain(folder) else "png"
    places = (folder, folder / "annotations")
    files = [path for place in places if place.is_dir() for path in sorted(place.iterdir())]
    if any(path.suffix.lower() in (".yaml", ".yml") for path in files):
        return "yolo"
    found = {kind for path in files if (kind := _of_file(path)) is not None}
    if not found and any(folder.rglob("*.json")):
        found = {kind for path in folder.rglob("*.json") if (kind := _of_file(path)) is not None}
    if len(found) > 1:
        raise DatasetError(
            f"{folder}: holds labels of several formats, {', '.join(sorted(found))}; name the "
            "file to import"
        )
    return found.pop() if found else None


def _of_file(path: Path) -> Format | None:
    suffix = path.suffix.lower()
    if suffix == ".xml":
        return "cvat" if b"<annotations" in path.read_bytes()[:4096] else None
    if suffix in (".yaml", ".yml"):
        return "yolo"
    if suffix != ".json":
        return None
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(data, dict):
        return None
    if "shapes" in data and "imagePath" in data:
        return "labelme"
    annotations = data.get("annotations")
    if not isinstance(annotations, list) or "categories" not in data:
        return None
    first = annotations[0] if annotations else {}
    return "coco-panoptic" if isinstance(first, dict) and "segments_info" in first else "coco"


def _is_plain(folder: Path) -> bool:
    """Whether masks hold nothing but the numbers of soil, crop, weed and ignored ground."""
    if not (folder / "images").is_dir() or any(p.is_dir() for p in (folder / "masks").iterdir()):
        return False
    known = {int(class_id) for class_id in ClassId}
    return all(
        set(np.unique(read_values(path)).tolist()) <= known
        for path in sorted((folder / "masks").glob("*.png"))[:20]
    )
