"""How much of the disk a job may take."""

from __future__ import annotations

import shutil
from pathlib import Path

_ROOM_BYTES = 600_000_000
"""For checkpoints, the bundle and its forms beside each other."""


def free_room(folder: Path) -> int:
    """Return the free bytes of the disk that a folder is or will be on."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


def needed_room(pictures_bytes: int) -> int:
    """Return the bytes that a job may take of the disk."""
    return _ROOM_BYTES + pictures_bytes
