"""What the ground map and the nozzle chart draw: arrays, found by where the boom is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from agriseg.mapping.return_list import ON_PURPOSE
from agriseg.messages import ClassId, Float64Array, Plant
from agriseg.recording.history import RunHistory
from agriseg.recording.story import RunStory
from agriseg.spraying.boom import Boom


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Strips:
    """Stretches of ground below nozzles, sorted by their beginning along the track.

    Attributes
    ----------
    nozzle : (N,) int64
    s_m : (N, 2) float64
    """

    nozzle: NDArray[np.int64]
    s_m: Float64Array
    longest_m: float

    def between(self, low_m: float, high_m: float) -> tuple[NDArray[np.int64], Float64Array]:
        """Return nozzles and stretches that lie on this ground, in part at least."""
        first = np.searchsorted(self.s_m[:, 0], low_m - self.longest_m)
        last = np.searchsorted(self.s_m[:, 0], high_m, side="right")
        chosen = slice(int(first), int(last))
        here = self.s_m[chosen, 1] >= low_m
        return self.nozzle[chosen][here], self.s_m[chosen][here]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NozzleChart:
    """Commanded, confirmed and given-up ground of every nozzle, each apart."""

    nozzle_count: int
    commanded: Strips
    confirmed: Strips
    missed: Strips

    def open_at(self, s_m: float) -> tuple[frozenset[int], frozenset[int]]:
        """Return the nozzles whose commanded, and whose confirmed ground is at ``s_m``."""
        commanded, _ = self.commanded.between(s_m, s_m)
        confirmed, _ = self.confirmed.between(s_m, s_m)
        return frozenset(map(int, commanded)), frozenset(map(int, confirmed))


class PlantKind(Enum):
    """What became of a plant, as the map shows it."""

    SPRAYED = "sprayed"
    MISSED = "missed"
    LEFT = "left"
    """Weed that no confirmed spray reached and nothing gave up: left on purpose."""
    CROP = "crop"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Placed:
    """Plants of one kind, along the track: identity, middle along the track, field position."""

    plant_id: NDArray[np.int64]
    s_m: Float64Array
    at_m: Float64Array

    def between(self, low_m: float, high_m: float) -> slice:
        """Return which of them lie on this ground along the track."""
        first, last = np.searchsorted(self.s_m, (low_m, high_m))
        return slice(int(first), int(last))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroundMap:
    """The run from above, in the field frame: metres, x to where it began to drive, y left.

    Attributes
    ----------
    track : (N, 4) float64
        Odometer, x, y, heading in radians; the odometer rises.
    plants : mapping
        All plants by their kind.
    """

    track: Float64Array
    plants: Mapping[PlantKind, Placed]

    def place(self, s_m: Float64Array, y_m: Float64Array) -> Float64Array:
        """Return (N, 2) field positions of ground along the track and left of it."""
        return _place(self.track, s_m, y_m)


def nozzle_chart(story: RunStory) -> NozzleChart:
    """Return the pulses of a run as stretches of ground."""
    history = story.history
    return NozzleChart(
        nozzle_count=history.config.boom.nozzle_count,
        commanded=_strips([(p.event.nozzle_id, *p.commanded_s_m) for p in story.pulses]),
        confirmed=_strips([(p.event.nozzle_id, *p.confirmed_s_m) for p in story.pulses]),
        missed=_strips(
            [(m.missed.nozzle_id, m.missed.s_min_m, m.missed.s_max_m) for m in history.missed]
        ),
    )


def ground_map(story: RunStory) -> GroundMap:
    """Return a run from above."""
    track = _track(story.history)
    confirmed = _strips([(p.event.nozzle_id, *p.confirmed_s_m) for p in story.pulses])
    missed = _strips(
        [
            (m.missed.nozzle_id, m.missed.s_min_m, m.missed.s_max_m)
            for m in story.history.missed
            if m.missed.reason not in ON_PURPOSE
        ]
    )
    spans = np.asarray(Boom(story.history.config.boom).footprint_y_m, np.float64)
    found: dict[PlantKind, list[Plant]] = {kind: [] for kind in PlantKind}
    for plant in story.plants:
        if plant.class_id is ClassId.CROP:
            kind = PlantKind.CROP
        elif _touches(confirmed, spans, plant):
            kind = PlantKind.SPRAYED
        else:
            kind = PlantKind.MISSED if _touches(missed, spans, plant) else PlantKind.LEFT
        found[kind].append(plant)
    return GroundMap(track=track, plants={k: _placed(track, plants) for k, plants in found.items()})


def _placed(track: Float64Array, plants: Sequence[Plant]) -> Placed:
    s_m = np.array([plant.s_m for plant in plants], np.float64)
    y_m = np.array([plant.y_m for plant in plants], np.float64)
    return Placed(
        plant_id=np.array([plant.plant_id for plant in plants], np.int64),
        s_m=s_m,
        at_m=_place(track, s_m, y_m),
    )


def _strips(rows: Sequence[tuple[int, float, float]]) -> Strips:
    table = np.array(rows, np.float64).reshape(-1, 3)
    table = table[np.isfinite(table).all(axis=1)]
    table = table[np.argsort(table[:, 1], kind="stable")]
    lengths = table[:, 2] - table[:, 1]
    return Strips(
        nozzle=table[:, 0].astype(np.int64),
        s_m=table[:, 1:],
        longest_m=float(lengths.max()) if len(lengths) else 0.0,
    )


def _touches(strips: Strips, spans: Float64Array, plant: Plant) -> bool:
    nozzles, s_m = strips.between(plant.s_min_m, plant.s_max_m)
    known = (nozzles >= 0) & (nozzles < len(spans))
    y_m, s_m = spans[nozzles[known]], s_m[known]
    over = (y_m[:, 0] < plant.y_max_m) & (y_m[:, 1] > plant.y_min_m)
    return bool((over & (s_m[:, 0] < plant.s_max_m) & (s_m[:, 1] > plant.s_min_m)).any())


def _track(history: RunHistory) -> Float64Array:
    rows = [
        (v.distance_m, v.x_m, v.y_m, v.heading_rad)
        for v in (frame.vehicle for frame in history.frames)
        if v is not None
    ]
    track = np.array(rows, np.float64).reshape(-1, 4)
    track = track[np.isfinite(track).all(axis=1)]
    if not len(track):
        return track
    rises = np.concatenate(([True], np.diff(np.maximum.accumulate(track[:, 0])) > 0.0))
    track = track[rises]
    track[:, 3] = np.unwrap(track[:, 3])
    return track


def _place(track: Float64Array, s_m: Float64Array, y_m: Float64Array) -> Float64Array:
    """Follow the track, straight on beyond its ends."""
    if not len(track):
        return np.column_stack((s_m, y_m)).reshape(-1, 2)
    inside = np.clip(s_m, track[0, 0], track[-1, 0])
    x, y, heading = (np.interp(inside, track[:, 0], track[:, k]) for k in (1, 2, 3))
    ahead = s_m - inside
    cos, sin = np.cos(heading), np.sin(heading)
    return np.column_stack((x + ahead * cos - y_m * sin, y + ahead * sin + y_m * cos)).reshape(
        -1, 2
    )
