"""`agriseg replay`: one run, a curve over processes, many runs, and what cannot be replayed."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from recorded_drive import make_drive

from agriseg.app import main
from agriseg.errors import EngineError
from agriseg.replay.settings import ReplaySettings
from agriseg.replay.sweep import sweep


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_drive().record(tmp_path_factory.mktemp("command") / "run", 2.6)


def test_an_unchanged_run_says_that_every_pulse_is_the_same(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", str(run), "--workers", "1"]) == 0
    printed = capsys.readouterr().out
    assert "every pulse is the same" in printed
    assert "as it was" in printed


def test_a_curve_is_printed_as_json_and_written_as_table_and_drawing(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "curve"
    arguments = ["replay", str(run), "--curve", "weed_margin_m=0:0.06:0.03", "--workers", "1"]
    assert main([*arguments, "--json", "--out", str(out)]) == 0
    (result,) = json.loads(capsys.readouterr().out)
    litres = [replay["litres"] for replay in result["replays"]]
    assert len(litres) == 3
    assert litres == sorted(litres)
    assert litres[0] < litres[2]
    with (out / "replay.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["value"] for row in rows] == ["", "0.0", "0.03", "0.06"]
    assert [float(row["litres"]) for row in rows[1:]] == pytest.approx(litres)
    assert ElementTree.fromstring((out / "curves.svg").read_text()).tag.endswith("svg")


def test_runs_and_settings_over_processes_come_out_as_in_one(run: Path) -> None:
    settings = [ReplaySettings().with_value("sensitivity", value) for value in ("0.4", "0.6")]
    alone = sweep([run], settings, workers=1)
    shared = sweep([run], settings, workers=2)
    assert shared == alone


def test_what_cannot_be_replayed_is_named_and_the_rest_goes_on(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing = tmp_path / "no-run"
    assert main(["replay", str(nothing), str(run), "--workers", "1", "--json"]) == 1
    bad, good = json.loads(capsys.readouterr().out)
    assert "no such folder" in bad["problem"]
    assert good["original"]["same_pulses"] is True


@pytest.mark.parametrize("argument", ["--set=sensitivity=7", "--curve=sensitivity=1"])
def test_settings_that_cannot_be_used_end_with_2_and_a_sentence(
    run: Path, argument: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["replay", str(run), argument, "--workers", "1"])
    printed = capsys.readouterr()
    assert status in (1, 2)
    assert "sensitivity" in printed.out + printed.err


def test_a_cluster_that_is_not_there_is_said_in_words(run: Path) -> None:
    pytest.importorskip("distributed", reason="Dask is not installed")
    with pytest.raises(EngineError, match="no Dask scheduler answers"):
        sweep([run], [], cluster="tcp://127.0.0.1:9")


@pytest.mark.slow
def test_a_dask_cluster_replays_as_this_computer_does(
    run: Path, repository: Path, tmp_path: Path
) -> None:
    pytest.importorskip("distributed", reason="Dask is not installed")
    settings = [ReplaySettings().with_value("sensitivity", "0.6")]
    described = tmp_path / "scheduler.json"
    python = [sys.executable, "-m"]
    scheduler = [*python, "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard"]
    worker = [*python, "distributed.cli.dask_worker", "--nthreads", "1", "--no-dashboard"]
    named = ["--scheduler-file", str(described)]
    with (
        subprocess.Popen([*scheduler, *named], cwd=repository) as one,
        subprocess.Popen(
            [*worker, *named, "--local-directory", str(tmp_path)], cwd=repository
        ) as two,
    ):
        try:
            while not described.exists():
                assert one.poll() is None
            address = json.loads(described.read_text())["address"]
            assert sweep([run, run], settings, cluster=address) == sweep([run, run], settings)
        finally:
            two.terminate()
            one.terminate()
