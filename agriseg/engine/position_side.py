"""The satellite receiver beside the odometry, and the boundary that it keeps nozzles within."""

from __future__ import annotations

from dataclasses import replace

from agriseg.alarms import BOUNDARY_CLOSES, POSITION_LOST
from agriseg.boundary.guard import BoundaryGuard
from agriseg.engine.parts import EngineParts
from agriseg.engine.run_book import RunBook
from agriseg.engine.spray_gate import SprayGate
from agriseg.messages import PositionStatus, VehicleState
from agriseg.positioning.positioner import Positioner

_LOOK_PERIOD_S = 0.2
"""Which nozzles are over barred ground is looked at so often, for the operator's sake."""


class PositionSide:
    """Takes fixes, keeps the place, and says what a boundary does.

    Without a receiver it does nothing; with one and no boundary it only warns. With a boundary
    and no sure position all nozzles are held closed until there is one again.
    """

    def __init__(self, parts: EngineParts, book: RunBook, gate: SprayGate) -> None:
        self._clock = parts.clock
        self._pipeline = parts.pipeline
        self._receiver = parts.receiver
        self._book = book
        self._gate = gate
        self._positioner = Positioner(parts.config.position)
        self._resets = parts.pipeline.odometry.resets
        self._guard: BoundaryGuard | None = None
        if parts.boundary is not None:
            self._guard = BoundaryGuard(
                parts.boundary, parts.config.boundary, parts.boom, self._positioner
            )
            parts.pipeline.limits = self._guard
        self._next_look_s = 0.0
        self._barred, self._barred_by = 0, ""

    def take(self) -> None:
        """Take what the receiver has sent."""
        if self._receiver is None:
            return
        resets = self._pipeline.odometry.resets
        if resets != self._resets:
            self._resets = resets
            self._positioner.break_off()
        for fix in self._receiver.poll():
            self._positioner.add(fix, self._pipeline.vehicle_at(fix.t_s))
            if self._book.sink is not None:
                self._book.sink.position(fix)

    def check(self) -> None:
        """Raise and clear the alarms about place and boundary."""
        now_s = self._clock.now_s()
        if now_s < self._next_look_s:
            return
        self._next_look_s = now_s + _LOOK_PERIOD_S
        is_open = self._gate.is_open
        self._look(self._pipeline.vehicle_at(now_s))
        self._gate.set_alarm(POSITION_LOST, self._lost(now_s) if is_open else "")
        self._gate.set_alarm(BOUNDARY_CLOSES, self._closed() if is_open else "")

    def reasons(self) -> list[str]:
        """Return why a boundary forbids to start; a direction not known yet is no reason."""
        hold = self._hold(self._clock.now_s())
        if not hold or "direction is not known" in hold:
            return []
        return [f"{hold} {POSITION_LOST.remedy}"]

    def status(self) -> PositionStatus | None:
        """Return what the window shows; None without receiver and boundary."""
        if self._receiver is None and self._guard is None:
            return None
        now_s = self._clock.now_s()
        status = PositionStatus(
            receiver=self._receiver.name if self._receiver is not None else "",
            fix=self._positioner.newest,
            problem=self._problem(now_s),
            jumps=self._positioner.jumps,
            boundary=self._guard.name if self._guard is not None else "",
            hold=self._hold(now_s),
            barred=self._barred,
        )
        vehicle = self._pipeline.vehicle_at(now_s)
        pose = self._positioner.pose(vehicle) if vehicle is not None else None
        if pose is None:
            return status
        latitude, longitude = pose.latitude_longitude_deg
        return replace(
            status,
            latitude_deg=latitude,
            longitude_deg=longitude,
            heading_deg=pose.course_deg,
            accuracy_m=pose.accuracy_m,
        )

    def close(self) -> None:
        """Release the receiver."""
        if self._receiver is not None:
            self._receiver.close()

    def _problem(self, now_s: float) -> str:
        if self._receiver is None:
            return "There is no satellite receiver (position.source)."
        return self._receiver.problem or self._positioner.problem(now_s)

    def _hold(self, now_s: float) -> str:
        """Return why the boundary keeps all nozzles closed; empty where it does not."""
        if self._guard is None:
            return ""
        vehicle = self._pipeline.vehicle_at(now_s)
        if self._receiver is None or self._receiver.problem or vehicle is None:
            return self._problem(now_s)
        return self._guard.hold(now_s, vehicle)

    def _lost(self, now_s: float) -> str:
        hold = self._hold(now_s)
        if hold:
            return f"{hold} A boundary is in use: all nozzles are held closed."
        if self._receiver is None:
            return ""
        problem = self._problem(now_s)
        return f"{problem} Spraying goes on; maps will lack places." if problem else ""

    def _look(self, vehicle: VehicleState | None) -> None:
        self._barred, self._barred_by = 0, ""
        if self._guard is not None and vehicle is not None:
            self._barred, self._barred_by = self._guard.barred_now(vehicle)

    def _closed(self) -> str:
        if not self._barred or self._guard is None:
            return ""
        nozzles = "1 nozzle is" if self._barred == 1 else f"{self._barred} nozzles are"
        return f"{nozzles} kept closed: {self._barred_by}."
