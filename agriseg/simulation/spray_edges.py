"""Where each sprayed extent begins and ends, against where it was wanted."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from agriseg.config import SprayConfig
from agriseg.messages import ClassId, Float64Array
from agriseg.simulation.sprayed_ground import SprayedExtent, TrueNozzle, nozzle_positions
from agriseg.simulation.trajectory import Trajectory
from agriseg.simulation.world import World

LATERAL_TOLERANCE_M = 0.01
"""A wanted edge must stay when the strip is this much wider or narrower at either side."""
_EDGE_CHANGE_M = 0.0025
_BEHIND_M = 0.4
_LONGEST_M = 3.0


class EdgeKind(Enum):
    """Whether an extent's edges can be judged, and if not, why."""

    JUDGED = "judged"
    NO_WEED = "no-weed"
    """There is no weed in it."""
    LATERAL_BORDER = "lateral-border"
    """A weed ends at the strip's side: a few millimetres sideways change the wanted edge."""
    CROP = "crop"
    """Protected crop bounds it."""
    CONTINUED = "continued"
    """Its wanted ground began in the nozzle's extent before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtentEdges:
    """Errors of one extent's edges along the track; positive is too far forward.

    NaN unless ``kind`` is JUDGED.
    """

    nozzle: int
    kind: EdgeKind
    leading_error_m: float = float("nan")
    trailing_error_m: float = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Track:
    """Plant cells near an extent, along and across the nozzle's path, relative to its start."""

    weed: Float64Array
    crop: Float64Array
    sprayed_end_m: float


class EdgeJudge:
    """Judges the edges of sprayed extents in the order of the drive.

    An extent's leading edge is where its footprint begins at its first landing time, its
    trailing edge where the footprint ends at the last. The wanted edge is that of the
    connected stretch of wanted ground that the extent covers first (leading) or last
    (trailing): true weed in the nozzle's zone, widened by the weed margin, with the margin
    added fore and aft.

    Parameters
    ----------
    extents : sequence of SprayedExtent
    nozzles : sequence of TrueNozzle
    zones_m : (N, 2) float64
        Right and left end of the strip that each nozzle answers for, relative to it.
    trajectory : Trajectory
    world : World
    spray : SprayConfig
        Margins.
    """

    def __init__(
        self,
        extents: Sequence[SprayedExtent],
        nozzles: Sequence[TrueNozzle],
        zones_m: Float64Array,
        trajectory: Trajectory,
        world: World,
        spray: SprayConfig,
    ) -> None:
        self._waiting = deque(sorted(extents, key=lambda extent: extent.t_first_s))
        self._before: dict[int, SprayedExtent] = {}
        self._nozzles = nozzles
        self._zones_m = zones_m
        self._trajectory = trajectory
        self._world = world
        self._spray = spray
        self.edges: list[ExtentEdges] = []

    def judge_until(self, x_m: float) -> None:
        """Judge the extents that begin while base_link is before ``x_m``.

        Called along with whatever else looks at the ground there, the world makes each
        piece of ground once.
        """
        while self._waiting and self._base_x_m(self._waiting[0]) < x_m:
            extent = self._waiting.popleft()
            nozzle = self._nozzles[extent.nozzle]
            track = _track(extent, nozzle, self._trajectory, self._world)
            previous_end_m = -np.inf
            before = self._before.get(extent.nozzle)
            if before is not None:
                previous_end_m = _previous_end(before, extent, nozzle, self._trajectory)
            zone_m = self._zones_m[extent.nozzle]
            self.edges.append(
                _judge(extent.nozzle, track, zone_m, nozzle, self._spray, previous_end_m)
            )
            self._before[extent.nozzle] = extent

    def _base_x_m(self, extent: SprayedExtent) -> float:
        return float(self._trajectory.poses_at(np.array([extent.t_first_s])).x_m[0])


