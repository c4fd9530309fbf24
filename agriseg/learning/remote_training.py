"""A training on another computer, followed from here: it goes on there when the line drops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from agriseg.errors import LearningError
from agriseg.learning.remote import LineDropped, RemoteComputer
from agriseg.registry.durable import write_durably

_WAITS_S = (2.0, 5.0, 10.0, 30.0, 60.0)
_LOOK_EVERY_S = 2.0
_HEARD = "heard"

_Result = TypeVar("_Result")


class RemoteTraining:
    """One training on another computer, followed from here; the line may drop and come back.

    Parameters
    ----------
    computer : RemoteComputer
    job : Path
        The job's folder here.
    hear : callable
        Told the bytes of whole lines of events.
    lost : callable
        Told why the computer cannot be reached; an empty text when it can again.
    wish : callable
        Returns ``go``, ``pause`` or ``stop``.
    wait : callable
        Waits some seconds, less when a wish changes.
    """

    def __init__(
        self,
        computer: RemoteComputer,
        job: Path,
        *,
        hear: Callable[[bytes], None],
        lost: Callable[[str], None],
        wish: Callable[[], str],
        wait: Callable[[float], None],
    ) -> None:
        self._computer = computer
        self._job = job
        self._hear = hear
        self._lost = lost
        self._wish = wish
        self._wait = wait
        self._is_lost = False
        self._told = ""

    def run(self, names: Sequence[str], arguments: Sequence[str]) -> bool:
        """Train there and bring the result here; return whether it came to its end.

        Parameters
        ----------
        names : sequence of str
            Files and folders of the job that are needed there.
        arguments : sequence of str
            Of ``agriseg``, paths relative to the job's folder.

        Raises
        ------
        LearningError
            It failed there.
        """
        computer = self._computer
        self._try(computer.check)
        if not self._try(computer.has_files):
            self._try(lambda: computer.send(self._job, names))
            self._remember(0)
        self._try(lambda: computer.start(arguments))
        while self._follow():
            self._wait(_LOOK_EVERY_S)
        return self._finish()

    def _follow(self) -> bool:
        """Pass on wishes and hear news; return whether the training is still running."""
        self._pass_on_wish()
        heard = self._heard()
        piece = self._try(lambda: self._computer.read(heard))
        whole, end, _ = piece.data.rpartition(b"\n")
        if whole:
            self._hear(whole + end)
            self._remember(heard + len(whole) + len(end))
            if b'"validation"' in whole:
                self._fetch_samples()
        return piece.is_alive

    def _heard(self) -> int:
        """Return how many bytes of the events there are known here."""
        try:
            return int((self._job / _HEARD).read_text())
        except (OSError, ValueError):
            return 0

    def _remember(self, heard: int) -> None:
        write_durably(self._job / _HEARD, f"{heard}\n".encode())

    def _finish(self) -> bool:
        computer, training = self._computer, self._job / "training"
        training.mkdir(parents=True, exist_ok=True)
        names = ("bundle", "report.html", "figures.json", "log.jsonl", "samples")
        self._try(lambda: computer.fetch(names, training))
        if (training / "bundle").is_dir():
            self._try(computer.clean)
            return True
        if self._wish() == "stop":
            return False
        raise LearningError(
            f"{computer.target}: the training ended without a model "
            f"({self._try(computer.last_words)})"
        )

    def _fetch_samples(self) -> None:
        training = self._job / "training"
        training.mkdir(parents=True, exist_ok=True)
        self._try(lambda: self._computer.fetch(("samples",), training))

    def _pass_on_wish(self) -> None:
        wish = self._wish()
        if wish != self._told:
            self._try(lambda: self._computer.say(wish))
            self._told = wish

    def _try(self, action: Callable[[], _Result]) -> _Result:
        """Do something there, again and again while the line is down, until stop is wished."""
        failures = 0
        while True:
            try:
                result = action()
            except LineDropped as error:
                if self._wish() == "stop":
                    raise LearningError(
                        f"{error}; the training may go on there: continue the job to reach it again"
                    ) from error
                self._is_lost = True
                self._lost(f"{error}; trying again, the training goes on there")
                self._wait(_WAITS_S[min(failures, len(_WAITS_S) - 1)])
                failures += 1
                continue
            if self._is_lost:
                self._is_lost = False
                self._lost("")
            return result
