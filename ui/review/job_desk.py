"""One long job at a time for the whole review, and the panel that shows how it goes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

from PySide6.QtCore import QObject, Signal

from ui.review.panels import JobBar
from ui.review.process_job import ProcessJob


class JobFace(Protocol):
    """What shows a job: a bar, and what came of it."""

    job: JobBar

    def show_running(self, running: bool) -> None:
        """While a job is at work, no other can begin."""
        ...

    def show_done(self, result: Any) -> None:
        """Show what came of it."""
        ...

    def show_failed(self, text: str) -> None:
        """Say why nothing came of it."""
        ...


class JobDesk(QObject):
    """Starts jobs in a process, and tells the panel they were asked from."""

    refused = Signal(str)
    """There is a job already; carries the sentence."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._job = ProcessJob(self)
        self._face: JobFace | None = None
        self._job.progressed.connect(self._tell)
        self._job.finished.connect(self._finish)
        self._job.failed.connect(self._fail)
        self._job.cancelled.connect(lambda: self._fail("Cancelled; nothing was written."))

    @property
    def is_busy(self) -> bool:
        """Whether a job is at work."""
        return self._job.is_running

    def start(
        self, face: JobFace, what: str, function: Callable[..., Any], *arguments: Any
    ) -> bool:
        """Begin; return whether it could. All of it must be picklable."""
        if self._job.is_running:
            self.refused.emit("One export or what-if at a time: cancel the one at work first.")
            return False
        self._face = face
        face.show_running(True)
        face.job.show_share(what, 0.0, math.nan)
        self._job.start(function, *arguments)
        return True

    def cancel(self) -> None:
        """Give the job up."""
        self._job.cancel()

    def _tell(self, what: str, share: float, left_s: float) -> None:
        if self._face is not None:
            self._face.job.show_share(what, share, left_s)

    def _finish(self, result: object) -> None:
        face, self._face = self._face, None
        if face is not None:
            face.show_running(False)
            face.show_done(result)

    def _fail(self, text: str) -> None:
        face, self._face = self._face, None
        if face is not None:
            face.show_running(False)
            face.show_failed(text)
