"""The valve scheduler of the simulated controller: pulses wait, open, close, are reported."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from firmware_bridge.codes import Outcome
from firmware_bridge.frames import ValveTiming
from firmware_bridge.simulated_hydraulics import SimulatedHydraulics
from firmware_bridge.simulated_wheel import SimulatedWheel

INFINITY = math.inf


@dataclass(slots=True, kw_only=True)
class Slot:
    """One pulse from its command to the acknowledgement of its report."""

    valve: int
    tag: int
    by_distance: bool
    start: float
    """Opening moment on the ground: simulation seconds, or unwrapped sixteenths of a count."""
    end: float
    outcome: Outcome = Outcome.DONE
    began_s: float = math.nan
    ended_s: float = math.nan
    began_at: float = 0.0
    ended_at: float = 0.0


@dataclass(slots=True, kw_only=True)
class Rules:
    """What the scheduler obeys, in seconds and sixteenths of a count."""

    max_open_s: float = 0.2
    standstill_s: float = 0.2
    reach: float = 0.0
    min_lead_s: float = 0.001
    horizon_s: float = 4.0
    late_s: float = 0.005
    resolution_s: float = 0.0001


@dataclass(slots=True)
class _Valve:
    lead_open_s: float = 0.0
    lead_close_s: float = 0.0
    waiting: deque[Slot] = field(default_factory=deque)
    current: Slot | None = None
    next_s: float = INFINITY
    on_s: float = 0.0
    """Time of each period that the coil is on; 0: all the time."""
    off_s: float = 0.0
    coil_on: bool = False
    toggle_s: float = INFINITY
    """When the coil is next switched within its pulse."""


class ValveScheduler:
    """Opens and closes coils at the right moments.

    ``finish`` is called once for every slot, when it is decided what became of it.
    """

    def __init__(
        self,
        valve_count: int,
        hydraulics: SimulatedHydraulics,
        wheel: SimulatedWheel | None,
        rules: Rules,
        finish: Callable[[Slot], None],
    ) -> None:
        self._hydraulics = hydraulics
        self._wheel = wheel
        self._rules = rules
        self._finish = finish
        self._valves = [_Valve() for _ in range(valve_count)]
        self._busy: set[int] = set()
        self.next_s = INFINITY

    def set_timing(self, valve: int, timing: ValveTiming) -> None:
        """Set the latencies of a valve; none of its pulses may be waiting."""
        fall_s = timing.fall_10us * 1e-5
        self._valves[valve].lead_open_s = timing.open_10us * 1e-5 + fall_s
        self._valves[valve].lead_close_s = timing.close_10us * 1e-5 + fall_s

    def set_duty(self, valve: int, on_s: float, period_s: float) -> None:
        """Let a valve's coil be on for ``on_s`` of each period while its pulse lasts."""
        pulsed = on_s < period_s
        self._valves[valve].on_s = on_s if pulsed else 0.0
        self._valves[valve].off_s = period_s - on_s

    @property
    def queued(self) -> int:
        """Pulses that wait."""
        return sum(len(self._valves[v].waiting) for v in self._busy)

    def open_valves(self) -> Iterator[int]:
        """Yield the valves whose coil is on."""
        return (v for v in self._busy if self._valves[v].current is not None)

    def is_open(self, valve: int) -> bool:
        """Return whether a valve's coil is on."""
        return self._valves[valve].current is not None

    def add(self, slot: Slot, now_s: float) -> Outcome | None:
        """Take a pulse, or return why it is refused."""
        valve = self._valves[slot.valve]
        last = valve.waiting[-1] if valve.waiting else valve.current
        refusal = self._check(slot, valve, last, now_s)
        if refusal is not None:
            return refusal
        valve.waiting.append(slot)
        self._busy.add(slot.valve)
        self._plan(slot.valve, now_s)
        self._find_next()
        return None

    def _check(self, slot: Slot, valve: _Valve, last: Slot | None, now_s: float) -> Outcome | None:
        rules = self._rules
        if slot.end <= slot.start:
            return Outcome.EMPTY
        if slot.by_distance and self._wheel is None:
            return Outcome.NO_ENCODER
        if not slot.by_distance and slot.end - slot.start > rules.max_open_s + 1e-9:
            return Outcome.TOO_LONG
        if last is not None and (last.by_distance != slot.by_distance or slot.start < last.end):
            return Outcome.OVERLAP
        opens_s = self._edge_s(slot, slot.start, valve.lead_open_s)
        continues = last is not None and slot.start == last.end
        if opens_s < now_s + rules.min_lead_s and not continues:
            return Outcome.LATE
        if slot.by_distance and self._wheel is not None:
            far = slot.start - self._wheel.position(now_s) > rules.reach
        else:
            far = slot.start - now_s > rules.horizon_s
        return Outcome.TOO_FAR if far else None

    def _edge_s(self, slot: Slot, at: float, lead_s: float) -> float:
        """Return when a coil must switch so that spray changes on the ground at ``at``."""
        if slot.by_distance and self._wheel is not None:
            return self._wheel.time_of(at) - lead_s
        return at - lead_s

    def _plan(self, index: int, now_s: float) -> None:
        """Find the valve's next edge."""
        valve = self._valves[index]
        if valve.current is not None:
            slot = valve.current
            edge_s = self._edge_s(slot, slot.end, valve.lead_close_s)
            edge_s = min(edge_s, slot.began_s + self._rules.max_open_s)
        elif valve.waiting:
            slot = valve.waiting[0]
            edge_s = self._edge_s(slot, slot.start, valve.lead_open_s)
        else:
            valve.next_s = INFINITY
            self._busy.discard(index)
            return
        if edge_s < INFINITY:
            grid_s = self._rules.resolution_s
            edge_s = max(now_s, round(edge_s / grid_s) * grid_s)
        valve.next_s = min(edge_s, valve.toggle_s)

    def _find_next(self) -> None:
        self.next_s = min((self._valves[v].next_s for v in self._busy), default=INFINITY)

    def replan(self, now_s: float) -> None:
        """Look again after the wheel's estimate changed; drop what has become late."""
        for index in tuple(self._busy):
            valve = self._valves[index]
            self._drop_late(valve, now_s)
            self._stop_at_standstill(index, valve, now_s)
            self._plan(index, now_s)
        self._find_next()

    def _drop_late(self, valve: _Valve, now_s: float) -> None:
        while valve.current is None and valve.waiting:
            slot = valve.waiting[0]
            opens_s = self._edge_s(slot, slot.start, valve.lead_open_s)
            if opens_s >= now_s - self._rules.late_s:
                return
            valve.waiting.popleft()
            self._never_opened(slot, Outcome.LATE)

    def _stop_at_standstill(self, index: int, valve: _Valve, now_s: float) -> None:
        slot, wheel, limit_s = valve.current, self._wheel, self._rules.standstill_s
        if slot is None or wheel is None or not slot.by_distance or limit_s <= 0.0:
            return
        if now_s - max(wheel.edge_s, slot.began_s) > limit_s:
            self._close(index, now_s, Outcome.STANDSTILL)

    def run_edge(self) -> None:
        """Switch the valve whose edge comes first."""
        now_s = self.next_s
        for index in tuple(self._busy):
            if self._valves[index].next_s <= now_s:
                self._switch(index, now_s)
                self._plan(index, now_s)
        self._find_next()

    def _switch(self, index: int, now_s: float) -> None:
        valve = self._valves[index]
        slot = valve.current
        if slot is None:
            self._open(index, now_s)
            self._switch_coil(index, now_s, on=True)
            return
        if self._is_toggle(valve, slot, now_s):
            self._switch_coil(index, now_s, on=not valve.coil_on)
            return
        capped = now_s >= slot.began_s + self._rules.max_open_s - 0.5 * self._rules.resolution_s
        due_s = self._edge_s(slot, slot.end, valve.lead_close_s)
        capped = capped and due_s > now_s + self._rules.resolution_s
        if not capped and self._continues(valve, slot, now_s):
            self._end(slot, now_s, Outcome.DONE)
            self._open(index, now_s)
        else:
            self._close(index, now_s, Outcome.CAPPED if capped else Outcome.DONE)

    def _is_toggle(self, valve: _Valve, slot: Slot, now_s: float) -> bool:
        """Return whether the coil is to be switched, and not yet for the end of the pulse."""
        if now_s < valve.toggle_s:
            return False
        end_s = self._edge_s(slot, slot.end, valve.lead_close_s)
        end_s = min(end_s, slot.began_s + self._rules.max_open_s)
        return now_s < end_s - 0.5 * self._rules.resolution_s

    def _switch_coil(self, index: int, now_s: float, *, on: bool) -> None:
        valve = self._valves[index]
        if on != valve.coil_on:
            self._hydraulics.switch(index, now_s, on)
        valve.coil_on = on
        pulsed = valve.on_s > 0.0 and valve.current is not None
        valve.toggle_s = now_s + (valve.on_s if on else valve.off_s) if pulsed else INFINITY

    def _continues(self, valve: _Valve, slot: Slot, now_s: float) -> bool:
        """Return whether the next pulse takes over without the coil going off."""
        if not valve.waiting:
            return False
        follower = valve.waiting[0]
        if follower.start == slot.end:
            return True
        return self._edge_s(follower, follower.start, valve.lead_open_s) <= now_s

    def _open(self, index: int, now_s: float) -> None:
        valve = self._valves[index]
        slot = valve.waiting.popleft()
        slot.began_s, slot.began_at = now_s, self._position(now_s)
        valve.current = slot

    def _close(self, index: int, now_s: float, outcome: Outcome) -> None:
        valve = self._valves[index]
        slot = valve.current
        if slot is None:
            return
        valve.current = None
        self._switch_coil(index, now_s, on=False)
        self._end(slot, now_s, outcome)

    def _end(self, slot: Slot, now_s: float, outcome: Outcome) -> None:
        slot.ended_s, slot.ended_at = now_s, self._position(now_s)
        slot.outcome = outcome
        self._finish(slot)

    def _never_opened(self, slot: Slot, outcome: Outcome) -> None:
        slot.outcome = outcome
        self._finish(slot)

    def _position(self, t_s: float) -> float:
        return self._wheel.position(t_s) if self._wheel is not None else 0.0

    def flush(self, now_s: float) -> None:
        """Forget what has not begun."""
        for index in sorted(self._busy):
            valve = self._valves[index]
            while valve.waiting:
                self._never_opened(valve.waiting.popleft(), Outcome.FLUSHED)
            self._plan(index, now_s)
        self._find_next()

    def close_all(self, now_s: float) -> None:
        """Close every valve now and forget the rest."""
        for index in sorted(self._busy):
            self._close(index, now_s, Outcome.CUT)
        self.flush(now_s)
