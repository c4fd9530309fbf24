"""A camera that came loose is noticed on the simulated field, and the nozzles close."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from agriseg.assembly import build_virtual_machine
from agriseg.config import parse_config
from agriseg.messages import CommandKind, EngineCommand

LOOSE_S = 7.0
WITHIN_S = 13.0
"""A camera that tilts by 5 degrees is noticed so soon."""


def moved_after_s(
    folder: Path,
    seconds: float,
    *,
    turned_deg: float = 0.0,
    loose: tuple[float, float] = (0.0, 0.0),
) -> float:
    """Return when a drive told that the camera has moved; infinity if it did not.

    ``turned_deg`` is how the camera is tilted against its calibration from the beginning on,
    ``loose`` when it comes loose, seconds, and by how much it tilts then.
    """
    config = parse_config(
        {
            "model": {"method": "exg"},
            "camera": {"width_px": 640, "height_px": 360, "fps": 15.0},
            "simulation": {
                "speed_m_s": 1.0,
                "truth": {"camera.pose.pitch_deg": turned_deg},
                "camera_fault_s": loose[0],
                "camera_fault_deg": loose[1],
            },
            "calibration": {"directory": str(folder)},
            "recording": {"enabled": False},
        },
        "test",
    )
    machine = build_virtual_machine(config)
    has_begun = False
    try:
        while machine.clock.now_s() < seconds:
            machine.step()
            if not has_begun and not machine.engine.not_ready():
                machine.engine.handle(EngineCommand(kind=CommandKind.START))
                has_begun = machine.engine.spraying
            alarms = {alarm.code for alarm in machine.engine.snapshot().alarms}
            if "camera-moved" in alarms:
                assert not machine.engine.spraying
                return machine.clock.now_s()
        assert machine.engine.spraying
    finally:
        machine.close()
    return math.inf


@pytest.mark.parametrize(("turned_deg", "is_noticed"), [(0.0, False), (5.0, True)])
def test_a_camera_that_looks_elsewhere_closes_the_nozzles(
    tmp_path: Path, turned_deg: float, is_noticed: bool
) -> None:
    assert math.isfinite(moved_after_s(tmp_path, 9.0, turned_deg=turned_deg)) is is_noticed


def test_a_camera_that_comes_loose_while_spraying_is_noticed(tmp_path: Path) -> None:
    noticed_s = moved_after_s(tmp_path, LOOSE_S + WITHIN_S, loose=(LOOSE_S, 5.0))
    assert LOOSE_S < noticed_s < LOOSE_S + WITHIN_S
