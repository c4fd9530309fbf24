"""Which pictures belong together, and their split into training and held out."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from agriseg.datasets.labels import Sample
from agriseg.errors import DatasetError

GROUPS_NAME = "groups.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """Groups by picture, from a file, or by folder where there is no file."""

    path: Path
    names: Mapping[str, str] | None

    def of(self, stem: str) -> str:
        """Return the group of a picture.

        Without a file, pictures in one folder below the folder of images are one group of the
        folder's name, and other pictures are groups of their own.

        Raises
        ------
        DatasetError
            There is a file, and it lacks the picture.
        """
        where = PurePosixPath(stem)
        if self.names is None:
            return stem if len(where.parts) == 1 else str(where.parent)
        group = self.names.get(stem, self.names.get(where.name))
        if group is None:
            raise DatasetError(f"{self.path}: image {stem!r} has no group")
        return group


def read_groups(directory: Path) -> Groups:
    """Read a source's ``groups.json``, an object of image stem to group name, if there is one.

    Raises
    ------
    DatasetError
        It cannot be read, or is something else.
    """
    path = directory / GROUPS_NAME
    if not path.exists():
        return Groups(path=path, names=None)
    try:
        names = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: cannot be read as JSON ({error})") from error
    if not isinstance(names, dict) or not all(isinstance(v, str) for v in names.values()):
        raise DatasetError(f"{path}: expected an object of image stem to group name")
    return Groups(path=path, names=names)


def split_samples(
    samples: Sequence[Sample], held_out: Sequence[str]
) -> tuple[list[Sample], list[Sample]]:
    """Split by group into (training, held out).

    Raises
    ------
    DatasetError
        A pattern matches no group, or nothing is left to train on.
    """
    groups = {sample.group for sample in samples}
    for pattern in held_out:
        if not fnmatch.filter(groups, pattern):
            raise DatasetError(
                f"held_out {pattern!r} matches no group of {samples[0].source!r}; it has "
                f"{', '.join(sorted(groups)[:8])}{', ...' if len(groups) > 8 else ''}"
            )
    outside = [s for s in samples if any(fnmatch.fnmatch(s.group, p) for p in held_out)]
    stems = {s.stem for s in outside}
    inside = [s for s in samples if s.stem not in stems]
    if not inside:
        raise DatasetError(f"{samples[0].source!r}: every group is held out, none is left to train")
    return inside, outside
