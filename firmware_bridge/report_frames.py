"""Frames in which the controller says what it did and how it is."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from operator import attrgetter
from typing import ClassVar, Self

from firmware_bridge.codes import State
from firmware_bridge.errors import FrameError
from firmware_bridge.frame_parts import Packed, bad_length, item_count
from firmware_bridge.schema import MAX_REPORTS


@dataclass(frozen=True, slots=True)
class ReportAck(Packed):
    """All reports before index ``report_next`` have arrived."""

    TYPE: ClassVar[int] = 0x05
    _STRUCT: ClassVar[struct.Struct] = struct.Struct("<H")

    report_next: int


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
            raise bad_length("ACK", len(payload), cls._STRUCT.size)
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
class Odometry(Packed):
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
        n = item_count("PULSE_REPORTS", payload, head=head, item=_REPORT_ITEM, most=MAX_REPORTS)
        index, tick, position, _ = _REPORT_HEAD.unpack_from(payload)
        starts = range(head, head + n * _REPORT_ITEM, _REPORT_ITEM)
        items = tuple(_unpack_report(payload[i : i + _REPORT_ITEM]) for i in starts)
        return cls(index, tick, position, items)


@dataclass(frozen=True, slots=True)
class Strobe(Packed):
    """Clock and wheel at the camera's exposure, latched on its strobe line."""

    TYPE: ClassVar[int] = 0x88
    _STRUCT: ClassVar[struct.Struct] = struct.Struct("<HIi")

    number: int
    tick: int
    position: int
