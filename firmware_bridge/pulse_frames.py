"""Frames that open valves: single pulses, and rows of a wide boom."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from firmware_bridge.errors import FrameError
from firmware_bridge.frame_parts import bad_length, item_count
from firmware_bridge.schema import MAX_PULSES


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
        item_count("PULSES_TIME", payload, head=5, item=_PULSE.size, most=MAX_PULSES)
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
        item_count("PULSES_DISTANCE", payload, head=5, item=_PULSE.size, most=MAX_PULSES)
        (base,) = struct.unpack_from("<i", payload)
        return cls(base, tuple(_unpack_pulses(payload[5:])))


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
            raise bad_length("ROWS_DISTANCE", len(payload), head)
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
