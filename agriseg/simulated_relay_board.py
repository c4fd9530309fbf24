"""A relay board without hardware: sets outputs as told, when its own loop comes to it.

It behaves as stock boards do: the checksum is not looked at, outputs change only in the
board's own loop, and they go off when no message has come for seconds.
"""

from __future__ import annotations

import errno
import math
import os
import select
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from agriseg.messages import PulseOutcome, PulseReport
from agriseg.spraying.relay_frames import FROM_MACHINE, HOST, MessageReader, message, sections_of

REPORT_PERIOD_S = 0.2
SERVE_WAIT_S = 0.002
STEP_S = 0.001
READ_BYTES = 4096


@dataclass(frozen=True, slots=True)
class RelayEdge:
    """An output went on or off."""

    output: int
    t_s: float
    is_on: bool


class SimulatedRelayBoard:
    """The board itself, without input or output; times are host times in seconds.

    Parameters
    ----------
    outputs : int
    loop_s : float
        How often its loop sets the outputs; 0: with every message.
    timeout_s : float
        All outputs go off when no message has come for this long.
    t_s : float
        When it is switched on.
    """

    def __init__(self, *, outputs: int, loop_s: float, timeout_s: float, t_s: float) -> None:
        self.outputs = outputs
        self._loop_s = loop_s
        self._timeout_s = timeout_s
        self._reader = MessageReader()
        self._wanted = 0
        self._now_on = 0
        self._heard_s = -math.inf
        self._next_loop_s = t_s + loop_s
        self._next_report_s = t_s + REPORT_PERIOD_S
        self._outbox = bytearray()
        self.edges: list[RelayEdge] = []
        self.messages = 0

    @property
    def mask(self) -> int:
        """Bit n is set while output n is on."""
        return self._now_on

    def receive(self, data: bytes, t_s: float) -> None:
        """Take bytes that arrived at ``t_s``."""
        self.advance(t_s)
        for received in self._reader.feed(data):
            mask = sections_of(received)
            if mask is None:
                continue
            self.messages += 1
            self._wanted, self._heard_s = mask, t_s
            if self._loop_s == 0.0:
                self._set(mask, t_s)

    def advance(self, t_s: float) -> None:
        """Let time pass up to ``t_s``."""
        while self._loop_s > 0.0 and self._next_loop_s <= t_s:
            self._loop(self._next_loop_s)
            self._next_loop_s += self._loop_s
        if self._loop_s == 0.0:
            self._loop(t_s)
        while self._next_report_s <= t_s:
            self._outbox += message(HOST, FROM_MACHINE, bytes(8))
            self._next_report_s += REPORT_PERIOD_S

    def outgoing(self) -> bytes:
        """Return and forget the bytes to send."""
        data = bytes(self._outbox)
        self._outbox.clear()
        return data

    def reports(self, nozzle_of: Sequence[int], end_s: float) -> list[PulseReport]:
        """Return what the outputs really did, as pulses; for scoring, never for the host.

        Parameters
        ----------
        nozzle_of : sequence of int
            The nozzle at each output, or -1.
        end_s : float
            What is on is taken to go off then.
        """
        since: dict[int, float] = {}
        pulses: list[PulseReport] = []
        edges = (*self.edges, *(RelayEdge(n, end_s, False) for n in range(self.outputs)))
        for edge in edges:
            if edge.is_on:
                since[edge.output] = edge.t_s
            elif edge.output in since:
                began_s, nozzle = since.pop(edge.output), nozzle_of[edge.output]
                if nozzle >= 0:
                    pulses.append(_true_pulse(len(pulses), nozzle, began_s, edge.t_s))
        return pulses

    def _loop(self, t_s: float) -> None:
        if t_s - self._heard_s > self._timeout_s:
            self._wanted = 0
        self._set(self._wanted, t_s)

    def _set(self, mask: int, t_s: float) -> None:
        changed = (mask ^ self._now_on) & ((1 << self.outputs) - 1)
        for output in range(self.outputs):
            if changed >> output & 1:
                self.edges.append(RelayEdge(output, t_s, bool(mask >> output & 1)))
        self._now_on = mask & ((1 << self.outputs) - 1)


def _true_pulse(number: int, nozzle: int, open_s: float, close_s: float) -> PulseReport:
    return PulseReport(
        event_id=number,
        nozzle_id=nozzle,
        outcome=PulseOutcome.DONE,
        t_open_s=open_s,
        t_close_s=close_s,
        open_m=math.nan,
        close_m=math.nan,
    )


class VirtualRelayWire:
    """Couples a `RelayController` and a simulated board in virtual time; bytes take no time."""

    def __init__(self, board: SimulatedRelayBoard, start_s: float) -> None:
        self.board = board
        self._served_s = start_s

    def moments(self, now_s: float) -> Iterable[float]:
        """Yield a service time each millisecond up to ``now_s``."""
        while self._served_s < now_s:
            self._served_s = min(self._served_s + STEP_S, now_s)
            self.board.advance(self._served_s)
            yield self._served_s

    def read(self, t_s: float) -> Sequence[tuple[float, bytes]]:
        """Return what the board has sent."""
        data = self.board.outgoing()
        return ((t_s, data),) if data else ()

    def write(self, data: bytes, t_s: float) -> None:
        """Hand a message to the board."""
        self.board.receive(data, t_s)

    def close(self) -> None:
        """Nothing is held."""


def serve_relay_pty(
    board: SimulatedRelayBoard,
    on_ready: Callable[[str], None],
    should_stop: Callable[[], bool],
    now_s: Callable[[], float] = time.monotonic,
) -> None:
    """Serve a board on a new pseudo-terminal until ``should_stop`` returns true."""
    import tty

    master, slave = os.openpty()
    try:
        tty.setraw(slave)
        os.set_blocking(master, False)
        on_ready(os.ttyname(slave))
        while not should_stop():
            if select.select([master], [], [], SERVE_WAIT_S)[0]:
                board.receive(os.read(master, READ_BYTES), now_s())
            board.advance(now_s())
            data = board.outgoing()
            if data:
                _write(master, data)
    finally:
        os.close(slave)
        os.close(master)


def _write(fd: int, data: bytes) -> None:
    """Write what is taken; what nobody reads is dropped, as on a real wire."""
    try:
        os.write(fd, data)
    except OSError as error:
        if error.errno not in (errno.EAGAIN, errno.EIO):
            raise


def serve_relay_udp(
    board: SimulatedRelayBoard,
    port: int,
    on_ready: Callable[[str], None],
    should_stop: Callable[[], bool],
    now_s: Callable[[], float] = time.monotonic,
) -> None:
    """Serve a board on a UDP port of this computer; answers go to whoever sent last."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as served:
        served.bind(("127.0.0.1", port))
        on_ready(f"udp://127.0.0.1:{served.getsockname()[1]}")
        sender: tuple[str, int] | None = None
        while not should_stop():
            if select.select([served], [], [], SERVE_WAIT_S)[0]:
                data, sender = served.recvfrom(READ_BYTES)
                board.receive(data, now_s())
            board.advance(now_s())
            data = board.outgoing()
            if data and sender is not None:
                served.sendto(data, sender)
