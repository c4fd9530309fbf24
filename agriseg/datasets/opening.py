"""Opens a data set of any format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from agriseg.datasets.annotated import DataSource, LabelledSet, Survey
from agriseg.datasets.coco import open_coco
from agriseg.datasets.coco_panoptic import open_coco_panoptic
from agriseg.datasets.cvat import open_cvat
from agriseg.datasets.folder import open_folder
from agriseg.datasets.labelme import open_labelme
from agriseg.datasets.labels import Sample
from agriseg.datasets.png_masks import open_png
from agriseg.datasets.voc import open_voc
from agriseg.datasets.yolo import open_yolo

Format = Literal["folder", "coco", "coco-panoptic", "cvat", "labelme", "voc", "yolo", "png"]

_READERS: Mapping[Format, Callable[[DataSource], LabelledSet]] = {
    "folder": open_folder,
    "coco": open_coco,
    "coco-panoptic": open_coco_panoptic,
    "cvat": open_cvat,
    "labelme": open_labelme,
    "voc": open_voc,
    "yolo": open_yolo,
    "png": open_png,
}
FORMATS: tuple[Format, ...] = tuple(_READERS)


def list_samples(source: DataSource, kind: Format) -> list[Sample]:
    """List the labelled images of a source, ordered by name; they are read when they are wanted.

    Raises
    ------
    DatasetError
        Anything about its files is wrong, or a class has no meaning.
    """
    return _READERS[kind](source).samples()


def survey(source: DataSource, kind: Format) -> Survey:
    """Say what a source holds before its classes need to mean anything.

    Raises
    ------
    DatasetError
        Anything about its files is wrong.
    """
    return _READERS[kind](source).survey()
