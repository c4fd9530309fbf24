"""One line on a terminal that says how far a command is and how long it will still take."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

_SHOWN_AFTER_S = 0.7
_LEAST_SHARE = 0.02
_CLEAR = "\r\x1b[K"


class ProgressLine:
    """Draws over itself; silent where nobody watches, and for what is done at once.

    Parameters
    ----------
    file : TextIO
        A terminal, or nothing is written.
    now_s : callable
        Monotonic time.
    """

    def __init__(self, file: TextIO, now_s: Callable[[], float] = time.monotonic) -> None:
        self._file = file
        self._now_s = now_s
        self._is_watched = file.isatty()
        self._begun_s = now_s()
        self._stages: dict[str, float] = {}
        self._drawn = ""

    def __call__(self, what: str, share: float) -> None:
        """Say what is being done and the share of it that is done, 0 to 1."""
        now_s = self._now_s()
        spent_s = now_s - self._stages.setdefault(what, now_s)
        if not self._is_watched or now_s - self._begun_s < _SHOWN_AFTER_S:
            return
        left = f", {spent_s * (1.0 - share) / share:.0f} s left" if share > _LEAST_SHARE else ""
        line = f"{what}: {100.0 * share:.0f} %{left}"
        if line != self._drawn:
            self._drawn = line
            self._file.write(f"{_CLEAR}{line}")
            self._file.flush()

    def end(self) -> None:
        """Take the line away."""
        if self._drawn:
            self._drawn = ""
            self._file.write(_CLEAR)
            self._file.flush()


@contextmanager
def progress_line() -> Iterator[ProgressLine]:
    """Draw on the standard error while something is at work, and leave no line behind."""
    line = ProgressLine(sys.stderr)
    try:
        yield line
    finally:
        line.end()
