"""Receivers on a real pseudo-terminal, and the one on the simulated robot."""

from __future__ import annotations

import math
import os
import select
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agriseg.clock import MonotonicClock, VirtualClock
from agriseg.config import Config, parse_config
from agriseg.errors import ConfigError
from agriseg.messages import FixQuality, PositionFix
from agriseg.positioning.local_frame import LocalFrame
from agriseg.positioning.opening import open_receiver
from agriseg.positioning.serial_receiver import REOPEN_PERIOD_S, NmeaReceiver
from agriseg.positioning.simulated import SentenceMaker, SimulatedReceiver
from agriseg.simulation.trajectory import Trajectory

if sys.platform == "win32":
    pytest.skip("there are no pseudo-terminals", allow_module_level=True)


class Terminal:
    """The far end of a serial line."""

    def __init__(self) -> None:
        import tty

        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        self.path = os.ttyname(self.slave)

    def close(self) -> None:
        for descriptor in (self.slave, self.master):
            os.close(descriptor)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal()
    yield made
    made.close()


def heard(receiver: NmeaReceiver, terminal: Terminal, data: bytes) -> list[PositionFix]:
    """Send bytes from the far end; poll until they have arrived."""
    os.write(terminal.master, data)
    select.select([terminal.slave], [], [], 2.0)
    return list(receiver.poll())


def maker(**gnss: object) -> SentenceMaker:
    config = parse_config({"simulation": {"gnss": gnss}}, source="test")
    return SentenceMaker(config.simulation.gnss, config.position, Trajectory(config.simulation))


def test_positions_arrive_over_a_serial_line(terminal: Terminal) -> None:
    receiver = NmeaReceiver(terminal.path, 115200, MonotonicClock(), 0.05)
    try:
        assert list(receiver.poll()) == []
        fixes = heard(receiver, terminal, maker(noise_m=0.0).sentences(2.0))
        assert [fix.quality for fix in fixes] == [FixQuality.RTK_FIXED]
        east, north = LocalFrame(48.0, 11.0).local(
            [[fixes[0].latitude_deg, fixes[0].longitude_deg]]
        )[0]
        assert math.hypot(east, north) == pytest.approx(2.0, abs=0.02), "two seconds at 1 m/s"
        assert math.degrees(math.atan2(east, north)) == pytest.approx(60.0, abs=0.5)
        assert receiver.problem == ""
    finally:
        receiver.close()


def test_a_port_that_is_not_there_is_said_and_looked_for_again(
    terminal: Terminal, tmp_path: Path
) -> None:
    clock = VirtualClock(100.0)
    missing = f"{terminal.path}0000"
    receiver = NmeaReceiver(missing, 115200, clock, 0.0)
    assert list(receiver.poll()) == []
    assert missing in receiver.problem
    assert "no such serial port" in receiver.problem
    receiver.close()
    link = tmp_path / "gnss"
    receiver = NmeaReceiver(str(link), 115200, clock, 0.0)
    receiver.poll()
    assert receiver.problem
    link.symlink_to(terminal.path)
    clock.sleep_until(100.0 + REOPEN_PERIOD_S + 0.1)
    receiver.poll()
    assert len(heard(receiver, terminal, maker().sentences(1.0))) == 1
    assert receiver.problem == ""
    receiver.close()


def test_a_silent_port_is_told_from_a_missing_one(terminal: Terminal) -> None:
    clock = VirtualClock(10.0)
    receiver = NmeaReceiver(terminal.path, 9600, clock, 0.0)
    receiver.poll()
    assert receiver.problem == ""
    clock.sleep_until(20.0)
    receiver.poll()
    assert "position.baud is 9600" in receiver.problem
    heard(receiver, terminal, maker().sentences(1.0))
    assert receiver.problem == ""
    receiver.close()


def simulated(clock: VirtualClock, **gnss: object) -> SimulatedReceiver:
    config = parse_config(
        {"position": {"antenna_x_m": 0.5}, "simulation": {"gnss": gnss}}, source="test"
    )
    return SimulatedReceiver(
        config.simulation.gnss, config.position, Trajectory(config.simulation), clock, 5.0
    )


def test_the_simulated_receiver_is_where_the_robot_is_when_it_was_there() -> None:
    clock = VirtualClock(5.0)
    receiver = simulated(clock, noise_m=0.0, rate_hz=5.0, heading_deg=0.0)
    fixes: list[PositionFix] = []
    while clock.now_s() < 15.0:  # the last fix arrives 60 ms after it held
        clock.sleep_until(clock.now_s() + 0.005)
        fixes += receiver.poll()
    assert len(fixes) == 50
    frame = LocalFrame(48.0, 11.0)
    for fix in fixes:
        north = frame.local([[fix.latitude_deg, fix.longitude_deg]])[0][1]
        assert north == pytest.approx(0.5 + (fix.t_s - 5.0), abs=0.005), "1 m/s, antenna ahead"
    assert fixes[-1].speed_m_s == pytest.approx(1.0, abs=0.01)
    assert fixes[-1].utc_s - fixes[0].utc_s == pytest.approx(fixes[-1].t_s - fixes[0].t_s)


@pytest.mark.parametrize(("fault", "expected"), [("silent", 0), ("no-fix", 10), ("jump", 10)])
def test_its_faults_can_be_tried(fault: str, expected: int) -> None:
    clock = VirtualClock(5.0)
    receiver = simulated(clock, fault=fault, fault_s=2.0, fault_lasts_s=1.0, jump_m=7.0)
    clock.sleep_until(9.0)
    fixes = [fix for fix in receiver.poll() if 6.99 < fix.t_s < 7.985]
    assert len(fixes) == expected
    if fault == "no-fix":
        assert {fix.quality for fix in fixes} == {FixQuality.NONE}
    if fault == "jump":
        frame = LocalFrame(48.0, 11.0)
        east, north = frame.local([[fixes[0].latitude_deg, fixes[0].longitude_deg]])[0]
        assert math.hypot(east, north) > 6.5


def test_what_the_configuration_names_is_opened() -> None:
    clock = VirtualClock(0.0)
    trajectory = Trajectory(Config().simulation)

    def named(position: str, camera: str = "sim") -> Config:
        values = {"position": {"source": position}, "camera": {"source": camera}}
        return parse_config(values, source="test")

    assert open_receiver(named("auto"), clock, None, 0.0) is None
    assert open_receiver(named("none"), clock, trajectory, 0.0) is None
    assert isinstance(open_receiver(named("auto"), clock, trajectory, 0.0), SimulatedReceiver)
    assert isinstance(open_receiver(named("/dev/ttyX"), clock, None, 0.0), NmeaReceiver)
    with pytest.raises(ConfigError, match="only the simulated field has a simulated receiver"):
        open_receiver(named("sim", "usb:0"), clock, None, 0.0)
