"""Holds Python's cycle collector while a thread beside the window's allocates a lot."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def held_collector() -> Iterator[None]:
    """Let no cycle be collected meanwhile.

    The collector runs in whichever thread allocates. There it would destroy widgets that nobody
    holds any more, and a widget that dies outside of the window's thread leaves its timers behind,
    which Qt then calls. Only for what takes a second or two.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
