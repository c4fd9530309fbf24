"""State of each nozzle as drawn: commanded, confirmed, faulty or unknown."""

from __future__ import annotations

from dataclasses import dataclass

from agriseg.messages import ControllerState, EngineSnapshot
from ui.models.figures import STALE_AFTER_S

FIRST_NOZZLE_NUMBER = 1
"""Operators count from one at the left; ``nozzle_id`` counts from zero."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NozzleState:
    """One nozzle.

    ``known`` is false where no fresh report of the controller exists: then nothing is
    claimed about the valve.
    """

    number: int
    commanded: bool
    confirmed: bool
    fault: bool
    known: bool

    @property
    def words(self) -> str:
        """Say it in words, for tooltips and screen readers."""
        if self.fault:
            state = "does not follow its command"
        elif not self.known:
            state = "state not known"
        else:
            state = "confirmed open" if self.confirmed else "confirmed closed"
        asked = "commanded open" if self.commanded else "not commanded"
        return f"Nozzle {self.number}: {asked}, {state}"


def nozzle_states(snapshot: EngineSnapshot | None, now_s: float) -> tuple[NozzleState, ...]:
    """Return every nozzle from left to right; empty before the first snapshot."""
    if snapshot is None:
        return ()
    status = snapshot.controller
    fresh = now_s - snapshot.t_s <= STALE_AFTER_S
    known = fresh and status.state is not ControllerState.DISCONNECTED
    return tuple(
        NozzleState(
            number=nozzle_id + FIRST_NOZZLE_NUMBER,
            commanded=fresh and commanded,
            confirmed=known and bool(status.open_mask >> nozzle_id & 1),
            fault=bool(status.fault_mask >> nozzle_id & 1),
            known=known,
        )
        for nozzle_id, commanded in enumerate(snapshot.nozzle_commanded)
    )
