"""What the formats with an annotation file have in common: from annotations to samples."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

from agriseg.datasets.classes import ClassMapping
from agriseg.datasets.grouping import read_groups
from agriseg.datasets.labels import LabelReader, Labels, Sample
from agriseg.datasets.shapes import Shape, check_boxes, paint
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
        Class names to ``soil``, ``crop``, ``weed`` or ``ignore``.
    unlabelled : ClassId
        What ground without a label is: soil, or ignored.
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
    unlabelled: ClassId = ClassId.SOIL
    empty_images: EmptyImages = "refuse"
    instances: str = ""

    @property
    def mapping(self) -> ClassMapping:
        """The classes."""
        return ClassMapping.of(self.name, self.classes)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShapeLabels:
    """Labels of one picture that are given as shapes."""

    words: str
    """File and picture, for messages."""
    width_px: int
    height_px: int
    shapes: tuple[Shape, ...]
    classes: ClassMapping
    unlabelled: ClassId

    def read(self, shape: tuple[int, int], *, with_ids: bool) -> Labels:
        """Paint the shapes.

        Raises
        ------
        DatasetError
            The picture has another size than the annotations say.
        """
        if shape != (self.height_px, self.width_px):
            raise DatasetError(
                f"{self.words}: labelled at {self.width_px}x{self.height_px}, but the image is "
                f"{shape[1]}x{shape[0]}; both must have the same size"
            )
        labels = paint(self.shapes, self.width_px, self.height_px, self.classes, self.unlabelled)
        return labels if with_ids else Labels(mask=labels.mask)


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


def shaped_picture(
    source: DataSource,
    file: Path,
    file_name: str,
    size_px: tuple[int, int],
    shapes: Sequence[Shape],
) -> AnnotatedPicture:
    """Return a picture labelled by shapes, once their classes are known to mean something.

    Parameters
    ----------
    source : DataSource
    file : Path
        The annotations, for messages.
    file_name : str
    size_px : (width, height)
    shapes : sequence of Shape

    Raises
    ------
    DatasetError
        A size that cannot be, or a box around a plant.
    """
    words = f"{file}: image {file_name!r}"
    if min(size_px) < 1:
        raise DatasetError(f"{words}: a size of {size_px[0]}x{size_px[1]} cannot be")
    check_boxes(shapes, source.mapping, words)
    labels = ShapeLabels(
        words=words,
        width_px=size_px[0],
        height_px=size_px[1],
        shapes=tuple(shapes),
        classes=source.mapping,
        unlabelled=source.unlabelled,
    )
    return AnnotatedPicture(file_name=file_name, is_empty=not shapes, labels=labels)


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
    _say_what_is_cut(file, pictures)
    kept = _without_skipped(source, file, pictures)
    if not kept:
        raise DatasetError(f"{file}: no labelled image; expected at least one")
    folder = images_folder(source)
    groups = read_groups(source.directory)
    samples: dict[Path, Sample] = {}
    for picture in kept:
        path = _image_path(source, file, folder, picture.file_name)
        if path in samples:
            raise DatasetError(f"{file}: image {picture.file_name!r} is there twice; remove one")
        stem = path.relative_to(folder).with_suffix("").as_posix()
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


def _image_path(source: DataSource, file: Path, folder: Path, file_name: str) -> Path:
    where = PurePosixPath(file_name.replace("\\", "/"))
    if where.is_absolute() or ".." in where.parts or not where.name:
        raise DatasetError(
            f"{file}: image {file_name!r} does not lie below a folder of images; expected a name "
            "or a path without '..'"
        )
    for path in (folder / where, folder / where.name):
        if path.is_file():
            return path
    raise DatasetError(
        f"{file}: image {file_name!r} is missing; looked for {folder / where}. Where the images "
        f"lie elsewhere, name their folder with images in the source {source.name!r}"
    )


def _say_what_is_cut(file: Path, pictures: Sequence[AnnotatedPicture]) -> None:
    beyond = [
        f"{shape.words} of {picture.file_name!r}"
        for picture in pictures
        if isinstance(picture.labels, ShapeLabels)
        for shape in picture.labels.shapes
        if shape.geometry.reaches_beyond(picture.labels.width_px, picture.labels.height_px)
    ]
    if beyond:
        _log.warning(
            "%s: %d shapes reach beyond their picture and are cut at its border, the first is %s",
            file,
            len(beyond),
            beyond[0],
        )
