"""The list of a project's pictures as it changes: states, notes, time of work, coming and going."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from agriseg.errors import LabelError
from agriseg.labelling.collecting import AddedPictures, PictureCollector
from agriseg.labelling.files import ProjectPaths
from agriseg.labelling.pictures import PictureEntry, PictureState, read_pictures, write_pictures

_AFTER_CHANGE = {
    PictureState.TO_DO: PictureState.IN_WORK,
    PictureState.REVIEWED: PictureState.DONE,
}
"""What a state becomes when the labels change."""


class PictureListing:
    """The pictures of one project, written whenever they change.

    Parameters
    ----------
    paths : ProjectPaths

    Raises
    ------
    LabelError
        The list cannot be read.
    """

    def __init__(self, paths: ProjectPaths) -> None:
        self._paths = paths
        self._entries = read_pictures(paths.pictures)

    @property
    def entries(self) -> Mapping[str, PictureEntry]:
        """The pictures by stem, ordered by name."""
        return MappingProxyType(self._entries)

    def entry(self, stem: str) -> PictureEntry:
        """Return a picture.

        Raises
        ------
        LabelError
            There is none of this name.
        """
        entry = self._entries.get(stem)
        if entry is None:
            folder = self._paths.directory
            raise LabelError(
                f"{folder}: there is no picture {stem!r}; `agriseg labels list {folder}` names them"
            )
        return entry

    def set_states(self, stems: Iterable[str], state: PictureState, who: str) -> None:
        """Say how far pictures are."""
        for stem in stems:
            self._entries[stem] = replace(self.entry(stem), state=state, by=who, changed=_now())
        self._write()

    def set_note(self, stem: str, note: str) -> None:
        """Write free words to a picture."""
        self._entries[stem] = replace(self.entry(stem), note=note)
        self._write()

    def begun(self, stem: str, who: str) -> None:
        """Take note that a person changes the labels of a picture."""
        after = _AFTER_CHANGE.get(self.entry(stem).state)
        if after is not None:
            self.set_states([stem], after, who)

    def worked(self, stem: str, work_s: float) -> None:
        """Add time of work to a picture."""
        if work_s > 0.0:
            entry = self.entry(stem)
            self._entries[stem] = replace(entry, work_s=entry.work_s + work_s, changed=_now())
            self._write()

    def adopt(self) -> tuple[str, ...]:
        """List images that somebody put into the folder; return why some cannot be pictures."""
        before = len(self._entries)
        problems = self._collector().adopt()
        if len(self._entries) != before or not self._paths.pictures.exists():
            self._write()
        return problems

    def add(
        self,
        files: Sequence[Path],
        *,
        group: str,
        link: bool,
        on_progress: Callable[[int, int], None] | None,
    ) -> AddedPictures:
        """Add image files; see `LabelProject.add_pictures`."""
        try:
            return self._collector().add(files, group=group, link=link, on_progress=on_progress)
        finally:
            self._write()

    def remove(self, stem: str) -> Path:
        """Take a picture out; return the folder to which it and its labels were moved."""
        self.entry(stem)
        kept = self._collector().remove(stem)
        self._write()
        return kept

    def _collector(self) -> PictureCollector:
        return PictureCollector(self._paths, self._entries)

    def _write(self) -> None:
        # In place: views that were handed out go on showing the list as it is.
        entries = sorted(self._entries.items())
        self._entries.clear()
        self._entries.update(entries)
        write_pictures(self._paths.pictures, self._entries)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
