"""Every change of one picture, appended as it happens, so that a kill loses at most one.

A journal is a row of segments. A new one begins whenever the labels are copied for saving; once
they are saved, the older ones are deleted. Records hold what pixels become, not how they differ,
so that replaying a whole journal onto newer labels still ends in the same labels.
"""

from __future__ import annotations

import contextlib
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from agriseg.append_file import DiskFile, OutputFile
from agriseg.errors import LabelError
from agriseg.labelling.document import Change, ChangeKind
from agriseg.labelling.edits import edit_from_bytes, edit_to_bytes
from agriseg.labelling.files import trouble

MAGIC = b"AGRISEG-STROKES 1\n"

_RECORD = struct.Struct("<II")
_KINDS = {kind: number for number, kind in enumerate(ChangeKind)}
_KINDS_BACK = {number: kind for kind, number in _KINDS.items()}
_JOINS = 0x80
_LARGEST_RECORD = 1 << 31
_SEGMENT = re.compile(r"(?P<stem>.+)\.(?P<number>\d{6})\.strokes")


class Journal:
    """Appends the changes of one picture.

    What the disk refuses stays in memory and is tried again with the next change.

    Parameters
    ----------
    folder : Path
        Where the segments lie.
    stem : str
        Name of the picture.
    open_file : callable
        Makes the file of a segment.
    """

    def __init__(
        self,
        folder: Path,
        stem: str,
        open_file: Callable[[Path], OutputFile] = DiskFile,
    ) -> None:
        self._folder = folder
        self._stem = stem
        self._open_file = open_file
        numbers = [number for number, _ in segments(folder, stem)]
        self.segment = max(numbers, default=0) + 1
        self._file: OutputFile | None = None
        self._whole_bytes = 0
        self._waiting = bytearray()
        self.problem = ""
        """Why changes are in memory alone; empty when they are on the disk."""

    def add(self, change: Change) -> None:
        """Append a change; never raises for a disk that refuses, see `problem`."""
        self._waiting += _framed(change)
        self.flush()

    def flush(self) -> None:
        """Try to write what is waiting."""
        if not self._waiting:
            return
        path = self._path(self.segment)
        try:
            file = self._opened(path)
            _append(file, bytes(self._waiting), self._whole_bytes)
        except OSError as error:
            self.problem = trouble(path, error)
            return
        self._whole_bytes += len(self._waiting)
        self._waiting.clear()
        self.problem = ""

    def sync(self) -> None:
        """Return once all that was written survives a power cut."""
        if self._file is not None:
            self._file.sync()

    def begin_segment(self) -> int:
        """Go on in a new segment; return its number: older ones may go once labels are saved."""
        self.flush()
        if self._whole_bytes or self._waiting:
            self._close_file()
            self.segment += 1
        return self.segment

    def drop_before(self, segment: int) -> None:
        """Delete segments whose changes are in the label files, the oldest first.

        Raises
        ------
        LabelError
            One cannot be deleted; the newer ones are then kept, as it must not be replayed alone.
        """
        for number, path in segments(self._folder, self._stem):
            if number < segment:
                try:
                    path.unlink(missing_ok=True)
                except OSError as error:
                    raise LabelError(trouble(path, error)) from error

    def close(self) -> None:
        """Close the file; what waits is tried once more."""
        self.flush()
        self._close_file()

    def _opened(self, path: Path) -> OutputFile:
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file = self._open_file(path)
            self._whole_bytes = 0
        if self._whole_bytes == 0:
            _append(self._file, MAGIC, 0)
            self._whole_bytes = len(MAGIC)
        return self._file

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        self._whole_bytes = 0

    def _path(self, number: int) -> Path:
        return self._folder / f"{self._stem}.{number:06}.strokes"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalRead:
    """What a journal holds.

    Attributes
    ----------
    changes : tuple of Change
    torn : bool
        The last change was cut off in the writing, and is left out.
    """

    changes: tuple[Change, ...]
    torn: bool


def read_journal(folder: Path, stem: str) -> JournalRead:
    """Read all changes of a picture that may not be in its label files, oldest first."""
    changes: list[Change] = []
    torn = False
    for _, path in segments(folder, stem):
        for change in _read_segment(path):
            if change is None:
                torn = True
            else:
                changes.append(change)
    return JournalRead(changes=tuple(changes), torn=torn)


def journal_stems(folder: Path) -> tuple[str, ...]:
    """Return the pictures that have a journal, sorted."""
    if not folder.is_dir():
        return ()
    found = (_SEGMENT.fullmatch(path.name) for path in folder.iterdir())
    return tuple(sorted({match["stem"] for match in found if match}))


def segments(folder: Path, stem: str) -> list[tuple[int, Path]]:
    """Return the numbers and files of a picture's segments, oldest first."""
    if not folder.is_dir():
        return []
    found = ((path, _SEGMENT.fullmatch(path.name)) for path in folder.iterdir())
    return sorted((int(m["number"]), path) for path, m in found if m and m["stem"] == stem)


def _framed(change: Change) -> bytes:
    kind = _KINDS[change.kind] | (_JOINS if change.joins else 0)
    body = bytes([kind]) + edit_to_bytes(change.edit)
    return _RECORD.pack(len(body), zlib.crc32(body)) + body


def _read_segment(path: Path) -> Iterator[Change | None]:
    """Yield the changes of a segment; None at the end for one that is cut off or damaged."""
    data = path.read_bytes()
    if not data.startswith(MAGIC):
        yield None
        return
    at = len(MAGIC)
    while at < len(data):
        change, at = _change_at(data, at)
        yield change
        if change is None:
            return


def _change_at(data: bytes, at: int) -> tuple[Change | None, int]:
    if len(data) - at < _RECORD.size:
        return None, at
    length, checksum = _RECORD.unpack_from(data, at)
    begin = at + _RECORD.size
    body = data[begin : begin + length]
    if not 0 < length < _LARGEST_RECORD or len(body) != length or zlib.crc32(body) != checksum:
        return None, at
    try:
        edit = edit_from_bytes(body[1:])
        kind = _KINDS_BACK[body[0] & ~_JOINS]
    except (ValueError, KeyError):
        return None, at
    return Change(kind=kind, edit=edit, joins=bool(body[0] & _JOINS)), begin + length


def _append(file: OutputFile, data: bytes, whole_bytes: int) -> None:
    """Write all of ``data`` behind ``whole_bytes``, or leave the file as it was."""
    try:
        file.write(data)
    except OSError:
        with contextlib.suppress(OSError):
            file.truncate(whole_bytes)
        raise
