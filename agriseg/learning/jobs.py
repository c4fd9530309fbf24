"""Jobs of learning: each a folder and, while it works, a process that outlives the window."""

from __future__ import annotations

import fcntl
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import platformdirs

from agriseg.errors import AgrisegError, LearningError
from agriseg.learning.course import EVENTS_NAME, Course, CourseReader, job_line
from agriseg.learning.room import free_room, needed_room
from agriseg.learning.spec import JobSpec, check_spec, read_spec, write_spec
from agriseg.registry.durable import write_durably

LOCK_NAME = "at-work"
LOG_NAME = "log.txt"
TRAINING_NAME = "training"
CONTROL_NAME = f"{TRAINING_NAME}/control"
_LOCAL_LOCK = ".local"
_START_WITHIN_S = 20.0
_TRIES = 20
_TRY_AGAIN_S = 0.05
_PLAIN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


def learning_directory() -> Path:
    """Return the user's folder of jobs."""
    return Path(platformdirs.user_data_dir("agriseg", appauthor=False)) / "learning"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    """A job, as the list shows it.

    Attributes
    ----------
    job_id : str
    directory : Path
    spec : JobSpec, optional
        None where it cannot be read; ``problem`` says why.
    course : Course
    is_at_work : bool
        Whether a process works on it.
    problem : str
    """

    job_id: str
    directory: Path
    spec: JobSpec | None
    course: Course
    is_at_work: bool
    problem: str = ""

    @property
    def state(self) -> str:
        """One word: how it is.

        ``new``, ``prepare``, ``train``, ``paused``, ``finish``, ``prove``, ``done``,
        ``cancelled``, ``failed``, ``broken``, or ``interrupted``: nobody works on it, and it did
        not come to an end.
        """
        if self.spec is None:
            return "broken"
        if self.course.has_ended and not self.is_at_work:
            return self.course.phase
        if self.is_at_work:
            has_begun = self.course.phase and not self.course.has_ended
            return self.course.phase if has_begun else "prepare"
        return "interrupted" if self.course.phase else "new"

    @property
    def can_go_on(self) -> bool:
        """Whether it can be begun or taken up again."""
        return self.state in ("new", "interrupted", "cancelled", "failed")


class Jobs:
    """The user's jobs of learning.

    Parameters
    ----------
    root : Path, optional
        Their folder; the user's by default.
    free : callable
        Returns the free bytes of the disk that a folder is on.
    """

    def __init__(self, root: Path | None = None, free: Callable[[Path], int] = free_room) -> None:
        self.root = learning_directory() if root is None else root
        self._free = free
        self._readers: dict[Path, CourseReader] = {}

    def create(self, spec: JobSpec) -> Path:
        """Make a job's folder; nothing is begun.

        Raises
        ------
        LearningError
            It cannot be done, or the disk has not the room.
        RegistryError
            The folder cannot be written.
        """
        check_spec(spec)
        free, needed = self._free(self.root), needed_room(0)
        if free < needed:
            raise LearningError(
                f"{self.root}: {free / 1e6:.0f} MB are free, learning needs {needed / 1e6:.0f} MB; "
                "free some space, or delete old jobs with `agriseg learn delete`"
            )
        stem = f"{spec.made_at.astimezone():%Y%m%d-%H%M%S}-{spec.name}"
        job, count = self.root / stem, 2
        while job.exists():
            job = self.root / f"{stem}-{count}"
            count += 1
        write_spec(job, spec)
        return job

    def find(self, job_id: str) -> Path:
        """Return a job's folder.

        Raises
        ------
        LearningError
            There is no such job.
        """
        job = self.root / job_id
        if not _PLAIN_ID.fullmatch(job_id) or not job.is_dir():
            known = ", ".join(path.name for path in self._folders()) or "none"
            raise LearningError(f"{job_id}: no such job; there are: {known}")
        return job

    def views(self) -> list[JobView]:
        """Return all jobs, newest first."""
        return [self.view(path) for path in reversed(self._folders())]

    def view(self, job: Path) -> JobView:
        """Return how a job is now."""
        reader = self._readers.setdefault(job, CourseReader(job / EVENTS_NAME))
        at_work = is_at_work(job)
        spec, problem = None, ""
        try:
            spec = read_spec(job)
        except AgrisegError as error:
            problem = str(error)
        return JobView(
            job_id=job.name,
            directory=job,
            spec=spec,
            course=reader.read(),
            is_at_work=at_work,
            problem=problem,
        )

    def launch(self, job: Path) -> None:
        """Begin a job, or take it up again, in a process of its own that outlives this one.

        Raises
        ------
        LearningError
            It is at work or done already, this computer is busy with another one, or the process
            cannot be started.
        """
        view = self.view(job)
        if not view.can_go_on and not view.is_at_work:
            raise LearningError(f"{job.name}: {view.problem or f'is {view.state} already'}")
        local = view.spec is None or view.spec.remote is None
        with working(job, local=local) as held:
            (job / CONTROL_NAME).unlink(missing_ok=True)
            try:
                _begin(job, [file.fileno() for file in held])
            except (OSError, subprocess.SubprocessError) as error:
                raise LearningError(f"{job}: cannot be begun ({error})") from error

    def pause(self, job: Path) -> None:
        """Ask a job to wait after its present step.

        Raises
        ------
        LearningError
            Nobody works on it.
        """
        self._order(job, "pause")

    def go_on(self, job: Path) -> None:
        """Let a paused job go on; begin again one that nobody works on.

        Raises
        ------
        LearningError
            It is done, or cannot be begun.
        """
        if not is_at_work(job):
            self.launch(job)
            return
        self._order(job, "go")

    def cancel(self, job: Path) -> None:
        """Ask a job to stop after its present step; it can be taken up again.

        Raises
        ------
        LearningError
            Nobody works on it.
        """
        self._order(job, "stop")

    def delete(self, job: Path) -> None:
        """Delete a job's folder; its model, once registered, stays.

        Raises
        ------
        LearningError
            It is at work, or cannot be deleted.
        """
        if is_at_work(job):
            raise LearningError(f"{job.name}: is at work; cancel it first")
        try:
            shutil.rmtree(job)
        except OSError as error:
            raise LearningError(f"{job}: cannot be deleted ({error.strerror})") from error
        self._readers.pop(job, None)

    def _order(self, job: Path, word: str) -> None:
        if not is_at_work(job):
            raise LearningError(f"{job.name}: nobody works on it; `agriseg learn list` shows why")
        write_durably(job / CONTROL_NAME, f"{word}\n".encode())

    def _folders(self) -> list[Path]:
        if not self.root.is_dir():
            return []
        return sorted(p for p in self.root.iterdir() if p.is_dir() and p.name[0] != ".")


