"""The same settings and the same evidence lead to the same decisions, pulse for pulse."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from recorded_drive import RecordedDrive, make_drive

from agriseg.messages import SprayMode
from agriseg.pipeline_journal import StepKind
from agriseg.recording.reader import open_run
from agriseg.replay.driver import Decisions, RecordedEvidence, drive
from agriseg.replay.recorded_input import RecordedInput, read_input, recorded_patches

DURATION_S = 3.2


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory) -> RecordedDrive:
    drive = make_drive()
    drive.record(tmp_path_factory.mktemp("exact") / "run", DURATION_S)
    assert len(drive.events) > 20
    return drive


def again(run_directory: Path, lose: int = -1) -> tuple[RecordedInput, Decisions]:
    with open_run(run_directory) as run:
        given = read_input(run)
        patches = ((k, patch) for k, patch in recorded_patches(run) if k != lose)
        decisions = drive(
            given.config, given.start, given.steps, given.capabilities, RecordedEvidence(patches)
        )
    assert decisions is not None
    return given, decisions


def test_every_pulse_every_plant_and_every_miss_is_the_same(driven: RecordedDrive) -> None:
    given, decisions = again(driven.directory)
    assert given.is_exact, given.gaps
    assert decisions.events == driven.events
    assert decisions.events == list(given.commanded)
    assert decisions.plants == driven.plants
    assert decisions.missed == driven.missed


def test_what_was_seen_before_the_run_began_counts(driven: RecordedDrive) -> None:
    # The view begins more than a metre ahead of the boom: without the map of the beginning the
    # first pulses would be lacking.
    given, decisions = again(driven.directory)
    assert given.start is not None
    content = given.start.map
    blank = replace(
        content,
        weed_mean=np.zeros_like(content.weed_mean),
        crop_mean=np.zeros_like(content.crop_mean),
        count=np.zeros_like(content.count),
    )
    with open_run(driven.directory) as run:
        empty = drive(
            given.config,
            replace(given.start, map=blank),
            given.steps,
            given.capabilities,
            RecordedEvidence(recorded_patches(run)),
        )
    assert empty is not None
    assert len(empty.events) < len(decisions.events)


def test_lost_evidence_is_noticed_and_changes_only_what_rests_on_it(driven: RecordedDrive) -> None:
    given, decisions = again(driven.directory, lose=30)
    assert decisions.events[:5] == driven.events[:5]
    frames = sum(step.kind is StepKind.FRAME for step in given.steps)
    with open_run(driven.directory) as run:
        evidence = RecordedEvidence((k, p) for k, p in recorded_patches(run) if k != 30)
        drive(given.config, given.start, given.steps, given.capabilities, evidence)
    assert evidence.lost == 1
    assert frames > 30


def test_changes_of_mode_and_a_run_without_journal(tmp_path: Path) -> None:
    drive = make_drive()
    drive.record(tmp_path / "run", 1.6, begins_s=0.6, journals=False)
    with open_run(tmp_path / "run") as run:
        given = read_input(run)
    assert not given.is_exact
    assert "not recorded" in given.gaps[0]
    kinds = [step.kind for step in given.steps]
    assert kinds.count(StepKind.RESTART) == 1
    # Planned on every 5 ms from 0.6 to 1.6 s.
    assert kinds.count(StepKind.PLAN) == pytest.approx(200, abs=4)
    assert given.config.spray.mode is SprayMode.SPOT


def test_a_torn_run_replays_up_to_the_tear(driven: RecordedDrive, tmp_path: Path) -> None:
    torn = tmp_path / "run"
    torn.mkdir()
    for file in driven.directory.iterdir():
        data = file.read_bytes()
        if file.name == "data-0000.mcap":
            data = data[: int(0.7 * len(data))]
        (torn / file.name).write_bytes(data)
    given, decisions = again(torn)
    assert 0 < len(decisions.events) < len(driven.events)
    assert decisions.events == list(given.commanded)
    assert decisions.events == driven.events[: len(decisions.events)]


def test_evidence_and_state_lie_within_the_map_losslessly(driven: RecordedDrive) -> None:
    with open_run(driven.directory) as run:
        given = read_input(run)
        patches = dict(recorded_patches(run))
    assert given.start is not None
    assert given.start.map.weed_mean.dtype == np.float32
    assert given.start.map.count.max() > 0
    levels = np.unique(np.concatenate([patch.weed.ravel() for patch in patches.values()]))
    assert len(levels) <= 64
    assert levels.max() >= 178
