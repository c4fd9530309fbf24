"""The list of a project's pictures: their files, states and the work on them (``images.json``)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from agriseg.errors import LabelError
from agriseg.labelling.files import write_whole

VERSION = 1

_BLOCK_BYTES = 1 << 20


class PictureState(StrEnum):
    """How far the labels of a picture are."""

    TO_DO = "to do"
    """Nobody has begun."""
    IN_WORK = "in work"
    """Begun; training does not use it yet."""
    DONE = "done"
    """The labeller holds it for right; training uses it."""
    REVIEWED = "reviewed"
    """Somebody has looked over it since; training uses it."""

    @property
    def is_finished(self) -> bool:
        """Whether training may use the labels."""
        return self in (PictureState.DONE, PictureState.REVIEWED)


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureEntry:
    """One picture of a project.

    Attributes
    ----------
    file : str
        Name in the folder ``images``.
    sha256 : str
        Of the file, in hexadecimal: by it the picture is found again wherever it went.
    size_bytes : int
    width_px, height_px : int
    state : PictureState
    by : str
        Who set the state.
    changed : str
        When the labels or the state were changed last, ISO 8601 UTC; empty for never.
    work_s : float
        Time that a person spent on the labels.
    note : str
        Free words.
    """

    file: str
    sha256: str
    size_bytes: int
    width_px: int
    height_px: int
    state: PictureState = PictureState.TO_DO
    by: str = ""
    changed: str = ""
    work_s: float = 0.0
    note: str = ""

    @property
    def stem(self) -> str:
        """Name of the picture, and of its label files."""
        return Path(self.file).stem


def read_pictures(path: Path) -> dict[str, PictureEntry]:
    """Read ``images.json``: entries by stem, ordered by name; none where there is no file yet.

    Raises
    ------
    LabelError
        It cannot be read, or is of another version.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        version, entries = data["version"], data["images"]
        if version != VERSION:
            raise LabelError(
                f"{path}: version is {version!r}, this program reads {VERSION}; open the project "
                "with the program that wrote it, or a newer one"
            )
        return {stem: _entry(values) for stem, values in sorted(entries.items())}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise LabelError(
            f"{path}: cannot be read as a list of pictures ({error!r}); restore it from a copy, or "
            "delete it: the labels stay, states and times are lost"
        ) from error


def write_pictures(path: Path, pictures: Mapping[str, PictureEntry]) -> None:
    """Write ``images.json``.

    Raises
    ------
    LabelError
        It cannot be written.
    """
    images = {}
    for stem, entry in sorted(pictures.items()):
        values = asdict(entry)
        values["work_s"] = round(entry.work_s, 1)
        images[stem] = values
    text = json.dumps({"version": VERSION, "images": images}, indent=1, ensure_ascii=False)
    write_whole(path, (text + "\n").encode())


def sha256_of(path: Path) -> str:
    """Return the hash of a file's content, in hexadecimal.

    Raises
    ------
    LabelError
        It cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
    except OSError as error:
        raise LabelError(f"{path}: cannot be read ({error.strerror})") from error
    return digest.hexdigest()


def _entry(values: Any) -> PictureEntry:
    known = {name: values[name] for name in PictureEntry.__slots__ if name in values}
    known["state"] = PictureState(known["state"])
    return PictureEntry(**known)
