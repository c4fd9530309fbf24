"""Labels made elsewhere come into a project."""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from agriseg.datasets.annotated import DataSource, Survey
from agriseg.datasets.classes import ClassMapping, ClassRow
from agriseg.datasets.labels import IMAGE_SUFFIXES, Sample, read_image
from agriseg.datasets.opening import Format, list_samples
from agriseg.datasets.opening import survey as survey_set
from agriseg.labelling.classes import ClassList, LabelClass
from agriseg.labelling.pictures import PictureState, sha256_of
from agriseg.labelling.project import LabelProject
from agriseg.labelling.stored import LabelWriter, StoredLabels
from agriseg.messages import ClassId

_GOLDEN = 0.618034
"""Share of the colour circle between one new class and the next: never near the last ones."""

_WITHOUT_IMAGES: tuple[Format, ...] = ("coco", "coco-panoptic", "cvat", "labelme", "voc")
"""Formats whose labels are found without their pictures."""

Progress = Callable[[int, int], None]
"""Called with how much is done, and of how much; what it raises ends the work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A set of labels to import.

    Attributes
    ----------
    place : Path
        A folder, or one file of annotations.
    kind : Format
    images : Path, optional
        Folder of the pictures, where they do not lie with the labels.
    meanings : mapping of str to str
        Class names of the set to class names of the project; names that the project has mean
        themselves.
    empty : str
        What becomes of pictures on which nothing is drawn: left out (``skip``), since nobody may
        have labelled them yet, or taken for bare ground (``soil``). Masks are labels in any case.
    """

    place: Path
    kind: Format
    images: Path | None = None
    meanings: Mapping[str, str]
    empty: Literal["skip", "soil"] = "skip"

    def source(self, classes: ClassList) -> DataSource:
        """Return how it is to be read into a project of these classes."""
        is_file = self.place.is_file()
        return DataSource(
            name=self.place.name,
            directory=self.place.parent if is_file else self.place,
            annotations=self.place.name if is_file else "",
            images="" if self.images is None else str(self.images.resolve()),
            classes=self.meanings,
            table=class_rows(classes),
            empty_images=self.empty,
        )

    @property
    def brings_images(self) -> bool:
        """Whether there are pictures with the labels, or a folder of them was named."""
        if self.images is not None or self.kind not in _WITHOUT_IMAGES:
            return True
        folder = self.place.parent if self.place.is_file() else self.place
        if self.kind in ("voc", "coco-panoptic"):  # whose labels are pictures, too
            return any((folder / name).is_dir() for name in ("images", "JPEGImages"))
        return any(path.suffix.lower() in IMAGE_SUFFIXES for path in folder.rglob("*"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a set of labels holds, before it is imported.

    Attributes
    ----------
    survey : Survey
    unknown : tuple of str
        Class names of which nothing says what they mean in the project.
    """

    survey: Survey
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of a set of labels.

    Attributes
    ----------
    labelled : tuple of str
        Pictures that have the labels now.
    new : tuple of str
        Those of them that came into the project with this import.
    kept : tuple of str
        Pictures that had labels already, which were kept.
    """

    labelled: tuple[str, ...]
    new: tuple[str, ...]
    kept: tuple[str, ...]


def class_rows(classes: ClassList) -> tuple[ClassRow, ...]:
    """Return a project's classes as readers and writers of data sets know them."""
    return tuple(
        ClassRow(number=one.class_id, name=one.name, meaning=one.meaning, rgb=one.rgb)
        for one in classes
    )


def look_into(incoming: Incoming, classes: ClassList) -> Found:
    """Say what a set of labels holds, and which of its classes a project does not know.

    Raises
    ------
    DatasetError
        Anything about its files is wrong.
    """
    source = incoming.source(classes)
    found = survey_set(source, incoming.kind)
    mapping = ClassMapping.of(source.name, source.classes, source.table)
    unknown = sorted(name for name in found.names if mapping.meaning(name) is None)
    return Found(survey=found, unknown=tuple(unknown))


def import_labels(
    project: LabelProject,
    incoming: Incoming,
    *,
    state: PictureState = PictureState.DONE,
    over_labels: bool = False,
    link: bool = False,
    on_progress: Progress | None = None,
) -> Imported:
    """Bring pictures and labels into a project.

    Labels that come without pictures are those of the project's own, by their names.

    Pictures that the project has already, by content, are not added again. One picture is complete
    before the next, so the work may be ended in between.

    Parameters
    ----------
    project : LabelProject
        Open for editing, none of the pictures open.
    incoming : Incoming
    state : PictureState
        Of the pictures that get labels.
    over_labels : bool
        Replace labels that pictures have already; otherwise these are kept.
    link : bool
        Link to the pictures instead of copying them.
    on_progress : Progress, optional

    Raises
    ------
    DatasetError, LabelError
        A class has no meaning, anything about the files is wrong, or a picture cannot be written.
    """
    if not incoming.brings_images:
        incoming = replace(incoming, images=project.paths.images)
    samples = list_samples(incoming.source(project.classes), incoming.kind)
    labelled: list[str] = []
    new: list[str] = []
    kept: list[str] = []
    had_labels = {stem for stem in project.pictures if project.paths.mask(stem).is_file()}
    known = {entry.sha256: stem for stem, entry in project.pictures.items()}
    for number, sample in enumerate(samples, start=1):
        stem, is_new = _bring_in(project, sample, known, link=link)
        if stem in had_labels and not over_labels:
            kept.append(stem)
        else:
            _label(project, stem, sample, state)
            had_labels.add(stem)
            labelled.append(stem)
        if is_new:
            new.append(stem)
        if on_progress is not None:
            on_progress(number, len(samples))
    return Imported(labelled=tuple(labelled), new=tuple(new), kept=tuple(kept))


def _bring_in(
    project: LabelProject, sample: Sample, known: dict[str, str], *, link: bool
) -> tuple[str, bool]:
    content = sha256_of(sample.image_path)
    if content in known:
        return known[content], False
    group = sample.group if sample.group != sample.stem else ""
    (stem,) = project.add_pictures([sample.image_path], group=group, link=link).stems
    known[content] = stem
    return stem, True


def _label(project: LabelProject, stem: str, sample: Sample, state: PictureState) -> None:
    image = read_image(sample.image_path)
    shape = (image.shape[0], image.shape[1])
    labels = sample.labels.read(shape, with_ids=True)
    writer = LabelWriter(project.paths, stem, project.classes)
    ids = np.zeros(shape, np.uint16) if labels.ids is None else labels.ids
    writer.write(StoredLabels(classes=labels.mask, instances=ids, stems=labels.stems))
    project.set_state(stem, state)


def with_new_classes(classes: ClassList, meanings: Mapping[str, ClassId]) -> ClassList:
    """Return a project's classes with further ones, in colours that none has yet.

    They get the lowest free numbers. Names that are there already are passed over.

    Parameters
    ----------
    classes : ClassList
    meanings : mapping of str to ClassId
        Names of the new classes, and what they count for.

    Raises
    ------
    LabelError
        There are too many.
    """
    found = classes
    for name in (name for name in meanings if name not in {one.name for one in classes}):
        hue = len(found.classes) * _GOLDEN % 1.0
        red, green, blue = (round(255 * x) for x in colorsys.hsv_to_rgb(hue, 0.75, 0.95))
        one = LabelClass(
            class_id=found.next_id(),
            name=name,
            meaning=meanings[name],
            colour=f"#{red:02x}{green:02x}{blue:02x}",
        )
        found = ClassList.checked([*found, one], "the project's classes")
    return found