def _track(
    extent: SprayedExtent, nozzle: TrueNozzle, trajectory: Trajectory, world: World
) -> _Track:
    times = np.array([extent.t_first_s, extent.t_last_s])
    places, headings = nozzle_positions(nozzle, trajectory, times)
    heading = float(headings.mean())
    forward = np.array([np.cos(heading), np.sin(heading)])
    start = places[0] - forward * nozzle.along_m / 2.0
    length = float((places[1] - places[0]) @ forward) + nozzle.along_m
    ahead = min(length, _LONGEST_M) + _BEHIND_M
    patch = world.patch("labels", start[0] - _BEHIND_M, start[0] + ahead)
    half = nozzle.across_m / 2.0 + 0.15
    left = np.array([-forward[1], forward[0]])
    low = int(np.floor((start[1] - half) / patch.cell_m)) - patch.column
    high = int(np.ceil((start[1] + half) / patch.cell_m)) - patch.column
    low, high = max(low, 0), min(max(high, 0), patch.array.shape[1])
    near = patch.array[:, low:high]

    def relative(class_id: ClassId) -> Float64Array:
        rows, columns = np.nonzero(near == class_id)
        field = np.column_stack((rows + patch.row, columns + low + patch.column)) + 0.5
        offset = field * patch.cell_m - start
        return np.column_stack((offset @ forward, offset @ left))

    return _Track(weed=relative(ClassId.WEED), crop=relative(ClassId.CROP), sprayed_end_m=length)


def _previous_end(
    before: SprayedExtent, extent: SprayedExtent, nozzle: TrueNozzle, trajectory: Trajectory
) -> float:
    """Return where the extent before ended, relative to the beginning of this one."""
    times = np.array([before.t_last_s, extent.t_first_s])
    places, headings = nozzle_positions(nozzle, trajectory, times)
    forward = np.array([np.cos(headings[1]), np.sin(headings[1])])
    return float((places[0] - places[1]) @ forward) + nozzle.along_m


def _judge(
    index: int,
    track: _Track,
    zone_m: Float64Array,
    nozzle: TrueNozzle,
    spray: SprayConfig,
    previous_end_m: float,
) -> ExtentEdges:
    margin = spray.weed_margin_m
    wanted = _wanted(track, zone_m + np.array([-margin, margin]), margin)
    if wanted is None:
        return ExtentEdges(nozzle=index, kind=EdgeKind.NO_WEED)
    for change in (-LATERAL_TOLERANCE_M, LATERAL_TOLERANCE_M):
        wider = np.array([-margin - change, margin + change])
        other = _wanted(track, zone_m + wider, margin)
        if other is None or max(abs(np.subtract(other, wanted))) > _EDGE_CHANGE_M:
            return ExtentEdges(nozzle=index, kind=EdgeKind.LATERAL_BORDER)
    if wanted[0] <= previous_end_m - 1e-3:
        return ExtentEdges(nozzle=index, kind=EdgeKind.CONTINUED)
    if _near_crop(track, nozzle, spray, wanted):
        return ExtentEdges(nozzle=index, kind=EdgeKind.CROP)
    return ExtentEdges(
        nozzle=index,
        kind=EdgeKind.JUDGED,
        leading_error_m=-wanted[0],
        trailing_error_m=track.sprayed_end_m - wanted[1],
    )


def _wanted(track: _Track, strip_m: Float64Array, margin_m: float) -> tuple[float, float] | None:
    """Return begin of the first and end of the last wanted stretch that the extent covers."""
    inside = (track.weed[:, 1] >= strip_m[0]) & (track.weed[:, 1] <= strip_m[1])
    along = np.sort(track.weed[inside, 0])
    if along.size == 0:
        return None
    gaps = np.flatnonzero(np.diff(along) > 2.0 * margin_m)
    begins = np.concatenate((along[:1], along[gaps + 1])) - margin_m
    ends = np.concatenate((along[gaps], along[-1:])) + margin_m
    covered = np.flatnonzero((ends > 0.0) & (begins < track.sprayed_end_m))
    if covered.size == 0:
        return None
    return (float(begins[covered[0]]), float(ends[covered[-1]]))


def _near_crop(
    track: _Track, nozzle: TrueNozzle, spray: SprayConfig, wanted: tuple[float, float]
) -> bool:
    """Return whether protected crop touches the wanted ground, as far as a footprint reaches."""
    across = nozzle.across_m / 2.0 + spray.crop_margin_m + spray.map_cell_m
    reach = spray.crop_margin_m + spray.map_cell_m + nozzle.along_m
    along, aside = track.crop[:, 0], np.abs(track.crop[:, 1])
    near = (aside <= across) & (along >= wanted[0] - reach) & (along <= wanted[1] + reach)
    return bool(near.any())
