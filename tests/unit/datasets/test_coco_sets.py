"""COCO files: read as pycocotools reads them; what is wrong with them is said."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from label_files import HEIGHT_PX, WIDTH_PX, annotation, coco, polygon, write_image, write_json
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from agriseg.datasets.annotated import DataSource
from agriseg.datasets.labels import Labels
from agriseg.datasets.opening import list_samples
from agriseg.errors import DatasetError
from agriseg.messages import ClassId

CLASSES = {"maize": "crop", "thistle": "weed"}
BOX = polygon(4, 5, 14, 15)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.png", "b.png"):
        write_image(tmp_path / "set" / "images" / name)
    return tmp_path / "set"


def _source(folder: Path, **more: Any) -> DataSource:
    return DataSource(**({"name": "farm", "directory": folder, "classes": CLASSES} | more))


def _labels(folder: Path, data: dict[str, Any], **more: Any) -> Labels:
    """Return the labels of ``a.png``; ``b.png`` is bare soil."""
    write_json(folder / "annotations" / "instances.json", data)
    first, _ = list_samples(_source(folder, **({"empty_images": "soil"} | more)), "coco")
    return first.load_labels()[1]


def test_polygons_and_run_lengths_are_read_as_pycocotools_reads_them(folder: Path) -> None:
    rng = np.random.default_rng(3)
    star = (rng.uniform(2, 28, (9, 2))).ravel().tolist()
    blob = np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8)
    cv2.circle(blob, (30, 12), 6, 1, -1)
    packed = coco_mask.encode(np.asfortranarray(blob))
    packed["counts"] = packed["counts"].decode()
    plain = {"size": [HEIGHT_PX, WIDTH_PX], "counts": [120, 300, 780]}
    for segmentation in ([star], [star, polygon(30, 20, 38, 28)], packed, plain):
        data = coco([annotation(1, 7, 5, segmentation=segmentation)])
        labels = _labels(folder, data)
        oracle = COCO(folder / "annotations" / "instances.json")
        expected = oracle.annToMask(oracle.loadAnns([1])[0])
        assert expected.any()
        assert np.array_equal(labels.mask == ClassId.WEED, expected.astype(bool))
        assert labels.ids is not None
        assert np.array_equal(labels.ids > 0, expected.astype(bool))


def test_later_annotations_cover_earlier_ones_and_plants_are_told_apart(folder: Path) -> None:
    labels = _labels(
        folder,
        coco(
            [
                annotation(1, 7, 3, segmentation=[polygon(0, 0, 20, 20)]),
                annotation(2, 7, 5, segmentation=[polygon(10, 10, 30, 30)]),
                annotation(3, 7, 5, segmentation=[polygon(30, 0, 40, 10)]),
            ]
        ),
    )
    assert labels.mask[5, 5] == ClassId.CROP
    assert labels.mask[15, 15] == ClassId.WEED
    assert labels.mask[25, 5] == ClassId.SOIL
    assert labels.ids is not None
    assert len({labels.ids[5, 5], labels.ids[15, 15], labels.ids[5, 35]}) == 3
    assert labels.ids[25, 5] == 0


def test_a_crowd_has_a_class_and_no_plant(folder: Path) -> None:
    runs = coco_mask.frPyObjects([BOX], HEIGHT_PX, WIDTH_PX)[0]
    runs["counts"] = runs["counts"].decode()
    labels = _labels(folder, coco([annotation(1, 7, 5, segmentation=runs, iscrowd=1)]))
    assert labels.mask[10, 10] == ClassId.WEED
    assert labels.ids is not None
    assert not labels.ids.any()


def test_what_reaches_beyond_the_picture_is_cut_and_said(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    annotations = [
        annotation(11, 7, 3, segmentation=[polygon(-10, -10, 5, 5)]),
        annotation(12, 7, 5, segmentation=[polygon(35, 25, 90, 90)]),
        annotation(13, 7, 5, segmentation=[polygon(60, 60, 90, 90)]),
        annotation(14, 7, 5, segmentation=[polygon(0, 20, 40.5, 22)]),
    ]
    with caplog.at_level(logging.WARNING):
        labels = _labels(folder, coco(annotations))
    assert (labels.mask == ClassId.CROP).sum() == 25
    assert labels.mask[29, 39] == ClassId.WEED
    assert "3 shapes reach beyond their picture" in caplog.text
    assert "the first is annotation 11 of 'a.png'" in caplog.text


def test_an_unlabelled_ground_may_be_ignored(folder: Path) -> None:
    data = coco([annotation(1, 7, 5, segmentation=[BOX])])
    labels = _labels(folder, data, unlabelled=ClassId.IGNORE)
    assert labels.mask[0, 0] == ClassId.IGNORE
    assert labels.mask[10, 10] == ClassId.WEED


def test_groups_come_from_folders_where_no_file_names_them(folder: Path) -> None:
    data = coco([annotation(1, 7, 5, segmentation=[BOX]), annotation(2, 8, 3, segmentation=[BOX])])
    data["images"][0]["file_name"] = "north/one.png"
    write_image(folder / "images" / "north" / "one.png")
    write_json(folder / "labels.json", data)
    found = list_samples(_source(folder), "coco")
    assert [(s.stem, s.group) for s in found] == [("b", "b"), ("north/one", "north")]
    write_json(folder / "groups.json", {"one": "x", "b": "y"})
    assert [s.group for s in list_samples(_source(folder), "coco")] == ["y", "x"]


def _refused(folder: Path, data: Any, **more: Any) -> str:
    write_json(folder / "annotations" / "instances.json", data)
    source = _source(folder, **({"empty_images": "soil"} | more))
    with pytest.raises(DatasetError) as caught:
        _load_all(source)
    return str(caught.value)


def _load_all(source: DataSource) -> None:
    for sample in list_samples(source, "coco"):
        sample.load()


def test_a_class_of_unknown_meaning_is_named_with_the_key_to_add(folder: Path) -> None:
    data = coco([annotation(1, 7, 5, segmentation=[BOX])])
    message = _refused(folder, data, classes={"maize": "crop"})
    assert "instances.json: nothing says what the class 'thistle' mean" in message
    assert 'add to the source \'farm\' classes = { "thistle" = "weed" }' in message


def test_images_without_labels_are_refused_until_it_is_said_what_they_are(folder: Path) -> None:
    data = coco([annotation(1, 7, 5, segmentation=[BOX])])
    message = _refused(folder, data, empty_images="refuse")
    assert "1 of 2 images have no label, the first is 'b.png'" in message
    kept = list_samples(_source(folder, empty_images="skip"), "coco")
    assert [sample.stem for sample in kept] == ["a"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"segmentation": [[1.0, 2.0, 3.0, 4.0]]}, "needs at least three points"),
        ({"segmentation": [[1.0, 2.0, 3.0]]}, "not a list of outlines"),
        ({"segmentation": [["x", 2.0, 3.0, 4.0, 5.0, 6.0]]}, "values that are no numbers"),
        ({"segmentation": [[1e400, 2.0, 3.0, 4.0, 5.0, 6.0]]}, "no finite numbers"),
        ({"segmentation": {"size": [9, 9], "counts": [81]}}, "run lengths of size [9, 9]"),
        ({"segmentation": {"size": [30, 40], "counts": [1201, -1]}}, "run lengths are damaged"),
        ({"segmentation": {"size": [30, 40], "counts": [5, 5]}}, "run lengths for 10 pixels"),
        ({"segmentation": {"size": [30, 40], "counts": "zz~~~"}}, "run lengths for 86 pixels"),
        ({"bbox": [1, 2, 3, 4]}, "annotation 1 is a box around 'thistle'"),
        ({}, "neither segmentation nor bbox"),
        ({"image_id": 99, "segmentation": [BOX]}, "image_id 99 is not in the file"),
        ({"category_id": 99, "segmentation": [BOX]}, "category_id 99 is not in the file"),
    ],
)
def test_a_damaged_annotation_is_named(folder: Path, change: dict[str, Any], message: str) -> None:
    said = _refused(folder, coco([annotation(1, 7, 5) | change]))
    assert message in said
    assert "instances.json" in said


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "not a COCO file"),
        ({"images": []}, "not a COCO file"),
        (coco([], images=[]), "no labelled image"),
        (coco([], images=[{"id": 1, "file_name": "a.png"}]), "needs file_name, width and height"),
        (
            coco([], images=[{"id": 1, "file_name": "../a.png", "width": 40, "height": 30}]),
            "does not lie below a folder of images",
        ),
        (
            coco([], images=[{"id": 1, "file_name": "gone.png", "width": 40, "height": 30}]),
            "image 'gone.png' is missing; looked for",
        ),
        (
            coco([], images=[{"id": 1, "file_name": "a.png", "width": 41, "height": 30}]),
            "labelled at 41x30, but the image is 40x30",
        ),
        (
            coco(
                [],
                images=[{"id": n, "file_name": "a.png", "width": 40, "height": 30} for n in "xy"],
            ),
            "is there twice",
        ),
    ],
)
def test_a_damaged_file_is_named(folder: Path, data: Any, message: str) -> None:
    assert message in _refused(folder, data)


def test_several_files_to_choose_from_are_listed(folder: Path) -> None:
    data = coco([annotation(1, 7, 5, segmentation=[BOX])])
    write_json(folder / "train.json", data)
    assert "expected one file of COCO annotations" in _refused(folder, data)
    chosen = _source(folder, annotations="train.json", empty_images="skip")
    assert len(list_samples(chosen, "coco")) == 1


def _write_panoptic(folder: Path, numbers: np.ndarray[Any, Any]) -> None:
    colours = np.stack([numbers // 65536, numbers // 256 % 256, numbers % 256], axis=2)
    (folder / "annotations" / "fields").mkdir(parents=True)
    cv2.imwrite(str(folder / "annotations" / "fields" / "a.png"), colours.astype(np.uint8))


def _panoptic(segments: list[dict[str, Any]]) -> dict[str, Any]:
    data = coco([{"image_id": 7, "file_name": "a.png", "segments_info": segments}])
    data["images"] = data["images"][:1]
    data["categories"].append({"id": 1, "name": "Soil"})
    return data


def test_panoptic_files_give_classes_and_plants(folder: Path) -> None:
    numbers = np.zeros((HEIGHT_PX, WIDTH_PX), np.int64)
    numbers[:, 10:20], numbers[:, 20:30], numbers[:, 30:] = 70_000, 5, 300
    _write_panoptic(folder, numbers)
    segments = [
        {"id": 70_000, "category_id": 3},
        {"id": 5, "category_id": 1},
        {"id": 300, "category_id": 5, "iscrowd": 1},
    ]
    write_json(folder / "annotations" / "fields.json", _panoptic(segments))
    (sample,) = list_samples(_source(folder), "coco-panoptic")
    labels = sample.load_labels()[1]
    assert labels.mask[0, ::10].tolist() == [255, 1, 0, 2]
    assert labels.ids is not None
    assert (labels.ids[0, ::10] > 0).tolist() == [False, True, False, False]


def test_a_panoptic_segment_without_words_is_named(folder: Path) -> None:
    _write_panoptic(folder, np.full((HEIGHT_PX, WIDTH_PX), 9, np.int64))
    segments = [{"id": 5, "category_id": 3}]
    write_json(folder / "annotations" / "fields.json", _panoptic(segments))
    (sample,) = list_samples(_source(folder), "coco-panoptic")
    with pytest.raises(DatasetError, match=r"segments \[9\] are not among"):
        sample.load()
