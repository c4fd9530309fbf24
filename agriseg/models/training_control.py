"""How a running training is paused and stopped: by a file in its folder, and by signals."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from types import FrameType
from typing import Protocol

CONTROL_NAME = "control"

_LOOK_EVERY_S = 0.2


class Wish(IntEnum):
    """What a training is asked to do."""

    GO_ON = 0
    PAUSE = 1
    STOP = 2


class Control(Protocol):
    """Asked between two steps."""

    def wish(self) -> Wish:
        """Return what is wanted now."""
        ...

    def wait(self) -> None:
        """Return when the wish may have changed, or after a short while."""
        ...


class GoOn:
    """Nobody interferes."""

    def wish(self) -> Wish:
        """Return that the training is to go on."""
        return Wish.GO_ON

    def wait(self) -> None:
        """Return at once."""


class FileControl:
    """A file whose first word is ``pause`` or ``stop``; anything else, or no file: go on.

    Parameters
    ----------
    path : Path
        A ``stop`` that is left from before is taken away.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._asked_to_stop = threading.Event()
        if self._word() == "stop":
            path.unlink(missing_ok=True)

    def wish(self) -> Wish:
        """Return what is wanted now."""
        if self._asked_to_stop.is_set():
            return Wish.STOP
        return {"pause": Wish.PAUSE, "stop": Wish.STOP}.get(self._word(), Wish.GO_ON)

    def wait(self) -> None:
        """Return after a fifth of a second, at once when a signal comes."""
        self._asked_to_stop.wait(_LOOK_EVERY_S)

    def stop(self) -> None:
        """Ask to stop, as the file would."""
        self._asked_to_stop.set()

    def _word(self) -> str:
        try:
            words = self._path.read_text(encoding="utf-8").split()
        except (OSError, UnicodeDecodeError):
            return ""
        return words[0].lower() if words else ""


@contextmanager
def stopping_by_signals(control: FileControl) -> Iterator[None]:
    """Let the first SIGINT or SIGTERM stop the training after its step, a second one at once.

    Only the main thread hears signals; elsewhere nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    chosen = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in chosen}

    def hear(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        control.stop()
        for one in chosen:
            signal.signal(one, before[one])

    for number in chosen:
        signal.signal(number, hear)
    try:
        yield
    finally:
        for number in chosen:
            signal.signal(number, before[number])
