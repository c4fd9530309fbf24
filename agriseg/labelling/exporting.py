"""Labels of a project go to other programs."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from agriseg.datasets.grouping import read_groups
from agriseg.datasets.writers.objects import LabelledPicture
from agriseg.datasets.writing import Images, LabelExport, WrittenFormat
from agriseg.errors import LabelError
from agriseg.labelling.importing import class_rows
from agriseg.labelling.pictures import PictureState
from agriseg.labelling.project import LabelProject

FINISHED = frozenset({PictureState.DONE, PictureState.REVIEWED})


def export_labels(
    project: LabelProject,
    kind: WrittenFormat,
    out: Path,
    *,
    states: Collection[PictureState] = FINISHED,
    images: Images = "copy",
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[str, ...]:
    """Write the labels of a project's pictures in another program's format.

    Parameters
    ----------
    project : LabelProject
        May be open to look at only.
    kind : WrittenFormat
    out : Path
        New folder, or archive (``.zip``).
    states : collection of PictureState
        Which pictures.
    images : str
        ``copy``, ``link`` or ``none``.
    on_progress : callable of (done, all), optional
        What it raises ends the work, and nothing is left behind.

    Returns
    -------
    tuple of str
        The pictures that were written.

    Raises
    ------
    DatasetError, LabelError
        There is none to write, one is missing, or the target is there already.
    """
    wanted = [stem for stem, entry in project.pictures.items() if entry.state in states]
    if not wanted:
        words = " or ".join(repr(state.value) for state in sorted(states))
        raise LabelError(
            f"{project.directory}: no picture is {words}; set pictures to that state, or choose "
            "others with --state"
        )
    groups = read_groups(project.directory)
    with LabelExport(kind, out, class_rows(project.classes), images) as export:
        for number, stem in enumerate(wanted, start=1):
            labels = project.labels(stem)
            export.add(
                LabelledPicture(
                    name=project.pictures[stem].file,
                    image_path=project.image_path(stem),
                    classes=labels.classes,
                    ids=labels.instances if labels.instances.any() else None,
                    stems=labels.stems,
                    group=(groups.names or {}).get(stem, ""),
                )
            )
            if on_progress is not None:
                on_progress(number, len(wanted))
    return tuple(wanted)
