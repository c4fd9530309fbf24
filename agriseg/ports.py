"""What the stages are to each other: Protocols with a real and a simulated implementation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from agriseg.config import Config
from agriseg.messages import (
    ControllerMessage,
    ControllerState,
    EngineCommand,
    EngineHealth,
    EngineSnapshot,
    Frame,
    OdometrySample,
    Picture,
    PositionFix,
    RunEvent,
    Segmentation,
    SprayPlan,
    StageTimes,
    ValveEvent,
    VehicleState,
)
from agriseg.pipeline_journal import PipelineStart, PipelineSteps


class Clock(Protocol):
    """Monotonic time, real or virtual."""

    def now_s(self) -> float:
        """Return the time in seconds."""
        ...

    def sleep_until(self, t_s: float) -> None:
        """Wait until ``t_s`` in seconds."""
        ...


@runtime_checkable
class Waitable(Protocol):
    """What a loop can sleep on. A camera, a segmenter's thread or a link may also be one."""

    def fileno(self) -> int:
        """Return a descriptor that is readable while there is something to take.

        Negative when nothing will come of itself (closed, ended, broken).
        """
        ...


@runtime_checkable
class Scheduled(Protocol):
    """A source that knows when it has something; a camera that reads files is one."""

    @property
    def due_s(self) -> float:
        """When the next frame can be read, seconds of the clock."""
        ...


@runtime_checkable
class Held(Protocol):
    """A recorded source of frames that runs only when it is told to."""

    def run_on(self) -> None:
        """Go on from the picture that stands; it is delivered once more, as a frame."""
        ...

    def hold(self) -> None:
        """Stand still: the newest picture is delivered again and again, as a preview."""
        ...


class Camera(Protocol):
    """A source of frames: newest frame wins, what it discards is counted."""

    @property
    def name(self) -> str:
        """What the operator knows it by."""
        ...

    @property
    def is_live(self) -> bool:
        """Whether frames pass by on their own (live) or wait to be read (files)."""
        ...

    def read(self, timeout_s: float) -> Frame | None:
        """Return the newest frame not yet read; None if none came within ``timeout_s``.

        Raises
        ------
        CameraLostError
            The source stopped delivering. The camera keeps trying to reconnect: later
            calls deliver again once it is back.
        EOFError
            A source of finite length has ended.
        """
        ...

    def controls(self) -> Mapping[str, tuple[float, float, float]]:
        """Return the driver's controls: name to (minimum, maximum, present value)."""
        ...

    def set_control(self, name: str, value: float) -> float:
        """Set a control and return the value that the driver reports afterwards.

        Raises
        ------
        CameraError
            The driver has no such control or refuses the value.
        """
        ...

    def close(self) -> None:
        """Release the device; further calls do nothing."""
        ...


class Segmenter(Protocol):
    """Turns a frame into classes per pixel."""

    @property
    def name(self) -> str:
        """Model and runtime, for the window and the report."""
        ...

    def segment(self, frame: Frame) -> Segmentation:
        """Return the classes and probabilities of every pixel of ``frame``."""
        ...

    def close(self) -> None:
        """Release memory and devices."""
        ...


