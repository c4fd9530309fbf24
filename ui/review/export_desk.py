"""Exports and the spray record of the run looked at: where they go, what is remembered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QObject, QStandardPaths

from agriseg.mapping.ground_track import Origin
from ui.models.review_open import OpenedRun
from ui.review.export_panel import ExportPanel
from ui.review.job_desk import JobDesk, JobFace
from ui.review.jobs import ExportForm, export_run
from ui.review.record_view import RecordView
from ui.widgets.path_panel import PathPanel


def export_folder() -> Path:
    """Return where exports go: a folder of the user's documents."""
    documents = QStandardPaths.StandardLocation.DocumentsLocation
    return Path(QStandardPaths.writableLocation(documents)) / "AgriSeg"


class ReviewMemory(Protocol):
    """What is remembered from one export to the next."""

    exports: str
    """The folder that exports go to; empty for the usual one."""
    record: Mapping[str, object]
    """What was stated for the last application."""


class Forgetful:
    """Remembers as long as the page lives."""

    def __init__(self) -> None:
        self.exports = ""
        self.record: Mapping[str, object] = {}


class ExportDesk(QObject):
    """Starts exports and keeps what is likely to be the same next time.

    Parameters
    ----------
    job : JobDesk
    panel : ExportPanel
    record : RecordView
    exports : callable
        Returns the folder that exports go to as long as none was chosen.
    memory : ReviewMemory
    """

    def __init__(
        self,
        job: JobDesk,
        panel: ExportPanel,
        record: RecordView,
        exports: Callable[[], Path],
        memory: ReviewMemory,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._job = job
        self._panel = panel
        self._record = record
        self._exports = exports
        self._memory = memory
        record.kept.connect(self._remember)
        panel.show_folder(self.folder)

    @property
    def folder(self) -> Path:
        """Where exports go."""
        return Path(self._memory.exports) if self._memory.exports else self._exports()

    def write(
        self, face: JobFace, run: Path, form: ExportForm, origin: Origin | None = None
    ) -> None:
        """Begin an export that ``face`` shows."""
        what = f"{form.word} is written"
        self._job.start(face, what, export_run, run, form, self.folder, origin)

    def ask_folder(self, paths: PathPanel) -> None:
        """Ask for another folder."""
        paths.ask(
            "Where exports go",
            "A folder of this computer, or a stick that is plugged in. It is remembered.",
            self.folder,
            "Write there",
            check=lambda path: "" if path.is_dir() else "There is no such folder.",
        )

    def take_folder(self, folder: Path) -> None:
        """Let exports go elsewhere from now on."""
        self._memory.exports = str(folder)
        self._panel.show_folder(folder)

    def open_record(self, opened: OpenedRun, title: str) -> None:
        """Fill the form with what is known of a run."""
        configured = opened.story.history.config.record
        self._record.begin(title, opened.directory, configured, self._memory.record)

    def _remember(self, values: Mapping[str, object]) -> None:
        self._memory.record = values
