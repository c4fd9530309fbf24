"""Frames of the controller protocol: typed values and their payloads.

`PROTOCOL.md` is the definition; `codec` puts payloads into frames.
"""

from __future__ import annotations

import struct
from binascii import crc_hqx
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import ClassVar, Protocol, Self

from firmware_bridge.codes import State
from firmware_bridge.errors import FrameError

PROTOCOL_VERSION = 1
MAGIC = b"AgSp"
DELIMITER = b"\x00"
MAX_FRAME = 128
"""Bytes of a frame before stuffing: type, seq, payload, checksum."""
MAX_ENCODED = MAX_FRAME + 1
MAX_PAYLOAD = MAX_FRAME - 4
SUBCOUNTS = 16
"""Positions on the wire are sixteenths of an encoder count."""
RESULTS_IN_ACK = 8
MAX_PULSES = 12
MAX_REPORTS = 7
MAX_VALVES_IN_FRAME = 18
MAX_DUTIES = 64
MAX_RUNS = 32
"""Most runs, that is pulses, in a frame of rows."""
MAX_ROW_BYTES = MAX_PAYLOAD - 11
UNKNOWN_GROUND = 0xFFFF
"""Ground speed of a host that does not know it."""
MAX_NAME = 32
NOT_MEASURED_U16 = 0xFFFF
NOT_MEASURED_U32 = 0xFFFF_FFFF

SCHEMA = """\
AgSp 1
01 HELLO magic:4 protocol:u8 schema:u16 session:u32
02 TIME stamp:u32 zero:8
03 BEAT session:u32 alive:u8 report_next:u16 ground_mm_s:u16
04 ESTOP
05 REPORT_ACK report_next:u16
06 READ_VALVES first:u8
10 ARM boot:u16 clock_error_us:u16
11 DISARM
12 CLEAR
13 FLUSH
14 CONFIG_LIMITS max_open_ms:u16 standstill_ms:u16 odometry_ms:u8 status_ms:u8 reach:u32 \
nozzle_ml_min:u16 nominal_kpa:u16
15 CONFIG_VALVES first:u8 n:u8 n*(open:u16 close:u16 fall:u16)
16 PULSES_TIME base:u32 n:u8 n*(valve:u8 tag:u16 offset:u24 length:u24)
17 PULSES_DISTANCE base:i32 n:u8 n*(valve:u8 tag:u16 offset:u24 length:u24)
18 CONFIG_PWM period_ms:u8 first:u8 n:u8 n*(duty_percent:u8)
19 ROWS_DISTANCE base:i32 tag:u16 step:u16 first:u8 valves:u8 rows:u8 bits:rows*((valves+7)/8)
81 HELLO_REPLY magic:4 protocol:u8 schema:u16 session:u32 boot:u16 tick_hz:u32 valves:u16 \
queue:u16 window:u8 rx_bytes:u16 capabilities:u32 max_open_ms:u16 min_lead_us:u16 \
horizon_ms:u16 late_us:u16 firmware:3*u8 length:u8 name:length
82 TIME_REPLY stamp:u32 rx_tick:u32 tx_tick:u32
83 ACK expected:u8 flags:u8 free:u16 results:8*u8
84 STATUS session:u32 boot:u16 state:u8 cause:u8 flags:u8 tick:u32 position:i32 speed:i32 \
queued:u16 pressure:u16 flow:u32 tank:u32 volume:u32 late:u16 rejected:u16 bad_frames:u16 \
n:u8 open:n faults:n
85 ODOMETRY tick:u32 position:i32 speed:i32
86 PULSE_REPORTS index:u16 tick:u32 position:i32 n:u8 \
n*(tag:u16 valve:u8 outcome:u8 open:i24 on:u24 at:i24 run:i24)
87 VALVES first:u8 n:u8 n*(open:u16 close:u16 fall:u16)
88 STROBE number:u16 tick:u32 position:i32
"""
"""Every byte of every frame; its checksum starts the checksum of all but the two hellos."""

SCHEMA_HASH = crc_hqx(SCHEMA.encode("ascii"), 0xFFFF)
UNSEEDED_TYPES = frozenset({0x01, 0x81})
SEQUENCED_TYPES = range(0x10, 0x80)


