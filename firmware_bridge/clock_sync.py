"""The controller's clock in host time: a line fitted to the exchanges that were quickest.

A question and its answer take equally long both ways when nothing else is on the wire, so
the middles of both belong together (RFC 5905, section 8). Traffic only ever lengthens an
exchange, so the quickest quarter of the recent exchanges is used.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from firmware_bridge.modular import unwrapped

HISTORY = 64
MIN_SAMPLES = 10
MIN_SPAN_S = 0.5
PREDICT_S = 0.5
ERROR_LIMIT_S = 0.002
CONFIDENCE = 2.0
"""The error shown is this many standard errors of the prediction."""


@dataclass(frozen=True, slots=True)
class _Sample:
    t_s: float
    tick: float
    round_trip_s: float


class ClockSync:
    """Maps host time to the controller's ticks and back.

    Parameters
    ----------
    tick_hz : float
        Nominal rate of the controller's clock; the real one may differ by half a percent.

    Ticks are counted here without wrapping.
    """

    def __init__(self, tick_hz: float) -> None:
        self._nominal_hz = tick_hz
        self._samples: deque[_Sample] = deque(maxlen=HISTORY)
        self._t_mean_s = 0.0
        self._tick_mean = 0.0
        self._rate_hz = tick_hz
        self._error_s = math.inf
        self.round_trip_s = math.nan

    def add(self, sent_s: float, received_s: float, rx_tick: int, tx_tick: int) -> None:
        """Take one exchange.

        Parameters
        ----------
        sent_s, received_s : float
            Host time when the question's last byte reached the controller's end of the wire
            and when the answer's first byte left it, as far as the host can know: the wire
            time of both frames is already taken off.
        rx_tick, tx_tick : int
            The controller's clock at the same two moments, modulo 2^32.
        """
        near = round(self._samples[-1].tick) if self._samples else rx_tick
        rx = unwrapped(rx_tick, near)
        tx = unwrapped(tx_tick, rx)
        self.round_trip_s = received_s - sent_s - (tx - rx) / self._nominal_hz
        middle_s = (sent_s + received_s) / 2.0
        self._samples.append(_Sample(middle_s, (rx + tx) / 2.0, self.round_trip_s))
        self._fit()

    @property
    def has_estimate(self) -> bool:
        """Whether any exchange has been seen."""
        return bool(self._samples)

    @property
    def converged(self) -> bool:
        """Whether a moment half a second ahead is known to `ERROR_LIMIT_S`."""
        return self._error_s <= ERROR_LIMIT_S

    @property
    def error_s(self) -> float:
        """Two standard errors of a moment half a second after the newest exchange."""
        return self._error_s

    @property
    def rate_hz(self) -> float:
        """Measured rate of the controller's clock."""
        return self._rate_hz

    def tick_at(self, t_s: float) -> float:
        """Return the controller's unwrapped tick at a host time."""
        return self._tick_mean + (t_s - self._t_mean_s) * self._rate_hz

    def time_at(self, tick: float) -> float:
        """Return the host time of an unwrapped tick."""
        return self._t_mean_s + (tick - self._tick_mean) / self._rate_hz

    def time_of(self, wire_tick: int, near_s: float) -> float:
        """Return the host time of a tick modulo 2^32 that lies within an hour of ``near_s``."""
        return self.time_at(unwrapped(wire_tick, round(self.tick_at(near_s))))

    def _fit(self) -> None:
        quick = sorted(self._samples, key=lambda sample: sample.round_trip_s)
        chosen = quick[: max(MIN_SAMPLES, len(quick) // 4)]
        n = len(chosen)
        t_mean = math.fsum(s.t_s for s in chosen) / n
        tick_mean = math.fsum(s.tick for s in chosen) / n
        spread = math.fsum((s.t_s - t_mean) ** 2 for s in chosen)
        self._t_mean_s, self._tick_mean = t_mean, tick_mean
        span_s = self._samples[-1].t_s - self._samples[0].t_s
        if n < MIN_SAMPLES or span_s < MIN_SPAN_S or spread <= 0.0:
            self._rate_hz = self._nominal_hz
            self._error_s = math.inf
            return
        slope = math.fsum((s.t_s - t_mean) * (s.tick - tick_mean) for s in chosen) / spread
        residual = math.fsum((s.tick - tick_mean - slope * (s.t_s - t_mean)) ** 2 for s in chosen)
        self._rate_hz = slope
        ahead_s = self._samples[-1].t_s + PREDICT_S - t_mean
        variance = residual / (n - 2) * (1.0 / n + ahead_s**2 / spread)
        self._error_s = CONFIDENCE * math.sqrt(variance) / self._nominal_hz
