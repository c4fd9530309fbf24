"""Labels of one picture: its class of every pixel and, where known, its plants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from agriseg.errors import DatasetError
from agriseg.messages import UInt8Array
from agriseg.opencv import cv2

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")

IdArray = NDArray[np.uint16]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Labels:
    """What a picture shows.

    Attributes
    ----------
    mask : (H, W) uint8
        `agriseg.messages.ClassId` values, or the numbers of a project's own classes where those
        were asked for.
    ids : (H, W) uint16, optional
        Number of the plant, from 1; 0 on soil, on ignored ground, and where plants are not told
        apart. None where the data set tells no plants apart.
    stems : mapping of plant number to (u, v) px
        Where plants leave the ground, pixel centres at .0, as far as the data set says so.
    """

    mask: UInt8Array
    ids: IdArray | None = None
    stems: Mapping[int, Point] = field(default_factory=dict)


class LabelReader(Protocol):
    """Reads the labels of one picture when they are wanted."""

    def read(self, shape: tuple[int, int], *, with_ids: bool) -> Labels:
        """Return the labels of a picture of ``shape`` (H, W), with plant ids where asked.

        Raises
        ------
        DatasetError
            They cannot be read, or belong to a picture of another size.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Where one labelled image lies, and to which group it belongs.

    Attributes
    ----------
    source : str
        Name of the source.
    stem : str
        Path of the image below the source's folder of images, without its ending.
    group : str
        What belongs together: a video, a block of a field.
    image_path : Path
    labels : LabelReader
    """

    source: str
    stem: str
    group: str
    image_path: Path
    labels: LabelReader

    def load(self) -> tuple[UInt8Array, UInt8Array]:
        """Read the image ``(H, W, 3) uint8`` BGR and its mask ``(H, W) uint8``.

        Raises
        ------
        DatasetError
            Either cannot be read, or they do not fit each other.
        """
        image, labels = self.load_labels(with_ids=False)
        return image, labels.mask

    def load_labels(self, *, with_ids: bool = True) -> tuple[UInt8Array, Labels]:
        """Read the image and all that is known of it, plant ids where asked.

        Raises
        ------
        DatasetError
            As `load`.
        """
        image = read_image(self.image_path)
        return image, self.labels.read((image.shape[0], image.shape[1]), with_ids=with_ids)

    def load_ids(self, mask: UInt8Array) -> IdArray | None:
        """Read the plant ids ``(H, W) uint16`` that go with the mask; None where there are none.

        Raises
        ------
        DatasetError
            They cannot be read or do not fit the mask.
        """
        return self.labels.read((mask.shape[0], mask.shape[1]), with_ids=True).ids


def read_image(path: Path) -> UInt8Array:
    """Read an image as stored, (H, W, 3) uint8 BGR.

    Raises
    ------
    DatasetError
        It cannot be read.
    """
    image = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None:
        raise DatasetError(f"{path}: cannot be read as an image")
    return np.asarray(image, dtype=np.uint8)
