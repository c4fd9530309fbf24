"""A label project: a folder of pictures with their labels, classes and states."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType, TracebackType

from agriseg.clock import MonotonicClock
from agriseg.datasets.labels import read_image
from agriseg.errors import AgrisegError, LabelError
from agriseg.labelling.classes import ClassList, project_to_toml, read_project
from agriseg.labelling.collecting import AddedPictures, PictureCollector
from agriseg.labelling.document import LabelDocument
from agriseg.labelling.files import ProjectPaths, write_whole
from agriseg.labelling.journal import journal_stems
from agriseg.labelling.lock import ProjectLock, account_name
from agriseg.labelling.moved import find_moved, missing_pictures, relink
from agriseg.labelling.picture import OpenPicture
from agriseg.labelling.pictures import (
    PictureEntry,
    PictureState,
    read_pictures,
    write_pictures,
)
from agriseg.labelling.stored import LabelWriter, StoredLabels, read_labels
from agriseg.ports import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What the journals held when a project was opened after a crash.

    Attributes
    ----------
    stem : str
    changes : int
        Changes that were not in the label files, and now are.
    was_torn : bool
        The very last one was cut off in the writing, and is lost.
    problem : str
        Why nothing could be recovered yet; the journal stays. Empty when it could.
    """

    stem: str
    changes: int = 0
    was_torn: bool = False
    problem: str = ""


