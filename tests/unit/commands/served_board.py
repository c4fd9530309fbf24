"""Controllers on pseudo-terminals for tests of the command line, which runs as a process."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from firmware_bridge.codec import decode_controller, encode
from firmware_bridge.codes import Capability
from firmware_bridge.errors import FrameError
from firmware_bridge.frames import HelloReply
from firmware_bridge.pty_controller import serve_pty
from firmware_bridge.simulator import ControllerSimulator, SimulatorSettings

REPOSITORY = Path(__file__).resolve().parents[3]
PATIENCE_S = 60.0


class RealLooking(ControllerSimulator):
    """A simulator that does not say that it is one."""

    def outgoing(self) -> bytes:
        """Return the bytes to send, with the capability bit SIMULATED taken out."""
        return b"".join(
            _as_real(piece) + b"\x00" for piece in super().outgoing().split(b"\x00") if piece
        )


def _as_real(encoded: bytes) -> bytes:
    try:
        frame, _ = decode_controller(encoded)
    except FrameError:
        return encoded
    if not isinstance(frame, HelloReply):
        return encoded
    real = replace(frame, capabilities=frame.capabilities & ~int(Capability.SIMULATED))
    return encode(real).rstrip(b"\x00")


def simulator(
    make: Callable[..., ControllerSimulator] = ControllerSimulator, valves: int = 4
) -> ControllerSimulator:
    """Return a controller that is switched on now; its wheel turns at 1 m/s."""
    start_s = time.monotonic()
    settings = SimulatorSettings(valves=valves, baud=0.0)
    return make(settings, lambda t_s: int(2000 * (t_s - start_s)), start_s)


@contextmanager
def served(board: ControllerSimulator) -> Iterator[str]:
    """Serve a controller in a thread; yields the path of its port."""
    ended, ready = threading.Event(), threading.Event()
    paths: list[str] = []

    def on_ready(path: str) -> None:
        paths.append(path)
        ready.set()

    thread = threading.Thread(
        target=serve_pty, args=(board, on_ready), kwargs={"should_stop": ended.is_set}
    )
    thread.start()
    try:
        assert ready.wait(PATIENCE_S)
        yield paths[0]
    finally:
        ended.set()
        thread.join()


def agriseg(
    *arguments: str | Path, typed: str = "", path: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end; ``path`` replaces the search path for programs."""
    return subprocess.run(
        command(*arguments),
        input=typed,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        cwd=REPOSITORY,
        env=environment(path),
    )


def command(*arguments: str | Path) -> Sequence[str]:
    """Return the command line."""
    return [sys.executable, "-m", "agriseg", *map(str, arguments)]


def environment(path: str | None = None) -> dict[str, str]:
    """Return the environment, with another search path for programs if one is given."""
    return dict(os.environ) if path is None else {**os.environ, "PATH": path}
