"""Shows on the panels how project, picture, tools and doubts stand."""

from __future__ import annotations

from PySide6.QtCore import QObject

from agriseg.labelling.edits import Rect
from agriseg.labelling.project import LabelProject
from ui.label.canvas import Pointer
from ui.label.composing import LayerLook
from ui.label.desk import LabelDesk, ShownPicture
from ui.label.doubt_walk import DoubtWalk
from ui.label.inspection import Inspection
from ui.label.marks import Marks
from ui.label.picture_rows import picture_rows, project_figures, saving_words, state_words
from ui.label.tool_box import ToolBox
from ui.label.tool_panel import ClassWords
from ui.label.work_view import WorkView
from ui.label.workplace import LabelWorkplace
from ui.widgets.words import counted

NO_PICTURES = (
    "No pictures yet.\n\nAdd a folder of them (Ctrl+N), or let frames be chosen from recorded runs"
    " (Ctrl+R), on the panel Data."
)
_NO_PICTURE = "Choose a picture on the panel Pictures."


class RoomDisplay(QObject):
    """Follows what happens; decides nothing."""

    def __init__(
        self,
        view: WorkView,
        desk: LabelDesk,
        place: LabelWorkplace,
        marks: Marks,
        box: ToolBox,
        walk: DoubtWalk,
        inspection: Inspection,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._view = view
        self._desk = desk
        self._place = place
        self._marks = marks
        self._box = box
        self._walk = walk
        self._inspection = inspection
        self.missing: frozenset[str] = frozenset()
        """Pictures whose file is gone."""
        desk.listed.connect(self.show_rows)
        desk.saving_changed.connect(self.show_saving)
        desk.picture_opened.connect(self._show_picture)
        desk.picture_closed.connect(self._show_no_picture)
        place.changed.connect(self._take_change)
        place.settled.connect(self._show_settings)
        place.busied.connect(self.show_computing)
        box.changed.connect(self._show_tool)
        walk.changed.connect(self._show_walk)
        walk.shown.connect(view.canvas.frame)
        inspection.changed.connect(self._show_findings)
        inspection.shown.connect(view.canvas.frame)
        view.canvas.pointed.connect(self._show_pointer)
        view.layers.changed.connect(self._take_look)
        self._show_no_picture()

    def show_project(self, project: LabelProject | None) -> None:
        """Show another project, or what changed in its classes and files."""
        if project is None:
            return
        view = self._view
        entries = tuple(project.classes)
        view.tools.show_classes(
            [
                ClassWords(
                    value=entry.class_id,
                    name=entry.name,
                    colour=entry.colour,
                    shortcut=entry.shortcut,
                )
                for entry in entries
            ]
        )
        view.layers.show_colours({entry.class_id: entry.colour for entry in entries})
        self._place.show_classes(frozenset(e.class_id for e in entries if e.has_plants))
        self.missing = frozenset(project.missing())
        self.show_rows()

    def show_rows(self) -> None:
        """List the pictures."""
        project, shown = self._desk.project, self._desk.shown
        if project is None:
            return
        view = self._view
        view.pictures.show_rows(picture_rows(project, self.missing), project_figures(project))
        view.data.figures.say(f"{project.name}: {project_figures(project)}.")
        stem = shown.stem if shown is not None else ""
        note = project.pictures[stem].note if stem else ""
        view.pictures.show_note(stem, note, enabled=self._desk.is_editable)
        view.title.say(shown.stem if shown is not None else project.name)
        view.state.say(state_words(project, shown.stem) if shown is not None else "")

    def show_saving(self) -> None:
        """Say how safe the labels are."""
        self._view.saving.say(saving_words(self._desk))
        if self._desk.problem:
            self._view.show_problem(self._desk.problem, "Try again")
        elif self._view.offers("Try again"):
            self._view.show_problem("")

    def show_missing(self, stem: str) -> None:
        """Say that a picture's file is gone, and how it comes back."""
        self._view.canvas.show_words(
            f"The file of {stem} is not where it was. Its labels are safe.\n\nIf the pictures were"
            " moved, say where they are now: they are found by their content."
        )
        gone = counted(len(self.missing), "picture")
        self._view.show_problem(f"Gone from the folder images: {gone}.", "Find")

    def _show_picture(self, shown: ShownPicture) -> None:
        view = self._view
        self._marks.show_document(shown.document)
        view.canvas.show_document(shown.document, shown.pyramid)
        view.show_problem("")
        view.pictures.list.show_current(shown.stem)
        self.show_rows()
        self.show_saving()
        self._show_history()
        view.canvas.setFocus()

    def _show_no_picture(self) -> None:
        self._marks.show_document(None)
        self._view.canvas.show_words(_NO_PICTURE)
        self.show_rows()
        self.show_saving()
        self._show_history()

    def _show_history(self) -> None:
        document = self._place.document
        if document is not None:
            self._view.show_history(document.undo_name, document.redo_name)
        else:
            self._view.show_history("", "")

    def _show_settings(self) -> None:
        view, place = self._view, self._place
        view.tools.show_settings(place.settings)
        words = f"Plant {place.plant}" if place.has_plants else "Without plants"
        is_open = place.document is not None
        view.tools.show_plant(words if is_open else "", enabled=is_open and place.has_plants)
        if self._marks.plant != place.selected:
            self._marks.pick(place.selected)
        view.canvas.update()

    def _show_tool(self, name: str) -> None:
        self._view.tool_palette.show_tool(name)
        self._view.tools.show_tool(name)
        self._view.show_hint(self._box.hint)

    def show_computing(self, what: str) -> None:
        """Say what is being computed; empty when it is done."""
        self._view.show_hint(f"{what} …" if what else self._box.hint)

    def _show_walk(self) -> None:
        walk = self._walk
        left = -1 if walk.is_looking else walk.left
        self._view.check.show_doubts(left, walk.total, was_asked=walk.was_asked)
        part = walk.part
        self._marks.show_box(part.rect if part is not None else None)
        self._view.canvas.update()

    def _show_findings(self) -> None:
        inspection = self._inspection
        self._view.check.show_findings(inspection.rows, inspection.said)
        self._view.check.show_finding(inspection.at)
        self._marks.show_findings([row.rect for row in inspection.rows], inspection.at)
        self._view.canvas.update()

    def _take_change(self, rect: Rect) -> None:
        self._view.canvas.take_change(rect)
        self._show_history()

    def _take_look(self, look: LayerLook) -> None:
        self._marks.stems = look.stems and not look.hidden
        self._marks.findings = look.findings and not look.hidden
        self._walk.set_below(look.doubt_below)

    def _show_pointer(self, pointer: Pointer | None) -> None:
        if pointer is None or self._place.document is None:
            self._view.place.say("")
            return
        scale = 100.0 * self._view.canvas.view.scale
        self._view.place.say(f"{pointer.u:.0f}, {pointer.v:.0f} · {scale:.0f} %")
