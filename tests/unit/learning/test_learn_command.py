"""`agriseg learn`: a whole job on circles, stopped half-way and continued, and its model proven."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from learning_samples import make_spec, write_labels

from agriseg.app import main
from agriseg.learning.jobs import CONTROL_NAME, LOCK_NAME, Jobs
from agriseg.models.bundle import open_bundle, shipped_model
from agriseg.registry.provenance import read_provenance
from agriseg.registry.store import ModelRegistry

FIRST = """
version = 1
name = "circles"
seed = 5
[network]
architecture = "lite0-fpn-small"
pretrained = false
[input]
long_side_px = 96
[schedule]
steps = 2
batch = 2
crop_px = 64
learning_rate = 1e-3
warmup_steps = 1
validate_every = 2
validation_images = 1
mixed_precision = false
[log]
tensorboard = false
[export]
quantise = false
[[source]]
name = "first"
directory = "first"
weight = 1.0
held_out = ["b"]
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _wait_for(job: Path) -> None:
    """Return when nobody works on a job any more."""
    with (job / LOCK_NAME).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)


def _listed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    capsys.readouterr()
    assert main(["learn", "list", "--json"]) == 0
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)
    return found


def test_without_jobs_it_says_how_to_begin(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["learn", "list"]) == 0
    assert "`agriseg learn start DIR` begins one" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["start", "nowhere"], "nowhere: no such folder"),
        (["start", "labels", "--from", "nothing"], "nothing: no such model"),
        (["start", "labels", "--on", "-oEvil"], "expected a host, or USER@HOST"),
        (["start", "labels", "--name", "a/b"], "--name 'a/b': expected"),
        (["start", "labels", "--steps", "0"], "--steps '0': expected"),
        (["pause", "nothing"], "nothing: no such job"),
        (["prove", "nothing"], "nothing: no such model"),
        (["prove", "field-lite0"], "has the same weights"),
    ],
)
def test_bad_input_is_one_sentence(
    home: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_labels(home / "labels")
    if "-oEvil" in arguments:
        arguments = [*arguments[:-2], "--on=-oEvil"]
    assert main(["learn", *arguments]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert not (home / "home" / "agriseg" / "learning").exists()


@pytest.mark.slow
def test_a_job_goes_from_pictures_to_a_proven_model(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_labels(home / "first")
    (home / "first.toml").write_text(FIRST)
    assert main(["train", "first.toml", "--out", "out", "--threads", "1", "--device", "cpu"]) == 0
    new, check = write_labels(home / "maize", 8, groups=False), write_labels(home / "check", 6)
    begin = ["start", str(new), "--protect", str(check), "--from", "out/bundle", "--name", "maize"]
    small = ["--steps", "400", "--simulated", "4", "--threads", "1", "--device", "cpu"]
    assert main(["learn", *begin, *small]) == 0
    (one,) = _listed(capsys)
    jobs = Jobs()
    job = jobs.find(str(one["job"]))

    while jobs.view(job).course.step < 3:
        assert jobs.view(job).is_at_work, (job / "log.txt").read_text()
    assert main(["learn", "cancel", job.name]) == 0
    _wait_for(job)
    stopped = jobs.view(job)
    assert stopped.state == "cancelled"
    assert 0 < stopped.course.step < 400
    assert not list(ModelRegistry().root.glob("maize*"))

    spec = json.loads((job / "job.json").read_text())
    text = (job / "training.toml").read_text()
    spec["steps"] = stopped.course.step + 2
    (job / "job.json").write_text(json.dumps(spec))
    assert "freeze_statistics = true" in text
    assert main(["learn", "continue", job.name]) == 0
    _wait_for(job)
    view = jobs.view(job)
    assert view.state == "done", (view.course.words, (job / "log.txt").read_text())
    assert view.course.model_id == "maize-1.1"
    assert not (job / "training" / "checkpoint.pt").exists()

    registry = ModelRegistry()
    model = next(m for m in registry.models() if m.model_id == "maize-1.1")
    assert model.proof is not None
    assert {one.name: one.role for one in model.proof.sets} == {
        "maize": "new",
        "check": "protected",
        "simulation": "simulated",
    }
    assert model.proof.old.weights_sha256 == _weights(shipped_model())
    origin = read_provenance(model.directory)
    assert origin is not None
    assert origin.parent is not None
    assert origin.parent.weights_sha256 == _weights(home / "out" / "bundle")
    records = {record.name: record for record in origin.data}
    assert (records["maize"].trained, records["maize"].held_out) == (6, 2)
    assert (records["check"].role, records["check"].trained) == ("protected", 0)
    assert len(records["maize"].sha256) == len(origin.code_sha256) == 64

    assert main(["learn", "continue", job.name]) == 2
    assert "is done already" in capsys.readouterr().err
    assert main(["learn", "prove", "maize-1.1", "--protect", str(check)]) in (0, 1)
    assert "against field-lite0" in capsys.readouterr().out
    assert main(["learn", "delete", job.name]) == 0
    assert (registry.root / "maize-1.1").is_dir()


def _weights(bundle: Path) -> str:
    return open_bundle(bundle).manifest.files.weights.sha256


def test_a_killed_job_is_seen_as_interrupted_and_takes_the_lowest_priority(home: Path) -> None:
    labels = write_labels(home / "labels")
    jobs = Jobs()
    job = jobs.create(make_spec(shipped_model(), (labels, "new")))
    (job / CONTROL_NAME).parent.mkdir(parents=True, exist_ok=True)
    (job / CONTROL_NAME).write_text("pause")
    command = [sys.executable, "-m", "agriseg", "learn", "work", str(job)]
    with (job / "events.jsonl").open("wb") as events:
        process = subprocess.Popen(command, stdout=events, start_new_session=True)
        try:
            while jobs.view(job).state != "paused":
                assert process.poll() is None
            assert os.getpriority(os.PRIO_PROCESS, process.pid) == 19
            share = Path(f"/proc/{process.pid}/autogroup")
            if share.exists() and share.read_text():
                assert share.read_text().split()[-1] == "10"
        finally:
            process.kill()
            process.wait()
    assert jobs.view(job).state == "interrupted"
    assert jobs.view(job).can_go_on
