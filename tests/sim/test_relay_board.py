"""Whole runs through a simulated relay board: what its limits cost, and that crop is spared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agriseg.config import parse_config
from agriseg.headless import run_headless


def drive(out: Path, **relay: Any) -> dict[str, Any]:
    config = parse_config(
        {
            "model": {"method": "truth"},
            "boom": {"nozzle_count": 16, "pitch_m": 0.06, "footprint_across_m": 0.07},
            "controller": {"kind": "pgn239", "relay": relay},
            "simulation": {"seed": 1, "speed_m_s": 1.0},
        },
        source="test",
    )
    return run_headless(config, seconds=6.0, out=out, realtime=False).summary


def assert_nothing_is_confirmed(summary: dict[str, Any]) -> None:
    pulses = summary["pulses"]
    assert summary["pulses_unconfirmed"] == pulses["by_outcome"]["sent"] > 10
    assert pulses["confirmed"] == 0
    assert summary["litres"]["confirmed"] == 0.0
    assert summary["saving_fraction"] is None
    assert pulses["by_outcome"]["rejected"] == 0


def test_a_board_that_acts_on_every_message_sprays_weeds_and_no_crop(tmp_path: Path) -> None:
    summary = drive(tmp_path / "run", board_period_ms=0.0)
    assert_nothing_is_confirmed(summary)
    score = summary["truth_score"]
    assert score["weeds_reachable"] >= 10
    assert score["weeds_hit_fraction"] >= 0.9
    assert score["crop_area_sprayed_beyond_margin_fraction"] <= 0.005


def test_a_stock_boards_slow_loop_costs_weeds_not_crop(tmp_path: Path) -> None:
    summary = drive(tmp_path / "run", board_period_ms=200.0)
    assert_nothing_is_confirmed(summary)
    score = summary["truth_score"]
    assert 0.1 < score["weeds_hit_fraction"] < 0.9
    assert score["crop_area_sprayed_beyond_margin_fraction"] <= 0.005
    assert summary["missed"]["crop"] > 20


def test_an_assumed_speed_that_is_right_does(tmp_path: Path) -> None:
    summary = drive(tmp_path / "run", board_period_ms=0.0, constant_speed_m_s=1.0)
    assert_nothing_is_confirmed(summary)
    score = summary["truth_score"]
    assert score["weeds_hit_fraction"] >= 0.9
    assert score["crop_area_sprayed_beyond_margin_fraction"] <= 0.005


def test_more_nozzles_than_outputs_are_refused(tmp_path: Path) -> None:
    from agriseg.errors import ConfigError

    config = parse_config({"controller": {"kind": "pgn239"}}, source="test")
    with pytest.raises(ConfigError, match="has 16 outputs"):
        run_headless(config, seconds=1.0, out=tmp_path / "run", realtime=False)
