"""Between the engine and whoever shows it: how it stands, what it is told."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from agriseg.messages.controller import ControllerCapabilities, ControllerStatus
from agriseg.messages.motion import OdometrySource, PositionStatus
from agriseg.messages.runs import Alarm, RunTotals, StageTimes
from agriseg.messages.spraying import SprayMode


class EngineState(Enum):
    """State of the field engine."""

    STARTING = "starting"
    READY = "ready"
    """Everything works; not spraying."""
    SPRAYING = "spraying"
    PAUSED = "paused"
    STOPPED = "stopped"
    """Latched stop: the cause must be acknowledged first."""
    FAULT = "fault"
    """Something is missing; ``EngineSnapshot.not_ready`` says what and how to mend it."""
    FINISHED = "finished"
    """The source of frames has ended, or the asked time is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSnapshot:
    """All that the window shows besides the picture, about ten times a second."""

    t_s: float
    state: EngineState
    not_ready: tuple[str, ...]
    """Why spraying cannot start, each with how to mend it; empty when it can."""
    mode: SprayMode
    sensitivity: float
    camera_name: str
    camera_fps: float
    frame_age_ms: float
    latency_ms: float
    """Capture to pulses written, last frame."""
    segmenter_name: str
    stage: StageTimes | None
    speed_m_s: float
    odometry: OdometrySource
    weed_cover: float
    """Share of weed pixels in the newest frame, 0 to 1; NaN when unknown."""
    crop_cover: float
    lookahead_s: float
    """Time from the camera's view to the boom at the present speed, less all latencies."""
    nozzle_commanded: tuple[bool, ...]
    """Per nozzle: a pulse was asked for at any time since the snapshot before."""
    controller: ControllerStatus
    """As last reported; its ``open_mask`` counts any time since the snapshot before."""
    capabilities: ControllerCapabilities | None
    totals: RunTotals
    alarms: tuple[Alarm, ...]
    run_directory: str
    recording: bool
    recording_note: str = ""
    run_time_s: float = 0.0
    run_limit_s: float = float("inf")
    position: PositionStatus | None = None
    """None where no receiver is configured."""


class CommandKind(Enum):
    """What the window may ask of the engine."""

    START = "start"
    PAUSE = "pause"
    STOP = "stop"
    CLEAR_STOP = "clear-stop"
    SET_MODE = "set-mode"
    SET_SENSITIVITY = "set-sensitivity"
    ACKNOWLEDGE = "acknowledge"
    SET_CAMERA_CONTROL = "set-camera-control"
    NOTE = "note"
    SHUTDOWN = "shutdown"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineCommand:
    """One order of the operator; ``value`` by kind.

    SET_MODE: `SprayMode`; SET_SENSITIVITY: float 0 to 1; ACKNOWLEDGE: the alarm's code;
    SET_CAMERA_CONTROL: (name, value); NOTE: text.
    """

    kind: CommandKind
    value: SprayMode | float | str | tuple[str, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineHealth:
    """Whether the engine's process lives and talks, as its owner sees it."""

    alive: bool
    silent_s: float
    message: str
