"""What every writer is given: a picture's labels, taken apart into objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from agriseg.datasets.classes import ClassRow
from agriseg.datasets.labels import IdArray, Point
from agriseg.datasets.polygons import Region, masks_of_ids, regions_of_mask
from agriseg.datasets.shapes import BoolArray
from agriseg.messages import UInt8Array
from agriseg.opencv import cv2

_PLANTS_APART = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelledPicture:
    """A picture and its labels.

    Attributes
    ----------
    name : str
        Its path below the folder of images, with forward slashes and its ending.
    image_path : Path
        Where it lies.
    classes : (H, W) uint8
        Numbers of classes.
    ids : (H, W) uint16, optional
        Number of the plant, from 1; 0 where plants are not told apart. None where nobody told
        any apart: then every connected patch is written as a plant.
    stems : mapping of plant number to (u, v) px
        Where plants leave the ground, pixel centres at .0.
    group : str
        What belongs together; empty for nothing.
    """

    name: str
    image_path: Path
    classes: UInt8Array
    ids: IdArray | None = None
    stems: Mapping[int, Point] = field(default_factory=dict)
    group: str = ""

    @property
    def width_px(self) -> int:
        """Columns of the picture."""
        return int(self.classes.shape[1])

    @property
    def height_px(self) -> int:
        """Rows of the picture."""
        return int(self.classes.shape[0])

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return self.name.rpartition(".")[0]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelledObject:
    """One plant, or one patch of a class that has no plants.

    Attributes
    ----------
    row : ClassRow
    plant : int
        Its number, from 1; 0 for what is no single plant.
    is_crowd : bool
        Plants that are not told apart.
    left_px, top_px : int
        Its upper left pixel in the picture.
    mask : (h, w) bool
        Its pixels from there on; it reaches all four sides.
    stem : (u, v), optional
        Where the plant leaves the ground; px, pixel centres at .0.
    """

    row: ClassRow
    plant: int
    is_crowd: bool
    left_px: int
    top_px: int
    mask: BoolArray
    stem: Point | None = None

    @property
    def stem_from_corner(self) -> Point | None:
        """The stem, with the picture's upper left corner at (0, 0)."""
        return None if self.stem is None else (self.stem[0] + 0.5, self.stem[1] + 0.5)

    @property
    def regions(self) -> list[Region]:
        """Its connected parts, points (u, v) with the picture's corner at (0, 0)."""
        return regions_of_mask(self.mask, (self.left_px, self.top_px))

    @property
    def area_px(self) -> int:
        """Number of its pixels."""
        return int(np.count_nonzero(self.mask))

    @property
    def box_px(self) -> tuple[int, int, int, int]:
        """Left, top, width and height."""
        height, width = self.mask.shape
        return self.left_px, self.top_px, width, height

    def place(self, canvas: BoolArray) -> None:
        """Set its pixels in a picture ``(H, W)``."""
        height, width = self.mask.shape
        window = np.s_[self.top_px : self.top_px + height, self.left_px : self.left_px + width]
        canvas[window] |= self.mask


class SetWriter(Protocol):
    """Writes the labels of a set of pictures in one format into a new folder."""

    def image_name(self, name: str) -> str:
        """Return where a picture is copied to, below the folder; empty: the format has no place."""
        ...

    def add(self, picture: LabelledPicture, objects: Sequence[LabelledObject]) -> None:
        """Write the labels of a picture, or keep them for the end."""
        ...

    def finish(self) -> None:
        """Write what covers all pictures."""
        ...


def objects_of(picture: LabelledPicture, table: Sequence[ClassRow]) -> list[LabelledObject]:
    """Take a picture's labels apart; unlabelled ground (number 0) is no object.

    Parameters
    ----------
    picture : LabelledPicture
    table : sequence of ClassRow
        Every number in the picture but 0 has its row.
    """
    found: list[LabelledObject] = []
    for row in table:
        if row.number:
            found += _objects_of_class(picture, row)
    return found


def _objects_of_class(picture: LabelledPicture, row: ClassRow) -> Iterator[LabelledObject]:
    is_class = picture.classes == row.number
    if not is_class.any():
        return
    is_told_apart = row.has_plants and picture.ids is not None
    if picture.ids is not None and is_told_apart:
        numbers = np.where(is_class, picture.ids.astype(np.int32), 0)
        numbers[is_class & (picture.ids == 0)] = _PLANTS_APART
    else:
        numbers = np.asarray(
            cv2.connectedComponents(is_class.astype(np.uint8), connectivity=8)[1], np.int32
        )
    for number, mask, (left, top) in masks_of_ids(numbers):
        yield LabelledObject(
            row=row,
            plant=number if row.has_plants and number < _PLANTS_APART else 0,
            is_crowd=row.has_plants and number == _PLANTS_APART,
            left_px=left,
            top_px=top,
            mask=mask,
            stem=picture.stems.get(number) if is_told_apart else None,
        )
