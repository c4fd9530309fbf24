"""Sequenced commands of the host: go-back-N with a window that the controller states."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from firmware_bridge.codec import encode
from firmware_bridge.codes import Result
from firmware_bridge.frames import RESULTS_IN_ACK, Ack, HostFrame

RESEND_S = 0.02
GAP_QUIET_S = 0.01
"""After a resend, further complaints about the same gap are ignored for this long."""
LOSSY_S = 1.0


@dataclass(frozen=True, slots=True)
class Answered:
    """The controller's result for one command: a `Result`, or a number that is none."""

    frame: HostFrame
    result: int


@dataclass(slots=True)
class _InFlight:
    frame: HostFrame
    encoded: bytes


class CommandSender:
    """Keeps commands in order and sends them again until each is acknowledged.

    Parameters
    ----------
    window : int
        Most unacknowledged frames, at most 8.
    window_bytes : int
        Most unacknowledged bytes: what the controller's receive buffer holds.
    """

    def __init__(self, window: int, window_bytes: int) -> None:
        self._window = max(1, min(window, RESULTS_IN_ACK))
        self._window_bytes = window_bytes
        self._waiting: deque[HostFrame] = deque()
        self._in_flight: deque[_InFlight] = deque()
        self._in_flight_bytes = 0
        self._oldest_seq = 0
        self._last_sent_s = -math.inf
        self._repeated_s = -math.inf
        self.resent_count = 0

    def submit(self, frame: HostFrame) -> None:
        """Queue a command; it leaves when the window has room."""
        self._waiting.append(frame)

    def is_pending(self, frame_class: type[HostFrame]) -> bool:
        """Return whether a command of this class waits or is unacknowledged."""
        return any(isinstance(frame, frame_class) for frame in self._waiting) or any(
            isinstance(item.frame, frame_class) for item in self._in_flight
        )

    @property
    def is_idle(self) -> bool:
        """Whether everything submitted is acknowledged."""
        return not self._waiting and not self._in_flight

    @property
    def has_waiting(self) -> bool:
        """Whether a submitted command has not been sent yet."""
        return bool(self._waiting)

    @property
    def window_open(self) -> bool:
        """Whether another frame may be sent."""
        return (
            len(self._in_flight) < self._window
            and self._in_flight_bytes < self._window_bytes - 2 * RESULTS_IN_ACK
        )

    def is_lossy(self, now_s: float) -> bool:
        """Return whether anything had to be repeated within the last second."""
        return now_s - self._repeated_s < LOSSY_S

    def next_frame(self) -> bytes | None:
        """Return the next command's bytes, now in flight; None if none may be sent."""
        if not self._waiting or not self.window_open:
            return None
        frame = self._waiting[0]
        encoded = encode(frame, (self._oldest_seq + len(self._in_flight)) & 0xFF)
        if self._in_flight and self._in_flight_bytes + len(encoded) > self._window_bytes:
            return None
        self._waiting.popleft()
        self._in_flight.append(_InFlight(frame, encoded))
        self._in_flight_bytes += len(encoded)
        return encoded

    def left(self, t_s: float) -> None:
        """Note when the last byte of what was returned leaves the wire."""
        self._last_sent_s = t_s

    def resend(self, now_s: float) -> bytes:
        """Return all unacknowledged frames once they have waited too long, else nothing."""
        if not self._in_flight or now_s - self._last_sent_s < RESEND_S:
            return b""
        return self._all_again(now_s)

    def acknowledge(self, ack: Ack, now_s: float, send: Callable[[bytes], None]) -> list[Answered]:
        """Take an acknowledgement; return the commands that it answers, in their order.

        ``send`` gets the bytes to repeat when the controller reports a gap.
        """
        done = (ack.expected - self._oldest_seq) & 0xFF
        if done > len(self._in_flight):
            return []
        answers = [self._answer(ack, done - 1 - i) for i in range(done)]
        self._oldest_seq = ack.expected
        if done:
            self._last_sent_s = max(self._last_sent_s, now_s)
        is_new = bool(done) or now_s - self._repeated_s > GAP_QUIET_S
        if ack.flags & Ack.GAP and self._in_flight and is_new:
            send(self._all_again(now_s))
        return answers

    def _answer(self, ack: Ack, position: int) -> Answered:
        item = self._in_flight.popleft()
        self._in_flight_bytes -= len(item.encoded)
        code = ack.results[position] if position < len(ack.results) else Result.NONE
        return Answered(item.frame, code)

    def _all_again(self, now_s: float) -> bytes:
        self._repeated_s = now_s
        self.resent_count += len(self._in_flight)
        return b"".join(item.encoded for item in self._in_flight)
