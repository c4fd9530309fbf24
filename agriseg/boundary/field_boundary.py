"""A field's boundary and the zones in it where nothing may be sprayed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import shapely
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.validation import explain_validity

from agriseg.errors import BoundaryError

Area: TypeAlias = BaseGeometry
"""A `shapely.Polygon` or `shapely.MultiPolygon`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A place where nothing may be sprayed; ``area`` in (longitude, latitude), WGS84."""

    name: str
    area: Area


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldBoundary:
    """Where spraying is allowed: inside ``field``, if there is one, and outside of ``zones``.

    All areas are in (longitude, latitude) degrees, WGS84. ``source`` is the file.
    """

    source: str
    name: str
    field: Area | None
    zones: tuple[Zone, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One area of a boundary file, in (longitude, latitude) degrees."""

    name: str
    geometry: BaseGeometry
    is_zone: bool


def assembled(source: str, parts: Sequence[Part]) -> FieldBoundary:
    """Check the areas of a file and put them together.

    Raises
    ------
    BoundaryError
        There is no area, one crosses itself or is not in degrees of WGS84; the sentence names
        file, area and place.
    """
    areas = [
        (part, _checked(source, part)) for part in parts if not shapely.is_empty(part.geometry)
    ]
    if not areas:
        raise BoundaryError(
            f"{source}: there is no area in it; expected polygons, the field's boundary or no-spray"
            " zones"
        )
    fields = [(part, area) for part, area in areas if not part.is_zone]
    union = shapely.union_all([area for _, area in fields]) if fields else None
    return FieldBoundary(
        source=source,
        name=next((part.name for part, _ in fields if part.name), ""),
        field=union if isinstance(union, Polygon | MultiPolygon) else None,
        zones=tuple(
            Zone(name=part.name or f"no-spray zone {number}", area=area)
            for number, (part, area) in enumerate((pa for pa in areas if pa[0].is_zone), 1)
        ),
    )


def _checked(source: str, part: Part) -> Area:
    geometry = part.geometry
    what = part.name or ("a no-spray zone" if part.is_zone else "the boundary")
    if not isinstance(geometry, Polygon | MultiPolygon):
        raise BoundaryError(
            f"{source}: {what} is a {geometry.geom_type}, expected a polygon; close the line to an"
            " area in the program that drew it"
        )
    west, south, east, north = geometry.bounds
    if not (west >= -180.0 and east <= 180.0 and south >= -90.0 and north <= 90.0):
        raise BoundaryError(
            f"{source}: {what} reaches from ({west:g}, {south:g}) to ({east:g}, {north:g}), which"
            " are no degrees of longitude and latitude; export it in WGS84 (EPSG:4326)"
        )
    if not geometry.is_valid:
        raise BoundaryError(
            f"{source}: {what} is not a proper area ({_defect(geometry)}, longitude latitude); mend"
            " it in the program that drew it: its line may not cross or touch itself"
        )
    flat: Area = shapely.force_2d(geometry)
    return flat


def _defect(geometry: BaseGeometry) -> str:
    text: str = explain_validity(geometry)
    return text.replace("Self-intersection", "it crosses itself at ").replace(" [", "[")
