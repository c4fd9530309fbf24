"""One editor at a time: a lock that ends with its process, and says who holds it."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from agriseg.errors import LabelError, ProjectInUseError
from agriseg.labelling.files import trouble

_LOCK_NAME = "lock"
_HOLDER_NAME = "editor.json"


class ProjectLock:
    """The right to edit a project.

    The operating system holds it and frees it when the process ends, however it ends.

    Parameters
    ----------
    folder : Path
        Of the project's private files; made where it is missing.
    who : str
        Name of the editor; the account's where it is empty.

    Raises
    ------
    ProjectInUseError
        Somebody edits the project now.
    LabelError
        The folder cannot be written.
    """

    def __init__(self, folder: Path, who: str = "") -> None:
        self._holder = folder / _HOLDER_NAME
        self.who = who or account_name()
        self._lock = FileLock(folder / _LOCK_NAME, blocking=False, thread_local=False)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout as error:
            raise ProjectInUseError(
                f"{folder.parent}: {_holder_words(self._holder)}; close it there first, or look at "
                "it without changing anything"
            ) from error
        except OSError as error:
            raise LabelError(trouble(folder, error)) from error
        self._say_who()

    def release(self) -> None:
        """Let others edit; once is enough."""
        if self._lock.is_locked:
            with contextlib.suppress(OSError):
                self._holder.unlink()
            self._lock.release()

    def _say_who(self) -> None:
        words = {
            "who": self.who,
            "computer": platform.node(),
            "process": os.getpid(),
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        # Only a help for whoever is refused: the lock holds without it.
        with contextlib.suppress(OSError):
            self._holder.write_text(json.dumps(words), encoding="utf-8")


def account_name() -> str:
    """Return the name of the account, or ``unknown``."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"


def _holder_words(path: Path) -> str:
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
        since = datetime.fromisoformat(holder["since"]).astimezone()
        return (
            f"{holder['who']} edits this project on {holder['computer']} (process "
            f"{holder['process']}) since {since:%Y-%m-%d %H:%M}"
        )
    except (OSError, ValueError, KeyError, TypeError):
        return "another program edits this project"
