"""A boom as a file of its own: to keep several, and to carry one from machine to machine."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from agriseg.calibration.entries import MeasuredValue
from agriseg.calibration.steps import StepResult
from agriseg.config import BoomConfig, Config, parse_config
from agriseg.errors import CalibrationError, ConfigError

_HEADER = """\
# A boom of AgriSeg: nozzles, valves and their calibration. The keys are those of [boom] in the
# configuration. Read it with `agriseg calibrate boom --import FILE`, or copy it there.
"""


def boom_text(boom: BoomConfig) -> str:
    """Return a boom as TOML: the table ``[boom]``, and one entry for each nozzle of its own."""
    data: dict[str, Any] = boom.model_dump(mode="json", exclude_none=True)
    nozzles = data.pop("nozzles")
    lines = [_HEADER, "[boom]", *(f"{key} = {json.dumps(value)}" for key, value in data.items())]
    for nozzle in nozzles:
        lines += ["", "[[boom.nozzles]]"]
        lines += [f"{key} = {json.dumps(value)}" for key, value in nozzle.items()]
    return "\n".join(lines) + "\n"


def export_boom(boom: BoomConfig, path: Path) -> None:
    """Write a boom to a new file.

    Raises
    ------
    CalibrationError
        The file exists or cannot be written.
    """
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(boom_text(boom))
    except FileExistsError:
        raise CalibrationError(
            f"{path}: this file exists and is not overwritten; choose another name or remove it"
        ) from None
    except OSError as error:
        raise CalibrationError(
            f"{path}: the boom cannot be written ({error.strerror}); choose another folder"
        ) from error


def import_boom(path: Path) -> BoomConfig:
    """Read a boom.

    Raises
    ------
    CalibrationError
        The file cannot be read, or is no boom.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CalibrationError(f"{path}: the boom cannot be read ({error})") from error
    if set(data) != {"boom"}:
        raise CalibrationError(
            f"{path}: a boom's file has one table [boom], this has"
            f" {', '.join(sorted(data)) or 'nothing'}; export one to see how it looks"
        )
    try:
        return parse_config(data, str(path)).boom
    except ConfigError as error:
        raise CalibrationError(str(error)) from error


def boom_result(boom: BoomConfig, config: Config, method: str) -> StepResult:
    """Return what would change to make ``config``'s boom this one."""
    before = config.boom
    values: list[MeasuredValue] = []
    for name in type(boom).model_fields:
        if name != "nozzles" and getattr(boom, name) != getattr(before, name):
            values.append(MeasuredValue(key=f"boom.{name}", value=getattr(boom, name)))
    for nozzle in boom.nozzles:
        for name in type(nozzle).model_fields:
            value = getattr(nozzle, name)
            if name != "nozzle" and value is not None:
                key = f"boom.nozzles.{nozzle.nozzle}.{name}"
                values.append(MeasuredValue(key=key, value=value))
    changed = "1 value" if len(values) == 1 else f"{len(values)} values"
    return StepResult(
        values=tuple(values),
        method=method,
        observations=1,
        summary=f"A boom of {boom.nozzle_count} nozzles, {100.0 * boom.pitch_m:.1f} cm apart:"
        f" {changed} to set.",
    )
