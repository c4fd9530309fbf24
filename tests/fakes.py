"""Fakes of the ports, for tests of what stands between them."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from agriseg.clock import VirtualClock
from agriseg.errors import CameraError
from agriseg.messages import (
    ControllerCapabilities,
    ControllerMessage,
    ControllerState,
    ControllerStatus,
    Frame,
    LinkStatistics,
    OdometrySample,
    OdometrySource,
    PositionFix,
    RunEvent,
    Segmentation,
    SprayPlan,
    StageTimes,
    ValveEvent,
    VehicleState,
)
from agriseg.pipeline_journal import PipelineStart, PipelineSteps

CAPABILITIES = ControllerCapabilities(
    name="fake controller",
    firmware_version="1.0.0",
    protocol_version=1,
    valve_count=64,
    queue_depth=512,
    tick_rate_hz=1e6,
    boot_id=1,
    has_encoder=True,
    has_pressure=False,
    has_flow=False,
    has_tank=False,
    max_open_ms=1000.0,
    min_lead_ms=1.0,
    horizon_ms=4000.0,
)

LINK = LinkStatistics(clock_error_ms=0.1)


class FakeCamera:
    """Delivers what a test puts into `coming`: frames, None for "nothing yet", exceptions."""

    name = "fake camera"
    is_live = True

    def __init__(self) -> None:
        self.coming: deque[Frame | Exception | None] = deque()
        self.closed = False

    def read(self, timeout_s: float) -> Frame | None:
        """Return or raise the next item."""
        item = self.coming.popleft() if self.coming else None
        if isinstance(item, Exception):
            raise item
        return item

    def controls(self) -> Mapping[str, tuple[float, float, float]]:
        """Return one control."""
        return {"exposure": (0.0, 1.0, 0.5)}

    def set_control(self, name: str, value: float) -> float:
        """Set the one control."""
        if name != "exposure":
            raise CameraError(f"the camera has no control {name!r}")
        return value

    def close(self) -> None:
        """Note it."""
        self.closed = True


class FakeSegmenter:
    """Labels by a picture's colours: a red pixel is weed, a blue one crop."""

    name = "fake segmenter"

    def __init__(self) -> None:
        self.closed = False

    def segment(self, frame: Frame) -> Segmentation:
        """Return weed where red is full, crop where blue is full."""
        weed = (frame.image[..., 2] == 255).astype(np.uint8)
        crop = (frame.image[..., 0] == 255).astype(np.uint8)
        return Segmentation(
            frame_id=frame.frame_id,
            t_capture_s=frame.t_capture_s,
            labels=np.where(weed, 2, crop).astype(np.uint8),
            weed_probability=weed * np.uint8(255),
            crop_probability=crop * np.uint8(255),
            forward_ms=0.0,
            segmenter=self.name,
        )

    def close(self) -> None:
        """Note it."""
        self.closed = True


class FakeController:
    """A controller that arms at once, moves at `speed_m_s` and keeps all orders in `orders`."""

    def __init__(self, clock: VirtualClock, speed_m_s: float = 1.0) -> None:
        self._clock = clock
        self.speed_m_s = speed_m_s
        self.connected = True
        self.arms = True
        self.odometry = True
        self.orders: list[str] = []
        self.queued: list[ValveEvent] = []
        self.beats: list[tuple[bool, bool, bool]] = []
        """Whether camera, model and planner were said to be alive."""
        self.ground_m_s: list[float] = []
        """Speed over ground that each of them told; NaN: unknown."""
        self.silence_before_arm_s = math.nan
        """How long before it was asked to arm the last sign of life came."""
        self._beat_s = -math.inf
        self.extra: list[ControllerMessage] = []
        self.failure: Exception | None = None
        self._state = ControllerState.SAFE
        self._cause = "not armed"
        self._introduced = False

    @property
    def state(self) -> ControllerState:
        """State as it would report it."""
        return self._state if self.connected else ControllerState.DISCONNECTED

    def leave_armed(self, cause: str) -> None:
        """Go to SAFE by itself, as on a fault."""
        self._state, self._cause = ControllerState.SAFE, cause

    def arm(self) -> None:
        """Arm, if it may."""
        self.orders.append("arm")
        self.silence_before_arm_s = self._clock.now_s() - self._beat_s
        if self.arms:
            self._state, self._cause = ControllerState.ARMED, ""

    def disarm(self) -> None:
        """Go to SAFE."""
        self.orders.append("disarm")
        if self._state is ControllerState.ARMED:
            self.leave_armed("disarmed")

    def emergency_stop(self) -> None:
        """Latch."""
        self.orders.append("emergency_stop")
        self._state, self._cause = ControllerState.ESTOP, "stopped by the host"

    def clear_stop(self) -> None:
        """Leave the latch."""
        self.orders.append("clear_stop")
        self.leave_armed("not armed")

    def queue(self, events: Sequence[ValveEvent]) -> None:
        """Keep them."""
        self.queued.extend(events)

    def flush(self) -> None:
        """Note it."""
        self.orders.append("flush")

    def beat(
        self,
        camera_alive: bool,
        model_alive: bool,
        planner_alive: bool,
        ground_m_s: float = math.nan,
    ) -> None:
        """Keep it."""
        self.beats.append((camera_alive, model_alive, planner_alive))
        self.ground_m_s.append(ground_m_s)
        self._beat_s = self._clock.now_s()

    def poll(self) -> Sequence[ControllerMessage]:
        """Return capabilities once, then status and odometry of this moment."""
        if self.failure is not None:
            raise self.failure
        now_s = self._clock.now_s()
        messages: list[ControllerMessage] = []
        if self.connected and not self._introduced:
            self._introduced = True
            messages.append(CAPABILITIES)
        cause = self._cause if self.connected else "the cable was pulled"
        messages.append(ControllerStatus(t_s=now_s, state=self.state, cause=cause, link=LINK))
        if self.connected and self.odometry:
            messages.append(
                OdometrySample(
                    t_s=now_s,
                    distance_m=self.speed_m_s * now_s,
                    speed_m_s=self.speed_m_s,
                    source=OdometrySource.WHEEL,
                )
            )
        messages.extend(self.extra)
        self.extra.clear()
        return messages

    def close(self) -> None:
        """Note it."""
        self.orders.append("close")


class FakeSink:
    """Keeps what a run is given, in order."""

    def __init__(self, directory: Path = Path("a-run")) -> None:
        self.directory = directory
        self.problem = ""
        self.frames: list[tuple[Frame, Segmentation, VehicleState | None, StageTimes]] = []
        self.plans: list[SprayPlan] = []
        self.messages: list[ControllerMessage] = []
        self.events: list[RunEvent] = []
        self.positions: list[PositionFix] = []
        self.journalled: list[PipelineStart | PipelineSteps] = []
        self.closed = False

    def frame(
        self,
        frame: Frame,
        segmentation: Segmentation,
        vehicle: VehicleState | None,
        stage: StageTimes,
    ) -> None:
        """Keep it."""
        self.frames.append((frame, segmentation, vehicle, stage))

    def plan(self, plan: SprayPlan) -> None:
        """Keep it."""
        self.plans.append(plan)

    def controller(self, message: ControllerMessage) -> None:
        """Keep it."""
        self.messages.append(message)

    def position(self, fix: PositionFix) -> None:
        """Keep it."""
        self.positions.append(fix)

    def journal(self, entry: PipelineStart | PipelineSteps) -> None:
        """Keep it."""
        self.journalled.append(entry)

    def event(self, event: RunEvent) -> None:
        """Keep it."""
        self.events.append(event)

    def close(self) -> None:
        """Note it."""
        self.closed = True
