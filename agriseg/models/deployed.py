"""Which model is used where the configuration names none: the deployed one, else the shipped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from agriseg.errors import ModelFileError
from agriseg.models.bundle import MANIFEST_NAME, open_bundle, shipped_model
from agriseg.models.naming import find_model, shipped_models, user_models_directory

DEPLOYED_NAME = "deployed.json"
DEPLOYED_FORMAT = "agriseg-deployment"
DEPLOYED_VERSION = 1

_MEND = "`agriseg models rollback` returns to the model before it"


def deployed_path() -> Path:
    """Return the file that names the deployed model; it need not be there."""
    return user_models_directory() / DEPLOYED_NAME


def default_model() -> Path:
    """Return the folder of the model that is used where none is named.

    A deployed model that is missing or has been exchanged is an error: another one must not take
    its place unasked.

    Raises
    ------
    ModelFileError
        The deployed model is missing or is not the one that was deployed, the file that names it
        cannot be read, or nothing is deployed and the shipped model is missing.
    """
    in_use = read_deployed(deployed_path())["in_use"]
    if not in_use or not in_use[-1]["model"]:
        return shipped_model()
    entry = in_use[-1]
    folder = user_models_directory() / str(entry["model"])
    if not folder.is_dir():
        folder = shipped_models().get(str(entry["model"]), folder)
    if not (folder / MANIFEST_NAME).is_file():
        raise ModelFileError(
            f"{folder}: the deployed model is missing; {_MEND}, or put the folder back"
        )
    found = open_bundle(folder).manifest.files.weights.sha256
    if found != entry["weights_sha256"]:
        raise ModelFileError(
            f"{folder}: holds weights {found[:12]}..., deployed were "
            f"{str(entry['weights_sha256'])[:12]}...; {_MEND}, or deploy it again"
        )
    return folder


def wanted_model(name: str | Path | None) -> Path:
    """Return the folder of the model that a setting or an option asks for.

    Parameters
    ----------
    name : str, Path or None
        Folder or name, see `find_model`; nothing means `default_model`.

    Raises
    ------
    ModelFileError
        There is no such model, or the deployed one cannot be used.
    """
    return find_model(str(name)) if name else default_model()


def read_deployed(path: Path) -> dict[str, Any]:
    """Read ``deployed.json``: ``in_use``, the models one upon the other, and ``log``.

    Without the file nothing is deployed. `agriseg.registry` writes it.

    Raises
    ------
    ModelFileError
        It cannot be read or is of another kind or version.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {"in_use": [], "log": []}
    except (OSError, ValueError) as error:
        raise ModelFileError(
            f"{path}: cannot be read ({error}); it says which model sprays, so none is taken in "
            "its place: mend it, or move it away to return to the shipped model"
        ) from error
    if not isinstance(data, dict) or data.get("format") != DEPLOYED_FORMAT:
        raise ModelFileError(f"{path}: expected format {DEPLOYED_FORMAT!r}; move it away")
    if data.get("format_version") != DEPLOYED_VERSION:
        raise ModelFileError(
            f"{path}: format version {data.get('format_version')!r}, this program reads "
            f"{DEPLOYED_VERSION}; update AgriSeg"
        )
    in_use, log = data.get("in_use"), data.get("log")
    if not isinstance(in_use, list) or not isinstance(log, list):
        raise ModelFileError(f"{path}: expected lists in_use and log; move it away")
    for entry in in_use:
        if not isinstance(entry, dict) or not {"model", "weights_sha256"} <= set(entry):
            raise ModelFileError(f"{path}: in_use: expected model and weights_sha256 in {entry!r}")
    return data
