"""The messages of relay boards: PGN 239 and 229 in AgOpenGPS's framing; see RELAY_BOARDS.md."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

HEADER = b"\x80\x81"
HOST = 0x7F
MACHINE_DATA = 239
SECTIONS_64 = 229
FROM_MACHINE = 237
HELLO_FROM_MACHINE = 123
_FIXED = 6
"""Header, source, PGN, length and checksum."""
_MAX_PAYLOAD = 32
KMH_PER_M_S = 3.6


class RelayKind(Enum):
    """What message a board understands."""

    PGN239 = "pgn239"
    PGN229 = "pgn229"

    @property
    def sections(self) -> int:
        """Number of outputs that the message has room for."""
        return 16 if self is RelayKind.PGN239 else 64


@dataclass(frozen=True, slots=True)
class BoardMessage:
    """A whole message, as it came."""

    source: int
    pgn: int
    payload: bytes
    checksum_fits: bool


def checksum(body: bytes) -> int:
    """Return the sum, modulo 256, of everything between header and checksum."""
    return sum(body) & 0xFF


def message(source: int, pgn: int, payload: bytes) -> bytes:
    """Return a message with header and checksum."""
    body = bytes((source, pgn, len(payload))) + payload
    return HEADER + body + bytes((checksum(body),))


def sections_message(kind: RelayKind, mask: int, speed_m_s: float = 0.0) -> bytes:
    """Return the message that sets every output.

    Parameters
    ----------
    kind : RelayKind
    mask : int
        Bit n switches output n.
    speed_m_s : float
        Shown by some boards; 0 where it is not known.
    """
    if kind is RelayKind.PGN229:
        tenths = _tenths_kmh(speed_m_s)
        return message(HOST, SECTIONS_64, mask.to_bytes(8, "little") + bytes((tenths, tenths)))
    # u-turn, speed, hydraulic lift, tramline, geo stop, reserved, sections 1-8, 9-16
    head = bytes((0, _tenths_kmh(speed_m_s), 0, 0, 0, 0))
    return message(HOST, MACHINE_DATA, head + mask.to_bytes(2, "little"))


def sections_of(received: BoardMessage) -> int | None:
    """Return the outputs that a host's message switches on; None if it is no such message."""
    if received.source != HOST:
        return None
    if received.pgn == MACHINE_DATA and len(received.payload) == 8:
        return int.from_bytes(received.payload[6:8], "little")
    if received.pgn == SECTIONS_64 and len(received.payload) == 10:
        return int.from_bytes(received.payload[:8], "little")
    return None


def is_from_board(received: BoardMessage) -> bool:
    """Return whether a message shows that a relay board is there.

    The hello of stock boards has a fixed last byte instead of a checksum.
    """
    if received.pgn == FROM_MACHINE:
        return received.checksum_fits
    return received.source == HELLO_FROM_MACHINE and received.pgn == HELLO_FROM_MACHINE


class MessageReader:
    """Finds messages in a stream of bytes; what is none is skipped."""

    def __init__(self) -> None:
        self._data = bytearray()
        self.skipped_bytes = 0

    def feed(self, data: bytes) -> list[BoardMessage]:
        """Take bytes and return the messages that are complete now."""
        self._data += data
        found: list[BoardMessage] = []
        while (received := self._next()) is not None:
            found.append(received)
        return found

    def _next(self) -> BoardMessage | None:
        self._skip_to_header()
        if len(self._data) < _FIXED:
            return None
        length = self._data[4]
        if length > _MAX_PAYLOAD:
            self._skip(1)
            return self._next()
        if len(self._data) < _FIXED + length:
            return None
        body, last = bytes(self._data[2 : 5 + length]), self._data[5 + length]
        del self._data[: _FIXED + length]
        return BoardMessage(body[0], body[1], body[3:], checksum(body) == last)

    def _skip_to_header(self) -> None:
        at = self._data.find(HEADER)
        if at >= 0:
            self._skip(at)
        else:
            keep = 1 if self._data[-1:] == HEADER[:1] else 0
            self._skip(len(self._data) - keep)

    def _skip(self, count: int) -> None:
        self.skipped_bytes += count
        del self._data[:count]


def _tenths_kmh(speed_m_s: float) -> int:
    return min(255, max(0, round(10.0 * KMH_PER_M_S * speed_m_s)))
