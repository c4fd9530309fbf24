"""Watches what the stages do not notice themselves, and tells the controller what lives."""

from __future__ import annotations

import math

from agriseg.alarms import (
    CONTROLLER_LEFT,
    FRAMES_STALE,
    MODEL_FAILED,
    ODOMETRY_STALE,
    PLANNER_LIMIT,
    PULSES_FAILED,
    RECORDING_PROBLEM,
    TOO_FAST,
    VALVE_FAULT,
    WEEDS_LATE,
)
from agriseg.engine.controller_side import ControllerSide
from agriseg.engine.frame_path import FramePath
from agriseg.engine.heartbeat import Heartbeat
from agriseg.engine.parts import EngineParts
from agriseg.engine.planning import Planning
from agriseg.engine.run_book import RunBook
from agriseg.engine.speed_check import SpeedCheck
from agriseg.engine.spray_gate import SprayGate

ARM_TIMEOUT_S = 4.0
"""Longest wait for the controller to report ARMED after Start."""

_ALARM_WINDOW_S = 5.0
"""Late weeds and failed pulses raise an alarm when there were any within this time."""


class Supervision:
    """Closes the gate when something is stale, and raises the alarms that only warn."""

    def __init__(
        self,
        parts: EngineParts,
        book: RunBook,
        gate: SprayGate,
        link: ControllerSide,
        planning: Planning,
        frames: FramePath,
        speed_check: SpeedCheck,
    ) -> None:
        self._parts = parts
        self._book = book
        self._gate = gate
        self._link = link
        self._planning = planning
        self._frames = frames
        self._speed_check = speed_check
        self._heartbeat = Heartbeat(parts.controller, parts.clock)
        self._replaced_seen = 0

    def check(self) -> None:
        """Look at everything once."""
        now_s = self._parts.clock.now_s()
        if self._parts.segmenting.problem:
            self._gate.stop(MODEL_FAILED, self._parts.segmenting.problem)
        if self._gate.is_open:
            self._check_staleness(now_s)
            self._speed_check.check()
        self._check_arming(now_s)
        self._check_late(now_s)
        self._check_failures(now_s)
        self._check_valves()
        self._check_limits()
        self._count_replaced()
        sink = self._book.sink
        self._gate.set_alarm(RECORDING_PROBLEM, sink.problem if sink else "")

    def beat(self) -> None:
        """Tell the controller which of camera, model and planner live, and the pictures' speed."""
        frames, segmenting = self._frames, self._parts.segmenting
        camera = frames.frame is not None and not frames.camera_problem
        model = frames.segmented is not None and not segmenting.problem
        if self._gate.is_wanted:
            camera = camera and frames.age_s <= self._parts.config.camera.lost_after_s
            model = model and not frames.is_stale
        self._heartbeat.beat(
            camera_alive=camera,
            model_alive=model,
            planner_alive=frames.result is not None,
            ground_m_s=self._speed_check.ground_m_s,
        )

    def _check_staleness(self, now_s: float) -> None:
        if self._frames.is_stale:
            limit_s = self._parts.config.camera.lost_after_s
            self._gate.stop(
                FRAMES_STALE,
                f"No picture was understood for {limit_s:g} s. All nozzles were closed.",
            )
        odometry = self._link.odometry
        age_s = math.inf if odometry is None else now_s - odometry.t_s
        if age_s > 1e-3 * self._parts.config.spray.stale_after_ms:
            self._gate.stop(
                ODOMETRY_STALE,
                f"The last odometry reading is {age_s:.2f} s old. All nozzles were closed.",
            )
        else:
            self._gate.alarms.clear(ODOMETRY_STALE)

    def _check_arming(self, now_s: float) -> None:
        since_s = self._gate.arming_since_s
        if since_s is not None and now_s - since_s > ARM_TIMEOUT_S:
            self._gate.stop(
                CONTROLLER_LEFT,
                f"The controller did not arm within {ARM_TIMEOUT_S:g} s:"
                f" {self._link.status.cause or 'it gave no reason'}.",
            )

    def _check_late(self, now_s: float) -> None:
        late = self._planning.late_times_s
        while late and late[0] < now_s - _ALARM_WINDOW_S:
            late.popleft()
        self._gate.set_alarm(
            WEEDS_LATE,
            f"{_were(len(late), 'weed')} seen too late in the last {_ALARM_WINDOW_S:g} s to be hit"
            " in full; what could not be reached was not sprayed."
            if late
            else "",
        )

    def _check_failures(self, now_s: float) -> None:
        failures = self._link.failures
        while failures and failures[0][0] < now_s - _ALARM_WINDOW_S:
            failures.popleft()
        self._gate.set_alarm(
            PULSES_FAILED,
            f"{_were(len(failures), 'pulse')} not carried out in the last {_ALARM_WINDOW_S:g} s:"
            f" {failures[-1][1]}."
            if failures
            else "",
        )

    def _check_valves(self) -> None:
        mask, count = self._link.status.fault_mask, self._parts.config.boom.nozzle_count
        numbers = ", ".join(str(n + 1) for n in range(count) if mask >> n & 1)
        self._gate.set_alarm(
            VALVE_FAULT, f"These nozzles do not follow their command: {numbers}." if numbers else ""
        )

    def _check_limits(self) -> None:
        is_open = self._gate.is_open
        self._gate.set_alarm(PLANNER_LIMIT, self._parts.pipeline.limit_note if is_open else "")
        speed_m_s, limit_m_s = self._link.speed_m_s, self._parts.config.spray.max_speed_m_s
        self._gate.set_alarm(
            TOO_FAST,
            f"{speed_m_s:.1f} m/s is above the limit of {limit_m_s:g} m/s."
            if is_open and speed_m_s > limit_m_s
            else "",
        )

    def _count_replaced(self) -> None:
        replaced = self._parts.segmenting.replaced
        if self._book.is_on:
            self._book.meter.dropped(replaced - self._replaced_seen)
        self._replaced_seen = replaced


def _were(count: int, noun: str) -> str:
    """Return the beginning of a sentence about what happened to so many."""
    return f"1 {noun} was" if count == 1 else f"{count} {noun}s were"
