"""What the page does: joins project, picture, tools and panels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Edit, Rect
from agriseg.labelling.files import ProjectPaths
from agriseg.labelling.pictures import PictureState
from agriseg.labelling.project import LabelProject
from agriseg.labelling.tools.propagate import Motion, estimate_motion, propagate
from ui.label.actions import TOOLS
from ui.label.canvas import Pointer
from ui.label.composing import LayerLook
from ui.label.desk import LabelDesk, ShownPicture
from ui.label.doubt_walk import DoubtWalk
from ui.label.exchange import Exchange
from ui.label.export_panel import ExportPanel
from ui.label.import_panel import ImportPanel
from ui.label.layers_panel import LAYER_ACTIONS
from ui.label.marks import Marks
from ui.label.model_job import ModelJob
from ui.label.path_panel import PathPanel
from ui.label.picture_rows import picture_rows, project_figures, saving_words, state_words
from ui.label.project_jobs import ProjectJobs
from ui.label.projects_view import ProjectsView
from ui.label.recent import RecentProjects, RecentStore
from ui.label.thumbnails import Thumbnails
from ui.label.tool_box import ToolBox
from ui.label.tool_panel import ClassWords
from ui.label.work_view import WorkView
from ui.label.workplace import LabelWorkplace

_NO_PICTURES = (
    "No pictures yet.\n\nAdd a folder of them (Ctrl+N), or let frames be chosen from recorded runs"
    " (Ctrl+R), on the panel Data."
)
_NO_PICTURE = "Choose a picture on the panel Pictures."


class Workroom(QObject):
    """Acts on what is asked, and shows what comes of it."""

    explained = Signal(str)
    turned = Signal()
    """A project was opened or closed."""
    help_asked = Signal()

    def __init__(
        self,
        view: WorkView,
        projects: ProjectsView,
        paths: PathPanel,
        recent: RecentStore,
        bundle: Callable[[], Path | None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._view = view
        self._projects = projects
        self._paths = paths
        self._take_path: Callable[[Path], None] = lambda _path: None
        self._missing: frozenset[str] = frozenset()
        self._wanted = ""
        self._asked_done = ""
        self.desk = LabelDesk(self)
        self.place = LabelWorkplace(self)
        self.marks = Marks()
        self.box = ToolBox(self.place, view.canvas, self.marks, self)
        self.walk = DoubtWalk(self.place, self)
        self.jobs = ProjectJobs(self.desk, self)
        self.model = ModelJob(self.place, self.jobs, bundle, self)
        self.recent = RecentProjects(recent, self)
        self.thumbnails = Thumbnails(self)
        self._exchange: Exchange | None = None
        self._actions = self._make_actions()
        self._connect()
        self.box.allow(False)
        view.canvas.show_words(_NO_PICTURE)

    # What is asked

    def act(self, name: str) -> bool:
        """Do something by its name; return whether it can be done now."""
        action = self._actions.get(name)
        if name == "leave" and self.desk.project is None:
            action = self._ask_project
        elif action is None or self.desk.project is None:
            return False
        action()
        return True

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

    def pause(self) -> None:
        """End what is in hand, and save."""
        self.box.hand.abandon()
        self.model.cancel()
        if not self.desk.is_saved:
            self.desk.save()

    def refresh(self) -> None:
        """Read how far the projects are."""
        if self.desk.project is None:
            self.recent.look()

    def stop(self) -> None:
        """Save and end everything."""
        self.jobs.cancel()
        self.model.cancel()
        self.walk.stop()
        self.box.stop()
        self.place.stop()
        self.thumbnails.stop()
        if self._exchange is not None:
            self._exchange.stop()
        self.recent.stop()
        self.desk.stop()

    def open_next(self, step: int, *, only_open: bool = False) -> None:
        """Go to another picture of those listed."""
        shown = self.desk.shown
        stem = self._view.pictures.neighbour(
            shown.stem if shown is not None else "", step, only_open=only_open
        )
        if stem:
            self.open_picture(stem)
        elif only_open:
            self.explained.emit("Every picture of this project is finished.")

    def open_picture(self, stem: str) -> None:
        """Work at a picture; one whose file is gone is asked for."""
        if self.jobs.is_running:
            self.explained.emit("Wait until this is done, or cancel it.")
            return
        self._asked_done = ""
        if stem in self._missing:
            self.desk.close_picture()
            self._say_missing(stem)
            return
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
                f"{left} doubtful parts were not looked at (Y goes to them). Done once more calls"
                " the picture done all the same."
            )
            return
        self.desk.set_state(state, lambda: self.open_next(1, only_open=True))

    def _reopen(self) -> None:
        self.desk.set_state(PictureState.TO_DO, lambda: None)

    def _pre_label(self, *, everything: bool) -> None:
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
            and stem not in self._missing
            and not project.paths.mask(stem).is_file()
        )
        if not to_do:
            self.explained.emit("Every picture has labels already; R labels the one at work anew.")
            return
        self.model.start(project, to_do, at_work=False)

    def _propagate(self) -> None:
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

    def _is_at_work(self) -> bool:
        busy = self.model.is_running or self.jobs.is_running
        if busy:
            self.explained.emit("One job at a time: cancel the one at work first.")
        return busy

    def _cancel_job(self) -> None:
        self.model.cancel()
        self.jobs.cancel()

    def _ask_pictures(self) -> None:
        if self._is_at_work():
            return
        self._ask_path(
            "Add pictures",
            "A folder with all below it, or a single picture. They are copied into the project.",
            "Add",
            self.jobs.add,
            suffixes=("",),
        )

    def _ask_project(self) -> None:
        self._ask_path(
            "Open a project",
            "A folder that was made here, or any with images/ (and masks/, if there are labels).",
            "Open",
            self._open_or_adopt,
        )

    def _ask_moved(self) -> None:
        self._ask_path(
            "Where are the pictures?",
            "They are looked for in this folder and below it, by their content; names do not"
            " matter.",
            "Look here",
            self.jobs.find_moved,
        )

    def _ask_path(
        self,
        heading: str,
        explanation: str,
        take: str,
        then: Callable[[Path], None],
        suffixes: tuple[str, ...] | None = None,
    ) -> None:
        self._take_path = then
        self._paths.ask(
            heading, explanation, self._paths.folder, take, suffixes=suffixes, check=_not_there
        )

    def _open_or_adopt(self, folder: Path) -> None:
        if not ProjectPaths(folder).project.is_file() and (folder / "images").is_dir():
            self.desk.create_project(folder, folder.name)
        else:
            self.desk.open_project(folder)

    def join_exchange(self, incoming: ImportPanel, outgoing: ExportPanel) -> Exchange:
        """Take the panels on which import and export are asked."""
        exchange = self._exchange = Exchange(self.desk, self.jobs, incoming, outgoing, self)
        exchange.said.connect(self.explained)
        outgoing.place_asked.connect(
            lambda: self._ask_path(
                "Where do exports go?", "Each gets a new name in it.", "Here", outgoing.set_root
            )
        )
        self._actions["import"] = self._ask_import
        self._actions["export"] = self._ask_export
        return exchange

    def _ask_import(self) -> None:
        if not self._is_at_work() and self._exchange is not None:
            self._ask_path(
                "Import labels",
                "A file or folder of CVAT, COCO, LabelMe, Pascal VOC, YOLO or PNG masks, or a ZIP"
                " of it.",
                "Look into it",
                self._exchange.look_at,
                suffixes=("",),
            )

    def _ask_export(self) -> None:
        if not self._is_at_work() and self._exchange is not None:
            self._exchange.ask_export()

    # Joining

    def _make_actions(self) -> dict[str, Callable[[], object]]:
        view, box, place, canvas = self._view, self.box, self.place, self._view.canvas
        settings = place.settings_changed_by
        actions: dict[str, Callable[[], object]] = {
            tool.name: partial(box.use, tool.name) for tool in TOOLS
        }
        actions |= {f"panel-{name}": partial(view.show_tab, name) for name in view.tabs}
        actions |= {
            name: partial(view.layers.toggle, layer) for name, layer in LAYER_ACTIONS.items()
        }
        actions |= {
            "undo": lambda: self._step(back=True),
            "redo": lambda: self._step(back=False),
            "new-plant": place.new_plant,
            "finish": lambda: box.hand.finish(),
            "back": lambda: box.hand.step_back(),
            "remove": lambda: box.hand.remove(),
            "smaller": lambda: settings(lambda s: s.with_radius_step(-1)),
            "larger": lambda: settings(lambda s: s.with_radius_step(1)),
            "stricter": lambda: settings(lambda s: s.with_tolerance_step(-1)),
            "looser": lambda: settings(lambda s: s.with_tolerance_step(1)),
            "only-soil": lambda: settings(lambda s: replace(s, only_soil=not s.only_soil)),
            "only-vegetation": lambda: settings(
                lambda s: replace(s, only_vegetation=not s.only_vegetation)
            ),
            "pre-label": lambda: self._pre_label(everything=False),
            "pre-label-all": lambda: self._pre_label(everything=True),
            "next-doubt": lambda: self.walk.step(1),
            "last-doubt": lambda: self.walk.step(-1),
            "confirm": self.walk.confirm,
            "confirm-all": self.walk.confirm_all,
            "next": lambda: self.open_next(1),
            "last": lambda: self.open_next(-1),
            "next-open": lambda: self.open_next(1, only_open=True),
            "done": lambda: self.finish(PictureState.DONE),
            "reviewed": lambda: self.finish(PictureState.REVIEWED),
            "reopen": self._reopen,
            "save": self.desk.save,
            "leave": self.desk.close_project,
            "zoom-in": lambda: canvas.zoom(1),
            "zoom-out": lambda: canvas.zoom(-1),
            "fit": canvas.fit,
            "actual": canvas.show_actual,
            "left": lambda: canvas.pan_by_shares(-1, 0),
            "right": lambda: canvas.pan_by_shares(1, 0),
            "up": lambda: canvas.pan_by_shares(0, -1),
            "down": lambda: canvas.pan_by_shares(0, 1),
            "labels": view.layers.hide_all,
            "fill-less": lambda: view.layers.step_opacity(-1),
            "fill-more": lambda: view.layers.step_opacity(1),
            "help": self.help_asked.emit,
            "add": self._ask_pictures,
            "propagate": self._propagate,
        }
        return actions

    def _connect(self) -> None:
        view, desk, place, projects = self._view, self.desk, self.place, self._projects
        view.asked.connect(self.act)
        view.mend_asked.connect(self._mend)
        view.job.cancelled.connect(self._cancel_job)
        view.canvas.pointed.connect(self._show_pointer)
        view.tools.class_chosen.connect(place.choose_class)
        view.tools.settings_changed.connect(place.change_settings)
        view.tools.new_plant_asked.connect(place.new_plant)
        view.pictures.chosen.connect(self.open_picture)
        view.pictures.list.thumbnail_needed.connect(self._ask_thumbnail)
        view.layers.changed.connect(self._take_look)
        desk.project_opened.connect(self._show_project)
        desk.project_closed.connect(self._show_closed)
        desk.picture_opened.connect(self._show_picture)
        desk.picture_closed.connect(self._show_no_picture)
        desk.listed.connect(self._show_rows)
        desk.saving_changed.connect(self._show_saving)
        desk.in_use.connect(lambda folder, text: projects.show_problem(text, folder))
        desk.failed.connect(self._say_problem)
        desk.busied.connect(self._show_busy)
        place.changed.connect(self._take_change)
        place.settled.connect(self._show_settings)
        place.said.connect(self.explained)
        place.busied.connect(self._show_computing)
        self.box.changed.connect(self._show_tool)
        self.walk.changed.connect(self._show_walk)
        self.walk.shown.connect(view.canvas.frame)
        self.thumbnails.made.connect(view.pictures.list.pictures.show_thumbnail)
        self.recent.listed.connect(projects.show_recent)
        for job in (self.jobs, self.model):
            job.progressed.connect(view.job.show_share)
        self.jobs.finished.connect(self._end_job)
        self.model.ended.connect(self._end_job)
        projects.opened.connect(desk.open_project)
        projects.looked_at.connect(desk.look_at_project)
        projects.forgotten.connect(self._forget)
        projects.created.connect(desk.create_project)
        projects.browse_asked.connect(self._ask_project)
        projects.place_asked.connect(self._ask_root)
        self._paths.chosen.connect(lambda path: self._take_path(path))

    def _mend(self) -> None:
        """Do what the key beside a problem says."""
        if self.desk.problem:
            self.desk.save()
        else:
            self._ask_moved()

    def _forget(self, folder: Path) -> None:
        self.recent.forget(folder)
        self.recent.look()

    def _ask_root(self) -> None:
        self._ask_path(
            "Where are projects made?",
            "A folder of its own is made in it for each project.",
            "Here",
            self._projects.set_root,
        )

    def _ask_thumbnail(self, stem: str) -> None:
        if self.desk.project is not None:
            self.thumbnails.ask(stem, self.desk.project.image_path(stem))

    def _take_look(self, look: LayerLook) -> None:
        self.marks.stems = look.stems and not look.hidden
        self.walk.set_below(look.doubt_below)

    def _show_tool(self, name: str) -> None:
        self._view.palette_.show_tool(name)
        self._view.tools.show_tool(name)
        self._view.show_hint(self.box.hint)

    def _show_busy(self, what: str) -> None:
        if self.desk.project is None:
            self._projects.show_busy(what)
        elif what:
            self._view.canvas.show_words(f"{what} …")

    def _show_computing(self, what: str) -> None:
        self._view.show_hint(f"{what} …" if what else self.box.hint)

    # What comes of it

    def _show_project(self) -> None:
        project = self.desk.project
        if project is None:
            return
        self.recent.add(project.directory)
        view = self._view
        self._show_classes(project)
        self._missing = frozenset(project.missing())
        view.pictures.list.forget_thumbnails()
        self.thumbnails.cancel()
        self._show_rows()
        self.turned.emit()
        self._say_recovered()
        self._begin()

    def _show_classes(self, project: LabelProject) -> None:
        view = self._view
        view.tools.show_classes(
            [
                ClassWords(
                    value=entry.class_id,
                    name=entry.name,
                    colour=entry.colour,
                    shortcut=entry.shortcut,
                )
                for entry in project.classes
            ]
        )
        view.layers.show_colours({entry.class_id: entry.colour for entry in project.classes})
        with_plants = frozenset(e.class_id for e in project.classes if e.has_plants)
        self.place.show_classes(with_plants)

    def _begin(self) -> None:
        """Open the first picture that is not finished, or say how pictures come in."""
        project = self.desk.project
        if project is None:
            return
        if not project.pictures:
            self._view.canvas.show_words(_NO_PICTURES)
            self._view.show_tab("data")
            return
        pending = [s for s, entry in project.pictures.items() if not entry.state.is_finished]
        here = [stem for stem in pending or project.pictures if stem not in self._missing]
        self.open_picture(here[0] if here else next(iter(project.pictures)))

    def _say_recovered(self) -> None:
        project = self.desk.project
        found = project.recovered if project is not None else ()
        changes = sum(one.changes for one in found)
        if changes:
            torn = any(one.was_torn for one in found)
            self.explained.emit(
                f"AgriSeg had ended without saving: {changes} strokes on {len(found)} pictures were"
                f" recovered{', the very last one is lost' if torn else ''}."
            )
        problems = [one.problem for one in found if one.problem]
        if problems:
            self._say_problem(problems[0])

    def _say_missing(self, stem: str) -> None:
        self._view.canvas.show_words(
            f"The file of {stem} is not where it was. Its labels are safe.\n\nIf the pictures were"
            " moved, say where they are now: they are found by their content."
        )
        self._view.show_problem(
            f"{len(self._missing)} pictures are missing in the folder images.", "Find them"
        )

    def _say_problem(self, text: str) -> None:
        self._view.show_problem(text)
        self._projects.show_problem(text)

    def _show_closed(self) -> None:
        self.thumbnails.cancel()
        self._view.show_problem("")
        self.recent.look()
        self.turned.emit()

    def _show_picture(self, shown: ShownPicture) -> None:
        view = self._view
        self.marks.show_document(shown.document)
        view.canvas.show_document(shown.document, shown.pyramid)
        self.place.show_document(shown.document)
        self.box.allow(self.desk.is_editable)
        if self.desk.is_editable and self.box.name == "pick":
            self.box.use("brush")
        view.show_problem("")
        view.pictures.list.show_current(shown.stem)
        self.walk.look()
        self._show_rows()
        self._show_saving()
        self._show_history()
        view.canvas.setFocus()

    def _show_no_picture(self) -> None:
        self.marks.show_document(None)
        self.place.show_document(None)
        self._view.canvas.show_words(_NO_PICTURE)
        self._view.title.say("")
        self._view.state.say("")
        self.walk.look()
        self._show_history()

    def _show_rows(self) -> None:
        project, shown = self.desk.project, self.desk.shown
        if project is None:
            return
        view = self._view
        view.pictures.show_rows(picture_rows(project, self._missing), project_figures(project))
        view.data.figures.say(f"{project.name}: {project_figures(project)}.")
        if shown is not None:
            view.title.say(shown.stem)
            view.state.say(state_words(project, shown.stem))
        else:
            view.title.say(project.name)

    def _show_saving(self) -> None:
        self._view.saving.say(saving_words(self.desk))
        if self.desk.problem:
            self._view.show_problem(self.desk.problem, "Try again")

    def _show_history(self) -> None:
        document = self.place.document
        if document is not None:
            self._view.show_history(document.undo_name, document.redo_name)
        else:
            self._view.show_history("", "")

    def _show_settings(self) -> None:
        view, place = self._view, self.place
        view.tools.show_settings(place.settings)
        document = place.document
        words = f"Plant {place.plant}" if place.has_plants else "Without plants"
        view.tools.show_plant(words if document is not None else "", enabled=place.has_plants)
        if self.marks.plant != place.selected:
            self.marks.pick(place.selected)
        view.canvas.update()

    def _show_walk(self) -> None:
        walk = self.walk
        left = -1 if walk.is_looking else walk.left
        self._view.check.show_doubts(left, walk.total, was_asked=walk.was_asked)
        part = walk.part
        self.marks.show_box(part.rect if part is not None else None)
        self._view.canvas.update()

    def _take_change(self, rect: Rect) -> None:
        self._view.canvas.take_change(rect)
        self._show_history()

    def _step(self, back: bool) -> None:
        self.box.hand.abandon()
        changed = self.place.undo() if back else self.place.redo()
        if changed is not None:
            self.place.select(0)
            self._show_walk()

    def _show_pointer(self, pointer: Pointer | None) -> None:
        if pointer is None or self.place.document is None:
            self._view.place.say("")
            return
        scale = 100.0 * self._view.canvas.view.scale
        self._view.place.say(f"{pointer.u:.0f}, {pointer.v:.0f} · {scale:.0f} %")

    def _end_job(self, said: str) -> None:
        self.model.tidy()
        self._view.job.hide()
        self.explained.emit(said)
        project = self.desk.project
        if project is None:
            return
        self._missing = frozenset(project.missing())
        self._show_classes(project)
        self._show_rows()
        if self.desk.shown is None:
            self._begin()
        self.walk.look()


def _not_there(path: Path) -> str:
    return "" if path.exists() else f"{path} is not there."
