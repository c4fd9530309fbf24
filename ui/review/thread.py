"""One thread for what takes long: jobs in order, of each kind only the newest if so wished."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal, Slot

from agriseg.errors import AgrisegError

log = logging.getLogger(__name__)

_ENDS_AFTER_S = 0.5
"""A thread with nothing to do ends itself; the next job begins another."""


@dataclass(frozen=True, slots=True)
class _Job:
    kind: str
    do: Callable[[], Any]
    then: Callable[[Any], None]


class ReviewThread(QObject):
    """Does jobs beside the window and hands their results on in the window's own thread.

    A job asks `is_cancelled` now and then. What a job returns goes to its ``then``; an error goes
    to `failed` as a sentence.
    """

    failed = Signal(str)
    _arrived = Signal()

    def __init__(self, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._wake = threading.Condition()
        self._jobs: deque[_Job] = deque()
        self._results: deque[tuple[int, Callable[[], None]]] = deque()
        self._thread: threading.Thread | None = None
        self._round = 0
        self._ends = False
        self._at_work: int | None = None
        self._arrived.connect(self._collect, Qt.ConnectionType.QueuedConnection)

    def ask(self, do: Callable[[], Any], then: Callable[[Any], None], newest_of: str = "") -> None:
        """Have a job done; one of the same ``newest_of`` that still waits is forgotten."""
        with self._wake:
            if newest_of:
                self._jobs = deque(job for job in self._jobs if job.kind != newest_of)
            self._jobs.append(_Job(newest_of, do, then))
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name=f"agriseg-{self._name}", daemon=True
                )
                self._thread.start()
            self._wake.notify()

    def is_cancelled(self) -> bool:
        """Return whether the job at work is no longer wanted."""
        return self._at_work != self._round

    def tell(self, news: Callable[[], None]) -> None:
        """From a job: have something done in the window's thread meanwhile."""
        self._leave(self._at_work or 0, news)

    def cancel(self) -> None:
        """Forget every job and what they have left."""
        with self._wake:
            self._round += 1
            self._jobs.clear()
            self._wake.notify()

    def stop(self) -> None:
        """Forget every job and wait until the one at work has noticed."""
        with self._wake:
            self._round += 1
            self._jobs.clear()
            thread, self._ends = self._thread, True
            self._wake.notify()
        if thread is not None:
            thread.join()
        self._ends = False

    # In the thread

    def _run(self) -> None:
        while True:
            with self._wake:
                if not self._jobs:
                    self._wake.wait_for(lambda: self._jobs or self._ends, _ENDS_AFTER_S)
                if not self._jobs:
                    self._thread = None
                    return
                job, self._at_work = self._jobs.popleft(), self._round
            self._do(job, self._at_work)

    def _do(self, job: _Job, at_work: int) -> None:
        try:
            result = job.do()
        except AgrisegError as error:
            text = str(error)
            self._leave(at_work, lambda: self.failed.emit(text))
        except Exception as error:  # whatever breaks, the window and the nozzles stay in order
            log.exception("a review job broke")
            text = f"This could not be done ({type(error).__name__}: {error})."
            self._leave(at_work, lambda: self.failed.emit(text))
        else:
            self._leave(at_work, lambda: job.then(result))

    def _leave(self, at_work: int, news: Callable[[], None]) -> None:
        self._results.append((at_work, news))
        self._arrived.emit()

    # In the window's thread

    @Slot()
    def _collect(self) -> None:
        while self._results:
            at_work, news = self._results.popleft()
            if at_work == self._round:
                news()
