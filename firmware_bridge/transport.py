"""The serial port at the edge: pyserial, never waiting, with sentences for what goes wrong."""

from __future__ import annotations

import errno
import logging
import os
import stat
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import serial
from serial.tools import list_ports

from firmware_bridge.errors import (
    PortAbsentError,
    PortBusyError,
    PortForbiddenError,
    PortLostError,
    PortUnavailableError,
)

_LOG = logging.getLogger(__name__)

REOPEN_PERIOD_S = 0.5
READ_BYTES = 4096
MAX_UNSENT_BYTES = 16_384
_ABSENT = frozenset({errno.ENOENT, errno.ENXIO, errno.ENODEV})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM})
_BUSY = frozenset({errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK})
_IS_WINDOWS = sys.platform == "win32"


def open_port(port: str, baud: int) -> serial.Serial:
    """Open a serial port for this program alone, without waiting on reads or writes.

    Raises
    ------
    PortUnavailableError
        The sentence names the port, what was found and what to do.
    """
    try:
        opened = serial.Serial(
            port, baud, timeout=0, write_timeout=0, exclusive=None if _IS_WINDOWS else True
        )
    except (serial.SerialException, OSError, ValueError) as error:
        raise explain(port, error) from error
    _ask_low_latency(opened)
    opened.reset_input_buffer()
    return opened


def _ask_low_latency(port: serial.Serial) -> None:
    """Ask for 1 ms instead of the 16 ms that FTDI drivers wait; many ports cannot."""
    try:
        port.set_low_latency_mode(True)
    except (AttributeError, NotImplementedError, OSError, ValueError) as error:
        _LOG.debug("%s has no low-latency mode: %s", port.port, error)


def explain(port: str, error: Exception) -> PortUnavailableError:
    """Return the typed error for what opening a port raised."""
    number = getattr(error, "errno", None)
    text = str(error)
    if number in _ABSENT or "FileNotFoundError" in text:
        return PortAbsentError(f"{port}: there is no such serial port; {_ports_found()}")
    if number in _BUSY or (_IS_WINDOWS and "PermissionError" in text):
        return PortBusyError(
            f"{port}: another program is using the serial port; close it (a second AgriSeg, a"
            " serial monitor, an upload) and try again"
        )
    if number in _FORBIDDEN:
        return PortForbiddenError(
            f"{port}: you are not permitted to use the serial port; {_permission_remedy(port)}"
        )
    if number == errno.ENOTTY or "Could not configure port" in text:
        return PortUnavailableError(f"{port}: this is not a serial port ({text}); {_ports_found()}")
    return PortUnavailableError(f"{port}: the serial port cannot be opened: {text}")


def _ports_found() -> str:
    names = sorted(info.device for info in list_ports.comports())
    if not names:
        return "no serial port was found: plug the controller in and check its cable"
    return f"found {', '.join(names)}: plug the controller in, or name one of these"


def _permission_remedy(port: str) -> str:
    group = group_of(port) or "dialout"
    return (
        f"add yourself to the group {group} with `{join_group_command(group)}`, then log"
        " out and in again"
    )


def join_group_command(group: str) -> str:
    """Return the command that adds the present user to ``group``."""
    return f"sudo usermod -a -G {group} $USER"


def group_of(port: str) -> str | None:
    """Return the name of the group that may use a device file, if one may."""
    try:
        import grp

        status = Path(port).stat()
        if not status.st_mode & stat.S_IWGRP:
            return None
        name: str = grp.getgrgid(status.st_gid).gr_name
    except (ImportError, OSError, KeyError):
        return None
    return name if name != "root" else None


class SerialWire:
    """A `firmware_bridge.wires.Wire` on a serial port; opens it again after it was unplugged.

    Parameters
    ----------
    port : str
    baud : int

    Raises
    ------
    PortUnavailableError
        The port cannot be opened now.
    """

    def __init__(self, port: str, baud: int) -> None:
        self.port = port
        self._baud = baud
        self._serial: serial.Serial | None = open_port(port, baud)
        self._unsent = bytearray()
        self._reopen_s = 0.0
        self._closed = False

    def fileno(self) -> int | None:
        """Return a descriptor to wait on; None while there is none."""
        if self._serial is None or _IS_WINDOWS:
            return None
        number: int = self._serial.fileno()
        return number

    def moments(self, now_s: float) -> Iterable[float]:
        """Yield now: real bytes arrive when they arrive."""
        return (now_s,)

    def read(self, t_s: float) -> Sequence[tuple[float, bytes]]:
        """Return what has arrived; nothing while the port is away.

        Raises
        ------
        PortLostError
            The port went away just now; later calls try to open it again.
        """
        if self._serial is None:
            self._reopen(t_s)
            return ()
        try:
            data: bytes = self._serial.read(READ_BYTES)
            self._push()
        except (serial.SerialException, OSError, TypeError) as error:
            raise self._lose(error, t_s) from error
        return ((t_s, data),) if data else ()

    def write(self, data: bytes, t_s: float) -> None:
        """Send bytes; what the port does not take at once follows later.

        Raises
        ------
        PortLostError
            The port went away, or takes nothing any more.
        """
        if self._serial is None:
            return
        self._unsent += data
        try:
            self._push()
        except (serial.SerialException, OSError) as error:
            raise self._lose(error, t_s) from error
        if len(self._unsent) > MAX_UNSENT_BYTES:
            raise self._lose(OSError("it takes no more bytes"), t_s)

    def _push(self) -> None:
        if not self._unsent or self._serial is None:
            return
        try:
            if _IS_WINDOWS:
                sent = self._serial.write(bytes(self._unsent)) or 0
            else:
                sent = os.write(self._serial.fileno(), self._unsent)
        except BlockingIOError:
            return
        del self._unsent[:sent]

    def _lose(self, error: Exception, t_s: float) -> PortLostError:
        _LOG.info("%s was lost: %s", self.port, error)
        self._release()
        self._reopen_s = t_s + REOPEN_PERIOD_S
        return PortLostError(
            f"{self.port}: the serial port is gone; plug the controller in and check its cable"
        )

    def _reopen(self, t_s: float) -> None:
        if self._closed or t_s < self._reopen_s:
            return
        self._reopen_s = t_s + REOPEN_PERIOD_S
        try:
            self._serial = open_port(self.port, self._baud)
        except PortUnavailableError as error:
            _LOG.debug("%s", error)
        else:
            _LOG.info("%s: the serial port is back", self.port)

    def _release(self) -> None:
        port, self._serial = self._serial, None
        self._unsent.clear()
        if port is not None:
            try:
                port.close()
            except OSError as error:
                _LOG.debug("%s: closing failed: %s", self.port, error)

    def close(self) -> None:
        """Release the port for good."""
        self._closed = True
        self._release()
