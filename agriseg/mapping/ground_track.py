"""Where the odometer's readings lie on the ground: by satellite, or in the run's own frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agriseg.errors import ExportError
from agriseg.field_config import PositionConfig
from agriseg.geometry.poses import WheelOdometry
from agriseg.messages import Float64Array, OdometrySample, PositionFix, VehicleState
from agriseg.positioning.local_frame import LocalFrame, heading_from_course
from agriseg.positioning.positioner import Positioner

_LEAST_STEP_M = 0.05
_NODE_STEP_M = 0.25


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Section:
    """A stretch of the run with one odometer history.

    Attributes
    ----------
    start_s, end_s : float
        Host times.
    distance_m : (N,) float64, rising
        Odometer at the nodes.
    place_m : (N, 2) float64
        base_link there, metres: (east, north), or (x, y) of the run's own frame.
    heading_rad : (N,) float64
        Direction of the x axis, counter-clockwise from the first axis, unwrapped.
    """

    start_s: float
    end_s: float
    distance_m: Float64Array
    place_m: Float64Array
    heading_rad: Float64Array

    def places(self, s_m: Float64Array, y_m: Float64Array) -> Float64Array:
        """Return (..., 2) places of along-track coordinates; beyond the ends straight on."""
        s, y = np.asarray(s_m, np.float64), np.asarray(y_m, np.float64)
        nodes = self.distance_m
        heading = np.interp(s, nodes, self.heading_rad)
        cos, sin = np.cos(heading), np.sin(heading)
        beyond = s - np.clip(s, nodes[0], nodes[-1])
        first = np.interp(s, nodes, self.place_m[:, 0]) + beyond * cos - y * sin
        second = np.interp(s, nodes, self.place_m[:, 1]) + beyond * sin + y * cos
        return np.stack((first, second), axis=-1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroundTrack:
    """All sections of a run.

    ``frame`` ties them to the earth; None where nothing does. ``note`` says how the places
    came about, for whoever reads the map.
    """

    frame: LocalFrame | None
    sections: tuple[Section, ...]
    note: str

    def section_at(self, t_s: float) -> Section | None:
        """Return the section of a host time, else the nearest; None without any."""
        if not self.sections:
            return None
        return min(self.sections, key=lambda one: max(one.start_s - t_s, t_s - one.end_s, 0.0))

    def geographic(self, places_m: Float64Array) -> Float64Array:
        """Return (N, 2) (longitude, latitude) in degrees of places.

        Raises
        ------
        ExportError
            Nothing ties the run to the earth.
        """
        if self.frame is None:
            raise ExportError(
                "this run has no positions of a satellite receiver, so its map has no place on the"
                " earth; give --origin LATITUDE,LONGITUDE,COURSE of where it began and looked to,"
                " or set up position.source before the next run"
            )
        return self.frame.geographic(places_m)[:, ::-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a run without a receiver began: WGS84 degrees, course clockwise from north."""

    latitude_deg: float
    longitude_deg: float
    course_deg: float


def parse_origin(text: str) -> Origin:
    """Read ``LATITUDE,LONGITUDE,COURSE`` in degrees, such as ``48.1,11.5,90``.

    Raises
    ------
    ExportError
        It is something else, or no place on the earth.
    """
    try:
        latitude, longitude, course = (float(part) for part in text.split(","))
    except ValueError:
        raise ExportError(
            f"{text!r} is not LATITUDE,LONGITUDE,COURSE, such as 48.1,11.5,90"
        ) from None
    if not (abs(latitude) <= 89.0 and abs(longitude) <= 180.0 and abs(course) <= 360.0):
        raise ExportError(f"{text!r} is not a place on the earth with a course of 0 to 360 degrees")
    return Origin(latitude_deg=latitude, longitude_deg=longitude, course_deg=course)


