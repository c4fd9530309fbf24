"""The project that is open, and the picture at work: opened, kept and saved beside the window."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QObject, QTimer, Signal

from agriseg.errors import AgrisegError, ProjectInUseError
from agriseg.labelling.document import LabelDocument
from agriseg.labelling.picture import OpenPicture, Snapshot
from agriseg.labelling.pictures import PictureState
from agriseg.labelling.project import LabelProject
from ui.label.composing import Pyramid
from ui.review.thread import ReviewThread as LabelThread

T = TypeVar("T")

log = logging.getLogger(__name__)

SAVES_AFTER_MS = 3000
"""How long after a change the label files are written; strokes are in the journal at once."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShownPicture:
    """A picture that is open; ``kept`` is None where it is only looked at."""

    stem: str
    document: LabelDocument
    pyramid: Pyramid
    kept: OpenPicture | None


class LabelDesk(QObject):
    """Opens one project and one of its pictures at a time.

    Reading and writing happen in a thread, in the order in which they were asked; the project
    itself is changed by the window's thread alone, or by a job while no picture is open (`work`).
    """

    project_opened = Signal()
    project_closed = Signal()
    picture_opened = Signal(object)
    """Carries a `ShownPicture`."""
    picture_closed = Signal()
    listed = Signal()
    """States or pictures of the project changed."""
    saving_changed = Signal()
    in_use = Signal(object, str)
    """A project's folder that somebody else edits, and the sentence that says who."""
    failed = Signal(str)
    busied = Signal(str)
    """What is being read; empty when it is."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._project: LabelProject | None = None
        self._shown: ShownPicture | None = None
        self._saving: Snapshot | None = None
        self._problem = ""
        self._wanted = ""
        self._state = PictureState.TO_DO
        self._thread = LabelThread("label-desk", self)
        self._thread.failed.connect(self._fail)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SAVES_AFTER_MS)
        self._timer.timeout.connect(self.save)

    @property
    def project(self) -> LabelProject | None:
        """The project that is open."""
        return self._project

    @property
    def shown(self) -> ShownPicture | None:
        """The picture at work."""
        return self._shown

    @property
    def is_editable(self) -> bool:
        """Whether the picture may be changed."""
        return self._shown is not None and self._shown.kept is not None

    @property
    def is_saving(self) -> bool:
        """Whether label files are being written."""
        return self._saving is not None

    @property
    def is_saved(self) -> bool:
        """Whether the label files hold all there is."""
        kept = self._shown.kept if self._shown is not None else None
        return kept is None or (kept.is_saved and not self._problem)

    @property
    def problem(self) -> str:
        """Why something could not be saved; empty while all is well."""
        kept = self._shown.kept if self._shown is not None else None
        return (kept.problem if kept is not None else "") or self._problem

    # Projects

    def open_project(self, directory: Path, *, who: str = "") -> None:
        """Open a project for editing; `in_use` tells when somebody else has it."""
        self._open(directory, lambda: LabelProject.edit(directory, who=who))

    def look_at_project(self, directory: Path) -> None:
        """Open a project to look at only."""
        self._open(directory, lambda: LabelProject.look(directory))

    def create_project(self, directory: Path, name: str) -> None:
        """Make a project and open it."""
        self._open(directory, lambda: LabelProject.create(directory, name=name))

    def close_project(self) -> None:
        """Save and close everything, in order; what cannot be saved stays open."""
        self._leave(self._end_project)

    def _end_project(self) -> None:
        project, self._project = self._project, None
        if project is not None:
            project.close()
            self.project_closed.emit()

    def _open(self, directory: Path, make: Callable[[], LabelProject]) -> None:
        def attempt() -> LabelProject | ProjectInUseError:
            try:
                return make()
            except ProjectInUseError as error:
                return error

        def take(found: LabelProject | ProjectInUseError) -> None:
            self.busied.emit("")
            if isinstance(found, ProjectInUseError):
                self.in_use.emit(directory, str(found))
                return
            self._project = found
            self.project_opened.emit()

        def begin() -> None:
            self._end_project()
            self.busied.emit("The project is being opened")
            self._thread.ask(attempt, take)

        self._leave(begin)

    # Pictures

    def open_picture(self, stem: str) -> None:
        """Save the picture at work, and open another."""
        project = self._project
        if project is None or (self._shown is not None and self._shown.stem == stem):
            return

        def read() -> ShownPicture:
            kept = project.open_picture(stem) if project.is_editable else None
            document = kept.document if kept is not None else project.document(stem)
            return ShownPicture(
                stem=stem, document=document, pyramid=Pyramid(document.image), kept=kept
            )

        def begin() -> None:
            self._wanted = stem
            self.busied.emit(f"{stem} is being read")
            self._thread.ask(read, self._take_picture)

        self._leave(begin)

    def close_picture(self, then: Callable[[], None]) -> None:
        """Save the picture at work, put it away, and go on; what cannot be saved stays open."""
        self._leave(then)

    def _leave(self, then: Callable[[], None]) -> None:
        """Put the picture at work away, saved, and go on; stay where it cannot be saved."""
        self._wanted = ""
        shown = self._shown
        if shown is None:
            then()
            return
        if shown.kept is not None and not shown.kept.is_saved:
            self.save(lambda: self._leave(then))
            return
        self._timer.stop()
        self._shown = None
        if shown.kept is not None:
            self._let_go(shown.kept)
        self.picture_closed.emit()
        then()

    def save(self, then: Callable[[], None] | None = None) -> None:
        """Bring the label files up to date."""
        kept = self._shown.kept if self._shown is not None else None
        if kept is None:
            return
        snapshot = self._saving = kept.snapshot()
        self.saving_changed.emit()

        def take(problem: str) -> None:
            self._saving = None
            self._problem = problem
            done = not problem and self._guard(lambda: kept.saved(snapshot))
            if snapshot.aside:
                self.failed.emit(_aside_words(snapshot))
            if not done:
                self._timer.start()
            self.saving_changed.emit()
            self.listed.emit()
            if problem and then is not None:
                self.failed.emit(problem)
            elif done and then is not None:
                then()

        self._thread.ask(lambda: _written(snapshot), take)

    def take_change(self) -> None:
        """Take note that the labels changed: they are saved soon."""
        if self.is_editable:
            self._tell_begun()
            self._timer.start()
            self.saving_changed.emit()

    def _tell_begun(self) -> None:
        """Tell once that the first change has set the picture's state."""
        if self._project is None or self._shown is None:
            return
        state = self._project.pictures[self._shown.stem].state
        if state is not self._state:
            self._state = state
            self.listed.emit()

    def set_state(self, state: PictureState, then: Callable[[], None]) -> None:
        """Save, and say how far the picture at work is."""
        project, shown = self._project, self._shown
        if project is None or shown is None or shown.kept is None:
            return

        def put() -> None:
            if self._guard(lambda: project.set_state(shown.stem, state)):
                self.listed.emit()
                then()

        self.save(put)

    def change(self, action: Callable[[LabelProject], object]) -> bool:
        """Change the project; say it if that cannot be done."""
        project = self._project
        if project is None:
            return False
        done = self._guard(lambda: action(project))
        if done:
            self.listed.emit()
        return done

    def work(
        self, job: Callable[[LabelProject, LabelThread], T], then: Callable[[T], None]
    ) -> None:
        """Have something long done with the project, the picture at work put away meanwhile."""
        project = self._project
        if project is None:
            return

        def take(result: T) -> None:
            self.listed.emit()
            then(result)

        self._leave(lambda: self._thread.ask(lambda: job(project, self._thread), take))

    def stop(self) -> None:
        """Save and close all, and wait until it is done: the window closes."""
        self._thread.stop()
        shown, self._shown = self._shown, None
        if shown is not None and shown.kept is not None:
            try:
                shown.kept.close()
            except AgrisegError as error:
                log.warning("%s; the strokes are kept in the journal", error)
                shown.kept.abandon()
        if self._project is not None:
            self._project.close()
            self._project = None

    def _take_picture(self, shown: ShownPicture) -> None:
        if shown.stem != self._wanted:
            if shown.kept is not None:
                self._let_go(shown.kept)
            return
        self._wanted, self._problem = "", ""
        self._shown = shown
        if self._project is not None:
            self._state = self._project.pictures[shown.stem].state
        shown.document.listen(lambda _rect: self.take_change())
        self.busied.emit("")
        self.picture_opened.emit(shown)
        self.saving_changed.emit()

    def _let_go(self, kept: OpenPicture) -> None:
        try:
            kept.close()
        except AgrisegError as error:
            kept.abandon()
            self.failed.emit(str(error))

    def _guard(self, action: Callable[[], object]) -> bool:
        try:
            action()
        except AgrisegError as error:
            self.failed.emit(str(error))
            return False
        return True

    def _fail(self, text: str) -> None:
        self._wanted = ""
        self.busied.emit("")
        self.failed.emit(text)


def _written(snapshot: Snapshot) -> str:
    """Write a snapshot; return why it cannot be."""
    try:
        snapshot.write()
    except AgrisegError as error:
        return str(error)
    return ""


def _aside_words(snapshot: Snapshot) -> str:
    names = ", ".join(str(path) for path in snapshot.aside)
    return (
        "Another program had written labels of this picture meanwhile. Yours are kept; the others"
        f" were put aside as {names}."
    )
