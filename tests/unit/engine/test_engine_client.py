"""The window's end of the engine: a real process, real shared memory, real pipes."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from agriseg.config import parse_config
from agriseg.engine_client import ProcessEngineClient
from agriseg.messages import CommandKind, EngineCommand, EngineSnapshot, EngineState, Picture
from agriseg.process_names import ENGINE, LINK, SIMULATED_CAMERA, SIMULATED_CONTROLLER

pytestmark = pytest.mark.alone

WITHIN_S = 60.0


class Watcher:
    """Reads a client as the window does, whenever something is there."""

    def __init__(self, client: ProcessEngineClient) -> None:
        self.client = client
        self.snapshot: EngineSnapshot | None = None
        self.picture: Picture | None = None

    def until(self, condition: Callable[[], bool]) -> None:
        """Read until ``condition`` holds."""
        give_up_s = time.monotonic() + WITHIN_S
        while not condition():
            assert time.monotonic() < give_up_s, f"last heard: {self.snapshot}"
            if self.client.health().alive:
                select.select([self.client.fileno()], [], [], 0.2)
            self.snapshot = self.client.read_snapshot() or self.snapshot
            self.picture = self.client.read_picture() or self.picture

    def state(self) -> EngineState | None:
        return self.snapshot.state if self.snapshot else None


@pytest.fixture
def watcher(tmp_path: Path) -> Iterator[Watcher]:
    config = parse_config(
        {
            "model": {"method": "exg"},
            "camera": {"fps": 10.0},
            "simulation": {"speed_m_s": 0.5},
            "recording": {"directory": str(tmp_path / "runs")},
        },
        source="test",
    )
    client = ProcessEngineClient(config)
    client.start()
    yield Watcher(client)
    client.close()


def test_simulation_starts_by_itself_and_stop_is_confirmed(watcher: Watcher) -> None:
    watcher.until(lambda: watcher.state() is EngineState.SPRAYING and watcher.picture is not None)
    assert watcher.picture is not None
    assert watcher.picture.image.shape == (544, 960, 4)
    assert watcher.picture.boom.swath_px.shape == (24, 4, 2)
    if sys.platform == "linux":
        names = {process.name() for process in psutil.Process().children(recursive=True)}
        assert names >= {ENGINE, LINK, SIMULATED_CAMERA, SIMULATED_CONTROLLER}
    watcher.client.send(EngineCommand(kind=CommandKind.STOP))
    watcher.until(lambda: watcher.state() is EngineState.STOPPED)
    assert watcher.snapshot is not None
    assert "operator-stop" in [alarm.code for alarm in watcher.snapshot.alarms]
    assert watcher.client.health().alive


def test_engine_that_dies_is_noticed_and_can_be_started_again(watcher: Watcher) -> None:
    watcher.until(lambda: watcher.snapshot is not None)
    (engine,) = [p for p in psutil.Process().children() if "resource_tracker" not in cmdline(p)]
    os.kill(engine.pid, signal.SIGKILL)
    watcher.until(lambda: not watcher.client.health().alive)
    assert watcher.client.health().message
    watcher.client.start()
    watcher.snapshot = None
    watcher.until(lambda: watcher.state() is EngineState.READY)
    again_s = time.monotonic() + 1.0
    watcher.until(lambda: time.monotonic() > again_s)
    assert watcher.state() is EngineState.READY, "it sprays again without being asked"


def test_closing_leaves_no_process(watcher: Watcher) -> None:
    watcher.until(lambda: watcher.picture is not None)
    below = psutil.Process().children(recursive=True)
    watcher.client.close()
    gone, alive = psutil.wait_procs(
        [p for p in below if "resource_tracker" not in cmdline(p)], timeout=WITHIN_S
    )
    assert gone
    assert not alive


def cmdline(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""
