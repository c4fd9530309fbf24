"""The reports of finished pulses: sent, sent again until acknowledged, then forgotten."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

from firmware_bridge.codes import Outcome
from firmware_bridge.frames import MAX_REPORTS, ControllerFrame, PulseReports, Report
from firmware_bridge.modular import signed32
from firmware_bridge.simulated_outbox import Outbox
from firmware_bridge.simulated_scheduler import Slot
from firmware_bridge.simulated_settings import SimulatedClock

REPORT_WAIT_S = 0.02
REPORT_REPEAT_S = 0.025
REPEATED_REPORTS = 3
"""Most reports in a repeated frame: a short one gets through more often."""
REPORT_BACKLOG_S = 0.04
"""With more than this waiting to be sent, reports wait."""
S24_MAX = (1 << 23) - 1
U24_MAX = (1 << 24) - 1


class ReportBook:
    """Keeps a session's finished pulses until the host has acknowledged their reports.

    Attributes
    ----------
    due_s : float
        When there is something to send, host time in seconds.
    taken : int
        Pulses taken from the host and not yet acknowledged.
    """

    def __init__(self, outbox: Outbox, clock: SimulatedClock) -> None:
        self._outbox = outbox
        self._clock = clock
        self._slots: deque[Slot] = deque()
        self._index = 0
        self._sent = 0
        self._progress_s = -math.inf
        self.due_s = math.inf
        self.taken = 0

    def add(self, slot: Slot, now_s: float) -> None:
        """Take a finished pulse."""
        self._slots.append(slot)
        unsent = len(self._slots) - self._sent
        if unsent >= MAX_REPORTS:
            self.due_s = now_s
        elif unsent == 1:
            self.due_s = min(self.due_s, now_s + REPORT_WAIT_S)

    def acknowledged(self, report_next: int, now_s: float) -> None:
        """Forget what the host has received."""
        done = (report_next - self._index) & 0xFFFF
        if not 0 < done <= self._sent:
            return
        for _ in range(done):
            self._slots.popleft()
        self._index = report_next
        self._sent -= done
        self._progress_s = max(self._progress_s, now_s)
        self.taken -= done
        if not self._slots:
            self.due_s = math.inf

    def send(self, send: Callable[[ControllerFrame], None], now_s: float) -> None:
        """Send what is new; go back to the oldest when its acknowledgement does not come."""
        most = MAX_REPORTS
        waited_s = now_s - self._progress_s
        if self._sent > 0 and waited_s >= REPORT_REPEAT_S - 1e-9:
            self._sent = 0
            most = REPEATED_REPORTS
        while self._sent < len(self._slots) and self._outbox.backlog_s(now_s) < REPORT_BACKLOG_S:
            first = self._sent
            last = min(first + most, len(self._slots))
            batch = [self._slots[i] for i in range(first, last)]
            send(self._frame(self._index + first & 0xFFFF, batch, now_s))
            self._sent = last
            self._progress_s = self._outbox.free_s
        self.due_s = now_s + max(REPORT_REPEAT_S, self._outbox.backlog_s(now_s))

    def _frame(self, index: int, batch: list[Slot], now_s: float) -> PulseReports:
        opened = [slot for slot in batch if slot.outcome < Outcome.LATE]
        tick = self._clock.ticks_at(opened[0].began_s if opened else now_s)
        position = round(opened[0].began_at) if opened else 0
        reports = tuple(self._report(slot, tick, position) for slot in batch)
        return PulseReports(index, tick & 0xFFFF_FFFF, signed32(position), reports)

    def _report(self, slot: Slot, tick: int, position: int) -> Report:
        if slot.outcome >= Outcome.LATE:
            return Report(slot.tag, slot.valve, slot.outcome, 0, 0, 0, 0)
        began = self._clock.ticks_at(slot.began_s)
        return Report(
            slot.tag,
            slot.valve,
            slot.outcome,
            _clip_s24(began - tick),
            min(self._clock.ticks_at(slot.ended_s) - began, U24_MAX),
            _clip_s24(round(slot.began_at) - position),
            _clip_s24(round(slot.ended_at) - round(slot.began_at)),
        )


def _clip_s24(value: int) -> int:
    return max(-S24_MAX, min(value, S24_MAX))
