"""Projects: made, opened, locked, saved, moved; nothing lost."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from label_projects import CROP, WEED, dab, new_project, write_photos

from agriseg.clock import VirtualClock
from agriseg.datasets.folder import list_folder
from agriseg.errors import LabelError, ProjectInUseError
from agriseg.labelling.classes import ClassList, LabelClass
from agriseg.labelling.pictures import PictureState
from agriseg.labelling.project import LabelProject
from agriseg.labelling.tools.regions import Paint
from agriseg.messages import ClassId
from agriseg.opencv import cv2


def test_a_new_project_lists_its_pictures_as_to_do(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        assert list(project.pictures) == ["photo0", "photo1", "photo2"]
        assert {entry.state for entry in project.pictures.values()} == {PictureState.TO_DO}
        groups = json.loads((project.directory / "groups.json").read_text())
        assert set(groups.values()) == {"north field"}


def test_labels_come_back_as_they_were(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        picture = project.open_picture("photo1")
        dab(picture.document, 20.0, 10.0)
        dab(picture.document, 40.0, 20.0, WEED)
        edit = picture.document.edit("stem", picture.document.rect, stems={2: (40.5, 20.25)})
        assert edit is not None
        picture.document.apply(edit)
        assert not picture.is_saved
        picture.close()
        assert picture.is_saved
    with LabelProject.look(tmp_path / "project") as project:
        read = project.document("photo1")
    assert read.classes.tobytes() == picture.document.classes.tobytes()
    assert read.instances.tobytes() == picture.document.instances.tobytes()
    assert dict(read.stems) == {2: (40.5, 20.25)}
    assert read.confidence is None


def test_training_reads_what_is_done_or_reviewed_and_nothing_else(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        for stem in project.pictures:
            picture = project.open_picture(stem)
            dab(picture.document, 20.0, 10.0)
            picture.close()
        project.set_state("photo0", PictureState.DONE)
        project.set_state("photo2", PictureState.REVIEWED)
    samples = list_folder(tmp_path / "project", "mine")
    assert [(sample.stem, sample.group) for sample in samples] == [
        ("photo0", "north field"),
        ("photo2", "north field"),
    ]
    _, labels = samples[0].load_labels()
    assert labels.mask[10, 20] == ClassId.CROP
    assert labels.ids is not None
    assert labels.ids[10, 20] == 1


def test_own_classes_are_kept_and_count_for_what_they_mean_in_training(tmp_path: Path) -> None:
    thistle = LabelClass(
        class_id=3, name="thistle", meaning=ClassId.WEED, colour="#aa00aa", shortcut="4"
    )
    with new_project(tmp_path) as project:
        project.set_classes(ClassList.checked([*project.classes, thistle], "test"))
        picture = project.open_picture("photo0")
        dab(picture.document, 20.0, 10.0, Paint(class_id=3, plant=7))
        picture.close()
        project.set_state("photo0", PictureState.DONE)
    [sample] = list_folder(tmp_path / "project", "mine")
    _, mask = sample.load()
    assert mask[10, 20] == ClassId.WEED
    with LabelProject.look(tmp_path / "project") as project:
        assert project.labels("photo0").classes[10, 20] == 3
        assert project.classes[3] == thistle
        cv2.imwrite(str(project.paths.mask("photo0")), np.ones((40, 60), np.uint8))
        assert project.labels("photo0").classes[10, 20] == 1, "the mask of another program holds"


def test_a_picture_without_any_label_can_be_done_as_bare_soil(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        project.set_state("photo1", PictureState.DONE)
    [sample] = list_folder(tmp_path / "project", "mine")
    assert not sample.load()[1].any()


def test_the_list_that_was_handed_out_shows_later_changes(tmp_path: Path) -> None:
    with new_project(tmp_path, 2) as project:
        pictures = project.pictures
        project.add_pictures(
            [write_photos(tmp_path / "a", 1, seed=9)[0].rename(tmp_path / "a.png")]
        )
        project.set_state("a", PictureState.DONE)
        assert list(pictures) == ["a", "photo0", "photo1"]
        assert pictures["a"].state is PictureState.DONE


def test_the_first_change_sets_the_state(tmp_path: Path) -> None:
    with new_project(tmp_path, who="Ada") as project:
        picture = project.open_picture("photo0")
        assert project.pictures["photo0"].state is PictureState.TO_DO
        dab(picture.document, 20.0, 10.0)
        assert project.pictures["photo0"].state is PictureState.IN_WORK
        project.set_state("photo0", PictureState.REVIEWED)
        picture.close()
        assert project.pictures["photo0"].state is PictureState.REVIEWED
        again = project.open_picture("photo0")
        dab(again.document, 30.0, 10.0)
        assert project.pictures["photo0"].state is PictureState.DONE, "to be looked over again"
        assert project.pictures["photo0"].by == "Ada"
        again.close()


def test_time_of_work_counts_edits_and_short_pauses(tmp_path: Path) -> None:
    clock = VirtualClock()
    with new_project(tmp_path, clock=clock) as project:
        picture = project.open_picture("photo0")
        for at_s in (100.0, 110.0, 130.0, 4000.0):
            clock.sleep_until(at_s)
            dab(picture.document, at_s % 50.0, 20.0, Paint(class_id=2, plant=int(at_s)))
        picture.close()
        assert project.pictures["photo0"].work_s == pytest.approx(10.0 + 20.0 + 60.0)


def test_two_editors_are_kept_apart_and_lookers_are_not(tmp_path: Path) -> None:
    with new_project(tmp_path, who="Ada") as project:
        with pytest.raises(ProjectInUseError, match=r"Ada edits this project on .* since"):
            LabelProject.edit(project.directory)
        with LabelProject.look(project.directory) as seen:
            assert len(seen.pictures) == 3
            with pytest.raises(LabelError, match="to look at only"):
                seen.open_picture("photo0")
    LabelProject.edit(tmp_path / "project").close()


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    new_project(tmp_path).close()
    code = (
        "import sys, os\n"
        "from pathlib import Path\n"
        "from agriseg.labelling.project import LabelProject\n"
        "project = LabelProject.edit(Path(sys.argv[1]), who='Bob')\n"
        "print('open', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "project")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        with pytest.raises(ProjectInUseError, match=f"Bob edits .*process {process.pid}"):
            LabelProject.edit(tmp_path / "project")
        process.kill()
    LabelProject.edit(tmp_path / "project").close()


def test_the_same_picture_is_added_once_and_names_never_clash(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        same = write_photos(tmp_path / "copies")
        others = write_photos(tmp_path / "south field", seed=1)
        added = project.add_pictures([*same, *others])
        assert added.known == tuple(same)
        assert added.stems == ("photo0-2", "photo1-2", "photo2-2")
        assert len(project.pictures) == 6


def test_an_unreadable_file_is_refused_and_those_before_it_stay(tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    with LabelProject.create(tmp_path / "project") as project:
        [good] = write_photos(tmp_path / "photos", 1)
        with pytest.raises(LabelError, match=r"broken\.png: cannot be read as an image"):
            project.add_pictures([good, broken])
    with LabelProject.look(tmp_path / "project") as project:
        assert list(project.pictures) == ["photo0"]


def test_a_folder_of_labelled_images_becomes_a_project_as_it_is(tmp_path: Path) -> None:
    write_photos(tmp_path / "old" / "images", 2)
    (tmp_path / "old" / "masks").mkdir()
    cv2.imwrite(str(tmp_path / "old" / "masks" / "photo0.png"), np.full((40, 60), 2, np.uint8))
    with LabelProject.create(tmp_path / "old") as project:
        assert project.pictures["photo0"].state is PictureState.DONE
        assert project.pictures["photo1"].state is PictureState.TO_DO
        assert (project.labels("photo0").classes == 2).all()
    with pytest.raises(LabelError, match="there is a project already"):
        LabelProject.create(tmp_path / "old")


def test_images_put_into_the_folder_are_listed_at_the_next_opening(tmp_path: Path) -> None:
    new_project(tmp_path).close()
    images = tmp_path / "project" / "images"
    write_photos(tmp_path / "new", 1, seed=5)[0].rename(images / "late.png")
    (images / "broken.jpg").write_bytes(b"")
    with LabelProject.edit(tmp_path / "project") as project:
        assert project.pictures["late"].state is PictureState.TO_DO
        [problem] = project.problems
        assert "broken.jpg: cannot be read as an image" in problem


def test_a_moved_picture_is_found_by_its_content(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        picture = project.open_picture("photo1")
        dab(picture.document, 20.0, 10.0)
        picture.close()
        elsewhere = tmp_path / "disk" / "deep"
        elsewhere.mkdir(parents=True)
        project.image_path("photo1").rename(elsewhere / "renamed.bin")
        assert project.missing() == ("photo1",)
        found = project.find_moved(tmp_path / "disk")
        assert found == {"photo1": elsewhere / "renamed.bin"}
        project.relink("photo1", found["photo1"])
        assert project.missing() == ()
        assert project.document("photo1").classes[10, 20] == 1


def test_another_picture_is_not_taken_for_a_missing_one(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        project.image_path("photo1").unlink()
        assert project.find_moved(tmp_path / "project") == {}
        with pytest.raises(LabelError, match=r"not that of photo1\.png, whose labels"):
            project.relink("photo1", project.image_path("photo0"))


def test_a_linked_picture_that_moved_is_missing_and_can_be_linked_again(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 1)
    with LabelProject.create(tmp_path / "project") as project:
        project.add_pictures(photos, link=True)
        assert project.image_path("photo0").is_symlink()
        photos[0].rename(tmp_path / "moved.png")
        assert project.missing() == ("photo0",)
        project.relink("photo0", tmp_path / "moved.png", link=True)
        assert project.missing() == ()


def test_another_picture_under_the_same_name_is_refused(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        path = project.image_path("photo0")
        path.unlink()
        cv2.imwrite(str(path), np.zeros((50, 50, 3), np.uint8))
        with pytest.raises(LabelError, match="50x50 pixels, but was added with 60x40"):
            project.open_picture("photo0")


def test_what_another_program_wrote_meanwhile_is_kept(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        picture = project.open_picture("photo0")
        dab(picture.document, 20.0, 10.0)
        picture.save()
        foreign = np.full((40, 60), 2, np.uint8)
        cv2.imwrite(str(project.paths.mask("photo0")), foreign)
        dab(picture.document, 40.0, 20.0)
        [kept] = picture.close()
        assert (cv2.imread(str(kept), cv2.IMREAD_UNCHANGED) == foreign).all()
        assert project.labels("photo0").classes[20, 40] == 1


def test_a_picture_can_be_taken_out_with_its_labels(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        picture = project.open_picture("photo0")
        dab(picture.document, 20.0, 10.0)
        picture.close()
        kept = project.remove_picture("photo0")
        assert "photo0" not in project.pictures
        assert sorted(p.relative_to(kept).as_posix() for p in kept.rglob("*.png")) == [
            "images/photo0.png",
            "instances/photo0.png",
            "masks/photo0.png",
        ]


def test_a_folder_without_a_project_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="make one with `agriseg labels new"):
        LabelProject.edit(tmp_path)
    assert not (tmp_path / ".labelling").exists()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("version = 1", "version = 2", "version is 2, this program reads 1"),
        ('meaning = "weed"', 'meaning = "tree"', "meaning is 'tree'; expected soil, crop"),
        ("id = 2\n", "id = 1\n", "class_id 1 is there twice"),
        ("id = 2\n", "id = 300\n", "id is 300; expected 0 to 255"),
        ("id = 2\n", "id = 7\n", "class 2 must be there and mean weed"),
        ('colour = "', 'color = "', "unknown key 'color'"),
        ('shortcut = "2"', 'shortcut = "1"', "shortcut '1' is there twice"),
        ("[[class]]", "[[", "cannot be read as TOML"),
        ("name = ", "nome = ", "unknown key 'nome'"),
    ],
)
def test_a_project_file_that_cannot_be_is_refused(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    new_project(tmp_path, 1).close()
    path = tmp_path / "project" / "project.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(LabelError, match="project.toml.*" + words.replace("[", r"\[")):
        LabelProject.look(path.parent)


def test_a_list_of_pictures_from_a_newer_program_is_refused(tmp_path: Path) -> None:
    with new_project(tmp_path, 1) as project:
        path = project.paths.pictures
    path.write_text(path.read_text().replace('"version": 1', '"version": 9'))
    with pytest.raises(LabelError, match=r"images\.json: version is 9"):
        LabelProject.look(path.parent)
    path.write_text("{")
    with pytest.raises(LabelError, match="restore it from a copy, or delete it"):
        LabelProject.look(path.parent)


def test_class_colours_and_names_survive_the_file(tmp_path: Path) -> None:
    odd = LabelClass(
        class_id=254, name='gr"oß\n', meaning=ClassId.IGNORE, colour="#010203", shortcut="\\"
    )
    with new_project(tmp_path, 1) as project:
        classes = [replace(one, colour="#FFFFFF") for one in project.classes]
        project.set_classes(ClassList.checked([*classes, odd], "test"))
    with LabelProject.look(tmp_path / "project") as project:
        assert project.classes[254] == odd
        assert project.classes[0].rgb == (255, 255, 255)
        assert CROP.class_id == 1
