"""How well a run sprayed, judged by the true field: definitions in SCORING.md."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agriseg.config import BoomConfig, CameraConfig, SprayConfig
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.messages import ClassId, Float64Array, PulseReport, SprayMode, ValveEvent
from agriseg.opencv import cv2
from agriseg.simulation.spray_edges import EdgeJudge, EdgeKind, ExtentEdges
from agriseg.simulation.sprayed_ground import (
    BoolArray,
    SprayedGround,
    TrueNozzle,
    confirmed_extents,
    planned_extents,
    true_nozzles,
)
from agriseg.simulation.trajectory import Trajectory
from agriseg.simulation.world import World

HIT_SHARE = 0.5
"""A weed is hit when at least this share of its visible area was wetted."""
_WINDOW_M = 1.0
_MARGIN_M = 0.25

Percentiles = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class DrivenRun:
    """What was driven, and with which true machine.

    Attributes
    ----------
    world : World
    trajectory : Trajectory
    boom : BoomConfig
        The true boom: positions, footprints, latencies, fall.
    camera : CameraConfig
        The true camera.
    spray : SprayConfig
        Margins and mode that were asked for.
    start_s : float
        Host time at which the robot started.
    began_s, ended_s : float
        Host times between which the machine was spraying.
    """

    world: World
    trajectory: Trajectory
    boom: BoomConfig
    camera: CameraConfig
    spray: SprayConfig
    start_s: float
    began_s: float
    ended_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SprayScore:
    """What a run did to the true field; fractions are NaN where there is nothing to count.

    Attributes
    ----------
    weeds_total : int
        Weeds whose whole extent passed through the camera's view and below the boom.
    weeds_outside : int
        Weeds on the driven ground that did not; not in the total.
    weeds_too_small : int
        Of the total: visible area below the least area to be sprayed.
    weeds_withheld : int
        Of the total: at least half inside the crop's protected margin.
    weeds_blocked : int
        Of the total: no nozzle can wet half of it without wetting protected crop.
    weeds_reachable : int
        The total less the three above.
    weeds_hit : int
        Of the reachable: at least half of the visible area was wetted.
    weeds_hit_fraction : float
        ``weeds_hit / weeds_reachable``.
    weeds_not_seen, weeds_not_decided, weeds_not_reached : int or None
        Of the reachable that were not hit: never labelled weed; seen, but less than half
        was commanded to be sprayed; commanded, but not wetted. None where the caller did
        not say what was seen or commanded.
    crop_area_sprayed_fraction : float
        Wetted share of the crop below the boom.
    crop_area_sprayed_beyond_margin_fraction : float
        The same without crop nearer to a weed than the weed margin and one nozzle pitch.
    sprayed_area_fraction : float
        Wetted share of the ground below the boom.
    position_error_mm : (p50, p95, p99)
        Absolute error of the leading edges, millimetres.
    trailing_error_mm : (p50, p95, p99)
        Absolute error of the trailing edges, millimetres.
    extents : int
        Sprayed extents: confirmed pulses of one nozzle that flow into each other are one.
    extents_judged, extents_no_weed, extents_lateral_border, extents_crop, extents_continued : int
        How many edges could be judged, and why others could not.
    driven_area_m2 : float
        Ground below the boom that was judged.
    """

    weeds_total: int
    weeds_outside: int
    weeds_too_small: int
    weeds_withheld: int
    weeds_blocked: int
    weeds_reachable: int
    weeds_hit: int
    weeds_hit_fraction: float
    weeds_not_seen: int | None
    weeds_not_decided: int | None
    weeds_not_reached: int | None
    crop_area_sprayed_fraction: float
    crop_area_sprayed_beyond_margin_fraction: float
    sprayed_area_fraction: float
    position_error_mm: Percentiles
    trailing_error_mm: Percentiles
    extents: int
    extents_judged: int
    extents_no_weed: int
    extents_lateral_border: int
    extents_crop: int
    extents_continued: int
    driven_area_m2: float


def score(
    run: DrivenRun,
    pulses: Iterable[PulseReport],
    *,
    planned: Iterable[ValveEvent] | None = None,
    seen: Collection[int] | None = None,
) -> SprayScore:
    """Judge a run by the true field.

    Parameters
    ----------
    run : DrivenRun
    pulses : iterable of PulseReport
        As the controller confirmed them; pulses that never opened have NaN times.
    planned : iterable of ValveEvent, optional
        All pulses that were commanded, to split the losses.
    seen : collection of int, optional
        Plant ids from `agriseg.simulation.seen_plants.SeenPlants`, to split the losses.
    """
    nozzles = true_nozzles(run.boom)
    extents = confirmed_extents(pulses, nozzles, run.start_s)
    wetted = SprayedGround(extents, nozzles, run.trajectory)
    meant = None
    if planned is not None:
        commanded = planned_extents(planned, run.trajectory, run.start_s)
        meant = SprayedGround(commanded, nozzles, run.trajectory)
    judged = extents if run.spray.mode is SprayMode.SPOT else []
    zones = _zones(nozzles)
    judge = EdgeJudge(judged, nozzles, zones, run.trajectory, run.world, run.spray)
    tally = _Tally(run, nozzles, wetted, meant, seen)
    tally.count(judge)
    return _summary(tally, judge.edges, len(extents))


@dataclass(slots=True)
class _Counts:
    total: int = 0
    outside: int = 0
    too_small: int = 0
    withheld: int = 0
    blocked: int = 0
    hit: int = 0
    not_seen: int = 0
    not_decided: int = 0
    not_reached: int = 0
    ground: int = 0
    ground_wet: int = 0
    crop: int = 0
    crop_wet: int = 0
    crop_wet_beyond: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Window:
    """Rasters of one stretch of ground; all of one shape."""

    row: int
    column: int
    labels: NDArray[np.uint8]
    plant_ids: NDArray[np.int32]
    wet: BoolArray
    meant: BoolArray | None


class _Tally:
    """Counts weeds and areas, window by window along the drive."""

    def __init__(
        self,
        run: DrivenRun,
        nozzles: Sequence[TrueNozzle],
        wetted: SprayedGround,
        meant: SprayedGround | None,
        seen: Collection[int] | None,
    ) -> None:
        size = (run.camera.width_px, run.camera.height_px)
        plane = GroundPlane(run.camera.intrinsics, run.camera.pose, size)
        self.run = run
        self.counts = _Counts()
        self.splits_losses = meant is not None and seen is not None
        self._nozzles = nozzles
        self._wetted = wetted
        self._meant = meant
        self._seen = seen
        self._view_m = plane.view_polygon_m
        self._begin = run.trajectory.pose_at(run.began_s - run.start_s)
        self._end = run.trajectory.pose_at(run.ended_s - run.start_s)
        half_along = max(n.along_m for n in nozzles) / 2.0
        self._boom_rear_m = min(n.x_m for n in nozzles) - half_along
        self._boom_front_m = max(n.x_m for n in nozzles) + half_along
        self._boom_y_m = (
            min(n.y_m - n.across_m / 2.0 for n in nozzles),
            max(n.y_m + n.across_m / 2.0 for n in nozzles),
        )

    def count(self, judge: EdgeJudge) -> None:
        """Go through the driven ground, and let ``judge`` follow."""
        world = self.run.world
        first = max(self._begin.x_m + self._boom_front_m, world.x_min_m)
        last = min(self._end.x_m + self._boom_rear_m, world.x_max_m)
        while first < last:
            end = min(first + _WINDOW_M, last)
            self._count_window(first, end)
            judge.judge_until(end - self._boom_front_m)
            first = end
        judge.judge_until(np.inf)

    def _count_window(self, first_m: float, last_m: float) -> None:
        weeds = [p for p in self.run.world.plants(first_m, last_m) if p.class_id is ClassId.WEED]
        low = min([first_m - _MARGIN_M, *(w.x_min_m - _MARGIN_M for w in weeds)])
        high = max([last_m + _MARGIN_M, *(w.x_max_m + _MARGIN_M for w in weeds)])
        window = self._window(low, high)
        middle_m = (first_m + last_m) / 2.0
        cell = self.run.world.cell_m
        rows = slice(
            int(np.ceil(first_m / cell)) - window.row, int(np.ceil(last_m / cell)) - window.row
        )
        self._count_areas(window, rows, middle_m)
        if not weeds:
            return
        crop = window.labels == ClassId.CROP
        protected = _within(crop, self.run.spray.crop_margin_m / cell)
        sprayable = self._sprayable(window, crop, middle_m)
        for weed in weeds:
            if not self._passed(weed.x_min_m, weed.x_max_m, weed.y_min_m, weed.y_max_m):
                self.counts.outside += 1
                continue
            part = _part(window, (weed.x_min_m, weed.x_max_m, weed.y_min_m, weed.y_max_m), cell)
            visible = window.plant_ids[part] == weed.plant_id
            self._count_weed(weed.plant_id, visible, part, window, protected, sprayable)

    def _window(self, low_m: float, high_m: float) -> _Window:
        world = self.run.world
        labels = world.patch("labels", low_m, high_m)
        shape = (labels.array.shape[0], labels.array.shape[1])
        place = (labels.row, labels.column, shape, labels.cell_m)
        return _Window(
            row=labels.row,
            column=labels.column,
            labels=np.asarray(labels.array, np.uint8),
            plant_ids=np.asarray(world.patch("plant_ids", low_m, high_m).array, np.int32),
            wet=self._wetted.mask(*place),
            meant=None if self._meant is None else self._meant.mask(*place),
        )

    def _count_areas(self, window: _Window, rows: slice, middle_m: float) -> None:
        right, left = self._swath_columns(window, middle_m, self._boom_y_m)
        strip = (rows, slice(right, left))
        labels, wet = window.labels[strip], window.wet[strip]
        crop = labels == ClassId.CROP
        reach_m = self.run.spray.weed_margin_m + self.run.boom.pitch_m
        beyond = ~_within(window.labels == ClassId.WEED, reach_m / self.run.world.cell_m)[strip]
        counts = self.counts
        counts.ground += labels.size
        counts.ground_wet += int(np.count_nonzero(wet))
        counts.crop += int(np.count_nonzero(crop))
        counts.crop_wet += int(np.count_nonzero(crop & wet))
        counts.crop_wet_beyond += int(np.count_nonzero(crop & wet & beyond))

    def _count_weed(
        self,
        plant_id: int,
        visible: BoolArray,
        part: tuple[slice, slice],
        window: _Window,
        protected: BoolArray,
        sprayable: BoolArray,
    ) -> None:
        counts = self.counts
        cells = int(np.count_nonzero(visible))
        if cells == 0:
            return
        counts.total += 1
        if cells * self.run.world.cell_m**2 < self.run.spray.min_weed_area_m2:
            counts.too_small += 1
        elif _share(visible, protected[part]) >= HIT_SHARE:
            counts.withheld += 1
        elif _share(visible, sprayable[part]) < HIT_SHARE:
            counts.blocked += 1
        elif _share(visible, window.wet[part]) >= HIT_SHARE:
            counts.hit += 1
        elif self._seen is not None and plant_id not in self._seen:
            counts.not_seen += 1
        elif window.meant is not None and _share(visible, window.meant[part]) < HIT_SHARE:
            counts.not_decided += 1
        else:
            counts.not_reached += 1

    def _sprayable(self, window: _Window, crop: BoolArray, middle_m: float) -> BoolArray:
        """Return ground that some nozzle can wet with its shortest pulse beside all crop.

        The crop's margin is widened by a cell of the map, the finest that a planner knows.
        The nozzles' tracks are taken as straight within the window.
        """
        spray, cell = self.run.spray, self.run.world.cell_m
        margin = round((spray.crop_margin_m + spray.map_cell_m) / cell)
        kernel = np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)
        barred = np.asarray(cv2.dilate(crop.astype(np.uint8), kernel), np.bool_)
        sprayable = np.zeros(crop.shape, np.bool_)
        speed = self._speed_at(middle_m)
        for nozzle in self._nozzles:
            half = nozzle.across_m / 2.0
            swath = (nozzle.y_m - half, nozzle.y_m + half)
            right, left = self._swath_columns(window, middle_m, swath)
            if right >= left:
                continue
            free = np.asarray(~barred[:, right:left].any(axis=1), np.bool_)
            shortest_m = nozzle.along_m + speed * self.run.boom.min_open_ms / 1000.0
            long_enough = _opened(free, max(int(np.ceil(shortest_m / cell)), 1))
            sprayable[:, right:left] |= long_enough[:, None]
        return sprayable

    def _speed_at(self, x_m: float) -> float:
        t_s = self.run.trajectory.times_at_distance(np.array([x_m - self._boom_rear_m]))
        return float(self.run.trajectory.poses_at(np.nan_to_num(t_s)).speed_m_s[0])

    def _swath_columns(
        self, window: _Window, x_m: float, y_m: tuple[float, float]
    ) -> tuple[int, int]:
        """Return the columns below a lateral range of the robot when the boom is at ``x_m``."""
        boom_x_m = (self._boom_rear_m + self._boom_front_m) / 2.0
        t_s = self.run.trajectory.times_at_distance(np.array([x_m - boom_x_m]))
        pose = self.run.trajectory.pose_at(float(np.nan_to_num(t_s)[0]))
        shift = pose.y_m + boom_x_m * np.sin(pose.heading_rad)
        cell, columns = self.run.world.cell_m, window.labels.shape[1]
        right, left = (round((y + shift) / cell) - window.column for y in y_m)
        return max(right, 0), min(max(left, 0), columns)

    def _passed(self, x_min: float, x_max: float, y_min: float, y_max: float) -> bool:
        """Return whether a plant's whole extent passed through the view and below the boom."""
        middle = (x_min + x_max) / 2.0
        boom_m = (self._boom_rear_m + self._boom_front_m) / 2.0
        at_boom = self._lateral(middle, boom_m, y_min, y_max)
        if at_boom[0] < self._boom_y_m[0] or at_boom[1] > self._boom_y_m[1]:
            return False
        if x_min < self._begin.x_m + self._boom_front_m:
            return False
        if x_max > self._end.x_m + self._boom_rear_m:
            return False
        view_m = float(self._view_m[:, 0].mean())
        for y_m in self._lateral(middle, view_m, y_min, y_max):
            ends = _crossing(self._view_m, y_m)
            if ends is None:
                return False
            if x_min < self._begin.x_m + ends[0] or x_max > self._end.x_m + ends[1]:
                return False
        return True

    def _lateral(self, x_m: float, ahead_m: float, *y_m: float) -> tuple[float, float]:
        """Return lateral positions in base_link when a point ``ahead_m`` passes ``x_m``."""
        t_s = self.run.trajectory.times_at_distance(np.array([x_m - ahead_m]))
        pose = self.run.trajectory.pose_at(float(np.nan_to_num(t_s)[0]))
        cos, sin = np.cos(pose.heading_rad), np.sin(pose.heading_rad)
        low, high = ((y - pose.y_m) * cos - (x_m - pose.x_m) * sin for y in y_m)
        return float(low), float(high)


