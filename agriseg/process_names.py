"""Names of the program's processes, as people see them in a list of processes."""

from __future__ import annotations

import contextlib
from pathlib import Path

ENGINE = "agriseg-engine"
LINK = "agriseg-link"
SIMULATED_CAMERA = "agriseg-camera"
SIMULATED_CONTROLLER = "agriseg-board"

_LINUX = Path("/proc/self/comm")


def show_name(name: str) -> None:
    """Name this process, on systems that let it: otherwise all of them are called python.

    Parameters
    ----------
    name : str
        At most 15 characters, which Linux keeps.
    """
    with contextlib.suppress(OSError):
        _LINUX.write_text(name, encoding="ascii")
