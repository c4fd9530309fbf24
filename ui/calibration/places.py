"""Where files of the machine may come from and go to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QStandardPaths, QStorageInfo

_STICKS = ("/media/", "/run/media/", "/mnt/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A folder for files that come and go, with a name for people."""

    word: str
    folder: Path


def places() -> tuple[Place, ...]:
    """Return the user's documents and what is plugged in."""
    documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
    sticks = tuple(
        Place(word=volume.displayName(), folder=Path(volume.rootPath()))
        for volume in QStorageInfo.mountedVolumes()
        if volume.isReady() and volume.rootPath().startswith(_STICKS)
    )
    return (Place(word="Documents", folder=Path(documents) / "AgriSeg"), *sticks)
