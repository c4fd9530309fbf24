"""Labels written in a format and read again are the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from labelled_fields import hard_picture, with_crowd

from agriseg.datasets.annotated import DataSource
from agriseg.datasets.labels import IdArray, Labels
from agriseg.datasets.opening import Format, list_samples
from agriseg.datasets.writers.objects import LabelledPicture
from agriseg.datasets.writing import LabelExport, WrittenFormat

READ_AS: dict[WrittenFormat, Format] = {
    "folder": "folder",
    "coco": "coco",
    "coco-panoptic": "coco-panoptic",
    "cvat": "cvat",
    "labelme": "labelme",
}
ONE_FOLDER = ("folder",)


def same_plants(first: IdArray | None, second: IdArray | None) -> bool:
    """Whether two maps tell the same plants apart, whatever their numbers."""
    assert first is not None
    assert second is not None
    pairs = np.unique(np.column_stack([first.ravel(), second.ravel()]), axis=0)
    return len(pairs) == len(np.unique(first)) == len(np.unique(second)) and bool(
        ((pairs[:, 0] == 0) == (pairs[:, 1] == 0)).all()
    )


def there_and_back(kind: WrittenFormat, picture: LabelledPicture, out: Path) -> Labels:
    with LabelExport(kind, out) as export:
        export.add(picture)
    source = DataSource(name="set", directory=out, empty_images="soil")
    (sample,) = list_samples(source, READ_AS[kind])
    assert sample.stem == picture.stem
    image, labels = sample.load_labels()
    assert image.shape[:2] == labels.mask.shape
    return labels


@pytest.mark.parametrize("kind", READ_AS)
def test_classes_and_plants_come_back(kind: WrittenFormat, tmp_path: Path) -> None:
    name = "a.png" if kind in ONE_FOLDER else "north/a.png"
    picture = hard_picture(tmp_path / "from", name)
    labels = there_and_back(kind, picture, tmp_path / "out")
    assert np.array_equal(labels.mask, picture.classes)
    assert same_plants(labels.ids, picture.ids)
