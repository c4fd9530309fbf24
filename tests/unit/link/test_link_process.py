"""The link's own process, on a real pseudo-terminal, in real time."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import serial

from agriseg.config import BoomConfig, Config
from agriseg.errors import ControllerError, PortError
from agriseg.messages import (
    ControllerMessage,
    ControllerState,
    ControllerStatus,
    OdometrySample,
    PulseOutcome,
    PulseReport,
    ValveEvent,
)
from agriseg.spraying.link_process import LinkProcess
from firmware_bridge.errors import (
    PortAbsentError,
    PortBusyError,
    PortForbiddenError,
    PortUnavailableError,
)
from firmware_bridge.transport import SerialWire, explain, open_port

if sys.platform == "win32":
    pytest.skip("pseudo-terminals exist on Linux and macOS only", allow_module_level=True)

from pty_board import Board

CONFIG = Config(boom=BoomConfig(nozzle_count=8))
PATIENCE_S = 60.0


class Driver:
    """Serves a link as the engine does, every 10 ms."""

    def __init__(self, link: LinkProcess) -> None:
        self.link = link
        self.messages: list[ControllerMessage] = []
        self.beats = True

    def until(self, condition: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
        deadline_s = time.monotonic() + patience_s
        while not condition():
            assert time.monotonic() < deadline_s, f"waited {patience_s} s in vain"
            time.sleep(0.01)
            if self.beats:
                self.link.beat(camera_alive=True, model_alive=True, planner_alive=True)
            self.messages += self.link.poll()

    def run(self, seconds: float) -> None:
        end_s = time.monotonic() + seconds
        self.until(lambda: time.monotonic() >= end_s)

    def arm(self) -> None:
        def armed() -> bool:
            if self.link.state is ControllerState.SAFE:
                self.link.arm()
            return self.link.state is ControllerState.ARMED

        self.until(armed)

    @property
    def reports(self) -> list[PulseReport]:
        return [m for m in self.messages if isinstance(m, PulseReport)]

    @property
    def here_m(self) -> float:
        return [m for m in self.messages if isinstance(m, OdometrySample)][-1].distance_m

    @property
    def cause(self) -> str:
        return [m for m in self.messages if isinstance(m, ControllerStatus)][-1].cause


def pulse(event_id: int, nozzle: int, start_m: float, end_m: float) -> ValveEvent:
    return ValveEvent(
        event_id=event_id,
        nozzle_id=nozzle,
        by_distance=True,
        open_at=start_m,
        close_at=end_m,
        wanted_s_min_m=start_m,
        wanted_s_max_m=end_m,
    )


@pytest.fixture
def board() -> Iterator[Board]:
    board = Board()
    yield board
    board.stop()


@pytest.fixture
def driver(board: Board) -> Iterator[Driver]:
    driver = Driver(LinkProcess(CONFIG, board.path))
    yield driver
    driver.link.close()


def test_pulses_through_a_real_port_are_sprayed_and_confirmed(board: Board, driver: Driver) -> None:
    driver.arm()
    start_m = driver.here_m + 1.0
    events = [
        pulse(10 * i + n, n, start_m + 0.1 * i, start_m + 0.1 * i + 0.05)
        for i in range(5)
        for n in range(8)
    ]
    driver.link.queue(events)
    driver.until(lambda: len(driver.reports) == len(events))
    assert {r.outcome for r in driver.reports} == {PulseOutcome.DONE}
    assert {r.event_id for r in driver.reports} == {e.event_id for e in events}
    driver.link.close()
    board.stop()
    assert board.state == "SAFE"
    assert len(board.edges) == 2 * len(events)
    for nozzle in range(8):
        ground_m = [
            board.distance_m(t + 0.02) for v, t, is_open in board.edges if v == nozzle and is_open
        ]
        wanted_m = [e.open_at for e in events if e.nozzle_id == nozzle]
        assert ground_m == pytest.approx(wanted_m, abs=0.02)


def test_an_engine_that_falls_silent_is_disarmed(driver: Driver) -> None:
    driver.arm()
    driver.beats = False
    driver.until(lambda: driver.link.state is ControllerState.SAFE)
    assert "application" in driver.cause


def test_an_emergency_stop_passes_through(driver: Driver) -> None:
    driver.arm()
    driver.link.emergency_stop()
    driver.until(lambda: driver.link.state is ControllerState.ESTOP)
    driver.link.clear_stop()
    driver.until(lambda: driver.link.state is ControllerState.SAFE)


def link_pid() -> int:
    children = [c for c in multiprocessing.active_children() if c.name == "agriseg-link"]
    assert len(children) == 1
    assert children[0].pid is not None
    return children[0].pid


def test_a_dead_link_process_loses_the_pulses_and_can_be_reopened(driver: Driver) -> None:
    driver.arm()
    driver.link.queue([pulse(1, 0, driver.here_m + 50.0, driver.here_m + 51.0)])
    driver.link.queue([pulse(2, 0, driver.here_m + 20.0, driver.here_m + 21.0)])
    driver.until(lambda: any(r.event_id == 1 for r in driver.reports))
    os.kill(link_pid(), signal.SIGKILL)
    with pytest.raises(ControllerError, match=r"ended unexpectedly.*connect again"):
        driver.run(10.0)
    assert [(r.event_id, r.outcome) for r in driver.reports][-1] == (2, PulseOutcome.LOST)
    assert len(driver.reports) == 2
    assert driver.link.state is ControllerState.DISCONNECTED
    driver.link.reopen()
    driver.until(lambda: driver.link.state is ControllerState.SAFE)


def test_reopening_a_working_link_answers_what_it_was_asked(driver: Driver) -> None:
    driver.arm()
    driver.link.queue([pulse(1, 0, driver.here_m + 20.0, driver.here_m + 21.0)])
    driver.link.reopen()
    driver.until(lambda: driver.link.state is ControllerState.SAFE)
    assert [(r.event_id, r.outcome) for r in driver.reports] == [(1, PulseOutcome.LOST)]


def test_a_hanging_link_process_never_blocks_the_engine(driver: Driver) -> None:
    driver.arm()
    pid = link_pid()
    os.kill(pid, signal.SIGSTOP)
    events = [pulse(i, i % 8, 1000.0 + i, 1000.5 + i) for i in range(500)]
    began_s = time.monotonic()
    for i in range(20):
        driver.link.queue(
            [pulse(1000 * i + e.event_id, e.nozzle_id, e.open_at, e.close_at) for e in events]
        )
    assert time.monotonic() - began_s < 0.9
    with pytest.raises(ControllerError, match="silent"):
        driver.run(10.0)
    assert len(driver.reports) == 10_000
    assert {r.outcome for r in driver.reports} == {PulseOutcome.LOST}


def test_a_link_process_that_pauses_while_nothing_is_armed_is_left_alone(driver: Driver) -> None:
    driver.until(lambda: driver.link.state is ControllerState.SAFE)
    pid = link_pid()
    os.kill(pid, signal.SIGSTOP)
    driver.run(1.5)
    os.kill(pid, signal.SIGCONT)
    driver.arm()
    assert link_pid() == pid


def test_a_port_that_comes_back_is_connected_but_not_armed(tmp_path: Path) -> None:
    first = Board(boot_id=1)
    port = tmp_path / "ttyBoard"
    port.symlink_to(first.path)
    driver = Driver(LinkProcess(CONFIG, str(port)))
    second = None
    try:
        driver.arm()
        driver.link.queue([pulse(1, 0, driver.here_m + 20.0, driver.here_m + 21.0)])
        driver.run(0.1)
        first.stop()
        driver.until(lambda: driver.link.state is ControllerState.DISCONNECTED)
        driver.until(lambda: len(driver.reports) == 1)
        assert driver.reports[0].outcome is PulseOutcome.LOST
        port.unlink()
        second = Board(boot_id=2)
        port.symlink_to(second.path)
        driver.until(lambda: driver.link.state is ControllerState.SAFE)
        driver.run(0.5)
        assert driver.link.state is ControllerState.SAFE
    finally:
        driver.link.close()
        first.stop()
        if second is not None:
            second.stop()


def poll_until_error(link: LinkProcess) -> ControllerError:
    try:
        Driver(link).run(PATIENCE_S)
    except ControllerError as error:
        return error
    finally:
        link.close()
    raise AssertionError("no error came")


def test_an_absent_port_is_named() -> None:
    error = poll_until_error(LinkProcess(CONFIG, "/dev/ttyNowhere7"))
    assert isinstance(error, PortError)
    assert str(error).startswith("/dev/ttyNowhere7: there is no such serial port; ")


def test_a_busy_port_is_named(board: Board) -> None:
    wire = SerialWire(board.path, 500_000)
    error = poll_until_error(LinkProcess(CONFIG, board.path))
    wire.close()
    assert isinstance(error, PortError)
    assert "another program is using the serial port" in str(error)
    assert board.path in str(error)


def test_a_file_is_no_serial_port(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no port")
    with pytest.raises(PortUnavailableError, match="not a serial port"):
        open_port(str(path), 500_000)


@pytest.mark.parametrize(
    ("number", "expected", "words"),
    [
        (errno.ENOENT, PortAbsentError, "no such serial port"),
        (errno.EBUSY, PortBusyError, "another program"),
        (errno.EAGAIN, PortBusyError, "another program"),
        (errno.EACCES, PortForbiddenError, "sudo usermod -a -G"),
    ],
)
def test_what_the_system_says_becomes_a_sentence(
    number: int, expected: type[Exception], words: str
) -> None:
    error = explain("/dev/ttyACM0", serial.SerialException(number, "could not open port"))
    assert type(error) is expected
    assert str(error).startswith("/dev/ttyACM0: ")
    assert words in str(error)
