"""Why each plant was sprayed or not, and what became of every pulse: a run told for review."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from agriseg.geometry.ground_plane import GroundPlane
from agriseg.messages import (
    ClassId,
    Float64Array,
    MissedWeed,
    Plant,
    PulseReport,
    RunEvent,
    ValveEvent,
)
from agriseg.recording.ground import sprayed_extents
from agriseg.recording.history import HistoryReader, RunHistory
from agriseg.recording.reader import Run
from agriseg.spraying.boom import Boom


class TimelineKind(Enum):
    """What a point on the timeline is about."""

    WEED = "weed"
    MISS = "miss"
    ALARM = "alarm"
    STOP = "stop"
    STATE = "state"
    """Start, spraying, pause, end, mode, sensitivity."""
    RECORDING = "recording"
    NOTE = "note"
    OTHER = "other"


_KIND_OF_EVENT = {
    "alarm": TimelineKind.ALARM,
    "start-refused": TimelineKind.ALARM,
    "stop": TimelineKind.STOP,
    "recording": TimelineKind.RECORDING,
    "note": TimelineKind.NOTE,
    **dict.fromkeys(
        ("start", "spraying", "pause", "end", "finished", "mode", "sensitivity", "clear-stop"),
        TimelineKind.STATE,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEvent:
    """One point on the timeline.

    ``name`` is the event's own kind (``pause``), or why ground was given up; ``plant_id`` and
    ``nozzle_id`` are -1 where it is about none.
    """

    t_s: float
    kind: TimelineKind
    name: str
    text: str
    plant_id: int = -1
    nozzle_id: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class PulseStory:
    """One pulse: wanted, commanded, confirmed; ground along the track in metres.

    Attributes
    ----------
    event : ValveEvent
        Its ``wanted_s_min_m`` and ``wanted_s_max_m`` are the ground that was to be covered.
    t_s : float
        Host time at which it was commanded.
    report : PulseReport, optional
        What the controller said; None where no answer was recorded.
    commanded_s_m : (float, float)
        Ground that the command wets, footprint included; NaN where only times were commanded
        and nothing tells the way.
    confirmed_s_m : (float, float)
        Ground that was wetted by the reported edges; NaN where none were reported.
    off_mm : float
        Where spray began, less where it was commanded to; NaN where either is unknown.
    """

    event: ValveEvent
    t_s: float
    report: PulseReport | None
    commanded_s_m: tuple[float, float]
    confirmed_s_m: tuple[float, float]
    off_mm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantStory:
    """A plant, what was decided on it, by which rule, and what was done.

    Attributes
    ----------
    plant : Plant
        ``confidence`` is what the model made of it, ``decision`` the rule that decided.
    t_s : float
        Host time of the decision.
    frame_id : int
        Of the frame after which it was decided.
    pulses : tuple of PulseStory
        Those whose ground, footprint included, lies on the plant.
    missed : tuple of MissedWeed
        Strips of it that were given up, and why.
    """

    plant: Plant
    t_s: float
    frame_id: int
    pulses: tuple[PulseStory, ...]
    missed: tuple[MissedWeed, ...]

    @property
    def was_wetted(self) -> bool:
        """Whether confirmed spray reached any of it."""
        box = (self.plant.s_min_m, self.plant.s_max_m)
        return any(_touch(pulse.confirmed_s_m, box) for pulse in self.pulses)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantInPicture:
    """A plant's box on the ground as it appears in a picture; (4, 2) float64, (u, v)."""

    plant_id: int
    class_id: ClassId
    outline_px: Float64Array


