"""Where time comes from: the computer's monotonic clock, or a clock that a test moves."""

from __future__ import annotations

import time


class MonotonicClock:
    """The host's monotonic clock, shared by all processes of one computer."""

    def now_s(self) -> float:
        """Return the monotonic host time in seconds."""
        return time.monotonic()

    def sleep_until(self, t_s: float) -> None:
        """Wait until the monotonic time ``t_s`` in seconds; return at once if it is past."""
        remaining_s = t_s - time.monotonic()
        if remaining_s > 0.0:
            time.sleep(remaining_s)


class VirtualClock:
    """A clock that moves only when told to: deterministic, as fast as the computer allows."""

    def __init__(self, start_s: float = 0.0) -> None:
        self._now_s = start_s

    def now_s(self) -> float:
        """Return the virtual time in seconds."""
        return self._now_s

    def sleep_until(self, t_s: float) -> None:
        """Move the clock to ``t_s`` in seconds; a time in the past changes nothing."""
        self._now_s = max(self._now_s, t_s)
