"""Pictures whose files are gone: found again by their content, wherever they went."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from agriseg.errors import LabelError
from agriseg.labelling.collecting import place_file
from agriseg.labelling.files import ProjectPaths
from agriseg.labelling.pictures import PictureEntry, sha256_of


def missing_pictures(paths: ProjectPaths, pictures: Mapping[str, PictureEntry]) -> tuple[str, ...]:
    """Return the stems of pictures without a file in ``images/``, a broken link included."""
    return tuple(
        stem for stem, entry in pictures.items() if not (paths.images / entry.file).is_file()
    )


def find_moved(
    wanted: Mapping[str, PictureEntry],
    folder: Path,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, Path]:
    """Look in a folder and all below it for pictures, by size first and then by content.

    Parameters
    ----------
    wanted : mapping of stem to PictureEntry
    folder : Path
    on_progress : callable of (looked at, all), optional
        What it raises ends the search.

    Raises
    ------
    LabelError
        There is no such folder.
    """
    if not folder.is_dir():
        raise LabelError(f"{folder}: no such folder to look for pictures in")
    by_content = {entry.sha256: stem for stem, entry in wanted.items()}
    sizes = {entry.size_bytes for entry in wanted.values()}
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    found: dict[str, Path] = {}
    for number, path in enumerate(files, start=1):
        if path.stat().st_size in sizes:
            stem = by_content.get(sha256_of(path))
            if stem is not None:
                found.setdefault(stem, path)
        if on_progress is not None:
            on_progress(number, len(files))
        if len(found) == len(wanted):
            break
    return found


def relink(paths: ProjectPaths, entry: PictureEntry, path: Path, *, link: bool) -> None:
    """Put a picture back into ``images/`` from where it is now.

    Raises
    ------
    LabelError
        The file has other content than the picture had, or cannot be copied.
    """
    if sha256_of(path) != entry.sha256:
        raise LabelError(
            f"{path}: its content is not that of {entry.file}, whose labels would not fit; choose "
            "the same picture, or add this one as a new one"
        )
    place_file(path, paths.images / entry.file, link=link)
