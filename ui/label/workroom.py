"""What the page does: joins project, picture, tools, jobs and panels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from agriseg.labelling.agreement import PictureAgreement, compare_projects
from agriseg.labelling.classes import ClassList
from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Edit
from agriseg.labelling.files import ProjectPaths
from agriseg.labelling.pictures import PictureState
from agriseg.labelling.project import LabelProject
from agriseg.labelling.statistics import project_statistics
from agriseg.labelling.tools.propagate import Motion, estimate_motion, propagate
from agriseg.recording.run_directories import find_runs
from ui.label.class_panel import ClassPanel
from ui.label.desk import LabelDesk, ShownPicture
from ui.label.doubt_walk import DoubtWalk
from ui.label.exchange import Exchange
from ui.label.export_panel import ExportPanel
from ui.label.frame_choice import ChoiceReport, FrameChoice
from ui.label.import_panel import ImportPanel
from ui.label.inspection import Inspection
from ui.label.marks import Marks
from ui.label.model_job import ModelJob
from ui.label.path_panel import PathPanel
from ui.label.project_jobs import Progress, ProjectJobs
from ui.label.projects_view import ProjectsView
from ui.label.questions import PathQuestions
from ui.label.recent import RecentProjects, RecentStore
from ui.label.reports import agreement_words, statistics_words
from ui.label.room_actions import room_actions
from ui.label.room_display import NO_PICTURES, RoomDisplay
from ui.label.select_panel import SelectPanel
from ui.label.thumbnails import Thumbnails
from ui.label.tool_box import ToolBox
from ui.label.work_view import WorkView
from ui.label.workplace import LabelWorkplace
from ui.widgets.words import counted


class Workroom(QObject):
    """Acts on what is asked."""

    explained = Signal(str)
    turned = Signal()
    """A project was opened or closed."""
    help_asked = Signal()

    def __init__(
        self,
        view: WorkView,
        projects: ProjectsView,
        paths: PathPanel,
        incoming: ImportPanel,
        outgoing: ExportPanel,
        choice: SelectPanel,
        classes: ClassPanel,
        recent: RecentStore,
        bundle: Callable[[], Path | None],
        runs: Callable[[], Path],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._view = view
        self._projects = projects
        self._choice = choice
        self._classes = classes
        self._runs = runs
        self._asked_done = ""
        self._agreement: dict[str, PictureAgreement] = {}
        self.desk = LabelDesk(self)
        self.place = LabelWorkplace(self)
        marks = Marks()
        self.box = ToolBox(self.place, view.canvas, marks, self)
        self.walk = DoubtWalk(self.place, self)
        self.inspection = Inspection(self.place, self)
        self.jobs = ProjectJobs(self.desk, self)
        self.model = ModelJob(self.place, self.jobs, bundle, self)
        self.frames = FrameChoice(self.jobs, bundle, self)
        self.recent = RecentProjects(recent, self)
        self.exchange = Exchange(self.desk, self.jobs, incoming, outgoing, self)
        self._thumbnails = Thumbnails(self)
        self._questions = PathQuestions(paths, self)
        self.display = RoomDisplay(
            view, self.desk, self.place, marks, self.box, self.walk, self.inspection, self
        )
        self._actions = room_actions(self, view)
        self._connect()
        outgoing.place_asked.connect(
            lambda: self._questions.place("Where do exports go?", outgoing.set_root)
        )
        self.box.allow(False)

    @property
    def known_actions(self) -> tuple[str, ...]:
        """The names that `act` knows."""
        return tuple(self._actions)

    def act(self, name: str) -> bool:
        """Do something by its name; return whether it can be done now."""
        if self.desk.project is None:
            if name == "leave":
                self.ask_project()
            return name == "leave"
        action = self._actions.get(name)
        if action is not None:
            action()
        return action is not None

    def choose_class_by_key(self, stroke: str) -> bool:
        """Choose the class that has a key; return whether one has."""
        project = self.desk.project
        if project is None:
            return False
        for entry in project.classes:
            if entry.shortcut and entry.shortcut.upper() == stroke:
                self.place.choose_class(entry.class_id)
                return True
        return False

    def abandon(self) -> None:
        """Forget what is begun."""
        self.box.hand.abandon()
        self.place.cancel()

    def rest(self) -> None:
        """End what is in hand, and save: nobody looks at the page."""
        self.box.hand.abandon()
        if not self.desk.is_saved:
            self.desk.save()

    def pause(self) -> None:
        """Save, and end all that takes the computer."""
        self.rest()
        self.abandon()
        self.cancel_jobs()

    def cancel_jobs(self) -> None:
        """Give up the job at work."""
        self.model.cancel()
        self.frames.cancel()
        self.jobs.cancel()

    def refresh(self) -> None:
        """Read how far the projects are."""
        if self.desk.project is None:
            self.recent.look()

    def stop(self) -> None:
        """Save and end everything."""
        self.cancel_jobs()
        for part in (
            self.walk,
            self.inspection,
            self.box,
            self.place,
            self.exchange,
            self.frames,
            self._thumbnails,
            self.recent,
            self.desk,
        ):
            part.stop()

    # Pictures

    def open_next(self, step: int, *, only_open: bool = False) -> None:
        """Go to another picture of those listed."""
        shown = self.desk.shown
        here = shown.stem if shown is not None else ""
        stem = self._view.pictures.neighbour(here, step, only_open=only_open)
        if stem:
            self.open_picture(stem)
        elif only_open:
            self.explained.emit("Every other picture of this project is finished.")

    def open_picture(self, stem: str) -> None:
        """Work at a picture; one whose file is gone is asked for."""
        if self.jobs.is_running:
            self.explained.emit("Wait until this is done, or cancel it.")
            return
        self._asked_done = ""
        if stem in self.display.missing:
            self.desk.close_picture(lambda: self.display.show_missing(stem))
        else:
            self.desk.open_picture(stem)

    def finish(self, state: PictureState) -> None:
        """Call the picture at work done or reviewed; with doubts left, only when asked twice."""
        shown = self.desk.shown
        if shown is None or not self.desk.is_editable:
            return
        left = self.walk.left
        if left and state is PictureState.DONE and self._asked_done != shown.stem:
            self._asked_done = shown.stem
            self._view.show_tab("checks")
            self.explained.emit(
                f"Not looked at yet: {counted(left, 'doubtful part')} (Y goes there). Done once"
                " more calls the picture done all the same."
            )
            return
        self.desk.set_state(state, lambda: self.open_next(1, only_open=True))

    def reopen(self) -> None:
        """The picture at work needs work again."""
        self.desk.set_state(PictureState.TO_DO, lambda: None)

    def step(self, *, back: bool) -> None:
        """Undo or redo."""
        self.box.hand.abandon()
        changed = self.place.undo() if back else self.place.redo()
        if changed is not None:
            self.place.select(0)
            self.walk.changed.emit()

    def ask_classes(self) -> None:
        """Ask how the classes are named and coloured."""
        project = self.desk.project
        if project is not None and project.is_editable and not self._is_at_work():
            self._classes.ask(project.classes)

    def _take_classes(self, classes: ClassList) -> None:
        """Change the classes; the picture at work is saved and opened anew with them."""
        shown = self.desk.shown

        def change() -> None:
            if self.desk.change(lambda project: project.set_classes(classes)):
                self.display.show_project(self.desk.project)
            if shown is not None:
                self.desk.open_picture(shown.stem)

        self.desk.close_picture(change)

    def _take_note(self, stem: str, text: str) -> None:
        """Keep free words on a picture."""
        self.desk.change(lambda project: project.set_note(stem, text))

    # Model and checks

    def pre_label(self, *, everything: bool) -> None:
        """Let the model label the picture at work, or every one that is to do."""
        project, shown = self.desk.project, self.desk.shown
        if project is None or not project.is_editable or self._is_at_work():
            return
        if not everything:
            if shown is not None:
                self.model.start(project, (shown.stem,), at_work=True)
            return
        to_do = tuple(
            stem
            for stem, entry in project.pictures.items()
            if entry.state is PictureState.TO_DO
            and stem not in self.display.missing
            and not project.paths.mask(stem).is_file()
        )
        if to_do:
            self.model.start(project, to_do, at_work=False)
        else:
            self.explained.emit("Every picture has labels already; R labels the one at work anew.")

    def propagate(self) -> None:
        """Take the labels of the picture before over, where both show the same ground."""
        project, shown = self.desk.project, self.desk.shown
        if project is None or shown is None or not self.desk.is_editable:
            return
        order = list(project.pictures)
        place = order.index(shown.stem)
        if place == 0:
            self.explained.emit("This is the first picture; there is none before it.")
            return
        before, green = order[place - 1], self.place.vegetation()
        if green is None:
            return
        seen: list[Motion] = []

        def make(document: LabelDocument) -> Edit | None:
            old = project.document(before)
            motion = estimate_motion(old.image, document.image)
            if motion is None:
                return None
            seen.append(motion)
            return propagate(document, old, motion, green=green)

        def told(changed: bool) -> None:
            if not seen:
                self.explained.emit(f"{before} and this picture show no common ground.")
            elif changed:
                share = 100.0 * seen[0].overlap
                self.explained.emit(f"Taken over from {before}: {share:.0f} % is common ground.")
            else:
                self.explained.emit(f"{before} has no labels on the common ground.")

        self.place.compute(f"Common ground with {before} is being looked for", make, told)

    def check(self) -> None:
        """Look for mistakes in the picture at work."""
        project = self.desk.project
        if project is not None and self.desk.shown is not None:
            self._view.show_tab("checks")
            self.inspection.look(project.classes)

    # Data

    def ask_pictures(self) -> None:
        """Ask which pictures come in."""
        if not self._is_at_work():
            self._questions.pictures(self.jobs.add)

    def ask_project(self) -> None:
        """Ask which project is opened."""
        self._questions.project(self._open_or_adopt)

    def ask_frames(self) -> None:
        """Ask from where frames are chosen, and how many."""
        if not self._is_at_work():
            self._choice.ask(find_runs(self._runs()))

    def ask_import(self) -> None:
        """Ask which labels come in."""
        if not self._is_at_work():
            self._questions.labels(self.exchange.look_at)

    def ask_export(self) -> None:
        """Ask what goes out."""
        if not self._is_at_work():
            self.exchange.ask_export()

    def ask_agreement(self) -> None:
        """Ask with whose labels these are compared."""
        if not self._is_at_work():
            self._questions.other_project(self._compare)

    def count(self) -> None:
        """Count what the project holds."""
        if self._is_at_work():
            return

        def job(project: LabelProject, progress: Progress) -> str:
            return statistics_words(project_statistics(project, progress))

        self._run_report("Labels are being counted", job)

    def _choose_frames(self, places: tuple[Path, ...], budget: int, asks_model: bool) -> None:
        project = self.desk.project
        if project is not None and not self._is_at_work():
            self.frames.start(project, places, budget, asks_model=asks_model)

    def _show_frames(self, report: ChoiceReport) -> None:
        self._view.job.hide()
        self._choice.show_report(report)

    def _compare(self, folder: Path) -> None:
        found: list[PictureAgreement] = []

        def job(project: LabelProject, progress: Progress) -> str:
            other = LabelProject.look(folder)
            found.extend(compare_projects(project, other, on_progress=progress))
            self._agreement = {one.stem: one for one in found}
            return agreement_words(found)

        self._run_report("Labels are being compared", job)

    def _run_report(self, what: str, job: Callable[[LabelProject, Progress], str]) -> None:
        self._view.show_tab("data")
        self.jobs.run(what, job)

    def _is_at_work(self) -> bool:
        busy = self.model.is_running or self.frames.is_running or self.jobs.is_running
        if busy:
            self.explained.emit("One job at a time: cancel the one at work first.")
        return busy

    def _open_or_adopt(self, folder: Path) -> None:
        if not ProjectPaths(folder).project.is_file() and (folder / "images").is_dir():
            self.desk.create_project(folder, folder.name)
        else:
            self.desk.open_project(folder)

    # What happens

    def _take_project(self) -> None:
        project = self.desk.project
        if project is None:
            return
        self.recent.add(project.directory)
        self._agreement = {}
        self._view.pictures.list.forget_thumbnails()
        self._thumbnails.cancel()
        self._view.data.said.say("")
        self.display.show_project(project)
        self.turned.emit()
        self._say_recovered(project)
        self._begin(project)

    def _begin(self, project: LabelProject) -> None:
        """Open the first picture that is not finished, or say how pictures come in."""
        if not project.pictures:
            self._view.canvas.show_words(NO_PICTURES)
            self._view.show_tab("data")
            return
        pending = [s for s, entry in project.pictures.items() if not entry.state.is_finished]
        here = [s for s in pending or project.pictures if s not in self.display.missing]
        self.open_picture(here[0] if here else next(iter(project.pictures)))

    def _say_recovered(self, project: LabelProject) -> None:
        found = project.recovered
        changes = sum(one.changes for one in found)
        if changes:
            torn = ", the very last one is lost" if any(one.was_torn for one in found) else ""
            self.explained.emit(
                f"AgriSeg had ended without saving: {counted(changes, 'stroke')} on"
                f" {counted(len(found), 'picture')} recovered{torn}."
            )
        problems = [one.problem for one in found if one.problem]
        if problems:
            self._say_problem(problems[0])

    def _say_problem(self, text: str) -> None:
        self._view.show_problem(text)
        self._projects.show_problem(text)

    def _take_closed(self) -> None:
        self._thumbnails.cancel()
        self._view.show_problem("")
        self.recent.look()
        self.turned.emit()

    def _take_picture(self, shown: ShownPicture) -> None:
        self.place.show_document(shown.document)
        self.box.allow(self.desk.is_editable)
        if self.desk.is_editable and self.box.name == "pick":
            self.box.use("brush")
        self.walk.look()
        known = self._agreement.get(shown.stem)
        if known is not None:
            self.inspection.show_disputes(known.disputes)

    def _take_no_picture(self) -> None:
        self.place.show_document(None)
        self.walk.look()

    def _show_busy(self, what: str) -> None:
        if self.desk.project is None:
            self._projects.show_busy(what)
        elif what:
            self._view.canvas.show_words(f"{what} …")

    def _end_job(self, said: str) -> None:
        self.model.tidy()
        self._view.job.hide()
        self.explained.emit(said)
        self._view.data.said.say(said)
        project = self.desk.project
        if project is None:
            return
        self.display.show_project(project)
        if self.desk.shown is None:
            self._begin(project)
        self.walk.look()

    def _mend(self) -> None:
        """Do what the key beside a problem says."""
        if self.desk.problem:
            self.desk.save()
        elif not self._is_at_work():
            self._questions.moved(self.jobs.find_moved)

    def _forget(self, folder: Path) -> None:
        self.recent.forget(folder)
        self.recent.look()

    def _ask_thumbnail(self, stem: str) -> None:
        if self.desk.project is not None:
            self._thumbnails.ask(stem, self.desk.project.image_path(stem))

    def _connect(self) -> None:
        view, desk, place, projects = self._view, self.desk, self.place, self._projects
        view.asked.connect(self.act)
        view.mend_asked.connect(self._mend)
        view.job.cancelled.connect(self.cancel_jobs)
        view.tools.class_chosen.connect(place.choose_class)
        view.tools.settings_changed.connect(place.change_settings)
        view.tools.new_plant_asked.connect(place.new_plant)
        view.tools.classes_asked.connect(self.ask_classes)
        self._classes.chosen.connect(self._take_classes)
        view.pictures.noted.connect(self._take_note)
        view.pictures.chosen.connect(self.open_picture)
        view.pictures.list.thumbnail_needed.connect(self._ask_thumbnail)
        view.check.finding_chosen.connect(self.inspection.go)
        desk.project_opened.connect(self._take_project)
        desk.project_closed.connect(self._take_closed)
        desk.picture_opened.connect(self._take_picture)
        desk.picture_closed.connect(self._take_no_picture)
        desk.in_use.connect(lambda folder, text: projects.show_problem(text, folder))
        desk.failed.connect(self._say_problem)
        desk.busied.connect(self._show_busy)
        place.said.connect(self.explained)
        self.exchange.said.connect(self.explained)
        self._thumbnails.made.connect(view.pictures.list.pictures.show_thumbnail)
        self.recent.listed.connect(projects.show_recent)
        choice, frames = self._choice, self.frames
        choice.place_asked.connect(lambda: self._questions.source(choice.add_place))
        choice.started.connect(self._choose_frames)
        choice.taken.connect(frames.take)
        choice.left.connect(frames.leave)
        frames.chosen.connect(self._show_frames)
        frames.ended.connect(self._end_job)
        for job in (self.jobs, self.model, frames):
            job.progressed.connect(view.job.show_share)
        self.jobs.finished.connect(self._end_job)
        self.model.ended.connect(self._end_job)
        projects.opened.connect(desk.open_project)
        projects.looked_at.connect(desk.look_at_project)
        projects.forgotten.connect(self._forget)
        projects.created.connect(desk.create_project)
        projects.browse_asked.connect(self.ask_project)
        projects.place_asked.connect(
            lambda: self._questions.place("Where are projects made?", projects.set_root)
        )
