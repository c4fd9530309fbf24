"""What the formats with an annotation file have in common: from annotations to samples."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal, Protocol

from agriseg.datasets.classes import BASE_CLASSES, ClassMapping, ClassRow
from agriseg.datasets.grouping import read_groups
from agriseg.datasets.labels import IMAGE_SUFFIXES, LabelReader, Sample
from agriseg.errors import DatasetError
from agriseg.messages import ClassId

EmptyImages = Literal["refuse", "soil", "skip"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSource:
    """Where a source lies, and how it is to be read.

    Attributes
    ----------
    name : str
    directory : Path
    annotations : str
        File or folder of annotations below the directory; empty: found by its ending.
    images : str
        Folder of images below the directory; empty: ``images`` where there is one, else the
        directory itself.
    classes : mapping of str to str
        Class names of the data set to names of the table.
    table : tuple of ClassRow
        The classes that its labels can have: soil, crop, weed and ignore, unless a project has
        more.
    unlabelled : int
        Number of the class of ground without a label: soil, or ignored.
    empty_images : str
        What becomes of images without any label: refused, taken for bare soil, or left out.
    instances : str
        Folder of plant ids (data folders only).
    """

    name: str
    directory: Path
    annotations: str = ""
    images: str = ""
    classes: Mapping[str, str] = field(default_factory=dict)
    table: tuple[ClassRow, ...] = BASE_CLASSES
    unlabelled: int = ClassId.SOIL
    empty_images: EmptyImages = "refuse"
    instances: str = ""

    @property
    def mapping(self) -> ClassMapping:
        """The classes."""
        return ClassMapping.of(self.name, self.classes, self.table)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AnnotatedPicture:
    """One picture of an annotation file.

    Attributes
    ----------
    file_name : str
        As the annotations give it, with forward slashes.
    is_empty : bool
        It has no label at all.
    labels : LabelReader
    """

    file_name: str
    is_empty: bool
    labels: LabelReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a data set holds, as far as it can be said before its classes mean anything.

    Attributes
    ----------
    pictures : int
    names : mapping of str to int
        Every class name, and how many shapes have it (of masks: how many pictures).
    empty : tuple of str
        Pictures without any label.
    cut : tuple of str
        Shapes that reach beyond their picture and lose what lies there.
    outside : tuple of str
        Shapes of which no pixel lies in their picture; nothing of them can be kept.
    """

    pictures: int
    names: Mapping[str, int]
    empty: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()


class LabelledSet(Protocol):
    """The annotations of a source, read as far as their files say something."""

    def survey(self) -> Survey:
        """Return what it holds."""
        ...

    def samples(self) -> list[Sample]:
        """Return its pictures, ordered by name.

        Raises
        ------
        DatasetError
            A class has no meaning, an image is missing, or anything else in the way.
        """
        ...


def samples_of(
    source: DataSource, file: Path, pictures: Sequence[AnnotatedPicture]
) -> list[Sample]:
    """Find the pictures' files and groups.

    Raises
    ------
    DatasetError
        There are none, one has no label (unless ``empty_images`` says what to do), a file is
        missing or named twice, or a picture has no group.
    """
    kept = _without_skipped(source, file, pictures)
    if not kept:
        raise DatasetError(f"{file}: no labelled image; expected at least one")
    images = _Images(source, file)
    groups = read_groups(source.directory)
    samples: dict[Path, Sample] = {}
    for picture in kept:
        path = images.path(picture.file_name)
        if path in samples:
            raise DatasetError(f"{file}: image {picture.file_name!r} is there twice; remove one")
        stem = path.relative_to(images.folder).with_suffix("").as_posix()
        samples[path] = Sample(
            source=source.name,
            stem=stem,
            group=groups.of(stem),
            image_path=path,
            labels=picture.labels,
        )
    _refuse_empty(source, file, kept)
    return sorted(samples.values(), key=lambda sample: sample.stem)


