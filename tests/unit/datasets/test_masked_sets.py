"""Pascal VOC, YOLO and PNG masks as people have them; what is wrong with them is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from label_files import HEIGHT_PX, WIDTH_PX, write_image
from PIL import Image

from agriseg.datasets.annotated import DataSource
from agriseg.datasets.labels import Labels
from agriseg.datasets.opening import Format, list_samples, survey
from agriseg.datasets.voc_colours import object_colours
from agriseg.errors import DatasetError


def _read(folder: Path, kind: Format, **more: Any) -> Labels:
    (sample,) = list_samples(DataSource(name="farm", directory=folder, **more), kind)
    return sample.load_labels()[1]


def _two_values() -> np.ndarray[Any, np.dtype[np.uint8]]:
    values = np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8)
    values[5:10, 5:15], values[20:25, 20:30] = 1, 16
    return values


def test_the_colours_of_pascal_voc_are_its_own() -> None:
    """As the devkit's VOClabelcolormap prints them."""
    known = [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 0, 128]]
    assert object_colours(np.arange(5)).tolist() == known
    assert object_colours(np.array([16, 255])).tolist() == [[0, 64, 0], [224, 224, 192]]


def test_a_palette_of_pascal_voc_is_read_by_its_colours(tmp_path: Path) -> None:
    write_image(tmp_path / "JPEGImages" / "a.jpg")
    values = _two_values()
    values[0, :] = 255
    image = Image.fromarray(values, "P")
    image.putpalette(object_colours(np.arange(256)).ravel().tolist())
    (tmp_path / "SegmentationClass").mkdir()
    image.save(tmp_path / "SegmentationClass" / "a.png")
    found = survey(DataSource(name="farm", directory=tmp_path), "voc")
    assert found.names == {"aeroplane": 1, "pottedplant": 1, "ignore": 1}
    labels = _read(tmp_path, "voc", classes={"pottedplant": "crop", "aeroplane": "weed"})
    assert labels.mask[[0, 7, 22, 15], [0, 7, 22, 0]].tolist() == [255, 2, 1, 0]
    assert labels.ids is None


def test_numbers_of_png_masks_are_named_in_the_configuration(tmp_path: Path) -> None:
    write_image(tmp_path / "images" / "a.png")
    (tmp_path / "masks").mkdir()
    cv2.imwrite(str(tmp_path / "masks" / "a.png"), _two_values())
    cv2.imwrite(str(tmp_path / "masks" / "a.png"), _two_values().astype(np.uint16) * 300)
    with pytest.raises(DatasetError, match="what the classes '0', '300', '4800' mean"):
        _read(tmp_path, "png")
    labels = _read(tmp_path, "png", classes={"0": "soil", "300": "crop", "4800": "weed"})
    assert labels.mask[[0, 7, 22], [0, 7, 22]].tolist() == [0, 1, 2]


def test_colours_of_png_masks_are_called_as_on_the_web_or_by_a_label_map(tmp_path: Path) -> None:
    write_image(tmp_path / "images" / "a.png")
    (tmp_path / "masks").mkdir()
    mask = np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    mask[5:10, 5:15] = (0, 128, 255)  # blue, green, red
    cv2.imwrite(str(tmp_path / "masks" / "a.png"), mask)
    classes = {"#000000": "soil", "#ff8000": "weed"}
    assert _read(tmp_path, "png", classes=classes).mask[7, 7] == 2
    (tmp_path / "labelmap.txt").write_text("# label:color\nbindweed:255,128,0::\nbare:0,0,0::\n")
    assert _read(tmp_path, "png", classes={"bare": "soil", "bindweed": "crop"}).mask[7, 7] == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("weed", r"labelmap\.txt: line 1 is 'weed'; expected name:red,green,blue"),
        ("weed:1,2::", "expected name:red,green,blue"),
        ("weed:1,2,300::", "values from 0 to 255"),
    ],
)
def test_a_damaged_label_map_is_said(line: str, message: str, tmp_path: Path) -> None:
    write_image(tmp_path / "images" / "a.png")
    (tmp_path / "masks").mkdir()
    cv2.imwrite(str(tmp_path / "masks" / "a.png"), _two_values())
    (tmp_path / "labelmap.txt").write_text(line)
    with pytest.raises(DatasetError, match=message):
        _read(tmp_path, "png")


