"""The record of an application as a page (HTML) and as a sheet (PDF)."""

from __future__ import annotations

import math
from pathlib import Path

import shapely
from jinja2 import Environment, PackageLoader, StrictUndefined

from agriseg.errors import ExportError
from agriseg.exchange.gis_files import MAPS_COMMAND, write_whole
from agriseg.exchange.spray_record import LABELS, SprayRecord
from agriseg.mapping.applied import AppliedMap
from agriseg.mapping.return_list import ReturnPatch

Table = list[tuple[str, str]]

_NOT_KNOWN = "–"
_NOT_STATED = "not stated"
_MAP_WIDTH_PX, _MAP_HEIGHT_PX = 760.0, 320.0
_MOST_OUTLINES = 4000


def tables(record: SprayRecord, places: list[ReturnPatch]) -> list[tuple[str, Table]]:
    """Return the record as headed tables of names and values in words."""
    entered = record.entered.model_dump()
    entered["product_l_per_l"] = entered["product_l_per_l"] or None
    stated = [(LABELS[key], _stated(entered[key])) for key in LABELS if key != "remarks"]
    place = "not known" if record.place is None else "%.6f, %.6f (WGS84)" % record.place  # noqa: UP031
    return [
        (
            "Application",
            [
                ("Run", record.run),
                ("Begun", record.started.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")),
                ("Ended", record.ended.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")),
                ("Place", place),
                ("How the place is known", record.place_note),
                ("Ground driven over while spraying", _area(record.field_m2)),
                ("Ground treated, overlaps once", _area(record.treated_m2)),
            ],
        ),
        (
            "Spray liquid",
            [
                ("Commanded", _litres(record.litres_commanded)),
                ("Confirmed by the controller", _litres(record.litres_confirmed)),
                ("Measured by the flow meter", _litres(record.litres_measured)),
                ("Measured less commanded", _difference(record)),
                ("Mix on treated ground", _rate(record.mix_l_per_treated_ha)),
                ("Mix over all ground driven", _rate(record.mix_l_per_field_ha)),
                ("Product used", _litres(record.product_l)),
                ("Product on treated ground", _rate(record.product_l_per_treated_ha)),
                ("Product over all ground driven", _rate(record.product_l_per_field_ha)),
            ],
        ),
        ("As stated by the operator", stated),
        (
            "To be sprayed again",
            [
                ("Places", str(len(places))),
                ("Ground", _area(sum(one.area_m2 for one in places))),
                ("Mix needed", _litres(sum(one.litres for one in places))),
            ],
        ),
    ]


def write_html(
    applied: AppliedMap,
    record: SprayRecord,
    places: list[ReturnPatch],
    out: Path,
    *,
    overwrite: bool,
) -> list[Path]:
    """Write the record as one page that needs nothing else.

    Raises
    ------
    ExportError
        It exists, or cannot be written.
    """
    environment = Environment(
        loader=PackageLoader("agriseg.exchange", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("record.html.jinja").render(
        record=record,
        tables=tables(record, places),
        shapes=_drawn(applied, places),
        width=_MAP_WIDTH_PX,
        height=_MAP_HEIGHT_PX,
    )

    def write(place: Path) -> None:
        place.write_text(page, encoding="utf-8")

    return write_whole(out, write, is_folder=False, overwrite=overwrite)


def write_pdf(
    applied: AppliedMap,
    record: SprayRecord,
    places: list[ReturnPatch],
    out: Path,
    *,
    overwrite: bool,
) -> list[Path]:
    """Write the record as a sheet of A4.

    Raises
    ------
    ExportError
        It exists, cannot be written, or what makes PDF is not installed.
    """
    try:
        from agriseg.exchange.record_sheet import draw_sheet
    except ImportError:
        raise ExportError(
            f"exporting pdf needs reportlab; install it with `{MAPS_COMMAND}`, or export html and"
            " print it"
        ) from None
    drawn = _drawn(applied, places)
    return write_whole(
        out,
        lambda place: draw_sheet(
            place, record, tables(record, places), drawn, (_MAP_WIDTH_PX, _MAP_HEIGHT_PX)
        ),
        is_folder=False,
        overwrite=overwrite,
    )


Shapes = list[tuple[str, list[tuple[float, float]]]]


def _drawn(applied: AppliedMap, places: list[ReturnPatch]) -> Shapes:
    """Return rings for the little map: layer and points, from its top left in pixels."""
    driven = shapely.union_all(list(applied.driven))
    if shapely.is_empty(driven):
        return []
    west, south, east, north = shapely.bounds(driven)
    scale = min(
        (_MAP_WIDTH_PX - 20.0) / max(east - west, 1.0),
        (_MAP_HEIGHT_PX - 20.0) / max(north - south, 1.0),
    )
    treated = [one.area for one in applied.treated]
    if len(treated) > _MOST_OUTLINES:  # what would be drawn over itself is drawn once
        treated = list(shapely.get_parts(shapely.buffer(shapely.union_all(treated), 0.1)))
    layers = [
        ("driven", list(shapely.get_parts(driven))),
        ("treated", treated[:_MOST_OUTLINES]),
        ("again", [part for one in places for part in shapely.get_parts(one.area)]),
    ]
    return [
        (name, [(10 + (x - west) * scale, 10 + (north - y) * scale) for x, y in ring.coords])
        for name, areas in layers
        for area in areas
        for ring in (area.exterior, *area.interiors)
    ]


def _stated(value: object) -> str:
    if value is None or value == "":
        return _NOT_STATED
    return f"{value:g}" if isinstance(value, float) else str(value)


def _area(area_m2: float) -> str:
    return f"{area_m2:,.1f} m² ({area_m2 / 1e4:.4g} ha)".replace(",", "\u202f")


def _litres(litres: float) -> str:
    if math.isnan(litres):
        return _NOT_KNOWN
    if litres >= 1.0:
        return f"{litres:.2f} l"
    return f"{1e3 * litres:.{1 if litres < 0.01 else 0}f} ml"


def _difference(record: SprayRecord) -> str:
    difference = record.litres_measured - record.litres_commanded
    if math.isnan(difference) or record.litres_commanded <= 0.0:
        return _NOT_KNOWN
    return f"{1e3 * difference:+.0f} ml ({100 * difference / record.litres_commanded:+.1f} %)"


def _rate(litres_per_ha: float) -> str:
    return _NOT_KNOWN if math.isnan(litres_per_ha) else f"{litres_per_ha:.2f} l/ha"
