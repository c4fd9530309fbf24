"""Pictures come into a project, and go out of it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from agriseg.datasets.grouping import GROUPS_NAME, read_groups
from agriseg.datasets.labels import IMAGE_SUFFIXES, read_image
from agriseg.errors import DatasetError, LabelError
from agriseg.labelling.files import ProjectPaths, trouble, write_whole
from agriseg.labelling.pictures import PictureEntry, PictureState, sha256_of

_UNFIT = re.compile(r"[^\w.+-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedPictures:
    """What became of files that were to be added.

    Attributes
    ----------
    stems : tuple of str
        The new pictures.
    known : tuple of Path
        Left out: their content is in the project already.
    """

    stems: tuple[str, ...]
    known: tuple[Path, ...]


class PictureCollector:
    """Adds pictures to, and takes them from, the files and the list of a project.

    Parameters
    ----------
    paths : ProjectPaths
    pictures : dict of stem to PictureEntry
        Changed in place; writing it is the caller's.
    """

    def __init__(self, paths: ProjectPaths, pictures: dict[str, PictureEntry]) -> None:
        self._paths = paths
        self._pictures = pictures

    def adopt(self) -> tuple[str, ...]:
        """List images that lie in the folder and are not listed yet; those with a mask are done.

        Returns
        -------
        tuple of str
            A sentence for every file that cannot be one of the pictures.
        """
        problems: list[str] = []
        listed = {entry.file for entry in self._pictures.values()}
        files = sorted(self._paths.images.iterdir()) if self._paths.images.is_dir() else []
        for path in files:
            if path.suffix.lower() not in IMAGE_SUFFIXES or path.name in listed:
                continue
            if path.stem in self._pictures:
                other = self._pictures[path.stem].file
                problems.append(
                    f"{path}: {other} has the same name; their labels would be one file, so rename "
                    "one of them"
                )
                continue
            has_labels = self._paths.mask(path.stem).is_file()
            try:
                self._list(path, PictureState.DONE if has_labels else PictureState.TO_DO)
            except LabelError as error:
                problems.append(str(error))
        return tuple(problems)

    def add(
        self,
        paths: Sequence[Path],
        *,
        group: str,
        link: bool,
        on_progress: Callable[[int, int], None] | None,
    ) -> AddedPictures:
        """Add files; see `LabelProject.add_pictures`."""
        known = {entry.sha256 for entry in self._pictures.values()}
        groups: dict[str, str] = {}
        left_out: list[Path] = []
        try:
            for number, path in enumerate(paths, start=1):
                content = sha256_of(path)
                if content in known:
                    left_out.append(path)
                else:
                    known.add(content)
                    groups[self._add_one(path, link=link)] = group or _folder_name(path)
                if on_progress is not None:
                    on_progress(number, len(paths))
        finally:
            self._write_groups(groups)
        return AddedPictures(stems=tuple(groups), known=tuple(left_out))

    def remove(self, stem: str) -> Path:
        """Move a picture with its labels to a folder of its own; return the folder."""
        paths = self._paths
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        kept = paths.removed / f"{stem}-{moment}"
        image = paths.images / self._pictures[stem].file
        try:
            for path in (image, *paths.of_picture(stem)):
                if path.exists() or path.is_symlink():
                    target = kept / path.parent.name / path.name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    path.replace(target)
        except OSError as error:
            raise LabelError(trouble(kept, error)) from error
        del self._pictures[stem]
        return kept

    def _add_one(self, path: Path, *, link: bool) -> str:
        if path.suffix.lower() not in IMAGE_SUFFIXES:
            raise LabelError(f"{path}: not an image; expected a file ending in {_suffixes()}")
        _size_px(path)
        target = self._paths.images / f"{self._free_stem(path)}{path.suffix.lower()}"
        place_file(path, target, link=link)
        self._list(target, PictureState.TO_DO)
        return target.stem

    def _list(self, path: Path, state: PictureState) -> None:
        width_px, height_px = _size_px(path)
        self._pictures[path.stem] = PictureEntry(
            file=path.name,
            sha256=sha256_of(path),
            size_bytes=path.stat().st_size,
            width_px=width_px,
            height_px=height_px,
            state=state,
        )

    def _free_stem(self, path: Path) -> str:
        """Return a name that no picture has; cameras begin anew with every card."""
        stem = _UNFIT.sub("_", path.stem).strip("._") or "picture"
        candidate, number = stem, 1
        while candidate in self._pictures or self._paths.mask(candidate).exists():
            number += 1
            candidate = f"{stem}-{number}"
        return candidate

    def _write_groups(self, new: Mapping[str, str]) -> None:
        if not new:
            return
        known = read_groups(self._paths.directory).names
        if known is None:
            known = {stem: stem for stem in self._pictures}
        text = json.dumps({**known, **new}, indent=1, ensure_ascii=False, sort_keys=True)
        write_whole(self._paths.directory / GROUPS_NAME, (text + "\n").encode())


def place_file(path: Path, target: Path, *, link: bool) -> None:
    """Copy a file, or link to it; never over another.

    Raises
    ------
    LabelError
        There is a file already, or it cannot be written or linked.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            raise LabelError(f"{target}: there is a file already; it is not overwritten")
        if target.is_symlink():
            target.unlink()
        if link:
            target.symlink_to(path.resolve())
            return
        partial = target.with_name(target.name + ".part")
        shutil.copyfile(path, partial)
        partial.replace(target)
    except OSError as error:
        raise LabelError(trouble(target, error)) from error


def _size_px(path: Path) -> tuple[int, int]:
    try:
        image = read_image(path)
    except DatasetError as error:
        raise LabelError(f"{error}; copy it again, or leave it out") from error
    return int(image.shape[1]), int(image.shape[0])


def _folder_name(path: Path) -> str:
    return path.resolve().parent.name or path.stem


def _suffixes() -> str:
    return ", ".join(IMAGE_SUFFIXES)
