"""What is said of a project's pictures, and of how safe the labels are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from agriseg.labelling.pictures import PictureEntry, PictureState
from agriseg.labelling.project import LabelProject
from ui.label.desk import LabelDesk
from ui.label.image_list import PictureRow
from ui.units import clock_text

_WORDS = {
    PictureState.TO_DO: "to do",
    PictureState.IN_WORK: "begun",
    PictureState.DONE: "done",
    PictureState.REVIEWED: "reviewed",
}


def picture_rows(project: LabelProject, missing: Collection[str]) -> list[PictureRow]:
    """Return a row for each picture."""
    return [_row(stem, entry, stem in missing) for stem, entry in project.pictures.items()]


def _row(stem: str, entry: PictureEntry, is_missing: bool) -> PictureRow:
    words = [_WORDS[entry.state]]
    if entry.work_s >= 1.0:
        words.append(clock_text(entry.work_s))
    if entry.note:
        words.append(entry.note)
    if is_missing:
        words = ["file is gone"]
    return PictureRow(stem=stem, state=entry.state, note=" · ".join(words), is_missing=is_missing)


def state_words(project: LabelProject, stem: str) -> str:
    """Return where a picture stands among all, and how far it is."""
    order = list(project.pictures)
    entry = project.pictures[stem]
    size = f"{entry.width_px} × {entry.height_px}"
    return f"{order.index(stem) + 1} of {len(order)} · {_WORDS[entry.state]} · {size}"


def project_figures(project: LabelProject) -> str:
    """Return one line on the whole project."""
    counts = Counter(entry.state for entry in project.pictures.values())
    finished = counts[PictureState.DONE] + counts[PictureState.REVIEWED]
    worked_s = sum(entry.work_s for entry in project.pictures.values())
    words = [f"{finished} of {len(project.pictures)} finished"]
    if worked_s >= 1.0:
        words.append(f"{clock_text(worked_s)} of work")
        if finished:
            words.append(f"{clock_text(worked_s / finished)} a picture")
    return " · ".join(words)


def saving_words(desk: LabelDesk) -> str:
    """Say whether the labels are safe."""
    if desk.shown is None:
        return ""
    if not desk.is_editable:
        return "Open to look at only"
    if desk.problem:
        return "NOT SAVED"
    if desk.is_saving:
        return "Saving …"
    return "All saved" if desk.is_saved else "Every stroke kept"
