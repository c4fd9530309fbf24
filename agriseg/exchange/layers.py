"""A run's map as layers of features, with attributes that every format can hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from agriseg.errors import ExportError
from agriseg.mapping.applied import AppliedMap, Progress
from agriseg.mapping.return_list import return_list
from agriseg.mapping.stand import crop_rows, weed_cells
from agriseg.messages import FixQuality

LAYERS = ("driven", "seen", "treated", "return", "plants", "weeds", "rows", "track")
"""In the order in which they are written; EXPORTS.md says what each holds."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layer:
    """Features of one kind.

    Attributes
    ----------
    name : str
    kind : str
        ``Polygon``, ``Point`` or ``LineString``, as GDAL names them.
    geometry : sequence of shapely geometries
        In (longitude, latitude), WGS84.
    columns : dict of str to array
        Attribute names of at most 10 letters (a shapefile holds no more) to one value each.
    """

    name: str
    kind: str
    geometry: Sequence[BaseGeometry]
    columns: dict[str, np.ndarray[Any, Any]]


Rows = list[tuple[BaseGeometry, dict[str, Any]]]


def build_layers(
    applied: AppliedMap,
    names: Sequence[str] = LAYERS,
    cell_m: float = 2.0,
    progress: Progress = lambda _, __: None,
) -> list[Layer]:
    """Return the layers of a run that hold anything.

    Parameters
    ----------
    applied : AppliedMap
    names : sequence of str
        Some of `LAYERS`.
    cell_m : float
        Side of the weed map's squares.
    progress : callable

    Raises
    ------
    ExportError
        Nothing ties the run to the earth, or a layer is not known.
    """
    unknown = [name for name in names if name not in LAYERS]
    if unknown:
        raise ExportError(f"there is no layer {unknown[0]!r}; expected some of {', '.join(LAYERS)}")
    wanted = [name for name in LAYERS if name in names]
    built: list[Layer] = []
    for done, name in enumerate(wanted):
        progress("Drawing the layers", done / len(wanted))
        layer = _built(name, applied, cell_m)
        if layer is not None:
            built.append(layer)
    progress("Drawing the layers", 1.0)
    return built


def _built(name: str, applied: AppliedMap, cell_m: float) -> Layer | None:
    makers: dict[str, tuple[str, Callable[[], Rows]]] = {
        "driven": ("Polygon", lambda: _driven(applied)),
        "seen": ("Polygon", lambda: _seen(applied)),
        "treated": ("Polygon", lambda: _treated(applied)),
        "return": ("Polygon", lambda: _return(applied)),
        "plants": ("Point", lambda: _plants(applied)),
        "weeds": ("Polygon", lambda: _weeds(applied, cell_m)),
        "rows": ("LineString", lambda: _rows(applied)),
        "track": ("Point", lambda: _track(applied)),
    }
    kind, make = makers[name]
    rows = make()
    if not rows:
        return None
    shapes = [shape for shape, _ in rows]
    if name != "track":
        shapes = list(shapely.transform(np.array(shapes, object), applied.track.geographic))
    columns = {key: _column([values[key] for _, values in rows]) for key in rows[0][1]}
    return Layer(name=name, kind=kind, geometry=shapes, columns=columns)


def _column(values: list[Any]) -> np.ndarray[Any, Any]:
    if all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        return np.array(values, np.int64)
    if all(isinstance(value, float | int) for value in values):
        return np.array(values, np.float64)
    return np.array([str(value) for value in values], object)


def _parts(shape: BaseGeometry) -> list[BaseGeometry]:
    parts = shapely.get_parts(shapely.make_valid(shape))
    return [part for part in parts if part.geom_type == "Polygon" and not part.is_empty]


def iso_time(utc_s: float) -> str:
    """Return a time as ISO 8601, UTC, to the millisecond."""
    text = datetime.fromtimestamp(utc_s, tz=UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _driven(applied: AppliedMap) -> Rows:
    return [
        (part, {"run": applied.run, "area_m2": float(shapely.area(part))})
        for shape in applied.driven
        for part in _parts(shape)
    ]


def _seen(applied: AppliedMap) -> Rows:
    return [
        (part, {"run": applied.run, "area_m2": float(shapely.area(part))})
        for part in _parts(applied.seen)
    ]


def _treated(applied: AppliedMap) -> Rows:
    return [
        (
            one.area,
            {
                "run": applied.run,
                "nozzle": one.nozzle_id + 1,
                "time": iso_time(one.utc_s),
                "area_m2": float(shapely.area(one.area)),
                "litres": one.litres,
                "l_ha": 1e4 * one.litres / max(float(shapely.area(one.area)), 1e-9),
                "outcome": one.outcome.value,
                "reason": one.reason,
            },
        )
        for one in applied.treated
    ]


def _return(applied: AppliedMap) -> Rows:
    return [
        (
            part,
            {
                "run": applied.run,
                "number": number,
                "strips": patch.strips,
                "reasons": patch.reasons[:250],
                "area_m2": float(shapely.area(part)),
                "litres": patch.litres * float(shapely.area(part)) / max(patch.area_m2, 1e-9),
            },
        )
        for number, patch in enumerate(return_list(applied), 1)
        for part in _parts(patch.area)
    ]


def _plants(applied: AppliedMap) -> Rows:
    return [
        (
            shapely.Point(one.place_m),
            {
                "run": applied.run,
                "plant": one.plant.plant_id,
                "class": one.plant.class_id.name.lower(),
                "confidence": one.plant.confidence,
                "area_m2": one.plant.area_m2,
                "decision": one.plant.decision[:250],
            },
        )
        for one in applied.plants
    ]


def _weeds(applied: AppliedMap, cell_m: float) -> Rows:
    return [
        (
            cell.area,
            {
                "run": applied.run,
                "seen_m2": cell.seen_m2,
                "weeds": cell.weeds,
                "weeds_m2": cell.weeds_m2,
                "crops": cell.crops,
                "litres": cell.litres,
                "treated_m2": cell.treated_m2,
            },
        )
        for cell in weed_cells(applied, cell_m)
    ]


def _rows(applied: AppliedMap) -> Rows:
    return [
        (
            row.line,
            {
                "run": applied.run,
                "row": row.row + 1,
                "length_m": row.length_m,
                "plants": row.plants,
                "plants_m": row.plants_m,
                "spacing_m": row.spacing_m,
                "gaps": row.gaps,
                "gap_m": row.gap_m,
            },
        )
        for row in crop_rows(applied)
    ]


def _track(applied: AppliedMap) -> Rows:
    """Return the antenna's places as they were received, in degrees already."""
    return [
        (
            shapely.Point(fix.longitude_deg, fix.latitude_deg),
            {
                "run": applied.run,
                "time": iso_time(applied.utc_s(fix.t_s)),
                "quality": fix.quality.value,
                "satellites": fix.satellites,
                "accuracy_m": fix.accuracy_m,
                "speed_m_s": fix.speed_m_s,
            },
        )
        for fix in applied.fixes
        if fix.quality is not FixQuality.NONE
    ]
