"""Running totals of a run: distance, area, litres, pulses; commanded and confirmed apart."""

from __future__ import annotations

import math
from dataclasses import replace

from agriseg.messages import (
    ClassId,
    ControllerStatus,
    OdometrySample,
    PulseOutcome,
    PulseReport,
    RunTotals,
    SprayPlan,
)
from agriseg.missed_weeds import MissedWeeds
from agriseg.spraying.boom import Boom

_OPENED = frozenset({PulseOutcome.DONE, PulseOutcome.CAPPED, PulseOutcome.CUT})


class TotalsMeter:
    """Adds up what happens while a run is on; see `RunTotals` for what each figure means."""

    def __init__(self, boom: Boom, min_speed_m_s: float) -> None:
        self._boom = boom
        self._min_speed_m_s = min_speed_m_s
        self._boom_flow_l_s = sum(nozzle.flow_l_min for nozzle in boom.nozzles) / 60.0
        self._swath_m = sum(nozzle.zone_width_m for nozzle in boom.nozzles)
        self._last_odometry: OdometrySample | None = None
        self._first_volume_l = math.nan
        self._treated_until_m = [-math.inf] * len(boom)
        self._late = MissedWeeds()
        self.is_spraying = False
        """Ground driven over while it is off counts neither as area nor for the baseline."""
        self.totals = RunTotals()

    def frame(self) -> None:
        """Count a frame that was segmented and planned on."""
        self.totals = replace(self.totals, frames=self.totals.frames + 1)

    def dropped(self, count: int) -> None:
        """Count frames that were never looked at."""
        self.totals = replace(self.totals, frames_dropped=self.totals.frames_dropped + count)

    def odometry(self, sample: OdometrySample) -> None:
        """Add the ground driven over since the last reading, if spraying is on."""
        last, self._last_odometry = self._last_odometry, sample
        if last is None or not self.is_spraying or sample.source is not last.source:
            return
        advance_m = max(0.0, sample.distance_m - last.distance_m)
        duration_s = sample.t_s - last.t_s
        moving = sample.speed_m_s >= self._min_speed_m_s
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
        for missed in plan.missed:
            if missed.reason == "late":
                self._late.add(missed)
        weeds = [plant for plant in plan.plants if plant.class_id is ClassId.WEED]
        self.totals = replace(
            totals,
            pulses_commanded=totals.pulses_commanded + len(plan.events),
            weeds_seen=totals.weeds_seen + len(weeds),
            missed_late=self._late.count,
            missed_late_strips=totals.missed_late_strips + reasons.count("late"),
            withheld_crop=totals.withheld_crop + reasons.count("crop"),
            volume_commanded_l=totals.volume_commanded_l
            + sum(self._boom.commanded_volume_l(event, speed_m_s) for event in plan.events),
        )

    def report(self, report: PulseReport) -> None:
        """Add what the controller reported of one pulse."""
        totals = self.totals
        if report.outcome is PulseOutcome.DONE:
            totals = replace(totals, pulses_confirmed=totals.pulses_confirmed + 1)
        elif report.outcome is PulseOutcome.SENT:
            totals = replace(totals, pulses_unconfirmed=totals.pulses_unconfirmed + 1)
        else:
            totals = replace(totals, pulses_failed=totals.pulses_failed + 1)
        if report.outcome in _OPENED and math.isfinite(report.t_close_s - report.t_open_s):
            totals = replace(
                totals,
                volume_confirmed_l=totals.volume_confirmed_l
                + self._boom.confirmed_volume_l(
                    report.nozzle_id, report.t_close_s - report.t_open_s
                ),
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
        """Ground that the pulse wetted and no pulse of the nozzle before: overlaps count once.

        Spray begins the opening latency after the coil's rise and ends the closing latency after
        its fall; meanwhile the robot drives on.
        """
        nozzle = self._boom.nozzles[report.nozzle_id]
        until_m = self._treated_until_m[report.nozzle_id]
        open_s = report.t_close_s - report.t_open_s
        speed_m_s = (report.close_m - report.open_m) / open_s if open_s > 0.0 else 0.0
        began_m = report.open_m + speed_m_s * nozzle.open_latency_s
        ended_m = max(began_m, report.close_m + speed_m_s * nozzle.close_latency_s)
        start_m = max(began_m, until_m)
        end_m = ended_m + nozzle.footprint_along_m
        self._treated_until_m[report.nozzle_id] = max(end_m, until_m)
        return max(0.0, end_m - start_m) * nozzle.zone_width_m
