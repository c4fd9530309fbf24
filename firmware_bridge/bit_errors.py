"""A bad wire: flips bits at random, with a seed."""

from __future__ import annotations

import math
import random


class BitErrors:
    """Flips each bit that passes with a given probability.

    Parameters
    ----------
    rate : float
        Probability per bit, 0 to less than 1.
    seed : int
    """

    def __init__(self, rate: float, seed: int) -> None:
        self._rate = rate
        self._random = random.Random(seed)
        self._gap = self._next_gap()

    def _next_gap(self) -> int:
        """Return how many bits pass unharmed before the next flip (geometric distribution)."""
        if self._rate <= 0.0:
            return -1
        return int(math.log(1.0 - self._random.random()) / math.log1p(-self._rate))

    def apply(self, data: bytes) -> bytes:
        """Return ``data`` as it arrives."""
        if self._gap < 0:
            return data
        bits = 8 * len(data)
        if self._gap >= bits:
            self._gap -= bits
            return data
        damaged = bytearray(data)
        while self._gap < bits:
            damaged[self._gap // 8] ^= 1 << self._gap % 8
            self._gap += 1 + self._next_gap()
        self._gap -= bits
        return bytes(damaged)
