"""What the page does: joins project, picture, tools, jobs and panels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from agriseg.labelling.classes import ClassList
from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Edit
from agriseg.labelling.pictures import PictureState
from agriseg.labelling.project import LabelProject
from agriseg.labelling.tools.propagate import Motion, estimate_motion, propagate
from ui.label.class_panel import ClassPanel
from ui.label.data_room import DataRoom
from ui.label.desk import LabelDesk, ShownPicture
from ui.label.doubt_walk import DoubtWalk
from ui.label.export_panel import ExportPanel
from ui.label.import_panel import ImportPanel
from ui.label.inspection import Inspection
from ui.label.marks import Marks
from ui.label.projects_view import ProjectsView
from ui.label.questions import PathQuestions
from ui.label.recent import RecentProjects, RecentStore
from ui.label.room_actions import room_actions
from ui.label.room_display import NO_PICTURES, RoomDisplay
from ui.label.select_panel import SelectPanel
from ui.label.thumbnails import Thumbnails
from ui.label.tool_box import ToolBox
from ui.label.work_view import WorkView
from ui.label.workplace import LabelWorkplace
from ui.widgets.path_panel import PathPanel
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
        self._classes = classes
        self._asked_done = ""
        self.desk = LabelDesk(self)
        self.place = LabelWorkplace(self)
        marks = Marks()
        self._store = recent
        self.box = ToolBox(
            self.place, view.canvas, marks, self._picture_file, self._open_anything, self
        )
        self.walk = DoubtWalk(self.place, self)
        self.inspection = Inspection(self.place, self)
        self._questions = PathQuestions(paths, self)
        self.data = DataRoom(
            self.desk,
            self.place,
            self._questions,
            incoming,
            outgoing,
            choice,
            bundle,
            runs,
            self,
        )
        self.recent = RecentProjects(recent, self)
        self._thumbnails = Thumbnails(self)
        self.display = RoomDisplay(
            view, self.desk, self.place, marks, self.box, self.walk, self.inspection, self
        )
        self._actions = room_actions(self, view)
        self._connect()
        self.box.allow(False)

    @property
    def known_actions(self) -> tuple[str, ...]:
        """The names that `act` knows."""
        return tuple(self._actions)

    def act(self, name: str) -> bool:
        """Do something by its name; return whether it can be done now."""
        if self.desk.project is None:
            if name == "leave":
                self.data.ask_project()
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
        self.data.cancel()

    def refresh(self) -> None:
        """Read how far the projects are."""
        if self.desk.project is None:
            self.recent.look()

    def stop(self) -> None:
        """Save and end everything."""
        for part in (
            self.data,
            self.walk,
            self.inspection,
            self.box,
            self.place,
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
        if self.data.jobs.is_running:
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
        if project is not None and project.is_editable and self.data.is_free():
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

    def ask_anything(self) -> None:
        """Ask for the two files of the model that understands clicks."""
        self._questions.anything(self._take_anything)

    def _take_anything(self, encoder: Path, decoder: Path) -> None:
        self._store.segment_anything = (str(encoder), str(decoder))
        self._open_anything()

    def _open_anything(self) -> bool:
        files = self._store.segment_anything
        if len(files) != 2:
            self.explained.emit("The tool Click needs a model of yours: two ONNX files (Ctrl+A).")
            return False
        self.box.anything.start(Path(files[0]), Path(files[1]))
        return True

    def _picture_file(self) -> Path | None:
        project, shown = self.desk.project, self.desk.shown
        return project.image_path(shown.stem) if project is not None and shown is not None else None

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

    # What happens

    def _take_project(self) -> None:
        project = self.desk.project
        if project is None:
            return
        self.recent.add(project.directory)
        self.data.agreement = {}
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
        known = self.data.agreement.get(shown.stem)
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
        self._view.job.hide()
        if said:
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
        else:
            self.data.ask_moved()

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
        view.job.cancelled.connect(self.data.cancel)
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
        self.box.anything.busied.connect(self.display.show_computing)
        self.data.explained.connect(self.explained)
        self.data.progressed.connect(view.job.show_share)
        self.data.ended.connect(self._end_job)
        self.data.reported.connect(lambda: view.show_tab("data"))
        self._thumbnails.made.connect(view.pictures.list.pictures.show_thumbnail)
        self.recent.listed.connect(projects.show_recent)
        projects.opened.connect(desk.open_project)
        projects.looked_at.connect(desk.look_at_project)
        projects.forgotten.connect(self._forget)
        projects.created.connect(desk.create_project)
        projects.browse_asked.connect(self.data.ask_project)
        projects.place_asked.connect(
            lambda: self._questions.place("Where are projects made?", projects.set_root)
        )
