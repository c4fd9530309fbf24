"""Frames of the controller protocol: typed values and their payloads.

`PROTOCOL.md` is the definition; `codec` puts payloads into frames. Here they are all together.
"""

from __future__ import annotations

from firmware_bridge.frame_parts import Frame
from firmware_bridge.pulse_frames import Pulse, PulsesDistance, PulsesTime, RowsDistance, Run
from firmware_bridge.report_frames import (
    Ack,
    Odometry,
    PulseReports,
    Report,
    ReportAck,
    Status,
    Strobe,
)
from firmware_bridge.schema import (
    DELIMITER,
    MAGIC,
    MAX_DUTIES,
    MAX_ENCODED,
    MAX_FRAME,
    MAX_NAME,
    MAX_PAYLOAD,
    MAX_PULSES,
    MAX_REPORTS,
    MAX_ROW_BYTES,
    MAX_RUNS,
    MAX_VALVES_IN_FRAME,
    NOT_MEASURED_U16,
    NOT_MEASURED_U32,
    PROTOCOL_VERSION,
    RESULTS_IN_ACK,
    SCHEMA,
    SCHEMA_HASH,
    SEQUENCED_TYPES,
    SUBCOUNTS,
    UNKNOWN_GROUND,
    UNSEEDED_TYPES,
)
from firmware_bridge.session_frames import (
    Arm,
    Beat,
    Clear,
    Disarm,
    EStop,
    Flush,
    Hello,
    HelloReply,
    Time,
    TimeReply,
)
from firmware_bridge.valve_frames import (
    ConfigLimits,
    ConfigPwm,
    ConfigValves,
    ReadValves,
    Valves,
    ValveTiming,
)

__all__ = [
    "CONTROLLER_FRAMES",
    "DELIMITER",
    "HOST_FRAMES",
    "MAGIC",
    "MAX_DUTIES",
    "MAX_ENCODED",
    "MAX_FRAME",
    "MAX_NAME",
    "MAX_PAYLOAD",
    "MAX_PULSES",
    "MAX_REPORTS",
    "MAX_ROW_BYTES",
    "MAX_RUNS",
    "MAX_VALVES_IN_FRAME",
    "NOT_MEASURED_U16",
    "NOT_MEASURED_U32",
    "PROTOCOL_VERSION",
    "RESULTS_IN_ACK",
    "SCHEMA",
    "SCHEMA_HASH",
    "SEQUENCED_TYPES",
    "SUBCOUNTS",
    "UNKNOWN_GROUND",
    "UNSEEDED_TYPES",
    "Ack",
    "Arm",
    "Beat",
    "Clear",
    "ConfigLimits",
    "ConfigPwm",
    "ConfigValves",
    "ControllerFrame",
    "Disarm",
    "EStop",
    "Flush",
    "Frame",
    "Hello",
    "HelloReply",
    "HostFrame",
    "Odometry",
    "Pulse",
    "PulseReports",
    "PulsesDistance",
    "PulsesTime",
    "ReadValves",
    "Report",
    "ReportAck",
    "RowsDistance",
    "Run",
    "Status",
    "Strobe",
    "Time",
    "TimeReply",
    "ValveTiming",
    "Valves",
]

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
