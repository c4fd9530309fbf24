"""Runs the controller simulator on a pseudo-terminal in real time, as a board on a port."""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Callable

from firmware_bridge.errors import PortUnavailableError
from firmware_bridge.simulator import ControllerSimulator

WAIT_S = 0.002
READ_BYTES = 4096


def serve_pty(
    simulator: ControllerSimulator,
    on_ready: Callable[[str], None],
    *,
    now_s: Callable[[], float] = time.monotonic,
    should_stop: Callable[[], bool] = lambda: False,
) -> None:
    """Serve a simulator on a new pseudo-terminal until ``should_stop`` returns true.

    Meant to be a process of its own. The simulator should be set to ``baud=0``: bytes take
    no time on a pseudo-terminal. What nobody reads is dropped, as on a real wire.

    Parameters
    ----------
    simulator : ControllerSimulator
        Switched on at ``now_s()`` or before.
    on_ready : callable
        Called once with the path to open as a serial port.
    now_s : callable
        The time in seconds that the simulator lives by.
    should_stop : callable
        Asked every few milliseconds.

    Raises
    ------
    PortUnavailableError
        The system has no pseudo-terminals.
    """
    if sys.platform == "win32":
        raise PortUnavailableError(
            "the simulated controller cannot run as a process of its own on Windows, which has"
            " no pseudo-terminals; run without --realtime, or connect a controller"
        )
    import tty

    master, slave = os.openpty()
    try:
        tty.setraw(slave)
        os.set_blocking(master, False)
        on_ready(os.ttyname(slave))
        while not should_stop():
            _serve_once(simulator, master, now_s)
    finally:
        os.close(slave)
        os.close(master)


def _serve_once(simulator: ControllerSimulator, master: int, now_s: Callable[[], float]) -> None:
    readable, _, _ = select.select([master], [], [], WAIT_S)
    if readable:
        simulator.receive(os.read(master, READ_BYTES), now_s())
    simulator.advance(now_s())
    data = simulator.outgoing()
    while data:
        try:
            sent = os.write(master, data)
        except BlockingIOError:
            return
        data = data[sent:]
