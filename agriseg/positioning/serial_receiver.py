"""A satellite receiver on a serial port, looked for again whenever it is away."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from agriseg.messages import PositionFix
from agriseg.ports import Clock
from agriseg.positioning.nmea import NmeaParser
from firmware_bridge.errors import PortLostError, PortUnavailableError
from firmware_bridge.transport import SerialWire

_log = logging.getLogger(__name__)

REOPEN_PERIOD_S = 1.0
_SPEECHLESS_S = 5.0
"""A port that has delivered no sentence for so long has the wrong device or baud rate."""


class NmeaReceiver:
    """Reads NMEA 0183 from a serial port (implements `ports.PositionReceiver`).

    Parameters
    ----------
    port : str
    baud : int
    clock : Clock
    delay_s : float
        From the moment for which a position holds to the arrival of its sentence.
    """

    def __init__(self, port: str, baud: int, clock: Clock, delay_s: float) -> None:
        self._port = port
        self._baud = baud
        self._clock = clock
        self._parser = NmeaParser(delay_s)
        self._wire: SerialWire | None = None
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
        return (
            f"{self._port}: the satellite receiver has sent no position for {silent_s:.0f} s; check"
            f" its cable, that position.baud is {self._baud} on it too, and that it sends GGA"
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

    def _open(self, now_s: float) -> SerialWire | None:
        if self._closed or now_s < self._reopen_s:
            return None
        self._reopen_s = now_s + REOPEN_PERIOD_S
        try:
            self._wire = SerialWire(self._port, self._baud)
        except PortUnavailableError as error:
            if not self._problem:
                _log.warning("no satellite receiver: %s", error)
            self._problem = str(error)
            return None
        self._problem = ""
        self._heard_s = now_s
        return self._wire
