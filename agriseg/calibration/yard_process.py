"""A yard test in a process of its own, so that neither the window nor a picture delays it."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection

import numpy as np

from agriseg.calibration.yard import Leg
from agriseg.calibration.yard_tests import Options, TestOutcome, run_test
from agriseg.config import Config
from agriseg.errors import AgrisegError

_STOP_TIMEOUT_S = 5.0
_STOP = "stop"
_THERE = "there"


@dataclass(frozen=True, slots=True, kw_only=True)
class TestProgress:
    """How a test goes on.

    ``waits`` says that the test goes on only when the operator presses the key There.
    """

    __test__ = False  # not a test case

    text: str
    fraction: float
    remaining_s: float
    waits: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TestFailed:
    """Why a test ended without a result, in a sentence."""

    __test__ = False  # not a test case

    text: str


TestMessage = TestProgress | TestFailed | TestOutcome


class YardProcess:
    """Runs one test; ask `poll` for what has happened.

    Parameters
    ----------
    config : Config
        In force.
    name : str
    options : mapping
        As `agriseg.calibration.yard_tests.run_test` takes them.
    """

    def __init__(self, config: Config, name: str, options: Options) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve,
            args=(config, name, dict(options), theirs),
            name=f"agriseg-calibration-{name}",
            daemon=False,
        )
        self._process.start()
        theirs.close()
        self._ended = False

    def poll(self) -> list[TestMessage]:
        """Return what has come since the last call, oldest first."""
        messages: list[TestMessage] = []
        try:
            while not self._ended and self._connection.poll():
                messages.append(self._connection.recv())
                self._ended = not isinstance(messages[-1], TestProgress)
        except (EOFError, OSError):
            self._ended = True
            messages.append(TestFailed(text="the test's process ended; nothing was changed"))
        return messages

    def stop(self) -> None:
        """Ask the test to close the valves and end; it answers with `TestFailed`."""
        self._send(_STOP)

    def confirm(self) -> None:
        """Say that the machine has reached the mark."""
        self._send(_THERE)

    def close(self) -> None:
        """End the process; the valves are closed first."""
        self.stop()
        with contextlib.suppress(OSError):
            self._connection.close()
        self._ended = True
        self._process.join(_STOP_TIMEOUT_S)
        if self._process.is_alive():
            self._process.terminate()
            self._process.join(_STOP_TIMEOUT_S)

    def _send(self, order: str) -> None:
        with contextlib.suppress(OSError):
            self._connection.send(order)


class _PipeGuide:
    """Tells the other end of a pipe how a test goes on, and hears what the operator wants."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._begun_s = time.monotonic()
        self._stop = False
        self._there = False
        self._waits = False

    def drive(self, leg: Leg) -> None:
        self._waits = leg.to_mark
        self._there = False

    def say(self, text: str, fraction: float) -> None:
        spent_s = time.monotonic() - self._begun_s
        remaining_s = spent_s * (1.0 - fraction) / fraction if fraction > 0.05 else np.nan
        progress = TestProgress(
            text=text, fraction=fraction, remaining_s=float(remaining_s), waits=self._waits
        )
        try:
            self._connection.send(progress)
        except OSError:
            self._stop = True

    def stopped(self) -> bool:
        self._hear()
        return self._stop

    def confirmed(self) -> bool:
        self._hear()
        there, self._there = self._there, False
        if there:
            self._waits = False
        return there

    def _hear(self) -> None:
        try:
            while self._connection.poll():
                order = self._connection.recv()
                self._stop = self._stop or order == _STOP
                self._there = self._there or order == _THERE
        except (EOFError, OSError):
            self._stop = True


def _serve(config: Config, name: str, options: Options, connection: Connection) -> None:
    """Run the test and send what came of it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answer: TestMessage
    try:
        answer = run_test(config, name, options, _PipeGuide(connection))
    except AgrisegError as error:
        answer = TestFailed(text=str(error))
    with contextlib.suppress(OSError):
        connection.send(answer)
