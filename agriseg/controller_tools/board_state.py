"""What a controller reports, as values in SI units and as lines of text."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from firmware_bridge.codes import CAUSE_WORDS, Capability, State, StatusFlag
from firmware_bridge.frames import (
    NOT_MEASURED_U16,
    NOT_MEASURED_U32,
    SUBCOUNTS,
    HelloReply,
    Status,
)
from firmware_bridge.link import HostLink
from firmware_bridge.modular import mask_to_int

FLAG_WORDS = {
    StatusFlag.ESTOP_PRESSED: "the emergency stop is pressed",
    StatusFlag.FLOW_SHORT: "less liquid flows than the open valves should let through",
    StatusFlag.LEAK: "liquid flows while all valves are shut",
    StatusFlag.TANK_EMPTY: "the tank is empty",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardState:
    """One report; NaN where the controller does not measure."""

    state: str
    cause: str
    conditions: tuple[str, ...]
    valves: int
    open_valves: tuple[int, ...]
    """Confirmed: their coils are on."""
    faulty_valves: tuple[int, ...]
    queued: int
    pressure_kpa: float
    flow_l_min: float
    tank_l: float
    volume_l: float
    wheel_counts: float
    speed_counts_s: float
    speed_m_s: float
    late_pulses: int
    rejected_pulses: int
    bad_frames_at_controller: int
    sent_frames: int
    received_frames: int
    resent_frames: int
    bad_frames_here: int
    round_trip_ms: float
    clock_error_ms: float

    def as_json(self) -> dict[str, Any]:
        """Return plain values; what is not measured is None."""
        return {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in asdict(self).items()
        }


def board_state(
    status: Status, link: HostLink, identity: HelloReply, counts_per_m: float
) -> BoardState:
    """Return what the newest report says; ``counts_per_m`` is the wheel's."""
    clock, counters = link.clock, link.counters
    speed = status.speed / SUBCOUNTS
    has_wheel = bool(identity.capabilities & Capability.ENCODER)
    return BoardState(
        state=State(status.state).name,
        cause=""
        if status.state == State.ARMED
        else CAUSE_WORDS.get(status.cause, f"cause {status.cause}, unknown to this program"),
        conditions=tuple(words for flag, words in FLAG_WORDS.items() if status.flags & flag),
        valves=identity.valves,
        open_valves=_bits(status.open_mask),
        faulty_valves=_bits(status.fault_mask),
        queued=status.queued,
        pressure_kpa=_measured(status.pressure, NOT_MEASURED_U16, 0.1),
        flow_l_min=_measured(status.flow, NOT_MEASURED_U32, 1e-3),
        tank_l=_measured(status.tank, NOT_MEASURED_U32, 1e-3),
        volume_l=_measured(status.volume, NOT_MEASURED_U32, 1e-6),
        wheel_counts=status.position / SUBCOUNTS if has_wheel else math.nan,
        speed_counts_s=speed if has_wheel else math.nan,
        speed_m_s=speed / counts_per_m if has_wheel else math.nan,
        late_pulses=status.late,
        rejected_pulses=status.rejected,
        bad_frames_at_controller=status.bad_frames,
        sent_frames=counters.sent_frames,
        received_frames=counters.received_frames,
        resent_frames=counters.resent_frames,
        bad_frames_here=counters.bad_frames,
        round_trip_ms=clock.round_trip_s * 1e3 if clock.has_estimate else math.nan,
        clock_error_ms=clock.error_s * 1e3 if clock.converged else math.nan,
    )


def identity_line(identity: HelloReply) -> str:
    """Return who a controller is and what it has, in one line."""
    version = ".".join(map(str, identity.firmware))
    has = [
        flag.name.lower().replace("_", " ")
        for flag in Capability
        if identity.capabilities & flag and flag.name is not None
    ]
    return (
        f"{identity.name}, firmware {version}, protocol {identity.protocol}: {identity.valves}"
        f" valves, queue of {identity.queue}; {', '.join(has) or 'no sensors'}"
    )


def state_rows(state: BoardState) -> list[tuple[str, str]]:
    """Return a report as rows of name and text, for people."""
    why = "; ".join(part for part in (state.cause, *state.conditions) if part)
    return [
        ("state", f"{state.state}{f' ({why})' if why else ''}"),
        ("valves", valve_strip(state)),
        ("commanded", f"nothing by this program; {state.queued} pulses wait in the controller"),
        ("confirmed open", numbers(state.open_valves) or "none"),
        ("faulty", numbers(state.faulty_valves) or "none known"),
        ("pressure", _figure(state.pressure_kpa, "kPa", 1)),
        ("flow", _figure(state.flow_l_min, "l/min", 2)),
        ("tank", _figure(state.tank_l, "l", 1)),
        ("sprayed since power-up", _figure(state.volume_l, "l", 3)),
        ("wheel", _wheel(state)),
        (
            "pulses",
            f"{state.late_pulses} came too late, {state.rejected_pulses} were rejected"
            " (since power-up)",
        ),
        (
            "link",
            f"{state.sent_frames} frames sent, {state.received_frames} received,"
            f" {state.resent_frames} repeated; bad frames: {state.bad_frames_here} here,"
            f" {state.bad_frames_at_controller} at the controller",
        ),
        (
            "clock",
            f"known to {_figure(state.clock_error_ms, 'ms', 2)}, round trip"
            f" {_figure(state.round_trip_ms, 'ms', 2)}"
            if math.isfinite(state.clock_error_ms)
            else "being compared",
        ),
    ]


def valve_strip(state: BoardState) -> str:
    """Return one sign a valve, in groups of eight: ``O`` open, ``.`` shut, ``x`` faulty."""
    signs = [
        "x" if v in state.faulty_valves else "O" if v in state.open_valves else "."
        for v in range(state.valves)
    ]
    return " ".join("".join(signs[i : i + 8]) for i in range(0, len(signs), 8))


def numbers(valves: tuple[int, ...]) -> str:
    """Return valves as people count them, from 1."""
    return ", ".join(str(valve + 1) for valve in valves)


def _bits(mask: bytes) -> tuple[int, ...]:
    bits = mask_to_int(mask)
    return tuple(n for n in range(bits.bit_length()) if bits >> n & 1)


def _measured(value: int, not_measured: int, unit: float) -> float:
    return math.nan if value == not_measured else value * unit


def _figure(value: float, unit: str, digits: int) -> str:
    return f"{value:.{digits}f} {unit}" if math.isfinite(value) else "not measured"


def _wheel(state: BoardState) -> str:
    if not math.isfinite(state.wheel_counts):
        return "no encoder"
    return (
        f"{state.wheel_counts:.0f} counts, {state.speed_counts_s:.0f} counts/s"
        f" = {state.speed_m_s:.2f} m/s"
    )
