"""Kills, torn files and full disks: at most the last change is lost."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from label_projects import CROP, WEED, dab, new_project

from agriseg.append_file import DiskFile
from agriseg.errors import LabelError
from agriseg.labelling.document import LabelDocument
from agriseg.labelling.journal import Journal, read_journal, segments
from agriseg.labelling.project import LabelProject
from agriseg.labelling.tools.brush import brush
from agriseg.labelling.tools.regions import Paint

_WRITER = """
import sys
from pathlib import Path
import numpy as np
from agriseg.labelling.project import LabelProject
from agriseg.labelling.tools.brush import brush
from agriseg.labelling.tools.regions import Paint

project = LabelProject.edit(Path(sys.argv[1]))
picture = project.open_picture("photo0")
document = picture.document
number = 0
while True:
    number += 1
    document.begin("stroke")
    for step in range(4):
        u, v = (number * 7 + step) % 60, (number * 5) % 40
        what = Paint(class_id=1 + number % 2, plant=number)
        document.apply(brush(document, np.array([[u, v, 3.0]]), what))
    document.end()
    if number % 9 == 0:
        picture.save()
    print(number, flush=True)
"""


def _labels_from(strokes: int) -> list[tuple[bytes, bytes]]:
    """Return what the writing process has painted after so many strokes, and in the next one."""
    document = LabelDocument(np.zeros((40, 60, 3), np.uint8))
    states = []
    for number in range(1, strokes + 2):
        for step in range(4):
            if number == strokes + 1:
                states.append((document.classes.tobytes(), document.instances.tobytes()))
            u, v = (number * 7 + step) % 60, (number * 5) % 40
            what = Paint(class_id=1 + number % 2, plant=number)
            edit = brush(document, np.array([[float(u), float(v), 3.0]]), what)
            assert edit is not None
            document.apply(edit)
    return [*states, (document.classes.tobytes(), document.instances.tobytes())]


@pytest.mark.parametrize("strokes", [3, 20])
def test_a_kill_loses_at_most_the_last_stroke(tmp_path: Path, strokes: int) -> None:
    new_project(tmp_path).close()
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(tmp_path / "project")],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        for _ in range(strokes):
            process.stdout.readline()
        process.kill()
        said_since = process.stdout.read().split()
    finished = strokes + len(said_since)
    with LabelProject.edit(tmp_path / "project") as project:
        labels = project.labels("photo0")
        assert not segments(project.paths.journals, "photo0")
    assert (labels.classes.tobytes(), labels.instances.tobytes()) in _labels_from(finished)


def test_recovery_is_said_and_happens_once(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        picture = project.open_picture("photo1")
        dab(picture.document, 20.0, 10.0)
        picture.save()
        dab(picture.document, 40.0, 10.0, WEED)
        picture.document.undo()
        dab(picture.document, 40.0, 30.0, WEED)
        expected = picture.document.classes.copy()
        picture.abandon()
    with LabelProject.edit(tmp_path / "project") as project:
        [recovered] = project.recovered
        assert (recovered.stem, recovered.changes, recovered.was_torn) == ("photo1", 3, False)
        assert (project.labels("photo1").classes == expected).all()
    with LabelProject.edit(tmp_path / "project") as project:
        assert project.recovered == ()


def test_undo_reaches_back_over_a_crash_that_was_not_recovered_yet(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        picture = project.open_picture("photo1")
        dab(picture.document, 20.0, 10.0)
        dab(picture.document, 40.0, 10.0, WEED)
        picture.abandon()
        again = project.open_picture("photo1")
        assert again.recovered_changes == 2
        assert not again.is_saved
        again.document.undo()
        assert again.document.classes[10, 40] == 0
        assert again.document.classes[10, 20] == 1
        again.close()


@pytest.mark.parametrize("lost_bytes", [1, 7, 8, 9, 40])
def test_a_change_that_was_cut_off_in_the_writing_is_left_out(
    tmp_path: Path, lost_bytes: int
) -> None:
    document = LabelDocument(np.zeros((40, 60, 3), np.uint8))
    journal = Journal(tmp_path, "photo")
    document.record(journal.add)
    for u in (10.0, 30.0, 50.0):
        dab(document, u, 20.0)
    journal.close()
    [(_, path)] = segments(tmp_path, "photo")
    path.write_bytes(path.read_bytes()[:-lost_bytes])
    read = read_journal(tmp_path, "photo")
    assert read.torn
    assert len(read.changes) == 2


@pytest.mark.parametrize("place", [20, -1])
def test_a_damaged_record_and_all_behind_it_are_left_out(tmp_path: Path, place: int) -> None:
    document = LabelDocument(np.zeros((40, 60, 3), np.uint8))
    journal = Journal(tmp_path, "photo")
    document.record(journal.add)
    sizes = []
    for u in (10.0, 30.0, 50.0):
        dab(document, u, 20.0)
        sizes.append(segments(tmp_path, "photo")[0][1].stat().st_size)
    journal.close()
    [(_, path)] = segments(tmp_path, "photo")
    data = bytearray(path.read_bytes())
    data[sizes[0] + place if place > 0 else sizes[1] + place] ^= 1
    path.write_bytes(data)
    read = read_journal(tmp_path, "photo")
    assert read.torn
    assert len(read.changes) == 1


def test_a_file_that_is_no_journal_is_not_replayed(tmp_path: Path) -> None:
    (tmp_path / "photo.000001.strokes").write_bytes(b"something else")
    assert read_journal(tmp_path, "photo").changes == ()
    assert read_journal(tmp_path, "photo").torn


def test_a_crash_between_saving_and_dropping_the_journal_changes_nothing(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        picture = project.open_picture("photo0")
        dab(picture.document, 20.0, 10.0)
        dab(picture.document, 24.0, 10.0, WEED)
        snapshot = picture.snapshot()
        dab(picture.document, 28.0, 10.0)
        snapshot.write()
        expected = picture.document.classes.copy()
        picture.abandon()
        assert len(segments(project.paths.journals, "photo0")) == 2
    with LabelProject.edit(tmp_path / "project") as project:
        assert (project.labels("photo0").classes == expected).all()


def test_a_snapshot_leaves_later_strokes_in_the_journal(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        picture = project.open_picture("photo0")
        dab(picture.document, 20.0, 10.0)
        snapshot = picture.snapshot()
        dab(picture.document, 40.0, 10.0, WEED)
        snapshot.write()
        picture.saved(snapshot)
        assert not picture.is_saved
        assert project.labels("photo0").classes[10, 40] == 0
        picture.abandon()
    with LabelProject.edit(tmp_path / "project") as project:
        assert project.recovered[0].changes == 1
        assert project.labels("photo0").classes[10, 40] == 2


class _SmallDisk:
    """Opens files on a disk with room for so many bytes."""

    def __init__(self) -> None:
        self.room_bytes = 600

    def __call__(self, path: Path) -> DiskFile:
        disk = self

        class Limited(DiskFile):
            def write(self, data: bytes) -> None:
                super().write(data[: disk.room_bytes])
                if len(data) > disk.room_bytes:
                    disk.room_bytes = 0
                    raise OSError(errno.ENOSPC, "No space left on device")
                disk.room_bytes -= len(data)

        return Limited(path)


def test_on_a_full_disk_strokes_wait_in_memory_until_there_is_room(tmp_path: Path) -> None:
    disk = _SmallDisk()
    document = LabelDocument(np.zeros((40, 60, 3), np.uint8))
    journal = Journal(tmp_path, "photo", disk)
    document.record(journal.add)
    for u in range(5, 55, 5):
        dab(document, float(u), 20.0)
    assert "there is no room left on the disk; free some" in journal.problem
    kept = read_journal(tmp_path, "photo")
    assert 0 < len(kept.changes) < 10
    assert not kept.torn, "what was written by halves was cut off again"
    disk.room_bytes = 100_000
    dab(document, 30.0, 35.0, WEED)
    assert journal.problem == ""
    assert len(read_journal(tmp_path, "photo").changes) == 11
    journal.close()


def test_labels_that_do_not_fit_the_disk_stay_in_memory_and_in_the_journal(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full to write to")
    with new_project(tmp_path) as project:
        picture = project.open_picture("photo0")
        dab(picture.document, 20.0, 10.0)
        masks = project.paths.mask("photo0").parent
        masks.mkdir()
        partial = masks / "photo0.png.part"
        partial.symlink_to(full)
        with pytest.raises(LabelError, match=r"photo0\.png: there is no room left on the disk"):
            picture.save()
        assert not picture.is_saved
        assert segments(project.paths.journals, "photo0")
        assert picture.save() == ()
        assert project.labels("photo0").classes[10, 20] == CROP.class_id
        picture.close()
        assert not segments(project.paths.journals, "photo0")


def test_a_journal_of_a_picture_that_is_gone_waits_for_it(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        picture = project.open_picture("photo0")
        dab(picture.document, 20.0, 10.0)
        picture.abandon()
        project.image_path("photo0").rename(tmp_path / "away.png")
    with LabelProject.edit(tmp_path / "project") as project:
        [recovered] = project.recovered
        assert "photo0.png: cannot be read" in recovered.problem
        project.relink("photo0", tmp_path / "away.png")
        picture = project.open_picture("photo0")
        assert picture.recovered_changes == 1
        assert picture.document.classes[10, 20] == 1
        picture.close()


def test_names_that_begin_alike_have_journals_of_their_own(tmp_path: Path) -> None:
    document = LabelDocument(np.zeros((40, 60, 3), np.uint8))
    journal = Journal(tmp_path, "photo.000001.strokes")
    document.record(journal.add)
    dab(document, 20.0, 10.0)
    journal.close()
    assert read_journal(tmp_path, "photo").changes == ()
    assert len(read_journal(tmp_path, "photo.000001.strokes").changes) == 1
