"""Another computer over OpenSSH: files there and back, and a training that is nobody's child."""

from __future__ import annotations

import os
import shlex
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agriseg.errors import LearningError
from agriseg.learning.spec import RemoteChoice

_SSH = (
    "ssh",
    "-oBatchMode=yes",
    "-oConnectTimeout=15",
    "-oServerAliveInterval=10",
    "-oServerAliveCountMax=3",
)
_LOST = 255
"""Exit status of ssh for errors of its own, not of what it ran."""
_CALL_WITHIN_S = 120.0
_COPY_WITHIN_S = 7200.0
_EVENTS = "events.jsonl"
_NEEDED_MB = 1000


class LineDropped(Exception):  # noqa: N818  # handled: tried again
    """The other computer could not be reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What was read since the last time.

    Attributes
    ----------
    data : bytes
        New bytes of the events.
    is_alive : bool
        Whether the training was still running before they were read.
    """

    data: bytes
    is_alive: bool


class RemoteComputer:
    """Commands and files on another computer.

    Parameters
    ----------
    choice : RemoteChoice
    job_id : str
        Name of the job's folder there.
    ssh : sequence of str
        The program and its first options.
    """

    def __init__(self, choice: RemoteChoice, job_id: str, ssh: Sequence[str] = _SSH) -> None:
        self._choice = choice
        self._ssh = [*ssh, *choice.options]
        self.folder = f"{choice.folder.rstrip('/')}/{job_id}"

    @property
    def target(self) -> str:
        """The computer, as the user named it."""
        return self._choice.target

    def check(self) -> str:
        """Return what is there: the version of AgriSeg.

        Raises
        ------
        LearningError
            AgriSeg cannot be called there, or the disk has not the room.
        LineDropped
            It cannot be reached.
        """
        done = self._call(f"{self._choice.command} --version")
        if done.returncode:
            raise LearningError(
                f"{self.target}: {self._choice.command!r} cannot be run there "
                f"({_last_line(done.stderr)}); install AgriSeg with its train extra, or give the "
                "command with its whole path"
            )
        version = done.stdout.decode(errors="replace").strip()
        room = self._call("df -Pm . | awk 'NR == 2 { print $4 }'").stdout.decode().strip()
        if room.isdecimal() and int(room) < _NEEDED_MB:
            raise LearningError(
                f"{self.target}: {room} MB are free there, learning needs {_NEEDED_MB} MB"
            )
        return version

    def send(self, job: Path, names: Sequence[str]) -> None:
        """Copy files and folders of a job; what is half there is made anew.

        Raises
        ------
        LearningError
            They cannot be written there.
        LineDropped
            It cannot be reached.
        """
        part = shlex.quote(f"{self.folder}.part")
        order = (
            f"rm -rf {part} && mkdir -p {part} && tar -x -C {part} && "
            f"mkdir -p {self._quoted} && cp -a {part}/. {self._quoted}/ && rm -rf {part} && "
            f"touch {self._quoted}/sent"
        )
        with tempfile.TemporaryFile() as archive:
            with tarfile.open(fileobj=archive, mode="w") as tar:
                for name in names:
                    tar.add(job / name, arcname=name)
            archive.seek(0)
            done = self._run(order, stdin=archive.fileno(), within_s=_COPY_WITHIN_S)
        self._check(done, "the pictures cannot be copied there")

    def has_files(self) -> bool:
        """Return whether the job's files arrived there whole."""
        return self._call(f"test -e {self._quoted}/sent").returncode == 0

    def start(self, arguments: Sequence[str]) -> None:
        """Begin or take up a training there; one that is running is left alone.

        It is no child of this line: it goes on when the line drops.

        Raises
        ------
        LearningError
            It cannot be begun.
        LineDropped
            It cannot be reached.
        """
        words = " ".join(shlex.quote(word) for word in arguments)
        order = (
            f"cd {self._quoted} && if {_IS_ALIVE}; then exit 0; fi; resume=; "
            "if test -e training/checkpoint.pt; then resume=--resume; fi; "
            f"(setsid nohup nice -n 10 {self._choice.command} {words} $resume "
            f">>{_EVENTS} 2>>log.txt </dev/null & echo $! >pid)"
        )
        self._check(self._call(order), "the training cannot be begun there")

    def read(self, offset: int) -> Piece:
        """Return what the training told from a byte on.

        Raises
        ------
        LineDropped
            It cannot be reached.
        """
        order = (
            f"cd {self._quoted} && if {_IS_ALIVE}; then echo alive; else echo gone; fi; "
            f"tail -c +{offset + 1} {_EVENTS} 2>/dev/null"
        )
        first, _, data = self._call(order).stdout.partition(b"\n")
        return Piece(data=data, is_alive=first == b"alive")

    def say(self, word: str) -> None:
        """Tell the training to pause, stop or go on.

        Raises
        ------
        LineDropped
            It cannot be reached.
        """
        folder = f"{self._quoted}/training"
        self._call(f"mkdir -p {folder} && echo {shlex.quote(word)} >{folder}/control")

    def fetch(self, names: Sequence[str], target: Path) -> None:
        """Copy what there is of some files of the training into a folder.

        Raises
        ------
        LearningError
            They cannot be read there or written here.
        LineDropped
            It cannot be reached, or the line dropped half-way.
        """
        words = " ".join(shlex.quote(name) for name in names)
        order = f"cd {self._quoted}/training && ls -d {words} 2>/dev/null | tar -c -T -"
        with tempfile.TemporaryFile(dir=target) as archive:
            done = self._run(order, stdout=archive.fileno(), within_s=_COPY_WITHIN_S)
            self._check(done, "its result cannot be copied from there")
            archive.seek(0)
            try:
                with tarfile.open(fileobj=archive) as tar:
                    tar.extractall(target, filter="data")
            except (tarfile.TarError, EOFError) as error:
                raise LineDropped(f"{self.target}: the copy was cut short ({error})") from error

    def last_words(self) -> str:
        """Return the end of the training's log there, one line.

        Raises
        ------
        LineDropped
            It cannot be reached.
        """
        return _last_line(self._call(f"tail -n 3 {self._quoted}/log.txt").stdout)

    def clean(self) -> None:
        """Delete the job's folder there.

        Raises
        ------
        LineDropped
            It cannot be reached.
        """
        self._call(f"rm -rf {self._quoted}")

    @property
    def _quoted(self) -> str:
        return shlex.quote(self.folder)

    def _call(self, order: str) -> subprocess.CompletedProcess[bytes]:
        return self._run(order, within_s=_CALL_WITHIN_S)

    def _run(
        self,
        order: str,
        *,
        within_s: float,
        stdin: int = subprocess.DEVNULL,
        stdout: int = subprocess.PIPE,
    ) -> subprocess.CompletedProcess[bytes]:
        command = [*self._ssh, "--", self._choice.target, order]
        try:
            done = subprocess.run(
                command,
                stdin=stdin,
                stdout=stdout,
                stderr=subprocess.PIPE,
                timeout=within_s,
                check=False,
                env={**os.environ, "LC_ALL": "C"},
            )
        except FileNotFoundError as error:
            raise LearningError(
                "ssh is not installed on this computer; install the OpenSSH client"
            ) from error
        except subprocess.TimeoutExpired as error:
            raise LineDropped(f"{self.target}: no answer within {within_s:.0f} s") from error
        if done.returncode == _LOST:
            _refuse_for_good(self.target, done.stderr)
            raise LineDropped(f"{self.target}: {_last_line(done.stderr)}")
        return done

    def _check(self, done: subprocess.CompletedProcess[bytes], what: str) -> None:
        if done.returncode:
            raise LearningError(f"{self.target}: {what} ({_last_line(done.stderr)})")


_IS_ALIVE = 'test -e pid && kill -0 "$(cat pid)" 2>/dev/null'

_FOR_GOOD = {
    b"Permission denied": "it does not let this user in: `ssh-copy-id` puts your key there",
    b"Host key verification failed": "its key is not known or has changed: log in once by hand",
    b"REMOTE HOST IDENTIFICATION HAS CHANGED": "its key has changed: find out why before going on",
    b"Bad configuration option": "an option of ssh is not understood",
}


def _refuse_for_good(target: str, stderr: bytes) -> None:
    """Raise where trying again cannot help."""
    for words, meaning in _FOR_GOOD.items():
        if words in stderr:
            raise LearningError(f"{target}: {meaning} ({_last_line(stderr)})")


def _last_line(data: bytes) -> str:
    lines = data.decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else "no reason given"
