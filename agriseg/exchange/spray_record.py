"""What the law asks of whoever sprays, and what the run itself can tell of it.

After Regulation (EU) 2023/564: product and its authorisation number, dose, time, place, area,
crop with EPPO code and growth stage; besides, what national rules and advisers want: operator,
purpose, weather, equipment.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import shapely
from pydantic import ValidationError

from agriseg.errors import ExportError, RecordingError
from agriseg.field_config import RecordConfig
from agriseg.mapping.applied import AppliedMap, spraying_times_s
from agriseg.recording.summary import write_json

RECORD_FILE = "record.json"

LABELS = {
    "operator": "Operator",
    "operator_certificate": "Operator's certificate",
    "farm": "Farm",
    "field_name": "Field",
    "crop": "Crop",
    "crop_eppo": "Crop, EPPO code",
    "crop_bbch": "Growth stage (BBCH)",
    "purpose": "Used against",
    "product": "Product",
    "product_registration": "Authorisation number",
    "product_l_per_l": "Product in the mix (l/l)",
    "equipment": "Equipment",
    "wind_m_s": "Wind (m/s)",
    "wind_from": "Wind from",
    "temperature_c": "Temperature (°C)",
    "humidity_percent": "Humidity (%)",
    "remarks": "Remarks",
}

REQUIRED = ("operator", "field_name", "crop", "product", "product_registration", "product_l_per_l")
"""Without these the record is incomplete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SprayRecord:
    """One application, ready to be filed.

    Litres are of mix, confirmed by the controller; ``litres_measured`` those of the flow meter.
    Rates are NaN where the area or the product's share is not known. ``place`` is the middle of
    the driven ground, (latitude, longitude).
    """

    run: str
    started: datetime
    ended: datetime
    place: tuple[float, float] | None
    place_note: str
    field_m2: float
    treated_m2: float
    litres_commanded: float
    litres_confirmed: float
    litres_measured: float
    mix_l_per_treated_ha: float
    mix_l_per_field_ha: float
    product_l: float
    product_l_per_treated_ha: float
    product_l_per_field_ha: float
    entered: RecordConfig
    missing: tuple[str, ...]


def load_record(run_directory: Path, configured: RecordConfig) -> RecordConfig:
    """Return what was entered for a run: the configuration's, and what was given afterwards.

    Raises
    ------
    RecordingError
        The run's ``record.json`` is damaged.
    """
    path = run_directory / RECORD_FILE
    if not path.exists():
        return configured
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
        return RecordConfig.model_validate({**configured.model_dump(), **given})
    except (OSError, ValueError, TypeError) as error:
        raise RecordingError(
            f"{path}: what was entered for this run cannot be read ({error}); mend or delete it"
        ) from error


def save_record(
    run_directory: Path, configured: RecordConfig, changes: Mapping[str, Any]
) -> RecordConfig:
    """Enter values for a run, beside those that were entered before.

    Raises
    ------
    RecordingError
        A value is out of its range, or the file cannot be written.
    """
    before = load_record(run_directory, configured)
    try:
        after = RecordConfig.model_validate({**before.model_dump(), **changes})
    except ValidationError as error:
        item = error.errors()[0]
        key = ".".join(str(part) for part in item["loc"])
        message = str(item["msg"])
        raise RecordingError(
            f"record.{key} is {item['input']!r}, but {message[0].lower()}{message[1:]}"
        ) from error
    built_in = configured.model_dump()
    own = {key: value for key, value in after.model_dump().items() if value != built_in[key]}
    write_json(run_directory / RECORD_FILE, own)
    return after


def missing_of(entered: RecordConfig) -> tuple[str, ...]:
    """Return the labels of what a complete record still needs."""
    return tuple(LABELS[key] for key in REQUIRED if not getattr(entered, key))


def spray_record(applied: AppliedMap, entered: RecordConfig) -> SprayRecord:
    """Put together what the run tells and what was entered.

    Raises
    ------
    ExportError
        Nothing was sprayed: there is nothing to record.
    """
    times = spraying_times_s(applied.history)
    if not times:
        raise ExportError(f"the run {applied.run} never sprayed; there is no application to record")
    figures = applied.figures
    product_l = _times(figures.litres_confirmed, entered.product_l_per_l)
    return SprayRecord(
        run=applied.run,
        started=_utc(applied, times[0][0]),
        ended=_utc(applied, times[-1][1]),
        place=_place(applied),
        place_note=applied.track.note,
        field_m2=figures.driven_once_m2,
        treated_m2=figures.treated_once_m2,
        litres_commanded=figures.litres_commanded,
        litres_confirmed=figures.litres_confirmed,
        litres_measured=figures.litres_measured,
        mix_l_per_treated_ha=_per_ha(figures.litres_confirmed, figures.treated_once_m2),
        mix_l_per_field_ha=_per_ha(figures.litres_confirmed, figures.driven_once_m2),
        product_l=product_l,
        product_l_per_treated_ha=_per_ha(product_l, figures.treated_once_m2),
        product_l_per_field_ha=_per_ha(product_l, figures.driven_once_m2),
        entered=entered,
        missing=missing_of(entered),
    )


def _utc(applied: AppliedMap, t_s: float) -> datetime:
    return datetime.fromtimestamp(applied.utc_s(t_s), tz=UTC)


def _place(applied: AppliedMap) -> tuple[float, float] | None:
    if applied.track.frame is None or not applied.driven:
        return None
    middle = shapely.centroid(shapely.union_all(list(applied.driven)))
    latitude, longitude = applied.track.frame.geographic([[middle.x, middle.y]])[0]
    return float(latitude), float(longitude)


def _per_ha(litres: float, area_m2: float) -> float:
    return 1e4 * litres / area_m2 if area_m2 > 0.0 else math.nan


def _times(litres: float, share: float) -> float:
    return litres * share if share > 0.0 else math.nan
