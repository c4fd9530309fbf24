"""Files that grow at their end, and can be cut back to what was whole."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol


class OutputFile(Protocol):
    """A new file that grows at its end."""

    def write(self, data: bytes) -> None:
        """Append all of ``data``; OSError where it does not fit, with any part written."""
        ...

    def truncate(self, size: int) -> None:
        """Cut the file back to ``size`` bytes and go on from there."""
        ...

    def sync(self) -> None:
        """Return once what was written survives a power cut."""
        ...

    def close(self) -> None:
        """Release the file."""
        ...


class DiskFile:
    """An `OutputFile` on a disk; refuses to overwrite."""

    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        self._descriptor = os.open(path, flags, 0o644)

    def write(self, data: bytes) -> None:
        """Append all of ``data``."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]

    def truncate(self, size: int) -> None:
        """Cut the file back to ``size`` bytes."""
        os.ftruncate(self._descriptor, size)
        os.lseek(self._descriptor, size, os.SEEK_SET)

    def sync(self) -> None:
        """Flush the file's data to the disk."""
        getattr(os, "fdatasync", os.fsync)(self._descriptor)

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self._descriptor)
