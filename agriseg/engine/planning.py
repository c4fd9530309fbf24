"""From the pipeline's plans to the controller's queue."""

from __future__ import annotations

from collections import deque

from agriseg.engine.controller_side import ControllerSide
from agriseg.engine.parts import EngineParts
from agriseg.engine.run_book import RunBook
from agriseg.messages import SprayPlan

_MOST_LATE = 256


class Planning:
    """Commands the pulses whose moment has come.

    Attributes
    ----------
    late_times_s : deque of float
        When weeds were given up as too late; newest last.
    """

    def __init__(self, parts: EngineParts, book: RunBook, link: ControllerSide) -> None:
        self._parts = parts
        self._book = book
        self._link = link
        self.late_times_s: deque[float] = deque(maxlen=_MOST_LATE)

    def plan(self) -> SprayPlan:
        """Ask the pipeline for the pulses to be commanded now."""
        return self._parts.pipeline.plan(self._parts.clock.now_s())

    def send(self, plan: SprayPlan) -> None:
        """Hand a plan's pulses to the controller, then count and record them."""
        if plan.events:
            self._parts.controller.queue(plan.events)
        late_before = self._book.meter.totals.missed_late
        self._book.meter.plan(plan, self._link.speed_m_s)
        newly_late = self._book.meter.totals.missed_late - late_before
        self.late_times_s.extend([self._parts.clock.now_s()] * newly_late)
        if self._book.sink is not None and (plan.events or plan.missed or plan.plants):
            self._book.sink.plan(plan)
