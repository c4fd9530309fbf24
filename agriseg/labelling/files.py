"""Where the files of a label project lie, and how they are written: whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
from dataclasses import dataclass
from pathlib import Path

from agriseg.datasets.finished import PICTURES_NAME as PICTURES_NAME
from agriseg.datasets.finished import PROJECT_NAME as PROJECT_NAME
from agriseg.errors import LabelError


@dataclass(frozen=True, slots=True)
class ProjectPaths:
    """The files of one project."""

    directory: Path

    @property
    def project(self) -> Path:
        """Name and classes."""
        return self.directory / PROJECT_NAME

    @property
    def pictures(self) -> Path:
        """Every picture with its state."""
        return self.directory / PICTURES_NAME

    @property
    def images(self) -> Path:
        """The pictures themselves."""
        return self.directory / "images"

    @property
    def private(self) -> Path:
        """What only editing needs: lock, journals, what was put aside."""
        return self.directory / ".labelling"

    @property
    def journals(self) -> Path:
        """Strokes that are not in the label files yet."""
        return self.private / "journal"

    @property
    def aside(self) -> Path:
        """Label files that another program wrote while a picture was open."""
        return self.private / "aside"

    @property
    def removed(self) -> Path:
        """Pictures that were taken out, with their labels."""
        return self.private / "removed"

    def mask(self, stem: str) -> Path:
        """Classes as training reads them: soil, crop, weed, ignore."""
        return self.directory / "masks" / f"{stem}.png"

    def fine(self, stem: str) -> Path:
        """Classes with the user's own, where there are any."""
        return self.directory / "fine" / f"{stem}.png"

    def instances(self, stem: str) -> Path:
        """Plant numbers."""
        return self.directory / "instances" / f"{stem}.png"

    def confidence(self, stem: str) -> Path:
        """How sure the labels are, where a model made them."""
        return self.directory / "confidence" / f"{stem}.png"

    def stems(self, stem: str) -> Path:
        """Where plants leave the ground."""
        return self.directory / "stems" / f"{stem}.json"

    def of_picture(self, stem: str) -> tuple[Path, ...]:
        """Return all label files that a picture can have."""
        return (
            self.mask(stem),
            self.fine(stem),
            self.instances(stem),
            self.confidence(stem),
            self.stems(stem),
        )


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that after a crash or a power cut either the old or the new is there.

    Raises
    ------
    LabelError
        It cannot be written; the old file is untouched.
    """
    partial = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise LabelError(trouble(path, error)) from error


def trouble(path: Path, error: OSError) -> str:
    """Say why a file cannot be written, and what mends it."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"{path}: there is no room left on the disk; free some, the labels are kept in memory "
            "until then"
        )
    return f"{path}: cannot be written ({error.strerror}); check the folder's permissions"
