"""What a job's process does, one thing after the other; each is left out when it is done."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from agriseg.errors import LearningError
from agriseg.learning.course import job_line
from agriseg.learning.jobs import CONTROL_NAME, TRAINING_NAME
from agriseg.learning.recipe import CONFIG_NAME, START_NAME, training_config, write_config
from agriseg.learning.spec import JobSpec
from agriseg.learning.staging import DATA_NAME, StagedSet, stage
from agriseg.models.bundle import open_bundle

_TELL_EVERY_S = 0.5
_LOOK_EVERY_S = 0.2


class Cancelled(Exception):  # noqa: N818  # not an error: it was asked for
    """The job was asked to stop."""


class Desk:
    """Where a job's process says what it does and hears what is wished of it.

    Parameters
    ----------
    job : Path
    write : callable
        Takes one line of JSON, without its end.
    sleep : callable
    """

    def __init__(
        self, job: Path, write: Callable[[str], None], sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._control = job / CONTROL_NAME
        self._write = write
        self._sleep = sleep
        self._phase = ""
        self._words = ""
        self._told_s = float("-inf")

    def begin(self, phase: str) -> None:
        """Enter a phase."""
        self._phase = phase

    def tell(self, words: str, share: float) -> None:
        """Say how far it is; stop or wait where that is wished.

        Raises
        ------
        Cancelled
            It is to stop.
        """
        now_s = time.monotonic()
        if words != self._words or share >= 1.0 or now_s - self._told_s >= _TELL_EVERY_S:
            self._words, self._told_s = words, now_s
            self._write(job_line(self._phase, words, share=round(share, 4)))
        self.obey()

    def wish(self) -> str:
        """Return what is wished: ``go``, ``pause`` or ``stop``."""
        try:
            words = self._control.read_text(encoding="utf-8").split()
        except (OSError, UnicodeDecodeError):
            return "go"
        return words[0] if words and words[0] in ("pause", "stop") else "go"

    def wait(self, seconds: float) -> None:
        """Wait, less when the wish changes meanwhile."""
        before, left = self.wish(), seconds
        while left > 0.0 and self.wish() == before:
            self._sleep(min(left, _LOOK_EVERY_S))
            left -= _LOOK_EVERY_S

    def obey(self) -> None:
        """Wait while a pause is wished.

        Raises
        ------
        Cancelled
            It is to stop.
        """
        if self.wish() == "pause":
            self._write(job_line("paused", "paused"))
            while self.wish() == "pause":
                self._sleep(_LOOK_EVERY_S)
            self._write(job_line(self._phase, self._words))
        if self.wish() == "stop":
            raise Cancelled


def prepare(job: Path, spec: JobSpec, desk: Desk) -> tuple[StagedSet, ...]:
    """Put together what a training needs: the first model, pictures, configuration.

    Raises
    ------
    Cancelled
    AgrisegError
        Something is missing or cannot be written.
    """
    desk.begin("prepare")
    desk.tell("pictures are put together", 0.0)
    _take_start(job, Path(spec.start))
    staged = stage(job, spec, desk.tell)
    write_config(job, training_config(spec, staged, open_bundle(job / START_NAME)))
    return staged


def training_arguments(spec: JobSpec, job: Path | None) -> list[str]:
    """Return the words of ``agriseg train``; without a job's folder they hold in that folder."""
    root = Path() if job is None else job
    return [
        "train",
        str(root / CONFIG_NAME),
        *("--data", str(root)),
        *("--out", str(root / TRAINING_NAME)),
        *("--device", spec.device),
        *("--threads", str(spec.threads)),
        *("--progress", "json"),
    ]


NEEDED_THERE = (CONFIG_NAME, START_NAME, DATA_NAME)
"""What of a job another computer needs to train."""


def tidy(job: Path) -> None:
    """Delete what is not needed once the model is registered: the checkpoint is large."""
    for name in ("checkpoint.pt", "checkpoint.partial"):
        (job / TRAINING_NAME / name).unlink(missing_ok=True)


def _take_start(job: Path, start: Path) -> None:
    """Copy the model to begin with, whole or not at all."""
    target, partial = job / START_NAME, job / f"{START_NAME}.part"
    if target.is_dir():
        return
    bundle = open_bundle(start)
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        for path in bundle.directory.iterdir():
            if path.is_file():
                shutil.copyfile(path, partial / path.name)
        partial.rename(target)
    except OSError as error:
        raise LearningError(f"{target}: cannot be written ({error.strerror})") from error
