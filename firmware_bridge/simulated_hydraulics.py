"""What the valves do: coils on and off become spray, pressure, flow and volume."""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ValveEdge:
    """A valve began (``is_open``) or ceased to let liquid through at ``t_s``."""

    valve: int
    t_s: float
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HydraulicsSettings:
    """Valves, nozzles, pump and tank.

    ``flow_factors`` says by valve how much more its nozzle lets through than ``nozzle_l_min``
    (1.2: worn; 0.8: half blocked); empty: all are as new. ``supply_droop`` is the share of the
    pressure that is lost while all nozzles spray.
    ``kept_edges`` bounds how many of the newest edges are remembered; None remembers all.
    """

    open_latency_s: tuple[float, ...]
    close_latency_s: tuple[float, ...]
    nozzle_l_min: float = 0.4
    flow_factors: tuple[float, ...] = ()
    nominal_kpa: float = 300.0
    supply_droop: float = 0.2
    tank_l: float = 200.0
    kept_edges: int | None = None


class SimulatedHydraulics:
    """Valves that follow their coils after a latency, fed through one supply line.

    Nozzles and supply line are orifices: flow goes with the square root of the pressure
    across them (Bernoulli).
    """

    def __init__(self, settings: HydraulicsSettings, t_s: float) -> None:
        self._settings = settings
        count = len(settings.open_latency_s)
        self.valve_count = count
        self.edges: deque[ValveEdge] = deque(maxlen=settings.kept_edges)
        """Truth: every edge of every valve's spray, in order of time."""
        self.coil_edges: deque[ValveEdge] = deque(maxlen=settings.kept_edges)
        """Every switching of a coil, in order of time."""
        self.stuck_closed: set[int] = set()
        self.open_coil: set[int] = set()
        self._stuck_open: set[int] = set()
        self._pending: list[tuple[float, int, bool]] = []
        self._by_valve: list[deque[tuple[float, bool]]] = [deque() for _ in range(count)]
        self._nominal = [False] * count
        """Valves that should let liquid through, were none faulty."""
        self._actual: set[int] = set()
        self._nominal_since = [t_s] * count
        self._nominal_l = [0.0] * count
        self._now_s = t_s
        self._root_integral = 0.0
        """Integral of sqrt(pressure / nominal pressure) over time."""
        self._nominal_integral = [0.0] * count
        self._factors = settings.flow_factors or (1.0,) * count
        self._poured_l = [0.0] * count
        self.volume_l = 0.0
        self.tank_l = settings.tank_l

    def switch(self, valve: int, t_s: float, on: bool) -> None:
        """Switch a coil at ``t_s``; the valve follows after its latency."""
        self.coil_edges.append(ValveEdge(valve=valve, t_s=t_s, is_open=on))
        settings = self._settings
        latency = settings.open_latency_s if on else settings.close_latency_s
        t_move_s = t_s + latency[valve]
        waiting = self._by_valve[valve]
        if waiting and waiting[-1][0] >= t_move_s:
            waiting.pop()
            return
        waiting.append((t_move_s, on))
        heapq.heappush(self._pending, (t_move_s, valve, on))

    def set_stuck_open(self, valve: int, t_s: float, stuck: bool) -> None:
        """Jam a valve open, or free it."""
        self.advance(t_s)
        (self._stuck_open.add if stuck else self._stuck_open.discard)(valve)
        self._follow(valve, t_s)

    def advance(self, t_s: float) -> None:
        """Let liquid flow until ``t_s``."""
        while self._pending and self._pending[0][0] <= t_s:
            t_move_s, valve, on = heapq.heappop(self._pending)
            waiting = self._by_valve[valve]
            if not waiting or waiting[0] != (t_move_s, on):
                continue
            waiting.popleft()
            self._flow_until(t_move_s)
            self._move(valve, t_move_s, on)
        self._flow_until(t_s)

    def _move(self, valve: int, t_s: float, on: bool) -> None:
        self._nominal_l[valve] = self.expected_l(valve)
        self._nominal_integral[valve] = self._root_integral
        self._nominal[valve] = on
        self._follow(valve, t_s)

    def _follow(self, valve: int, t_s: float) -> None:
        works = valve not in self.stuck_closed and valve not in self.open_coil
        is_open = valve in self._stuck_open or (self._nominal[valve] and works)
        if is_open != (valve in self._actual):
            (self._actual.add if is_open else self._actual.discard)(valve)
            self.edges.append(ValveEdge(valve=valve, t_s=t_s, is_open=is_open))

    def _flow_until(self, t_s: float) -> None:
        dt_s = t_s - self._now_s
        if dt_s <= 0.0:
            return
        root = self._root_pressure()
        one_l = self._nozzle_l_s * root * dt_s
        volume_l = 0.0
        for valve in self._actual:
            self._poured_l[valve] += one_l * self._factors[valve]
            volume_l += one_l * self._factors[valve]
        self._root_integral += root * dt_s
        self.volume_l += volume_l
        self.tank_l = max(0.0, self.tank_l - volume_l)
        self._now_s = t_s

    @property
    def _nozzle_l_s(self) -> float:
        return self._settings.nozzle_l_min / 60.0

    def _root_pressure(self) -> float:
        """Return sqrt(pressure / nominal) at the nozzles."""
        if self.tank_l <= 0.0:
            return 0.0
        droop = self._settings.supply_droop
        load = len(self._actual) / self.valve_count
        return math.sqrt(1.0 / (1.0 + droop / (1.0 - droop) * load * load))

    @property
    def pressure_kpa(self) -> float:
        """Pressure at the nozzles."""
        return self._settings.nominal_kpa * self._root_pressure() ** 2

    def expected_l(self, valve: int) -> float:
        """Volume that a faultless valve would have let through since the start."""
        if not self._nominal[valve]:
            return self._nominal_l[valve]
        since = self._root_integral - self._nominal_integral[valve]
        return self._nominal_l[valve] + since * self._nozzle_l_s

    def poured_l(self, valve: int) -> float:
        """Truth: volume that one nozzle has let through since the start."""
        return self._poured_l[valve]

    def open_valves(self) -> Sequence[int]:
        """Return the valves that let liquid through now."""
        return sorted(self._actual)


