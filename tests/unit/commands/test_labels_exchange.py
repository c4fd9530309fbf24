"""`agriseg labels import` and `export`: what comes in, what goes out, and what is asked for."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from agriseg.commands import labels_export, labels_import
from agriseg.datasets.annotated import DataSource
from agriseg.datasets.opening import FORMATS, list_samples
from agriseg.datasets.writing import WRITTEN_FORMATS
from agriseg.errors import AgrisegError
from agriseg.labelling.pictures import PictureState
from agriseg.labelling.project import LabelProject

Command = Callable[..., str]


@pytest.fixture
def labels(capsys: pytest.CaptureFixture[str]) -> Command:
    """Return what runs `agriseg labels ...` and gives its output."""
    parser = argparse.ArgumentParser()
    actions = parser.add_subparsers()
    labels_import.add_action(actions)
    labels_export.add_action(actions)

    def run(*words: str | Path) -> str:
        arguments = parser.parse_args([str(word) for word in words])
        assert arguments.run(arguments) == 0
        return capsys.readouterr().out

    return run


@pytest.fixture(autouse=True)
def _nobody_to_ask(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    empty = tmp_path / "no-answers"
    empty.touch()
    with empty.open() as stream:
        monkeypatch.setattr("sys.stdin", stream)
        yield


def _coco(folder: Path, boxes: list[tuple[int, list[float]]], names: tuple[str, str]) -> Path:
    """Write a COCO set of one picture of 60x40 with boxes as polygons of two classes."""
    (folder / "images").mkdir(parents=True)
    image = np.random.default_rng(5).integers(0, 255, (40, 60, 3), np.uint8)
    cv2.imwrite(str(folder / "images" / "a.png"), image)
    annotations = [
        {
            "id": number,
            "image_id": 1,
            "category_id": category,
            "iscrowd": 0,
            "segmentation": [[u0, v0, u1, v0, u1, v1, u0, v1]],
        }
        for number, (category, (u0, v0, u1, v1)) in enumerate(boxes, start=1)
    ]
    data = {
        "images": [{"id": 1, "file_name": "a.png", "width": 60, "height": 40}],
        "annotations": annotations,
        "categories": [{"id": 1, "name": names[0]}, {"id": 2, "name": names[1]}],
    }
    (folder / "labels.json").write_text(json.dumps(data))
    return folder


TWO = [(1, [2.0, 2.0, 12.0, 12.0]), (2, [20.0, 5.0, 30.0, 25.0])]


def test_options_name_the_formats_that_there_are() -> None:
    assert labels_import.READ_FORMATS == FORMATS
    assert labels_export.WRITTEN_FORMATS == WRITTEN_FORMATS


def test_labels_come_into_a_new_project(labels: Command, tmp_path: Path) -> None:
    folder = _coco(tmp_path / "coco", TWO, ("crop", "thistle"))
    said = labels("import", folder, tmp_path / "field", "--class", "thistle=weed")
    assert "1 pictures; crop 1, thistle 1" in said
    assert "1 pictures labelled" in said
    project = LabelProject.look(tmp_path / "field")
    found = project.labels("a")
    assert project.pictures["a"].state is PictureState.DONE
    assert (found.classes == 1).sum() == 100
    assert (found.classes == 2).sum() == 200
    assert len(np.unique(found.instances)) == 3


def test_classes_of_unknown_meaning_are_named_with_what_to_add(
    labels: Command, tmp_path: Path
) -> None:
    folder = _coco(tmp_path / "coco", TWO, ("maize", "thistle"))
    with pytest.raises(AgrisegError) as caught:
        labels("import", folder, tmp_path / "field", "--class", "maize=crop")
    assert "classes 'thistle' mean; add --class \"thistle=weed\"" in str(caught.value)
    assert not LabelProject.look(tmp_path / "field").pictures


def test_a_terminal_is_asked_until_the_answer_is_a_class() -> None:
    answers = iter(["grass", " weed ", "crop"])
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question)
        return next(answers)

    found = labels_import.ask_meanings(["thistle", "maize"], ["soil", "crop", "weed"], answer)
    assert found == {"thistle": "weed", "maize": "crop"}
    assert asked[0] == asked[1] == "What does 'thistle' mean (soil, crop, weed)? "


def test_a_class_can_be_kept_apart(labels: Command, tmp_path: Path) -> None:
    folder = _coco(tmp_path / "coco", TWO, ("crop", "Cirsium arvense"))
    labels("import", folder, tmp_path / "field", "--own", "Cirsium arvense=weed")
    project = LabelProject.look(tmp_path / "field")
    (own,) = project.classes.own
    assert (own.name, own.class_id) == ("Cirsium arvense", 3)
    assert (project.labels("a").classes == 3).sum() == 200
    labels("export", tmp_path / "field", "--format", "cvat", "--out", tmp_path / "cvat")
    assert "Cirsium arvense" in (tmp_path / "cvat" / "annotations.xml").read_text()


def test_labels_that_are_there_are_kept(labels: Command, tmp_path: Path) -> None:
    folder = _coco(tmp_path / "coco", TWO, ("crop", "weed"))
    labels("import", folder, tmp_path / "field")
    other = _coco(tmp_path / "other", TWO[:1], ("weed", "crop"))
    said = labels("import", other, tmp_path / "field")
    assert "0 pictures labelled" in said
    assert "1 had labels already, which were kept: a" in said
    look = LabelProject.look(tmp_path / "field").labels
    assert (look("a").classes == 1).sum() == 100
    labels("import", other, tmp_path / "field", "--over-labels", "--state", "in work")
    assert (look("a").classes == 2).sum() == 100
    assert not (look("a").classes == 1).any()
    states = [e.state for e in LabelProject.look(tmp_path / "field").pictures.values()]
    assert states == [PictureState.IN_WORK]


def test_shapes_beyond_the_picture_are_said_and_none_is_lost_silently(
    labels: Command, tmp_path: Path
) -> None:
    boxes = [*TWO, (1, [50.0, 30.0, 90.0, 60.0]), (2, [70.0, 5.0, 90.0, 25.0])]
    folder = _coco(tmp_path / "coco", boxes, ("crop", "weed"))
    with pytest.raises(AgrisegError) as caught:
        labels("import", folder, tmp_path / "field")
    assert "1 shapes lie wholly outside their picture" in str(caught.value)
    assert "annotation 4 of 'a.png'" in str(caught.value)
    said = labels("import", folder, tmp_path / "field", "--drop-outside")
    assert "1 shapes reach beyond their picture and are cut at its border: annotation 3" in said
    assert (LabelProject.look(tmp_path / "field").labels("a").classes == 1).sum() == 200


def test_a_team_labels_elsewhere_and_the_labels_come_home(labels: Command, tmp_path: Path) -> None:
    """From a project to an archive for CVAT without pictures, and back over the old labels."""
    folder = _coco(tmp_path / "coco", TWO, ("crop", "weed"))
    labels("import", folder, tmp_path / "field")
    archive = tmp_path / "for-cvat.zip"
    arguments = ("--format", "cvat", "--out", archive, "--images", "none")
    assert "1 pictures written" in labels("export", tmp_path / "field", *arguments)
    before = LabelProject.look(tmp_path / "field").labels("a")
    said = labels("import", archive, tmp_path / "field", "--over-labels")
    assert "1 pictures labelled" in said
    assert "0 of them new" in said
    after = LabelProject.look(tmp_path / "field").labels("a")
    assert np.array_equal(before.classes, after.classes)
    assert np.array_equal(before.instances > 0, after.instances > 0)


def test_pictures_on_which_nothing_is_drawn_are_left_out_until_said_otherwise(
    labels: Command, tmp_path: Path
) -> None:
    folder = _coco(tmp_path / "coco", TWO, ("crop", "weed"))
    data = json.loads((folder / "labels.json").read_text())
    data["images"].append({"id": 2, "file_name": "b.png", "width": 60, "height": 40})
    (folder / "labels.json").write_text(json.dumps(data))
    cv2.imwrite(str(folder / "images" / "b.png"), np.zeros((40, 60, 3), np.uint8))
    said = labels("import", folder, tmp_path / "field")
    assert "1 pictures on which nothing is drawn are left out" in said
    assert list(LabelProject.look(tmp_path / "field").pictures) == ["a"]
    said = labels("import", folder, tmp_path / "field", "--empty", "soil")
    assert "nothing is drawn count as bare soil" in said
    assert LabelProject.look(tmp_path / "field").pictures["b"].state is PictureState.DONE


def test_pictures_in_other_states_stay_at_home(labels: Command, tmp_path: Path) -> None:
    folder = _coco(tmp_path / "coco", TWO, ("crop", "weed"))
    labels("import", folder, tmp_path / "field", "--state", "in work")
    with pytest.raises(AgrisegError, match="no picture is 'done' or 'reviewed'"):
        labels("export", tmp_path / "field", "--format", "yolo", "--out", tmp_path / "yolo")
    said = labels(
        *("export", tmp_path / "field", "--format", "yolo", "--out", tmp_path / "yolo"),
        *("--state", "in work"),
    )
    assert "1 pictures written" in said


def test_a_data_set_goes_from_one_format_to_another(labels: Command, tmp_path: Path) -> None:
    folder = _coco(tmp_path / "coco", TWO, ("maize", "weed"))
    words = ("--from", "coco", "--format", "voc", "--class", "maize=crop", "--images", "link")
    labels("export", folder, *words, "--out", tmp_path / "voc")
    (sample,) = list_samples(DataSource(name="voc", directory=tmp_path / "voc"), "voc")
    _, mask = sample.load()
    assert ((mask == 1).sum(), (mask == 2).sum()) == (100, 200)


@pytest.mark.parametrize("kind", WRITTEN_FORMATS)
def test_every_format_is_recognised(kind: str, labels: Command, tmp_path: Path) -> None:
    folder = _coco(tmp_path / "coco", TWO, ("crop", "weed"))
    labels("export", folder, "--from", "coco", "--format", kind, "--out", tmp_path / "set")
    said = labels("import", tmp_path / "set", tmp_path / "field")
    assert "1 pictures labelled" in said
    (stem,) = LabelProject.look(tmp_path / "field").pictures
    found = LabelProject.look(tmp_path / "field").labels(stem).classes
    assert ((found == 1).sum(), (found == 2).sum()) == (100, 200)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone", None, "no such file or folder"),
        ("notes.txt", b"hello", "no labels of a known format"),
        ("broken.zip", b"PK but no archive", "cannot be unpacked"),
    ],
)
def test_what_is_no_set_of_labels_is_said(
    name: str, content: bytes | None, message: str, labels: Command, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(AgrisegError, match=message):
        labels("import", tmp_path / name, tmp_path / "field")
    assert not (tmp_path / "field").exists()
