"""What comes into a project, goes out of it, and is counted over all of it: one job at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from agriseg.labelling.agreement import PictureAgreement, compare_projects
from agriseg.labelling.files import ProjectPaths
from agriseg.labelling.pictures import PictureState
from agriseg.labelling.project import LabelProject
from agriseg.labelling.statistics import project_statistics
from agriseg.recording.run_directories import find_runs
from ui.label.desk import LabelDesk
from ui.label.exchange import Exchange
from ui.label.export_panel import ExportPanel
from ui.label.frame_choice import ChoiceReport, FrameChoice
from ui.label.import_panel import ImportPanel
from ui.label.model_job import ModelJob
from ui.label.project_jobs import Job, Progress, ProjectJobs
from ui.label.questions import PathQuestions
from ui.label.reports import agreement_words, statistics_words
from ui.label.select_panel import SelectPanel
from ui.label.workplace import LabelWorkplace


class DataRoom(QObject):
    """Asks on panels, works in threads and processes, and says what came of it.

    Parameters
    ----------
    desk : LabelDesk
    place : LabelWorkplace
    questions : PathQuestions
    incoming, outgoing, choice : ImportPanel, ExportPanel, SelectPanel
    bundle : callable
        Returns the folder of the model; None for the deployed one.
    runs : callable
        Returns the folder of all recorded runs.
    """

    explained = Signal(str)
    progressed = Signal(str, float, float)
    """What is done, the share, and the seconds that are left (NaN: unknown)."""
    ended = Signal(str)
    """No job is at work any more; what came of it."""
    reported = Signal()
    """A job began whose result is to be read on the panel Data."""

    def __init__(
        self,
        desk: LabelDesk,
        place: LabelWorkplace,
        questions: PathQuestions,
        incoming: ImportPanel,
        outgoing: ExportPanel,
        choice: SelectPanel,
        bundle: Callable[[], Path | None],
        runs: Callable[[], Path],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        self._questions = questions
        self._choice = choice
        self._runs = runs
        self.agreement: dict[str, PictureAgreement] = {}
        """Another labeller's labels of this project's pictures, compared, by picture."""
        self.jobs = ProjectJobs(desk, self)
        self.model = ModelJob(place, self.jobs, bundle, self)
        self.frames = FrameChoice(self.jobs, bundle, self)
        self.exchange = Exchange(desk, self.jobs, incoming, outgoing, self)
        outgoing.place_asked.connect(
            lambda: questions.place("Where do exports go?", outgoing.set_root)
        )
        choice.place_asked.connect(lambda: questions.source(choice.add_place))
        choice.started.connect(self._choose_frames)
        choice.taken.connect(self.frames.take)
        choice.left.connect(self.frames.leave)
        self.frames.chosen.connect(self._show_frames)
        for job in (self.jobs, self.model, self.frames):
            job.progressed.connect(self.progressed)
        self.jobs.finished.connect(self._end)
        self.model.ended.connect(self._end)
        self.frames.ended.connect(self._end)
        self.exchange.said.connect(self.explained)

    @property
    def is_running(self) -> bool:
        """Whether a job is at work."""
        return self.model.is_running or self.frames.is_running or self.jobs.is_running

    def is_free(self) -> bool:
        """Return whether a job can begin; say it when none can."""
        if self.is_running:
            self.explained.emit("One job at a time: cancel the one at work first.")
        return not self.is_running

    def cancel(self) -> None:
        """Give up the job at work."""
        for job in (self.model, self.frames, self.jobs):
            job.cancel()

    def stop(self) -> None:
        """Give everything up and end."""
        self.cancel()
        self.frames.stop()
        self.exchange.stop()

    def ask_pictures(self) -> None:
        """Ask which pictures come in."""
        if self.is_free():
            self._questions.pictures(self.jobs.add)

    def ask_moved(self) -> None:
        """Ask where pictures that are gone may be."""
        if self.is_free():
            self._questions.moved(self.jobs.find_moved)

    def ask_project(self) -> None:
        """Ask which project is opened."""
        self._questions.project(self._open_or_adopt)

    def ask_frames(self) -> None:
        """Ask from where frames are chosen, and how many."""
        if self.is_free():
            self._choice.ask(find_runs(self._runs()))

    def ask_import(self) -> None:
        """Ask which labels come in."""
        if self.is_free():
            self._questions.labels(self.exchange.look_at)

    def ask_export(self) -> None:
        """Ask what goes out."""
        if self.is_free():
            self.exchange.ask_export()

    def ask_agreement(self) -> None:
        """Ask with whose labels these are compared."""
        if self.is_free():
            self._questions.other_project(self._compare)

    def count(self) -> None:
        """Count what the project holds."""

        def job(project: LabelProject, progress: Progress) -> str:
            return statistics_words(project_statistics(project, progress))

        if self.is_free():
            self._report("Labels are being counted", job)

    def pre_label_shown(self) -> None:
        """Let the model label the picture at work; it can be undone."""
        project, shown = self._desk.project, self._desk.shown
        if project is not None and shown is not None and self._desk.is_editable and self.is_free():
            self.model.start(project, (shown.stem,), at_work=True)

    def pre_label_all(self) -> None:
        """Let the model label every picture that is to do."""
        project = self._desk.project
        if project is None or not project.is_editable or not self.is_free():
            return
        missing = set(project.missing())
        to_do = tuple(
            stem
            for stem, entry in project.pictures.items()
            if entry.state is PictureState.TO_DO
            and stem not in missing
            and not project.paths.mask(stem).is_file()
        )
        if to_do:
            self.model.start(project, to_do, at_work=False)
        else:
            self.explained.emit("Every picture has labels already; R labels the one at work anew.")

    def _choose_frames(self, places: tuple[Path, ...], budget: int, asks_model: bool) -> None:
        project = self._desk.project
        if project is not None and self.is_free():
            self.frames.start(project, places, budget, asks_model=asks_model)

    def _show_frames(self, report: ChoiceReport) -> None:
        self.ended.emit("")
        self._choice.show_report(report)

    def _compare(self, folder: Path) -> None:
        def job(project: LabelProject, progress: Progress) -> str:
            found = compare_projects(project, LabelProject.look(folder), on_progress=progress)
            self.agreement = {one.stem: one for one in found}
            return agreement_words(found)

        self._report("Labels are being compared", job)

    def _report(self, what: str, job: Job) -> None:
        self.reported.emit()
        self.jobs.run(what, job)

    def _end(self, said: str) -> None:
        self.model.tidy()
        self.ended.emit(said)

    def _open_or_adopt(self, folder: Path) -> None:
        if not ProjectPaths(folder).project.is_file() and (folder / "images").is_dir():
            self._desk.create_project(folder, folder.name)
        else:
            self._desk.open_project(folder)
