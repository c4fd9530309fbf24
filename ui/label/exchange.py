"""Import and export as the page does them: asked on panels, done as jobs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import QObject, QStandardPaths, Signal

from agriseg.datasets.guessing import guess_format, unpacked
from agriseg.labelling.classes import ClassList
from agriseg.labelling.exporting import FINISHED, export_labels
from agriseg.labelling.importing import (
    Found,
    Imported,
    Incoming,
    import_labels,
    look_into,
    with_new_classes,
)
from agriseg.labelling.project import LabelProject
from agriseg.messages import ClassId
from ui.label.desk import LabelDesk
from ui.label.export_panel import ExportChoice, ExportPanel
from ui.label.import_panel import ImportChoice, ImportPanel
from ui.label.project_jobs import Progress, ProjectJobs
from ui.review.thread import ReviewThread
from ui.widgets.words import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    place: Path
    incoming: Incoming
    found: Found


class Exchange(QObject):
    """Joins the two panels with the project and its jobs."""

    said = Signal(str)

    def __init__(
        self,
        desk: LabelDesk,
        jobs: ProjectJobs,
        incoming: ImportPanel,
        outgoing: ExportPanel,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        self._jobs = jobs
        self._in = incoming
        self._out = outgoing
        self._seen: _Seen | None = None
        self._thread = ReviewThread("label-import", self)
        self._thread.failed.connect(self.said)
        incoming.chosen.connect(self._import)
        outgoing.chosen.connect(self._export)

    def look_at(self, place: Path) -> None:
        """Look into a set of labels, then ask what its classes mean."""
        project = self._desk.project
        if project is None:
            return
        classes = project.classes
        self.said.emit(f"{place.name} is being looked into …")
        self._thread.ask(lambda: _look(place, classes), self._ask)

    def ask_export(self) -> None:
        """Ask what goes out."""
        project = self._desk.project
        if project is None:
            return
        pictures = project.pictures.values()
        finished = sum(entry.state in FINISHED for entry in pictures)
        self._out.ask(project.directory.name, exports_folder(), finished, len(pictures))

    def stop(self) -> None:
        """End the thread."""
        self._thread.stop()

    def _ask(self, seen: _Seen) -> None:
        project = self._desk.project
        if project is None:
            return
        self._seen = seen
        title = f"Import {seen.place.name} ({seen.incoming.kind})"
        self._in.ask(title, seen.found, [one.name for one in project.classes])

    def _import(self, choice: ImportChoice) -> None:
        seen = self._seen
        if seen is None:
            return

        def job(project: LabelProject, progress: Progress) -> str:
            _add_classes(project, choice)
            with unpacked(seen.place) as place:
                found = import_labels(
                    project,
                    replace(seen.incoming, place=place, meanings=choice.meanings),
                    state=choice.state,
                    over_labels=choice.over_labels,
                    on_progress=progress,
                )
            return _imported_words(found)

        self._jobs.run("Labels are being imported", job)

    def _export(self, choice: ExportChoice) -> None:
        def job(project: LabelProject, progress: Progress) -> str:
            choice.out.parent.mkdir(parents=True, exist_ok=True)
            written = export_labels(
                project,
                choice.kind,
                choice.out,
                states=choice.states,
                images=choice.images,
                on_progress=progress,
            )
            return f"Written to {choice.out}: {counted(len(written), 'picture')}."

        self._jobs.run("Labels are being exported", job)


def exports_folder() -> Path:
    """Return where exports go: a folder of the user's documents."""
    documents = QStandardPaths.StandardLocation.DocumentsLocation
    return Path(QStandardPaths.writableLocation(documents)) / "AgriSeg" / "exports"


def _look(place: Path, classes: ClassList) -> _Seen:
    with unpacked(place) as folder:
        incoming = Incoming(place=folder, kind=guess_format(folder), meanings={})
        return _Seen(place=place, incoming=incoming, found=look_into(incoming, classes))


def _add_classes(project: LabelProject, choice: ImportChoice) -> None:
    meanings = dict.fromkeys(choice.new_crops, ClassId.CROP) | dict.fromkeys(
        choice.new_weeds, ClassId.WEED
    )
    if meanings:
        project.set_classes(with_new_classes(project.classes, meanings))


def _imported_words(found: Imported) -> str:
    words = f"{counted(len(found.labelled), 'picture')} got labels, new are {len(found.new)}."
    if found.kept:
        words += f" Kept their own labels: {counted(len(found.kept), 'picture')}."
    return words
