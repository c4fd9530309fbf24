"""What of the configuration can be set on the page Field: texts, units, limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agriseg.config import Config, parse_config
from agriseg.errors import ConfigError
from agriseg.recording.quality import QUALITIES
from ui.units import Units

Values = Mapping[str, float | str]
"""Configuration keys and their values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberField:
    """A number of the configuration; ``unit`` is ``m`` (in feet where asked for) or ``ms``."""

    key: str
    title: str
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceField:
    """A choice of the configuration: each option's value, words and small line."""

    key: str
    title: str
    options: tuple[tuple[str, str, str], ...]


NUMBERS = (
    NumberField(key="position.antenna_x_m", title="Antenna, forward of the wheels' axle", unit="m"),
    NumberField(key="position.antenna_y_m", title="Antenna, left of the middle", unit="m"),
    NumberField(key="position.delay_ms", title="Positions arrive late by", unit="ms"),
    NumberField(key="boundary.margin_m", title="Kept clear before the boundary", unit="m"),
    NumberField(
        key="boundary.max_uncertainty_m",
        title="Closed where the position is less sure than",
        unit="m",
    ),
)
RECORDING = ChoiceField(
    key="recording.quality",
    title="New runs are recorded",
    options=tuple(
        (quality.name, quality.title, f"{quality.gb_per_hour:g} GB an hour")
        for quality in QUALITIES.values()
    ),
)
CHOICES = (
    RECORDING,
    ChoiceField(
        key="position.required_quality",
        title="Positions count from",
        options=(
            ("gnss", "GNSS", "any fix"),
            ("dgnss", "DGNSS", "corrected"),
            ("rtk-float", "RTK float", "to 0.5 m"),
            ("rtk-fixed", "RTK fixed", "to 3 cm"),
        ),
    ),
)
KEYS = tuple(field.key for field in (*NUMBERS, *CHOICES))


def values_of(config: Config) -> dict[str, float | str]:
    """Return what a configuration says of each key."""
    found: dict[str, float | str] = {}
    for key in KEYS:
        section, _, name = key.partition(".")
        found[key] = getattr(getattr(config, section), name)
    return found


def adjusted(config: Config, values: Values) -> Config:
    """Return a configuration with other values.

    Raises
    ------
    ConfigError
        A value cannot be used.
    """
    data = config.model_dump(mode="json")
    for key, value in values.items():
        section, _, name = key.partition(".")
        data[section][name] = value
    return parse_config(data, source="page Field")


def shown_number(field: NumberField, value: float | str, units: Units) -> str:
    """Return a value as it stands in its line."""
    number = float(value)
    return f"{units.length_number(number) if field.unit == 'm' else number:.3g}"


def shown_unit(field: NumberField, units: Units) -> str:
    """Return the unit behind a line."""
    return units.length_unit if field.unit == "m" else field.unit


def typed_number(field: NumberField, text: str, units: Units) -> float:
    """Return the value that was typed.

    Raises
    ------
    ConfigError
        It is no number.
    """
    try:
        number = float(text.strip().replace(",", ".").replace("\u2212", "-"))
    except ValueError:
        raise ConfigError(f"{field.title} is {text.strip()!r}, expected a number.") from None
    return round(number / units.length_number(1.0), 4) if field.unit == "m" else number
