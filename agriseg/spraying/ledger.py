"""What was commanded of each nozzle, and up to where its ground is decided."""

from __future__ import annotations

import numpy as np

from agriseg.messages import Float64Array, ValveEvent
from agriseg.pipeline_journal import AnsweredGround, LedgerState, finite_or_inf
from agriseg.spraying.intervals import Interval, merged, without

_KEPT_M = 5.0


class NozzleLedger:
    """Books of the planner: one frontier and one last closing per nozzle.

    Attributes
    ----------
    frontier_m : (N,) float64
        Along-track coordinate up to which a nozzle's ground was commanded or given up.
    passed_m : (N,) float64
        Along-track coordinate up to which a nozzle can no longer spray.
    crop_told_m : (N,) float64
        Up to where weeds left for the crop's sake were told.
    last_close : (N,) float64
        When the newest pulse ends, as odometer reading or host time (`by_distance`).
    by_distance : bool
    """

    def __init__(self, nozzle_count: int) -> None:
        self._count = nozzle_count
        self._next_event_id = 0
        self.by_distance = True
        self.reset()

    def reset(self) -> None:
        """Forget all: along-track coordinates have begun anew."""
        self.frontier_m: Float64Array = np.full(self._count, -np.inf)
        self.passed_m: Float64Array = np.full(self._count, -np.inf)
        self.crop_told_m: Float64Array = np.full(self._count, -np.inf)
        self.last_close: Float64Array = np.full(self._count, -np.inf)
        self._open: list[ValveEvent] = []
        self._answered: list[list[Interval]] = [[] for _ in range(self._count)]

    def state(self, call_gap_s: float) -> LedgerState:
        """Return a copy of the books; ``call_gap_s`` is the planner's."""
        return LedgerState(
            frontier_m=tuple(self.frontier_m.tolist()),
            passed_m=tuple(self.passed_m.tolist()),
            crop_told_m=tuple(self.crop_told_m.tolist()),
            last_close=tuple(self.last_close.tolist()),
            answered=tuple(
                AnsweredGround(nozzle_id=nozzle, s_min_m=a, s_max_m=b)
                for nozzle, ground in enumerate(self._answered)
                for a, b in ground
            ),
            open_events=tuple(self._open),
            by_distance=self.by_distance,
            next_event_id=self._next_event_id,
            call_gap_s=call_gap_s,
        )

    def restore(self, state: LedgerState) -> None:
        """Go on from books of a boom with as many nozzles; those of another boom begin empty."""
        self.by_distance = state.by_distance
        self._next_event_id = state.next_event_id
        if len(state.frontier_m) != self._count:
            return
        self.frontier_m = finite_or_inf(state.frontier_m)
        self.passed_m = finite_or_inf(state.passed_m)
        self.crop_told_m = finite_or_inf(state.crop_told_m)
        self.last_close = finite_or_inf(state.last_close)
        self._open = list(state.open_events)
        self._answered = [[] for _ in range(self._count)]
        for ground in state.answered:
            a, b = finite_or_inf((ground.s_min_m, ground.s_max_m)).tolist()
            self._answered[ground.nozzle_id].append((a, b))

    def restart(self, t_s: float, distance_m: float) -> None:
        """Forget pulses that have not begun: the controller's queue was emptied.

        Their ground may be commanded again; ground under pulses that had begun may not.
        """
        for event in self._open:
            if event.open_at > self._position(t_s, distance_m):
                nozzle = event.nozzle_id
                self.frontier_m[nozzle] = min(self.frontier_m[nozzle], event.wanted_s_min_m)
                limit = float(self.frontier_m[nozzle])
                self._answered[nozzle] = without(self._answered[nozzle], [(limit, np.inf)])
        self._open = []
        self.last_close[:] = -np.inf

    def use_domain(self, by_distance: bool) -> None:
        """Count pulses in odometer readings or in host time from now on."""
        if by_distance is not self.by_distance:
            self.by_distance = by_distance
            self.last_close[:] = -np.inf
            self._open = []

    def answer(self, nozzle: int, s_min_m: float, s_max_m: float) -> None:
        """Book ground as answered for: commanded, told as missed, or not wanted at the time."""
        kept = [(a, b) for a, b in self._answered[nozzle] if b > s_min_m - _KEPT_M]
        self._answered[nozzle] = merged([*kept, (s_min_m, s_max_m)])

    def unanswered(self, nozzle: int, s_min_m: float, s_max_m: float) -> list[Interval]:
        """Return the parts of [s_min_m, s_max_m] that nothing was booked for."""
        return without([(s_min_m, s_max_m)], self._answered[nozzle])

    @property
    def outstanding(self) -> int:
        """Pulses commanded whose end has not come."""
        return len(self._open)

    def new_event(
        self,
        nozzle: int,
        open_at: float,
        close_at: float,
        wanted_m: tuple[float, float],
        reason: str,
    ) -> ValveEvent:
        """Book a pulse and return it."""
        event = ValveEvent(
            event_id=self._next_event_id,
            nozzle_id=nozzle,
            by_distance=self.by_distance,
            open_at=open_at,
            close_at=close_at,
            wanted_s_min_m=wanted_m[0],
            wanted_s_max_m=wanted_m[1],
            reason=reason,
        )
        self._next_event_id += 1
        self._open.append(event)
        self.last_close[nozzle] = close_at
        return event

    def forget_closed(self, t_s: float, distance_m: float) -> None:
        """Drop pulses that have ended."""
        position = self._position(t_s, distance_m)
        if any(event.close_at <= position for event in self._open):
            self._open = [event for event in self._open if event.close_at > position]

    def commanded_at(self, t_s: float, distance_m: float) -> tuple[bool, ...]:
        """Return for each nozzle whether a booked pulse sprays at this moment."""
        position = self._position(t_s, distance_m)
        spraying = [False] * self._count
        for event in self._open:
            if event.open_at <= position < event.close_at:
                spraying[event.nozzle_id] = True
        return tuple(spraying)

    def _position(self, t_s: float, distance_m: float) -> float:
        return distance_m if self.by_distance else t_s
