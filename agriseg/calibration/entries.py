"""What one finished calibration step leaves behind, and its line in the file (FORMAT.md)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from agriseg.config_values import Value
from agriseg.errors import CalibrationError

FORMAT_NAME = "agriseg-calibration"
FORMAT_VERSION = 1

Facts = Mapping[str, Any]
"""Figures of a step that are no configuration values: strings, numbers, lists, nested tables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredValue:
    """One configuration value as a step measured it.

    ``key`` is its dotted key (see `agriseg.config_values`), ``std`` its standard uncertainty in
    the unit that ends the key; NaN where it is not known or has no meaning.
    """

    key: str
    value: Value
    std: float = math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibratedValue:
    """One accepted value.

    Attributes
    ----------
    key, value, std
        As in `MeasuredValue`.
    before : Value
        What was in force until then.
    configured : Value
        What the configuration file said then. Once the file says something else, the file wins.
    """

    key: str
    value: Value
    std: float
    before: Value
    configured: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationEntry:
    """One accepted calibration: all values of a step, together or not at all.

    Attributes
    ----------
    entry_id : int
        Counts from 1 within a file.
    step : str
        Name of the step.
    accepted_at : datetime
        With time zone.
    method : str
        How it was measured, in words.
    observations : int
        How many single measurements the values rest on.
    values : tuple of CalibratedValue
    facts : mapping
        Further figures, such as residuals; kept with the history.
    operator : str
        Who accepted it; may be empty.
    """

    entry_id: int
    step: str
    accepted_at: datetime
    method: str
    observations: int
    values: tuple[CalibratedValue, ...]
    facts: Facts = field(default_factory=dict)
    operator: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undoing:
    """An accepted entry was taken back."""

    entry_id: int
    undone_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Head of a file: whose calibration it is."""

    name: str
    serial: str = ""


Line = CalibrationEntry | Undoing | Machine


def written(line: Line) -> str:
    """Return the line as it stands in the file, without its line end."""
    data: dict[str, Any]
    if isinstance(line, Machine):
        data = {
            "kind": "machine",
            "format": FORMAT_NAME,
            "version": FORMAT_VERSION,
            "name": line.name,
            "serial": line.serial,
        }
    elif isinstance(line, Undoing):
        data = {"kind": "undone", "id": line.entry_id, "time": line.undone_at.isoformat()}
    else:
        data = {
            "kind": "accepted",
            "id": line.entry_id,
            "time": line.accepted_at.isoformat(timespec="seconds"),
            "step": line.step,
            "method": line.method,
            "observations": line.observations,
            "operator": line.operator,
            "values": [_value_data(value) for value in line.values],
            "facts": line.facts,
        }
    return json.dumps(_without_nan(data), ensure_ascii=False, allow_nan=False)


def read_line(text: str, where: str) -> Line:
    """Return what a line says.

    Parameters
    ----------
    text : str
    where : str
        File and line number, for messages.

    Raises
    ------
    CalibrationError
        It is not a line of this format, or of a newer version.
    """
    try:
        data = json.loads(text)
        kind = data["kind"]
        if kind == "machine":
            _check_format(data, where)
            return Machine(name=str(data["name"]), serial=str(data["serial"]))
        if kind == "undone":
            return Undoing(entry_id=int(data["id"]), undone_at=_time(data["time"]))
        if kind == "accepted":
            return _entry(data)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CalibrationError(
            f"{where}: this line cannot be read ({error!r}); take the file back from a copy, or"
            " remove the line to do without that calibration"
        ) from error
    raise CalibrationError(
        f"{where}: kind is {kind!r}, but only machine, accepted and undone are known; update"
        " AgriSeg or remove the line"
    )


def _check_format(data: dict[str, Any], where: str) -> None:
    if data.get("format") != FORMAT_NAME:
        raise CalibrationError(
            f"{where}: this is not a calibration of AgriSeg; choose another file"
        )
    if data.get("version") != FORMAT_VERSION:
        raise CalibrationError(
            f"{where}: version is {data.get('version')!r}, this program reads {FORMAT_VERSION};"
            " update AgriSeg"
        )


def _entry(data: dict[str, Any]) -> CalibrationEntry:
    return CalibrationEntry(
        entry_id=int(data["id"]),
        step=str(data["step"]),
        accepted_at=_time(data["time"]),
        method=str(data["method"]),
        observations=int(data["observations"]),
        operator=str(data["operator"]),
        values=tuple(
            CalibratedValue(
                key=str(item["key"]),
                value=_plain(item["value"]),
                std=math.nan if item["std"] is None else float(item["std"]),
                before=_plain(item["before"]),
                configured=_plain(item["configured"]),
            )
            for item in data["values"]
        ),
        facts=dict(data["facts"]),
    )


def _value_data(value: CalibratedValue) -> dict[str, Any]:
    return {
        "key": value.key,
        "value": value.value,
        "std": value.std,
        "before": value.before,
        "configured": value.configured,
    }


def _plain(value: object) -> Value:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{value!r} is neither a number nor a text")
    return value


def _time(text: object) -> datetime:
    time = datetime.fromisoformat(str(text))
    if time.tzinfo is None:
        raise ValueError(f"time {text!r} has no time zone")
    return time


def _without_nan(value: Any) -> Any:
    """JSON has no NaN: what is not known is null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return value
