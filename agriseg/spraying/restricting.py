"""Takes ground where nothing may be sprayed out of what is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from agriseg.messages import VehicleState
from agriseg.spraying.intervals import Interval, within, without
from agriseg.spraying.targets import Targets


class SprayLimits(Protocol):
    """Knows where spraying is allowed."""

    def hold(self, now_s: float, vehicle: VehicleState) -> str:
        """Return why no nozzle at all may open now, in a sentence; empty where they may."""
        ...

    def barred(self, vehicle: VehicleState, from_x_m: float, to_x_m: float) -> list[list[Interval]]:
        """Return for each nozzle where along the track it may not spray, sorted.

        Parameters
        ----------
        vehicle : VehicleState
            The pose from which the track goes straight on.
        from_x_m, to_x_m : float
            Ground in base_link that is asked for; what lies further ahead counts as barred.
        """
        ...


def restricted(targets: Targets, barred: Sequence[Sequence[Interval]]) -> Targets:
    """Return the targets without barred ground; pulses end before it and begin after it.

    Parameters
    ----------
    targets : Targets
    barred : sequence of sequences of (from, to)
        Per nozzle, sorted, along the track in metres.
    """
    if not any(barred):
        return targets
    pieces = [
        (nozzle, a, b, *_limits(a, b, floor, ceiling, barred[nozzle]))
        for nozzle, start, end, floor, ceiling in zip(
            targets.nozzle.tolist(),
            targets.s_min_m.tolist(),
            targets.s_max_m.tolist(),
            targets.floor_m.tolist(),
            targets.ceiling_m.tolist(),
            strict=True,
        )
        for a, b in without([(start, end)], barred[nozzle])
    ]
    weeds = list(
        zip(
            targets.weed_nozzle.tolist(),
            targets.weed_s_min_m.tolist(),
            targets.weed_s_max_m.tolist(),
            strict=True,
        )
    )
    allowed = [(n, a, b) for n, s, e in weeds for a, b in without([(s, e)], barred[n])]
    forbidden = [(n, a, b) for n, s, e in weeds for a, b in within([(s, e)], barred[n])]
    piece = np.array(pieces, np.float64).reshape(-1, 5)
    weed = np.array(allowed, np.float64).reshape(-1, 3)
    left = np.array(forbidden, np.float64).reshape(-1, 3)
    return replace(
        targets,
        nozzle=piece[:, 0].astype(np.int64),
        s_min_m=piece[:, 1],
        s_max_m=piece[:, 2],
        floor_m=piece[:, 3],
        ceiling_m=piece[:, 4],
        weed_nozzle=weed[:, 0].astype(np.int64),
        weed_s_min_m=weed[:, 1],
        weed_s_max_m=weed[:, 2],
        barred_nozzle=left[:, 0].astype(np.int64),
        barred_s_min_m=left[:, 1],
        barred_s_max_m=left[:, 2],
    )


def _limits(
    a: float, b: float, floor: float, ceiling: float, barred: Sequence[Interval]
) -> tuple[float, float]:
    """Return how far a pulse on [a, b] may be widened: neither to crop nor to barred ground."""
    before = [end for _, end in barred if end <= a]
    behind = [start for start, _ in barred if start >= b]
    return max([floor, *before]), min([ceiling, *behind])
