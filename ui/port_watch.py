"""Looks for serial ports in a thread of its own, so that a slow driver never holds the window."""

from __future__ import annotations

import logging
import threading
from collections import deque

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from agriseg.serial_ports import PortLister, SerialPort

log = logging.getLogger(__name__)

LOOK_INTERVAL_MS = 1000
_COLLECT_INTERVAL_MS = 50


class PortWatch(QObject):
    """Lists the ports once when asked, or every second.

    The thread leaves its answer in a mailbox; a timer of the window takes it from there. A look
    that takes long (a driver that hangs) delays only the next look.
    """

    listed = Signal(object)
    """The ports that are there, a tuple of `SerialPort`, after each look that differs."""

    def __init__(self, lister: PortLister, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lister = lister
        self._mailbox: deque[tuple[SerialPort, ...]] = deque(maxlen=1)
        self._ports: tuple[SerialPort, ...] | None = None
        self._thread: threading.Thread | None = None
        self._repeat = QTimer(self)
        self._repeat.setInterval(LOOK_INTERVAL_MS)
        self._repeat.timeout.connect(self.look)
        self._collect = QTimer(self)
        self._collect.setInterval(_COLLECT_INTERVAL_MS)
        self._collect.timeout.connect(self._take)

    @property
    def ports(self) -> tuple[SerialPort, ...]:
        """What was there at the last look."""
        return self._ports or ()

    @property
    def has_looked(self) -> bool:
        """Whether there has been an answer yet."""
        return self._ports is not None

    def start(self) -> None:
        """Look now and every second."""
        self.look()
        self._repeat.start()

    def stop(self) -> None:
        """Look no more; a look under way is still taken."""
        self._repeat.stop()

    @Slot()
    def look(self) -> None:
        """Look once, unless a look is under way."""
        if self._thread is not None:
            return
        self._thread = threading.Thread(target=self._list, name="agriseg-ports", daemon=True)
        self._thread.start()
        self._collect.start()

    def _list(self) -> None:
        """Leave the ports in the mailbox, in the thread."""
        try:
            self._mailbox.append(self._lister())
        except OSError as error:  # a device went away while it was looked at
            log.warning("the serial ports could not be listed: %s", error)

    @Slot()
    def _take(self) -> None:
        if self._thread is None or self._thread.is_alive():
            return
        self._thread = None
        self._collect.stop()
        if not self._mailbox:
            return
        ports = self._mailbox.popleft()
        if ports != self._ports:
            self._ports = ports
            self.listed.emit(ports)