def ground_track(
    odometry: Sequence[OdometrySample],
    fixes: Sequence[PositionFix],
    config: PositionConfig,
    origin: Origin | None = None,
) -> GroundTrack:
    """Return where the run went.

    With fixes each section is the line through the believed ones, by the odometer between
    them; before the first, after the last and over gaps it goes straight on. Without them it
    is the odometry's own path, placed by ``origin`` if that is given.
    """
    positioner = Positioner(config)
    runs = _integrated(odometry, fixes, positioner)
    placed = [_by_fixes(run) for run in runs]
    by_fixes = [section for section in placed if section is not None]
    if by_fixes and positioner.frame is not None:
        left = len(runs) - len(by_fixes)
        note = "Places by satellite receiver, tied to the odometer."
        if left:
            note += f" {left} stretch{'es' if left > 1 else ''} without a position left out."
        return GroundTrack(frame=positioner.frame, sections=tuple(by_fixes), note=note)
    own = tuple(section for section in map(_by_odometry, runs) if section is not None)
    if origin is None:
        note = "No positions: places are metres from the run's beginning, x forward, y left."
        return GroundTrack(frame=None, sections=own, note=note)
    frame = LocalFrame(origin.latitude_deg, origin.longitude_deg)
    turned = tuple(_turned(section, heading_from_course(origin.course_deg)) for section in own)
    note = "Places by the odometer from the beginning that was given by hand."
    return GroundTrack(frame=frame, sections=turned, note=note)


@dataclass(slots=True)
class _Run:
    """One odometer history with what the positioner made of the fixes in it."""

    samples: list[VehicleState]
    nodes: list[tuple[float, float, float, float]]
    """Odometer, east, north, heading."""


def _integrated(
    odometry: Sequence[OdometrySample], fixes: Sequence[PositionFix], positioner: Positioner
) -> list[_Run]:
    wheel = WheelOdometry()
    runs: list[_Run] = []
    waiting = sorted(fixes, key=lambda fix: fix.t_s)
    index, resets = 0, -1
    for sample in sorted(odometry, key=lambda one: one.t_s):
        wheel.add(sample)
        if wheel.resets != resets:
            resets = wheel.resets
            runs.append(_Run([], []))
            positioner.break_off()
        run = runs[-1]
        while index < len(waiting) and waiting[index].t_s <= sample.t_s:
            _add_fix(run, positioner, waiting[index], wheel.state_at(waiting[index].t_s))
            index += 1
        state = wheel.state_at(sample.t_s)
        if state is not None:
            _add_state(run, state)
    return [run for run in runs if len(run.samples) > 1]


def _add_state(run: _Run, state: VehicleState) -> None:
    """Keep a state that is some way on from the one before; the newest always."""
    samples = run.samples
    if len(samples) > 2 and abs(samples[-1].distance_m - samples[-2].distance_m) < _LEAST_STEP_M:
        samples[-1] = state
    else:
        samples.append(state)


def _add_fix(
    run: _Run, positioner: Positioner, fix: PositionFix, state: VehicleState | None
) -> None:
    positioner.add(fix, state)
    if state is None or positioner.problem(fix.t_s):
        return
    pose = positioner.pose(state)
    if pose is not None:
        run.nodes.append((pose.distance_m, pose.east_m, pose.north_m, pose.heading_rad))


def _by_fixes(run: _Run) -> Section | None:
    if not run.nodes:
        return None
    nodes = _rising(np.array(run.nodes, np.float64))
    return _section(run, nodes)


def _by_odometry(run: _Run) -> Section | None:
    rows = [(one.distance_m, one.x_m, one.y_m, one.heading_rad) for one in run.samples]
    return _section(run, _rising(np.array(rows, np.float64)))


def _section(run: _Run, nodes: Float64Array) -> Section:
    return Section(
        start_s=run.samples[0].t_s,
        end_s=run.samples[-1].t_s,
        distance_m=nodes[:, 0],
        place_m=nodes[:, 1:3],
        heading_rad=np.unwrap(nodes[:, 3]),
    )


def _rising(nodes: Float64Array) -> Float64Array:
    """Keep nodes that are some way on from the last: ground driven twice counts once."""
    kept: list[int] = [0]
    step_m = _NODE_STEP_M if len(nodes) > 20 else _LEAST_STEP_M
    for row in range(1, len(nodes)):
        if nodes[row, 0] >= nodes[kept[-1], 0] + step_m:
            kept.append(row)
    last = len(nodes) - 1
    if kept[-1] != last and nodes[last, 0] > nodes[kept[-1], 0]:
        kept.append(last)
    return nodes[kept]


def _turned(section: Section, heading_rad: float) -> Section:
    """Return a section of the run's own frame with its x axis turned to a heading."""
    cos, sin = math.cos(heading_rad), math.sin(heading_rad)
    turn = np.array([[cos, sin], [-sin, cos]])
    return Section(
        start_s=section.start_s,
        end_s=section.end_s,
        distance_m=section.distance_m,
        place_m=section.place_m @ turn,
        heading_rad=section.heading_rad + heading_rad,
    )
