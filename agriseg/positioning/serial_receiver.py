"""A satellite receiver on a serial port or in the network, looked for again while it is away."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from agriseg.messages import PositionFix
from agriseg.ports import Clock
from agriseg.positioning.network_wire import NetworkWire, is_network, network_address
from agriseg.positioning.nmea import NmeaParser
from firmware_bridge.errors import PortLostError, PortUnavailableError
from firmware_bridge.transport import SerialWire

_log = logging.getLogger(__name__)

REOPEN_PERIOD_S = 1.0
_SPEECHLESS_S = 5.0
"""A port that has delivered no sentence for so long has the wrong device or baud rate."""


class NmeaReceiver:
    """Reads NMEA 0183 from a serial port or the network (implements `ports.PositionReceiver`).

    Parameters
    ----------
    port : str
        Of the serial line, or an address as `network_address` takes it.
    baud : int
    clock : Clock
    delay_s : float
        From the moment for which a position holds to the arrival of its sentence.

    Raises
    ------
    ConfigError
        The address is none.
    """

    def __init__(self, port: str, baud: int, clock: Clock, delay_s: float) -> None:
        self._port = port
        self._baud = baud
        self._clock = clock
        self._parser = NmeaParser(delay_s)
        self._network = network_address(port) if is_network(port) else None
        self._wire: SerialWire | NetworkWire | None = None
        self._problem = ""
        self._opened_s = clock.now_s()
        self._heard_s = self._opened_s
        self._reopen_s = self._opened_s
        self._closed = False

    @property
    def name(self) -> str:
        """The port."""
        return self._port

    @property
    def problem(self) -> str:
        """Why nothing can come of it now; empty otherwise."""
        if self._problem:
            return self._problem
        silent_s = self._clock.now_s() - self._heard_s
        if silent_s < _SPEECHLESS_S:
            return ""
        said = f"{self._port}: the satellite receiver has sent no position for {silent_s:.0f} s;"
        if self._network is not None:
            return f"{said} check that it sends its sentences there, and GGA among them"
        return (
            f"{said} check its cable, that position.baud is {self._baud} on it too, and that it"
            " sends GGA"
        )

    def poll(self) -> Sequence[PositionFix]:
        """Return what has arrived since the last call."""
        now_s = self._clock.now_s()
        wire = self._wire or self._open(now_s)
        if wire is None:
            return ()
        try:
            arrived = wire.read(now_s)
        except PortLostError as error:
            self._problem = str(error)
            self._heard_s = now_s
            if isinstance(wire, NetworkWire):  # a serial wire looks for its port itself
                wire.close()
                self._wire = None
                self._reopen_s = now_s + REOPEN_PERIOD_S
            return ()
        fixes = [fix for t_s, data in arrived for fix in self._parser.feed(data, t_s)]
        if arrived:
            self._problem = ""
        if fixes:
            self._heard_s = now_s
        return fixes

    def close(self) -> None:
        """Release the port."""
        self._closed = True
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def _open(self, now_s: float) -> SerialWire | NetworkWire | None:
        if self._closed or now_s < self._reopen_s:
            return None
        self._reopen_s = now_s + REOPEN_PERIOD_S
        try:
            if self._network is None:
                self._wire = SerialWire(self._port, self._baud)
            else:
                self._wire = NetworkWire(self._network, now_s)
        except PortUnavailableError as error:
            if not self._problem:
                _log.warning("no satellite receiver: %s", error)
            self._problem = str(error)
            return None
        if self._network is None:  # whether somebody answers is only known later
            self._problem = ""
        self._heard_s = now_s
        return self._wire