SETTLE_INTERVALS = 4
SUSPECT_INTERVALS = 8
EXCESS_INTERVALS = 10
RELATIVE_TOLERANCE = 0.15
NOZZLE_TOLERANCE = 0.25


class FlowSupervision:
    """Compares measured with expected volume, interval by interval.

    A valve is faulty when liquid was missing in every one of several intervals in which it
    should have sprayed; an interval in which the volume was right clears all that took part.
    """

    def __init__(self, valve_count: int) -> None:
        self._suspect = [0] * valve_count
        self._excess = 0
        self.leak = False
        self.short = False

    @property
    def faulty(self) -> frozenset[int]:
        """Valves that are known not to open."""
        return frozenset(v for v, n in enumerate(self._suspect) if n >= SUSPECT_INTERVALS)

    def add(self, measured_l: float, expected_l: Sequence[float], nozzle_l: float) -> None:
        """Take one interval; ``nozzle_l`` is what one open nozzle lets through in it."""
        total_l = math.fsum(expected_l)
        tolerance_l = max(RELATIVE_TOLERANCE * total_l, NOZZLE_TOLERANCE * nozzle_l)
        missing_l = total_l - measured_l
        self.short = missing_l > tolerance_l
        for valve, volume_l in enumerate(expected_l):
            if self.short and volume_l > 0.5 * tolerance_l:
                self._suspect[valve] += 1
            elif not self.short and volume_l > 2.0 * tolerance_l:
                self._suspect[valve] = 0
        self._judge_excess(-missing_l > tolerance_l, idle=total_l == 0.0)

    def _judge_excess(self, excess: bool, *, idle: bool) -> None:
        self._excess = self._excess + 1 if excess else 0
        if self._excess >= (SETTLE_INTERVALS if idle else EXCESS_INTERVALS):
            self.leak = True
        elif not excess and idle:
            self.leak = False
