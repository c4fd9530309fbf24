"""A recorded run as it would have been at another speed or with another latency."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from agriseg.messages import VehicleState
from agriseg.pipeline_journal import PipelineStep, StepKind
from agriseg.replay.recorded_input import PLAN_EVERY_S

_LONGEST_PAUSE_S = 0.5
"""Between two planning steps of one stretch of spraying."""
_ORDER = {StepKind.READING: 0, StepKind.FRAME: 1, StepKind.RESTART: 2, StepKind.PLAN: 3}


class Retiming:
    """Moves a run's steps in time; the way driven and the ground seen stay.

    Frames come no closer together than they did: at a higher speed only as many are kept as the
    camera would have delivered. At a lower speed there are no more than were recorded.

    Parameters
    ----------
    steps : sequence of PipelineStep
    speed_factor : float
        Above 0; 2 is twice as fast.
    added_latency_s : float
        From the exposure to the map, besides what it was; may be negative.
    """

    def __init__(
        self, steps: Sequence[PipelineStep], speed_factor: float, added_latency_s: float
    ) -> None:
        self._steps = steps
        self._factor = speed_factor
        self._added_s = added_latency_s
        self._origin_s = next((t for t in map(_time_of, steps) if t is not None), 0.0)

    def poses(self, poses: Mapping[int, VehicleState]) -> dict[int, VehicleState]:
        """Return the frames' poses."""
        return {
            frame: replace(pose, t_s=self._at(pose.t_s), speed_m_s=pose.speed_m_s * self._factor)
            for frame, pose in poses.items()
        }

    def steps(self) -> list[PipelineStep]:
        """Return the steps in their new order; planning keeps the engine's pace."""
        moments = [*self._others(), *self._frames(), *self._plans()]
        return [step for _, _, step in sorted(moments, key=lambda moment: moment[:2])]

    def _at(self, t_s: float) -> float:
        return self._origin_s + (t_s - self._origin_s) / self._factor

    def _others(self) -> list[tuple[float, int, PipelineStep]]:
        moments = []
        now_s = self._origin_s
        for step in self._steps:
            if step.kind is not StepKind.FRAME:
                now_s = max(now_s, _time_of(step) or now_s)
            if step.kind in (StepKind.FRAME, StepKind.PLAN):
                continue
            moments.append((self._at(now_s), _ORDER.get(step.kind, 2), self._moved(step)))
        return moments

    def _moved(self, step: PipelineStep) -> PipelineStep:
        if step.sample is not None:
            sample = replace(
                step.sample,
                t_s=self._at(step.sample.t_s),
                speed_m_s=step.sample.speed_m_s * self._factor,
                yaw_rate_rad_s=step.sample.yaw_rate_rad_s * self._factor,
            )
            return replace(step, sample=sample)
        return step if step.t_s is None else replace(step, t_s=self._at(step.t_s))

    def _frames(self) -> list[tuple[float, int, PipelineStep]]:
        least_gap_s = 0.9 * self._frame_period_s()
        moments = []
        now_s, last_s = self._origin_s, -math.inf
        for step in self._steps:
            if step.kind is not StepKind.FRAME:
                now_s = max(now_s, _time_of(step) or now_s)
            elif step.t_s is not None:
                exposed_s = self._at(step.t_s)
                if exposed_s - last_s >= least_gap_s:
                    last_s = exposed_s
                    done_s = exposed_s + max(0.0, now_s - step.t_s + self._added_s)
                    moments.append((done_s, _ORDER[step.kind], replace(step, t_s=exposed_s)))
        return moments

    def _plans(self) -> list[tuple[float, int, PipelineStep]]:
        times = [s.t_s for s in self._steps if s.kind is StepKind.PLAN and s.t_s is not None]
        moments = []
        for began_s, ended_s in _stretches(times):
            first_s, last_s = self._at(began_s), self._at(ended_s)
            for index in range(int((last_s - first_s) / PLAN_EVERY_S) + 1):
                t_s = first_s + index * PLAN_EVERY_S
                step = PipelineStep(kind=StepKind.PLAN, t_s=t_s)
                moments.append((t_s, _ORDER[step.kind], step))
        return moments

    def _frame_period_s(self) -> float:
        times = [s.t_s for s in self._steps if s.kind is StepKind.FRAME and s.t_s is not None]
        gaps = sorted(b - a for a, b in pairwise(times) if b > a)
        return gaps[len(gaps) // 2] if gaps else 0.0


def _stretches(times_s: Sequence[float]) -> list[tuple[float, float]]:
    """Return begin and end of each stretch of rising times without a long pause."""
    if not times_s:
        return []
    ends = [i for i, (a, b) in enumerate(pairwise(times_s)) if b - a > _LONGEST_PAUSE_S]
    firsts = [0, *(i + 1 for i in ends)]
    lasts = [*ends, len(times_s) - 1]
    return [(times_s[a], times_s[b]) for a, b in zip(firsts, lasts, strict=True)]


def _time_of(step: PipelineStep) -> float | None:
    """Return when a step was done, as far as it says; for a frame that is its exposure."""
    return step.t_s if step.sample is None else step.sample.t_s
