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

REALTIME_PRIORITY = 10
"""Low among the real-time priorities of Linux (1 to 99): above all ordinary work, below drivers."""


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
