"""Long work with a project: pictures added, found again, labels taken over from a model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QElapsedTimer, QObject, Signal

from agriseg.datasets.labels import IMAGE_SUFFIXES
from agriseg.errors import AgrisegError, LabelError
from agriseg.labelling.collecting import AddedPictures
from agriseg.labelling.prelabel import prelabel
from agriseg.labelling.project import LabelProject
from ui.label.desk import LabelDesk
from ui.label.pre_label import read_proposal
from ui.review.thread import ReviewThread
from ui.widgets.words import counted

Progress = Callable[[int, int], None]
Job = Callable[[LabelProject, Progress], str]
"""Does the work; returns what came of it in a sentence."""


class _CancelError(Exception):
    """The labeller wants no more of it."""


class ProjectJobs(QObject):
    """One job at a time, with progress and remaining time; the picture at work is put away."""

    progressed = Signal(str, float, float)
    """What is done, the share, and the seconds that are left (NaN: unknown)."""
    finished = Signal(str)
    """What came of it."""

    def __init__(self, desk: LabelDesk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._cancelled = threading.Event()
        self._since = QElapsedTimer()
        self.is_running = False

    def cancel(self) -> None:
        """Give the job up; what is done so far stays."""
        self._cancelled.set()

    def add(self, source: Path) -> None:
        """Add a picture, or all pictures of a folder and those below it."""

        def job(project: LabelProject, progress: Progress) -> str:
            files = image_files(source)
            return _added_words(project.add_pictures(files, on_progress=progress))

        self._run("Pictures are being added", job)

    def find_moved(self, folder: Path) -> None:
        """Look for missing pictures in a folder, and put back what is found."""

        def job(project: LabelProject, progress: Progress) -> str:
            wanted = len(project.missing())
            found = project.find_moved(folder, progress)
            for stem, path in found.items():
                project.relink(stem, path)
            return f"Found in {folder}: {len(found)} of {counted(wanted, 'missing picture')}."

        self._run("Missing pictures are being looked for", job)

    def take_over(self, stems: Sequence[str], folder: Path, model: str) -> None:
        """Take what a model made of pictures, which are in work then."""

        def job(project: LabelProject, progress: Progress) -> str:
            for number, stem in enumerate(stems, start=1):
                _take_proposal(project, stem, folder)
                progress(number, len(stems))
            labelled = counted(len(stems), "picture")
            return f"Labelled by {model}: {labelled}. Look at the doubtful parts."

        self._run("The model's labels are being kept", job)

    def run(self, what: str, job: Job) -> None:
        """Do some other long work with the project."""
        self._run(what, job)

    def _run(self, what: str, job: Job) -> None:
        self._cancelled.clear()
        self.is_running = True
        self._since.start()
        self.progressed.emit(what, 0.0, float("nan"))

        def do(project: LabelProject, thread: ReviewThread) -> str:
            def progress(done: int, total: int) -> None:
                if self._cancelled.is_set():
                    raise _CancelError
                share = done / max(total, 1)
                thread.tell(lambda: self._tell(what, share))

            try:
                return job(project, progress)
            except _CancelError:
                return "Cancelled; what was done before stays."
            except AgrisegError as error:
                return str(error)

        self._desk.work(do, self._finish)

    def _tell(self, what: str, share: float) -> None:
        spent_s = self._since.elapsed() / 1e3
        left_s = spent_s * (1.0 - share) / share if share > 0.02 and spent_s > 0.5 else float("nan")
        self.progressed.emit(what, share, left_s)

    def _finish(self, said: str) -> None:
        self.is_running = False
        self.finished.emit(said)


def image_files(source: Path) -> list[Path]:
    """Return a picture, or all pictures in a folder and below it, sorted.

    Raises
    ------
    LabelError
        There are none.
    """
    if source.is_file():
        return [source]
    found = sorted(p for p in source.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES)
    if not found:
        raise LabelError(
            f"{source}: no pictures in this folder or below it; expected files ending in "
            f"{', '.join(IMAGE_SUFFIXES)}"
        )
    return found


def _take_proposal(project: LabelProject, stem: str, folder: Path) -> None:
    picture = project.open_picture(stem)
    try:
        edit = prelabel(picture.document, read_proposal(folder, stem))
        if edit is not None:
            picture.document.apply(edit)
        picture.close()
    except AgrisegError:
        picture.abandon()
        raise


def _added_words(added: AddedPictures) -> str:
    words = f"Added: {counted(len(added.stems), 'picture')}."
    if added.known:
        words += f" Left out, as the project has them already: {len(added.known)}."
    return words
