"""What was calibrated is what a run is made with."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from agriseg.assembly import build_virtual_machine
from agriseg.calibration.entries import MeasuredValue
from agriseg.calibration.profiles import open_store
from agriseg.config import Config, parse_config
from agriseg.errors import CalibrationError


def configured(folder: Path) -> Config:
    return parse_config(
        {
            "model": {"method": "truth"},
            "calibration": {"directory": str(folder / "calibration")},
            "recording": {"enabled": False},
        },
        "test",
    )


def test_the_engine_is_built_with_the_calibrated_values(tmp_path: Path) -> None:
    config = configured(tmp_path)
    open_store(config).accept(
        step="ground",
        values=[
            MeasuredValue(key="camera.pose.pitch_deg", value=12.0, std=0.1),
            MeasuredValue(key="boom.nozzles.3.open_latency_ms", value=19.0, std=0.5),
        ],
        method="test",
        observations=1,
        configured=config,
        in_force=config,
        when=datetime(2026, 5, 4, tzinfo=UTC),
    )
    machine = build_virtual_machine(config)
    try:
        used = machine.engine.config
        assert used.camera.pose.pitch_deg == 12.0
        assert [n.open_latency_ms for n in used.boom.nozzles if n.nozzle == 3] == [19.0]
        assert used.simulation.truth["camera.pose.pitch_deg"] == 0.0
    finally:
        machine.close()


def test_a_calibration_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    config = configured(tmp_path)
    path = open_store(config).path
    path.parent.mkdir()
    path.write_text("{broken\n")
    with pytest.raises(CalibrationError, match=r"simulated\.jsonl, line 1"):
        build_virtual_machine(config)
