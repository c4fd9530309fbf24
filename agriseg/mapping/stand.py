"""Weed pressure in cells, and the crop's stand along its rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from agriseg.mapping.applied import AppliedMap, Standing
from agriseg.messages import ClassId, Float64Array

_ROW_GAP_M = 0.12
"""Crop plants further apart than this across the track stand in different rows."""
_LEAST_PLANTS = 4
_GAP_FACTOR = 2.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cell:
    """One square of the weed map; figures per square metre refer to what of it was seen."""

    area: BaseGeometry
    seen_m2: float
    weeds: int
    weeds_m2: float
    crops: int
    litres: float
    treated_m2: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowStretch:
    """Some metres of one crop row.

    ``gaps`` are distances between neighbours of more than twice the row's median distance;
    ``gap_m`` is their length together. Plants that touch count as one.
    """

    line: BaseGeometry
    row: int
    length_m: float
    plants: int
    plants_m: float
    spacing_m: float
    gaps: int
    gap_m: float


def weed_cells(applied: AppliedMap, cell_m: float) -> list[Cell]:
    """Return the squares of a grid over the ground that was seen.

    Parameters
    ----------
    applied : AppliedMap
    cell_m : float
        Side of a square.
    """
    if shapely.is_empty(applied.seen):
        return []
    west, south, east, north = shapely.bounds(applied.seen)
    columns = np.arange(math.floor(west / cell_m), math.ceil(east / cell_m))
    rows = np.arange(math.floor(south / cell_m), math.ceil(north / cell_m))
    grid = np.array([(c, r) for c in columns for r in rows])
    corners = grid * cell_m
    squares = shapely.box(
        corners[:, 0], corners[:, 1], corners[:, 0] + cell_m, corners[:, 1] + cell_m
    )
    shapely.prepare(applied.seen)
    touched = shapely.intersects(applied.seen, squares)
    counts = _counts(applied, cell_m)
    sprayed = _sprayed(applied, squares[touched])
    return [
        _cell(square, applied.seen, counts.get((int(c), int(r)), (0, 0)), wet)
        for square, (c, r), wet in zip(squares[touched], grid[touched], sprayed, strict=True)
    ]


def _counts(applied: AppliedMap, cell_m: float) -> dict[tuple[int, int], tuple[int, int]]:
    """Return weeds and crops of each square."""
    counts: dict[tuple[int, int], tuple[int, int]] = {}
    for standing in applied.plants:
        x, y = standing.place_m
        key = (math.floor(x / cell_m), math.floor(y / cell_m))
        weeds, crops = counts.get(key, (0, 0))
        is_weed = standing.plant.class_id is ClassId.WEED
        counts[key] = (weeds + is_weed, crops + (not is_weed))
    return counts


def _sprayed(applied: AppliedMap, squares: Float64Array) -> list[tuple[float, float]]:
    """Return litres and treated area of each square; a pulse over an edge is divided."""
    totals = np.zeros((len(squares), 2))
    if applied.treated:
        areas = np.array([one.area for one in applied.treated], object)
        litres = np.array([one.litres for one in applied.treated])
        whole = shapely.area(areas)
        square, pulse = shapely.STRtree(areas).query(squares, predicate="intersects")
        shared = shapely.area(shapely.intersection(squares[square], areas[pulse]))
        share = shared / np.maximum(whole[pulse], 1e-9)
        np.add.at(totals[:, 0], square, share * litres[pulse])
        np.add.at(totals[:, 1], square, shared)
    return [(float(a), float(b)) for a, b in totals]


def _cell(
    square: BaseGeometry,
    seen: BaseGeometry,
    counts: tuple[int, int],
    sprayed: tuple[float, float],
) -> Cell:
    seen_m2 = float(shapely.area(shapely.intersection(square, seen)))
    return Cell(
        area=square,
        seen_m2=seen_m2,
        weeds=counts[0],
        weeds_m2=counts[0] / seen_m2 if seen_m2 > 0.0 else math.nan,
        crops=counts[1],
        litres=sprayed[0],
        treated_m2=sprayed[1],
    )


def crop_rows(applied: AppliedMap, stretch_m: float = 5.0) -> list[RowStretch]:
    """Return the stand of each crop row, some metres at a time."""
    stretches: list[RowStretch] = []
    first_row = 0
    for index in range(len(applied.track.sections)):
        crops = [
            one
            for one in applied.plants
            if one.section == index and one.plant.class_id is ClassId.CROP
        ]
        rows = _rows(crops)
        for number, row in enumerate(rows, first_row):
            stretches += _stretches(row, number, stretch_m)
        first_row += len(rows)
    return stretches


def _rows(crops: Sequence[Standing]) -> list[list[Standing]]:
    """Divide crop plants into rows by their lateral position; stray plants are left out."""
    rows: list[list[Standing]] = []
    for standing in sorted(crops, key=lambda one: one.plant.y_m):
        if rows and standing.plant.y_m - rows[-1][-1].plant.y_m <= _ROW_GAP_M:
            rows[-1].append(standing)
        else:
            rows.append([standing])
    return [sorted(row, key=lambda one: one.plant.s_m) for row in rows if len(row) >= _LEAST_PLANTS]


def _stretches(row: Sequence[Standing], number: int, stretch_m: float) -> list[RowStretch]:
    s = np.array([one.plant.s_m for one in row])
    spacing = float(np.median(np.diff(s)))
    found: list[RowStretch] = []
    start = 0
    while start < len(row) - 1:
        end = int(np.searchsorted(s, s[start] + stretch_m, side="right"))
        end = min(max(end, start + 2), len(row))
        found.append(_stretch(row[start:end], number, spacing))
        start = end - 1
    return found


def _stretch(plants: Sequence[Standing], number: int, spacing_m: float) -> RowStretch:
    s = np.array([one.plant.s_m for one in plants])
    steps = np.diff(s)
    gaps = steps[steps > _GAP_FACTOR * spacing_m]
    length_m = float(s[-1] - s[0])
    return RowStretch(
        line=shapely.LineString([one.place_m for one in plants]),
        row=number,
        length_m=length_m,
        plants=len(plants),
        plants_m=(len(plants) - 1) / length_m if length_m > 0.0 else math.nan,
        spacing_m=spacing_m,
        gaps=len(gaps),
        gap_m=float(gaps.sum()),
    )
