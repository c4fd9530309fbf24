"""Which ground the true nozzles really wetted, from valve times and the true trajectory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agriseg.config import BoomConfig, NozzleConfig
from agriseg.messages import Float64Array, PulseReport, ValveEvent
from agriseg.simulation.trajectory import Trajectory

BoolArray = NDArray[np.bool_]

_STEP_M = 0.1
_STEP_S = 0.25
_EDGE_TOLERANCE_M = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueNozzle:
    """A nozzle as it really is: position in base_link, footprint, delays in seconds."""

    x_m: float
    y_m: float
    along_m: float
    across_m: float
    open_latency_s: float
    close_latency_s: float
    fall_s: float


def true_nozzles(boom: BoomConfig) -> tuple[TrueNozzle, ...]:
    """Return the nozzles of a boom, from left to right."""
    special = {nozzle.nozzle: nozzle for nozzle in boom.nozzles}
    middle = (boom.nozzle_count - 1) / 2.0
    return tuple(
        _nozzle(
            boom,
            special.get(i, NozzleConfig(nozzle=i)),
            boom.y_offset_m + (middle - i) * boom.pitch_m,
        )
        for i in range(boom.nozzle_count)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SprayedExtent:
    """Spray of one nozzle reached the ground from ``t_first_s`` to ``t_last_s``.

    Seconds after the trajectory's start.
    """

    nozzle: int
    t_first_s: float
    t_last_s: float


def confirmed_extents(
    pulses: Iterable[PulseReport], nozzles: Sequence[TrueNozzle], start_s: float
) -> list[SprayedExtent]:
    """Return when spray reached the ground, by the coils' confirmed edges.

    Flow begins ``open_latency`` after the coil is switched on and ends ``close_latency``
    after it is switched off; the liquid lands ``fall`` later. Extents of one nozzle that
    overlap or touch are one. A pulse too short to open the valve sprays nothing.
    """
    flows: dict[int, list[tuple[float, float]]] = {}
    for pulse in pulses:
        nozzle = nozzles[pulse.nozzle_id]
        first = pulse.t_open_s - start_s + nozzle.open_latency_s + nozzle.fall_s
        last = pulse.t_close_s - start_s + nozzle.close_latency_s + nozzle.fall_s
        if first < last:
            flows.setdefault(pulse.nozzle_id, []).append((first, last))
    return _merged(flows)


def planned_extents(
    events: Iterable[ValveEvent], trajectory: Trajectory, start_s: float
) -> list[SprayedExtent]:
    """Return when spray was meant to be on the ground, by the commanded pulses.

    Odometer readings become times by the wheel's true behaviour.
    """
    flows: dict[int, list[tuple[float, float]]] = {}
    for event in events:
        if event.by_distance:
            distance = trajectory.distance_from_encoder(np.array([event.open_at, event.close_at]))
            first, last = trajectory.times_at_distance(distance).tolist()
        else:
            first, last = event.open_at - start_s, event.close_at - start_s
        if first < last:
            flows.setdefault(event.nozzle_id, []).append((first, last))
    return _merged(flows)


class SprayedGround:
    """Wetted ground as rectangles swept by the nozzles' footprints, in the field frame.

    Parameters
    ----------
    extents : sequence of SprayedExtent
    nozzles : sequence of TrueNozzle
    trajectory : Trajectory
    """

    def __init__(
        self,
        extents: Sequence[SprayedExtent],
        nozzles: Sequence[TrueNozzle],
        trajectory: Trajectory,
    ) -> None:
        parts = [_sweep(extent, nozzles[extent.nozzle], trajectory) for extent in extents]
        boxes = np.concatenate(parts) if parts else np.zeros((0, 5))
        self._boxes = boxes
        reach = 0.5 * np.hypot(boxes[:, 2], boxes[:, 3])
        self._x_min, self._x_max = boxes[:, 0] - reach, boxes[:, 0] + reach

    @property
    def boxes(self) -> Float64Array:
        """(N, 5) float64: the rectangles' middle x and y, length, width and heading."""
        return self._boxes

    def mask(self, row: int, column: int, shape: tuple[int, int], cell_m: float) -> BoolArray:
        """Return which cells' centres were wetted, ``shape`` bool.

        ``row`` and ``column`` are the global cell of the mask's first one.
        """
        wetted = np.zeros(shape, np.bool_)
        x_m = (row + np.arange(shape[0], dtype=np.float64) + 0.5) * cell_m
        y_m = (column + np.arange(shape[1], dtype=np.float64) + 0.5) * cell_m
        near = (self._x_max >= x_m[0]) & (self._x_min <= x_m[-1])
        for box in self._boxes[near]:
            _wet(wetted, x_m, y_m, box)
        return wetted


