"""One long job in a process of its own: progress, remaining time, cancel."""

from __future__ import annotations

import logging
import multiprocessing
import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from agriseg.errors import AgrisegError

log = logging.getLogger(__name__)

_LOOK_MS = 100
_TELL_EVERY_S = 0.1
_END_WITHIN_S = 2.0

Tell = Callable[[str, float], None]
"""Told what is being done and the share of it, 0 to 1."""


class ProcessJob(QObject):
    """Runs one function at a time beside the window, at low priority."""

    progressed = Signal(str, float, float)
    """What is being done, the share that is done, and the seconds that are left (NaN: unknown)."""
    finished = Signal(object)
    failed = Signal(str)
    cancelled = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._began_s: dict[str, float] = {}
        self._look = QTimer(self)
        self._look.setInterval(_LOOK_MS)
        self._look.timeout.connect(self._collect)

    @property
    def is_running(self) -> bool:
        """Whether there is a job."""
        return self._process is not None

    def start(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Run ``function(tell, *arguments)``; all of it must be picklable. One job at a time."""
        if self._process is not None:
            raise RuntimeError("there is a job already")
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe(duplex=False)
        self._process = context.Process(
            target=_work, args=(theirs, function, arguments), name="agriseg-review-job"
        )
        self._began_s.clear()
        self._process.start()
        theirs.close()
        self._look.start()

    def cancel(self) -> None:
        """Give the job up."""
        if self._process is not None:
            self._end(kill=True)
            self.cancelled.emit()

    def _collect(self) -> None:
        while self._pipe is not None and self._pipe.poll():
            try:
                kind, *news = self._pipe.recv()
            except (EOFError, OSError):
                break
            if kind == "progress":
                self._tell(news[0], news[1])
            else:
                self._end(kill=False)
                (self.finished if kind == "finished" else self.failed).emit(news[0])
                return
        if self._process is not None and not self._process.is_alive():
            code = self._process.exitcode
            self._end(kill=False)
            self.failed.emit(f"The job ended without a result (exit status {code}).")

    def _tell(self, what: str, share: float) -> None:
        spent_s = time.monotonic() - self._began_s.setdefault(what, time.monotonic())
        left_s = spent_s * (1.0 - share) / share if share > 0.02 and spent_s > 0.5 else float("nan")
        self.progressed.emit(what, share, left_s)

    def _end(self, *, kill: bool) -> None:
        process, pipe = self._process, self._pipe
        self._process = self._pipe = None
        self._look.stop()
        if process is not None:
            if kill:
                process.terminate()
            process.join(_END_WITHIN_S)
            if process.is_alive():
                process.kill()
                process.join()
            process.close()
        if pipe is not None:
            pipe.close()


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(1)


def _work(pipe: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    import os

    os.nice(10)
    signal.signal(signal.SIGTERM, _leave)  # given up: what was half written is cleared away
    last_s = 0.0

    def tell(what: str, share: float) -> None:
        nonlocal last_s
        if share >= 1.0 or time.monotonic() - last_s >= _TELL_EVERY_S:
            last_s = time.monotonic()
            pipe.send(("progress", what, share))

    try:
        pipe.send(("finished", function(tell, *arguments)))
    except AgrisegError as error:
        pipe.send(("failed", str(error)))
    except Exception as error:  # the window says it; the process has no other voice
        log.exception("the job broke")
        pipe.send(("failed", f"This could not be done ({type(error).__name__}: {error})."))
    finally:
        pipe.close()
