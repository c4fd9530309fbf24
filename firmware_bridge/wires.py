"""What carries the bytes: a Protocol, and a wire to a simulator in virtual time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Protocol

from firmware_bridge.simulator import ControllerSimulator

SERVICE_STEP_S = 0.005


class Wire(Protocol):
    """Bytes to and from the controller; no call waits."""

    def moments(self, now_s: float) -> Iterable[float]:
        """Yield the times, up to ``now_s``, at which the link must be served."""
        ...

    def read(self, t_s: float) -> Sequence[tuple[float, bytes]]:
        """Return what has arrived by ``t_s``, each piece with its time of arrival.

        Raises
        ------
        PortLostError
            The port went away; later calls try to open it again.
        """
        ...

    def write(self, data: bytes, t_s: float) -> None:
        """Send bytes.

        Raises
        ------
        PortLostError
            As `read`.
        """
        ...

    def close(self) -> None:
        """Release the port."""
        ...


class SimulatedWire:
    """Couples a host link and a `ControllerSimulator` in virtual time.

    Bytes take their time, one after the other, both ways: down at ``baud``, up at the rate
    that the simulator is set to. The link
    is served in steps of `SERVICE_STEP_S`, with the exact time of every arrival, whatever
    steps the virtual clock makes.

    Parameters
    ----------
    simulator : ControllerSimulator
    baud : float
    start_s : float
        Virtual time now.
    """

    def __init__(
        self, simulator: ControllerSimulator, *, baud: float = 500_000.0, start_s: float = 0.0
    ) -> None:
        self.simulator = simulator
        self._byte_s = 10.0 / baud
        self._served_s = start_s
        self._down: deque[tuple[float, bytes]] = deque()
        self._up: deque[tuple[float, bytes]] = deque()
        self._down_free_s = start_s

    def moments(self, now_s: float) -> Iterable[float]:
        """Yield service times up to ``now_s``; the simulator has advanced to each."""
        while self._served_s < now_s:
            self._served_s = min(self._served_s + SERVICE_STEP_S, now_s)
            self._advance(self._served_s)
            yield self._served_s

    def _advance(self, t_s: float) -> None:
        while self._down and self._down[0][0] <= t_s:
            arrival_s, data = self._down.popleft()
            self.simulator.receive(data, arrival_s)
        self.simulator.advance(t_s)
        self._up.extend(self.simulator.outgoing_timed())

    def read(self, t_s: float) -> Sequence[tuple[float, bytes]]:
        """Return the frames that have arrived by ``t_s``."""
        arrived: list[tuple[float, bytes]] = []
        while self._up and self._up[0][0] <= t_s:
            arrived.append(self._up.popleft())
        return arrived

    def write(self, data: bytes, t_s: float) -> None:
        """Send frames, which arrive one after the other."""
        *frames, rest = data.split(b"\x00")
        for piece in (*(frame + b"\x00" for frame in frames), rest):
            if piece:
                self._down_free_s = max(self._down_free_s, t_s) + len(piece) * self._byte_s
                self._down.append((self._down_free_s, piece))

    def close(self) -> None:
        """Pull the cable."""
        self.simulator.silent = True
