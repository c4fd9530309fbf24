"""Writes labels in any format: into a new folder or archive, whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Literal, Self

import numpy as np

from agriseg.datasets.classes import BASE_CLASSES, ClassRow
from agriseg.datasets.writers.coco import CocoPanopticWriter, CocoWriter
from agriseg.datasets.writers.cvat import CvatWriter
from agriseg.datasets.writers.files import cannot_write
from agriseg.datasets.writers.folder import FolderWriter
from agriseg.datasets.writers.labelme import LabelMeWriter
from agriseg.datasets.writers.objects import LabelledPicture, SetWriter, objects_of
from agriseg.datasets.writers.voc import VocWriter
from agriseg.datasets.writers.yolo import YoloWriter
from agriseg.errors import DatasetError

WrittenFormat = Literal[
    "folder", "coco", "coco-panoptic", "cvat", "cvat-masks", "labelme", "voc", "yolo"
]
Images = Literal["copy", "link", "none"]

_WRITERS: Mapping[WrittenFormat, Callable[[Path, Sequence[ClassRow]], SetWriter]] = {
    "folder": FolderWriter,
    "coco": CocoWriter,
    "coco-panoptic": CocoPanopticWriter,
    "cvat": CvatWriter,
    "cvat-masks": lambda out, table: VocWriter(out, table, has_boxes=False),
    "labelme": LabelMeWriter,
    "voc": lambda out, table: VocWriter(out, table, has_boxes=True),
    "yolo": YoloWriter,
}
WRITTEN_FORMATS: tuple[WrittenFormat, ...] = tuple(_WRITERS)
_ARCHIVE = ".zip"


class LabelExport:
    """A set of labels being written; a context manager.

    Everything goes into a folder ``NAME.part`` beside ``out``, which gets its name at the end. When
    something goes wrong, or the block is left by an error, nothing stays behind.

    Parameters
    ----------
    kind : WrittenFormat
    out : Path
        Folder that does not exist yet, or is empty; with the ending ``.zip`` an archive, which
        CVAT takes as it is.
    table : sequence of ClassRow
        All classes.
    images : str
        What becomes of the pictures: copied, linked to (hard links; copied where the disk
        differs), or left out.

    Raises
    ------
    DatasetError
        On entering: ``out`` exists, or cannot be made.
    """

    def __init__(
        self,
        kind: WrittenFormat,
        out: Path,
        table: Sequence[ClassRow] = BASE_CLASSES,
        images: Images = "copy",
    ) -> None:
        self._kind = kind
        self._out = out
        self._table = tuple(table)
        self._images = images
        self._part = out.with_name(f"{out.name}.part")
        self._writer: SetWriter
        self._stems: dict[str, str] = {}

    def __enter__(self) -> Self:
        if self._out.is_file() or (self._out.is_dir() and any(self._out.iterdir())):
            raise DatasetError(
                f"{self._out}: is there already; nothing is overwritten, name a new folder or "
                "remove it first"
            )
        try:
            if self._part.exists():
                shutil.rmtree(self._part)
            self._part.mkdir(parents=True)
        except OSError as error:
            raise cannot_write(self._part, error) from error
        self._writer = _WRITERS[self._kind](self._part, self._table)
        return self

    def add(self, picture: LabelledPicture) -> None:
        """Write one picture's labels.

        Raises
        ------
        DatasetError
            Another picture has the same name up to its ending, a number has no class, or a file
            cannot be written.
        """
        self._check(picture)
        if self._images != "none":
            self._bring(picture)
        self._writer.add(picture, objects_of(picture, self._table))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._writer.finish()
                self._put_in_place()
        except OSError as found:
            raise cannot_write(self._out, found) from found
        finally:
            shutil.rmtree(self._part, ignore_errors=True)

    def _check(self, picture: LabelledPicture) -> None:
        twin = self._stems.setdefault(picture.stem, picture.name)
        if twin != picture.name:
            raise DatasetError(
                f"{picture.name}: {twin} has the same name but for its ending, and their labels "
                "would have the same; rename one"
            )
        unknown = set(np.unique(picture.classes).tolist()) - {row.number for row in self._table}
        if unknown:
            raise DatasetError(
                f"{picture.name}: class numbers {sorted(unknown)} have no name; expected "
                f"{', '.join(f'{row.number} {row.name}' for row in self._table)}"
            )

    def _bring(self, picture: LabelledPicture) -> None:
        place = self._part / PurePosixPath(self._writer.image_name(picture.name))
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            if self._images == "link":
                try:
                    os.link(picture.image_path, place)
                except OSError:
                    shutil.copyfile(picture.image_path, place)
            else:
                shutil.copyfile(picture.image_path, place)
        except OSError as error:
            raise cannot_write(place, error) from error

    def _put_in_place(self) -> None:
        if self._out.suffix.lower() == _ARCHIVE:
            packed = self._part.with_name(f"{self._part.name}{_ARCHIVE}")
            try:
                shutil.make_archive(str(self._part), "zip", self._part)
                packed.replace(self._out)
            finally:
                packed.unlink(missing_ok=True)
            return
        if self._out.is_dir():
            self._out.rmdir()
        self._part.rename(self._out)
