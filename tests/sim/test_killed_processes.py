"""Whatever is killed beside the engine: the nozzles close and the operator is told why."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from agriseg.assembly import Machine, build_realtime_machine
from agriseg.config import parse_config
from agriseg.messages import (
    Alarm,
    CommandKind,
    ControllerState,
    EngineCommand,
    EngineSnapshot,
    EngineState,
)

if sys.platform == "win32":
    pytest.skip("processes are killed by signals here", allow_module_level=True)

pytestmark = pytest.mark.alone

PATIENCE_S = 60.0
"""Longest wait for another process; never waited out when things work."""


class Driver:
    """Steps a machine in real time and remembers what it shows."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.engine = machine.engine

    def until(self, condition: Callable[[EngineSnapshot], bool]) -> EngineSnapshot:
        """Step until ``condition`` holds; return the snapshot that it held for."""
        give_up_s = time.monotonic() + PATIENCE_S
        while True:
            self.machine.step()
            snapshot = self.engine.snapshot()
            if condition(snapshot):
                return snapshot
            assert time.monotonic() < give_up_s, f"in vain, last seen: {snapshot}"

    def spray(self) -> None:
        """Spray until a pulse was confirmed; a busy computer may stop it before: start again."""
        self.until(self._has_confirmed)

    def _has_confirmed(self, seen: EngineSnapshot) -> bool:
        if seen.state is EngineState.STOPPED:
            self.engine.handle(EngineCommand(kind=CommandKind.CLEAR_STOP))
        elif seen.state is EngineState.READY:
            self.engine.handle(EngineCommand(kind=CommandKind.START))
        return seen.state is EngineState.SPRAYING and seen.totals.pulses_confirmed > 0

    def stopped(self, code: str) -> Alarm:
        """Wait for the alarm of this code; nothing may be commanded from then on."""
        seen = self.until(lambda seen: code in [alarm.code for alarm in seen.alarms])
        assert seen.state is EngineState.STOPPED
        assert not self.engine.spraying
        self.machine.step()
        self.engine.snapshot()
        assert not any(self.until(lambda _: True).nozzle_commanded)
        return next(alarm for alarm in seen.alarms if alarm.code == code)


def kill(name: str) -> None:
    (pid,) = (p.pid for p in multiprocessing.active_children() if p.name == name)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


@pytest.fixture
def driver() -> Iterator[Driver]:
    config = parse_config(
        {
            "model": {"method": "exg"},
            "camera": {"width_px": 480, "height_px": 272, "fps": 10.0, "lost_after_s": 1.0},
            "spray": {"stale_after_ms": 1000.0},
            "simulation": {"speed_m_s": 0.6},
            "recording": {"enabled": False},
        },
        source="test",
    )
    with closing(build_realtime_machine(config)) as machine:
        yield Driver(machine)


def test_a_killed_camera(driver: Driver) -> None:
    driver.spray()
    kill("agriseg-simulated-camera")
    alarm = driver.stopped("camera-lost")
    assert "process ended" in alarm.text
    driver.until(lambda seen: seen.controller.state is ControllerState.SAFE)
    driver.until(lambda seen: seen.controller.open_mask == 0)


@pytest.mark.error_logs
def test_a_killed_link_is_connected_again_and_stays_disarmed(driver: Driver) -> None:
    driver.spray()
    kill("agriseg-link")
    alarm = driver.stopped("link-lost")
    assert "link ended unexpectedly" in alarm.text
    driver.until(lambda seen: seen.controller.state is ControllerState.DISCONNECTED)
    back = driver.until(lambda seen: seen.controller.state is not ControllerState.DISCONNECTED)
    assert back.controller.state is ControllerState.SAFE
    assert back.state is EngineState.STOPPED


@pytest.mark.error_logs
def test_a_killed_controller(driver: Driver) -> None:
    driver.spray()
    kill("agriseg-simulated-controller")
    alarm = driver.stopped("link-lost")
    assert "not connected" in alarm.text
    driver.until(lambda seen: seen.controller.state is ControllerState.DISCONNECTED)
