"""The rate at which recorded frames are handed out."""

from __future__ import annotations

from agriseg.ports import Clock


class Pacing:
    """Lets frames be born one period apart, or as fast as they are asked for.

    A reader that is slower than the rate gets every frame all the same, each born when it
    is read: recorded frames are never dropped and never late.

    Parameters
    ----------
    clock : Clock
    rate_hz : float
    paced : bool
        False hands frames out as fast as they are asked for.
    """

    def __init__(self, clock: Clock, rate_hz: float, *, paced: bool) -> None:
        self._clock = clock
        self.rate_hz = rate_hz
        self._period_s = 1.0 / rate_hz if paced else 0.0
        self._due_s = clock.now_s()

    @property
    def due_s(self) -> float:
        """When the next frame is due, seconds of the clock."""
        return self._due_s

    def wait(self, timeout_s: float) -> float | None:
        """Wait until the next frame is due; None if that is not within ``timeout_s``.

        Returns
        -------
        float or None
            The time in seconds at which the frame is born.
        """
        now_s = self._clock.now_s()
        if self._due_s > now_s + timeout_s:
            self._clock.sleep_until(now_s + timeout_s)
            return None
        self._clock.sleep_until(self._due_s)
        born_s = max(self._due_s, now_s)
        self._due_s = born_s + self._period_s
        return born_s