class Frame(Protocol):
    """What every frame class has."""

    TYPE: ClassVar[int]

    def payload(self) -> bytes:
        """Return the bytes between sequence number and checksum."""
        ...


class _Packed:
    """A frame whose payload is one fixed structure of its fields, in their order."""

    __slots__ = ()
    TYPE: ClassVar[int]
    _STRUCT: ClassVar[struct.Struct]

    def payload(self) -> bytes:
        names = self.__slots__
        if not names:
            return b""
        values = attrgetter(*names)(self)
        packed: bytes = self._STRUCT.pack(*(values if len(names) > 1 else (values,)))
        return packed

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        if len(payload) != cls._STRUCT.size:
            raise _bad_length(cls.__name__, len(payload), cls._STRUCT.size)
        return cls(*cls._STRUCT.unpack(payload))


def _bad_length(name: str, found: int, expected: int) -> FrameError:
    return FrameError("length", f"{name} has {found} payload bytes, expected {expected}")


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
            raise _bad_length("HELLO", len(payload), cls._STRUCT.size)
        magic, protocol, schema, session = cls._STRUCT.unpack(payload)
        _require_magic(magic)
        return cls(session=session, protocol=protocol, schema=schema)


def _require_magic(magic: bytes) -> None:
    if magic != MAGIC:
        raise FrameError("value", f"a hello begins with {magic!r}, expected {MAGIC!r}")


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
            raise _bad_length("TIME", len(payload), cls._STRUCT.size)
        return cls(*cls._STRUCT.unpack(payload))


@dataclass(frozen=True, slots=True)
class Beat(_Packed):
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
class EStop(_Packed):
    """Closes everything and latches; needs no session."""

    TYPE: ClassVar[int] = 0x04
    _STRUCT: ClassVar[struct.Struct] = struct.Struct("<")


@dataclass(frozen=True, slots=True)
class ReportAck(_Packed):
    """All reports before index ``report_next`` have arrived."""

    TYPE: ClassVar[int] = 0x05
    _STRUCT: ClassVar[struct.Struct] = struct.Struct("<H")

    report_next: int


@dataclass(frozen=True, slots=True)
class ReadValves(_Packed):
    """Asks for the valve table from valve ``first`` on."""

    TYPE: ClassVar[int] = 0x06
    _STRUCT: ClassVar[struct.Struct] = struct.Struct("<B")

    first: int


@dataclass(frozen=True, slots=True)
class Arm(_Packed):
    """Asks for ARMED."""

    TYPE: ClassVar[int] = 0x10
    _STRUCT: ClassVar[struct.Struct] = struct.Struct("<HH")

    boot: int
    clock_error_us: int


@dataclass(frozen=True, slots=True)
class Disarm(_Packed):
    """Closes all valves, empties the queue, goes to SAFE."""

    TYPE: ClassVar[int] = 0x11
    _STRUCT: ClassVar[struct.Struct] = struct.Struct("<")


@dataclass(frozen=True, slots=True)
class Clear(_Packed):
    """Leaves the latched stop for SAFE."""

    TYPE: ClassVar[int] = 0x12
    _STRUCT: ClassVar[struct.Struct] = struct.Struct("<")


@dataclass(frozen=True, slots=True)
class Flush(_Packed):
    """Forgets the pulses that have not begun."""

    TYPE: ClassVar[int] = 0x13
    _STRUCT: ClassVar[struct.Struct] = struct.Struct("<")


@dataclass(frozen=True, slots=True)
class ConfigLimits(_Packed):
    """Limits, telemetry periods and nozzle flow.

    ``reach`` is how far ahead distance pulses may lie; the flow of one nozzle at nominal
    pressure lets the controller judge the measured flow, 0 if unknown.
    """

    TYPE: ClassVar[int] = 0x14
    _STRUCT: ClassVar[struct.Struct] = struct.Struct("<HHBBIHH")

    max_open_ms: int
    standstill_ms: int
    odometry_ms: int
    status_ms: int
    reach: int
    nozzle_ml_min: int
    nominal_kpa: int


@dataclass(frozen=True, slots=True)
class ValveTiming:
    """Latencies of one valve in units of 10 us."""

    open_10us: int
    close_10us: int
    fall_10us: int


_VALVE = struct.Struct("<HHH")


