"""Frames of folders, videos and runs: looked at, valued, selected, put where they are wanted."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from agriseg.commands import labels_select
from agriseg.errors import AgrisegError, CameraError, DatasetError, RecordingError
from agriseg.labelling.project import LabelProject
from agriseg.messages import Frame, Segmentation, UInt8Array
from agriseg.recording.marks import Mark, RunNotes, write_notes
from agriseg.selection.candidates import (
    FolderCandidates,
    RunCandidates,
    VideoCandidates,
    open_candidates,
)
from agriseg.selection.selecting import Selection, select_frames
from agriseg.selection.valuing import Weights


def _picture(seed: int) -> UInt8Array:
    """Return clods of their own colour, 160x120."""
    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.normal(size=(120, 160)).astype(np.float32), (0, 0), 3.0)
    colour = rng.uniform(60, 160, 3)
    return np.clip(colour + 200.0 * noise[..., None], 0, 255).astype(np.uint8)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Write nine pictures; those from 3 on are the same ground as 2."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(9):
        picture = np.roll(_picture(min(number, 2)), 2 * max(0, number - 2), axis=0)
        cv2.imwrite(str(folder / f"p{number}.png"), picture)
    return folder


class _Doubtful:
    """A model that is sure of everything but of one picture, which it finds unfamiliar."""

    name = "doubtful"

    def __init__(self, picture: UInt8Array) -> None:
        self._picture = picture

    def segment(self, frame: Frame) -> Segmentation:
        h, w = frame.image.shape[:2]
        is_it = np.array_equal(frame.image, self._picture)
        weed = np.full((h, w), 150 if is_it else 0, np.uint8)
        return Segmentation(
            frame_id=frame.frame_id,
            t_capture_s=frame.t_capture_s,
            labels=np.where(weed > 128, 2, 0).astype(np.uint8),
            weed_probability=weed,
            crop_probability=np.zeros((h, w), np.uint8),
            forward_ms=1.0,
            segmenter=self.name,
            unfamiliarity=1.5 if is_it else 0.2,
        )

    def close(self) -> None:
        """Nothing is open."""


def _names(selection: Selection) -> list[str]:
    return [choice.candidate.name for choice in selection.choices]


def test_near_duplicates_are_left_out(photos: Path) -> None:
    selection = select_frames([FolderCandidates(photos)], 9)
    assert len(selection.choices) == 3
    assert {"p0", "p1"} <= set(_names(selection))
    assert (selection.looked_at, selection.duplicates) == (9, 6)
    assert selection.coverage == pytest.approx(1.0)
    assert np.isnan(selection.expected_gain)


def test_what_the_model_doubts_comes_first_and_says_why(photos: Path) -> None:
    model = _Doubtful(_picture(1))
    selection = select_frames([FolderCandidates(photos)], 2, segmenter=model)
    first = selection.choices[0]
    assert first.candidate.name == "p1"
    assert first.reasons == (
        "41% of its plants are doubtful to the model",
        "unlike what the model was trained on",
    )
    assert selection.choices[1].reasons == ("for variety",)
    assert 0.0 < selection.expected_gain <= selection.expected_error


def test_what_is_labelled_already_is_not_selected_again(photos: Path) -> None:
    labelled = [_picture(0), _picture(2)]
    selection = select_frames([FolderCandidates(photos)], 9, labelled=labelled)
    assert _names(selection) == ["p1"]


def test_pictures_that_cannot_be_read_are_named(photos: Path) -> None:
    (photos / "broken.png").write_bytes(b"no picture")
    selection = select_frames([FolderCandidates(photos)], 9)
    assert list(selection.unreadable) == ["broken"]
    assert "cannot be read as an image" in selection.unreadable["broken"]
    assert len(selection.choices) == 3


def test_only_so_many_are_looked_at_evenly(photos: Path) -> None:
    seen: list[tuple[int, int]] = []
    selection = select_frames(
        [FolderCandidates(photos)], 9, most=3, on_progress=lambda *done: seen.append(done)
    )
    assert selection.looked_at == 3
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert {"p0"} < set(_names(selection)) | {"p0", "p3", "p6"}


@pytest.mark.parametrize("budget", [0, -3])
def test_a_budget_of_nothing_is_refused(photos: Path, budget: int) -> None:
    with pytest.raises(DatasetError, match="expected 1 or more"):
        select_frames([FolderCandidates(photos)], budget)


def test_a_video_gives_two_frames_a_second(tmp_path: Path) -> None:
    path = tmp_path / "drive.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (160, 120))
    for number in range(40):
        writer.write(_picture(number // 5))
    writer.release()
    source = open_candidates(path)
    assert isinstance(source, VideoCandidates)
    assert [one.index for one in source.candidates] == list(range(0, 40, 5))
    last = source.image(source.candidates[-1])
    again = source.image(source.candidates[1])
    assert np.abs(last.astype(int) - _picture(7)).mean() < 6.0
    assert np.abs(again.astype(int) - _picture(1)).mean() < 6.0
    source.close()


@pytest.fixture
def run(repository: Path, tmp_path: Path) -> Path:
    """Return a copy of the sample run: one second, 20 frames, weeds given up all along."""
    folder = tmp_path / "run-a"
    shutil.copytree(repository / "tests" / "golden" / "run-v1", folder)
    return folder


def test_a_run_gives_its_marked_frames_and_where_weeds_were_given_up(run: Path) -> None:
    write_notes(run, RunNotes(marks=(Mark(mark_id=1, t_s=500.36, text="docks"),)))
    source = open_candidates(run)
    assert isinstance(source, RunCandidates)
    marked = [one for one in source.candidates if one.marks]
    assert [(one.index, one.marks) for one in marked] == [(6, ("docks",))]
    assert [one.index for one in source.candidates] == [0, 6, 10]
    assert source.candidates[0].missed > source.candidates[-1].missed > 0
    selection = select_frames([source], 1, weights=Weights(missed=0.0))
    assert selection.choices[0].candidate.index == 6
    assert selection.choices[0].reasons[0] == "marked: docks"
    assert "weeds given up soon after" in selection.choices[0].reasons[1]
    source.close()


@pytest.mark.parametrize(("t_s", "index"), [(500.05, 0), (500.55, 10), (500.96, 18)])
def test_what_the_operator_marked_comes_before_all_else(run: Path, t_s: float, index: int) -> None:
    write_notes(run, RunNotes(marks=(Mark(mark_id=1, t_s=t_s, text=""),)))
    source = open_candidates(run)
    chosen = select_frames([source], 1).choices[0]
    source.close()
    assert chosen.candidate.index == index
    assert chosen.reasons[0] == "marked"


def test_what_is_no_source_is_said(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match="no such file or folder"):
        open_candidates(tmp_path / "gone")
    with pytest.raises(CameraError, match="no image in this folder"):
        open_candidates(tmp_path)
    (tmp_path / "a.mp4").write_bytes(b"no video")
    with pytest.raises(CameraError, match="not a video"):
        open_candidates(tmp_path / "a.mp4")
    with pytest.raises(RecordingError):
        open_candidates(_empty(tmp_path / "data-0000.mcap"))


def _empty(path: Path) -> Path:
    path.write_bytes(b"")
    return path


def _select(*words: str | Path) -> int:
    parser = argparse.ArgumentParser()
    labels_select.add_action(parser.add_subparsers())
    arguments = parser.parse_args(["select", *map(str, words)])
    status: int = arguments.run(arguments)
    return status


def test_selected_frames_come_into_a_project_once(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (photos, "--model", "none", "--budget", "2", "--project", tmp_path / "field")
    assert _select(*words) == 0
    assert "2 frames added" in capsys.readouterr().out
    first = set(LabelProject.look(tmp_path / "field").pictures)
    assert len(first) == 2
    assert _select(*words) == 0
    said = capsys.readouterr().out
    assert "1 frames added" in said
    assert len(LabelProject.look(tmp_path / "field").pictures) == 3


def test_selected_frames_of_a_run_are_written(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "to-label"
    assert _select(run, "--model", "none", "--budget", "1", "--out", out) == 0
    (path,) = out.iterdir()
    assert path.name.startswith("run-a_0000")
    assert cv2.imread(str(path)) is not None
    with pytest.raises(AgrisegError, match="nothing is overwritten"):
        _select(run, "--model", "none", "--budget", "1", "--out", out)
