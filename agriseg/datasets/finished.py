"""Which pictures of a label project are finished, so that training may use them."""

from __future__ import annotations

import json
from pathlib import Path

from agriseg.errors import DatasetError

PROJECT_NAME = "project.toml"
PICTURES_NAME = "images.json"
FINISHED_STATES = frozenset({"done", "reviewed"})


def finished_stems(directory: Path) -> frozenset[str] | None:
    """Return the pictures of a label project whose labels are done or reviewed.

    None where the folder is no label project: then every image counts.

    Raises
    ------
    DatasetError
        The project's list of pictures cannot be read.
    """
    path = directory / PICTURES_NAME
    if not (directory / PROJECT_NAME).is_file() or not path.is_file():
        return None
    try:
        images = json.loads(path.read_text(encoding="utf-8"))["images"]
        return frozenset(s for s, one in images.items() if one["state"] in FINISHED_STATES)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(
            f"{path}: cannot be read as a label project's list of pictures ({error!r})"
        ) from error
