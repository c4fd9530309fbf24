"""Files of an export: pictures without loss, JSON, text; what goes wrong is said."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import numpy as np

from agriseg.errors import DatasetError
from agriseg.opencv import cv2


def write_picture(path: Path, pixels: np.ndarray[Any, np.dtype[np.integer[Any]]]) -> None:
    """Write a PNG file: ``(H, W)`` of 8 or 16 bits, or ``(H, W, 3) uint8`` BGR.

    Raises
    ------
    DatasetError
        It cannot be written.
    """
    write_bytes(path, cv2.imencode(".png", pixels)[1].tobytes())


def write_json(path: Path, data: Any) -> None:
    """Write a JSON file.

    Raises
    ------
    DatasetError
        It cannot be written.
    """
    text = json.dumps(data, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    write_text(path, text + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file.

    Raises
    ------
    DatasetError
        It cannot be written.
    """
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file, and the folders above it.

    Raises
    ------
    DatasetError
        It cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: OSError) -> DatasetError:
    """Return what to say of a file that cannot be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DatasetError(f"{path}: no room is left on the disk; free some, or choose another")
    return DatasetError(f"{path}: cannot be written ({error.strerror or error})")
