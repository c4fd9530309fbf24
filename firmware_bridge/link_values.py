"""What the host's end of the link is told, and what it tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from firmware_bridge.frames import HelloReply, Odometry, Status, Strobe


class LinkPhase(Enum):
    """How far the connection is."""

    CONNECTING = "connecting"
    CONFIGURING = "configuring"
    READY = "ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the host asks of the controller.

    ``row_step_subcounts``: pulses whose begin and length are multiples of it may go out as
    rows, which take fewer bytes on a wide boom; 0: never.
    """

    max_open_ms: int
    standstill_ms: int
    reach_subcounts: int
    nozzle_ml_min: int = 0
    nominal_kpa: int = 0
    odometry_ms: int = 10
    status_ms: int = 50
    row_step_subcounts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pwm:
    """Valves whose coil is switched while they are open.

    ``duty_percent`` has the share of the period, in percent, of each such valve.
    """

    period_ms: int
    duty_percent: Mapping[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PulseCommand:
    """One opening: ``start`` and ``length`` in ticks, or in sixteenths of a count.

    ``start`` does not wrap; it is sent modulo 2^32.
    """

    event_id: int
    valve: int
    by_distance: bool
    start: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PulseAnswer:
    """What became of a commanded pulse; ticks and positions modulo 2^32.

    ``outcome`` is an `Outcome`, or another number from a newer controller.
    """

    event_id: int
    valve: int
    outcome: int
    open_tick: int = 0
    close_tick: int = 0
    open_position: int = 0
    close_position: int = 0


@dataclass(frozen=True, slots=True)
class Connected:
    """The session is open and configured."""

    identity: HelloReply


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The session ended; commanded pulses have been answered as lost."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The controller, or this end, refused a command."""

    command: str
    words: str


LinkEvent = Connected | Disconnected | Refused | PulseAnswer | Status | Odometry | Strobe


@dataclass(slots=True)
class LinkCounters:
    """Counts since the link object was made."""

    sent_frames: int = 0
    sent_bytes: int = 0
    received_frames: int = 0
    received_bytes: int = 0
    resent_frames: int = 0
    bad_frames: int = 0
