"""The record that the law asks of sprayer operators, as a form: groups, hints, what was typed."""

from __future__ import annotations

from collections.abc import Mapping

from agriseg.errors import RecordingError
from agriseg.exchange.spray_record import LABELS
from agriseg.field_config import RecordConfig

GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Who", ("operator", "operator_certificate", "farm", "remarks")),
    ("Field and crop", ("field_name", "crop", "crop_eppo", "crop_bbch")),
    (
        "Against what, with what",
        ("purpose", "product", "product_registration", "product_l_per_l", "equipment"),
    ),
    ("Weather", ("wind_m_s", "wind_from", "temperature_c", "humidity_percent")),
)
HINTS: Mapping[str, str] = {
    "crop_eppo": "such as BEAVA",
    "crop_bbch": "such as 14 or 12-16",
    "purpose": "such as thistles",
    "product_l_per_l": "0.01 is 1 %",
    "equipment": "sprayer, last inspection",
    "wind_m_s": "such as 2.5",
    "wind_from": "such as NW",
    "temperature_c": "such as 18",
    "humidity_percent": "such as 65",
}
NUMBERS = frozenset({"product_l_per_l", "wind_m_s", "temperature_c", "humidity_percent"})
_OF_THE_DAY = frozenset({"wind_m_s", "wind_from", "temperature_c", "humidity_percent"}) | {
    "crop_bbch",
    "remarks",
}
"""What is another with each application, and not taken over from the last."""


def text_of(record: RecordConfig, key: str) -> str:
    """Return what a field shows; empty where nothing is stated."""
    value = getattr(record, key)
    if value is None or (key == "product_l_per_l" and not value):
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def value_of(key: str, text: str) -> str | float | None:
    """Return what was typed as the record keeps it.

    Raises
    ------
    RecordingError
        A number is asked for, and this is none.
    """
    stripped = text.strip()
    if key not in NUMBERS:
        return stripped
    if not stripped:
        return 0.0 if key == "product_l_per_l" else None
    try:
        return float(stripped.replace(",", "."))
    except ValueError:
        hint = HINTS[key]
        raise RecordingError(f"{LABELS[key]} is {stripped!r}, expected a number: {hint}") from None


def to_be_remembered(record: RecordConfig) -> dict[str, str | float]:
    """Return what is likely to be the same at the next application."""
    return {
        key: getattr(record, key)
        for key in LABELS
        if key not in _OF_THE_DAY and text_of(record, key)
    }


def as_last_time(record: RecordConfig, last: Mapping[str, object]) -> dict[str, object]:
    """Return what of the last application fills what is empty in this one."""
    return {
        key: value
        for key, value in last.items()
        if key in LABELS and key not in _OF_THE_DAY and not text_of(record, key)
    }
