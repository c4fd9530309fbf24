"""A label project: a folder of pictures with their labels, classes and states."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from agriseg.clock import MonotonicClock
from agriseg.datasets.labels import read_image
from agriseg.errors import AgrisegError, LabelError
from agriseg.labelling.classes import ClassList, project_to_toml, read_project
from agriseg.labelling.collecting import AddedPictures
from agriseg.labelling.document import LabelDocument
from agriseg.labelling.files import ProjectPaths, write_whole
from agriseg.labelling.journal import journal_stems
from agriseg.labelling.listing import PictureListing
from agriseg.labelling.lock import ProjectLock, account_name
from agriseg.labelling.moved import find_moved, missing_pictures, relink
from agriseg.labelling.picture import OpenPicture
from agriseg.labelling.pictures import PictureEntry, PictureState
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
        self._listing = PictureListing(self.paths)
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
            project.problems = project._listing.adopt()
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
        return self._listing.entries

    def image_path(self, stem: str) -> Path:
        """Return the file of a picture, whether it is there or not."""
        return self.paths.images / self._listing.entry(stem).file

    def labels(self, stem: str) -> StoredLabels:
        """Read the saved labels of a picture.

        Raises
        ------
        DatasetError, LabelError
            They cannot be read.
        """
        entry = self._listing.entry(stem)
        return read_labels(self.paths, stem, (entry.height_px, entry.width_px), self._classes)

    def document(self, stem: str) -> LabelDocument:
        """Read picture and saved labels into a document that nobody saves.

        Raises
        ------
        DatasetError, LabelError
            The picture or its labels cannot be read.
        """
        image = read_image(self.image_path(stem))
        entry = self._listing.entry(stem)
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
            on_first_change=lambda: self._listing.begun(stem, self._who()),
            on_saved=lambda work_s: self._listing.worked(stem, work_s),
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
        stems = list(stems)
        for stem in stems if state.is_finished else ():
            self._listing.entry(stem)
            if not self.paths.mask(stem).is_file():
                LabelWriter(self.paths, stem, self._classes).write(self.labels(stem))
        self._listing.set_states(stems, state, self._who())

    def set_note(self, stem: str, note: str) -> None:
        """Write free words to a picture.

        Raises
        ------
        LabelError
            As `set_state`.
        """
        self._require_editing()
        self._listing.set_note(stem, note)

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
        files = list(paths)
        return self._listing.add(files, group=group, link=link, on_progress=on_progress)

    def remove_picture(self, stem: str) -> Path:
        """Take a picture and its labels out; return the folder to which they were moved.

        Raises
        ------
        LabelError
            There is no such picture, or its files cannot be moved.
        """
        self._require_editing()
        return self._listing.remove(stem)

    def missing(self) -> tuple[str, ...]:
        """Return the pictures whose file is gone from ``images/``."""
        return missing_pictures(self.paths, self.pictures)

    def find_moved(
        self, folder: Path, on_progress: Callable[[int, int], None] | None = None
    ) -> Mapping[str, Path]:
        """Look in a folder and all below it for missing pictures, by content; return where."""
        wanted = {stem: self.pictures[stem] for stem in self.missing()}
        return find_moved(wanted, folder, on_progress)

    def relink(self, stem: str, path: Path, *, link: bool = False) -> None:
        """Put a missing picture back from where it is now, by copy or link.

        Raises
        ------
        LabelError
            The file has other content, or cannot be copied.
        """
        self._require_editing()
        relink(self.paths, self._listing.entry(stem), path, link=link)

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

    def _require_editing(self) -> None:
        if self._lock is None:
            raise LabelError(
                f"{self.directory}: the project is open to look at only; open it for editing"
            )

    def _who(self) -> str:
        return self._lock.who if self._lock is not None else account_name()
