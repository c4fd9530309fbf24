"""A camera that came loose is noticed on the simulated field, and the nozzles close."""

from __future__ import annotations

from pathlib import Path

import pytest

from agriseg.assembly import build_virtual_machine
from agriseg.config import parse_config
from agriseg.messages import CommandKind, EngineCommand


def alarms_of_a_drive(folder: Path, turned_deg: float) -> set[str]:
    """Return the codes of all alarms of a drive of nine seconds."""
    config = parse_config(
        {
            "model": {"method": "exg"},
            "camera": {"width_px": 640, "height_px": 360, "fps": 15.0},
            "simulation": {"speed_m_s": 1.0, "truth": {"camera.pose.pitch_deg": turned_deg}},
            "calibration": {"directory": str(folder)},
            "recording": {"enabled": False},
        },
        "test",
    )
    machine = build_virtual_machine(config)
    codes: set[str] = set()
    try:
        while machine.clock.now_s() < 9.0:
            machine.step()
            if not machine.engine.spraying and not machine.engine.not_ready() and not codes:
                machine.engine.handle(EngineCommand(kind=CommandKind.START))
            codes |= {alarm.code for alarm in machine.engine.snapshot().alarms}
            if "camera-moved" in codes:
                assert not machine.engine.spraying
                break
    finally:
        machine.close()
    return codes


@pytest.mark.parametrize(("turned_deg", "is_noticed"), [(0.0, False), (5.0, True)])
def test_a_loose_camera_closes_the_nozzles(
    tmp_path: Path, turned_deg: float, is_noticed: bool
) -> None:
    assert ("camera-moved" in alarms_of_a_drive(tmp_path, turned_deg)) is is_noticed
