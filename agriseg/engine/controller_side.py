"""What the controller says, and what it is told of the engine's life."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import replace

from agriseg.alarms import CONTROLLER_LEFT, CONTROLLER_REFUSED, LINK_LOST
from agriseg.engine.parts import EngineParts
from agriseg.engine.run_book import RunBook
from agriseg.engine.spray_gate import SprayGate
from agriseg.errors import ControllerError, ProtocolError
from agriseg.messages import (
    ControllerCapabilities,
    ControllerMessage,
    ControllerState,
    ControllerStatus,
    OdometrySample,
    PulseOutcome,
    PulseReport,
)

REOPEN_S = 3.0
"""The link is opened again this long after it ended."""

_MOST_FAILURES = 256


class ControllerSide:
    """Takes the controller's messages and keeps what was last heard.

    Attributes
    ----------
    capabilities : ControllerCapabilities, optional
        None while no controller is connected.
    status : ControllerStatus
    odometry : OdometrySample, optional
        The newest reading, by wheel or by the frames.
    problem : str
        Why there is no link; empty while there is one.
    failures : deque of (float, str)
        When pulses were not carried out, and why; newest last.
    """

    def __init__(self, parts: EngineParts, book: RunBook, gate: SprayGate) -> None:
        self._parts = parts
        self._book = book
        self._gate = gate
        self.capabilities: ControllerCapabilities | None = None
        self.status = ControllerStatus(
            t_s=parts.clock.now_s(),
            state=ControllerState.DISCONNECTED,
            cause="not connected yet",
        )
        self.odometry: OdometrySample | None = None
        self.problem = ""
        self.failures: deque[tuple[float, str]] = deque(maxlen=_MOST_FAILURES)
        self._opened_mask = 0
        self._reopen_at_s = math.inf

    @property
    def speed_m_s(self) -> float:
        """Speed last read; 0 before the first reading."""
        return self.odometry.speed_m_s if self.odometry else 0.0

    def take(self) -> None:
        """Take what has arrived."""
        self._reopen()
        try:
            messages = self._parts.controller.poll()
        except ProtocolError as error:
            self.problem = str(error)
            self._gate.stop(CONTROLLER_REFUSED, str(error))
            return
        except ControllerError as error:
            self.problem = str(error)
            self._reopen_at_s = min(self._reopen_at_s, self._parts.clock.now_s() + REOPEN_S)
            self._gate.stop(LINK_LOST, str(error))
            return
        for message in messages:
            placed = self._placed(message) if isinstance(message, PulseReport) else message
            self._take_message(placed)
            if self._book.sink is not None:
                self._book.sink.controller(placed)

    def take_visual_odometry(self, sample: OdometrySample) -> None:
        """Use what the frames say of the motion, where the controller has no encoder."""
        self.odometry = sample
        self._book.meter.odometry(sample)
        if self._book.sink is not None:
            self._book.sink.controller(sample)

    def take_opened_mask(self) -> int:
        """Return the valves that were confirmed open at any time since the last call."""
        opened, self._opened_mask = self._opened_mask, self.status.open_mask
        return opened

    def _reopen(self) -> None:
        """Connect again, some seconds after the link ended; the controller stays disarmed."""
        reopen = self._parts.reopen_controller
        if reopen is not None and self._parts.clock.now_s() >= self._reopen_at_s:
            self._reopen_at_s = math.inf
            reopen()

    def _placed(self, report: PulseReport) -> PulseReport:
        """Return a report with the places of its edges; without an encoder, by the frames."""
        if self.capabilities is None or self.capabilities.has_encoder:
            return report
        if math.isnan(report.t_open_s):
            return report
        opened = self._parts.pipeline.vehicle_at(report.t_open_s)
        closed = self._parts.pipeline.vehicle_at(report.t_close_s)
        if opened is None or closed is None:
            return report
        return replace(report, open_m=opened.distance_m, close_m=closed.distance_m)

    def _take_message(self, message: ControllerMessage) -> None:
        if isinstance(message, OdometrySample):
            self.odometry = message
            self._parts.pipeline.odometry.add(message)
            self._book.meter.odometry(message)
        elif isinstance(message, PulseReport):
            self._take_report(message)
        elif isinstance(message, ControllerStatus):
            self._take_status(message)
        else:
            self.capabilities = message
            self.problem = ""
            self._parts.pipeline.capabilities = message

    def _take_report(self, report: PulseReport) -> None:
        self._book.meter.report(report)
        if not math.isnan(report.t_open_s):
            self._opened_mask |= 1 << report.nozzle_id
        was_stopped = (
            report.outcome in (PulseOutcome.FLUSHED, PulseOutcome.CUT) and not self._gate.is_open
        )
        if report.outcome not in (PulseOutcome.DONE, PulseOutcome.SENT) and not was_stopped:
            now_s = self._parts.clock.now_s()
            self.failures.append((now_s, report.detail or report.outcome.value))

    def _take_status(self, status: ControllerStatus) -> None:
        gate = self._gate
        self.status = status
        self._opened_mask |= status.open_mask
        if self._book.is_on:
            self._book.meter.status(status)
        if status.state is ControllerState.ARMED and gate.arming_since_s is not None:
            gate.open()
            self._parts.pipeline.restart(self._parts.clock.now_s())
            self._book.note("spraying", "the controller confirmed ARMED")
        elif status.state is ControllerState.DISCONNECTED and self.capabilities is not None:
            self.capabilities = None
            self._parts.pipeline.odometry.break_off()
            gate.stop(LINK_LOST, f"The sprayer controller is not connected: {status.cause}.")
        elif status.state is not ControllerState.ARMED and gate.is_open:
            gate.stop(CONTROLLER_LEFT, f"The controller stopped spraying: {status.cause}.")
        if status.state is not ControllerState.DISCONNECTED:
            gate.alarms.clear(LINK_LOST)
            gate.alarms.clear(CONTROLLER_LEFT)
