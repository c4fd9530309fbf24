"""What happened in a run, collected from its recording in one pass."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from agriseg.config import Config
from agriseg.messages import (
    ControllerCapabilities,
    ControllerStatus,
    Float64Array,
    MissedWeed,
    OdometrySample,
    Plant,
    PositionFix,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedAt:
    """When a plant was decided on, and after which frame."""

    t_s: float
    frame_id: int


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
    commanded_t_s: dict[int, float] = field(default_factory=dict)
    missed: list[TimedMissed] = field(default_factory=list)
    plants: dict[int, Plant] = field(default_factory=dict)
    decided: dict[int, DecidedAt] = field(default_factory=dict)
    confidences: dict[int, list[float]] = field(default_factory=dict)
    pulses: list[PulseReport] = field(default_factory=list)
    status_count: int = 0
    last_status: ControllerStatus | None = None
    capabilities: ControllerCapabilities | None = None
    events: list[RunEvent] = field(default_factory=list)
    positions: list[PositionFix] = field(default_factory=list)
    counters: RecorderRecord | None = None
    totals: RunTotals = field(default_factory=RunTotals)
    _kept_columns: Float64Array | None = None

    def odometry_columns(self) -> Float64Array:
        """Return (N, 3) float64: host time in s, odometer in m, speed in m/s; time rises."""
        rows = [(o.t_s, o.distance_m, o.speed_m_s) for o in self.odometry]
        columns = np.array(rows, np.float64).reshape(-1, 3)
        return columns[np.argsort(columns[:, 0], kind="stable")]

    def distance_at(self, t_s: float) -> float:
        """Return the odometer reading at a host time, m; NaN without odometry."""
        columns = self._columns()
        if not len(columns):
            return math.nan
        return float(np.interp(t_s, columns[:, 0], columns[:, 1]))

    def _columns(self) -> Float64Array:
        if self._kept_columns is None or len(self._kept_columns) != len(self.odometry):
            self._kept_columns = self.odometry_columns()
        return self._kept_columns

    def speed_at(self, t_s: Float64Array) -> Float64Array:
        """Return the speed in m/s at host times; NaN without odometry."""
        columns = self._columns()
        if not len(columns):
            return np.full(np.shape(t_s), math.nan)
        return np.asarray(np.interp(t_s, columns[:, 0], columns[:, 2]), np.float64)


def read_history(run: Run, config: Config) -> RunHistory:
    """Collect a run's history; what is damaged is left out and told in ``run.problems``."""
    reader = HistoryReader(run, config)
    while not reader.is_done:
        reader.read_on()
    return reader.history


class HistoryReader:
    """Collects a run's history bit by bit, so that it can be shown how far it is, and given up.

    Parameters
    ----------
    run : Run
    config : Config
        That the run was made with.
    """

    def __init__(self, run: Run, config: Config) -> None:
        self.history = RunHistory(config=config, start_s=run.info.start_s)
        self.is_done = False
        self._meter = TotalsMeter(Boom(config.boom), config.spray.min_speed_m_s)
        self._duration_s = run.duration_s
        self._records = run.records()

    def read_on(self, messages: int = 2000) -> float:
        """Read some more messages; return the share of the run that was read, 0 to 1."""
        t_s = self.history.start_s
        for record in islice(self._records, messages):
            _take(self.history, self._meter, record.t_s, record.message)
            t_s = record.t_s
            messages -= 1
        if messages > 0:
            self.history.totals = self._meter.totals
            self.is_done = True
            return 1.0
        return min(1.0, (t_s - self.history.start_s) / max(self._duration_s, 1e-9))


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
    elif isinstance(message, PositionFix):
        history.positions.append(message)
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
    for event in plan.events:
        history.commanded[event.event_id] = event
        history.commanded_t_s[event.event_id] = plan.t_plan_s
    history.missed += [TimedMissed(t_s=plan.t_plan_s, missed=missed) for missed in plan.missed]
    for plant in plan.plants:
        history.plants[plant.plant_id] = plant
        history.decided[plant.plant_id] = DecidedAt(t_s=plan.t_plan_s, frame_id=plan.frame_id)
    if plan.plants:
        confidences = history.confidences.setdefault(plan.frame_id, [])
        confidences += [plant.confidence for plant in plan.plants]
