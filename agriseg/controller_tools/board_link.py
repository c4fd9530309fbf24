"""A connection to one controller for a tool: served by hand, ended at the first failure."""

from __future__ import annotations

import math
import secrets
import select
from collections.abc import Callable
from pathlib import Path

from agriseg.errors import ControllerError, PortError, ProtocolError
from agriseg.ports import Clock
from firmware_bridge.errors import (
    PortLostError,
    PortUnavailableError,
    ProtocolMismatchError,
)
from firmware_bridge.frames import HelloReply
from firmware_bridge.link import HostLink, Limits, LinkEvent, LinkPhase
from firmware_bridge.transport import SerialWire

CONNECT_S = 6.0
"""Boards restart when their port is opened, and their bootloader waits a second or two."""
CLOCK_S = 5.0
SERVICE_S = 0.005
BAUDS = (9600, 57600, 115200, 230400, 250000, 460800, 500000, 921600, 1000000)
DEFAULT_BAUD = 500_000


def watching_limits(baud: int) -> Limits:
    """Return limits for a connection that only looks: nothing may stay open for long."""
    slow = baud < 115_200
    return Limits(
        max_open_ms=200,
        standstill_ms=200,
        reach_subcounts=0,
        odometry_ms=250 if slow else 50,
        status_ms=250 if slow else 50,
    )


class BoardLink:
    """Host's end of the link on a real port, for one tool.

    The controller keeps its valve latencies; only the limits are set.

    Parameters
    ----------
    port : str
    baud : int
    clock : Clock
        Real time.
    limits : Limits, optional
        By default those of `watching_limits`.

    Raises
    ------
    PortError
        The port is absent, busy, not permitted, or no serial port.
    """

    def __init__(self, port: str, baud: int, clock: Clock, limits: Limits | None = None) -> None:
        self.port = port
        self._baud = baud
        self._clock = clock
        self._planner_alive = False
        try:
            self._wire = SerialWire(port, baud)
        except PortUnavailableError as error:
            raise PortError(str(error)) from error
        self.link = HostLink(
            session_id=secrets.randbits(32) or 1,
            valves={},
            limits=watching_limits(baud) if limits is None else limits,
            baud=0.0 if _is_terminal(port) else float(baud),
        )

    @property
    def now_s(self) -> float:
        """The time that the link lives by, in seconds."""
        return self._clock.now_s()

    @property
    def identity(self) -> HelloReply:
        """What the connected controller said of itself.

        Raises
        ------
        ControllerError
            The controller is not connected.
        """
        identity = self.link.identity
        if identity is None or self.link.phase is not LinkPhase.READY:
            raise ControllerError(f"{self.port}: the controller is not connected")
        return identity

    def vouch(self, alive: bool) -> None:
        """Let the heartbeat say that somebody answers for the valves, or that nobody does."""
        self._planner_alive = alive
        self._beat(self.now_s)

    def serve(self, wait_s: float = SERVICE_S) -> list[LinkEvent]:
        """Serve the link once, waiting at most ``wait_s`` for bytes; return what happened.

        Raises
        ------
        PortError
            The port went away.
        ProtocolError
            The device runs other firmware, or another version.
        """
        port = self._wire.fileno()
        if port is None:
            self._clock.sleep_until(self.now_s + wait_s)
        else:
            select.select([port], [], [], wait_s)
        now_s = self.now_s
        try:
            self._beat(now_s)
            for arrival_s, data in self._wire.read(now_s):
                self.link.receive(data, arrival_s)
            self.link.poll(now_s)
            data = self.link.outgoing(now_s)
            if data:
                self._wire.write(data, now_s)
        except PortLostError as error:
            raise PortError(str(error)) from error
        except ProtocolMismatchError as error:
            raise ProtocolError(f"{self.port}: {error}") from error
        return self.link.take_events()

    def connect(self) -> HelloReply:
        """Open the session and return what the controller says of itself.

        Raises
        ------
        ControllerError
            Nothing answered, or something else than an AgriSeg controller did.
        """
        if not self.serve_until(lambda: self.link.phase is LinkPhase.READY, CONNECT_S):
            raise ControllerError(self._why_no_answer())
        return self.identity

    def compare_clocks(self) -> None:
        """Serve until both clocks agree well enough to command pulses.

        Raises
        ------
        ControllerError
            They did not come to agree.
        """
        if not self.serve_until(lambda: self.link.clock.converged, CLOCK_S):
            error_s = self.link.clock.error_s
            found = (
                "no answers" if math.isinf(error_s) else f"they differ by {error_s * 1e3:.1f} ms"
            )
            raise ControllerError(
                f"{self.port}: the clocks of computer and controller do not agree after"
                f" {CLOCK_S:g} s ({found}); close other programs, or look at the cable"
            )

    def serve_until(
        self,
        done: Callable[[], bool],
        patience_s: float,
        take: Callable[[LinkEvent], None] = lambda _: None,
    ) -> bool:
        """Serve until ``done()``; return false when ``patience_s`` is over first."""
        end_s = self.now_s + patience_s
        while not done():
            if self.now_s > end_s:
                return False
            for event in self.serve():
                take(event)
        return True

    def close(self) -> None:
        """Release the port."""
        self._wire.close()

    def _beat(self, now_s: float) -> None:
        alive = self._planner_alive
        self.link.beat(now_s, camera_alive=alive, model_alive=alive, planner_alive=alive)

    def _why_no_answer(self) -> str:
        heard = self.link.heard_foreign
        if heard and self.link.counters.received_frames == 0:
            return (
                f"{self.port}: no AgriSeg controller answered within {CONNECT_S:g} s, but"
                f" {heard[:24]!r} came: the device runs other firmware or another baud rate than"
                f" {self._baud}; give --baud, or flash it with `agriseg controller flash`"
            )
        return (
            f"{self.port}: nothing answered within {CONNECT_S:g} s at {self._baud} baud; look at"
            " power and cable, give --baud, or flash the board with `agriseg controller flash`"
        )


def _is_terminal(port: str) -> bool:
    """Return whether a port is a pseudo-terminal, on which bytes take no time."""
    return Path(port).resolve().is_relative_to("/dev/pts")
