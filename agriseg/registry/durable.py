"""Files that are there whole after a power cut, and a lock between processes."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agriseg.errors import RegistryError


def write_durably(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write a file whole or not at all, on the disk when it returns.

    Raises
    ------
    RegistryError
        It cannot be written; what was there before stays.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise RegistryError(
            f"{path}: cannot be written ({error.strerror}); nothing was changed: free the disk or "
            "mend the permission, then try again"
        ) from error


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write JSON whole or not at all.

    Raises
    ------
    RegistryError
        As `write_durably`.
    """
    text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)
    write_durably(path, (text + "\n").encode())


def sync_folder(folder: Path) -> None:
    """Bring a folder's names to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes out while something is read, changed and written; waits for them.

    Raises
    ------
    RegistryError
        The lock cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
    except OSError as error:
        raise RegistryError(f"{path}: cannot be written ({error.strerror})") from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
