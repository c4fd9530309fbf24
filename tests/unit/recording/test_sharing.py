"""A copy that says nothing of where it was made, and which runs stay on the disk."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from recording_samples import CONFIG, START_S, record

from agriseg.commands.runs_disk import add_actions
from agriseg.errors import RecordingError
from agriseg.field_config import RecordConfig
from agriseg.messages import FixQuality, PositionFix, RunEvent
from agriseg.recording import topics
from agriseg.recording.reader import open_run
from agriseg.recording.recorder import RunRecorder
from agriseg.recording.run_directories import delete_run, is_run, set_starred
from agriseg.recording.sharing import copy_without_position

LATITUDE = 48.123456


def place(index: int, recorder: RunRecorder) -> None:
    recorder.position(
        PositionFix(
            t_s=START_S + 0.05 * index,
            quality=FixQuality.RTK_FIXED,
            latitude_deg=LATITUDE,
            longitude_deg=11.654321,
            altitude_m=float("nan"),
        )
    )
    if index == 5:
        text = "The boundary Lower Meadow closes 2 nozzles."
        recorder.event(RunEvent(t_s=START_S + 0.25, kind="alarm", text=text))


def test_a_copy_without_position_holds_all_but_places_and_names(tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"record": RecordConfig(operator="Q. Operator")})
    record(tmp_path / "run", 30, between=place, config=config)
    (tmp_path / "run" / "report.html").write_text("Lower Meadow")
    copy_without_position(tmp_path / "run", tmp_path / "copy")
    with open_run(tmp_path / "run") as run, open_run(tmp_path / "copy") as copy:
        assert len(list(run.records({topics.POSITION}))) == 31
        assert not list(copy.records({topics.POSITION}))
        assert copy.recovery.is_whole
        assert copy.frame_count == 30
        assert np.array_equal(copy.frame(17).image, run.frame(17).image)
        kept = frozenset(topics.DATA_TOPICS) - {topics.POSITION, topics.EVENT}
        assert [repr(r) for r in copy.records(kept)] == [repr(r) for r in run.records(kept)]
        assert copy.config.boom == run.config.boom
    files = b"".join(path.read_bytes() for path in (tmp_path / "copy").iterdir())
    for told in (b"48.123456", b"Lower Meadow", b"Q. Operator"):
        assert told not in files
    with open_run(tmp_path / "copy") as copy:
        everything = "".join(repr(r) for r in copy.records())
    assert "48.123456" not in everything
    assert "Meadow" not in everything


def test_a_copy_overwrites_nothing(tmp_path: Path) -> None:
    record(tmp_path / "run", 3)
    (tmp_path / "copy").mkdir()
    with pytest.raises(RecordingError, match="not overwritten"):
        copy_without_position(tmp_path / "run", tmp_path / "copy")


def old_run(directory: Path) -> Path:
    record(directory, 3)
    for file in directory.iterdir():
        os.utime(file, (1_700_000_000, 1_700_000_000))
    return directory


def test_a_run_is_deleted_only_when_it_is_over_and_not_starred(tmp_path: Path) -> None:
    record(tmp_path / "fresh", 3)
    with pytest.raises(RecordingError, match="may still be going on"):
        delete_run(tmp_path / "fresh")
    run = old_run(tmp_path / "old")
    set_starred(run, True)
    os.utime(run / "starred", (1_700_000_000, 1_700_000_000))
    with pytest.raises(RecordingError, match="starred"):
        delete_run(run)
    set_starred(run, False)
    assert delete_run(run) > 0
    assert not run.exists()
    with pytest.raises(RecordingError, match="no run here"):
        delete_run(run)


def command(*words: str) -> int:
    import argparse

    parser = argparse.ArgumentParser()
    add_actions(parser.add_subparsers())
    arguments = parser.parse_args(words)
    status: int = arguments.run(arguments)
    return status


def test_cleaning_says_what_goes_and_a_dry_run_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b", "c"):
        old_run(tmp_path / name)
    os.utime(tmp_path / "b" / "run.json", (1_600_000_000, 1_600_000_000))
    set_starred(tmp_path / "a", True)
    os.utime(tmp_path / "a" / "starred", (1_700_000_000, 1_700_000_000))
    one_run_gb = str(1.5 * sum(f.stat().st_size for f in (tmp_path / "a").iterdir()) / 1e9)
    arguments = ("clean", "--dir", str(tmp_path), "--max-gb", one_run_gb)
    assert command(*arguments, "--dry-run") == 0
    printed = capsys.readouterr().out
    assert printed.index(str(tmp_path / "b")) < printed.index(str(tmp_path / "c"))
    assert all(is_run(tmp_path / name) for name in "abc")
    assert command(*arguments) == 0
    assert [is_run(tmp_path / name) for name in "abc"] == [True, False, False]
    assert command("clean", "--dir", str(tmp_path), "--max-gb", "1e-9") == 1
    assert "unstar" in capsys.readouterr().out


def test_several_runs_are_starred_and_unstarred_at_once(tmp_path: Path) -> None:
    runs = [str(old_run(tmp_path / name)) for name in ("a", "b")]
    assert command("star", *runs) == 0
    with open_run(tmp_path / "b") as run:
        assert run.starred
    assert command("unstar", *runs) == 0
    with open_run(tmp_path / "b") as run:
        assert not run.starred


def test_deleting_asks_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = old_run(tmp_path / "a")
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        assert command("delete", str(run)) == 1
    assert is_run(run)
    assert command("delete", str(run), "--yes") == 0
    assert not run.exists()
