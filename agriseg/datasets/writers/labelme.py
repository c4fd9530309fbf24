"""Writes LabelMe: a JSON file beside each picture."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from agriseg.datasets.classes import ClassRow
from agriseg.datasets.labelme import CROWD
from agriseg.datasets.writers.files import write_json
from agriseg.datasets.writers.objects import LabelledObject, LabelledPicture
from agriseg.opencv import cv2

_VERSION = "5.5.0"
"""Of LabelMe; the first that reads masks was 5.3."""


class LabelMeWriter:
    """An object without holes is a polygon, or a group of polygons; with holes it is a mask."""

    def __init__(self, out: Path, table: Sequence[ClassRow]) -> None:  # noqa: ARG002
        self._out = out

    def image_name(self, name: str) -> str:
        """Return the place beside the JSON file."""
        return name

    def add(self, picture: LabelledPicture, objects: Sequence[LabelledObject]) -> None:
        """Write a picture's file."""
        data: dict[str, Any] = {
            "version": _VERSION,
            "flags": {},
            "shapes": [shape for one in objects for shape in _shapes(one)],
            "imagePath": PurePosixPath(picture.name).name,
            "imageData": None,
            "imageHeight": picture.height_px,
            "imageWidth": picture.width_px,
        }
        write_json(self._out / f"{picture.stem}.json", data)

    def finish(self) -> None:
        """Nothing covers all pictures."""


def _shapes(one: LabelledObject) -> list[dict[str, Any]]:
    regions = one.regions
    shapes: list[dict[str, Any]]
    common: dict[str, Any] = {
        "label": one.row.name,
        "group_id": (one.plant or None) if len(regions) > 1 or one.stem is not None else None,
        "description": "",
        "flags": {CROWD: True} if one.is_crowd else {},
    }
    if one.is_crowd or any(region.holes for region in regions):
        left, top, width, height = one.box_px
        corners = [[left, top], [left + width - 1, top + height - 1]]
        png = cv2.imencode(".png", one.mask.astype(np.uint8) * 255)[1].tobytes()
        mask = base64.b64encode(png).decode("ascii")
        shapes = [common | {"points": corners, "shape_type": "mask", "mask": mask}]
    else:
        shapes = [
            common | {"points": region.outer.tolist(), "shape_type": "polygon", "mask": None}
            for region in regions
        ]
    stem = one.stem_from_corner
    if stem is not None:
        shapes.append(common | {"points": [list(stem)], "shape_type": "point", "mask": None})
    return shapes
