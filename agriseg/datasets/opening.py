"""Opens a data set of any format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from agriseg.datasets.annotated import DataSource
from agriseg.datasets.coco import list_coco, list_coco_panoptic
from agriseg.datasets.cvat import list_cvat
from agriseg.datasets.folder import list_folder
from agriseg.datasets.labelme import list_labelme
from agriseg.datasets.labels import Sample

Format = Literal["folder", "coco", "coco-panoptic", "cvat", "labelme"]

_READERS: Mapping[str, Callable[[DataSource], list[Sample]]] = {
    "folder": lambda source: list_folder(source.directory, source.name, source.instances),
    "coco": list_coco,
    "coco-panoptic": list_coco_panoptic,
    "cvat": list_cvat,
    "labelme": list_labelme,
}


def list_samples(source: DataSource, kind: Format) -> list[Sample]:
    """List the labelled images of a source, ordered by name; they are read when they are wanted.

    Raises
    ------
    DatasetError
        Anything about its files is wrong.
    """
    return _READERS[kind](source)
