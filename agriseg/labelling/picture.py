"""One picture that is being labelled: its document, journal, saving and the time it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from agriseg.labelling.document import Change, LabelDocument
from agriseg.labelling.journal import Journal, read_journal
from agriseg.labelling.stored import LabelWriter, StoredLabels
from agriseg.ports import Clock

LONGEST_PAUSE_S = 60.0
"""A longer time without an edit does not count as work."""


@dataclass(slots=True, kw_only=True, eq=False)
class Snapshot:
    """A copy of a picture's labels at one moment, to be written by any thread.

    Attributes
    ----------
    revision : int
        Of the document.
    segment : int
        Older segments of the journal are in this copy.
    aside : tuple of Path
        After writing: copies of files that another program had written meanwhile.
    """

    revision: int
    segment: int
    labels: StoredLabels
    writer: LabelWriter
    aside: tuple[Path, ...] = field(default=())

    def write(self) -> None:
        """Write the label files that changed; about 0.2 s for 4000 x 3000 pixels.

        Raises
        ------
        LabelError
            A file cannot be written; the journal still holds every stroke.
        """
        self.aside = self.writer.write(self.labels)


class OpenPicture:
    """A picture that is open for labelling.

    Every change goes to the journal as it happens. `save` (or `snapshot`, `Snapshot.write` in a
    thread, and `saved`) brings the label files up to date.

    Parameters
    ----------
    stem : str
    document : LabelDocument
        As the label files have it; the journal is replayed onto it.
    writer : LabelWriter
    journals : Path
        Folder of the journals.
    clock : Clock
        Measures the time of work.
    on_first_change : callable
        Called at the first change after the opening.
    on_saved : callable of float
        Called with the seconds of work since the last time, after every saving and at the end.
    """

    def __init__(
        self,
        stem: str,
        document: LabelDocument,
        writer: LabelWriter,
        journals: Path,
        clock: Clock,
        on_first_change: Callable[[], None],
        on_saved: Callable[[float], None],
    ) -> None:
        self.stem = stem
        self.document = document
        self._saved_revision = document.revision
        read = read_journal(journals, stem)
        for change in read.changes:
            document.replay(change)
        self.recovered_changes = len(read.changes)
        """How many changes the journal held that were not in the label files."""
        self.was_torn = read.torn
        """Whether the last change was cut off in the writing, and is lost."""
        self._journal = Journal(journals, stem)
        self._writer = writer
        self._clock = clock
        self._on_first_change: Callable[[], None] | None = on_first_change
        self._on_saved = on_saved
        self._last_edit_s: float | None = None
        self._work_s = 0.0
        self._stop_recording = document.record(self._record)

    @property
    def is_saved(self) -> bool:
        """Whether the label files hold all there is."""
        return self.document.revision == self._saved_revision

    @property
    def problem(self) -> str:
        """Why strokes are in memory alone, such as a full disk; empty when they are safe."""
        return self._journal.problem

    def snapshot(self) -> Snapshot:
        """Return a copy to write; begins a new segment of the journal."""
        return Snapshot(
            revision=self.document.revision,
            segment=self._journal.begin_segment(),
            labels=StoredLabels.of(self.document),
            writer=self._writer,
        )

    def saved(self, snapshot: Snapshot) -> None:
        """Take note that a snapshot was written: its strokes need no journal any more."""
        self._saved_revision = max(self._saved_revision, snapshot.revision)
        self._journal.drop_before(snapshot.segment)
        self._on_saved(self._take_work())

    def save(self) -> tuple[Path, ...]:
        """Write the label files; return copies of what another program had written meanwhile.

        Raises
        ------
        LabelError
            They cannot be written; nothing is lost as long as the picture stays open.
        """
        if self.is_saved:
            self._on_saved(self._take_work())
            return ()
        snapshot = self.snapshot()
        snapshot.write()
        self.saved(snapshot)
        return snapshot.aside

    def flush(self) -> None:
        """Try again to write strokes that a full disk refused, and make all survive a power cut."""
        self._journal.flush()
        self._journal.sync()

    def close(self) -> tuple[Path, ...]:
        """Save and end; returns what `save` does.

        Raises
        ------
        LabelError
            It cannot be saved; the picture stays open.
        """
        aside = self.save()
        self._stop_recording()
        self._journal.close()
        return aside

    def abandon(self) -> None:
        """End without saving; the journal keeps what it has for the next opening."""
        self._stop_recording()
        self._journal.close()

    def _record(self, change: Change) -> None:
        now_s = self._clock.now_s()
        if self._last_edit_s is not None:
            self._work_s += min(now_s - self._last_edit_s, LONGEST_PAUSE_S)
        self._last_edit_s = now_s
        self._journal.add(change)
        if self._on_first_change is not None:
            begin, self._on_first_change = self._on_first_change, None
            begin()

    def _take_work(self) -> float:
        work_s, self._work_s = self._work_s, 0.0
        return work_s
