"""Writes Pascal VOC's segmentation, which is also CVAT's "Segmentation mask 1.1".

Everingham et al., "The Pascal visual object classes challenge: a retrospective", IJCV 2015.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from agriseg.datasets.classes import ClassRow
from agriseg.datasets.voc_colours import (
    BACKGROUND,
    BACKGROUND_NAME,
    LABEL_MAP,
    object_colours,
)
from agriseg.datasets.writers.files import write_bytes, write_picture, write_text
from agriseg.datasets.writers.objects import LabelledObject, LabelledPicture


class VocWriter:
    """``SegmentationClass/``, ``SegmentationObject/``, ``labelmap.txt`` and ``ImageSets/``.

    Parameters
    ----------
    out : Path
    table : sequence of ClassRow
    has_boxes : bool
        Write ``Annotations/`` with a box around every object too, as Pascal VOC has them.
    """

    def __init__(self, out: Path, table: Sequence[ClassRow], *, has_boxes: bool) -> None:
        self._out = out
        self._table = table
        self._has_boxes = has_boxes
        self._stems: list[str] = []

    def image_name(self, name: str) -> str:
        """Return the place in ``JPEGImages/``."""
        return f"JPEGImages/{name}"

    def add(self, picture: LabelledPicture, objects: Sequence[LabelledObject]) -> None:
        """Write the two masks of a picture."""
        colours = np.zeros((256, 3), np.uint8)
        for row in self._table:
            colours[row.number] = row.rgb if row.number else BACKGROUND
        classes = colours[picture.classes]
        numbers = np.zeros(picture.classes.shape, np.int64)
        for number, one in enumerate(objects, start=1):
            height, width = one.mask.shape
            window = np.s_[one.top_px : one.top_px + height, one.left_px : one.left_px + width]
            numbers[window][one.mask] = number
        file = f"{picture.stem}.png"
        write_picture(self._out / "SegmentationClass" / file, classes[..., ::-1])
        write_picture(self._out / "SegmentationObject" / file, object_colours(numbers)[..., ::-1])
        if self._has_boxes:
            data = ElementTree.tostring(_boxes(picture, objects), encoding="utf-8")
            write_bytes(self._out / "Annotations" / f"{picture.stem}.xml", data)
        self._stems.append(picture.stem)

    def finish(self) -> None:
        """Write the classes and the list of pictures."""
        rows = [f"{BACKGROUND_NAME}:0,0,0::"] + [
            "{}:{},{},{}::".format(row.name.replace(":", " "), *row.rgb)
            for row in self._table
            if row.number
        ]
        text = "\n".join(["# label:color_rgb:parts:actions", *rows])
        write_text(self._out / LABEL_MAP, text + "\n")
        stems = "".join(f"{stem}\n" for stem in self._stems)
        write_text(self._out / "ImageSets" / "Segmentation" / "default.txt", stems)


def _boxes(picture: LabelledPicture, objects: Sequence[LabelledObject]) -> Element:
    root = Element("annotation")
    where = PurePosixPath(picture.name)
    SubElement(root, "folder").text = "" if where.parent == PurePosixPath() else str(where.parent)
    SubElement(root, "filename").text = picture.name
    size = SubElement(root, "size")
    for key, value in (("width", picture.width_px), ("height", picture.height_px), ("depth", 3)):
        SubElement(size, key).text = str(value)
    SubElement(root, "segmented").text = "1"
    for one in objects:
        element = SubElement(root, "object")
        SubElement(element, "name").text = one.row.name
        for key in ("difficult", "truncated", "occluded"):
            SubElement(element, key).text = "0"
        left, top, width, height = one.box_px
        box = SubElement(element, "bndbox")
        for key, value in (
            ("xmin", left),
            ("ymin", top),
            ("xmax", left + width),
            ("ymax", top + height),
        ):
            SubElement(box, key).text = str(value)
    ElementTree.indent(root)
    return root
