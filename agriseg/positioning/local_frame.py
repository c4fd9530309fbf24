"""Metres east and north of a place, and back to latitude and longitude (WGS84)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from pyproj import CRS, Transformer

from agriseg.messages import Float64Array

WGS84 = "EPSG:4326"


class LocalFrame:
    """A plane that touches the ellipsoid at one place: x east, y north, metres.

    An azimuthal equidistant projection: within 10 km of the place distances and areas are
    true to a millionth.

    Parameters
    ----------
    latitude_deg, longitude_deg : float
        The place, WGS84.

    Examples
    --------
    >>> frame = LocalFrame(48.0, 11.0)
    >>> frame.geographic([[0.0, 0.0]]).round(9).tolist()
    [[48.0, 11.0]]
    """

    def __init__(self, latitude_deg: float, longitude_deg: float) -> None:
        self.latitude_deg = latitude_deg
        self.longitude_deg = longitude_deg
        self.crs = CRS.from_proj4(
            f"+proj=aeqd +lat_0={latitude_deg!r} +lon_0={longitude_deg!r}"
            " +datum=WGS84 +units=m +no_defs"
        )
        self._forward = Transformer.from_crs(WGS84, self.crs, always_xy=True)
        self._inverse = Transformer.from_crs(self.crs, WGS84, always_xy=True)

    def local(self, latitude_longitude_deg: ArrayLike) -> Float64Array:
        """Return (N, 2) float64 (east, north) in metres of (N, 2) (latitude, longitude)."""
        points = np.asarray(latitude_longitude_deg, np.float64).reshape(-1, 2)
        east, north = self._forward.transform(points[:, 1], points[:, 0])
        return np.column_stack((east, north))

    def geographic(self, east_north_m: ArrayLike) -> Float64Array:
        """Return (N, 2) float64 (latitude, longitude) in degrees of (N, 2) (east, north)."""
        points = np.asarray(east_north_m, np.float64).reshape(-1, 2)
        longitude, latitude = self._inverse.transform(points[:, 0], points[:, 1])
        return np.column_stack((latitude, longitude))


def heading_from_course(course_deg: float) -> float:
    """Return an angle in radians, counter-clockwise from east, of a compass course in degrees."""
    return math.radians(90.0 - course_deg)


def course_from_heading(heading_rad: float) -> float:
    """Return a compass course in [0, 360) degrees of an angle counter-clockwise from east."""
    return (90.0 - math.degrees(heading_rad)) % 360.0
