"""Steps that were done and undone, without limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from agriseg.labelling.edits import Edit


@dataclass(slots=True)
class _Step:
    """What one undo takes back."""

    name: str
    edits: list[Edit]


@dataclass(slots=True)
class History:
    """The steps of a document, newest last; a step is one edit, or all between begin and end."""

    _done: list[_Step] = field(default_factory=list)
    _undone: list[_Step] = field(default_factory=list)
    _open: str | None = None
    _open_is_empty: bool = True

    @property
    def undo_name(self) -> str:
        """Name of the step that would be taken back; empty for none."""
        return self._done[-1].name if self._done else ""

    @property
    def redo_name(self) -> str:
        """Name of the step that would be done again; empty for none."""
        return self._undone[-1].name if self._undone else ""

    @property
    def size_bytes(self) -> int:
        """Memory that the steps hold."""
        steps = (*self._done, *self._undone)
        return sum(edit.size_bytes for step in steps for edit in step.edits)

    @property
    def joins(self) -> bool:
        """Whether the next edit becomes part of the newest step."""
        return self._open is not None and not self._open_is_empty

    def begin(self, name: str) -> None:
        """Open a step.

        Raises
        ------
        ValueError
            One is open already.
        """
        if self._open is not None:
            raise ValueError(f"the step {self._open!r} is still open; end it first")
        self._open, self._open_is_empty = name, True

    def end(self) -> None:
        """Close the open step, if there is one."""
        self._open, self._open_is_empty = None, True

    def add(self, edit: Edit) -> None:
        """Remember an edit; what was undone is forgotten."""
        self.add_to_step(edit, joins=self.joins)
        self._open_is_empty = False

    def add_to_step(self, edit: Edit, *, joins: bool) -> None:
        """Remember an edit as a new step, or as part of the newest one."""
        self._undone.clear()
        if joins and self._done:
            self._done[-1].edits.append(edit)
        else:
            self._done.append(_Step(self._open or edit.name, [edit]))

    def undo(self) -> Sequence[Edit]:
        """Close and take back the newest step; return the edits to make, none for nothing."""
        self.end()
        if not self._done:
            return ()
        step = self._done.pop()
        self._undone.append(step)
        return [edit.inverse() for edit in reversed(step.edits)]

    def redo(self) -> Sequence[Edit]:
        """Take up again what was undone last; return the edits to make, none for nothing."""
        self.end()
        if not self._undone:
            return ()
        step = self._undone.pop()
        self._done.append(step)
        return step.edits
