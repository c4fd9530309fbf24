"""Frames that set valves up: timing, limits, duty."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar, Self

from firmware_bridge.frame_parts import Packed, item_count
from firmware_bridge.schema import MAX_DUTIES, MAX_VALVES_IN_FRAME


@dataclass(frozen=True, slots=True)
class ConfigLimits(Packed):
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
        n = item_count(cls.__name__, payload, head=2, item=_VALVE.size, most=MAX_VALVES_IN_FRAME)
        items = struct.iter_unpack(_VALVE.format, payload[2 : 2 + n * _VALVE.size])
        return cls(payload[0], tuple(ValveTiming(*item) for item in items))


@dataclass(frozen=True, slots=True)
class ConfigValves(_ValveTable):
    """Sets the latencies of some valves."""

    TYPE: ClassVar[int] = 0x15


@dataclass(frozen=True, slots=True)
class Valves(_ValveTable):
    """The latencies that the controller has."""

    TYPE: ClassVar[int] = 0x87


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
        item_count("CONFIG_PWM", payload, head=3, item=1, most=MAX_DUTIES)
        return cls(payload[0], payload[1], tuple(payload[3:]))


@dataclass(frozen=True, slots=True)
class ReadValves(Packed):
    """Asks for the valve table from valve ``first`` on."""

    TYPE: ClassVar[int] = 0x06
    _STRUCT: ClassVar[struct.Struct] = struct.Struct("<B")

    first: int
