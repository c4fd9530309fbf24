"""Frames that open a session, compare clocks, and say what may happen."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar, Self

from firmware_bridge.errors import FrameError
from firmware_bridge.frame_parts import Packed, bad_length, require_magic
from firmware_bridge.schema import MAGIC, MAX_NAME, PROTOCOL_VERSION, SCHEMA_HASH, UNKNOWN_GROUND


@dataclass(frozen=True, slots=True)
class Hello:
    """Opens a session; understood by every version."""

    TYPE: ClassVar[int] = 0x01
    _STRUCT: ClassVar[struct.Struct] = struct.Struct("<4sBHI")

    session: int
    protocol: int = PROTOCOL_VERSION
    schema: int = SCHEMA_HASH

    def payload(self) -> bytes:
        return self._STRUCT.pack(MAGIC, self.protocol, self.schema, self.session)

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        if len(payload) != cls._STRUCT.size:
            raise bad_length("HELLO", len(payload), cls._STRUCT.size)
        magic, protocol, schema, session = cls._STRUCT.unpack(payload)
        require_magic(magic)
        return cls(session=session, protocol=protocol, schema=schema)


@dataclass(frozen=True, slots=True, kw_only=True)
class HelloReply:
    """Who the controller is and what it can do; understood by every version."""

    TYPE: ClassVar[int] = 0x81
    _STRUCT: ClassVar[struct.Struct] = struct.Struct("<4sBHIHIHHBHIHHHH3BB")

    session: int
    boot: int
    tick_hz: int
    valves: int
    queue: int
    window: int
    rx_bytes: int
    capabilities: int
    max_open_ms: int
    min_lead_us: int
    horizon_ms: int
    late_us: int
    firmware: tuple[int, int, int]
    name: str
    protocol: int = PROTOCOL_VERSION
    schema: int = SCHEMA_HASH

    def payload(self) -> bytes:
        name = self.name.encode("ascii", errors="replace")[:MAX_NAME]
        head = self._STRUCT.pack(
            MAGIC,
            self.protocol,
            self.schema,
            self.session,
            self.boot,
            self.tick_hz,
            self.valves,
            self.queue,
            self.window,
            self.rx_bytes,
            self.capabilities,
            self.max_open_ms,
            self.min_lead_us,
            self.horizon_ms,
            self.late_us,
            *self.firmware,
            len(name),
        )
        return head + name

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        head = cls._STRUCT.size
        length = payload[head - 1] if len(payload) >= head else MAX_NAME + 1
        if length > MAX_NAME or len(payload) != head + length:
            return cls._of_another_version(payload)
        magic, protocol, schema, *values = cls._STRUCT.unpack_from(payload)
        require_magic(magic)
        names = cls.__slots__[: len(values) - 4]
        numbers = dict(zip(names, values, strict=False))
        return cls(
            **numbers,
            firmware=(values[-4], values[-3], values[-2]),
            name=payload[head:].decode("ascii", errors="replace").replace("\ufffd", "?"),
            protocol=protocol,
            schema=schema,
        )

    @classmethod
    def _of_another_version(cls, payload: bytes) -> Self:
        """Return what every version has: the first 11 bytes; the rest is zero and empty."""
        head = Hello._STRUCT
        if len(payload) >= head.size:
            magic, protocol, schema, session = head.unpack_from(payload)
            require_magic(magic)
            if (protocol, schema) != (PROTOCOL_VERSION, SCHEMA_HASH):
                rest = dict.fromkeys(cls.__slots__[1:-4], 0)
                return cls(
                    session=session,
                    **rest,
                    firmware=(0, 0, 0),
                    name="",
                    protocol=protocol,
                    schema=schema,
                )
        raise FrameError("length", f"HELLO_REPLY has {len(payload)} payload bytes")


@dataclass(frozen=True, slots=True)
class Time:
    """Asks for the controller's clock; as long as its answer, so that wire time cancels."""

    TYPE: ClassVar[int] = 0x02
    _STRUCT: ClassVar[struct.Struct] = struct.Struct("<I8x")

    stamp: int

    def payload(self) -> bytes:
        return self._STRUCT.pack(self.stamp)

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        if len(payload) != cls._STRUCT.size:
            raise bad_length("TIME", len(payload), cls._STRUCT.size)
        return cls(*cls._STRUCT.unpack(payload))


@dataclass(frozen=True, slots=True)
class TimeReply(Packed):
    """The controller's clock when the question was complete and when the answer began."""

    TYPE: ClassVar[int] = 0x82
    _STRUCT: ClassVar[struct.Struct] = struct.Struct("<III")

    stamp: int
    rx_tick: int
    tx_tick: int


@dataclass(frozen=True, slots=True)
class Beat(Packed):
    """Heartbeat with the liveness of what stands behind it.

    ``ground_mm_s`` is the speed over ground by something else than the wheel, such as GNSS.
    """

    TYPE: ClassVar[int] = 0x03
    _STRUCT: ClassVar[struct.Struct] = struct.Struct("<IBHH")

    session: int
    alive: int
    report_next: int
    ground_mm_s: int = UNKNOWN_GROUND


@dataclass(frozen=True, slots=True)
class EStop(Packed):
    """Closes everything and latches; needs no session."""

    TYPE: ClassVar[int] = 0x04
    _STRUCT: ClassVar[struct.Struct] = struct.Struct("<")


@dataclass(frozen=True, slots=True)
class Arm(Packed):
    """Asks for ARMED."""

    TYPE: ClassVar[int] = 0x10
    _STRUCT: ClassVar[struct.Struct] = struct.Struct("<HH")

    boot: int
    clock_error_us: int


@dataclass(frozen=True, slots=True)
class Disarm(Packed):
    """Closes all valves, empties the queue, goes to SAFE."""

    TYPE: ClassVar[int] = 0x11
    _STRUCT: ClassVar[struct.Struct] = struct.Struct("<")


@dataclass(frozen=True, slots=True)
class Clear(Packed):
    """Leaves the latched stop for SAFE."""

    TYPE: ClassVar[int] = 0x12
    _STRUCT: ClassVar[struct.Struct] = struct.Struct("<")


@dataclass(frozen=True, slots=True)
class Flush(Packed):
    """Forgets the pulses that have not begun."""

    TYPE: ClassVar[int] = 0x13
    _STRUCT: ClassVar[struct.Struct] = struct.Struct("<")
