"""A boundary in words: what a file holds, what it does now, and what speaks against it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import shapely

from agriseg.boundary.field_boundary import FieldBoundary
from agriseg.boundary.isoxml import is_isoxml
from agriseg.boundary.loading import load_boundary
from agriseg.boundary.local_boundary import ELSEWHERE_M, LocalBoundary, frame_about, in_frame
from agriseg.field_config import BoundaryConfig
from agriseg.messages import PositionStatus
from ui.models.status import Level
from ui.units import Units

SUFFIXES = (".geojson", ".json", ".shp", ".gpkg", ".kml", ".xml", ".zip")
"""Endings of the files that boundaries come in; task data may be a folder, too."""
FORMS = "GeoJSON, shapefile, GeoPackage, KML, or ISOXML task data (folder, ZIP or TASKDATA.XML)"
_MOST_CORNERS = 20_000
"""A plan of more corners is drawn a little simpler; the guard keeps every one."""
_SIMPLER_M = 0.05


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CheckedBoundary:
    """A boundary file that can be used, in metres about its middle."""

    path: Path
    boundary: FieldBoundary
    local: LocalBoundary

    @property
    def name(self) -> str:
        """What people know it by: the field's name, else the file's."""
        return self.boundary.name or self.path.name


def why_not_a_boundary(path: Path) -> str:
    """Return why a path cannot be one, without reading it; empty when it may be."""
    if not path.exists():
        return "There is nothing of this name."
    if path.is_dir():
        return "" if is_isoxml(path) else "Choose a file, or a folder with TASKDATA.XML."
    if path.suffix.lower() not in SUFFIXES:
        return f"{path.name} is none of {FORMS}."
    return ""


def check_boundary(path: Path) -> CheckedBoundary:
    """Read a boundary file as the field engine will.

    Raises
    ------
    BoundaryError
        The sentence names the file, what is wrong and how to mend it.
    """
    boundary = load_boundary(path)
    local = in_frame(boundary, frame_about(boundary))
    return CheckedBoundary(path=path, boundary=boundary, local=_drawable(local))


def _drawable(local: LocalBoundary) -> LocalBoundary:
    corners = sum(shapely.get_num_coordinates(zone.area) for zone in local.zones)
    if local.field is None or corners + shapely.get_num_coordinates(local.field) < _MOST_CORNERS:
        return local
    field = shapely.simplify(local.field, _SIMPLER_M)
    return LocalBoundary(frame=local.frame, field=field, zones=local.zones)


def boundary_facts(
    checked: CheckedBoundary, config: BoundaryConfig, units: Units
) -> tuple[tuple[str, str], ...]:
    """Return what a boundary file holds."""
    local = checked.local
    zones = [zone.name for zone in local.zones]
    named = ", ".join(zones[:3]) + (" …" if len(zones) > 3 else "")
    area = "no field, zones only" if local.field is None else str(units.area(local.field_m2))
    margin = units.length(config.margin_m, 2)
    return (
        ("Field", area),
        ("No-spray zones", f"{len(zones)}: {named}" if zones else "none"),
        ("Kept clear", f"{margin} and twice what the position may be off"),
        ("File", str(checked.path)),
    )


def away_m(checked: CheckedBoundary, status: PositionStatus | None) -> float:
    """Return how far the machine is from the field, m; NaN where its place is not known."""
    if status is None:
        return math.nan
    place = (status.latitude_deg, status.longitude_deg)
    if not math.isfinite(place[0]) and status.fix is not None:
        place = (status.fix.latitude_deg, status.fix.longitude_deg)
    if not math.isfinite(place[0]):
        return math.nan
    east, north = checked.local.frame.local([place])[0]
    return checked.local.away_m(float(east), float(north))


def doubts(
    checked: CheckedBoundary, status: PositionStatus | None, *, has_receiver: bool, units: Units
) -> tuple[str, ...]:
    """Return what speaks against using a boundary now; it can be used all the same."""
    found = []
    if not has_receiver:
        found.append(
            "There is no satellite receiver: with a boundary nothing would ever be sprayed."
            " Choose the receiver, too."
        )
    away = away_m(checked, status)
    if away > ELSEWHERE_M:
        found.append(
            f"It lies elsewhere: {units.length(away, 0)} from here. Until the machine is there,"
            " all nozzles stay closed."
        )
    elif away > 0.0:
        found.append(f"The machine is outside of it, {units.length(away, 1)} away.")
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundaryView:
    """What the boundary in force does now."""

    level: Level
    title: str
    detail: str
    icon: str = ""
    """Instead of the level's."""


def boundary_view(
    status: PositionStatus | None, name: str, problem: str, *, is_now: bool
) -> BoundaryView:
    """Say what the boundary does.

    Parameters
    ----------
    status : PositionStatus, optional
        The engine's newest word; None where it has neither receiver nor boundary.
    name : str
        Of the boundary that is chosen; empty without one.
    problem : str
        Why its file cannot be read; empty when it can.
    is_now : bool
        Whether the status is of now.
    """
    if problem:
        return BoundaryView(
            level=Level.DANGER,
            title="Cannot be used",
            detail=f"{problem} Until it is mended, removed or another is chosen, nothing is"
            " sprayed.",
        )
    if not name:
        return BoundaryView(
            level=Level.WAIT,
            title="No boundary",
            detail="Spraying is not limited to a field. Choose its boundary, and each nozzle"
            " closes before the edge and around no-spray zones.",
            icon="vector-polygon",
        )
    if status is None:
        return BoundaryView(
            level=Level.WAIT, title=name, detail="It is put in force as the field engine starts."
        )
    if not is_now:
        return BoundaryView(
            level=Level.WAIT,
            title=name,
            detail="What it does is not known: the field engine, which keeps it, has not told it"
            " just now.",
        )
    if status.hold:
        return BoundaryView(
            level=Level.WARNING,
            title=name,
            detail=f"All nozzles are held closed: {status.hold}",
            icon="lock",
        )
    if status.barred:
        nozzles = "1 nozzle is" if status.barred == 1 else f"{status.barred} nozzles are"
        return BoundaryView(
            level=Level.WARNING,
            title=name,
            detail=f"In force: {nozzles} kept closed at its edge or around a zone.",
        )
    return BoundaryView(
        level=Level.OK, title=name, detail="In force. No nozzle is over barred ground."
    )