class RunStory:
    """What happened in a run, ready to be looked up.

    Parameters
    ----------
    history : RunHistory
    """

    def __init__(self, history: RunHistory) -> None:
        self.history = history
        self._boom = Boom(history.config.boom)
        camera = history.config.camera
        self._ground = GroundPlane(
            camera.intrinsics, camera.pose, (camera.width_px, camera.height_px)
        )
        self.pulses = self._pulse_stories()
        self.timeline = self._timeline()
        plants = sorted(history.plants.values(), key=lambda plant: plant.s_m)
        self._plants: Sequence[Plant] = plants
        self._plant_s_m = [plant.s_m for plant in plants]
        self._longest_m = max((plant.s_max_m - plant.s_min_m for plant in plants), default=0.0)

    @property
    def plants(self) -> Sequence[Plant]:
        """All plants that were decided on, along the track."""
        return self._plants

    def plant(self, plant_id: int) -> PlantStory:
        """Return all that is known of a plant.

        Raises
        ------
        KeyError
            There is no such plant.
        """
        plant = self.history.plants[plant_id]
        told = self.history.decided[plant_id]
        nozzles = set(self._nozzles_over(plant))
        box = (plant.s_min_m, plant.s_max_m)
        return PlantStory(
            plant=plant,
            t_s=told.t_s,
            frame_id=told.frame_id,
            pulses=tuple(
                pulse
                for pulse in self.pulses
                if pulse.event.nozzle_id in nozzles and _touch(pulse.commanded_s_m, box)
            ),
            missed=tuple(
                timed.missed
                for timed in self.history.missed
                if timed.missed.nozzle_id in nozzles
                and _touch((timed.missed.s_min_m, timed.missed.s_max_m), box)
            ),
        )

    def plants_between(self, s_min_m: float, s_max_m: float) -> Sequence[Plant]:
        """Return the plants whose middle lies on this ground along the track."""
        first = bisect_left(self._plant_s_m, s_min_m)
        return self._plants[first : bisect_right(self._plant_s_m, s_max_m)]

    def plants_in_frame(self, frame_index: int) -> list[PlantInPicture]:
        """Return the plants that show in a frame of ``history.frames``, drawn where they lie.

        Empty where the frame's pose is not known.
        """
        vehicle = self.history.frames[frame_index].vehicle
        if vehicle is None:
            return []
        near, far = self._ground.near_x_m, self._ground.far_x_m
        found = []
        for plant in self.plants_between(
            vehicle.distance_m + near - self._longest_m, vehicle.distance_m + far + self._longest_m
        ):
            outline = self._outline_px(plant, vehicle.distance_m)
            if np.isfinite(outline).all() and self._is_in_picture(outline):
                found.append(
                    PlantInPicture(
                        plant_id=plant.plant_id, class_id=plant.class_id, outline_px=outline
                    )
                )
        return found

    def plant_at(self, frame_index: int, u_px: float, v_px: float) -> int | None:
        """Return the plant whose box in a frame holds a point; the smallest where several do."""
        hits = [
            (float(np.prod(np.ptp(plant.outline_px, axis=0))), plant.plant_id)
            for plant in self.plants_in_frame(frame_index)
            if _holds(plant.outline_px, u_px, v_px)
        ]
        return min(hits)[1] if hits else None

    def best_frame(self, plant_id: int) -> int | None:
        """Return the index in ``history.frames`` in which a plant is nearest to the middle."""
        plant = self.history.plants[plant_id]
        middle_m = 0.5 * (self._ground.near_x_m + self._ground.far_x_m)
        distances = [
            abs(plant.s_m - middle_m - frame.vehicle.distance_m)
            if frame.vehicle is not None and frame.has_picture
            else np.inf
            for frame in self.history.frames
        ]
        if not distances:
            return None
        best = int(np.argmin(distances))
        return best if distances[best] < self._ground.far_x_m - self._ground.near_x_m else None

    def nozzles_at(self, t_s: float) -> tuple[tuple[bool, ...], tuple[bool, ...]]:
        """Return for each nozzle whether it was commanded and whether confirmed open at ``t_s``.

        A pulse commanded by distance is taken to open where the odometer has its reading.
        """
        distance_m = self.history.distance_at(t_s)
        commanded, confirmed = [False] * len(self._boom), [False] * len(self._boom)
        for pulse in self.pulses:
            event, report = pulse.event, pulse.report
            if not 0 <= event.nozzle_id < len(self._boom):
                continue
            position = distance_m if event.by_distance else t_s
            commanded[event.nozzle_id] |= event.open_at <= position < event.close_at
            if report is not None:
                confirmed[event.nozzle_id] |= report.t_open_s <= t_s < report.t_close_s
        return tuple(commanded), tuple(confirmed)

    def _pulse_stories(self) -> tuple[PulseStory, ...]:
        history = self.history
        extents = sprayed_extents(history)
        wetted = {
            int(event_id): (tuple(s_m), 1e3 * float(off_m))
            for event_id, s_m, off_m in zip(
                extents.event_id, extents.s_m.tolist(), extents.opening_error_m, strict=True
            )
        }
        reports = {report.event_id: report for report in history.pulses}
        nothing = ((np.nan, np.nan), np.nan)
        return tuple(
            PulseStory(
                event=event,
                t_s=history.commanded_t_s[event_id],
                report=reports.get(event_id),
                commanded_s_m=self._commanded_s_m(event),
                confirmed_s_m=wetted.get(event_id, nothing)[0],
                off_mm=wetted.get(event_id, nothing)[1],
            )
            for event_id, event in history.commanded.items()
        )

    def _commanded_s_m(self, event: ValveEvent) -> tuple[float, float]:
        if not 0 <= event.nozzle_id < len(self._boom):
            return np.nan, np.nan
        edges = (event.open_at, event.close_at)
        if not event.by_distance:
            edges = (self.history.distance_at(edges[0]), self.history.distance_at(edges[1]))
        x_m, half_m = float(self._boom.x_m[event.nozzle_id]), self._boom.half_footprint_m
        return edges[0] + x_m - half_m, edges[1] + x_m + half_m

    def _nozzles_over(self, plant: Plant) -> list[int]:
        strips = self._boom.footprint_y_m
        over = (strips[:, 0] < plant.y_max_m) & (strips[:, 1] > plant.y_min_m)
        return [int(nozzle) for nozzle in np.flatnonzero(over)]

    def _outline_px(self, plant: Plant, distance_m: float) -> Float64Array:
        corners = [
            (s_m - distance_m, y_m)
            for s_m, y_m in (
                (plant.s_min_m, plant.y_min_m),
                (plant.s_min_m, plant.y_max_m),
                (plant.s_max_m, plant.y_max_m),
                (plant.s_max_m, plant.y_min_m),
            )
        ]
        return self._ground.image_from_ground(np.array(corners, np.float64))

    def _is_in_picture(self, outline_px: Float64Array) -> bool:
        low, high = outline_px.min(axis=0), outline_px.max(axis=0)
        return bool((high >= 0.0).all() and (low <= self._ground.image_size).all())

    def _timeline(self) -> tuple[TimelineEvent, ...]:
        history = self.history
        points = [_point(event) for event in history.events]
        points += [
            TimelineEvent(
                t_s=history.decided[plant.plant_id].t_s,
                kind=TimelineKind.WEED,
                name="weed",
                text=plant.decision,
                plant_id=plant.plant_id,
            )
            for plant in history.plants.values()
            if plant.class_id is ClassId.WEED
        ]
        points += [
            TimelineEvent(
                t_s=timed.t_s,
                kind=TimelineKind.MISS,
                name=timed.missed.reason,
                text=f"nozzle {timed.missed.nozzle_id + 1}: {timed.missed.reason}",
                nozzle_id=timed.missed.nozzle_id,
            )
            for timed in history.missed
        ]
        return tuple(sorted(points, key=lambda point: point.t_s))


def tell(
    run: Run,
    progress: Callable[[float], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> RunStory | None:
    """Read what happened in a run; None when it was cancelled.

    Parameters
    ----------
    run : Run
    progress : callable
        Called now and then with the share that is done, 0 to 1.
    cancelled : callable
        Asked now and then whether to give up.

    Raises
    ------
    RecordingError
        The run's configuration cannot be used.
    """
    reader = HistoryReader(run, run.config)
    while not reader.is_done:
        if cancelled():
            return None
        progress(reader.read_on())
    return RunStory(reader.history)


def _point(event: RunEvent) -> TimelineEvent:
    kind = _KIND_OF_EVENT.get(event.kind, TimelineKind.OTHER)
    return TimelineEvent(t_s=event.t_s, kind=kind, name=event.kind, text=event.text)


def _holds(outline_px: Float64Array, u_px: float, v_px: float) -> bool:
    low, high = outline_px.min(axis=0), outline_px.max(axis=0)
    return bool(low[0] <= u_px <= high[0] and low[1] <= v_px <= high[1])


def _touch(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Return whether two stretches overlap; False where an end is not known."""
    return one[0] < other[1] and other[0] < one[1]
