"""Where the machine drove since the window was opened, and where it sprayed."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from agriseg.messages import EngineSnapshot, EngineState, Float64Array
from agriseg.positioning.local_frame import LocalFrame

STEP_M = 0.25
_GAP_M = 5.0
"""Between two snapshots nothing drives so far: the receiver jumped, or the engine began anew."""
MOST_NODES = 20_000


@dataclass(slots=True)
class _Piece:
    is_sprayed: bool
    geographic: list[tuple[float, float]] = field(default_factory=list)
    local: list[tuple[float, float]] = field(default_factory=list)


class FieldTrack:
    """Keeps a place every quarter of a metre.

    Parameters
    ----------
    most_nodes : int
        Places kept at most; beyond, every second one is left out and they lie twice as far apart.
    """

    def __init__(self, most_nodes: int = MOST_NODES) -> None:
        self._most_nodes = most_nodes
        self._frame: LocalFrame | None = None
        self._pieces: list[_Piece] = []
        self._step_m = STEP_M
        self._count = 0

    @property
    def frame(self) -> LocalFrame | None:
        """The plane that the pieces are in; None before the first place."""
        return self._frame

    def pieces(self) -> list[tuple[Float64Array, bool]]:
        """Return the stretches, (N, 2) (east, north) in metres, and whether spraying was on."""
        return [(np.array(piece.local, np.float64), piece.is_sprayed) for piece in self._pieces]

    def clear(self) -> None:
        """Forget all places."""
        self._pieces.clear()
        self._count, self._step_m = 0, STEP_M

    def set_frame(self, frame: LocalFrame) -> None:
        """Bring every place into another plane."""
        self._frame = frame
        for piece in self._pieces:
            piece.local = [(float(e), float(n)) for e, n in frame.local(piece.geographic)]

    def add(self, snapshot: EngineSnapshot) -> None:
        """Take the place of a snapshot, if it is sure of one."""
        status = snapshot.position
        if status is None or status.problem or not math.isfinite(status.latitude_deg):
            return
        place = (status.latitude_deg, status.longitude_deg)
        if self._frame is None:
            self._frame = LocalFrame(*place)
        east, north = self._frame.local([place])[0]
        self._take(place, (float(east), float(north)), snapshot.state is EngineState.SPRAYING)

    def _take(
        self, place: tuple[float, float], local: tuple[float, float], is_sprayed: bool
    ) -> None:
        last = self._pieces[-1] if self._pieces else None
        moved_m = math.inf if last is None else math.dist(last.local[-1], local)
        if last is None or moved_m > _GAP_M:
            self._pieces.append(_Piece(is_sprayed, [place], [local]))
        elif is_sprayed is not last.is_sprayed:
            ends = [last.geographic[-1], place], [last.local[-1], local]
            self._pieces.append(_Piece(is_sprayed, *ends))
        elif moved_m >= self._step_m:
            last.geographic.append(place)
            last.local.append(local)
        else:
            return
        self._count += 1
        if self._count > self._most_nodes:
            self._thin()

    def _thin(self) -> None:
        """Keep every second place and the ends."""
        self._step_m *= 2.0
        for piece in self._pieces:
            piece.geographic = [*piece.geographic[:-1:2], piece.geographic[-1]]
            piece.local = [*piece.local[:-1:2], piece.local[-1]]
        self._count = sum(len(piece.local) for piece in self._pieces)
