"""The way to a relay board: a serial port or UDP, behind `firmware_bridge.wires.Wire`."""

from __future__ import annotations

import contextlib
import logging
import socket
import time
from collections.abc import Iterable, Sequence
from typing import Protocol
from urllib.parse import urlsplit

from agriseg.errors import PortError
from agriseg.spraying.relay_frames import RelayKind, sections_message
from firmware_bridge.errors import PortLostError, PortUnavailableError
from firmware_bridge.transport import SerialWire
from firmware_bridge.wires import Wire

_LOG = logging.getLogger(__name__)

BOARD_PORT = 8888
ANSWER_PORT = 9999
"""Boards answer to this port of their network's broadcast address."""
READ_BYTES = 2048
MAX_DATAGRAMS = 64
FAREWELLS = 3


class WaitableWire(Wire, Protocol):
    """A wire with a descriptor to wait on."""

    def fileno(self) -> int | None:
        """Return the descriptor; None while there is none."""
        ...


def is_network_port(port: str) -> bool:
    """Return whether a controller port names a network address."""
    return port.startswith("udp://")


def parse_address(port: str) -> tuple[str, int]:
    """Return host and port of ``udp://host:port``.

    Raises
    ------
    PortError
        It is none.
    """
    parts = urlsplit(port)
    try:
        number = parts.port or BOARD_PORT
    except ValueError:
        number = 0
    if parts.scheme != "udp" or not parts.hostname or parts.path or not number:
        raise PortError(
            f"controller.port is {port!r}, expected a network address such as"
            f" udp://192.168.5.123:{BOARD_PORT}"
        )
    return parts.hostname, number


def open_relay_wire(port: str, baud: int) -> WaitableWire:
    """Open the way to a relay board.

    Raises
    ------
    PortError
        The port or address cannot be used.
    """
    if is_network_port(port):
        return UdpWire(*parse_address(port))
    try:
        return SerialWire(port, baud)
    except PortUnavailableError as error:
        raise PortError(str(error)) from error


def send_all_off(port: str, baud: int, kind: RelayKind) -> None:
    """Switch every output off, as well as can be, from a process that holds no connection.

    For the moment after the link's process has died: a board would keep its outputs on for
    seconds.
    """
    try:
        wire = open_relay_wire(port, baud)
    except PortError as error:
        _LOG.warning("The relay board's outputs could not be switched off: %s", error)
        return
    with contextlib.suppress(PortLostError):
        for _ in range(FAREWELLS):
            wire.write(sections_message(kind, 0), time.monotonic())
    wire.close()


class UdpWire:
    """Datagrams to one board, and what comes from its address.

    Parameters
    ----------
    host : str
        Name or IPv4 address of the board, or of its network's broadcast.
    port : int
    answer_port : int
        Where boards send to. If another program holds it, answers to our own port are
        heard only.

    Raises
    ------
    PortError
        The name cannot be resolved, or this computer has no network.
    """

    def __init__(self, host: str, port: int, answer_port: int = ANSWER_PORT) -> None:
        self._name = f"udp://{host}:{port}"
        try:
            found = socket.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_DGRAM)
            self._address: tuple[str, int] = (str(found[0][4][0]), port)
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        except OSError as error:
            raise PortError(
                f"{self._name}: the board's address cannot be used ({error}); check the name and"
                " this computer's network"
            ) from error
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        try:
            self._socket.bind(("", answer_port))
        except OSError as error:
            _LOG.warning("UDP port %d is taken (%s): the board is not heard", answer_port, error)
            self._socket.bind(("", 0))

    def fileno(self) -> int | None:
        """Return a descriptor to wait on."""
        return self._socket.fileno()

    def moments(self, now_s: float) -> Iterable[float]:
        """Yield now: datagrams arrive when they arrive."""
        return (now_s,)

    def read(self, t_s: float) -> Sequence[tuple[float, bytes]]:
        """Return what the board has sent.

        Raises
        ------
        PortLostError
            The board's computer said that nobody listens there, or the network went away.
        """
        arrived: list[tuple[float, bytes]] = []
        for _ in range(MAX_DATAGRAMS):
            try:
                data, sender = self._socket.recvfrom(READ_BYTES)
            except BlockingIOError:
                break
            except OSError as error:
                raise self._lost(error) from error
            if sender[0] == self._address[0] or self._address[0].endswith(".255"):
                arrived.append((t_s, data))
        return arrived

    def write(self, data: bytes, t_s: float) -> None:
        """Send one datagram.

        Raises
        ------
        PortLostError
            As `read`.
        """
        del t_s
        try:
            self._socket.sendto(data, self._address)
        except BlockingIOError:
            return
        except OSError as error:
            raise self._lost(error) from error

    def close(self) -> None:
        """Release the socket."""
        self._socket.close()

    def _lost(self, error: OSError) -> PortLostError:
        return PortLostError(
            f"{self._name}: the relay board cannot be reached ({error}); check its power and cable"
        )
