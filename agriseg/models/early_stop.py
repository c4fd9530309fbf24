"""When a training has stopped gaining."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


class Patience:
    """Watches the mean of the sources' mean IoU on the held-out images.

    Parameters
    ----------
    scores : int
        It is lost after so many scores without a gain; 0: never.
    least_gain : float
        Smaller gains do not count.
    """

    def __init__(self, scores: int, least_gain: float) -> None:
        self._scores = scores
        self._least_gain = least_gain
        self._best = -math.inf
        self._waited = 0

    @property
    def is_watching(self) -> bool:
        """Whether anybody asked for it."""
        return self._scores > 0

    @property
    def is_lost(self) -> bool:
        """Whether the training should end."""
        return self.is_watching and self._waited >= self._scores

    def hear(self, figures: Mapping[str, float]) -> bool:
        """Hear a validation's figures; return whether they are the best so far."""
        scores = [
            value
            for name, value in figures.items()
            if name.endswith(".miou") and math.isfinite(value)
        ]
        if not scores:
            return False
        score = sum(scores) / len(scores)
        if score > self._best + self._least_gain:
            self._best, self._waited = score, 0
            return True
        self._waited += 1
        return False

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {"best": self._best, "waited": self._waited}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint's state."""
        self._best, self._waited = float(state["best"]), int(state["waited"])