class LabelProject:
    """A folder of pictures to label; made by `create`, opened by `edit` or `look`.

    `agriseg train` reads it as a source of kind ``folder``: of its pictures those that are done or
    reviewed. The files are described in ``FORMAT.md``.
    """

    def __init__(self, directory: Path, lock: ProjectLock | None, clock: Clock) -> None:
        self.paths = ProjectPaths(directory)
        self.name, self._classes = read_project(self.paths.project)
        self._pictures = read_pictures(self.paths.pictures)
        self._lock = lock
        self._clock = clock
        self.recovered: tuple[Recovered, ...] = ()
        """What was recovered at the opening."""
        self.problems: tuple[str, ...] = ()
        """Files in ``images/`` that cannot be pictures of the project, each with its reason."""

    @classmethod
    def create(
        cls,
        directory: Path,
        *,
        name: str = "",
        classes: ClassList | None = None,
        who: str = "",
        clock: Clock | None = None,
    ) -> LabelProject:
        """Make a project and open it for editing.

        A folder that has ``images/`` and ``masks/`` already becomes one as it is: pictures with
        labels are taken for done, others are to do.

        Raises
        ------
        LabelError
            There is a project already, or the folder cannot be written.
        """
        paths = ProjectPaths(directory)
        if paths.project.exists():
            raise LabelError(f"{paths.project}: there is a project already; open it instead")
        text = project_to_toml(name or directory.name, classes or ClassList())
        write_whole(paths.project, text.encode())
        project = cls.edit(directory, who=who, clock=clock)
        if project.problems:
            project.close()
            paths.project.unlink()
            raise LabelError(project.problems[0])
        return project

    @classmethod
    def edit(cls, directory: Path, *, who: str = "", clock: Clock | None = None) -> LabelProject:
        """Open a project to change it.

        Images that were put into the folder since are listed, and what a crash left in the
        journals is brought into the label files.

        Raises
        ------
        ProjectInUseError
            Somebody else edits it.
        LabelError
            There is no project, or it cannot be used.
        """
        read_project(ProjectPaths(directory).project)
        lock = ProjectLock(ProjectPaths(directory).private, who)
        try:
            project = cls(directory, lock, clock or MonotonicClock())
            project._adopt()
            project.recovered = tuple(project._recover())
        except AgrisegError:
            lock.release()
            raise
        return project

    @classmethod
    def look(cls, directory: Path) -> LabelProject:
        """Open a project to look at it only; also while somebody edits it.

        Raises
        ------
        LabelError
            There is no project, or it cannot be used.
        """
        return cls(directory, None, MonotonicClock())

    @property
    def directory(self) -> Path:
        """Its folder."""
        return self.paths.directory

    @property
    def is_editable(self) -> bool:
        """Whether it was opened to be changed."""
        return self._lock is not None

    @property
    def classes(self) -> ClassList:
        """Its classes."""
        return self._classes

    @property
    def pictures(self) -> Mapping[str, PictureEntry]:
        """Its pictures by stem, ordered by name."""
        return MappingProxyType(self._pictures)

    def image_path(self, stem: str) -> Path:
        """Return the file of a picture, whether it is there or not."""
        return self.paths.images / self._entry(stem).file

    def labels(self, stem: str) -> StoredLabels:
        """Read the saved labels of a picture.

        Raises
        ------
        DatasetError, LabelError
            They cannot be read.
        """
        entry = self._entry(stem)
        return read_labels(self.paths, stem, (entry.height_px, entry.width_px), self._classes)

    def document(self, stem: str) -> LabelDocument:
        """Read picture and saved labels into a document that nobody saves.

        Raises
        ------
        DatasetError, LabelError
            The picture or its labels cannot be read.
        """
        image = read_image(self.image_path(stem))
        entry = self._entry(stem)
        if image.shape[:2] != (entry.height_px, entry.width_px):
            raise LabelError(
                f"{self.image_path(stem)}: it has {image.shape[1]}x{image.shape[0]} pixels, but "
                f"was added with {entry.width_px}x{entry.height_px}: it is another picture; put "
                "the right one back, or add this one under another name"
            )
        stored = self.labels(stem)
        return LabelDocument(
            image, stored.classes, stored.instances, stored.stems, stored.confidence
        )

    def open_picture(self, stem: str) -> OpenPicture:
        """Open a picture for labelling.

        The first change sets its state: what was to do is in work, what was reviewed is done.

        Raises
        ------
        DatasetError, LabelError
            The picture or its labels cannot be read, or the project is open to look at only.
        """
        self._require_editing()
        return OpenPicture(
            stem,
            self.document(stem),
            LabelWriter(self.paths, stem, self._classes),
            self.paths.journals,
            self._clock,
            on_first_change=lambda: self._begun(stem),
            on_saved=lambda work_s: self._worked(stem, work_s),
        )

    def set_state(self, stem: str, state: PictureState) -> None:
        """Say how far a picture's labels are.

        A picture that is done without any label gets a mask of bare soil.

        Raises
        ------
        LabelError
            There is no such picture, it cannot be written, or the project is open to look at only.
        """
        self.set_states([stem], state)

    def set_states(self, stems: Iterable[str], state: PictureState) -> None:
        """Say of several pictures how far their labels are; see `set_state`."""
        self._require_editing()
        for stem in stems:
            entry = self._entry(stem)
            if state.is_finished and not self.paths.mask(stem).is_file():
                LabelWriter(self.paths, stem, self._classes).write(self.labels(stem))
            self._pictures[stem] = replace(entry, state=state, by=self._who(), changed=_now())
        self._write_pictures()

    def set_note(self, stem: str, note: str) -> None:
        """Write free words to a picture.

        Raises
        ------
        LabelError
            As `set_state`.
        """
        self._require_editing()
        self._set(replace(self._entry(stem), note=note))

    def set_classes(self, classes: ClassList) -> None:
        """Change the classes of the project.

        Raises
        ------
        LabelError
            It cannot be written, or the project is open to look at only.
        """
        self._require_editing()
        write_whole(self.paths.project, project_to_toml(self.name, classes).encode())
        self._classes = classes

    def add_pictures(
        self,
        paths: Iterable[Path],
        *,
        group: str = "",
        link: bool = False,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> AddedPictures:
        """Add image files; each is complete before the next, so it may be ended in between.

        Parameters
        ----------
        paths : iterable of Path
            Image files. Those whose content is in the project already are left out.
        group : str
            What belongs together for a split into training and held out; the name of each file's
            folder when it is empty.
        link : bool
            Link to the files where they lie instead of copying them.
        on_progress : callable of (done, all), optional
            Called after every file; what it raises ends the adding.

        Raises
        ------
        LabelError
            A file is no image, or the project cannot be written.
        """
        self._require_editing()
        collector = self._collector()
        try:
            return collector.add(list(paths), group=group, link=link, on_progress=on_progress)
        finally:
            self._write_pictures()

    def remove_picture(self, stem: str) -> Path:
        """Take a picture and its labels out; return the folder to which they were moved.

        Raises
        ------
        LabelError
            There is no such picture, or its files cannot be moved.
        """
        self._require_editing()
        self._entry(stem)
        kept = self._collector().remove(stem)
        self._write_pictures()
        return kept

    def missing(self) -> tuple[str, ...]:
        """Return the pictures whose file is gone from ``images/``."""
        return missing_pictures(self.paths, self._pictures)

    def find_moved(
        self, folder: Path, on_progress: Callable[[int, int], None] | None = None
    ) -> Mapping[str, Path]:
        """Look in a folder and all below it for missing pictures, by content; return where."""
        wanted = {stem: self._pictures[stem] for stem in self.missing()}
        return find_moved(wanted, folder, on_progress)

    def relink(self, stem: str, path: Path, *, link: bool = False) -> None:
        """Put a missing picture back from where it is now, by copy or link.

        Raises
        ------
        LabelError
            The file has other content, or cannot be copied.
        """
        self._require_editing()
        relink(self.paths, self._entry(stem), path, link=link)

    def close(self) -> None:
        """Let others edit; pictures must have been closed before."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> LabelProject:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _adopt(self) -> None:
        """List images that somebody put into the folder."""
        before = len(self._pictures)
        self.problems = self._collector().adopt()
        if len(self._pictures) != before or not self.paths.pictures.exists():
            self._write_pictures()

    def _recover(self) -> Iterable[Recovered]:
        """Bring the journals of a crashed program into the label files."""
        for stem in journal_stems(self.paths.journals):
            try:
                picture = self.open_picture(stem)
                picture.close()
            except AgrisegError as error:
                yield Recovered(stem=stem, problem=str(error))
            else:
                yield Recovered(
                    stem=stem, changes=picture.recovered_changes, was_torn=picture.was_torn
                )

    def _begun(self, stem: str) -> None:
        after = {
            PictureState.TO_DO: PictureState.IN_WORK,
            PictureState.REVIEWED: PictureState.DONE,
        }
        entry = self._entry(stem)
        state = after.get(entry.state, entry.state)
        if state is not entry.state:
            self._set(replace(entry, state=state, by=self._who(), changed=_now()))

    def _worked(self, stem: str, work_s: float) -> None:
        if work_s > 0.0:
            entry = self._entry(stem)
            self._set(replace(entry, work_s=entry.work_s + work_s, changed=_now()))

    def _set(self, entry: PictureEntry) -> None:
        self._pictures[entry.stem] = entry
        self._write_pictures()

    def _write_pictures(self) -> None:
        write_pictures(self.paths.pictures, self._pictures)

    def _collector(self) -> PictureCollector:
        return PictureCollector(self.paths, self._pictures)

    def _entry(self, stem: str) -> PictureEntry:
        entry = self._pictures.get(stem)
        if entry is None:
            raise LabelError(
                f"{self.directory}: there is no picture {stem!r}; `agriseg labels list "
                f"{self.directory}` names them"
            )
        return entry

    def _require_editing(self) -> None:
        if self._lock is None:
            raise LabelError(
                f"{self.directory}: the project is open to look at only; open it for editing"
            )

    def _who(self) -> str:
        return self._lock.who if self._lock is not None else account_name()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
