"""A wheel encoder that fails on the simulated robot: nozzles close, the operator is told why."""

from __future__ import annotations

from pathlib import Path

import pytest

from agriseg.config import parse_config
from agriseg.headless import run_headless
from agriseg.messages import ControllerState, ControllerStatus, PulseReport, RunEvent
from agriseg.recording.reader import open_run

FAULT_S = 2.0
SILENT_LIMIT_S = 0.7
"""The next pair of pictures, its way to the controller, and 200 ms without an edge."""
SLIPPING_LIMIT_S = 1.0
"""The next pair of pictures, 0.5 s of difference, and the age of the last picture."""


class Drive:
    """What a run's recording says happened from the fault on."""

    def __init__(self, out: Path, speed_m_s: float, fraction: float, seconds: float = 3.5) -> None:
        config = parse_config(
            {
                "model": {"method": "truth"},
                "simulation": {
                    "speed_m_s": speed_m_s,
                    "weeds_per_m2": 30.0,
                    "encoder_fault_s": FAULT_S,
                    "encoder_fault_fraction": fraction,
                },
            },
            source="test",
        )
        self.result = run_headless(config, seconds=seconds, out=out, realtime=False)
        with open_run(out) as run:
            messages = [record.message for record in run.records()]
        self.stops = [m for m in messages if isinstance(m, RunEvent) and m.kind == "stop"]
        opened = [m for m in messages if isinstance(m, PulseReport) and m.t_open_s >= 0.0]
        self.opened_s = sorted(pulse.t_open_s for pulse in opened)
        self.closed_s = max(pulse.t_close_s for pulse in opened)
        self.armed_s = max(
            m.t_s
            for m in messages
            if isinstance(m, ControllerStatus) and m.state is ControllerState.ARMED
        )


@pytest.mark.parametrize("speed_m_s", [1.0, 2.0, 5.0])
def test_a_silent_encoder_is_found_by_the_controller(tmp_path: Path, speed_m_s: float) -> None:
    drive = Drive(tmp_path / "run", speed_m_s, fraction=0.0)
    assert drive.opened_s[0] < FAULT_S
    assert drive.closed_s <= FAULT_S + SILENT_LIMIT_S
    assert drive.armed_s <= FAULT_S + SILENT_LIMIT_S
    assert [stop.text for stop in drive.stops] == [
        "The controller stopped spraying: the wheel encoder gives no edges while the machine moves."
    ]


def test_a_slipping_encoder_is_found_by_the_engine(tmp_path: Path) -> None:
    drive = Drive(tmp_path / "run", 2.0, fraction=0.3)
    assert any(t_s > FAULT_S for t_s in drive.opened_s)
    assert drive.closed_s <= FAULT_S + SLIPPING_LIMIT_S
    assert drive.armed_s <= FAULT_S + SLIPPING_LIMIT_S
    (stop,) = drive.stops
    assert stop.text.startswith("The wheel sensor says 0.60 m/s, the pictures say 2.0")
    assert stop.text.endswith("All nozzles were closed.")
    shown = dict(drive.result.figures())["spraying stopped early"]
    assert shown.endswith("m/s. All nozzles were closed.")


def test_a_wheel_that_slips_a_little_goes_on(tmp_path: Path) -> None:
    drive = Drive(tmp_path / "run", 2.0, fraction=0.85)
    assert drive.stops == []
    assert drive.result.stops == ()
    assert drive.opened_s[-1] > FAULT_S + SLIPPING_LIMIT_S
