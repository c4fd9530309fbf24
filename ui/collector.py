"""Collects Python's cycles in the window's thread, and in no other."""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

_PERIOD_MS = 1000


class WindowCollector(QObject):
    """Takes the cycle collector away from the threads beside the window's, until `release`.

    Python collects in whichever thread happens to allocate. A widget that nobody holds any more
    would be destroyed there, and leave behind timers that Qt then calls: the program ends. What
    exists when this is made is taken for lasting and never looked through again, which keeps a
    collection below a frame's time.

    Parameters
    ----------
    parent : QObject, optional
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._was_enabled = gc.isenabled()
        gc.disable()
        gc.freeze()
        timer = QTimer(self)
        timer.timeout.connect(collect_due)
        timer.start(_PERIOD_MS)

    def release(self) -> None:
        """Let Python collect as before."""
        gc.unfreeze()
        if self._was_enabled:
            gc.enable()


def collect_due() -> None:
    """Collect the oldest generation whose time has come by Python's own thresholds."""
    for generation in (2, 1, 0):
        if gc.get_count()[generation] > gc.get_threshold()[generation]:
            gc.collect(generation)
            return
