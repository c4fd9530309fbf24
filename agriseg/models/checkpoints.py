"""Checkpoints of a training: plain tensors and numbers, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from agriseg.errors import DatasetError, ModelFileError

CHECKPOINT_VERSION = 1
CHECKPOINT_NAME = "checkpoint.pt"


def write_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Replace a checkpoint by a new one.

    Raises
    ------
    DatasetError
        It cannot be written; the one before stays.
    """
    partial = path.with_suffix(".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            torch.save({"version": CHECKPOINT_VERSION, **state}, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except (OSError, RuntimeError) as error:
        raise DatasetError(f"{path}: the checkpoint cannot be written ({error})") from error


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint as plain tensors; code inside is never run.

    Raises
    ------
    ModelFileError
        It is missing, damaged or of another version.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ModelFileError(f"{path}: there is no checkpoint to resume from") from error
    except Exception as error:
        raise ModelFileError(f"{path}: not a readable checkpoint ({error})") from error
    if not isinstance(state, dict) or state.get("version") != CHECKPOINT_VERSION:
        found = state.get("version") if isinstance(state, dict) else type(state).__name__
        raise ModelFileError(f"{path}: checkpoint version {found!r}, expected {CHECKPOINT_VERSION}")
    return state
