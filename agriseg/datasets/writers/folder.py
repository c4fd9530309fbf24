"""Writes data folders of this program: ``images/``, ``masks/`` and ``instances/``, all PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from agriseg.datasets.classes import ClassRow
from agriseg.datasets.grouping import GROUPS_NAME
from agriseg.datasets.writers.files import write_json, write_picture
from agriseg.datasets.writers.objects import LabelledObject, LabelledPicture


class FolderWriter:
    """What `agriseg train` reads without further words.

    A class of the user's own is written as what it means: soil, crop, weed or ignore.
    """

    def __init__(self, out: Path, table: Sequence[ClassRow]) -> None:
        self._out = out
        self._meanings = np.zeros(256, np.uint8)
        for row in table:
            self._meanings[row.number] = row.meaning
        self._groups: dict[str, str] = {}

    def image_name(self, name: str) -> str:
        """Return the place in ``images/``."""
        return f"images/{name}"

    def add(
        self,
        picture: LabelledPicture,
        objects: Sequence[LabelledObject],  # noqa: ARG002
    ) -> None:
        """Write a picture's mask and map of plants."""
        file = f"{picture.stem}.png"
        write_picture(self._out / "masks" / file, self._meanings[picture.classes])
        if picture.ids is not None:
            write_picture(self._out / "instances" / file, picture.ids)
        if picture.group:
            self._groups[picture.stem] = picture.group

    def finish(self) -> None:
        """Write what belongs together, where anything was said."""
        if self._groups:
            write_json(self._out / GROUPS_NAME, self._groups)