def test_masks_that_do_not_fit_are_said(tmp_path: Path) -> None:
    write_image(tmp_path / "images" / "a.png")
    with pytest.raises(DatasetError, match="no masks; expected one"):
        _read(tmp_path, "png")
    with pytest.raises(DatasetError, match="SegmentationClass: no such folder"):
        _read(tmp_path, "voc")
    (tmp_path / "masks").mkdir()
    cv2.imwrite(str(tmp_path / "masks" / "a.png"), _two_values()[:20])
    with pytest.raises(DatasetError, match="40x20, its image is 40x30"):
        _read(tmp_path, "png", classes={"0": "soil"})
    (tmp_path / "masks" / "a.png").write_bytes(b"no picture")
    with pytest.raises(DatasetError, match="cannot be read as an image"):
        _read(tmp_path, "png")


def _yolo(folder: Path, lines: str, names: str = "names: [beet, grass]\n") -> Path:
    write_image(folder / "images" / "val" / "a.jpg")
    (folder / "labels" / "val").mkdir(parents=True, exist_ok=True)
    (folder / "labels" / "val" / "a.txt").write_text(lines)
    (folder / "data.yaml").write_text(f"path: somewhere\nval: images/val\n{names}")
    return folder


CLASSES = {"beet": "crop", "grass": "weed"}


def test_yolo_lines_are_outlines_in_shares_of_the_picture(tmp_path: Path) -> None:
    square = "0.1 0.2 0.4 0.2 0.4 0.6 0.1 0.6"
    folder = _yolo(tmp_path, f"0 {square}\n\n1 0.5 0.5 0.75 0.5 0.75 0.8 0.5 0.8\n")
    labels = _read(folder, "yolo", classes=CLASSES)
    assert (labels.mask == 1).sum() == 12 * 12
    assert labels.mask[6:18, 4:16].min() == 1
    assert (labels.mask == 2).sum() == 10 * 9


def test_yolo_names_may_be_numbered_and_pictures_without_labels(tmp_path: Path) -> None:
    folder = _yolo(tmp_path, "7 0.1 0.1 0.5 0.1 0.5 0.5\n", "names:\n  7: beet\n")
    write_image(folder / "images" / "val" / "b.jpg")
    found = survey(DataSource(name="farm", directory=folder), "yolo")
    assert found.empty == ("val/b.jpg",)
    assert found.names == {"beet": 1}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 0.1 0.1 0.5 0.1", "is a box around 'beet'"),
        ("0 0.1 0.1 0.5 0.1 0.7", "at least three points"),
        ("5 0.1 0.1 0.5 0.1 0.5 0.5", "class 5 is not among the names"),
        ("0 0.1 0.1 0.5 x 0.5 0.5", r"a\.txt: line 1: expected numbers alone"),
        ("0 0.1 0.1 0.5 nan 0.5 0.5", "no finite numbers"),
    ],
)
def test_a_damaged_yolo_line_is_named(line: str, message: str, tmp_path: Path) -> None:
    folder = _yolo(tmp_path, line)
    with pytest.raises(DatasetError, match=message):
        _read(folder, "yolo", classes=CLASSES)


@pytest.mark.parametrize("names", ["names: beet\n", "nc: 2\n", "names: [\n"])
def test_a_damaged_yolo_list_of_classes_is_said(names: str, tmp_path: Path) -> None:
    folder = _yolo(tmp_path, "", names)
    with pytest.raises(DatasetError, match=r"data\.yaml"):
        _read(folder, "yolo", classes=CLASSES)


def test_what_lies_beyond_the_picture_is_told_apart_from_what_is_lost(tmp_path: Path) -> None:
    inside, across, outside = "0.1 0.1", "1.5 0.1", "1.5 1.5"
    lines = [f"0 {at} 0.5 0.1 0.5 0.5" for at in (inside, across)]
    lines.append(f"1 {outside} 1.9 1.5 1.9 1.9")
    found = survey(DataSource(name="farm", directory=_yolo(tmp_path, "\n".join(lines))), "yolo")
    assert found.cut == ("line 2 of a.txt of 'val/a.jpg'",)
    assert found.outside == ("line 3 of a.txt of 'val/a.jpg'",)