@dataclass(frozen=True, slots=True)
class _ValveTable:
    first: int
    valves: tuple[ValveTiming, ...]

    def payload(self) -> bytes:
        items = (_VALVE.pack(v.open_10us, v.close_10us, v.fall_10us) for v in self.valves)
        return bytes((self.first, len(self.valves))) + b"".join(items)

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        n = _item_count(cls.__name__, payload, head=2, item=_VALVE.size, most=MAX_VALVES_IN_FRAME)
        items = struct.iter_unpack(_VALVE.format, payload[2 : 2 + n * _VALVE.size])
        return cls(payload[0], tuple(ValveTiming(*item) for item in items))


def _item_count(name: str, payload: bytes, *, head: int, item: int, most: int) -> int:
    """Return the number of items, which the last byte of the head holds."""
    n = payload[head - 1] if len(payload) >= head else 0
    if not 1 <= n <= most:
        raise FrameError("length", f"{name} holds {n} items, expected 1 to {most}")
    if len(payload) != head + n * item:
        raise _bad_length(name, len(payload), head + n * item)
    return n


@dataclass(frozen=True, slots=True)
class ConfigValves(_ValveTable):
    """Sets the latencies of some valves."""

    TYPE: ClassVar[int] = 0x15


@dataclass(frozen=True, slots=True)
class Valves(_ValveTable):
    """The latencies that the controller has."""

    TYPE: ClassVar[int] = 0x87


@dataclass(frozen=True, slots=True)
class Pulse:
    """One opening: ``offset`` from the frame's base and ``length``, in the frame's unit."""

    valve: int
    tag: int
    offset: int
    length: int


_PULSE = struct.Struct("<BHHBHB")


def _pack_pulse(pulse: Pulse) -> bytes:
    return _PULSE.pack(
        pulse.valve,
        pulse.tag,
        pulse.offset & 0xFFFF,
        pulse.offset >> 16,
        pulse.length & 0xFFFF,
        pulse.length >> 16,
    )


def _unpack_pulses(payload: bytes) -> Iterator[Pulse]:
    for valve, tag, offset, offset_high, length, length_high in struct.iter_unpack(
        _PULSE.format, payload
    ):
        yield Pulse(valve, tag, offset | offset_high << 16, length | length_high << 16)


@dataclass(frozen=True, slots=True)
class PulsesTime:
    """Pulses in ticks of the controller's clock."""

    TYPE: ClassVar[int] = 0x16

    base: int
    pulses: tuple[Pulse, ...]

    def payload(self) -> bytes:
        head = struct.pack("<IB", self.base, len(self.pulses))
        return head + b"".join(map(_pack_pulse, self.pulses))

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        _item_count("PULSES_TIME", payload, head=5, item=_PULSE.size, most=MAX_PULSES)
        (base,) = struct.unpack_from("<I", payload)
        return cls(base, tuple(_unpack_pulses(payload[5:])))


@dataclass(frozen=True, slots=True)
class PulsesDistance:
    """Pulses in sixteenths of the wheel encoder's counts."""

    TYPE: ClassVar[int] = 0x17

    base: int
    pulses: tuple[Pulse, ...]

    def payload(self) -> bytes:
        head = struct.pack("<iB", self.base, len(self.pulses))
        return head + b"".join(map(_pack_pulse, self.pulses))

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        _item_count("PULSES_DISTANCE", payload, head=5, item=_PULSE.size, most=MAX_PULSES)
        (base,) = struct.unpack_from("<i", payload)
        return cls(base, tuple(_unpack_pulses(payload[5:])))


@dataclass(frozen=True, slots=True)
class ConfigPwm:
    """Sets how much of the time the coils of some valves are on while they are open."""

    TYPE: ClassVar[int] = 0x18

    period_ms: int
    first: int
    duty_percent: tuple[int, ...]

    def payload(self) -> bytes:
        head = (self.period_ms, self.first, len(self.duty_percent))
        return bytes((*head, *self.duty_percent))

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        _item_count("CONFIG_PWM", payload, head=3, item=1, most=MAX_DUTIES)
        return cls(payload[0], payload[1], tuple(payload[3:]))


