"""Areas on the ground from stretches of the track."""

from __future__ import annotations

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from agriseg.mapping.ground_track import Section
from agriseg.messages import Float64Array

_LONGEST_CHORD_M = 0.25


def strip(section: Section, s_m: tuple[float, float], y_m: tuple[float, float]) -> BaseGeometry:
    """Return the ground between two places of the track and two lateral positions."""
    steps = max(1, int(np.ceil((s_m[1] - s_m[0]) / _LONGEST_CHORD_M)))
    s = np.linspace(s_m[0], s_m[1], steps + 1)
    right = section.places(s, np.full_like(s, y_m[0]))
    left = section.places(s[::-1], np.full_like(s, y_m[1]))
    return shapely.Polygon(np.concatenate((right, left)))


def patches(section: Section, s_m: Float64Array, y_m: Float64Array) -> list[BaseGeometry]:
    """Return one area for each row of (N, 2) stretches along and across the track."""
    short = (s_m[:, 1] - s_m[:, 0]) <= _LONGEST_CHORD_M
    corners = section.places(
        s_m[:, [0, 1, 1, 0]].reshape(-1, 4), y_m[:, [0, 0, 1, 1]].reshape(-1, 4)
    )
    quick = shapely.polygons(corners) if len(corners) else np.empty(0, object)
    return [
        quick[row]
        if short[row]
        else strip(section, (s_m[row, 0], s_m[row, 1]), (y_m[row, 0], y_m[row, 1]))
        for row in range(len(s_m))
    ]


def union(areas: list[BaseGeometry]) -> BaseGeometry:
    """Return areas as one, overlaps once."""
    return shapely.union_all([shapely.make_valid(area) for area in areas])