@contextmanager
def working(job: Path, *, local: bool) -> Iterator[Sequence[IO[str]]]:
    """Hold a job while working on it; of those on this computer one at a time.

    Yields the files that are locked: a process that inherits them holds the job from then on. The
    system lets go of it when the last of these processes ends, however it ends.

    Raises
    ------
    LearningError
        Another process works on it, or on another local job.
    """
    with (job / LOCK_NAME).open("a+") as own, (job.parent / _LOCAL_LOCK).open("a+") as shared:
        if not _lock_soon(own):
            raise LearningError(f"{job.name}: is at work already")
        if local and not _lock_soon(shared):
            shared.seek(0)
            raise LearningError(
                f"{job.name}: this computer is learning already ({shared.read().strip()}); one "
                "job at a time: wait for it, or cancel it"
            )
        if local:
            shared.truncate(0)
            shared.write(job.name)
            shared.flush()
        yield (own, shared) if local else (own,)


def is_at_work(job: Path) -> bool:
    """Return whether a process works on a job."""
    try:
        with (job / LOCK_NAME).open("a+") as file:
            return not _lock(file)
    except OSError:
        return False


def _begin(job: Path, held: Sequence[int]) -> None:
    """Start a job's process as nobody's child: it stays when this program ends.

    A shell starts it in the background of a session of its own and ends at once.
    """
    with (job / EVENTS_NAME).open("ab") as events, (job / LOG_NAME).open("ab") as log:
        _end_torn_line(job / EVENTS_NAME, events)
        events.write(job_line("prepare", "beginning").encode() + b"\n")
        events.flush()
        command = [sys.executable, "-m", "agriseg", "learn", "work", str(job.absolute()), "--held"]
        subprocess.run(
            ["/bin/sh", "-c", '"$@" &', "sh", *command],
            stdin=subprocess.DEVNULL,
            stdout=events,
            stderr=log,
            start_new_session=True,
            pass_fds=held,
            check=True,
            timeout=_START_WITHIN_S,
        )


def _lock_soon(file: IO[str]) -> bool:
    """Take a lock; somebody may be looking just now whether it is taken."""
    for _ in range(_TRIES):
        if _lock(file):
            return True
        time.sleep(_TRY_AGAIN_S)
    return False


def _lock(file: IO[str]) -> bool:
    """Take a lock if it is free; the file's end lets it go."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _end_torn_line(path: Path, events: IO[bytes]) -> None:
    """End a line that a crash left half written, so that the next one can be read."""
    data = path.read_bytes()
    if data and not data.endswith(b"\n"):
        events.write(b"\n")
