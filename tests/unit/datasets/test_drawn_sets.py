"""CVAT and LabelMe exports: painted in the right order; what is wrong with them is said."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from label_files import (
    HEIGHT_PX,
    WIDTH_PX,
    cvat,
    cvat_image,
    cvat_polygon,
    labelme,
    polygon,
    write_image,
    write_json,
)

from agriseg.datasets.annotated import DataSource
from agriseg.datasets.labels import Labels
from agriseg.datasets.opening import list_samples
from agriseg.errors import DatasetError
from agriseg.messages import ClassId

CLASSES = {"beet": "crop", "grass": "weed", "hose": "ignore"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_image(tmp_path / "set" / "images" / "a.png")
    return tmp_path / "set"


def _source(folder: Path, **more: Any) -> DataSource:
    return DataSource(name="farm", directory=folder, classes=CLASSES, **more)


def _cvat(folder: Path, shapes: str) -> Labels:
    (folder / "annotations.xml").write_text(cvat(cvat_image("a.png", shapes)))
    (sample,) = list_samples(_source(folder), "cvat")
    return sample.load_labels()[1]


def test_cvat_polygons_lie_in_the_order_of_z_then_of_the_file(folder: Path) -> None:
    labels = _cvat(
        folder,
        cvat_polygon("beet", polygon(0, 0, 20, 20), 'z_order="1"')
        + cvat_polygon("grass", polygon(10, 0, 30, 20), 'z_order="0"')
        + cvat_polygon("hose", polygon(15, 0, 40, 20), 'z_order="0"'),
    )
    assert labels.mask[10, [5, 12, 17, 25, 35]].tolist() == [1, 1, 1, 255, 255]
    assert labels.ids is not None
    assert labels.ids[10, 25] == 0


def test_cvat_shapes_of_one_group_are_one_plant(folder: Path) -> None:
    labels = _cvat(
        folder,
        cvat_polygon("grass", polygon(0, 0, 5, 5), 'group_id="4"')
        + cvat_polygon("grass", polygon(10, 0, 15, 5), 'group_id="4"')
        + cvat_polygon("grass", polygon(20, 0, 25, 5), 'group_id="0"')
        + cvat_polygon("grass", polygon(30, 0, 35, 5)),
    )
    assert labels.ids is not None
    first, same, other, last = labels.ids[2, [2, 12, 22, 32]].tolist()
    assert first == same
    assert len({first, other, last}) == 3


def test_a_cvat_mask_is_read_row_by_row_from_its_corner(folder: Path) -> None:
    labels = _cvat(
        folder, '<mask label="grass" rle="1,2,2,1" left="5" top="6" width="3" height="2"/>'
    )
    found = [(int(v), int(u)) for v, u in np.argwhere(labels.mask == ClassId.WEED)]
    assert found == [(6, 6), (6, 7), (7, 7)]


def test_a_turned_ellipse_covers_its_area(folder: Path) -> None:
    labels = _cvat(folder, '<ellipse label="beet" cx="20" cy="15" rx="12" ry="4" rotation="90"/>')
    covered = labels.mask == ClassId.CROP
    assert covered.sum() == pytest.approx(np.pi * 12 * 4, rel=0.03)
    assert covered[4, 20]
    assert not covered[15, 10]


def test_points_lines_and_tags_are_left_out_and_boxes_taken_for_ignored_ground(
    folder: Path,
) -> None:
    labels = _cvat(
        folder,
        '<points label="stem" points="3,3"/><tag label="wet"/>'
        '<polyline label="row" points="0,0;5,5"/>'
        '<box label="hose" xtl="2" ytl="3" xbr="12" ybr="8"/>',
    )
    assert (labels.mask == ClassId.IGNORE).sum() == 50
    assert (labels.mask == ClassId.SOIL).sum() == WIDTH_PX * HEIGHT_PX - 50


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ('<box label="grass" xtl="2" ytl="3" xbr="12" ybr="8"/>', "box 1 is a box around 'grass'"),
        (cvat_polygon("dock", polygon(0, 0, 5, 5)), "the class 'dock' mean"),
        (cvat_polygon("grass", [1, 2, 3, 4]), "at least three points"),
        ('<polygon label="grass" points="1,2;3"/>', "no numbers"),
        ('<mask label="grass" rle="1,1" left="0" top="0" width="3" height="2"/>', "2 pixels"),
        ('<mask label="grass" rle="a" left="0" top="0" width="3" height="2"/>', "whole numbers"),
        ('<mask label="grass" rle="6" top="0" width="3" height="2"/>', "left is None"),
        (cvat_polygon("grass", polygon(0, 0, 5, 5), 'z_order="top"'), "z_order is 'top'"),
    ],
)
def test_a_damaged_cvat_shape_is_named(folder: Path, shapes: str, message: str) -> None:
    with pytest.raises(DatasetError) as caught:
        _cvat(folder, shapes)
    assert message in str(caught.value)
    assert "annotations.xml" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<annotations><version>1.1</version", "cannot be read as XML"),
        ("<annotation/>", "expected CVAT annotations of version 1.1"),
        ("<annotations><version>2</version></annotations>", "version '2'"),
        (cvat('<track id="0"/>'), "tracks of a video"),
        (cvat(""), "no labelled image"),
        (cvat(cvat_image("a.png", "")), "1 of 1 images have no label"),
    ],
)
def test_a_file_that_is_no_cvat_export_is_named(folder: Path, text: str, message: str) -> None:
    (folder / "annotations.xml").write_text(text)
    with pytest.raises(DatasetError) as caught:
        list_samples(_source(folder), "cvat")
    assert message in str(caught.value)


def _shape(label: str, points: list[list[float]], kind: str = "polygon", **more: Any) -> Any:
    return {"label": label, "points": points, "group_id": None, "shape_type": kind} | more


SQUARE = [[2.0, 2.0], [12.0, 2.0], [12.0, 12.0], [2.0, 12.0]]


def _labelme(folder: Path, *shapes: Any, **changes: Any) -> Labels:
    write_json(folder / "a.json", labelme(list(shapes), "..\\images\\a.png") | changes)
    (sample,) = list_samples(_source(folder), "labelme")
    return sample.load_labels()[1]


def test_later_labelme_shapes_cover_earlier_ones(folder: Path) -> None:
    over = [[u + 5.0, v] for u, v in SQUARE]
    labels = _labelme(folder, _shape("beet", SQUARE), _shape("grass", over))
    assert labels.mask[5, [3, 9, 15, 30]].tolist() == [1, 2, 2, 0]


def test_labelme_shapes_of_one_group_are_one_plant(folder: Path) -> None:
    far = [[u + 15.0, v + 10.0] for u, v in SQUARE]
    labels = _labelme(folder, _shape("grass", SQUARE, group_id=1), _shape("grass", far, group_id=1))
    assert labels.ids is not None
    assert labels.ids[5, 5] == labels.ids[15, 20] > 0


def test_labelme_masks_and_circles(folder: Path) -> None:
    bitmap = np.zeros((4, 6), np.uint8)
    bitmap[1, 2:5] = 255
    png = base64.b64encode(cv2.imencode(".png", bitmap)[1].tobytes()).decode()
    labels = _labelme(
        folder,
        _shape("grass", [[10.0, 20.0], [15.0, 23.0]], "mask", mask=png),
        _shape("beet", [[30.0, 10.0], [30.0, 15.0]], "circle"),
        _shape("beet", [[1.0, 1.0]], "point"),
    )
    found = [(int(v), int(u)) for v, u in np.argwhere(labels.mask == ClassId.WEED)]
    assert found == [(21, 12), (21, 13), (21, 14)]
    assert (labels.mask == ClassId.CROP).sum() == pytest.approx(np.pi * 25, rel=0.05)


def test_images_without_a_labelme_file_are_not_labelled(folder: Path) -> None:
    write_image(folder / "images" / "b.png")
    write_json(folder / "a.json", labelme([_shape("grass", SQUARE)], "images/a.png"))
    with pytest.raises(DatasetError, match=r"1 of 2 images have no label, the first is 'b\.png'"):
        list_samples(_source(folder), "labelme")
    soil = list_samples(_source(folder, empty_images="soil"), "labelme")
    assert not soil[1].load()[1].any()


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (_shape("grass", SQUARE, "rectangle"), "two points"),
        (_shape("grass", SQUARE[::2], "rectangle"), "is a box around 'grass'"),
        (_shape("grass", SQUARE[:2]), "at least three points"),
        (_shape("dock", SQUARE), "the class 'dock' mean"),
        (_shape("grass", SQUARE, "spline"), "shape_type 'spline'"),
        (_shape("grass", SQUARE[::2], "mask", mask="!!"), "mask is not base64"),
        (_shape("grass", SQUARE[::2], "mask"), "mask holds no PNG"),
    ],
)
def test_a_damaged_labelme_shape_is_named(folder: Path, shape: Any, message: str) -> None:
    with pytest.raises(DatasetError) as caught:
        _labelme(folder, shape)
    assert message in str(caught.value)
    assert "a.json" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"imagePath": "gone.png"}, "image 'gone.png' is missing"),
        ({"imagePath": ""}, "imagePath is missing"),
        ({"imageWidth": None}, "imageWidth is None"),
        ({"imageWidth": 99}, "labelled at 99x30, but the image is 40x30"),
        ({"shapes": None}, "not a LabelMe file"),
    ],
)
def test_a_damaged_labelme_file_is_named(
    folder: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(DatasetError) as caught:
        _labelme(folder, _shape("grass", SQUARE), **changes)
    assert message in str(caught.value)