def _nozzle(boom: BoomConfig, own: NozzleConfig, y_m: float) -> TrueNozzle:
    open_ms = boom.open_latency_ms if own.open_latency_ms is None else own.open_latency_ms
    close_ms = boom.close_latency_ms if own.close_latency_ms is None else own.close_latency_ms
    return TrueNozzle(
        x_m=boom.x_m if own.x_m is None else own.x_m,
        y_m=y_m if own.y_m is None else own.y_m,
        along_m=boom.footprint_along_m,
        across_m=boom.footprint_across_m,
        open_latency_s=open_ms / 1000.0,
        close_latency_s=close_ms / 1000.0,
        fall_s=boom.fall_ms / 1000.0,
    )


def _merged(flows: dict[int, list[tuple[float, float]]]) -> list[SprayedExtent]:
    extents: list[SprayedExtent] = []
    for nozzle, times in sorted(flows.items()):
        first, last = sorted(times)[0]
        for begin, end in sorted(times)[1:]:
            if begin > last + 1e-6:
                extents.append(SprayedExtent(nozzle=nozzle, t_first_s=first, t_last_s=last))
                first, last = begin, end
            last = max(last, end)
        extents.append(SprayedExtent(nozzle=nozzle, t_first_s=first, t_last_s=last))
    return extents


def nozzle_positions(
    nozzle: TrueNozzle, trajectory: Trajectory, t_s: Float64Array
) -> tuple[Float64Array, Float64Array]:
    """Return the nozzle's field position (N, 2) and the robot's heading (N,) at times."""
    poses = trajectory.poses_at(t_s)
    cos, sin = np.cos(poses.heading_rad), np.sin(poses.heading_rad)
    x_m = poses.x_m + cos * nozzle.x_m - sin * nozzle.y_m
    y_m = poses.y_m + sin * nozzle.x_m + cos * nozzle.y_m
    return np.column_stack((x_m, y_m)), poses.heading_rad


def _sweep(extent: SprayedExtent, nozzle: TrueNozzle, trajectory: Trajectory) -> Float64Array:
    """Return (N, 5) rectangles: middle x, y, length, width, heading.

    Between steps of at most 0.1 m the heading is taken as constant: at 0.01 rad per metre
    that is 25 micrometres sideways.
    """
    ends = trajectory.poses_at(np.array([extent.t_first_s, extent.t_last_s])).distance_m
    duration_s = extent.t_last_s - extent.t_first_s
    steps = max(int(np.ceil((ends[1] - ends[0]) / _STEP_M)), int(np.ceil(duration_s / _STEP_S)), 1)
    times = np.linspace(extent.t_first_s, extent.t_last_s, steps + 1)
    places, heading = nozzle_positions(nozzle, trajectory, times)
    middle = (places[1:] + places[:-1]) / 2.0
    travel = np.hypot(*(places[1:] - places[:-1]).T)
    turn = (heading[1:] + heading[:-1]) / 2.0
    width = np.full(steps, nozzle.across_m)
    return np.column_stack((middle, travel + nozzle.along_m, width, turn))


def _wet(wetted: BoolArray, x_m: Float64Array, y_m: Float64Array, box: Float64Array) -> None:
    """Mark the cells whose centres lie in a rectangle."""
    x0, y0, length, width, heading = box.tolist()
    reach = 0.5 * float(np.hypot(length, width))
    rows = slice(*np.searchsorted(x_m, (x0 - reach, x0 + reach)).tolist())
    columns = slice(*np.searchsorted(y_m, (y0 - reach, y0 + reach)).tolist())
    dx, dy = x_m[rows, None] - x0, y_m[None, columns] - y0
    cos, sin = np.cos(heading), np.sin(heading)
    along, across = dx * cos + dy * sin, dy * cos - dx * sin
    wetted[rows, columns] |= (np.abs(along) <= length / 2.0 + _EDGE_TOLERANCE_M) & (
        np.abs(across) <= width / 2.0 + _EDGE_TOLERANCE_M
    )
