"""Weeds instead of nozzles' strips: how many plants were missed."""

from __future__ import annotations

from dataclasses import dataclass

from agriseg.messages import MissedWeed

SAME_WEED_M = 0.01
"""Strips of a nozzle and its neighbours that come this near along the track are of one weed."""

_OPEN_M = 2.0
"""Strips further back than this belong to no weed that is still to come."""


@dataclass(slots=True, eq=False)
class _Weed:
    """Strips of one weed: per nozzle the ground from rear to front, metres along the track."""

    strips: dict[int, tuple[float, float]]

    @property
    def front_m(self) -> float:
        return max(front_m for _, front_m in self.strips.values())

    def touches(self, nozzle: int, rear_m: float, front_m: float) -> bool:
        return any(
            rear_m <= strip[1] + SAME_WEED_M and front_m >= strip[0] - SAME_WEED_M
            for strip in (self.strips.get(nozzle + step) for step in (-1, 0, 1))
            if strip is not None
        )

    def add(self, nozzle: int, rear_m: float, front_m: float) -> None:
        known = self.strips.get(nozzle, (rear_m, front_m))
        self.strips[nozzle] = (min(known[0], rear_m), max(known[1], front_m))


class MissedWeeds:
    """Counts weeds of which a strip was missed, by the strips that the planner gives up.

    The planner works nozzle by nozzle: a weed below four nozzles is missed in up to four
    strips, and again when a new map shows more of it. Two weeds that stand so close that their
    strips touch count as one.
    """

    def __init__(self) -> None:
        self._open: list[_Weed] = []
        self._closed = 0

    @property
    def count(self) -> int:
        """Weeds so far."""
        return self._closed + len(self._open)

    def add(self, missed: MissedWeed) -> None:
        """Take a strip that was given up."""
        nozzle, rear_m, front_m = missed.nozzle_id, missed.s_min_m, missed.s_max_m
        self._close_passed(rear_m, front_m)
        weed = _Weed({})
        touched = [one for one in self._open if one.touches(nozzle, rear_m, front_m)]
        for one in touched:
            for known, strip in one.strips.items():
                weed.add(known, *strip)
        weed.add(nozzle, rear_m, front_m)
        self._open = [one for one in self._open if one not in touched] + [weed]

    def _close_passed(self, rear_m: float, front_m: float) -> None:
        """Put away weeds that lie far from here: behind, or of an odometer that began anew."""
        near = [w for w in self._open if rear_m - _OPEN_M <= w.front_m <= front_m + _OPEN_M]
        self._closed += len(self._open) - len(near)
        self._open = near
