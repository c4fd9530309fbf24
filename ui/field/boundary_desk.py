"""Reads boundary files beside the window: the one in force, and one that is looked at first."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from ui.models.field_boundary import CheckedBoundary
from ui.review.thread import ReviewThread

Check = Callable[[Path], CheckedBoundary]
"""Reads a boundary file; raises `BoundaryError`."""


class _For(Enum):
    USE = "use"
    LOOK = "look"


class BoundaryDesk(QObject):
    """Holds what was read.

    Attributes
    ----------
    file : str
        The boundary in force; empty without one.
    used : CheckedBoundary, optional
        The same, once it has been read.
    used_problem : str
        Why it cannot be read.
    candidate : CheckedBoundary, optional
        Another one, that the operator looks at before it is used.
    """

    changed = Signal()
    refused = Signal(str)
    """Carries why a file that was to be looked at cannot be used."""

    def __init__(self, check: Check, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._check = check
        self._thread = ReviewThread("field", self)
        self._thread.failed.connect(self._fail)
        self._waiting: deque[tuple[_For, Path]] = deque()
        self.file = ""
        self.used: CheckedBoundary | None = None
        self.used_problem = ""
        self.candidate: CheckedBoundary | None = None

    @property
    def reading(self) -> str:
        """Name of the file that is being read; empty when none is."""
        return self._waiting[0][1].name if self._waiting else ""

    @property
    def shown(self) -> CheckedBoundary | None:
        """What the plan shows: what is looked at, else what is in force."""
        return self.candidate or self.used

    def use(self, file: str) -> None:
        """Take the boundary in force, and read it to draw it; empty for none."""
        candidate, self.candidate = self.candidate, None
        self.file, self.used, self.used_problem = file, None, ""
        self._forget()
        if candidate is not None and file == str(candidate.path):
            self.used = candidate
        elif file:
            self._read(_For.USE, Path(file))
        self.changed.emit()

    def look_at(self, path: Path) -> None:
        """Read a file that may come to be used."""
        self.candidate = None
        self._read(_For.LOOK, path)
        self.changed.emit()

    def drop(self) -> None:
        """Look at nothing but what is in force."""
        self.candidate = None
        self.changed.emit()

    def cancel(self) -> None:
        """Wait for no file any more, but for the one in force."""
        is_waiting = any(purpose is _For.USE for purpose, _ in self._waiting)
        self._forget()
        if is_waiting:
            self._read(_For.USE, Path(self.file))
        self.changed.emit()

    def end(self) -> None:
        """Give everything up; waits for a file that is being read."""
        self._waiting.clear()
        self._thread.stop()

    def _forget(self) -> None:
        self._waiting.clear()
        self._thread.cancel()

    def _read(self, purpose: _For, path: Path) -> None:
        self._waiting.append((purpose, path))
        self._thread.ask(partial(self._check, path), self._take)

    def _take(self, checked: CheckedBoundary) -> None:
        purpose, _ = self._waiting.popleft()
        if purpose is _For.USE:
            self.used = checked
        else:
            self.candidate = checked
        self.changed.emit()

    def _fail(self, text: str) -> None:
        purpose, _ = self._waiting.popleft()
        if purpose is _For.USE:
            self.used_problem = text
        else:
            self.refused.emit(text)
        self.changed.emit()
