"""Single values of a configuration by their dotted key, such as ``camera.pose.z_m``.

A nozzle's own values are named by its number: ``boom.nozzles.3.x_m``. Where the nozzle has no
value of its own, the one that it takes from the boom is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agriseg.config import Config, parse_config
from agriseg.errors import ConfigError
from agriseg.spraying.boom import Boom

Value = int | float | str

_NOZZLES = ("boom", "nozzles")


def value_of(config: Config, key: str) -> Value:
    """Return the value in force at ``key``.

    Raises
    ------
    ConfigError
        There is no such key, or it names a table.
    """
    parts = tuple(key.split("."))
    found: Any = (
        _nozzle_value(config, key, parts) if parts[:2] == _NOZZLES else _plain(config, key, parts)
    )
    if not isinstance(found, int | float | str):
        raise ConfigError(f"{key} is not a single value; `agriseg config` lists all keys")
    return found


def with_values(config: Config, values: Mapping[str, Value], source: str) -> Config:
    """Return ``config`` with some values changed, checked like a configuration file.

    Parameters
    ----------
    config : Config
    values : mapping
        Dotted key to value.
    source : str
        Names the origin of the values in messages.

    Raises
    ------
    ConfigError
        A key is not known, or a value is out of its range.
    """
    if not values:
        return config
    data = config.model_dump()
    for key, value in values.items():
        parts = key.split(".")
        if tuple(parts[:2]) == _NOZZLES:
            _set_nozzle(data, parts, value, f"{source}: {key}")
        else:
            _set_plain(data, parts, value, f"{source}: {key}")
    return parse_config(data, source)


def true_config(config: Config) -> Config:
    """Return what is really so on the simulated machine, which may differ from the configured.

    Raises
    ------
    ConfigError
        ``simulation.truth`` names an unknown key, or a value out of its range.
    """
    return with_values(config, config.simulation.truth, "simulation.truth")


def _plain(config: Config, key: str, parts: tuple[str, ...]) -> object:
    found: object = config
    for part in parts:
        if part not in getattr(type(found), "model_fields", {}):
            raise ConfigError(f"{key} is not a known key; `agriseg config` lists them all")
        found = getattr(found, part)
    return found


def _nozzle_value(config: Config, key: str, parts: tuple[str, ...]) -> object:
    number, name = _nozzle_key(parts, key)
    if number >= config.boom.nozzle_count:
        raise ConfigError(
            f"{key}: there is no nozzle {number} on a boom of {config.boom.nozzle_count}"
            f" (0 to {config.boom.nozzle_count - 1})"
        )
    for nozzle in config.boom.nozzles:
        own = getattr(nozzle, name) if nozzle.nozzle == number else None
        if own is not None:
            return own
    if name in ("channel", "x_m", "y_m"):
        return getattr(Boom(config.boom).nozzles[number], name)
    return getattr(config.boom, name)


def _nozzle_key(parts: tuple[str, ...] | list[str], key: str) -> tuple[int, str]:
    names = ("channel", "x_m", "y_m", "open_latency_ms", "close_latency_ms", "flow_l_min")
    if len(parts) != 4 or not parts[2].isdecimal() or parts[3] not in names:
        raise ConfigError(
            f"{key} is not a nozzle's key; expected boom.nozzles.NUMBER.NAME with NAME one of"
            f" {', '.join(names)}"
        )
    return int(parts[2]), parts[3]


def _set_plain(data: dict[str, Any], parts: list[str], value: Value, key: str) -> None:
    table = data
    for part in parts[:-1]:
        below = table.get(part)
        if not isinstance(below, dict):
            raise ConfigError(f"{key} is not a known key; `agriseg config` lists them all")
        table = below
    if parts[-1] not in table or isinstance(table[parts[-1]], dict):
        raise ConfigError(f"{key} is not a known value; `agriseg config` lists them all")
    table[parts[-1]] = value


def _set_nozzle(data: dict[str, Any], parts: list[str], value: Value, key: str) -> None:
    number, name = _nozzle_key(parts, key)
    nozzles: list[dict[str, Any]] = [dict(nozzle) for nozzle in data["boom"]["nozzles"]]
    own = next((nozzle for nozzle in nozzles if nozzle["nozzle"] == number), None)
    if own is None:
        own = {"nozzle": number}
        nozzles.append(own)
    own[name] = value
    data["boom"]["nozzles"] = sorted(nozzles, key=lambda nozzle: int(nozzle["nozzle"]))
