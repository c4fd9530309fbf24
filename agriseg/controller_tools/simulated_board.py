"""Runs a controller without hardware behind a pseudo-terminal, for people to try things on."""

from __future__ import annotations

import contextlib
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from agriseg.errors import ControllerError
from agriseg.simulated_relay_board import SimulatedRelayBoard, serve_relay_pty, serve_relay_udp
from firmware_bridge.errors import PortUnavailableError
from firmware_bridge.pty_controller import serve_pty
from firmware_bridge.simulator import ControllerSimulator, SimulatorSettings

START_S = 10.0
POLL_S = 0.1
END_S = 2.0
RELAY_TIMEOUT_S = 4.2
"""As stock boards have it."""


def run_native(
    program: Path, counts_per_s: float, seconds: float | None, on_ready: Callable[[str], None]
) -> None:
    """Run the native firmware until the time is over or the user interrupts.

    It ends with this process, whatever becomes of that: it lives on our end of a pipe.

    Raises
    ------
    ControllerError
        It could not be started, or ended by itself.
    """
    process = subprocess.Popen(
        [program, "--speed", f"{counts_per_s:g}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        with process:
            assert process.stdout is not None
            readable, _, _ = select.select([process.stdout], [], [], START_S)
            path = process.stdout.readline().strip() if readable else ""
            if not path:
                raise ControllerError(f"{program}: the native firmware did not start")
            on_ready(path)
            _wait(process, seconds)
    finally:
        process.kill()


def _wait(process: subprocess.Popen[str], seconds: float | None) -> None:
    end_s = None if seconds is None else time.monotonic() + seconds
    try:
        while end_s is None or time.monotonic() < end_s:
            with contextlib.suppress(subprocess.TimeoutExpired):
                status = process.wait(POLL_S)
                raise ControllerError(f"the native firmware ended with status {status}")
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END_S)


def run_reference(
    valves: int, counts_per_s: float, seconds: float | None, on_ready: Callable[[str], None]
) -> None:
    """Run the Python reference controller until the time is over or the user interrupts.

    Raises
    ------
    ControllerError
        The system has no pseudo-terminals.
    """
    start_s = time.monotonic()
    settings = SimulatorSettings(valves=valves, baud=0.0, boot_id=1 + int(start_s) % 65535)
    simulator = ControllerSimulator(
        settings, lambda t_s: int((t_s - start_s) * counts_per_s), start_s
    )
    try:
        serve_pty(
            simulator,
            on_ready,
            should_stop=lambda: seconds is not None and time.monotonic() > start_s + seconds,
        )
    except PortUnavailableError as error:
        raise ControllerError(str(error)) from error


def run_relay_board(
    outputs: int,
    loop_ms: float,
    *,
    udp_port: int | None,
    seconds: float | None,
    say: Callable[[str], None],
) -> None:
    """Run a simulated relay board until the time is over; says its port, then each switching.

    Raises
    ------
    ControllerError
        The UDP port is taken, or the system has no pseudo-terminals.
    """
    start_s = time.monotonic()
    board = SimulatedRelayBoard(
        outputs=outputs, loop_s=1e-3 * max(0.0, loop_ms), timeout_s=RELAY_TIMEOUT_S, t_s=start_s
    )
    told = 0

    def should_stop() -> bool:
        nonlocal told
        for edge in board.edges[told:]:
            say(
                f"{edge.t_s - start_s:.3f} output {edge.output + 1} {'on' if edge.is_on else 'off'}"
            )
        told = len(board.edges)
        return seconds is not None and time.monotonic() > start_s + seconds

    try:
        if udp_port is None:
            serve_relay_pty(board, say, should_stop)
        else:
            serve_relay_udp(board, udp_port, say, should_stop)
    except OSError as error:
        raise ControllerError(f"the relay board cannot be simulated here: {error}") from error


def can_build() -> bool:
    """Return whether this system can run the native firmware at all."""
    return sys.platform.startswith("linux")