def images_folder(source: DataSource) -> Path:
    """Return the folder in which a source's images are looked for.

    Raises
    ------
    DatasetError
        The configured one is missing.
    """
    if source.images:
        folder = source.directory / source.images
        if not folder.is_dir():
            raise DatasetError(
                f"{folder}: no such folder; images of the source {source.name!r} names it"
            )
        return folder
    return (
        source.directory / "images" if (source.directory / "images").is_dir() else source.directory
    )


def find_annotations(source: DataSource, endings: Iterable[str], what: str) -> Path:
    """Return the one annotation file of a source.

    Raises
    ------
    DatasetError
        The directory or file is missing, or there are several to choose from.
    """
    if not source.directory.is_dir():
        raise DatasetError(f"{source.directory}: no such folder; expected {what} in it")
    if source.annotations:
        file = source.directory / source.annotations
        if not file.is_file():
            raise DatasetError(
                f"{file}: no such file; annotations of the source {source.name!r} names it"
            )
        return file
    folders = (source.directory, source.directory / "annotations")
    found = [
        path
        for folder in folders
        if folder.is_dir()
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in endings and path.name != "groups.json"
    ]
    if len(found) != 1:
        names = ", ".join(str(path.relative_to(source.directory)) for path in found[:6])
        raise DatasetError(
            f"{source.directory}: expected one file of {what} there or in annotations/, found "
            f"{names or 'none'}; name it with annotations in the source {source.name!r}"
        )
    return found[0]


def _without_skipped(
    source: DataSource, file: Path, pictures: Sequence[AnnotatedPicture]
) -> list[AnnotatedPicture]:
    if source.empty_images != "skip":
        return list(pictures)
    kept = [picture for picture in pictures if not picture.is_empty]
    if len(kept) < len(pictures):
        _log.info("%s: %d images without labels are left out", file, len(pictures) - len(kept))
    return kept


def _refuse_empty(source: DataSource, file: Path, pictures: Sequence[AnnotatedPicture]) -> None:
    empty = [picture.file_name for picture in pictures if picture.is_empty]
    if empty and source.empty_images == "refuse":
        raise DatasetError(
            f"{file}: {len(empty)} of {len(pictures)} images have no label, the first is "
            f"{empty[0]!r}; label them, or set empty_images in the source {source.name!r} to "
            '"soil" where they show bare ground, to "skip" where they are not labelled yet'
        )


class _Images:
    """Finds the files of images below a folder."""

    def __init__(self, source: DataSource, file: Path) -> None:
        self.folder = images_folder(source)
        self._source = source
        self._file = file
        self._by_name: dict[str, list[Path]] | None = None

    def path(self, file_name: str) -> Path:
        """Return an image's file: where it is said to be, or the only one of its name below."""
        where = PurePosixPath(file_name.replace("\\", "/"))
        if where.is_absolute() or ".." in where.parts or not where.name:
            raise DatasetError(
                f"{self._file}: image {file_name!r} does not lie below a folder of images; "
                "expected a name or a path without '..'"
            )
        for path in (self.folder / where, self.folder / where.name):
            if path.is_file():
                return path
        elsewhere = self._named(where.name)
        if len(elsewhere) == 1:
            return elsewhere[0]
        found = f", found {len(elsewhere)} of that name below it" if elsewhere else ""
        raise DatasetError(
            f"{self._file}: image {file_name!r} is missing; looked for {self.folder / where}"
            f"{found}. Where the images lie elsewhere, name their folder with images in the "
            f"source {self._source.name!r}"
        )

    def _named(self, name: str) -> list[Path]:
        if self._by_name is None:
            self._by_name = {}
            for path in sorted(self.folder.rglob("*")):
                if path.suffix.lower() in IMAGE_SUFFIXES:
                    self._by_name.setdefault(path.name, []).append(path)
        return self._by_name.get(name, [])
