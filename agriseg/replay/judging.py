"""What decisions would have done to the ground: weeds, crop, litres, against one reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agriseg.config import Config
from agriseg.messages import (
    ClassId,
    Float64Array,
    OdometrySample,
    Plant,
    UInt8Array,
    ValveEvent,
)
from agriseg.pipeline import FieldPipeline
from agriseg.replay.driver import Decisions
from agriseg.spraying.boom import Boom
from agriseg.spraying.targets import CROP_LEVEL, weed_level

SPRAYED_SHARE = 0.5
"""A weed counts as sprayed when at least this share of its cells was wetted."""

_LEAST_CELL_M = 0.008
_BEYOND_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayFigures:
    """What one set of decisions does, by the pulses that it commands.

    Attributes
    ----------
    pulses : int
    litres : float
        Time that valves are asked to be open, times nominal flow.
    treated_m2 : float
        Ground wetted, overlaps once.
    weeds : int
        Weeds of the reference below the boom.
    weeds_sprayed, weeds_missed : int
    crop_m2, crop_sprayed_m2 : float
        Crop of the reference below the boom, and what of it is wetted.
    missed_late : int
        Strips given up as too late.
    """

    pulses: int
    litres: float
    treated_m2: float
    weeds: int
    weeds_sprayed: int
    weeds_missed: int
    crop_m2: float
    crop_sprayed_m2: float
    missed_late: int


class GroundStrip:
    """The driven ground as it was seen when it left the view, along the track and across.

    Parameters
    ----------
    config : Config
        Its sensitivity says what is weed.
    """

    def __init__(self, config: Config) -> None:
        cell_m = config.spray.map_cell_m
        self._every = max(1, round(_LEAST_CELL_M / cell_m))
        self._sensitivity = config.spray.sensitivity
        self.cell_m = cell_m * self._every
        self._columns: list[UInt8Array] = []
        self._s0_m: float | None = None
        self._next_s_m = 0.0
        self.y0_m = 0.0

    @property
    def s0_m(self) -> float:
        """Along-track coordinate of the first column's rear edge."""
        return self._s0_m or 0.0

    def add(self, pipeline: FieldPipeline) -> None:
        """Take the ground that has left the view since the last call."""
        near_m = pipeline.passed_s_m
        if near_m is None:
            return
        if self._s0_m is None:
            self._s0_m = self._next_s_m = near_m - self.cell_m
        count = int((near_m - self._next_s_m) / self.cell_m)
        if count < 1:
            return
        ground = pipeline.ground_between(
            self._next_s_m + 0.5 * self.cell_m, self._next_s_m + count * self.cell_m
        )
        if ground is None:
            return
        self.y0_m = ground.y0_m
        level = weed_level(self._sensitivity)
        crop = ground.crop >= CROP_LEVEL
        weed = (ground.weed >= level) & ~crop
        labels = np.where(weed, np.uint8(ClassId.WEED), crop.astype(np.uint8))
        ahead_m = self._next_s_m + 0.5 * self.cell_m - ground.s0_m
        offset = max(0, round(ahead_m / ground.cell_m))
        picked = labels[:: self._every, offset :: self._every][:, :count]
        if picked.shape[1] < count:
            lacking = ((0, 0), (0, count - picked.shape[1]))
            picked = np.pad(picked, lacking, mode="edge" if picked.shape[1] else "empty")
        self._columns.append(picked)
        self._next_s_m += count * self.cell_m

    def labels(self) -> UInt8Array:
        """Return (R, C) uint8 `ClassId`: rows from right to left, columns along the track."""
        if not self._columns:
            return np.zeros((0, 0), np.uint8)
        return np.concatenate(self._columns, axis=1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reference:
    """What decisions are judged by: the ground, and the weeds on it.

    Attributes
    ----------
    labels : (R, C) uint8
        `ClassId` by `GroundStrip`.
    cell_m, s0_m, y0_m :
        Of the strip.
    weeds : sequence of Plant
    """

    labels: UInt8Array
    cell_m: float
    s0_m: float
    y0_m: float
    weeds: Sequence[Plant]

    def judge(self, config: Config, decisions: Decisions) -> ReplayFigures:
        """Return what decisions would do to this ground."""
        boom = Boom(config.boom)
        wet = self.wetted(boom, decisions)
        below = self._below(boom)
        crop = (self.labels == ClassId.CROP) & below
        weeds = [plant for plant in self.weeds if self._is_below(plant, boom)]
        sprayed = sum(self._share(plant, wet) >= SPRAYED_SHARE for plant in weeds)
        cell_m2 = self.cell_m * self.cell_m
        return ReplayFigures(
            pulses=len(decisions.events),
            litres=commanded_litres(boom, decisions),
            treated_m2=float(np.count_nonzero(wet)) * cell_m2,
            weeds=len(weeds),
            weeds_sprayed=sprayed,
            weeds_missed=len(weeds) - sprayed,
            crop_m2=float(np.count_nonzero(crop)) * cell_m2,
            crop_sprayed_m2=float(np.count_nonzero(crop & wet)) * cell_m2,
            missed_late=sum(missed.reason == "late" for missed in decisions.missed),
        )

    def wetted(self, boom: Boom, decisions: Decisions) -> NDArray[np.bool_]:
        """Return the cells that decisions would wet, (R, C) bool."""
        wet = np.zeros(self.labels.shape, bool)
        track = _Track(decisions.odometry)
        for event in decisions.events:
            opening, closing = track.readings(event)
            x_m, half_m = float(boom.x_m[event.nozzle_id]), boom.half_footprint_m
            across = boom.footprint_y_m[event.nozzle_id]
            rows = self._cells(across, self.y0_m, self.labels.shape[0])
            along = np.array([opening + x_m - half_m, closing + x_m + half_m])
            columns = self._cells(along, self.s0_m, self.labels.shape[1])
            wet[slice(*rows), slice(*columns)] = True
        return wet

    def _below(self, boom: Boom) -> NDArray[np.bool_]:
        below = np.zeros((self.labels.shape[0], 1), bool)
        edges = np.array([boom.zone_y_m.min(), boom.zone_y_m.max()])
        below[slice(*self._cells(edges, self.y0_m, len(below)))] = True
        return below

    def _is_below(self, plant: Plant, boom: Boom) -> bool:
        return bool(boom.zone_y_m.min() < plant.y_m < boom.zone_y_m.max())

    def _share(self, plant: Plant, wet: NDArray[np.bool_]) -> float:
        """Return the wetted share of a weed's cells."""
        rows = self._cells(np.array([plant.y_min_m, plant.y_max_m]), self.y0_m, wet.shape[0])
        along = np.array([plant.s_min_m, plant.s_max_m])
        columns = self._cells(along, self.s0_m, wet.shape[1])
        box = np.s_[slice(rows[0], rows[1] + 1), slice(columns[0], columns[1] + 1)]
        weed = self.labels[box] == ClassId.WEED
        if not weed.any():
            weed = np.ones_like(weed)
        return float(wet[box][weed].mean()) if weed.size else 0.0

    def _cells(self, span_m: Float64Array, origin_m: float, count: int) -> tuple[int, int]:
        """Return the first and one past the last cell whose middle lies in a span."""
        first, last = np.ceil((span_m - origin_m) / self.cell_m - 0.5)
        return int(np.clip(first, 0, count)), int(np.clip(last, 0, count))


def commanded_litres(boom: Boom, decisions: Decisions) -> float:
    """Return the litres that commanded pulses take at nominal flow."""
    track = _Track(decisions.odometry)
    flow_l_s = [nozzle.flow_l_min / 60.0 for nozzle in boom.nozzles]
    return sum(track.duration_s(event) * flow_l_s[event.nozzle_id] for event in decisions.events)


class _Track:
    """Distance and time of a drive, either from the other."""

    def __init__(self, odometry: Sequence[OdometrySample]) -> None:
        times = [sample.t_s for sample in odometry]
        places = [sample.distance_m for sample in odometry]
        if odometry and odometry[-1].speed_m_s > 0.0:  # pulses reach beyond the last reading
            times.append(times[-1] + _BEYOND_S)
            places.append(places[-1] + _BEYOND_S * odometry[-1].speed_m_s)
        self._t_s = np.array(times, np.float64)
        self._s_m = np.maximum.accumulate(np.array(places, np.float64))

    def readings(self, event: ValveEvent) -> tuple[float, float]:
        """Return the odometer readings between which a pulse wets the ground."""
        if event.by_distance or not len(self._t_s):
            return event.open_at, event.close_at
        opening, closing = np.interp([event.open_at, event.close_at], self._t_s, self._s_m)
        return float(opening), float(closing)

    def duration_s(self, event: ValveEvent) -> float:
        """Return how long a pulse lasts."""
        if not event.by_distance:
            return event.close_at - event.open_at
        if not len(self._t_s):
            return 0.0
        opened_s, closed_s = np.interp([event.open_at, event.close_at], self._s_m, self._t_s)
        return float(closed_s - opened_s)
