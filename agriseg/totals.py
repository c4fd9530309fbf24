"""Running totals of a run: distance, area, litres, pulses; commanded and confirmed apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from agriseg.config import Config
from agriseg.messages import (
    ClassId,
    ControllerStatus,
    OdometrySample,
    PulseOutcome,
    PulseReport,
    RunTotals,
    SprayPlan,
    ValveEvent,
)

_OPENED = frozenset({PulseOutcome.DONE, PulseOutcome.CAPPED, PulseOutcome.CUT})


@dataclass(frozen=True, slots=True, kw_only=True)
class NozzleFlow:
    """What a nozzle lets through: at nominal pressure, between its latencies."""

    flow_l_min: float
    open_latency_ms: float
    close_latency_ms: float

    def volume_l(self, coil_on_s: float) -> float:
        """Return litres of a pulse whose coil was on for ``coil_on_s`` seconds.

        Liquid flows from the opening latency after the coil's rise to the closing latency
        after its fall.
        """
        liquid_s = coil_on_s + (self.close_latency_ms - self.open_latency_ms) * 1e-3
        return self.flow_l_min / 60.0 * max(0.0, liquid_s)


def nozzle_flows(config: Config) -> tuple[NozzleFlow, ...]:
    """Return each nozzle's flow and latencies, left to right."""
    boom = config.boom
    flows = [
        NozzleFlow(
            flow_l_min=boom.flow_l_min,
            open_latency_ms=boom.open_latency_ms,
            close_latency_ms=boom.close_latency_ms,
        )
    ] * boom.nozzle_count
    for nozzle in boom.nozzles:
        flows[nozzle.nozzle] = NozzleFlow(
            flow_l_min=nozzle.flow_l_min or boom.flow_l_min,
            open_latency_ms=nozzle.open_latency_ms or boom.open_latency_ms,
            close_latency_ms=nozzle.close_latency_ms or boom.close_latency_ms,
        )
    return tuple(flows)


class TotalsMeter:
    """Adds up what happens while a run is on; see `RunTotals` for what each figure means."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._flows = nozzle_flows(config)
        self._boom_flow_l_s = sum(flow.flow_l_min for flow in self._flows) / 60.0
        self._swath_m = config.boom.nozzle_count * config.boom.pitch_m
        self._last_odometry: OdometrySample | None = None
        self._first_volume_l = math.nan
        self._treated_until_m = [-math.inf] * config.boom.nozzle_count
        self.totals = RunTotals()

    def frame(self) -> None:
        """Count a frame that was segmented and planned on."""
        self.totals = replace(self.totals, frames=self.totals.frames + 1)

    def dropped(self, count: int) -> None:
        """Count frames that were never looked at."""
        self.totals = replace(self.totals, frames_dropped=self.totals.frames_dropped + count)

    def odometry(self, sample: OdometrySample) -> None:
        """Add the ground driven over since the last reading."""
        last, self._last_odometry = self._last_odometry, sample
        if last is None or sample.source is not last.source:
            return
        advance_m = max(0.0, sample.distance_m - last.distance_m)
        duration_s = sample.t_s - last.t_s
        moving = sample.speed_m_s >= self._config.spray.min_speed_m_s
        totals = self.totals
        self.totals = replace(
            totals,
            distance_m=totals.distance_m + advance_m,
            area_m2=totals.area_m2 + advance_m * self._swath_m,
            broadcast_volume_l=totals.broadcast_volume_l
            + (self._boom_flow_l_s * duration_s if moving else 0.0),
        )

    def plan(self, plan: SprayPlan, speed_m_s: float) -> None:
        """Add what was commanded and what was given up."""
        totals = self.totals
        reasons = [missed.reason for missed in plan.missed]
        weeds = [plant for plant in plan.plants if plant.class_id is ClassId.WEED]
        self.totals = replace(
            totals,
            pulses_commanded=totals.pulses_commanded + len(plan.events),
            weeds_seen=totals.weeds_seen + len(weeds),
            missed_late=totals.missed_late + reasons.count("late"),
            withheld_crop=totals.withheld_crop + reasons.count("crop"),
            volume_commanded_l=totals.volume_commanded_l
            + self._commanded_l(plan.events, speed_m_s),
        )

    def report(self, report: PulseReport) -> None:
        """Add what the controller reported of one pulse."""
        totals = self.totals
        if report.outcome is PulseOutcome.DONE:
            totals = replace(totals, pulses_confirmed=totals.pulses_confirmed + 1)
        else:
            totals = replace(totals, pulses_failed=totals.pulses_failed + 1)
        if report.outcome in _OPENED and math.isfinite(report.t_close_s - report.t_open_s):
            flow = self._flows[report.nozzle_id]
            totals = replace(
                totals,
                volume_confirmed_l=totals.volume_confirmed_l
                + flow.volume_l(report.t_close_s - report.t_open_s),
                treated_area_m2=totals.treated_area_m2 + self._newly_treated_m2(report),
            )
        self.totals = totals

    def status(self, status: ControllerStatus) -> None:
        """Take the controller's own volume counter, where it has a flow meter."""
        if math.isnan(status.volume_l):
            return
        if math.isnan(self._first_volume_l):
            self._first_volume_l = status.volume_l
        self.totals = replace(self.totals, volume_measured_l=status.volume_l - self._first_volume_l)

    def _newly_treated_m2(self, report: PulseReport) -> float:
        """Ground that the pulse wetted and no pulse of the nozzle before: overlaps count once."""
        boom = self._config.boom
        start_m = max(report.open_m, self._treated_until_m[report.nozzle_id])
        end_m = report.close_m + boom.footprint_along_m
        self._treated_until_m[report.nozzle_id] = max(
            end_m, self._treated_until_m[report.nozzle_id]
        )
        return max(0.0, end_m - start_m) * boom.pitch_m

    def _commanded_l(self, events: Sequence[ValveEvent], speed_m_s: float) -> float:
        volume_l = 0.0
        for event in events:
            span = event.close_at - event.open_at
            liquid_s = span / max(speed_m_s, 0.01) if event.by_distance else span
            volume_l += self._flows[event.nozzle_id].flow_l_min / 60.0 * liquid_s
        return volume_l
