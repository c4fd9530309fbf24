"""What a run did to the ground: driven, seen and treated areas, kept apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from agriseg.config import Config
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.mapping.ground_track import GroundTrack, Origin, Section, ground_track
from agriseg.mapping.shapes import patches, strip, union
from agriseg.messages import (
    ClassId,
    Plant,
    PositionFix,
    PulseOutcome,
    RunTotals,
)
from agriseg.recording.ground import sprayed_extents
from agriseg.recording.history import HistoryReader, RunHistory
from agriseg.recording.reader import Run
from agriseg.recording.summary import BASELINE
from agriseg.spraying.boom import Boom

OPENED = frozenset({PulseOutcome.DONE, PulseOutcome.CAPPED, PulseOutcome.CUT})
_SPRAYING_ENDS = frozenset({"pause", "stop", "end", "finished"})
_READING, _LAYING_OUT = "Reading the run", "Laying out the ground"

Progress = Callable[[str, float], None]
"""Told what is being done and the share of it that is done, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Treated:
    """Ground under one confirmed pulse; times are UTC seconds since 1970."""

    area: BaseGeometry
    nozzle_id: int
    t_s: float
    utc_s: float
    litres: float
    outcome: PulseOutcome
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Standing:
    """A plant that was decided on, and where it stands."""

    plant: Plant
    place_m: tuple[float, float]
    section: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MapFigures:
    """Areas and litres of a run; ``*_once_m2`` counts ground that was covered twice once.

    ``treated_m2`` is ground under confirmed open nozzles, each nozzle answering for its own
    strip. ``litres_difference`` is measured less commanded; NaN without a flow meter.
    """

    driven_m2: float
    driven_once_m2: float
    seen_once_m2: float
    treated_m2: float
    treated_once_m2: float
    litres_commanded: float
    litres_confirmed: float
    litres_measured: float
    litres_difference: float
    litres_baseline: float
    saving_fraction: float
    weeds: int
    crops: int
    weeds_per_m2: float
    baseline: str = BASELINE


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AppliedMap:
    """A run on the ground; areas are in metres of ``track``'s frame."""

    run: str
    config: Config
    history: RunHistory
    start_utc_s: float
    track: GroundTrack
    fixes: tuple[PositionFix, ...]
    driven: tuple[BaseGeometry, ...]
    seen: BaseGeometry
    treated: tuple[Treated, ...]
    plants: tuple[Standing, ...]
    figures: MapFigures

    def utc_s(self, t_s: float) -> float:
        """Return the time since 1970 of a host time."""
        return self.start_utc_s + t_s - self.history.start_s


def applied_map(
    run: Run, origin: Origin | None = None, progress: Progress = lambda _, __: None
) -> AppliedMap:
    """Put a recorded run on the ground.

    Parameters
    ----------
    run : Run
    origin : Origin, optional
        Where a run without positions began.
    progress : callable

    Raises
    ------
    RecordingError
        The run's configuration is missing.
    """
    config = run.config
    reader = HistoryReader(run, config)
    while not reader.is_done:
        progress(_READING, reader.read_on())
    history = reader.history
    progress(_LAYING_OUT, 0.0)
    fixes = tuple(history.positions)
    track = ground_track(history.odometry, fixes, config.position, origin)
    start_utc_s = run.info.start_ns * 1e-9
    progress(_LAYING_OUT, 0.4)
    driven = tuple(_driven(history, track, Boom(config.boom)))
    seen = _seen(history, track, config)
    progress(_LAYING_OUT, 0.6)
    treated = tuple(_treated(history, track, start_utc_s))
    plants = tuple(_standing(history, track))
    progress(_LAYING_OUT, 0.8)
    figures = _figures(history.totals, driven, seen, treated, plants)
    progress(_LAYING_OUT, 1.0)
    return AppliedMap(
        run=run.directory.resolve().name,
        config=config,
        history=history,
        start_utc_s=start_utc_s,
        track=track,
        fixes=fixes,
        driven=driven,
        seen=seen,
        treated=treated,
        plants=plants,
        figures=figures,
    )


def spraying_times_s(history: RunHistory) -> list[tuple[float, float]]:
    """Return the stretches of host time in which spraying was on."""
    times: list[tuple[float, float]] = []
    begun_s = math.nan
    last_s = history.odometry[-1].t_s if history.odometry else history.start_s
    for event in history.events:
        if event.kind == "spraying" and math.isnan(begun_s):
            begun_s = event.t_s
        elif event.kind in _SPRAYING_ENDS and not math.isnan(begun_s):
            times.append((begun_s, event.t_s))
            begun_s = math.nan
    if not math.isnan(begun_s):
        times.append((begun_s, last_s))
    return times


def _driven(history: RunHistory, track: GroundTrack, boom: Boom) -> Iterator[BaseGeometry]:
    """Yield the boom's strips over the ground, while spraying was on."""
    width = (float(boom.zone_y_m[:, 0].min()), float(boom.zone_y_m[:, 1].max()))
    middle_x_m = float(boom.x_m.mean())
    columns = history.odometry_columns()
    for start_s, end_s in spraying_times_s(history):
        for section in track.sections:
            t0, t1 = max(start_s, section.start_s), min(end_s, section.end_s)
            rows = columns[(columns[:, 0] >= t0) & (columns[:, 0] <= t1)]
            if len(rows) < 2 or rows[:, 1].max() <= rows[0, 1]:
                continue
            reach = (float(rows[0, 1]) + middle_x_m, float(rows[:, 1].max()) + middle_x_m)
            yield strip(section, reach, width)