def _zones(nozzles: Sequence[TrueNozzle]) -> Float64Array:
    """Return (N, 2): the strip half-way to either neighbour, relative to each nozzle."""
    y_m = np.array([n.y_m for n in nozzles])
    half = np.array([n.across_m for n in nozzles]) / 2.0
    order = np.argsort(y_m)
    halfway = np.diff(y_m[order]) / 2.0
    zones = np.empty((len(nozzles), 2))
    zones[order, 0] = -np.minimum(half[order], np.concatenate(([np.inf], halfway)))
    zones[order, 1] = np.minimum(half[order], np.concatenate((halfway, [np.inf])))
    return zones


def _within(mask: BoolArray, radius_cells: float) -> BoolArray:
    """Return the cells whose centre is no further than a radius from one of ``mask``."""
    if not mask.any():
        return np.zeros(mask.shape, np.bool_)
    distance = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(distance <= radius_cells, np.bool_)


def _opened(free: BoolArray, length: int) -> BoolArray:
    """Return what runs of at least ``length`` free cells cover."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], free.astype(np.int8), [0]))))
    opened = np.zeros(free.shape, np.bool_)
    for begin, end in edges.reshape(-1, 2).tolist():
        opened[begin:end] = end - begin >= length
    return opened


def _part(
    window: _Window, box_m: tuple[float, float, float, float], cell_m: float
) -> tuple[slice, slice]:
    x_min, x_max, y_min, y_max = (round(v / cell_m) for v in box_m)
    return (
        slice(max(x_min - window.row, 0), max(x_max - window.row, 0)),
        slice(max(y_min - window.column, 0), max(y_max - window.column, 0)),
    )


def _share(visible: BoolArray, mask: BoolArray) -> float:
    return float(np.count_nonzero(visible & mask) / np.count_nonzero(visible))


def _crossing(polygon_m: Float64Array, y_m: float) -> tuple[float, float] | None:
    """Return the least and greatest x at which a line of constant y crosses an outline."""
    a, b = polygon_m, np.roll(polygon_m, -1, axis=0)
    straddles = (a[:, 1] <= y_m) != (b[:, 1] <= y_m)
    if not straddles.any():
        return None
    a, b = a[straddles], b[straddles]
    x = a[:, 0] + (y_m - a[:, 1]) / (b[:, 1] - a[:, 1]) * (b[:, 0] - a[:, 0])
    return float(x.min()), float(x.max())


def _fraction(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def _percentiles(errors_m: Sequence[float]) -> Percentiles:
    if not errors_m:
        return (float("nan"),) * 3
    p50, p95, p99 = np.percentile(np.abs(errors_m), (50, 95, 99)) * 1000.0
    return (float(p50), float(p95), float(p99))


def _summary(tally: _Tally, edges: Sequence[ExtentEdges], extents: int) -> SprayScore:
    counts = tally.counts
    reachable = counts.total - counts.too_small - counts.withheld - counts.blocked
    judged = [e for e in edges if e.kind is EdgeKind.JUDGED]
    kinds = [e.kind for e in edges]
    split = tally.splits_losses
    return SprayScore(
        weeds_total=counts.total,
        weeds_outside=counts.outside,
        weeds_too_small=counts.too_small,
        weeds_withheld=counts.withheld,
        weeds_blocked=counts.blocked,
        weeds_reachable=reachable,
        weeds_hit=counts.hit,
        weeds_hit_fraction=_fraction(counts.hit, reachable),
        weeds_not_seen=counts.not_seen if split else None,
        weeds_not_decided=counts.not_decided if split else None,
        weeds_not_reached=counts.not_reached if split else None,
        crop_area_sprayed_fraction=_fraction(counts.crop_wet, counts.crop),
        crop_area_sprayed_beyond_margin_fraction=_fraction(counts.crop_wet_beyond, counts.crop),
        sprayed_area_fraction=_fraction(counts.ground_wet, counts.ground),
        position_error_mm=_percentiles([e.leading_error_m for e in judged]),
        trailing_error_mm=_percentiles([e.trailing_error_m for e in judged]),
        extents=extents,
        extents_judged=len(judged),
        extents_no_weed=kinds.count(EdgeKind.NO_WEED),
        extents_lateral_border=kinds.count(EdgeKind.LATERAL_BORDER),
        extents_crop=kinds.count(EdgeKind.CROP),
        extents_continued=kinds.count(EdgeKind.CONTINUED),
        driven_area_m2=counts.ground * tally.run.world.cell_m**2,
    )
