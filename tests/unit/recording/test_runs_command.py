"""`agriseg runs`: what people type and read."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest
from recording_samples import record

from agriseg.commands import runs
from agriseg.errors import RecordingError
from agriseg.recording.run_directories import is_starred, new_run_directory, runs_directory


def run_command(*words: str) -> int:
    parser = argparse.ArgumentParser(prog="agriseg")
    runs.add_parser(parser.add_subparsers())
    arguments = parser.parse_args(["runs", *words])
    status: int = arguments.run(arguments)
    return status


def test_list_shows_whole_and_cut_off_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record(tmp_path / "first", 20)
    record(tmp_path / "second", 20)
    torn = tmp_path / "second" / "data-0000.mcap"
    torn.write_bytes(torn.read_bytes()[:-50])
    (tmp_path / "third").mkdir()
    (tmp_path / "third" / "run.json").write_text("{}")
    assert run_command("list", "--dir", str(tmp_path)) == 0
    out = capsys.readouterr().out
    rows = {line.split("│")[1].strip(): line for line in out.splitlines() if "│" in line}
    assert "whole" in rows["first"]
    assert "1.0 s" in rows["first"]
    assert "cut off" in rows["second"]
    assert "cannot be" in rows["third"]


def test_list_of_nothing_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("list", "--dir", str(tmp_path / "none")) == 0
    assert "There are no runs in" in capsys.readouterr().out


def test_show_prints_figures_and_what_was_recovered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record(tmp_path / "run", 40)
    torn = tmp_path / "run" / "data-0000.mcap"
    torn.write_bytes(torn.read_bytes()[:-50])
    assert run_command("show", str(tmp_path / "run")) == 0
    out = capsys.readouterr().out
    assert "commanded 40, confirmed 36" in out
    assert "recovered 2.0 s" in out
    assert not (tmp_path / "run" / "summary.json").exists()


def test_show_as_json_is_the_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(tmp_path / "run", 20)
    assert run_command("show", str(tmp_path / "run"), "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert run_command("report", str(tmp_path / "run")) == 0
    assert shown == json.loads((tmp_path / "run" / "summary.json").read_text())
    assert str(tmp_path / "run" / "report.html") in capsys.readouterr().out


@pytest.mark.parametrize("action", ["show", "report"])
def test_what_is_no_run_is_refused_by_name(tmp_path: Path, action: str) -> None:
    with pytest.raises(RecordingError, match=f"{tmp_path.name}.*not a recorded run"):
        run_command(action, str(tmp_path))
    with pytest.raises(RecordingError, match=r"gone.*no such folder"):
        run_command(action, str(tmp_path / "gone"))


def test_star_and_unstar(tmp_path: Path) -> None:
    record(tmp_path / "run", 2)
    assert run_command("star", str(tmp_path / "run")) == 0
    assert is_starred(tmp_path / "run")
    assert run_command("star", str(tmp_path / "run"), "--remove") == 0
    assert not is_starred(tmp_path / "run")
    with pytest.raises(RecordingError, match="there is no run here"):
        run_command("star", str(tmp_path))


def test_runs_are_kept_where_the_configuration_says(tmp_path: Path) -> None:
    from datetime import datetime

    from agriseg.config import Config, RecordingConfig

    assert runs_directory(Config()).name == "runs"
    config = Config(recording=RecordingConfig(directory=str(tmp_path)))
    assert runs_directory(config) == tmp_path
    started = datetime(2026, 7, 14, 9, 15, 2)
    first = new_run_directory(tmp_path, started)
    assert first.name == "20260714-091502"
    first.mkdir()
    assert new_run_directory(tmp_path, started).name == "20260714-091502-2"
