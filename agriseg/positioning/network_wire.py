"""Sentences of a satellite receiver that come over the network: TCP client, or UDP."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from agriseg.errors import ConfigError
from firmware_bridge.errors import PortLostError, PortUnavailableError

_FORM = re.compile(r"(tcp|udp)://(\[[0-9a-fA-F:.]+\]|[^:/\s]*):(\d{1,5})/?", re.IGNORECASE)
_CONNECTS_WITHIN_S = 3.0
_READ_BYTES = 65536
_MOST_READS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkAddress:
    """Where sentences come from: a TCP server, or the UDP port of this computer they are sent to.

    ``host`` of UDP is the address of this computer to listen at, empty for all.
    """

    kind: Literal["tcp", "udp"]
    host: str
    port: int


def is_network(source: str) -> bool:
    """Return whether ``position.source`` means the network."""
    return source.lower().startswith(("tcp:", "udp:"))


def network_address(source: str) -> NetworkAddress:
    """Return the address that ``position.source`` names.

    Raises
    ------
    ConfigError
        It is none. Names are not looked up: that could hold up spraying.
    """
    expected = (
        f"position.source is {source!r}, expected tcp://ADDRESS:PORT of a receiver that serves its"
        " sentences, such as tcp://192.168.1.20:9001, or udp://:PORT for sentences that are sent"
        " to this computer; the address in digits"
    )
    match = _FORM.fullmatch(source.strip())
    if match is None or not 0 < int(match[3]) < 65536:
        raise ConfigError(expected)
    kind: Literal["tcp", "udp"] = "tcp" if match[1].lower() == "tcp" else "udp"
    host = "127.0.0.1" if match[2] == "localhost" else match[2].strip("[]")
    if not host and kind == "udp":
        return NetworkAddress(kind=kind, host="", port=int(match[3]))
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise ConfigError(expected) from None
    return NetworkAddress(kind=kind, host=host, port=int(match[3]))


class NetworkWire:
    """Bytes from the network, without ever waiting for them.

    Parameters
    ----------
    address : NetworkAddress
    now_s : float
        Host time.

    Raises
    ------
    PortUnavailableError
        The port of this computer is taken, or there is no network.
    """

    def __init__(self, address: NetworkAddress, now_s: float) -> None:
        self._address = address
        self._began_s = now_s
        self._connected = address.kind == "udp"
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        kind = socket.SOCK_DGRAM if address.kind == "udp" else socket.SOCK_STREAM
        self._socket = socket.socket(family, kind)
        self._socket.setblocking(False)
        place = (address.host, address.port)
        try:
            if address.kind == "udp":
                self._socket.bind(place)
            else:
                with contextlib.suppress(BlockingIOError):
                    self._socket.connect(place)
        except OSError as error:
            self._socket.close()
            raise PortUnavailableError(f"{self._name}: {_why(error)}") from error

    def read(self, now_s: float) -> Sequence[tuple[float, bytes]]:
        """Return what has arrived, with the host time.

        Raises
        ------
        PortLostError
            Nobody answers, or the connection has ended; this wire is of no more use.
        """
        if not self._connected and not self._connects(now_s):
            return ()
        found: list[tuple[float, bytes]] = []
        for _ in range(_MOST_READS):
            try:
                data = self._socket.recv(_READ_BYTES)
            except BlockingIOError:
                break
            except OSError as error:
                raise PortLostError(f"{self._name}: {_why(error)}") from error
            if not data and self._address.kind == "tcp":
                raise PortLostError(f"{self._name}: the receiver has ended the connection")
            found.append((now_s, data))
        return found

    def close(self) -> None:
        """Release the port."""
        self._socket.close()

    @property
    def _name(self) -> str:
        address = self._address
        return f"{address.kind}://{address.host}:{address.port}"

    def _connects(self, now_s: float) -> bool:
        """Return whether the connection is made by now."""
        try:
            self._socket.getpeername()
        except OSError:
            number = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if number:
                raise PortLostError(f"{self._name}: {os.strerror(number)}") from None
            if now_s - self._began_s >= _CONNECTS_WITHIN_S:
                raise PortLostError(
                    f"{self._name}: nobody answers; check that the receiver serves its sentences"
                    " there and is in the same network"
                ) from None
            return False
        self._connected = True
        return True


def _why(error: OSError) -> str:
    return error.strerror or str(error)
