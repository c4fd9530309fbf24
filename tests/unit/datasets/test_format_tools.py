"""What is written is read alike by the formats' own tools, and what they write is read alike here.

datumaro (MIT), with which CVAT reads and writes its formats, and supervision (MIT) for YOLO live in
an environment of their own: they need older versions of OpenCV and pillow. LabelMe and Ultralytics
are not used: their licences are GPL and AGPL. Of LabelMe's files the schema is checked instead.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from labelled_fields import hard_picture
from test_round_trips import same_plants

from agriseg.datasets.annotated import DataSource
from agriseg.datasets.opening import Format, list_samples
from agriseg.datasets.writers.objects import LabelledPicture
from agriseg.datasets.writing import LabelExport, WrittenFormat

SEEN_AS: dict[WrittenFormat, tuple[str, Format]] = {
    "coco": ("coco_instances", "coco"),
    "coco-panoptic": ("coco_panoptic", "coco-panoptic"),
    "cvat": ("cvat", "cvat"),
    "cvat-masks": ("voc_instance_segmentation", "voc"),
    "voc": ("voc_instance_segmentation", "voc"),
}
NUMBERS = {"soil": 0, "background": 0, "crop": 1, "weed": 2, "ignore": 255}


@pytest.fixture(scope="session")
def tools(repository: Path) -> str:
    """Return the interpreter that has the tools, or skip the test."""
    named = os.environ.get("AGRISEG_FORMAT_TOOLS")
    path = Path(named) if named else repository / ".venv" / "format-tools" / "bin" / "python"
    if not path.is_file():
        pytest.skip(f"no {path}; `make format-tools` installs datumaro and supervision there")
    return str(path)


def _ask(tools: str, form: str, folder: Path, again: Path | None = None) -> tuple[Any, Any]:
    out = folder.parent / "seen.npz"
    script = Path(__file__).with_name("format_tools.py")
    words = [tools, str(script), form, str(folder), str(out), *([str(again)] if again else [])]
    done = subprocess.run(words, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    with np.load(out) as seen:
        return seen["masks"], json.loads(str(seen["words"]))["objects"]


def _write(kind: WrittenFormat, out: Path, picture: LabelledPicture) -> None:
    with LabelExport(kind, out) as export:
        export.add(picture)


@pytest.mark.slow
@pytest.mark.parametrize("kind", SEEN_AS)
def test_the_formats_own_tool_sees_the_same_and_writes_it_back(
    kind: WrittenFormat, tools: str, tmp_path: Path
) -> None:
    picture = hard_picture(tmp_path / "from", "a.png")
    form, read_as = SEEN_AS[kind]
    _write(kind, tmp_path / "out", picture)
    masks, objects = _ask(tools, form, tmp_path / "out", tmp_path / "again")

    classes = np.full_like(picture.classes, 255 if kind == "coco-panoptic" else 0)
    plants = np.zeros(picture.classes.shape, np.uint16)
    groups: dict[str, int] = {}
    for mask, (name, group) in zip(masks, objects, strict=True):
        classes[mask] = NUMBERS[name]
        is_plant = name in ("crop", "weed")
        plants[mask] = groups.setdefault(f"{name}/{group}", len(groups) + 1) if is_plant else 0
    assert np.array_equal(classes, picture.classes)
    assert same_plants(plants, picture.ids)

    source = DataSource(name="again", directory=tmp_path / "again")
    (sample,) = list_samples(source, read_as)
    labels = sample.load_labels()[1]
    assert np.array_equal(labels.mask, picture.classes)
    if kind != "coco":  # every mask becomes a crowd
        assert same_plants(labels.ids, picture.ids)


@pytest.mark.slow
def test_yolo_outlines_are_opened_by_another_reader(tools: str, tmp_path: Path) -> None:
    """It fills outlines with the pixels on them, so its masks are wider by half a pixel."""
    picture = hard_picture(tmp_path / "from", "a.png")
    _write("yolo", tmp_path / "out", picture)
    masks, objects = _ask(tools, "yolo", tmp_path / "out")
    assert picture.ids is not None
    big = [number for number in np.unique(picture.ids) if (picture.ids == number).sum() > 200]
    for number in big[1:]:
        mine = picture.ids == number
        name = "crop" if picture.classes[mine][0] == 1 else "weed"
        overlaps = [
            (mine & mask).sum() / (mine | mask).sum()
            for mask, (other, _) in zip(masks, objects, strict=True)
            if other == name
        ]
        assert max(overlaps) > 0.75


def test_labelme_files_have_every_key_of_its_schema(tmp_path: Path) -> None:
    _write("labelme", tmp_path / "out", hard_picture(tmp_path / "from", "a.png"))
    data = json.loads((tmp_path / "out" / "a.json").read_text())
    assert set(data) == {
        *("version", "flags", "shapes", "imagePath", "imageData", "imageHeight", "imageWidth")
    }
    assert (tmp_path / "out" / data["imagePath"]).is_file()
    assert {shape["shape_type"] for shape in data["shapes"]} == {"polygon", "mask"}
    for shape in data["shapes"]:
        assert set(shape) == {
            *("label", "points", "group_id", "description", "shape_type", "flags", "mask")
        }
        if shape["shape_type"] == "polygon":
            assert len(shape["points"]) >= 3
        else:  # from the first pixel to the last
            (u0, v0), (u1, v1) = shape["points"]
            png = np.frombuffer(base64.b64decode(shape["mask"]), np.uint8)
            size = cv2.imdecode(png, cv2.IMREAD_GRAYSCALE).shape
            assert size == (v1 - v0 + 1, u1 - u0 + 1)
