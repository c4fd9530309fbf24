"""How the operating system shares the processor among the program's processes.

The link to the controller needs little time but needs it at once: a heartbeat that comes 250 ms
late closes the valves. Linux shares time first among sessions (autogroup, sched(7)) and then
within them, so a process beside a model that fills every core waits for its turn however little
it asks. In a session of its own it is served first, as long as it uses less than its share.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

REALTIME_PRIORITY = 10
"""Low among the real-time priorities of Linux (1 to 99): above all ordinary work, below drivers."""

_LAST = 19
_SESSION_NICE = 10
"""About a tenth of what an ordinary session has, where both want all of it."""
_SESSION_SHARE = Path("/proc/self/autogroup")


def stand_apart() -> None:
    """Give this process a share of the processor of its own, where the system knows such shares.

    It also leaves the terminal: only the window hears Ctrl+C, and ends the others in order.
    """
    if hasattr(os, "setsid"):  # not on Windows
        with contextlib.suppress(PermissionError):  # leads a group already
            os.setsid()


def keep_deadlines() -> None:
    """Stand apart, and go before all ordinary processes where the user is permitted that.

    Linux permits it up to ``ulimit -r`` (limits.conf(5), ``rtprio``). Elsewhere, and where it is
    not permitted, the process stays an ordinary one.
    """
    stand_apart()
    if sys.platform == "linux":
        with contextlib.suppress(PermissionError):
            policy = os.SCHED_RR | os.SCHED_RESET_ON_FORK
            os.sched_setscheduler(0, policy, os.sched_param(REALTIME_PRIORITY))


def step_back() -> None:
    """Take only what the rest of the computer leaves: for hours of work beside the window.

    Lowest among the processes of its session and, where the system shares time among sessions
    first, its session low too: without that a session of its own would have as large a share
    as the window's, however nice it is.
    """
    if hasattr(os, "nice"):  # not on Windows
        os.nice(_LAST)
    with contextlib.suppress(OSError):  # no such shares here
        _SESSION_SHARE.write_text(f"{_SESSION_NICE}\n", encoding="ascii")
