"""Whether the nozzles may open, and every reason why they may not."""

from __future__ import annotations

import logging

from agriseg.alarms import AlarmBook, AlarmKind, sentence
from agriseg.engine.parts import EngineParts
from agriseg.engine.run_book import RunBook
from agriseg.ports import Held

_log = logging.getLogger(__name__)


class SprayGate:
    """Opens only when the controller has confirmed ARMED; closes at once, and says why.

    Nothing here opens it again after a stop: that is the operator's. A recorded source of frames
    runs while it is open, and stands still otherwise.

    Attributes
    ----------
    alarms : AlarmBook
    paused : bool
        Whether the operator paused.
    arming_since_s : float, optional
        Since when the controller's ARMED is awaited; None while it is not.
    """

    def __init__(self, parts: EngineParts, book: RunBook) -> None:
        self._controller = parts.controller
        self._recording = parts.camera if isinstance(parts.camera, Held) else None
        self._clock = parts.clock
        self._book = book
        self._is_open = False
        self.alarms = AlarmBook()
        self.paused = False
        self.arming_since_s: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether pulses may be commanded now."""
        return self._is_open

    @property
    def is_wanted(self) -> bool:
        """Whether it is open or about to be."""
        return self._is_open or self.arming_since_s is not None

    def arm(self) -> None:
        """Ask the controller for ARMED."""
        self.paused = False
        self.arming_since_s = self._clock.now_s()
        self._controller.arm()

    def open(self) -> None:
        """Let pulses pass: the controller has confirmed ARMED."""
        self.arming_since_s = None
        self._set_open(True)

    def close(self) -> None:
        """Let no more pulses pass and disarm the controller."""
        if self.is_wanted:
            self._controller.disarm()
        self._set_open(False)
        self.arming_since_s = None

    def slam(self) -> None:
        """Close by an emergency stop, whatever the state."""
        self._set_open(False)
        self.arming_since_s = None
        self._controller.emergency_stop()

    def stop(self, kind: AlarmKind, text: str) -> None:
        """Close and say why; an alarm that does not concern a run is only shown."""
        text = sentence(text)
        if self.alarms.raise_alarm(kind, text, self._clock.now_s()):
            _log.warning("stop: %s", text)
            self._book.note("stop", text)
        self.close()

    def set_alarm(self, kind: AlarmKind, text: str) -> None:
        """Raise an alarm that leaves the gate as it is, or clear it when ``text`` is empty."""
        if not text:
            self.alarms.clear(kind)
        elif self.alarms.raise_alarm(kind, sentence(text), self._clock.now_s()):
            self._book.note("alarm", text)

    def _set_open(self, is_open: bool) -> None:
        self._is_open = self._book.meter.is_spraying = is_open
        if self._recording is not None:
            self._recording.run_on() if is_open else self._recording.hold()
