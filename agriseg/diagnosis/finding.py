"""One line of the diagnosis."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    """Something is missing that a simulated run does not need."""
    PROBLEM = "problem"
    """AgriSeg cannot work as configured until this is mended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the diagnosis: what was looked at, what was found, how to mend it."""

    subject: str
    level: Level
    found: str
    mend: str = ""
