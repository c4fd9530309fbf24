"""Labels written in a format and read again are the same."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from labelled_fields import hard_picture, with_crowd

from agriseg.datasets.annotated import DataSource
from agriseg.datasets.classes import BASE_CLASSES, ClassRow
from agriseg.datasets.labels import IdArray, Labels
from agriseg.datasets.opening import Format, list_samples, survey
from agriseg.datasets.writers.objects import LabelledPicture
from agriseg.datasets.writing import LabelExport, WrittenFormat
from agriseg.errors import DatasetError
from agriseg.messages import ClassId

READ_AS: dict[WrittenFormat, Format] = {
    "folder": "folder",
    "coco": "coco",
    "coco-panoptic": "coco-panoptic",
    "cvat": "cvat",
    "cvat-masks": "voc",
    "labelme": "labelme",
    "voc": "voc",
    "yolo": "yolo",
}
ONE_FOLDER = ("folder",)
WITH_CROWDS = ("folder", "coco", "coco-panoptic", "cvat", "labelme")


def same_plants(first: IdArray | None, second: IdArray | None) -> bool:
    """Whether two maps tell the same plants apart, whatever their numbers."""
    assert first is not None
    assert second is not None
    pairs = np.unique(np.column_stack([first.ravel(), second.ravel()]), axis=0)
    return len(pairs) == len(np.unique(first)) == len(np.unique(second)) and bool(
        ((pairs[:, 0] == 0) == (pairs[:, 1] == 0)).all()
    )


def _export(kind: WrittenFormat, out: Path, *pictures: LabelledPicture) -> None:
    with LabelExport(kind, out) as export:
        for picture in pictures:
            export.add(picture)


def there_and_back(kind: WrittenFormat, picture: LabelledPicture, out: Path) -> Labels:
    _export(kind, out, picture)
    source = DataSource(name="set", directory=out, empty_images="soil")
    (sample,) = list_samples(source, READ_AS[kind])
    assert sample.stem.endswith(picture.stem)
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


@pytest.mark.parametrize("kind", READ_AS)
def test_plants_that_nobody_told_apart_stay_labelled(kind: WrittenFormat, tmp_path: Path) -> None:
    picture = with_crowd(hard_picture(tmp_path / "from", "a.png"))
    labels = there_and_back(kind, picture, tmp_path / "out")
    assert np.array_equal(labels.mask, picture.classes)
    assert labels.ids is not None
    crowd = (picture.classes == ClassId.WEED) & (picture.ids == 0)
    found = np.unique(labels.ids[crowd])
    assert len(found) == 1
    assert (found[0] == 0) == (kind in WITH_CROWDS)


@pytest.mark.parametrize("kind", READ_AS)
def test_without_plants_told_apart_the_classes_come_back(
    kind: WrittenFormat, tmp_path: Path
) -> None:
    told = hard_picture(tmp_path / "from", "a.png")
    picture = replace(told, ids=None)
    labels = there_and_back(kind, picture, tmp_path / "out")
    assert np.array_equal(labels.mask, picture.classes)


@pytest.mark.parametrize("kind", READ_AS)
def test_a_picture_of_bare_soil_comes_back(kind: WrittenFormat, tmp_path: Path) -> None:
    told = hard_picture(tmp_path / "from", "a.png")
    bare = replace(told, classes=np.zeros_like(told.classes), ids=np.zeros_like(told.ids))
    labels = there_and_back(kind, bare, tmp_path / "out")
    assert not labels.mask.any()


@pytest.mark.parametrize("kind", [kind for kind in READ_AS if kind != "folder"])
def test_own_classes_come_back_by_their_names(kind: WrittenFormat, tmp_path: Path) -> None:
    table = (
        *BASE_CLASSES,
        ClassRow(number=3, name='Cirsium, "arvense" <é>', meaning=ClassId.WEED, rgb=(9, 8, 7)),
    )
    told = hard_picture(tmp_path / "from", "a.png")
    classes = told.classes.copy()
    classes[told.ids == 4] = 3
    with LabelExport(kind, tmp_path / "out", table) as export:
        export.add(replace(told, classes=classes))
    plain = DataSource(name="set", directory=tmp_path / "out")
    kept = list_samples(replace(plain, table=table), READ_AS[kind])
    assert np.array_equal(kept[0].load()[1], classes)
    with pytest.raises(DatasetError, match="nothing says what the class 'Cirsium"):
        list_samples(plain, READ_AS[kind])[0].load()
    mapped = replace(plain, classes={table[-1].name: "weed"})
    assert np.array_equal(list_samples(mapped, READ_AS[kind])[0].load()[1], told.classes)


@pytest.mark.parametrize("kind", READ_AS)
def test_what_a_set_holds_is_said_before_its_classes_mean_anything(
    kind: WrittenFormat, tmp_path: Path
) -> None:
    with LabelExport(kind, tmp_path / "out") as export:
        export.add(hard_picture(tmp_path / "from", "a.png"))
    found = survey(DataSource(name="set", directory=tmp_path / "out"), READ_AS[kind])
    assert found.pictures == 1
    void = {"ignore"} if kind == "coco-panoptic" else set()
    assert set(found.names) - {"soil"} == {"crop", "weed", "ignore"} - void


def test_an_export_overwrites_nothing(tmp_path: Path) -> None:
    picture = hard_picture(tmp_path / "from", "a.png")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(DatasetError, match="is there already; nothing is overwritten"):
        _export("coco", tmp_path / "out", picture)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_an_export_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    picture = hard_picture(tmp_path / "from", "a.png")
    gone = replace(picture, name="b.png", image_path=tmp_path / "gone.png")
    with pytest.raises(DatasetError, match=r"b\.png: cannot be written"):
        _export("coco", tmp_path / "out", picture, gone)
    assert [path.name for path in tmp_path.iterdir()] == ["from"]


def test_pictures_whose_labels_would_share_a_file_are_refused(tmp_path: Path) -> None:
    picture = hard_picture(tmp_path / "from", "a.png")
    with LabelExport("voc", tmp_path / "out") as export:
        export.add(picture)
        with pytest.raises(DatasetError, match=r"a\.jpg: a\.png has the same name"):
            export.add(replace(picture, name="a.jpg"))


def test_a_number_without_a_class_is_refused(tmp_path: Path) -> None:
    picture = hard_picture(tmp_path / "from", "a.png")
    with LabelExport("coco", tmp_path / "out") as export:
        with pytest.raises(DatasetError, match=r"a\.png: class numbers \[7\] have no name"):
            export.add(replace(picture, classes=np.full_like(picture.classes, 7)))
        export.add(picture)


def test_an_archive_holds_what_the_folder_would(tmp_path: Path) -> None:
    picture = hard_picture(tmp_path / "from", "a.png")
    for out in ("set", "set.zip"):
        with LabelExport("cvat", tmp_path / out, images="none") as export:
            export.add(picture)
    with zipfile.ZipFile(tmp_path / "set.zip") as archive:
        assert archive.namelist() == ["annotations.xml"]
        assert archive.read("annotations.xml") == (tmp_path / "set/annotations.xml").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["from", "set", "set.zip"]


def test_pictures_can_be_linked(tmp_path: Path) -> None:
    picture = hard_picture(tmp_path / "from", "a.png")
    with LabelExport("yolo", tmp_path / "out", images="link") as export:
        export.add(picture)
    assert (tmp_path / "out/images/train/a.png").samefile(picture.image_path)


@pytest.mark.parametrize("kind", ["coco", "cvat", "labelme"])
def test_stems_come_back_with_their_plants(kind: WrittenFormat, tmp_path: Path) -> None:
    told = hard_picture(tmp_path / "from", "a.png")
    stems = {1: (25.0, 12.0), 5: (30.25, 71.5), 6: (118.0, 2.0)}
    labels = there_and_back(kind, replace(told, stems=stems), tmp_path / "out")
    assert same_plants(labels.ids, told.ids)
    assert labels.ids is not None
    assert told.ids is not None
    names = {int(told.ids[labels.ids == number][0]): at for number, at in labels.stems.items()}
    assert names == stems


def test_groups_come_back_with_a_data_folder(tmp_path: Path) -> None:
    first = hard_picture(tmp_path / "from", "a.png")
    second = hard_picture(tmp_path / "from", "b.png")
    _export("folder", tmp_path / "out", replace(first, group="x"), replace(second, group="y"))
    samples = list_samples(DataSource(name="set", directory=tmp_path / "out"), "folder")
    assert [sample.group for sample in samples] == ["x", "y"]
