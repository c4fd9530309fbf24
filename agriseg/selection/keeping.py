"""Chosen frames as image files."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from agriseg.datasets.writers.files import cannot_write, write_picture
from agriseg.selection.candidates import CandidateSource
from agriseg.selection.selecting import Selection


def write_choices(
    selection: Selection, sources: Sequence[CandidateSource], folder: Path
) -> list[Path]:
    """Write the chosen frames into a folder; return their files in the order of the choices.

    Images are copied as they are; frames of videos and runs are written as PNG, as the recording
    kept them.

    Parameters
    ----------
    selection : Selection
    sources : sequence of CandidateSource
        Those that it was made from.
    folder : Path
        Is made where it is not there.

    Raises
    ------
    AgrisegError
        A frame cannot be read, or a file cannot be written.
    """
    written: dict[int, Path] = {}
    taken: set[str] = set()
    # In the order of the recordings, since videos are quickest forwards.
    order = sorted(
        range(len(selection.choices)),
        key=lambda n: (selection.choices[n].source, selection.choices[n].candidate.index),
    )
    for number in order:
        choice = selection.choices[number]
        source = sources[choice.source]
        file = source.file(choice.candidate)
        suffix = ".png" if file is None else file.suffix
        path = folder / f"{_free(choice.candidate.name, taken)}{suffix}"
        if file is None:
            write_picture(path, source.image(choice.candidate))
        else:
            _copy(file, path)
        written[number] = path
    return [written[number] for number in range(len(selection.choices))]


def _free(name: str, taken: set[str]) -> str:
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = f"{name}-{number}"
    taken.add(candidate)
    return candidate


def _copy(file: Path, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, path)
    except OSError as error:
        raise cannot_write(path, error) from error
