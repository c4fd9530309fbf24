"""Writes YOLO's segmentation: a line of text for each object, and ``data.yaml``.

The format is that of https://docs.ultralytics.com/datasets/segment/.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from agriseg.datasets.classes import ClassRow
from agriseg.datasets.polygons import one_ring
from agriseg.datasets.writers.files import write_text
from agriseg.datasets.writers.objects import LabelledObject, LabelledPicture


class YoloWriter:
    """``images/train/``, ``labels/train/`` and ``data.yaml``.

    The format knows one outline for each object: holes and further parts are joined to it by ways
    of no width.
    """

    def __init__(self, out: Path, table: Sequence[ClassRow]) -> None:
        self._out = out
        self._rows = [row for row in table if row.number]
        self._places = {row.number: place for place, row in enumerate(self._rows)}

    def image_name(self, name: str) -> str:
        """Return the place in ``images/train/``."""
        return f"images/train/{name}"

    def add(self, picture: LabelledPicture, objects: Sequence[LabelledObject]) -> None:
        """Write a picture's lines."""
        size = (picture.width_px, picture.height_px)
        lines = []
        for one in objects:
            ring = one_ring([ring for region in one.regions for ring in region.rings]) / size
            points = " ".join(f"{value:.7g}" for value in ring.ravel().tolist())
            lines.append(f"{self._places[one.row.number]} {points}\n")
        write_text(self._out / "labels" / "train" / f"{picture.stem}.txt", "".join(lines))

    def finish(self) -> None:
        """Write the names of the classes."""
        names = [
            f"  {place}: {json.dumps(row.name, ensure_ascii=False)}\n"
            for place, row in enumerate(self._rows)
        ]
        text = "path: .\ntrain: images/train\nval: images/train\nnames:\n" + "".join(names)
        write_text(self._out / "data.yaml", text)
