"""A relay board over a real pseudo-terminal and over UDP, from the link's own process."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from agriseg.config import BoomConfig, Config, ControllerConfig, RelayConfig
from agriseg.errors import ControllerError, PortError
from agriseg.messages import (
    ControllerCapabilities,
    ControllerMessage,
    ControllerState,
    ControllerStatus,
    PulseOutcome,
    PulseReport,
    ValveEvent,
)
from agriseg.simulated_relay_board import SimulatedRelayBoard, serve_relay_pty, serve_relay_udp
from agriseg.spraying.link_process import LinkProcess
from agriseg.spraying.relay_frames import RelayKind
from agriseg.spraying.relay_wire import UdpWire, open_relay_wire, parse_address, send_all_off

if sys.platform == "win32":
    pytest.skip("pseudo-terminals exist on Linux and macOS only", allow_module_level=True)

PATIENCE_S = 60.0
CONFIG = Config(
    boom=BoomConfig(nozzle_count=8),
    controller=ControllerConfig(kind="pgn239", relay=RelayConfig(board_period_ms=0.0)),
)


@contextmanager
def served(way: str) -> Iterator[tuple[SimulatedRelayBoard, str]]:
    """Serve a board that acts on every message, in a thread; yields it and its port."""
    board = SimulatedRelayBoard(outputs=16, loop_s=0.0, timeout_s=4.2, t_s=time.monotonic())
    ended, ready = threading.Event(), threading.Event()
    ports: list[str] = []

    def on_ready(port: str) -> None:
        ports.append(port)
        ready.set()

    serve = partial(serve_relay_udp, board, 0) if way == "udp" else partial(serve_relay_pty, board)
    thread = threading.Thread(target=serve, args=(on_ready, ended.is_set))
    thread.start()
    try:
        assert ready.wait(PATIENCE_S)
        yield board, ports[0]
    finally:
        ended.set()
        thread.join()


class Driver:
    """Serves a link as the engine does."""

    def __init__(self, link: LinkProcess) -> None:
        self.link = link
        self.messages: list[ControllerMessage] = []

    def until(self, condition: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + PATIENCE_S
        pause = threading.Event()
        while not condition():
            assert time.monotonic() < deadline_s, "waited in vain"
            pause.wait(0.01)
            self.link.beat(True, True, True)
            self.messages += self.link.poll()

    def arm(self) -> None:
        self.until(lambda: self.link.state is ControllerState.SAFE)
        self.link.arm()
        self.until(lambda: self.link.state is ControllerState.ARMED)

    def spray(self, nozzle: int, in_s: float, length_s: float, event_id: int) -> None:
        t_s = time.monotonic() + in_s
        event = ValveEvent(
            event_id=event_id,
            nozzle_id=nozzle,
            by_distance=False,
            open_at=t_s,
            close_at=t_s + length_s,
            wanted_s_min_m=0.0,
            wanted_s_max_m=0.1,
        )
        self.link.queue([event])

    @property
    def reports(self) -> list[PulseReport]:
        return [m for m in self.messages if isinstance(m, PulseReport)]


@contextmanager
def driven(port: str) -> Iterator[Driver]:
    driver = Driver(LinkProcess(CONFIG, port))
    try:
        yield driver
    finally:
        driver.link.close()


@pytest.mark.parametrize("way", ["pty", "udp"])
def test_pulses_switch_the_outputs_and_are_called_sent(way: str) -> None:
    with served(way) as (board, port):
        with driven(port) as driver:
            driver.arm()
            for nozzle in range(4):
                driver.spray(nozzle, 0.6 + 0.05 * nozzle, 0.2, event_id=nozzle)
            driver.until(lambda: len(driver.reports) == 4)
            driver.until(
                lambda: any(
                    isinstance(m, ControllerStatus) and m.link.received_frames
                    for m in driver.messages
                )
            )
        assert board.mask == 0
    # A busy computer may be too late for one; then the output was never on.
    sent = {r.nozzle_id for r in driver.reports if r.outcome is PulseOutcome.SENT}
    assert {r.outcome for r in driver.reports} <= {PulseOutcome.SENT, PulseOutcome.LATE}
    assert len(sent) >= 2
    assert {edge.output for edge in board.edges} == sent
    assert len(board.edges) == 2 * len(sent)
    stated = next(m for m in driver.messages if isinstance(m, ControllerCapabilities))
    assert not stated.confirms


@pytest.mark.parametrize("way", ["pty", "udp"])
def test_closing_the_link_switches_an_open_output_off(way: str) -> None:
    with served(way) as (board, port):
        with driven(port) as driver:
            driver.arm()
            driver.spray(1, 0.3, 0.9, event_id=1)
            driver.until(lambda: board.mask == 1 << 1)
        deadline_s = time.monotonic() + 2.0
        while board.mask and time.monotonic() < deadline_s:
            threading.Event().wait(0.005)
        assert board.mask == 0


@pytest.mark.parametrize("way", ["pty", "udp"])
def test_a_killed_link_process_is_answered_by_all_off_from_the_engine(way: str) -> None:
    with served(way) as (board, port), driven(port) as driver:
        driver.arm()
        driver.spray(1, 0.3, 0.9, event_id=1)
        driver.until(lambda: board.mask == 1 << 1)
        (link,) = [c for c in multiprocessing.active_children() if c.name == "agriseg-link"]
        assert link.pid is not None
        os.kill(link.pid, signal.SIGKILL)
        with pytest.raises(ControllerError, match=r"was told to switch off.*after 4\.2 s"):
            driver.until(lambda: False)
        deadline_s = time.monotonic() + 2.0
        while board.mask and time.monotonic() < deadline_s:
            threading.Event().wait(0.005)
        assert board.mask == 0
        assert [r.outcome for r in driver.reports] == [PulseOutcome.LOST]


def test_an_absent_port_is_said() -> None:
    with driven("/dev/ttyNone") as driver, pytest.raises(PortError, match="no such serial port"):
        driver.until(lambda: False)


def test_too_many_nozzles_are_said() -> None:
    config = CONFIG.model_copy(update={"boom": BoomConfig(nozzle_count=24)})
    with served("udp") as (_, port):
        link = LinkProcess(config, port)
        try:
            with pytest.raises(ControllerError, match="pgn239 has 16 outputs"):
                Driver(link).until(lambda: False)
        finally:
            link.close()


# The network


@pytest.mark.parametrize(
    "port", ["udp://", "udp://host:99999", "udp://host/path", "tcp://host:1", "udp://host:x"]
)
def test_an_address_that_is_none_is_named(port: str) -> None:
    with pytest.raises(PortError, match=r"expected a network address such as udp://"):
        parse_address(port)


def test_an_address_may_leave_out_the_port() -> None:
    assert parse_address("udp://192.168.5.123") == ("192.168.5.123", 8888)


def test_an_unknown_name_is_said() -> None:
    with pytest.raises(PortError, match="address cannot be used"):
        open_relay_wire("udp://no-such-board.invalid:8888", 38400)


def test_datagrams_of_others_are_not_taken() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("", 0))
        number = free.getsockname()[1]
    wire = UdpWire("127.0.0.2", 8888, answer_port=number)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.bind(("127.0.0.1", 0))
            sender.sendto(b"stranger", ("127.0.0.1", number))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.bind(("127.0.0.2", 0))
            sender.sendto(b"board", ("127.0.0.1", number))
        assert list(wire.read(0.5)) == [(0.5, b"board")]
    finally:
        wire.close()


def test_a_taken_answer_port_does_not_keep_the_board_from_being_used(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("", 0))
        with caplog.at_level(logging.WARNING):
            wire = UdpWire("127.0.0.1", 8888, answer_port=other.getsockname()[1])
        wire.close()
    assert "the board is not heard" in caplog.text


def test_all_off_to_a_port_that_is_gone_is_survived(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        send_all_off("/dev/ttyNone", 38400, RelayKind.PGN239)
    assert "could not be switched off" in caplog.text
