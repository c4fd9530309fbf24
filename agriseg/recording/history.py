"""What happened in a run, collected from its recording in one pass."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from agriseg.config import Config
from agriseg.messages import (
    ControllerCapabilities,
    ControllerStatus,
    Float64Array,
    MissedWeed,
    OdometrySample,
    Plant,
    PulseReport,
    RunEvent,
    RunTotals,
    SprayPlan,
    ValveEvent,
)
from agriseg.recording.reader import Run
from agriseg.recording.topics import FrameRecord, RecordedMessage, RecorderRecord
from agriseg.spraying.boom import Boom
from agriseg.totals import TotalsMeter

_SPRAYING_ENDS = frozenset({"pause", "stop", "end", "finished"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedMissed:
    """Ground given up, and when; ``late`` and the like in ``missed.reason``."""

    t_s: float
    missed: MissedWeed


@dataclass(slots=True, kw_only=True)
class RunHistory:
    """Everything of a run but its pictures.

    ``confidences`` maps a frame to those of the plants that were decided on after it.
    ``frame_t_s`` and the other lists of one topic run in step; times are host time. The
    totals are added up by the same `TotalsMeter` that fed the window, from the same
    messages in the same order.
    """

    config: Config
    start_s: float
    odometry: list[OdometrySample] = field(default_factory=list)
    frame_t_s: list[float] = field(default_factory=list)
    frames: list[FrameRecord] = field(default_factory=list)
    commanded: dict[int, ValveEvent] = field(default_factory=dict)
    missed: list[TimedMissed] = field(default_factory=list)
    plants: dict[int, Plant] = field(default_factory=dict)
    confidences: dict[int, list[float]] = field(default_factory=dict)
    pulses: list[PulseReport] = field(default_factory=list)
    status_count: int = 0
    last_status: ControllerStatus | None = None
    capabilities: ControllerCapabilities | None = None
    events: list[RunEvent] = field(default_factory=list)
    counters: RecorderRecord | None = None
    totals: RunTotals = field(default_factory=RunTotals)

    def odometry_columns(self) -> Float64Array:
        """Return (N, 3) float64: host time in s, odometer in m, speed in m/s; time rises."""
        rows = [(o.t_s, o.distance_m, o.speed_m_s) for o in self.odometry]
        columns = np.array(rows, np.float64).reshape(-1, 3)
        return columns[np.argsort(columns[:, 0], kind="stable")]

    def speed_at(self, t_s: Float64Array) -> Float64Array:
        """Return the speed in m/s at host times; NaN without odometry."""
        columns = self.odometry_columns()
        if not len(columns):
            return np.full(np.shape(t_s), math.nan)
        return np.asarray(np.interp(t_s, columns[:, 0], columns[:, 2]), np.float64)


def read_history(run: Run, config: Config) -> RunHistory:
    """Collect a run's history; what is damaged is left out and told in ``run.problems``."""
    history = RunHistory(config=config, start_s=run.info.start_s)
    meter = TotalsMeter(Boom(config.boom), config.spray.min_speed_m_s)
    for record in run.records():
        _take(history, meter, record.t_s, record.message)
    history.totals = meter.totals
    return history


def _take(history: RunHistory, meter: TotalsMeter, t_s: float, message: RecordedMessage) -> None:
    if isinstance(message, OdometrySample):
        history.odometry.append(message)
        meter.odometry(message)
    elif isinstance(message, FrameRecord):
        if history.frames:
            meter.dropped(max(0, message.frame_id - history.frames[-1].frame_id - 1))
        history.frames.append(message)
        history.frame_t_s.append(t_s)
        meter.frame()
    elif isinstance(message, SprayPlan):
        _take_plan(history, message)
        meter.plan(message, history.odometry[-1].speed_m_s if history.odometry else 0.0)
    elif isinstance(message, PulseReport):
        history.pulses.append(message)
        if 0 <= message.nozzle_id < history.config.boom.nozzle_count:
            meter.report(message)
    elif isinstance(message, ControllerStatus):
        history.status_count += 1
        history.last_status = message
        meter.status(message)
    elif isinstance(message, ControllerCapabilities):
        history.capabilities = message
    elif isinstance(message, RunEvent):
        history.events.append(message)
        if message.kind == "spraying":
            meter.is_spraying = True
        elif message.kind in _SPRAYING_ENDS:
            meter.is_spraying = False
    elif isinstance(message, RecorderRecord):
        history.counters = message


def _take_plan(history: RunHistory, plan: SprayPlan) -> None:
    history.commanded |= {event.event_id: event for event in plan.events}
    history.missed += [TimedMissed(t_s=plan.t_plan_s, missed=missed) for missed in plan.missed]
    history.plants |= {plant.plant_id: plant for plant in plan.plants}
    if plan.plants:
        confidences = history.confidences.setdefault(plan.frame_id, [])
        confidences += [plant.confidence for plant in plan.plants]
