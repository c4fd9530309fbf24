"""A wide boom told in rows: fewer bytes to the controller, the same plants hit, crop untouched."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from agriseg.config import Config, parse_config
from agriseg.headless import run_headless
from agriseg.messages import ControllerStatus, SprayPlan, ValveEvent
from agriseg.recording.reader import open_run

STEP_MM = 20.0


def config(row_step_mm: float) -> Config:
    return parse_config(
        {
            "model": {"method": "truth"},
            "boom": {"nozzle_count": 48, "pitch_m": 0.02, "footprint_across_m": 0.03},
            "controller": {"row_step_mm": row_step_mm},
            "simulation": {"speed_m_s": 2.0, "weeds_per_m2": 60.0, "weed_size": 3.0},
        },
        source="test",
    )


class Drive:
    """A run's summary, its pulses, and the bytes that went to the controller meanwhile."""

    def __init__(self, out: Path, row_step_mm: float) -> None:
        settings = config(row_step_mm)
        self.summary: dict[str, Any] = run_headless(
            settings, seconds=2.5, out=out, realtime=False
        ).summary
        with open_run(out) as run:
            messages = [record.message for record in run.records()]
        statuses = [m for m in messages if isinstance(m, ControllerStatus)]
        self.sent_bytes = statuses[-1].link.sent_bytes - statuses[0].link.sent_bytes
        self.events: list[ValveEvent] = [
            event for m in messages if isinstance(m, SprayPlan) for event in m.events
        ]


@pytest.fixture(scope="module")
def drives(tmp_path_factory: pytest.TempPathFactory) -> tuple[Drive, Drive]:
    runs = tmp_path_factory.mktemp("runs")
    return Drive(runs / "single", 0.0), Drive(runs / "rows", STEP_MM)


def test_rows_take_fewer_bytes(drives: tuple[Drive, Drive]) -> None:
    single, rows = drives
    print(f"{single.sent_bytes} bytes as single pulses, {rows.sent_bytes} as rows")
    assert len(rows.events) > 100
    assert rows.sent_bytes < 0.9 * single.sent_bytes


def test_pulses_lie_on_the_grid(drives: tuple[Drive, Drive]) -> None:
    step_m = 1e-3 * STEP_MM
    for event in drives[1].events:
        for reading in (event.open_at, event.close_at):
            assert reading / step_m == pytest.approx(round(reading / step_m), abs=1e-6)
    for one, other in pairwise(sorted(drives[1].events, key=lambda e: (e.nozzle_id, e.open_at))):
        assert one.nozzle_id != other.nozzle_id or one.close_at <= other.open_at + 1e-9


def test_the_same_plants_are_hit_and_crop_is_untouched(drives: tuple[Drive, Drive]) -> None:
    for drive in drives:
        score = drive.summary["truth_score"]
        print(score["weeds_hit"], score["weeds_reachable"], drive.summary["pulses"])
        assert score["crop_area_sprayed_beyond_margin_fraction"] == 0.0
        assert drive.summary["pulses"]["by_outcome"]["rejected"] == 0
        assert drive.summary["pulses"]["by_outcome"]["late"] == 0
    single, rows = (drive.summary["truth_score"] for drive in drives)
    assert rows["weeds_reachable"] == single["weeds_reachable"] >= 10
    assert rows["weeds_hit"] >= single["weeds_hit"]