@dataclass(frozen=True, slots=True)
class Run:
    """Rows ``begin`` to ``end``, the latter excluded, in which a valve is open."""

    valve: int
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class RowsDistance:
    """A picture of the ground: which valves are open in which row.

    Row r lies at [base + r * step, base + (r + 1) * step) sixteenths of a count. ``rows``
    has one mask each, valve ``first`` in bit 0. Set bits of a valve in rows one behind the
    other are one run, which is one pulse; run k of `runs` has the tag ``tag`` + k.
    """

    TYPE: ClassVar[int] = 0x19
    _STRUCT: ClassVar[struct.Struct] = struct.Struct("<iHHBBB")

    base: int
    tag: int
    step: int
    first: int
    valves: int
    rows: tuple[int, ...]

    def payload(self) -> bytes:
        head = self._STRUCT.pack(
            self.base, self.tag, self.step, self.first, self.valves, len(self.rows)
        )
        width = self.row_bytes(self.valves)
        return head + b"".join(row.to_bytes(width, "little") for row in self.rows)

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        head = cls._STRUCT.size
        if len(payload) < head:
            raise _bad_length("ROWS_DISTANCE", len(payload), head)
        base, tag, step, first, valves, count = cls._STRUCT.unpack_from(payload)
        width = cls.row_bytes(valves)
        if not valves or not count or len(payload) != head + count * width:
            raise FrameError(
                "length",
                f"ROWS_DISTANCE: {len(payload)} payload bytes for {count} rows of {valves} valves",
            )
        rows = tuple(
            int.from_bytes(payload[i : i + width], "little")
            for i in range(head, len(payload), width)
        )
        return cls(base, tag, step, first, valves, rows)

    @staticmethod
    def row_bytes(valves: int) -> int:
        """Return the length of the mask of one row."""
        return (valves + 7) // 8

    def runs(self) -> Sequence[Run]:
        """Return the runs in the order of their tags: by valve, then by row.

        Bits of valves from ``valves`` on mean nothing.
        """
        runs: list[Run] = []
        for i in range(self.valves):
            begin = None
            for r, row in enumerate((*self.rows, 0)):
                if row >> i & 1:
                    begin = r if begin is None else begin
                elif begin is not None:
                    runs.append(Run(self.first + i, begin, r))
                    begin = None
        return runs


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
        _require_magic(magic)
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
            _require_magic(magic)
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
class TimeReply(_Packed):
    """The controller's clock when the question was complete and when the answer began."""

    TYPE: ClassVar[int] = 0x82
    _STRUCT: ClassVar[struct.Struct] = struct.Struct("<III")

    stamp: int
    rx_tick: int
    tx_tick: int


@dataclass(frozen=True, slots=True)
class Ack:
    """Cumulative acknowledgement; ``results[i]`` answers sequence number expected - 1 - i."""

    TYPE: ClassVar[int] = 0x83
    GAP: ClassVar[int] = 1
    _STRUCT: ClassVar[struct.Struct] = struct.Struct("<BBH8s")

    expected: int
    flags: int
    free: int
    results: bytes

    def payload(self) -> bytes:
        return self._STRUCT.pack(self.expected, self.flags, self.free, self.results)

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        if len(payload) != cls._STRUCT.size:
            raise _bad_length("ACK", len(payload), cls._STRUCT.size)
        return cls(*cls._STRUCT.unpack(payload))


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """State and measurements; masks have one bit per valve, valve 0 in bit 0 of byte 0."""

    TYPE: ClassVar[int] = 0x84
    _STRUCT: ClassVar[struct.Struct] = struct.Struct("<IHBBBIiiHHIIIHHHB")

    session: int
    boot: int
    state: int
    cause: int
    flags: int
    tick: int
    position: int
    speed: int
    queued: int
    pressure: int
    flow: int
    tank: int
    volume: int
    late: int
    rejected: int
    bad_frames: int
    open_mask: bytes
    fault_mask: bytes

    def payload(self) -> bytes:
        values = attrgetter(*self.__slots__[:-2])(self)
        return self._STRUCT.pack(*values, len(self.open_mask)) + self.open_mask + self.fault_mask

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        head = cls._STRUCT.size
        n = payload[head - 1] if len(payload) >= head else 0
        if len(payload) != head + 2 * n or not 1 <= n <= 32:
            raise FrameError("length", f"STATUS has {len(payload)} payload bytes")
        values = cls._STRUCT.unpack_from(payload)[:-1]
        if values[2] > max(State):
            raise FrameError("value", f"STATUS names state {values[2]}, expected 0 to 2")
        return cls(
            **dict(zip(cls.__slots__, values, strict=False)),
            open_mask=payload[head : head + n],
            fault_mask=payload[head + n :],
        )


