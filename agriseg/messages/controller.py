"""What the sprayer controller says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from agriseg.messages.motion import OdometrySample


class ControllerState(Enum):
    """State of the sprayer controller, as it reports it."""

    DISCONNECTED = "disconnected"
    SAFE = "safe"
    ARMED = "armed"
    ESTOP = "estop"


class PulseOutcome(Enum):
    """What became of a pulse, as the controller reports it."""

    DONE = "done"
    """Opened and closed as asked."""
    CAPPED = "capped"
    """Opened, and closed early by the open-time limit."""
    CUT = "cut"
    """Opened, and closed early because the controller left ARMED."""
    LATE = "late"
    """Not opened: it was asked for after its moment."""
    REJECTED = "rejected"
    """Not opened: refused with a reason."""
    FAILED = "failed"
    """Taken and switched, but the valve did not open: its coil drew no current."""
    FLUSHED = "flushed"
    """Not opened: the queue was emptied first."""
    LOST = "lost"
    """No report came: the link went down, nothing is known."""
    SENT = "sent"
    """Messages to open and close went out in time to a board that confirms nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PulseReport:
    """What the controller did with one pulse (confirmed, not commanded).

    Times and odometer readings are those of the coil's edges; NaN where the valve never opened.
    Without a wheel encoder the readings are those of the visual odometry at these times.
    ``detail`` is the controller's reason in words for anything but `PulseOutcome.DONE`.
    """

    event_id: int
    nozzle_id: int
    outcome: PulseOutcome
    t_open_s: float
    t_close_s: float
    open_m: float
    close_m: float
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerCapabilities:
    """What the controller said of itself in the handshake, or what is known of its kind.

    Attributes
    ----------
    confirms : bool
        Whether it reports what its valves did. Without, nothing is ever shown as confirmed.
    min_open_ms : float
        A shorter opening may not happen at all.
    jitter_ms : float
        By how much an opening or closing may be early or late; pulses are made longer by it
        and keep away from crop by it.
    deadman_ms : float
        The valves close by themselves this long after the host has died.
    row_step_m : float
        Pulses in distance that begin and end on multiples of it take fewer bytes; 0: they
        may lie anywhere.
    """

    name: str
    firmware_version: str
    protocol_version: int
    valve_count: int
    queue_depth: int
    tick_rate_hz: float
    boot_id: int
    has_encoder: bool
    has_pressure: bool
    has_flow: bool
    has_tank: bool
    max_open_ms: float
    min_lead_ms: float
    horizon_ms: float
    is_simulated: bool = False
    confirms: bool = True
    min_open_ms: float = 0.0
    jitter_ms: float = 0.0
    deadman_ms: float = 250.0
    row_step_m: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkStatistics:
    """Counters of the wire since it came up."""

    sent_frames: int = 0
    received_frames: int = 0
    resent_frames: int = 0
    checksum_errors: int = 0
    rtt_ms: float = float("nan")
    clock_error_ms: float = float("nan")
    bytes_per_s: float = 0.0
    sent_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerStatus:
    """The controller's state as last reported; physical values are NaN where not measured.

    Attributes
    ----------
    t_s : float
        Host time of the report.
    state : ControllerState
    cause : str
        Why it is not ARMED, in words; empty when armed.
    open_mask : int
        Bit n is set while valve n's coil is on (confirmed).
    fault_mask : int
        Bit n is set when valve n is known not to follow its command.
    queued : int
        Pulses waiting in the controller.
    """

    t_s: float
    state: ControllerState
    cause: str = ""
    open_mask: int = 0
    fault_mask: int = 0
    queued: int = 0
    pressure_kpa: float = float("nan")
    flow_l_min: float = float("nan")
    tank_l: float = float("nan")
    volume_l: float = float("nan")
    link: LinkStatistics = LinkStatistics()


ControllerMessage = OdometrySample | PulseReport | ControllerStatus | ControllerCapabilities
