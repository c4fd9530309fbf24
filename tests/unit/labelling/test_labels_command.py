"""``agriseg labels``: what a user types, and what comes back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from label_projects import CROP, WEED, dab, write_photos

from agriseg import app
from agriseg.labelling.project import LabelProject
from agriseg.labelling.tools.brush import brush
from agriseg.labelling.tools.regions import Paint
from agriseg.opencv import cv2


def _labels(*arguments: object) -> int:
    return app.main(["labels", *map(str, arguments)])


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Make a project of three pictures, the first of which is labelled."""
    write_photos(tmp_path / "photos")
    assert _labels("new", tmp_path / "project", "--images", tmp_path / "photos") == 0
    with LabelProject.edit(tmp_path / "project") as opened:
        picture = opened.open_picture("photo0")
        dab(picture.document, 20.0, 20.0)
        dab(picture.document, 45.0, 20.0, WEED)
        picture.close()
    return tmp_path / "project"


def test_making_a_project_says_what_it_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_photos(tmp_path / "images")
    assert _labels("new", tmp_path, "--name", "north") == 0
    assert "new label project 'north'\n3 pictures were there, 0 with" in capsys.readouterr().out
    write_photos(tmp_path / "photos", 2, seed=4)
    assert _labels("new", tmp_path / "p", "--images", tmp_path / "photos") == 0
    assert "2 pictures added; 2 in all" in capsys.readouterr().out
    assert LabelProject.look(tmp_path / "p").name == "p"


def test_a_project_is_listed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _labels("list", project) == 0
    text = capsys.readouterr().out
    assert "in work" in text.splitlines()[0]
    assert text.endswith("3 pictures: 2 to do, 1 in work, 0 done, 0 reviewed\n")
    assert _labels("list", project, "--state", "to do", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["file"], row["state"]) for row in rows] == [
        ("photo1.png", "to do"),
        ("photo2.png", "to do"),
    ]


def test_a_second_project_in_one_folder_is_refused(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _labels("new", project) == 2
    assert "there is a project already; open it instead" in capsys.readouterr().err


def test_states_are_set_for_all_or_for_none(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _labels("state", project, "done", "photo1", "photo9") == 2
    assert "there is no picture 'photo9'" in capsys.readouterr().err
    assert LabelProject.look(project).pictures["photo1"].state == "to do"
    assert _labels("state", project, "reviewed", "photo1", "--who", "Ada") == 0
    entry = LabelProject.look(project).pictures["photo1"]
    assert (entry.state, entry.by) == ("reviewed", "Ada")
    assert _labels("state", project, "done", "--all") == 0
    assert {e.state for e in LabelProject.look(project).pictures.values()} == {"done"}
    assert _labels("state", project, "done") == 2
    assert "or give --all" in capsys.readouterr().err


def test_statistics_in_words_and_numbers(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert _labels("stats", project) == 0
    text = capsys.readouterr().out
    assert "labels of 1 pictures that are begun or finished" in text
    assert "2.04%" in text, "49 of 2400 pixels are crop"
    assert _labels("stats", project, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["states"]["in work"] == 1
    assert found["seconds_per_picture"] is None
    assert found["classes"][1]["plants"] == 1


def test_a_check_says_where_and_what(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _labels("check", project) == 2
    assert "no picture is finished" in capsys.readouterr().err
    with LabelProject.edit(project) as opened:
        picture = opened.open_picture("photo1")
        edit = picture.document.edit("stem", picture.document.rect, stems={4: (7.0, 8.0)})
        assert edit is not None
        picture.document.apply(edit)
        picture.close()
    assert _labels("check", project, "photo1") == 1
    text = capsys.readouterr().out
    assert "photo1 at 7,8: stem without plant: the stem of plant 4 is there" in text
    assert "1 pictures checked: 1 findings, 0 without any" in text
    assert _labels("check", project, "photo1", "--json") == 1
    rows = json.loads(capsys.readouterr().out)
    assert {"picture": "photo1", "plant": 4}.items() <= rows[-1].items()


def test_a_grey_picture_without_labels_has_no_finding(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((50, 50, 3), 90, np.uint8))
    assert _labels("new", tmp_path / "p", "--images", tmp_path / "grey.png") == 0
    assert _labels("check", tmp_path / "p", "grey") == 0
    assert "1 pictures checked: 0 findings, 1 without any" in capsys.readouterr().out


def test_two_labellers_are_compared(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    assert _labels("new", other, "--images", tmp_path / "photos") == 0
    with LabelProject.edit(other) as opened:
        picture = opened.open_picture("photo0")
        dab(picture.document, 20.0, 20.0)
        edit = brush(picture.document, np.array([[45.0, 20.0, 8.0]]), Paint(class_id=2, plant=1))
        assert edit is not None
        picture.document.apply(edit)
        picture.close()
    assert _labels("agree", project, other) == 2
    assert "that both have finished in common" in capsys.readouterr().err
    assert _labels("state", project, "done", "photo0") == 0
    assert _labels("state", other, "done", "photo0") == 0
    capsys.readouterr()
    assert _labels("agree", project, other) == 0
    text = capsys.readouterr().out
    assert "IoU soil 0.936, crop 1.000, weed 0.249, kappa" in text
    assert f"crop plants: {CROP.plant} in both, 0 in" in text
    assert _labels("agree", project, other, "--unfinished", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["pictures"]) == 3
    assert found["pictures"][0]["picture"] == "photo0"


def test_moved_pictures_are_linked_again(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "away").mkdir()
    (project / "images" / "photo2.png").rename(tmp_path / "away" / "x.png")
    (project / "images" / "photo1.png").unlink()
    (tmp_path / "photos" / "photo1.png").unlink()
    _labels("list", project)
    assert "photo2  file is missing: `agriseg labels relink`" in capsys.readouterr().out
    assert _labels("relink", project, tmp_path / "away") == 1
    text = capsys.readouterr().out
    assert "photo2: found as" in text
    assert "photo1: not below" in text
    assert LabelProject.look(project).missing() == ("photo1",)


def test_pictures_are_added_once(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_photos(tmp_path / "more", 1, seed=8)
    assert _labels("add", project, tmp_path / "photos", tmp_path / "more") == 0
    words = "1 pictures added, 3 left out: they are in the project already; 4 in all"
    assert words in capsys.readouterr().out
    assert "photo0-2" in LabelProject.look(project).pictures


def test_the_shipped_model_begins_the_labels(
    tmp_path: Path, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = min((shared_data / "maize" / "images").iterdir())
    assert _labels("new", tmp_path / "p", "--images", photo) == 0
    assert _labels("prelabel", tmp_path / "p", "--threads", 1) == 0
    with LabelProject.look(tmp_path / "p") as project:
        [entry] = project.pictures.values()
        assert entry.state == "in work"
        labels = project.labels(entry.stem)
        assert labels.confidence is not None
        assert labels.confidence.max() < 255, "a model is never as sure as a person"
        assert (labels.classes == 1).any()
        assert labels.instances.any()
    capsys.readouterr()
    assert _labels("prelabel", tmp_path / "p") == 0
    assert capsys.readouterr().out == "no picture is to do\n"
