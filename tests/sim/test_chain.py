"""From camera to valve on the simulated field: judged by the ground that was wetted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agriseg.config import Config, SpeedStep, parse_config
from agriseg.errors import AgrisegError
from agriseg.headless import run_headless
from agriseg.messages import PulseReport
from agriseg.recording.reader import open_run
from agriseg.simulation.trajectory import changing_speed_profile

MAX_LEADING_ERROR_MM = 10.0
MIN_HIT = 0.995
MAX_CROP = 0.005


def config(
    speed_m_s: float, profile: tuple[SpeedStep, ...] = (), method: str = "truth", seed: int = 1
) -> Config:
    return parse_config(
        {
            "model": {"method": method},
            "simulation": {
                "seed": seed,
                "speed_m_s": speed_m_s,
                "speed_profile": [step.model_dump() for step in profile],
            },
        },
        source="test",
    )


def drive(settings: Config, seconds: float, out: Path) -> dict[str, Any]:
    result = run_headless(settings, seconds=seconds, out=out, realtime=False)
    assert json.loads(result.summary_path.read_text()) == result.summary
    return result.summary


def assert_sprayed_well(summary: dict[str, Any]) -> None:
    score = summary["truth_score"]
    assert score["weeds_reachable"] >= 10
    assert score["weeds_hit_fraction"] >= MIN_HIT
    assert score["crop_area_sprayed_beyond_margin_fraction"] <= MAX_CROP
    assert score["position_error_mm"]["p99"] <= MAX_LEADING_ERROR_MM
    assert summary["missed_late"] == 0
    assert summary["pulses"]["confirmed"] > 10
    assert summary["pulses"]["by_outcome"]["rejected"] == 0
    assert summary["pulses"]["by_outcome"]["late"] == 0


@pytest.mark.parametrize(("speed_m_s", "seconds"), [(0.5, 8.0), (2.0, 3.0), (4.0, 2.5), (6.0, 2.0)])
def test_true_labels_are_sprayed_to_the_millimetre(
    tmp_path: Path, speed_m_s: float, seconds: float
) -> None:
    assert_sprayed_well(drive(config(speed_m_s), seconds, tmp_path / "run"))


def test_changing_speed_does_not_move_the_spray(tmp_path: Path) -> None:
    profile = changing_speed_profile(6.0)
    assert_sprayed_well(drive(config(1.0, profile), 5.0, tmp_path / "run"))


def test_same_seed_gives_the_same_pulses(tmp_path: Path) -> None:
    runs = [tmp_path / "one", tmp_path / "two"]
    for run in runs:
        drive(config(2.0, method="exg"), 1.5, run)
    pulses = [recorded_pulses(run) for run in runs]
    assert len(pulses[0]) > 5
    assert repr(pulses[0]) == repr(pulses[1])


def test_a_late_camera_misses_weeds_and_sprays_none_of_them_late(tmp_path: Path) -> None:
    data = config(6.0).model_dump(mode="json", exclude_defaults=True)
    data["simulation"]["processing_latency_ms"] = 270.0
    summary = drive(parse_config(data, source="test"), 2.0, tmp_path / "run")
    assert 0 < summary["missed_late"] < summary["missed_late_strips"]
    assert summary["missed_late_strips"] == summary["missed"]["late"]
    lost = summary["weeds_reachable"] - summary["weeds_hit"]
    assert lost <= summary["missed_late"] <= summary["weeds_total"]
    assert summary["truth_score"]["weeds_hit_fraction"] < MIN_HIT
    assert summary["pulses"]["by_outcome"]["late"] == 0


def test_a_run_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "field.mp4").write_bytes(b"not a video")
    data = {"camera": {"source": str(tmp_path / "field.mp4")}, "model": {"method": "exg"}}
    with pytest.raises(AgrisegError, match=r"field\.mp4"):
        run_headless(
            parse_config(data, source="test"), seconds=1.0, out=tmp_path / "run", realtime=False
        )


def recorded_pulses(directory: Path) -> list[PulseReport]:
    with open_run(directory) as run:
        messages = [record.message for record in run.records()]
    return [message for message in messages if isinstance(message, PulseReport)]
