"""What is changed in a replay: configuration keys, the model, speed and latency."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from agriseg.config import Config, parse_config
from agriseg.errors import ConfigError

SHORT_NAMES = {
    "sensitivity": "spray.sensitivity",
    "mode": "spray.mode",
    "weed_margin_m": "spray.weed_margin_m",
    "crop_margin_m": "spray.crop_margin_m",
    "min_weed_area_m2": "spray.min_weed_area_m2",
    "speed": "speed",
    "latency_ms": "latency_ms",
    "nozzle_pitch_m": "nozzle_pitch_m",
}
"""Names for ``--set`` and ``--curve``; any key below ``spray`` or ``boom`` will do as well."""

_OPERATORS = frozenset({"spray.sensitivity", "spray.mode"})
_MOST_POINTS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySettings:
    """Changes against the run as it was.

    Attributes
    ----------
    keys : tuple of (str, str)
        Configuration keys below ``spray`` or ``boom``, and their values as text.
    nozzle_pitch_m : float, optional
        Another distance between nozzles: number, footprint and flow of the nozzles change with
        it, so that the boom stays as wide and a full opening takes as much mix.
    speed_factor : float
    added_latency_s : float
    model : str
        Folder or name of a model that looks at the recorded pictures, or ``exg``; empty: what was
        seen then.
    number : float, optional
        Where on a curve these settings are.
    """

    keys: tuple[tuple[str, str], ...] = ()
    nozzle_pitch_m: float | None = None
    speed_factor: float = 1.0
    added_latency_s: float = 0.0
    model: str = ""
    number: float | None = None

    @property
    def is_unchanged(self) -> bool:
        """Whether the run is to be decided again just as it was."""
        return self == ReplaySettings()

    @property
    def is_retimed(self) -> bool:
        """Whether steps come at other times than they did."""
        return self.speed_factor != 1.0 or self.added_latency_s != 0.0

    @property
    def keeps_operator(self) -> bool:
        """Whether sensitivity and mode are those that the operator had set."""
        return not any(key in _OPERATORS for key, _ in self.keys)

    def with_value(self, name: str, text: str) -> ReplaySettings:
        """Return the settings with one more change.

        Raises
        ------
        ConfigError
            There is no such setting, or the value is none.
        """
        key = SHORT_NAMES.get(name, name)
        if key == "speed":
            return replace(self, speed_factor=_number(name, text, 0.1, 10.0))
        if key == "latency_ms":
            return replace(self, added_latency_s=1e-3 * _number(name, text, -1000.0, 5000.0))
        if key == "nozzle_pitch_m":
            return replace(self, nozzle_pitch_m=_number(name, text, 0.01, 2.0))
        if not key.startswith(("spray.", "boom.")):
            raise ConfigError(
                f"{name} cannot be changed in a replay; possible are {', '.join(SHORT_NAMES)} and"
                " the keys below spray and boom (`agriseg config` lists them)"
            )
        return replace(self, keys=(*(pair for pair in self.keys if pair[0] != key), (key, text)))

    def applied(self, config: Config) -> Config:
        """Return a run's configuration with the changes.

        Raises
        ------
        ConfigError
            A key or value cannot be used.
        """
        data = config.model_dump(mode="json")
        if self.nozzle_pitch_m is not None:
            _repitch(data["boom"], self.nozzle_pitch_m)
        for key, text in self.keys:
            section, _, name = key.partition(".")
            if name not in data[section]:
                raise ConfigError(f"--set: {key} is not a known key; `agriseg config` lists them")
            data[section][name] = _value(text, data[section][name])
        return parse_config(data, source="--set")

    def words(self) -> str:
        """Return the changes in words, for tables."""
        parts = [f"{key.removeprefix('spray.')} {value}" for key, value in self.keys]
        if self.nozzle_pitch_m is not None:
            parts.append(f"nozzles every {self.nozzle_pitch_m:g} m")
        if self.speed_factor != 1.0:
            parts.append(f"speed x {self.speed_factor:g}")
        if self.added_latency_s:
            parts.append(f"latency {1e3 * self.added_latency_s:+g} ms")
        if self.model:
            parts.append(f"model {self.model}")
        return ", ".join(parts) or "as it was"


def parse_setting(settings: ReplaySettings, text: str) -> ReplaySettings:
    """Return settings with a change given as ``name=value``.

    Raises
    ------
    ConfigError
        It is not of this form, or cannot be used.
    """
    name, equals, value = text.partition("=")
    if not equals or not value:
        raise ConfigError(f"--set {text}: expected NAME=VALUE, such as sensitivity=0.7")
    return settings.with_value(name.strip(), value.strip())


def parse_curve(text: str) -> tuple[str, list[float]]:
    """Return name and values of a curve given as ``name=from:to:step``.

    Raises
    ------
    ConfigError
        It is not of this form, or has too many points.
    """
    name, equals, span = text.partition("=")
    try:
        first, last, step = (float(part) for part in span.split(":"))
        count = math.floor((last - first) / step + 1e-9) + 1
    except (ValueError, ZeroDivisionError):
        count = 0
    if not equals or count < 1:
        raise ConfigError(
            f"--curve {text}: expected NAME=FROM:TO:STEP, such as sensitivity=0.1:0.9:0.1"
        )
    if count > _MOST_POINTS:
        raise ConfigError(f"--curve {text}: {count} points are too many, {_MOST_POINTS} the most")
    return name.strip(), [round(first + index * step, 9) for index in range(count)]


def curve_settings(
    base: ReplaySettings, name: str, values: Sequence[float]
) -> list[ReplaySettings]:
    """Return one setting for each point of a curve."""
    return [replace(base.with_value(name, f"{value:g}"), number=value) for value in values]


def _repitch(boom: dict[str, Any], pitch_m: float) -> None:
    ratio = pitch_m / boom["pitch_m"]
    boom["nozzle_count"] = max(1, round(boom["nozzle_count"] / ratio))
    boom["footprint_across_m"] *= ratio
    boom["flow_l_min"] *= ratio
    boom["pitch_m"] = pitch_m
    boom["nozzles"] = []


def _value(text: str, like: object) -> object:
    if isinstance(like, bool):
        return text.lower() in ("true", "yes", "1")
    try:
        return int(text) if isinstance(like, int) else float(text)
    except ValueError:
        return text


def _number(name: str, text: str, low: float, high: float) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ConfigError(f"{name} is {text!r}, expected a number") from None
    if not low <= value <= high:
        raise ConfigError(f"{name} is {value:g}, expected {low:g} to {high:g}")
    return value
