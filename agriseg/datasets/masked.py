"""Pictures whose labels are masks of colours or numbers: each value has a name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from agriseg.datasets.annotated import AnnotatedPicture, DataSource, Survey, samples_of
from agriseg.datasets.classes import ClassMapping
from agriseg.datasets.labels import Labels, Sample
from agriseg.errors import DatasetError
from agriseg.messages import UInt8Array
from agriseg.opencv import cv2

_IS_COLOUR = 1 << 24
"""Set in the values of colours, so that none is taken for a number."""

Values = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MaskNames:
    """What the values of masks are called.

    Attributes
    ----------
    numbers : mapping of int to str
        Values of masks of one channel; others are called by their number.
    colours : mapping of (red, green, blue) to str
        Values of colour masks; others are called ``#rrggbb``.
    unlabelled : frozenset of str
        Names of ground without a label.
    """

    numbers: Mapping[int, str]
    colours: Mapping[tuple[int, int, int], str]
    unlabelled: frozenset[str] = frozenset()

    def name(self, value: int) -> str:
        """Return what a value is called."""
        if not value & _IS_COLOUR:
            return self.numbers.get(value, str(value))
        rgb = (value >> 16 & 255, value >> 8 & 255, value & 255)
        return self.colours.get(rgb, "#{:02x}{:02x}{:02x}".format(*rgb))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NamedMask:
    """The mask of one picture, and its map of plants where there is one."""

    path: Path
    ids_path: Path | None
    names: MaskNames
    classes: ClassMapping
    unlabelled: int

    def read(self, shape: tuple[int, int], *, with_ids: bool) -> Labels:
        """Read them.

        Raises
        ------
        DatasetError
            They cannot be read, have another size than ``shape`` (H, W), or a value in the mask
            has a name of unknown meaning.
        """
        values = read_values(self.path)
        _check_size(self.path, values, shape)
        found, index = np.unique(values, return_inverse=True)
        names = [self.names.name(value) for value in found.tolist()]
        wanted = [name for name in names if name not in self.names.unlabelled]
        self.classes.check(wanted, self.path)
        table = np.array(
            [
                self.unlabelled if name in self.names.unlabelled else self.classes[name]
                for name in names
            ],
            np.uint8,
        )
        mask: UInt8Array = table[index.reshape(shape)]
        if not with_ids or self.ids_path is None:
            return Labels(mask=mask)
        plants = read_values(self.ids_path)
        _check_size(self.ids_path, plants, shape)
        return Labels(mask=mask, ids=self._ids(plants, mask))

    def _ids(self, plants: Values, mask: UInt8Array) -> NDArray[np.uint16]:
        rows = [row.number for row in self.classes.table if row.has_plants]
        plants = np.where(np.isin(mask, rows), plants & ~_IS_COLOUR, 0)
        numbers, index = np.unique(plants, return_inverse=True)
        if len(numbers) > np.iinfo(np.uint16).max:
            raise DatasetError(f"{self.ids_path}: {len(numbers)} plants; at most 65535 can be told")
        first = 0 if numbers[0] == 0 else 1
        return (index.reshape(mask.shape) + first).astype(np.uint16)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MaskedPicture:
    """One picture: its name, its mask, and its map of plants where there is one."""

    file_name: str
    mask_path: Path
    ids_path: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MaskedSet:
    """Annotations that consist of masks.

    Attributes
    ----------
    source : DataSource
    place : Path
        File or folder of the annotations, for messages.
    pictures : tuple of MaskedPicture
    names : MaskNames
    """

    source: DataSource
    place: Path
    pictures: tuple[MaskedPicture, ...]
    names: MaskNames

    def survey(self) -> Survey:
        """Read every mask and return what they hold.

        Raises
        ------
        DatasetError
            One cannot be read.
        """
        found: Counter[str] = Counter()
        empty = []
        for picture in self.pictures:
            values = np.unique(read_values(picture.mask_path)).tolist()
            names = {self.names.name(value) for value in values} - self.names.unlabelled
            found.update(names)
            if not names:
                empty.append(picture.file_name)
        return Survey(pictures=len(self.pictures), names=found, empty=tuple(empty))

    def samples(self) -> list[Sample]:
        """Return its pictures, ordered by name; what masks hold is found out on reading them.

        Raises
        ------
        DatasetError
            An image is missing.
        """
        pictures = [
            AnnotatedPicture(
                file_name=picture.file_name,
                is_empty=False,
                labels=NamedMask(
                    path=picture.mask_path,
                    ids_path=picture.ids_path,
                    names=self.names,
                    classes=self.source.mapping,
                    unlabelled=self.source.unlabelled,
                ),
            )
            for picture in self.pictures
        ]
        return samples_of(self.source, self.place, pictures)


def read_values(path: Path) -> Values:
    """Read a mask as ``(H, W) int64``: numbers of one channel, or colours.

    Masks with a palette are read as the colours in it, as Pascal VOC keeps them.

    Raises
    ------
    DatasetError
        It cannot be read, or has another form.
    """
    found = _coloured(path) if _has_palette(path) else cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if found is None:
        raise DatasetError(f"{path}: cannot be read as an image")
    if found.ndim == 2 and found.dtype in (np.uint8, np.uint16):
        return found.astype(np.int64)
    if found.ndim == 3 and found.dtype == np.uint8 and found.shape[2] in (3, 4):
        weights = np.array([1, 1 << 8, 1 << 16], np.int64)
        return np.asarray(found[..., :3].astype(np.int64) @ weights | _IS_COLOUR, np.int64)
    raise DatasetError(
        f"{path}: {found.dtype} {found.shape}; expected a mask of one channel of 8 or 16 bits, or "
        "of 8-bit colours"
    )


def find_image(folder: Path, stem: str, suffixes: tuple[str, ...]) -> str:
    """Return the name of the image of a stem below a folder, or the stem where there is none."""
    for suffix in suffixes:
        for name in (stem + suffix, stem + suffix.upper()):
            if (folder / name).is_file():
                return name
    return stem


def _has_palette(path: Path) -> bool:
    try:
        with Image.open(path) as image:
            return image.mode == "P"
    except (OSError, UnidentifiedImageError) as error:
        raise DatasetError(f"{path}: cannot be read as an image ({error})") from error


def _coloured(path: Path) -> NDArray[Any]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))[..., ::-1]


def _check_size(path: Path, values: Values, shape: tuple[int, int]) -> None:
    if values.shape != shape:
        raise DatasetError(
            f"{path}: {values.shape[1]}x{values.shape[0]}, its image is {shape[1]}x{shape[0]}; "
            "both must have the same size"
        )