@dataclass(frozen=True, slots=True)
class Odometry(_Packed):
    """Where the wheel is and how fast it turns."""

    TYPE: ClassVar[int] = 0x85
    _STRUCT: ClassVar[struct.Struct] = struct.Struct("<Iii")

    tick: int
    position: int
    speed: int


@dataclass(frozen=True, slots=True)
class Report:
    """What became of one pulse; edges relative to the frame's tick and position."""

    tag: int
    valve: int
    outcome: int
    open_ticks: int
    on_ticks: int
    open_position: int
    run: int


_REPORT_ITEM = 16
_REPORT_HEAD = struct.Struct("<HIiB")


def _pack_report(item: Report) -> bytes:
    return b"".join(
        (
            struct.pack("<HBB", item.tag, item.valve, item.outcome),
            item.open_ticks.to_bytes(3, "little", signed=True),
            item.on_ticks.to_bytes(3, "little"),
            item.open_position.to_bytes(3, "little", signed=True),
            item.run.to_bytes(3, "little", signed=True),
        )
    )


def _unpack_report(item: bytes) -> Report:
    tag, valve, outcome = struct.unpack_from("<HBB", item)
    return Report(
        tag,
        valve,
        outcome,
        int.from_bytes(item[4:7], "little", signed=True),
        int.from_bytes(item[7:10], "little"),
        int.from_bytes(item[10:13], "little", signed=True),
        int.from_bytes(item[13:16], "little", signed=True),
    )


@dataclass(frozen=True, slots=True)
class PulseReports:
    """Reports ``index``, ``index`` + 1 and so on, repeated until acknowledged."""

    TYPE: ClassVar[int] = 0x86

    index: int
    tick: int
    position: int
    reports: tuple[Report, ...]

    def payload(self) -> bytes:
        head = _REPORT_HEAD.pack(self.index, self.tick, self.position, len(self.reports))
        return head + b"".join(map(_pack_report, self.reports))

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        head = _REPORT_HEAD.size
        n = _item_count("PULSE_REPORTS", payload, head=head, item=_REPORT_ITEM, most=MAX_REPORTS)
        index, tick, position, _ = _REPORT_HEAD.unpack_from(payload)
        starts = range(head, head + n * _REPORT_ITEM, _REPORT_ITEM)
        items = tuple(_unpack_report(payload[i : i + _REPORT_ITEM]) for i in starts)
        return cls(index, tick, position, items)


@dataclass(frozen=True, slots=True)
class Strobe(_Packed):
    """Clock and wheel at the camera's exposure, latched on its strobe line."""

    TYPE: ClassVar[int] = 0x88
    _STRUCT: ClassVar[struct.Struct] = struct.Struct("<HIi")

    number: int
    tick: int
    position: int


HostFrame = (
    Hello
    | Time
    | Beat
    | EStop
    | ReportAck
    | ReadValves
    | Arm
    | Disarm
    | Clear
    | Flush
    | ConfigLimits
    | ConfigValves
    | PulsesTime
    | PulsesDistance
    | ConfigPwm
    | RowsDistance
)
ControllerFrame = HelloReply | TimeReply | Ack | Status | Odometry | PulseReports | Valves | Strobe

_HOST_CLASSES: tuple[type[HostFrame], ...] = (
    Hello,
    Time,
    Beat,
    EStop,
    ReportAck,
    ReadValves,
    Arm,
    Disarm,
    Clear,
    Flush,
    ConfigLimits,
    ConfigValves,
    PulsesTime,
    PulsesDistance,
    ConfigPwm,
    RowsDistance,
)
_CONTROLLER_CLASSES: tuple[type[ControllerFrame], ...] = (
    HelloReply,
    TimeReply,
    Ack,
    Status,
    Odometry,
    PulseReports,
    Valves,
    Strobe,
)
HOST_FRAMES: dict[int, type[HostFrame]] = {c.TYPE: c for c in _HOST_CLASSES}
CONTROLLER_FRAMES: dict[int, type[ControllerFrame]] = {c.TYPE: c for c in _CONTROLLER_CLASSES}
