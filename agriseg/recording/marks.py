"""Marks and notes of the operator, in a file beside the recording, which itself never changes."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from agriseg.errors import RecordingError
from agriseg.recording.codec import decoder_of, encoder_of

MARKS_FILE = "marks.json"
_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something the operator wants to find again.

    ``t_s`` is host time of the run, as all its times are.
    """

    mark_id: int
    t_s: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunNotes:
    """What the operator wrote about a run: one note for all of it, and marks, by time."""

    note: str = ""
    marks: tuple[Mark, ...] = ()


def read_notes(run: Path) -> RunNotes:
    """Return the notes beside a run; empty where there are none.

    Raises
    ------
    RecordingError
        The file is damaged, or a newer program wrote it.
    """
    path = run / MARKS_FILE
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        version = data["version"]
        if version != _VERSION:
            raise RecordingError(
                f"{path}: version is {version!r}, this program reads version {_VERSION}; update"
                " AgriSeg to see these notes"
            )
        return cast(RunNotes, decoder_of(RunNotes)(data))
    except FileNotFoundError:
        return RunNotes()
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise RecordingError(
            f"{path}: the notes cannot be read ({error}); the recording itself is not touched by"
            " it: mend the file or move it away"
        ) from error


def write_notes(run: Path, notes: RunNotes) -> None:
    """Write the notes beside a run; the old file is replaced once the new one is whole.

    Raises
    ------
    RecordingError
        The folder cannot be written.
    """
    path = run / MARKS_FILE
    marks = sorted(notes.marks, key=lambda mark: (mark.t_s, mark.mark_id))
    data = {
        "version": _VERSION,
        **encoder_of(RunNotes)(RunNotes(note=notes.note, marks=tuple(marks))),
    }
    partial = path.with_name(path.name + ".part")
    try:
        with partial.open("w", encoding="utf-8") as file:
            json.dump(data, file, indent=2, ensure_ascii=False)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise RecordingError(
            f"{path}: the notes cannot be written ({error.strerror or error}); copy the run to a"
            " folder that can be written"
        ) from error
