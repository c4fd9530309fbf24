"""Writes CVAT for images 1.1: ``annotations.xml`` and ``images/``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from agriseg.datasets.classes import ClassRow
from agriseg.datasets.cvat import CROWD
from agriseg.datasets.shapes import BoolArray
from agriseg.datasets.writers.files import write_bytes
from agriseg.datasets.writers.objects import LabelledObject, LabelledPicture
from agriseg.messages import Float64Array


class CvatWriter:
    """An object without holes is a polygon, or a group of polygons; with holes it is a mask."""

    def __init__(self, out: Path, table: Sequence[ClassRow]) -> None:
        self._out = out
        self._root = Element("annotations")
        SubElement(self._root, "version").text = "1.1"
        self._count = 0
        task = SubElement(SubElement(self._root, "meta"), "task")
        SubElement(task, "name").text = "AgriSeg"
        self._size = SubElement(task, "size")
        SubElement(task, "mode").text = "annotation"
        labels = SubElement(task, "labels")
        for row in table:
            if row.number:
                _describe(SubElement(labels, "label"), row)

    def image_name(self, name: str) -> str:
        """Return the place in ``images/``."""
        return f"images/{name}"

    def add(self, picture: LabelledPicture, objects: Sequence[LabelledObject]) -> None:
        """Keep a picture's shapes."""
        image = SubElement(
            self._root,
            "image",
            id=str(self._count),
            name=picture.name,
            width=str(picture.width_px),
            height=str(picture.height_px),
        )
        self._count += 1
        for one in objects:
            _add_object(image, one)

    def finish(self) -> None:
        """Write the file."""
        self._size.text = str(self._count)
        ElementTree.indent(self._root)
        data = ElementTree.tostring(self._root, encoding="utf-8", xml_declaration=True)
        write_bytes(self._out / "annotations.xml", data)


def _describe(label: Element, row: ClassRow) -> None:
    SubElement(label, "name").text = row.name
    SubElement(label, "color").text = "#{:02x}{:02x}{:02x}".format(*row.rgb)
    SubElement(label, "type").text = "any"
    attributes = SubElement(label, "attributes")
    if row.has_plants:
        attribute = SubElement(attributes, "attribute")
        for key, value in (
            ("name", CROWD),
            ("mutable", "False"),
            ("input_type", "checkbox"),
            ("default_value", "false"),
            ("values", "false"),
        ):
            SubElement(attribute, key).text = value


def _add_object(image: Element, one: LabelledObject) -> None:
    common = {"label": one.row.name, "source": "manual", "occluded": "0", "z_order": "0"}
    regions = one.regions
    if one.plant and (len(regions) > 1 or one.stem is not None):
        common["group_id"] = str(one.plant)
    if one.is_crowd or any(region.holes for region in regions):
        left, top, width, height = (str(number) for number in one.box_px)
        place = {"left": left, "top": top, "width": width, "height": height}
        shape = SubElement(image, "mask", common | {"rle": _runs(one.mask)} | place)
        _say_crowd(shape, one)
    else:
        for region in regions:
            shape = SubElement(image, "polygon", common | {"points": _points(region.outer)})
            _say_crowd(shape, one)
    stem = one.stem_from_corner
    if stem is not None:
        shape = SubElement(image, "points", common | {"points": f"{stem[0]:.2f},{stem[1]:.2f}"})
        _say_crowd(shape, one)


def _say_crowd(shape: Element, one: LabelledObject) -> None:
    if one.row.has_plants:
        SubElement(shape, "attribute", name=CROWD).text = "true" if one.is_crowd else "false"


def _points(ring: Float64Array) -> str:
    return ";".join(f"{u:.2f},{v:.2f}" for u, v in ring.tolist())


def _runs(mask: BoolArray) -> str:
    """Return lengths of alternate runs outside and inside, row by row, beginning outside."""
    flat = np.concatenate([[False], mask.ravel()])
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    return ", ".join(map(str, np.diff([0, *changes.tolist(), mask.size]).tolist()))
