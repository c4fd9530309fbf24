"""Pictures whose labels are shapes, of whatever format: surveyed, checked, painted."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agriseg.datasets.annotated import AnnotatedPicture, DataSource, Survey, samples_of
from agriseg.datasets.classes import ClassMapping
from agriseg.datasets.labels import Labels, Sample
from agriseg.datasets.shapes import Shape, check_boxes, paint
from agriseg.errors import DatasetError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShapeLabels:
    """Labels of one picture that are given as shapes."""

    words: str
    """File and picture, for messages."""
    width_px: int
    height_px: int
    shapes: tuple[Shape, ...]
    classes: ClassMapping
    unlabelled: int

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
class DrawnPicture:
    """One picture and its shapes, whose classes need not mean anything yet.

    Attributes
    ----------
    file : Path
        The annotations, for messages.
    file_name : str
        As the annotations give it, with forward slashes.
    size_px : (width, height)
    shapes : tuple of Shape
    """

    file: Path
    file_name: str
    size_px: tuple[int, int]
    shapes: tuple[Shape, ...]

    @property
    def words(self) -> str:
        """File and picture, for messages."""
        return f"{self.file}: image {self.file_name!r}"

    def beyond(self) -> list[Shape]:
        """Return the shapes that reach beyond the picture."""
        return [shape for shape in self.shapes if shape.geometry.reaches_beyond(*self.size_px)]

    def labelled(self, source: DataSource) -> AnnotatedPicture:
        """Return it with its labels, once their classes are known to mean something.

        Raises
        ------
        DatasetError
            A size that cannot be, or a box around a plant.
        """
        width_px, height_px = self.size_px
        if min(self.size_px) < 1:
            raise DatasetError(f"{self.words}: a size of {width_px}x{height_px} cannot be")
        check_boxes(self.shapes, source.mapping, self.words)
        labels = ShapeLabels(
            words=self.words,
            width_px=width_px,
            height_px=height_px,
            shapes=self.shapes,
            classes=source.mapping,
            unlabelled=source.unlabelled,
        )
        return AnnotatedPicture(file_name=self.file_name, is_empty=not self.shapes, labels=labels)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DrawnSet:
    """Annotations that consist of shapes.

    Attributes
    ----------
    source : DataSource
    file : Path
        File or folder of the annotations.
    pictures : tuple of DrawnPicture
    """

    source: DataSource
    file: Path
    pictures: tuple[DrawnPicture, ...]

    def survey(self) -> Survey:
        """Return what it holds."""
        beyond = list(self._beyond())
        outside = {id(s) for p, s in beyond if not s.geometry.patch(*p.size_px).mask.any()}
        return Survey(
            pictures=len(self.pictures),
            names=Counter(shape.name for p in self.pictures for shape in p.shapes),
            empty=tuple(p.file_name for p in self.pictures if not p.shapes),
            cut=tuple(_words(p, s) for p, s in beyond if id(s) not in outside),
            outside=tuple(_words(p, s) for p, s in beyond if id(s) in outside),
        )

    def samples(self) -> list[Sample]:
        """Return its pictures, ordered by name.

        Raises
        ------
        DatasetError
            A class has no meaning, a plant has only a box, a size cannot be, or an image is
            missing.
        """
        self._check_names()
        labelled = [picture.labelled(self.source) for picture in self.pictures]
        self._say_what_is_cut()
        return samples_of(self.source, self.file, labelled)

    def _check_names(self) -> None:
        mapping = self.source.mapping
        unknown = {
            shape.name: picture.file
            for picture in reversed(self.pictures)
            for shape in picture.shapes
            if mapping.meaning(shape.name) is None
        }
        mapping.check(unknown, next(iter(unknown.values()), self.file))

    def _beyond(self) -> Iterator[tuple[DrawnPicture, Shape]]:
        for picture in self.pictures:
            for shape in picture.beyond():
                yield picture, shape

    def _say_what_is_cut(self) -> None:
        beyond = [_words(picture, shape) for picture, shape in self._beyond()]
        if beyond:
            _log.warning(
                "%s: %d shapes reach beyond their picture and are cut at its border, the first is "
                "%s",
                self.file,
                len(beyond),
                beyond[0],
            )


def _words(picture: DrawnPicture, shape: Shape) -> str:
    return f"{shape.words} of {picture.file_name!r}"
