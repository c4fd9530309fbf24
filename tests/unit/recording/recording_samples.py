"""A small run with known figures, and one message of every kind, for the recording's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from agriseg.clock import VirtualClock
from agriseg.config import BoomConfig, Config, SprayConfig
from agriseg.messages import (
    ClassId,
    ControllerCapabilities,
    ControllerState,
    ControllerStatus,
    Frame,
    LinkStatistics,
    MissedWeed,
    OdometrySample,
    OdometrySource,
    Plant,
    PulseOutcome,
    PulseReport,
    RunEvent,
    Segmentation,
    SprayPlan,
    StageTimes,
    ValveEvent,
    VehicleState,
)
from agriseg.recording.recorder import RecorderLimits, RunDescription, RunRecorder

START_S = 500.0
START_NS = 1_780_000_000_000_000_000
FRAME_PERIOD_S = 0.05
SIZE = (48, 64)

CONFIG = Config(
    boom=BoomConfig(
        nozzle_count=4,
        pitch_m=0.1,
        footprint_across_m=0.1,
        footprint_along_m=0.04,
        open_latency_ms=10.0,
        close_latency_ms=10.0,
        fall_ms=20.0,
        flow_l_min=0.6,
    ),
    spray=SprayConfig(min_speed_m_s=0.05),
)
DESCRIPTION = RunDescription(
    versions={"agriseg": "0.1.0"},
    model={"name": "field-test", "licence": "CC BY-SA 4.0", "attribution": "A. Author"},
)
STAGE = StageTimes(
    capture_ms=10.0,
    segment_ms=30.0,
    project_ms=2.0,
    plan_ms=1.0,
    link_ms=0.5,
    forward_ms=25.0,
    overhead_ms=8.5,
)
CAPABILITIES = ControllerCapabilities(
    name="bench",
    firmware_version="1.0",
    protocol_version=1,
    valve_count=4,
    queue_depth=32,
    tick_rate_hz=10000.0,
    boot_id=7,
    has_encoder=True,
    has_pressure=True,
    has_flow=True,
    has_tank=False,
    max_open_ms=1000.0,
    min_lead_ms=5.0,
    horizon_ms=2000.0,
)


def frame_and_segmentation(index: int, t_s: float) -> tuple[Frame, Segmentation]:
    """Return a picture of smooth noise with a weed that moves, and its mask."""
    rng = np.random.default_rng(index)
    height, width = SIZE
    image = np.full((height, width, 3), (60, 90, 120), np.uint8)
    image += rng.integers(0, 8, image.shape, dtype=np.uint8)
    labels = np.zeros(SIZE, np.uint8)
    labels[10:20, index % 40 : index % 40 + 8] = ClassId.WEED
    labels[30:40, 5:25] = ClassId.CROP
    labels[0, 0] = ClassId.IGNORE
    image[labels == ClassId.WEED] = (40, 160, 60)
    frame = Frame(frame_id=index, t_capture_s=t_s - 0.04, image=image, name=f"{index:04d}")
    probability = np.zeros(SIZE, np.uint8)
    segmentation = Segmentation(
        frame_id=index,
        t_capture_s=frame.t_capture_s,
        labels=labels,
        weed_probability=probability,
        crop_probability=probability.copy(),
        forward_ms=25.0,
        segmenter="test labels",
    )
    return frame, segmentation


def odometry(t_s: float, distance_m: float) -> OdometrySample:
    """Return a reading at 1 m/s."""
    return OdometrySample(
        t_s=t_s, distance_m=distance_m, speed_m_s=1.0, source=OdometrySource.WHEEL
    )


def vehicle(t_s: float, distance_m: float) -> VehicleState:
    """Return a pose on a straight line."""
    return VehicleState(
        t_s=t_s,
        distance_m=distance_m,
        speed_m_s=1.0,
        x_m=distance_m,
        y_m=0.0,
        heading_rad=0.0,
        source=OdometrySource.WHEEL,
        age_s=0.01,
    )


def plan(index: int, t_s: float, distance_m: float) -> SprayPlan:
    """Return a plan with one pulse on one weed half a metre ahead, and one weed too late."""
    s_m = distance_m + 0.5
    return SprayPlan(
        frame_id=index,
        t_plan_s=t_s,
        events=(
            ValveEvent(
                event_id=index,
                nozzle_id=index % 4,
                by_distance=True,
                open_at=s_m - 0.03,
                close_at=s_m + 0.03,
                wanted_s_min_m=s_m - 0.03,
                wanted_s_max_m=s_m + 0.03,
            ),
        ),
        missed=(MissedWeed(nozzle_id=0, s_min_m=s_m - 0.6, s_max_m=s_m - 0.58, reason="late"),),
        plants=(
            Plant(
                plant_id=index,
                class_id=ClassId.WEED,
                s_m=s_m,
                y_m=0.15 - 0.1 * (index % 4),
                s_min_m=s_m - 0.01,
                s_max_m=s_m + 0.01,
                y_min_m=0.14 - 0.1 * (index % 4),
                y_max_m=0.16 - 0.1 * (index % 4),
                area_m2=0.0004,
                confidence=0.9,
                decision="spray",
            ),
        ),
    )


def pulse(event: ValveEvent, t_s: float, distance_m: float, outcome: PulseOutcome) -> PulseReport:
    """Return the report of a pulse done exactly as commanded, at 1 m/s, or not done at all."""
    nan = float("nan")
    if outcome is PulseOutcome.REJECTED:
        return PulseReport(
            event_id=event.event_id,
            nozzle_id=event.nozzle_id,
            outcome=outcome,
            t_open_s=nan,
            t_close_s=nan,
            open_m=nan,
            close_m=nan,
            detail="queue is full",
        )
    open_m, close_m = event.open_at - 0.03, event.close_at - 0.03
    return PulseReport(
        event_id=event.event_id,
        nozzle_id=event.nozzle_id,
        outcome=outcome,
        t_open_s=t_s + open_m - distance_m,
        t_close_s=t_s + close_m - distance_m,
        open_m=open_m,
        close_m=close_m,
    )


def status(t_s: float, volume_l: float) -> ControllerStatus:
    """Return a status of an armed controller that measures some things and not others."""
    return ControllerStatus(
        t_s=t_s,
        state=ControllerState.ARMED,
        open_mask=0b0101,
        queued=3,
        pressure_kpa=300.0,
        volume_l=volume_l,
        link=LinkStatistics(sent_frames=5, rtt_ms=1.25),
    )


Step = tuple[str, tuple[Any, ...]]


def steps(frames: int) -> Iterator[tuple[float, list[Step]]]:
    """Yield, for each frame of a run at 1 m/s, its time and what the sink is given then."""
    yield (
        START_S,
        [
            ("controller", (CAPABILITIES,)),
            (
                "event",
                (RunEvent(t_s=START_S, kind="spraying", text="armed", data={"n": 1, "x": 0.5}),),
            ),
        ],
    )
    for index in range(frames):
        t_s = START_S + (index + 1) * FRAME_PERIOD_S
        distance_m = (index + 1) * FRAME_PERIOD_S
        decided = plan(index, t_s, distance_m)
        outcome = PulseOutcome.REJECTED if index % 10 == 9 else PulseOutcome.DONE
        yield (
            t_s,
            [
                ("controller", (odometry(t_s, distance_m),)),
                (
                    "frame",
                    (*frame_and_segmentation(index, t_s), vehicle(t_s, distance_m), STAGE),
                ),
                ("plan", (decided,)),
                ("controller", (pulse(decided.events[0], t_s, distance_m, outcome),)),
                ("controller", (status(t_s, 0.25 + 0.001 * index),)),
            ],
        )


def record(
    directory: Path,
    frames: int,
    *,
    close: bool = True,
    between: Callable[[int, RunRecorder], None] | None = None,
    config: Config = CONFIG,
    **options: Any,
) -> RunRecorder:
    """Record the sample run in virtual time; ``between`` is called before each step."""
    clock = VirtualClock(START_S)
    options.setdefault("wall_ns", lambda: START_NS + round((clock.now_s() - START_S) * 1e9))
    recorder = RunRecorder(
        directory, config, DESCRIPTION, clock=clock, **{"wait_for_room": True, **options}
    )
    for index, (t_s, calls) in enumerate(steps(frames)):
        clock.sleep_until(t_s)
        if between is not None:
            between(index, recorder)
        for name, arguments in calls:
            getattr(recorder, name)(*arguments)
    if close:
        recorder.close()
    return recorder


def messages_given(frames: int) -> list[Any]:
    """Return the messages that `record` hands over, frames excepted, in order."""
    return [
        arguments[0] for _, calls in steps(frames) for name, arguments in calls if name != "frame"
    ]


def same(one: object, other: object) -> bool:
    """Whether two messages are equal, where NaN equals NaN."""
    return repr(one) == repr(other)


SMALL_PARTS = replace(RecorderLimits(), part_bytes=20_000)
