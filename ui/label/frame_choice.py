"""Frames from which a model learns most, looked for in a process of its own."""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from agriseg.labelling.project import LabelProject
from ui.label.project_jobs import Progress, ProjectJobs
from ui.review.process_job import ProcessJob, Tell
from ui.widgets.words import counted

if TYPE_CHECKING:
    from agriseg.selection.selecting import Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenFrame:
    """A frame that is worth labelling; ``reason`` says why."""

    path: Path
    group: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceReport:
    """What was chosen, the most telling first, and what it may bring."""

    frames: tuple[ChosenFrame, ...]
    words: str


def choose_frames(
    tell: Tell,
    places: Sequence[Path],
    budget: int,
    known: Sequence[Path],
    folder: Path,
    asks_model: bool,
    bundle: Path | None,
) -> ChoiceReport:
    """Choose frames and write them into a folder; runs in a process of its own.

    Parameters
    ----------
    tell : callable
    places : sequence of Path
        Runs, folders of images, videos.
    budget : int
        How many somebody will label.
    known : sequence of Path
        Pictures that are labelled already.
    folder : Path
        Takes the frames; is made.
    asks_model : bool
        Without a model variety, marks and missed weeds alone count.
    bundle : Path, optional
        The model; None for the deployed one.

    Raises
    ------
    AgrisegError
        A place, a frame or the model cannot be read.
    """
    from agriseg.datasets.labels import read_image
    from agriseg.models import open_segmenter
    from agriseg.selection.candidates import open_candidates
    from agriseg.selection.keeping import write_choices
    from agriseg.selection.selecting import select_frames

    with ExitStack() as stack:
        tell("Recordings are being opened", 0.0)
        sources = []
        for place in places:
            source = open_candidates(place)
            stack.callback(source.close)
            sources.append(source)
        segmenter = open_segmenter(bundle) if asks_model else None
        if segmenter is not None:
            stack.callback(segmenter.close)
        selection = select_frames(
            sources,
            budget,
            segmenter=segmenter,
            labelled=(read_image(path) for path in known),
            on_progress=lambda done, total: tell("Frames are being looked at", done / total),
        )
        files = write_choices(selection, sources, folder)
    frames = tuple(
        ChosenFrame(path=path, group=one.candidate.group, reason="; ".join(one.reasons))
        for path, one in zip(files, selection.choices, strict=True)
    )
    return ChoiceReport(frames=frames, words=selection_words(selection))


def selection_words(found: Selection) -> str:
    """Say what was looked at, and what the labels may bring."""
    lines = [
        f"{counted(found.looked_at, 'frame')} looked at, {found.duplicates:,} of them near"
        " duplicates of others or of labelled ones.",
        f"Together these stand for {found.coverage:.0%} of what is to be learnt there.",
    ]
    if found.coverage_before:
        lines.append(f"What is labelled already stands for {found.coverage_before:.0%}.")
    if not math.isnan(found.expected_gain):
        lines.append(
            f"The model expects {found.expected_error:.2%} of the pixels to be wrong; these labels"
            f" may mend up to {found.expected_gain:.2%} (its own estimate; a training tells)."
        )
    if found.unreadable:
        name, reason = next(iter(found.unreadable.items()))
        lines.append(
            f"{counted(len(found.unreadable), 'frame')} could not be read; {name}: {reason}"
        )
    return " ".join(lines)


class FrameChoice(QObject):
    """Chooses in a process, keeps what was chosen until it is taken or left."""

    progressed = Signal(str, float, float)
    chosen = Signal(object)
    """Carries a `ChoiceReport`."""
    ended = Signal(str)
    """Why nothing was chosen."""

    def __init__(
        self,
        jobs: ProjectJobs,
        bundle: Callable[[], Path | None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._bundle = bundle
        self._folder: Path | None = None
        self._report: ChoiceReport | None = None
        self._job = ProcessJob(self)
        self._job.progressed.connect(self.progressed)
        self._job.finished.connect(self._take)
        self._job.failed.connect(self._fail)
        self._job.cancelled.connect(lambda: self._fail("Cancelled; no frame was chosen."))

    @property
    def is_running(self) -> bool:
        """Whether frames are being looked at."""
        return self._job.is_running

    def start(
        self, project: LabelProject, places: Sequence[Path], budget: int, *, asks_model: bool
    ) -> None:
        """Look for frames."""
        self.leave()
        missing = set(project.missing())
        known = [project.image_path(stem) for stem in project.pictures if stem not in missing]
        self._folder = Path(tempfile.mkdtemp(prefix="agriseg-choice-"))
        frames = self._folder / "frames"
        self.progressed.emit("Recordings are being opened", 0.0, float("nan"))
        self._job.start(
            choose_frames, tuple(places), budget, known, frames, asks_model, self._bundle()
        )

    def take(self) -> None:
        """Add what was chosen to the project."""
        report, folder = self._report, self._folder
        if report is None or folder is None:
            return
        self._report = self._folder = None

        def job(project: LabelProject, progress: Progress) -> str:
            try:
                added = 0
                for number, one in enumerate(report.frames, start=1):
                    added += len(project.add_pictures([one.path], group=one.group).stems)
                    progress(number, len(report.frames))
                return f"Added: {counted(added, 'picture')}."
            finally:
                shutil.rmtree(folder, ignore_errors=True)

        self._jobs.run("Pictures are being added", job)

    def leave(self) -> None:
        """Forget what was chosen."""
        self._report = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def cancel(self) -> None:
        """Give it up."""
        self._job.cancel()

    def stop(self) -> None:
        """Give everything up."""
        self._job.cancel()
        self.leave()

    def _take(self, report: ChoiceReport) -> None:
        self._report = report
        self.chosen.emit(report)

    def _fail(self, text: str) -> None:
        self.leave()
        self.ended.emit(text)
