"""Reads a set of one picture with the formats' own tools, and writes what they see.

Run by the tests with an interpreter that has datumaro and supervision (``make format-tools``); it
imports nothing of AgriSeg. Arguments: the tool's name for the format, the folder, a ``.npz`` file
to write, and perhaps a folder into which datumaro writes the set again.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np


def see(form: str, folder: Path, again: str) -> tuple[list[Any], list[str], tuple[int, int]]:
    """Return (class name, group, mask) of everything, the classes, and the picture's size."""
    if form == "yolo":
        return _supervision(folder)
    import datumaro

    found = datumaro.Dataset.import_from(str(folder), form)
    (item,) = list(found)
    names = [label.name for label in found.categories()[datumaro.AnnotationType.label].items]
    height, width = item.media.size
    objects = []
    for number, one in enumerate(item.annotations):
        kind = one.type.name
        if kind == "polygon":
            mask = _filled([float(value) for value in one.points], height, width)
        elif kind == "mask":
            mask = np.asarray(one.image, bool)
        else:
            continue
        group = one.group if one.group else f"own {number}"
        objects.append((names[one.label], str(group), mask))
    if again:
        # As polygons datumaro would leave out the holes.
        more = {"segmentation_mode": "mask"} if form == "coco_instances" else {}
        found.export(again, form, save_media=True, **more)
    return objects, names, (height, width)


def _supervision(folder: Path) -> tuple[list[Any], list[str], tuple[int, int]]:
    import supervision

    found = supervision.DetectionDataset.from_yolo(
        images_directory_path=str(folder / "images" / "train"),
        annotations_directory_path=str(folder / "labels" / "train"),
        data_yaml_path=str(folder / "data.yaml"),
        force_masks=True,
    )
    ((_, image, seen),) = list(found)
    height, width = image.shape[:2]
    objects = [
        (found.classes[number], f"own {place}", np.asarray(mask, bool))
        for place, (number, mask) in enumerate(zip(seen.class_id, seen.mask, strict=True))
    ]
    return objects, list(found.classes), (height, width)


def _filled(points: list[float], height: int, width: int) -> np.ndarray[Any, Any]:
    from pycocotools import mask as coco_mask

    runs = coco_mask.frPyObjects([points], height, width)
    return np.asarray(coco_mask.decode(runs)[..., 0], bool)


def main(form: str, folder: str, out: str, again: str = "") -> None:
    """Write the masks, and what they are as JSON."""
    objects, names, size = see(form, Path(folder), again)
    masks = np.array([mask for _, _, mask in objects], bool).reshape(-1, *size)
    words = {"names": names, "objects": [[name, group] for name, group, _ in objects]}
    np.savez(out, masks=masks, words=np.array(json.dumps(words)))


if __name__ == "__main__":
    main(*sys.argv[1:])