class SprayController(Protocol):
    """The sprayer controller at the far end of the wire. Calls never block on the wire."""

    def arm(self) -> None:
        """Ask for ARMED; the controller refuses until its clock has converged."""
        ...

    def disarm(self) -> None:
        """Close all valves, empty the queue, go to SAFE."""
        ...

    def emergency_stop(self) -> None:
        """Close all valves at once and latch; goes ahead of everything else."""
        ...

    def clear_stop(self) -> None:
        """Leave the latched stop for SAFE; never resumes by itself."""
        ...

    def queue(self, events: Sequence[ValveEvent]) -> None:
        """Command pulses; each is answered by one `PulseReport` from `poll`."""
        ...

    def flush(self) -> None:
        """Forget pulses that have not begun."""
        ...

    def beat(
        self,
        camera_alive: bool,
        model_alive: bool,
        planner_alive: bool,
        ground_m_s: float = math.nan,
    ) -> None:
        """Say which of camera, model and planner are alive; valves close unless all are.

        The link repeats the heartbeat to the controller only while these calls keep coming;
        that they come is the application's own sign of life. ``ground_m_s`` is the speed by
        something else than the wheel, NaN if unknown: a controller whose wheel encoder is
        silent while the machine moves closes its valves.
        """
        ...

    def poll(self) -> Sequence[ControllerMessage]:
        """Return what has arrived since the last call, oldest first.

        Raises
        ------
        ControllerError
            The link cannot go on (another protocol version, for one).
        """
        ...

    @property
    def state(self) -> ControllerState:
        """State last reported."""
        ...

    def close(self) -> None:
        """Disarm and release the port."""
        ...


class PositionReceiver(Protocol):
    """A satellite receiver. Calls never wait; one that is unplugged is looked for again."""

    @property
    def name(self) -> str:
        """What the operator knows it by."""
        ...

    @property
    def problem(self) -> str:
        """Why nothing can come of it now (no such port), in a sentence; empty otherwise."""
        ...

    def poll(self) -> Sequence[PositionFix]:
        """Return what has arrived since the last call, oldest first; without a position too."""
        ...

    def close(self) -> None:
        """Release the port; further calls do nothing."""
        ...


class Odometry(Protocol):
    """Pose over time from odometry readings."""

    def add(self, sample: OdometrySample) -> None:
        """Take one reading."""
        ...

    def state_at(self, t_s: float) -> VehicleState | None:
        """Return the pose at ``t_s``, interpolated or briefly extrapolated; None before any."""
        ...


class RunSink(Protocol):
    """Something that keeps a run: called from the engine, never blocks it."""

    @property
    def directory(self) -> Path:
        """Where the run is kept."""
        ...

    @property
    def problem(self) -> str:
        """Why something is not being kept (a full disk), in one sentence; empty when all is."""
        ...

    def frame(
        self,
        frame: Frame,
        segmentation: Segmentation,
        vehicle: VehicleState | None,
        stage: StageTimes,
    ) -> None:
        """Take one processed frame and what was seen in it."""
        ...

    def controller(self, message: ControllerMessage) -> None:
        """Take one message of the controller."""
        ...

    def position(self, fix: PositionFix) -> None:
        """Take one position of the satellite receiver."""
        ...

    def plan(self, plan: SprayPlan) -> None:
        """Take one planning step: pulses commanded, ground given up, plants decided on."""
        ...

    def journal(self, entry: PipelineStart | PipelineSteps) -> None:
        """Take what the pipeline was given, so that its decisions can be made again."""
        ...

    def event(self, event: RunEvent) -> None:
        """Take an event; events are never dropped."""
        ...

    def close(self) -> None:
        """Write what is queued and end the files."""
        ...


class EngineClient(Protocol):
    """The field engine as the window sees it: another process, reached without waiting."""

    def configure(self, config: Config) -> None:
        """Use ``config`` from the next start on."""
        ...

    def start(self) -> None:
        """Start the engine's process; also restarts one that ended."""
        ...

    def fileno(self) -> int:
        """Return a descriptor that becomes readable when a snapshot or picture is there."""
        ...

    def read_snapshot(self) -> EngineSnapshot | None:
        """Return the newest snapshot not yet read, if any; older ones are skipped."""
        ...

    def read_picture(self) -> Picture | None:
        """Return the next picture not yet read, if any; long unread ones are skipped.

        Its arrays are valid until the next call.
        """
        ...

    def send(self, command: EngineCommand) -> None:
        """Send an order; never blocks."""
        ...

    def health(self) -> EngineHealth:
        """Return whether the engine lives and how long it has been silent."""
        ...

    def close(self) -> None:
        """Stop spraying, end the process, remove shared memory."""
        ...
