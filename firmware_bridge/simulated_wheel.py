"""What a controller knows of its wheel: counts, and from them position and speed."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

from firmware_bridge.frames import SUBCOUNTS

EDGE_RESOLUTION_S = 4e-6
WINDOW_S = 0.009
"""Speed is taken over one such window, acceleration over two."""
STANDSTILL_S = 0.25
HISTORY = 64
MIN_SPEED = SUBCOUNTS / STANDSTILL_S


class SimulatedWheel:
    """Estimates position and speed of a wheel encoder as a microcontroller does.

    The encoder's newest edge is time-stamped at every sample. Speed and acceleration come
    from divided differences over two windows of `WINDOW_S`, longer where edges are rare.
    Positions are in sixteenths of a count.

    Parameters
    ----------
    count_at : callable
        The encoder's count at a time in seconds; rounded down, may fall.
    t_s : float
        Time of the first sample.
    """

    def __init__(self, count_at: Callable[[float], int], t_s: float) -> None:
        self._count_at = count_at
        self._sampled_s = t_s
        self._count = count_at(t_s)
        self._edges: deque[tuple[float, float]] = deque(maxlen=HISTORY)
        self._edges.append((t_s, float(self._count * SUBCOUNTS)))
        self._speed = 0.0
        self._acceleration = 0.0
        self._forward = True

    @property
    def edge_s(self) -> float:
        """Time of the newest edge."""
        return self._edges[-1][0]

    def speed_at(self, t_s: float) -> float:
        """Return the speed in sixteenths of a count per second."""
        return self._speed + self._acceleration * (t_s - self.edge_s)

    def sample(self, t_s: float) -> None:
        """Read the encoder at ``t_s`` and estimate anew."""
        count = self._count_at(t_s)
        if count != self._count:
            self._add_edge(count, t_s)
            self._estimate()
        else:
            self._hold(t_s)
        self._count, self._sampled_s = count, t_s

    def _add_edge(self, count: int, t_s: float) -> None:
        forward = count > self._count
        if forward != self._forward:
            self._edges.clear()
            self._forward = forward
        passed = abs(count - self._count)
        low_s = max(self._sampled_s, t_s - 1.6 * (t_s - self._sampled_s) / passed)
        if self._count_at(low_s) == count:
            low_s = self._sampled_s
        high_s = t_s
        while high_s - low_s > EDGE_RESOLUTION_S:
            middle_s = 0.5 * (low_s + high_s)
            if self._count_at(middle_s) == count:
                high_s = middle_s
            else:
                low_s = middle_s
        self._edges.append((high_s, float((count if forward else count + 1) * SUBCOUNTS)))

    def _estimate(self) -> None:
        t0, p0 = self._edges[-1]
        first = self._edge_before(t0 - WINDOW_S)
        if first is None:
            self._speed = self._acceleration = 0.0
            return
        t1, p1 = first
        v01 = (p0 - p1) / (t0 - t1)
        second = self._edge_before(t1 - WINDOW_S)
        if second is None or second[0] >= t1:
            self._speed, self._acceleration = v01, 0.0
            return
        t2, p2 = second
        v12 = (p1 - p2) / (t1 - t2)
        self._acceleration = 2.0 * (v01 - v12) / (t0 - t2)
        self._speed = v01 + 0.5 * self._acceleration * (t0 - t1)

    def _edge_before(self, t_s: float) -> tuple[float, float] | None:
        """Return the newest edge at or before ``t_s``; the oldest usable one if none is."""
        newest_s = self._edges[-1][0]
        found = None
        for edge in reversed(self._edges):
            if newest_s - edge[0] > STANDSTILL_S:
                break
            if edge[0] < newest_s:
                found = edge
            if edge[0] <= t_s:
                break
        return found

    def _hold(self, t_s: float) -> None:
        """No edge came: the wheel cannot have turned by more than one count since."""
        silent_s = t_s - self.edge_s
        if silent_s > STANDSTILL_S:
            self._speed = self._acceleration = 0.0
        elif abs(self._speed) * silent_s > SUBCOUNTS:
            self._speed = math.copysign(SUBCOUNTS / silent_s, self._speed)
            self._acceleration = 0.0

    def position(self, t_s: float) -> float:
        """Return the position at ``t_s``, at most one count beyond the newest edge's count."""
        edge_s, edge = self._edges[-1]
        dt = t_s - edge_s
        moved = self._speed * dt + 0.5 * self._acceleration * dt * dt
        ahead = SUBCOUNTS * (1.0 + abs(self._speed) * (t_s - self._sampled_s) / SUBCOUNTS)
        return edge + max(-ahead, min(moved, ahead))

    def time_of(self, position: float) -> float:
        """Return when the wheel will be, or was, at ``position``; infinity if it will not.

        Past positions are dated by the present speed.
        """
        edge_s, edge = self._edges[-1]
        distance = position - edge
        v, a = self._speed, self._acceleration
        if abs(v) < MIN_SPEED:
            return math.inf if distance > 0 or v < 0 else edge_s
        if abs(a) * abs(distance) < 1e-4 * v * v:
            return edge_s + distance / v if v > 0 else math.inf
        root = v * v + 2.0 * a * distance
        if root < 0.0 or v < 0:
            return math.inf
        return edge_s + 2.0 * distance / (v + math.sqrt(root))
