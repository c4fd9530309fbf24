"""From the store to the engine: the calibrated values laid over the configuration's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agriseg.calibration.entries import CalibrationEntry
from agriseg.calibration.profiles import open_store
from agriseg.calibration.store import CalibrationStore
from agriseg.config import Config
from agriseg.config_values import Value, true_config, value_of, with_values
from agriseg.errors import AgrisegError, CalibrationError, ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """A configuration with its calibration.

    Attributes
    ----------
    config : Config
        What is in force.
    applied : tuple of CalibrationEntry
        The entries of which at least one value is in force or was, oldest first.
    left_out : mapping
        Entry id to why nothing of it is in force, in a sentence.
    problem : str
        Why no calibration at all is in force, in a sentence; empty if that is not so.
    """

    config: Config
    applied: tuple[CalibrationEntry, ...] = ()
    left_out: Mapping[int, str]
    problem: str = ""


def calibrated(config: Config, store: CalibrationStore | None = None) -> Calibrated:
    """Lay the calibration over a configuration.

    An entry of which the configuration file has changed a value since is left out as a whole,
    and so is one that the configuration no longer allows. On the simulated machine what was
    configured stays true: its truth does not move because it was measured.

    Parameters
    ----------
    config : Config
        What the configuration file says.
    store : CalibrationStore, optional
        By default the one that belongs to ``config``.

    Raises
    ------
    CalibrationError
        The store's file cannot be read.
    """
    if not config.calibration.enabled:
        return Calibrated(config=config, left_out={})
    store = store or open_store(config)
    result = config
    applied: list[CalibrationEntry] = []
    left_out: dict[int, str] = {}
    for entry in store.in_force():
        reason = _why_left_out(entry, config)
        if not reason:
            try:
                result = with_values(
                    result, {v.key: v.value for v in entry.values}, f"calibration of {entry.step}"
                )
            except ConfigError as error:
                reason = f"{error}: calibrate {entry.step} again"
        if reason:
            left_out[entry.entry_id] = reason
        else:
            applied.append(entry)
    result = _with_truth(config, result, applied)
    return Calibrated(config=result, applied=tuple(applied), left_out=left_out)


def calibrated_or_plain(config: Config) -> Calibrated:
    """Return as `calibrated`; where the store cannot be read, the plain configuration and why."""
    try:
        return calibrated(config)
    except CalibrationError as error:
        return Calibrated(config=config, left_out={}, problem=str(error))


def _why_left_out(entry: CalibrationEntry, config: Config) -> str:
    for value in entry.values:
        try:
            now = value_of(config, value.key)
        except AgrisegError as error:
            return f"{error}: calibrate {entry.step} again"
        if not _same(now, value.configured):
            return (
                f"{value.key} was {value.configured} in the configuration when {entry.step} was"
                f" calibrated and is {now} now: the configuration is used, calibrate again"
            )
    return ""


def _same(first: Value, second: Value) -> bool:
    if isinstance(first, str) or isinstance(second, str):
        return first == second
    return abs(first - second) <= 1e-12 * max(1.0, abs(first))


def _with_truth(config: Config, result: Config, applied: list[CalibrationEntry]) -> Config:
    if not applied or config.camera.source != "sim":
        return result
    keys = {value.key for entry in applied for value in entry.values}
    true = true_config(config)  # a nozzle's place follows from its boom's, and that may be untrue
    numbers = {key: value_of(true, key) for key in keys}
    truth = {key: value for key, value in numbers.items() if not isinstance(value, str)}
    simulation = config.simulation.model_copy(
        update={"truth": {**truth, **config.simulation.truth}}
    )
    return result.model_copy(update={"simulation": simulation})
