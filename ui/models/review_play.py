"""Where in a run one looks: playing, scrubbing, stepping; no clock of its own."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import numpy as np

from agriseg.messages import Float64Array

SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
_NORMAL = SPEEDS.index(1.0)
_SAME_S = 1e-6


class Playhead:
    """A moment of a run.

    Parameters
    ----------
    frame_times_s : (N,) float64
        Host time of each frame with a picture, rising.
    start_s, end_s : float
        Host times between which the run lies.
    """

    def __init__(self, frame_times_s: Float64Array, start_s: float, end_s: float) -> None:
        self._frames = frame_times_s
        self.start_s = start_s
        self.end_s = max(start_s, end_s)
        self.t_s = float(frame_times_s[0]) if len(frame_times_s) else start_s
        self.is_playing = False
        self._speed = _NORMAL

    @property
    def speed(self) -> float:
        """How much faster than it was the run is shown."""
        return SPEEDS[self._speed]

    @property
    def frame_index(self) -> int:
        """Index of the picture shown, -1 where there is none."""
        return int(np.searchsorted(self._frames, self.t_s + _SAME_S, side="right")) - 1

    def seek(self, t_s: float) -> None:
        """Go to a time, within the run."""
        self.t_s = min(max(t_s, self.start_s), self.end_s)

    def step(self, frames: int) -> None:
        """Go on or back by pictures; playing ends."""
        self.is_playing = False
        if len(self._frames):
            index = min(max(self.frame_index + frames, 0), len(self._frames) - 1)
            self.seek(float(self._frames[index]))

    def toggle(self) -> None:
        """Play or pause; at the end playing begins anew."""
        self.is_playing = not self.is_playing
        if self.is_playing and self.t_s >= self.end_s - _SAME_S:
            self.seek(self.start_s)

    def change_speed(self, steps: int) -> None:
        """Play faster or slower, within `SPEEDS`."""
        self._speed = min(max(self._speed + steps, 0), len(SPEEDS) - 1)

    def advance(self, elapsed_s: float) -> None:
        """Let real time pass; playing ends at the end."""
        if not self.is_playing:
            return
        self.seek(self.t_s + elapsed_s * self.speed)
        if self.t_s >= self.end_s:
            self.is_playing = False


def neighbour(times_s: Sequence[float], t_s: float, direction: int) -> int | None:
    """Return the index of the next (1) or previous (-1) time than ``t_s``; None at the end."""
    if direction > 0:
        index = bisect_right(times_s, t_s + _SAME_S)
        return index if index < len(times_s) else None
    index = bisect_left(times_s, t_s - _SAME_S) - 1
    return index if index >= 0 else None