def _seen(history: RunHistory, track: GroundTrack, config: Config) -> BaseGeometry:
    camera = config.camera
    size = (camera.width_px, camera.height_px)
    ground = GroundPlane(camera.intrinsics, camera.pose, size)
    across = (
        float(ground.view_polygon_m[:, 1].min()),
        float(ground.view_polygon_m[:, 1].max()),
    )
    views: dict[int, list[tuple[float, float]]] = {}
    for record in history.frames:
        if record.vehicle is None:
            continue
        section = track.section_at(record.vehicle.t_s)
        if section is not None:
            at_m = record.vehicle.distance_m
            reach = (at_m + ground.near_x_m, at_m + ground.far_x_m)
            views.setdefault(track.sections.index(section), []).append(reach)
    areas = [
        strip(track.sections[index], stretch, across)
        for index, stretches in views.items()
        for stretch in _joined(stretches)
    ]
    return union(areas)


def _joined(stretches: list[tuple[float, float]]) -> list[tuple[float, float]]:
    joined: list[tuple[float, float]] = []
    for start, end in sorted(stretches):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _treated(history: RunHistory, track: GroundTrack, start_utc_s: float) -> Iterator[Treated]:
    """Yield the ground of each confirmed pulse: its nozzle's own strip, footprint included."""
    boom = Boom(history.config.boom)
    extents = sprayed_extents(history)
    pulses = [
        pulse
        for pulse in history.pulses
        if np.isfinite(pulse.open_m + pulse.close_m + pulse.t_open_s + pulse.t_close_s)
        and 0 <= pulse.nozzle_id < len(boom)
    ]
    by_section: dict[int, list[int]] = {}
    for row, pulse in enumerate(pulses):
        section = track.section_at(pulse.t_open_s)
        if section is not None and pulse.outcome in OPENED:
            by_section.setdefault(track.sections.index(section), []).append(row)
    for index, rows in by_section.items():
        zones = boom.zone_y_m[extents.nozzle_id[rows]]
        areas = patches(track.sections[index], extents.s_m[rows], zones)
        for row, area in zip(rows, areas, strict=True):
            pulse = pulses[row]
            event = history.commanded.get(pulse.event_id)
            yield Treated(
                area=area,
                nozzle_id=pulse.nozzle_id,
                t_s=pulse.t_open_s,
                utc_s=start_utc_s + pulse.t_open_s - history.start_s,
                litres=boom.confirmed_volume_l(pulse.nozzle_id, pulse.t_close_s - pulse.t_open_s),
                outcome=pulse.outcome,
                reason=event.reason if event is not None else "",
            )


def _standing(history: RunHistory, track: GroundTrack) -> Iterator[Standing]:
    last_s = history.odometry[-1].t_s if history.odometry else history.start_s
    for plant in history.plants.values():
        section = _section_of(track, plant, last_s)
        if section is not None:
            place = section.places(np.array([plant.s_m]), np.array([plant.y_m]))[0]
            yield Standing(
                plant=plant,
                place_m=(float(place[0]), float(place[1])),
                section=track.sections.index(section),
            )


def _section_of(track: GroundTrack, plant: Plant, last_s: float) -> Section | None:
    """Return the section whose odometer readings hold the plant; the last that does."""
    for section in reversed(track.sections):
        if section.distance_m[0] - 5.0 <= plant.s_m <= section.distance_m[-1] + 5.0:
            return section
    return track.section_at(last_s)


def _figures(
    totals: RunTotals,
    driven: tuple[BaseGeometry, ...],
    seen: BaseGeometry,
    treated: tuple[Treated, ...],
    plants: tuple[Standing, ...],
) -> MapFigures:
    weeds = sum(one.plant.class_id is ClassId.WEED for one in plants)
    seen_m2 = float(shapely.area(seen))
    areas = [one.area for one in treated]
    return MapFigures(
        driven_m2=float(sum(shapely.area(area) for area in driven)),
        driven_once_m2=float(shapely.area(union(list(driven)))),
        seen_once_m2=seen_m2,
        treated_m2=float(np.sum(shapely.area(np.array(areas, object)))) if areas else 0.0,
        treated_once_m2=float(shapely.area(union(areas))),
        litres_commanded=totals.volume_commanded_l,
        litres_confirmed=math.fsum(one.litres for one in treated),
        litres_measured=totals.volume_measured_l,
        litres_difference=totals.volume_measured_l - totals.volume_commanded_l,
        litres_baseline=totals.broadcast_volume_l,
        saving_fraction=totals.saving_fraction,
        weeds=weeds,
        crops=len(plants) - weeds,
        weeds_per_m2=weeds / seen_m2 if seen_m2 > 0.0 else math.nan,
    )
