"""Positions over TCP and UDP, from real sockets of this computer."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator

import pytest

from agriseg.clock import VirtualClock
from agriseg.config import parse_config
from agriseg.errors import ConfigError
from agriseg.messages import PositionFix
from agriseg.positioning.network_wire import NetworkAddress, network_address
from agriseg.positioning.serial_receiver import REOPEN_PERIOD_S, NmeaReceiver
from agriseg.positioning.simulated import SentenceMaker
from agriseg.simulation.trajectory import Trajectory

CONFIG = parse_config({}, source="test")
SENTENCES = SentenceMaker(
    CONFIG.simulation.gnss, CONFIG.position, Trajectory(CONFIG.simulation)
).sentences(1.0)


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def polled(receiver: NmeaReceiver, clock: VirtualClock) -> list[PositionFix]:
    """Poll until something has come; the other end has sent it already."""
    found: list[PositionFix] = []
    for _ in range(10_000):
        clock.sleep_until(clock.now_s() + 1e-4)
        found += receiver.poll()
        if found:
            break
    return found


def joined(receiver: NmeaReceiver, server: socket.socket) -> socket.socket:
    """Let the receiver connect, and return the other end."""
    receiver.poll()
    assert select.select([server], [], [], 5.0)[0]
    return server.accept()[0]


def test_positions_come_from_a_server_again_after_it_has_hung_up(server: socket.socket) -> None:
    clock = VirtualClock(5.0)
    receiver = NmeaReceiver(f"tcp://127.0.0.1:{server.getsockname()[1]}", 115200, clock, 0.0)
    with joined(receiver, server) as other:
        other.sendall(SENTENCES)
        assert len(polled(receiver, clock)) == 1
        assert receiver.problem == ""
    receiver.poll()
    assert "ended the connection" in receiver.problem
    clock.sleep_until(clock.now_s() + REOPEN_PERIOD_S + 0.1)
    with joined(receiver, server) as other:
        other.sendall(SENTENCES)
        assert len(polled(receiver, clock)) == 1
    assert receiver.problem == ""
    receiver.close()


def test_where_nobody_serves_it_is_said_and_tried_again(server: socket.socket) -> None:
    port = server.getsockname()[1]
    server.close()
    clock = VirtualClock(5.0)
    receiver = NmeaReceiver(f"tcp://127.0.0.1:{port}", 115200, clock, 0.0)
    for _ in range(50):
        clock.sleep_until(clock.now_s() + 0.1)
        assert list(receiver.poll()) == []
    assert f"tcp://127.0.0.1:{port}: Connection refused" in receiver.problem
    receiver.close()


def test_a_server_that_says_nothing_is_told(server: socket.socket) -> None:
    clock = VirtualClock(5.0)
    receiver = NmeaReceiver(f"tcp://127.0.0.1:{server.getsockname()[1]}", 115200, clock, 0.0)
    with joined(receiver, server):
        clock.sleep_until(15.0)
        receiver.poll()
        assert "no position for 10 s" in receiver.problem
        assert "GGA" in receiver.problem
    receiver.close()


def test_sentences_that_are_sent_to_this_computer_are_heard() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("", 0))
        port = free.getsockname()[1]
    clock = VirtualClock(5.0)
    receiver = NmeaReceiver(f"udp://:{port}", 115200, clock, 0.0)
    assert list(receiver.poll()) == []
    taken = NmeaReceiver(f"udp://:{port}", 115200, clock, 0.0)
    taken.poll()
    assert "in use" in taken.problem
    taken.close()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(SENTENCES, ("127.0.0.1", port))
    assert len(polled(receiver, clock)) == 1
    receiver.close()


def test_addresses_are_read() -> None:
    found = network_address("TCP://[fe80::1]:9001/")
    assert found == NetworkAddress(kind="tcp", host="fe80::1", port=9001)
    assert network_address("udp://:10110").host == ""
    assert network_address("tcp://localhost:1").host == "127.0.0.1"


@pytest.mark.parametrize(
    "source",
    ["tcp://:9001", "tcp://rover:9001", "tcp://1.2.3.4", "udp://:0", "tcp://1.2.3.4:70000"],
)
def test_what_is_no_address_is_refused_with_an_example(source: str) -> None:
    with pytest.raises(ConfigError, match=r"tcp://192\.168\.1\.20:9001"):
        NmeaReceiver(source, 115200, VirtualClock(0.0), 0.0)
