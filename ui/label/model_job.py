"""Asks the model about pictures, and takes over what it says."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Edit
from agriseg.labelling.prelabel import prelabel
from agriseg.labelling.project import LabelProject
from ui.label.pre_label import pre_label, read_proposal
from ui.label.project_jobs import ProjectJobs
from ui.label.workplace import LabelWorkplace
from ui.review.process_job import ProcessJob


class ModelJob(QObject):
    """Runs the model in a process; one picture is taken over as an edit that can be undone.

    Parameters
    ----------
    place : LabelWorkplace
    jobs : ProjectJobs
        Takes over the labels of many pictures.
    bundle : callable
        Returns the folder of the model; None for the deployed one.
    """

    progressed = Signal(str, float, float)
    ended = Signal(str)
    """What came of it, or why nothing did."""
    taken = Signal()
    """The picture at work has the model's labels."""

    def __init__(
        self,
        place: LabelWorkplace,
        jobs: ProjectJobs,
        bundle: Callable[[], Path | None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._place = place
        self._jobs = jobs
        self._bundle = bundle
        self._folder: Path | None = None
        self._stems: tuple[str, ...] = ()
        self._document: LabelDocument | None = None
        self._job = ProcessJob(self)
        self._job.progressed.connect(self.progressed)
        self._job.finished.connect(self._take)
        self._job.failed.connect(self._end)
        self._job.cancelled.connect(lambda: self._end("Cancelled; nothing was changed."))

    @property
    def is_running(self) -> bool:
        """Whether the model is at work."""
        return self._job.is_running

    def start(self, project: LabelProject, stems: tuple[str, ...], *, at_work: bool) -> None:
        """Ask about pictures; ``at_work``: the only one is the picture at work."""
        self._folder = Path(tempfile.mkdtemp(prefix="agriseg-pre-label-"))
        self._stems = stems
        self._document = self._place.document if at_work else None
        paths = {stem: project.image_path(stem) for stem in stems}
        self.progressed.emit("The model is being loaded", 0.0, float("nan"))
        self._job.start(pre_label, paths, self._folder, self._bundle())

    def cancel(self) -> None:
        """Give it up."""
        self._job.cancel()

    def _take(self, model: object) -> None:
        folder, document = self._folder, self._document
        if folder is None:
            return
        if document is None:
            self._jobs.take_over(self._stems, folder, str(model))
            return
        if document is not self._place.document:
            self._end("Another picture is at work by now; the model's labels were left.")
            return
        made = read_proposal(folder, self._stems[0])

        def make(found: LabelDocument) -> Edit | None:
            return prelabel(found, made)

        def taken(_changed: bool) -> None:
            self._end(f"Labelled by {model}; look at the doubtful parts.")
            self.taken.emit()

        self._place.compute("The model's labels are being taken over", make, taken)

    def tidy(self) -> None:
        """Remove what the model left."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _end(self, said: str) -> None:
        self.tidy()
        self.ended.emit(said)
