"""A recording tells which calibration was in force."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

from recording_samples import CONFIG, START_S

from agriseg.calibration.entries import MeasuredValue
from agriseg.calibration.overlay import Calibrated, calibrated
from agriseg.calibration.store import CalibrationStore
from agriseg.clock import VirtualClock
from agriseg.config import Config, parse_config
from agriseg.recording.reader import open_run
from agriseg.recording.recorder import RunDescription, RunRecorder
from agriseg.recording.report import write_report
from agriseg.run_keeper import describe


def calibrated_machine(folder: Path) -> Calibrated:
    store = CalibrationStore(folder / "boom.jsonl")
    config = parse_config({"camera": {"source": "usb:0"}, "model": {"method": "exg"}}, "test")
    for pitch_deg in (14.5, 15.25):
        store.accept(
            step="ground",
            values=[MeasuredValue(key="camera.pose.pitch_deg", value=pitch_deg, std=0.04)],
            method="board on the ground",
            observations=12,
            configured=config,
            in_force=config,
            when=datetime(2026, 5, 4, 12, 0, tzinfo=UTC),
            operator="the yard",
        )
    return calibrated(config, store)


def recorded(folder: Path, calibration: Calibrated) -> Path:
    clock = VirtualClock(START_S)
    RunRecorder(folder, CONFIG, describe(calibration), clock=clock, wait_for_room=True).close()
    return folder


def test_the_newest_entry_of_each_step_is_in_recording_figures_and_report(tmp_path: Path) -> None:
    run = recorded(tmp_path / "run", calibrated_machine(tmp_path))
    with open_run(run) as opened:
        assert opened.info.calibration is not None
        (line,) = opened.info.calibration.values()
        assert json.loads(line)["id"] == 2
    report = write_report(run)
    (step,) = json.loads(report.summary_path.read_text())["calibration"]
    assert step["step"] == "ground"
    assert step["operator"] == "the yard"
    assert step["values"] == {"camera.pose.pitch_deg": {"value": 15.25, "std": 0.04}}
    assert "camera.pose.pitch_deg 15.25 ± 0.04" in report.report_path.read_text()


def test_without_a_calibration_the_report_says_so(tmp_path: Path) -> None:
    run = recorded(tmp_path / "run", Calibrated(config=index_config(), left_out={}))
    report = write_report(run)
    assert json.loads(report.summary_path.read_text())["calibration"] == []
    assert "None: the configuration's own values were used." in report.report_path.read_text()


def test_an_older_recording_does_not_tell(tmp_path: Path, repository: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(repository / "tests" / "golden" / "run-v1", run)
    report = write_report(run)
    assert json.loads(report.summary_path.read_text())["calibration"] is None
    assert "does not tell which calibration" in report.report_path.read_text()


def test_a_damaged_entry_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    run = tmp_path / "run"
    clock = VirtualClock(START_S)
    description = RunDescription(calibration={"ground": "{torn"})
    RunRecorder(run, CONFIG, description, clock=clock, wait_for_room=True).close()
    (step,) = json.loads(write_report(run).summary_path.read_text())["calibration"]
    assert step == {"step": "ground", "problem": "the recorded line is damaged"}


def index_config() -> Config:
    return parse_config({"model": {"method": "exg"}}, "test")
