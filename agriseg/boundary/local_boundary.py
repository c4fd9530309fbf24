"""A boundary in metres of a plane: what guards the nozzles, and what is drawn as a plan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from agriseg.boundary.field_boundary import Area, FieldBoundary, Zone
from agriseg.messages import Float64Array
from agriseg.positioning.local_frame import LocalFrame

ELSEWHERE_M = 1000.0
"""A boundary farther away than this is not the one of this field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalBoundary:
    """Field and no-spray zones in metres (east, north) of ``frame``.

    ``field`` is None where the file holds zones alone: then everything outside of them is the
    field.
    """

    frame: LocalFrame
    field: Area | None
    zones: tuple[Zone, ...]

    @property
    def field_m2(self) -> float:
        """Ground that may be sprayed, without the margin; NaN without a field."""
        if self.field is None:
            return float("nan")
        zones = shapely.union_all([zone.area for zone in self.zones])
        return float(shapely.area(shapely.difference(self.field, zones)))

    @property
    def bounds_m(self) -> tuple[float, float, float, float]:
        """West, south, east, north of all of it."""
        areas = [zone.area for zone in self.zones]
        if self.field is not None:
            areas.append(self.field)
        west, south, east, north = shapely.total_bounds(np.array(areas, object)).tolist()
        return west, south, east, north

    def away_m(self, east_m: float, north_m: float) -> float:
        """Return how far a place is from the field, 0 inside of it; 0 without a field."""
        if self.field is None:
            return 0.0
        return float(shapely.distance(self.field, shapely.Point(east_m, north_m)))

    def within(self, margin_m: float) -> Area:
        """Return the ground that is left a margin away from edge and zones; may be empty.

        Without a field it is the outline of what is kept clear around the zones.
        """
        kept_out = shapely.union_all([shapely.buffer(zone.area, margin_m) for zone in self.zones])
        if self.field is None:
            return kept_out
        inner: Area = shapely.difference(shapely.buffer(self.field, -margin_m), kept_out)
        return inner


def in_frame(boundary: FieldBoundary, frame: LocalFrame) -> LocalBoundary:
    """Bring a boundary from degrees into metres of ``frame``."""

    def to_local(points: Float64Array) -> Float64Array:
        return frame.local(points[:, ::-1])

    zones = tuple(
        Zone(name=zone.name, area=shapely.transform(zone.area, to_local)) for zone in boundary.zones
    )
    field = None if boundary.field is None else shapely.transform(boundary.field, to_local)
    return LocalBoundary(frame=frame, field=field, zones=zones)


def frame_about(boundary: FieldBoundary) -> LocalFrame:
    """Return a plane about the middle of a boundary."""
    areas = [zone.area for zone in boundary.zones]
    if boundary.field is not None:
        areas = [boundary.field]
    middle = shapely.centroid(shapely.union_all(areas))
    return LocalFrame(float(middle.y), float(middle.x))
