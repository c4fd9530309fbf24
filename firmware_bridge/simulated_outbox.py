"""What the simulated controller sends, with the time that bytes take on the wire."""

from __future__ import annotations

from firmware_bridge.bit_errors import BitErrors
from firmware_bridge.codec import encode
from firmware_bridge.frames import ControllerFrame


class Outbox:
    """Frames one after the other, each told with the time of its last byte.

    Parameters
    ----------
    baud : float
        Bits per second; 0 where bytes take no time.
    bit_errors : BitErrors
        What the wire makes of them.
    t_s : float
        Host time from which it may send.
    """

    def __init__(self, baud: float, bit_errors: BitErrors, t_s: float) -> None:
        self._byte_s = 10.0 / baud if baud > 0.0 else 0.0
        self._bit_errors = bit_errors
        self._frames: list[tuple[float, bytes]] = []
        self._seq = 0
        self.free_s = t_s
        """When all that was sent has left."""

    def send(self, frame: ControllerFrame, now_s: float) -> None:
        """Send a frame behind those that still wait."""
        data = encode(frame, self._seq)
        self._seq = self._seq + 1 & 0xFF
        self.free_s = max(self.free_s, now_s) + len(data) * self._byte_s
        self._frames.append((self.free_s, self._bit_errors.apply(data)))

    def take(self) -> list[tuple[float, bytes]]:
        """Return the frames sent since the last call."""
        frames, self._frames = self._frames, []
        return frames

    def backlog_s(self, now_s: float) -> float:
        """Return the time that it takes to send what waits."""
        return max(0.0, self.free_s - now_s)
