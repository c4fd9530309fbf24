"""Keeps beside a simulated run's recording what is needed to judge it by the true field."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agriseg.config import Config
from agriseg.messages import (
    ControllerMessage,
    Frame,
    PositionFix,
    PulseReport,
    RunEvent,
    Segmentation,
    SprayPlan,
    StageTimes,
    ValveEvent,
    VehicleState,
)
from agriseg.pipeline_journal import PipelineStart, PipelineSteps
from agriseg.ports import RunSink
from agriseg.simulation.scoring import DrivenRun, Percentiles, SprayScore, score
from agriseg.simulation.seen_plants import SeenPlants
from agriseg.simulation.trajectory import Trajectory
from agriseg.simulation.world import World

_ENDS = frozenset({"pause", "stop", "finished", "end"})


class ScoredRun:
    """A `RunSink` around another one that also keeps pulses and the plants that were seen.

    Parameters
    ----------
    inner : RunSink
        The recorder.
    config : Config
        The simulated machine as it truly is, and the margins that were asked for.
    world, trajectory :
        The true field and motion.
    start_s : float
        Host time at which the robot began to drive.
    keeps_seen : bool
        Whether each segmentation is compared with the true field at once, to tell weeds that
        were not seen from weeds that were not decided on. It takes milliseconds a frame.
    coils : callable, optional
        What the true valves did so far, where the controller does not report it.
    """

    def __init__(
        self,
        inner: RunSink,
        config: Config,
        world: World,
        trajectory: Trajectory,
        start_s: float,
        *,
        keeps_seen: bool,
        coils: Callable[[], Sequence[PulseReport]] | None = None,
    ) -> None:
        self._inner = inner
        self._config = config
        self._world = world
        self._trajectory = trajectory
        self._start_s = start_s
        self._seen = SeenPlants(world, trajectory, config.camera, start_s) if keeps_seen else None
        self._coils = coils
        self._pulses: list[PulseReport] = []
        self._planned: list[ValveEvent] = []
        self._began_s = math.nan
        self._ended_s = math.nan

    @property
    def directory(self) -> Path:
        """Where the run is kept."""
        return self._inner.directory

    @property
    def problem(self) -> str:
        """What the recorder cannot keep."""
        return self._inner.problem

    def frame(
        self,
        frame: Frame,
        segmentation: Segmentation,
        vehicle: VehicleState | None,
        stage: StageTimes,
    ) -> None:
        """Note the plants that were seen; hand on."""
        if self._seen is not None:
            self._seen.add(segmentation)
        self._inner.frame(frame, segmentation, vehicle, stage)

    def plan(self, plan: SprayPlan) -> None:
        """Keep what was commanded; hand on."""
        self._planned.extend(plan.events)
        self._inner.plan(plan)

    def controller(self, message: ControllerMessage) -> None:
        """Keep what was confirmed; hand on."""
        if isinstance(message, PulseReport):
            self._pulses.append(message)
        self._inner.controller(message)

    def position(self, fix: PositionFix) -> None:
        """Hand on."""
        self._inner.position(fix)

    def journal(self, entry: PipelineStart | PipelineSteps) -> None:
        """Hand on."""
        self._inner.journal(entry)

    def event(self, event: RunEvent) -> None:
        """Note when spraying began and ended; hand on."""
        if event.kind == "spraying" and math.isnan(self._began_s):
            self._began_s = event.t_s
        elif event.kind in _ENDS and math.isnan(self._ended_s):
            self._ended_s = event.t_s
        self._inner.event(event)

    def close(self) -> None:
        """Close the recorder."""
        self._inner.close()

    def truth(self) -> dict[str, Any] | None:
        """Return the score as plain values; None when nothing was sprayed at all."""
        if math.isnan(self._began_s):
            return None
        run = DrivenRun(
            world=self._world,
            trajectory=self._trajectory,
            boom=self._config.boom,
            camera=self._config.camera,
            spray=self._config.spray,
            start_s=self._start_s,
            began_s=self._began_s,
            ended_s=self._ended_s,
        )
        seen = None if self._seen is None else self._seen.plant_ids
        pulses = self._pulses if self._coils is None else self._coils()
        return _plain(score(run, pulses, planned=self._planned, seen=seen))


def _plain(result: SprayScore) -> dict[str, Any]:
    values = asdict(result)
    for name in ("position_error_mm", "trailing_error_mm"):
        percentiles: Percentiles = values[name]
        values[name] = dict(zip(("p50", "p95", "p99"), percentiles, strict=True))
    return values
