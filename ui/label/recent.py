"""Projects that were open before."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QObject, Signal

from agriseg.errors import AgrisegError
from agriseg.labelling.project import LabelProject
from ui.label.picture_rows import project_figures
from ui.label.projects_view import RecentProject
from ui.review.thread import ReviewThread

_MOST = 12


class RecentStore(Protocol):
    """Keeps folders from one start to the next."""

    label_projects: tuple[str, ...]
    segment_anything: tuple[str, ...]
    """Encoder and decoder of the tool Click; empty for none."""


class RecentProjects(QObject):
    """The newest first; how far each is, is read in a thread."""

    listed = Signal(object)
    """Carries a list of `RecentProject`."""

    def __init__(self, store: RecentStore, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._thread = ReviewThread("label-recent", self)

    def look(self) -> None:
        """Read how far the projects are."""
        folders = [Path(text) for text in self._store.label_projects]
        self._thread.ask(
            lambda: [_recent(folder) for folder in folders], self.listed.emit, newest_of="look"
        )

    def add(self, folder: Path) -> None:
        """Put a project on top."""
        others = (text for text in self._store.label_projects if text != str(folder))
        self._store.label_projects = (str(folder), *others)[:_MOST]

    def forget(self, folder: Path) -> None:
        """Take a project from the list; its files stay."""
        kept = tuple(text for text in self._store.label_projects if text != str(folder))
        self._store.label_projects = kept

    def stop(self) -> None:
        """End the thread."""
        self._thread.stop()


def _recent(folder: Path) -> RecentProject:
    try:
        return RecentProject(directory=folder, state=project_figures(LabelProject.look(folder)))
    except AgrisegError as error:
        there = folder.is_dir()
        return RecentProject(
            directory=folder,
            state=str(error) if there else f"{folder} is not there",
            is_there=False,
        )
