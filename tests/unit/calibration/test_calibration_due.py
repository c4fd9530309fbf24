"""What is missing, old or overtaken is said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agriseg.calibration.due import StepState, age_words, due_note, step_statuses
from agriseg.calibration.entries import MeasuredValue
from agriseg.calibration.overlay import calibrated
from agriseg.calibration.store import CalibrationStore
from agriseg.config import Config, parse_config
from agriseg.config_values import with_values

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
REAL = parse_config({"camera": {"source": "usb:0"}}, "test")


def accept(store: CalibrationStore, step: str, key: str, value: float, days_ago: float) -> None:
    store.accept(
        step=step,
        values=[MeasuredValue(key=key, value=value, std=0.1)],
        method="test",
        observations=1,
        configured=REAL,
        in_force=calibrated(REAL, store).config,
        when=NOW - timedelta(days=days_ago),
    )


def states(store: CalibrationStore, config: Config = REAL) -> dict[str, StepState]:
    statuses = step_statuses(config, calibrated(config, store), store.in_force(), NOW)
    return {status.info.name: status.state for status in statuses}


@pytest.fixture
def store(tmp_path: Path) -> CalibrationStore:
    return CalibrationStore(tmp_path / "machine.jsonl")


def test_a_step_is_missing_fresh_and_old_by_its_age(store: CalibrationStore) -> None:
    assert set(states(store).values()) == {StepState.MISSING}
    accept(store, "wheel", "wheel.counts_per_m", 1990.0, days_ago=199.0)
    assert states(store)["wheel"] is StepState.FRESH
    short = with_values(REAL, {"calibration.season_days": 100.0}, "test")
    assert states(store, short)["wheel"] is StepState.OLD


def test_a_new_lens_makes_the_pose_due(store: CalibrationStore) -> None:
    accept(store, "camera", "camera.intrinsics.fx_px", 810.0, days_ago=3.0)
    accept(store, "ground", "camera.pose.pitch_deg", 12.0, days_ago=2.0)
    assert states(store)["ground"] is StepState.FRESH
    accept(store, "camera", "camera.intrinsics.fx_px", 812.0, days_ago=1.0)
    assert states(store)["ground"] is StepState.OVERTAKEN
    store.undo("camera", NOW)
    assert states(store)["ground"] is StepState.FRESH


def test_a_value_written_into_the_file_since_overtakes_the_calibration(
    store: CalibrationStore,
) -> None:
    accept(store, "wheel", "wheel.counts_per_m", 1990.0, days_ago=1.0)
    changed = with_values(REAL, {"wheel.counts_per_m": 1500.0}, "test")
    assert states(store, changed)["wheel"] is StepState.OVERTAKEN


def test_the_note_lists_what_is_due_but_not_for_a_simulation_that_is_as_configured(
    store: CalibrationStore,
) -> None:
    statuses = step_statuses(REAL, calibrated(REAL, store), (), NOW)
    assert "Camera: never calibrated." in due_note(REAL, statuses)
    assert due_note(Config(), statuses) == ""
    apart = parse_config({"simulation": {"truth": {"boom.x_m": 0.1}}}, "test")
    assert "Camera: never calibrated." in due_note(apart, statuses)


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(seconds=20), "less than a minute"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(hours=5), "5 hours"),
        (timedelta(days=1), "1 day"),
        (timedelta(days=45), "45 days"),
        (timedelta(days=70), "2 months"),
        (timedelta(days=800), "2 years"),
    ],
)
def test_ages_in_words(age: timedelta, words: str) -> None:
    assert age_words(age) == words


def test_what_is_older_than_a_season_says_so(store: CalibrationStore) -> None:
    accept(store, "wheel", "wheel.counts_per_m", 1990.0, days_ago=300.0)
    statuses = step_statuses(REAL, calibrated(REAL, store), store.in_force(), NOW)
    (wheel,) = [status for status in statuses if status.info.name == "wheel"]
    assert "older than a season of 200 days" in wheel.text
    assert wheel.text in due_note(REAL, statuses)
