"""Waiting for several sources at once without asking each of them again and again."""

from __future__ import annotations

import contextlib
import multiprocessing.connection
import socket
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from agriseg.ports import Waitable

_DRAIN_BYTES = 4096
_SWITCH_S = 0.0005


class Doorbell:
    """A descriptor that one thread makes readable for another one that sleeps on it.

    Rung several times before it is heard it wakes once: what there is to take is the
    owner's affair.
    """

    def __init__(self) -> None:
        self._heard, self._rung = socket.socketpair()
        self._heard.setblocking(False)
        self._rung.setblocking(False)

    def fileno(self) -> int:
        """Return the descriptor that becomes readable; -1 once closed."""
        return self._heard.fileno()

    def ring(self) -> None:
        """Make the descriptor readable; never waits, from any thread."""
        with contextlib.suppress(OSError):  # full: it has been rung; closed: nobody listens
            self._rung.send(b"\0")

    def hush(self) -> None:
        """Make the descriptor unreadable until it is rung again."""
        with contextlib.suppress(OSError):
            while len(self._heard.recv(_DRAIN_BYTES)) == _DRAIN_BYTES:
                pass

    def close(self) -> None:
        """Release the descriptors."""
        self._heard.close()
        self._rung.close()


def wait_for_any(sources: Iterable[Waitable], timeout_s: float) -> bool:
    """Sleep until something can be taken from one of the sources; return whether it can.

    Parameters
    ----------
    sources : iterable of Waitable
        Those whose descriptor is negative are left out: nothing comes from them.
    timeout_s : float
        Longest wait.
    """
    live: list[Any] = [source for source in sources if source.fileno() >= 0]
    return bool(multiprocessing.connection.wait(live, max(0.0, timeout_s)))


@contextlib.contextmanager
def prompt_threads() -> Iterator[None]:
    """Let a thread that has been woken have the interpreter soon.

    By default the thread that has it may keep it for 5 ms after another asked for it: at each
    hand-over of a frame the recorder's thread could hold up the engine's loop by that much.
    """
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before_s)
