"""One picture's labels in memory, changed by edits alone, with undo and redo without limit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import cast

import numpy as np
from numpy.typing import NDArray

from agriseg.labelling.edits import LAYER_DTYPES, NOWHERE, Edit, Layer, LayerArray, Point, Rect
from agriseg.labelling.history import History
from agriseg.labelling.layers import SURE, PictureLayers
from agriseg.messages import UInt8Array

__all__ = ["SURE", "Change", "ChangeKind", "InstanceArray", "LabelDocument"]

InstanceArray = NDArray[np.uint16]

MOST_PLANTS = 65535
"""Largest plant number: maps of plant ids have 16 bits."""


class ChangeKind(StrEnum):
    """How a document came to change."""

    APPLY = "apply"
    UNDO = "undo"
    REDO = "redo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One edit that took place, as the journal hears of it.

    Attributes
    ----------
    kind : ChangeKind
    edit : Edit
        What was written; of an undo it is the inverse of the edit that is taken back.
    joins : bool
        It belongs to the same step of the history as the change before it.
    """

    kind: ChangeKind
    edit: Edit
    joins: bool


class LabelDocument:
    """The labels of one picture.

    All arrays that it hands out are read-only views of its own; they show later edits.

    Parameters
    ----------
    image : (H, W, 3) uint8
        BGR; made read-only.
    classes : (H, W) uint8, optional
        0 soil, 1 crop, 2 weed, from 3 on the user's own, 255 ignore. All soil when None.
    instances : (H, W) uint16, optional
        Number of the plant from 1; 0 for none.
    stems : mapping of plant number to (u, v), optional
        Where plants leave the ground, px, pixel centres at .0.
    confidence : (H, W) uint8, optional
        How sure each label is: 255 where a person decided, less from a model. None where no model
        was asked.

    Raises
    ------
    ValueError
        Shapes or types are other than said.
    """

    def __init__(
        self,
        image: UInt8Array,
        classes: UInt8Array | None = None,
        instances: InstanceArray | None = None,
        stems: Mapping[int, Point] | None = None,
        confidence: UInt8Array | None = None,
    ) -> None:
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f"image is (H, W, 3) uint8, got {image.shape} {image.dtype}")
        image.flags.writeable = False
        self.image = image
        given = {
            Layer.CLASSES: classes,
            Layer.INSTANCES: instances,
            Layer.CONFIDENCE: confidence,
        }
        self._layers = PictureLayers(
            (image.shape[0], image.shape[1]),
            {layer: array for layer, array in given.items() if array is not None},
            stems or {},
        )
        self._history = History()
        self._revision = 0
        self._listeners: list[Callable[[Rect], None]] = []
        self._recorders: list[Callable[[Change], None]] = []

    @property
    def width_px(self) -> int:
        """Columns of the picture."""
        return int(self.image.shape[1])

    @property
    def height_px(self) -> int:
        """Rows of the picture."""
        return int(self.image.shape[0])

    @property
    def rect(self) -> Rect:
        """The whole picture."""
        return Rect(0, 0, self.width_px, self.height_px)

    @property
    def classes(self) -> UInt8Array:
        """Class of every pixel, ``(H, W) uint8``, read-only."""
        return cast(UInt8Array, self._layers.view(Layer.CLASSES))

    @property
    def instances(self) -> InstanceArray:
        """Plant number of every pixel, ``(H, W) uint16``, read-only; 0 for none."""
        return cast(InstanceArray, self._layers.view(Layer.INSTANCES))

    @property
    def confidence(self) -> UInt8Array | None:
        """How sure every label is, ``(H, W) uint8``, read-only; None where no model was asked."""
        return cast("UInt8Array | None", self._layers.view(Layer.CONFIDENCE))

    @property
    def stems(self) -> Mapping[int, Point]:
        """Where plants leave the ground: plant number to (u, v) px."""
        return MappingProxyType(self._layers.stems)

    @property
    def revision(self) -> int:
        """Counts the changes: as long as it stays the same, so do the labels."""
        return self._revision

    @property
    def undo_name(self) -> str:
        """What `undo` would take back; empty for nothing."""
        return self._history.undo_name

    @property
    def redo_name(self) -> str:
        """What `redo` would do again; empty for nothing."""
        return self._history.redo_name

    @property
    def history_bytes(self) -> int:
        """Memory that undo and redo hold."""
        return self._history.size_bytes

    def next_plant(self) -> int:
        """Return a plant number that was never used in this picture.

        Raises
        ------
        ValueError
            All 65535 are used.
        """
        if self._layers.highest_plant >= MOST_PLANTS:
            raise ValueError(f"a picture holds at most {MOST_PLANTS} plant numbers; all are used")
        return self._layers.highest_plant + 1

    def listen(self, listener: Callable[[Rect], None]) -> Callable[[], None]:
        """Call ``listener`` with the rectangle of every change; return what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def record(self, recorder: Callable[[Change], None]) -> Callable[[], None]:
        """Call ``recorder`` with every change, once it took place; return what ends that."""
        self._recorders.append(recorder)
        return lambda: self._recorders.remove(recorder)

    def edit(
        self,
        name: str,
        rect: Rect,
        *,
        classes: NDArray[np.integer] | None = None,
        instances: NDArray[np.integer] | None = None,
        confidence: NDArray[np.integer] | None = None,
        stems: Mapping[int, Point | None] | None = None,
    ) -> Edit | None:
        """Return the edit that makes the labels inside ``rect`` what is given; None for no change.

        Parameters
        ----------
        name : str
        rect : Rect
            Inside the picture.
        classes, instances, confidence : (h, w) integers, optional
            New content of the layers in ``rect``; None leaves a layer as it is.
        stems : mapping of plant number to (u, v) or None, optional
            Stems to place, move or, with None, to remove; others stay.
        """
        given = {
            Layer.CLASSES: classes,
            Layer.INSTANCES: instances,
            Layer.CONFIDENCE: confidence,
        }
        news: dict[Layer, LayerArray] = {
            layer: array.astype(LAYER_DTYPES[layer], copy=False)
            for layer, array in given.items()
            if array is not None and not rect.is_empty
        }
        found = self._layers.difference(name, rect, news, stems or {})
        return None if found is None else replace(found, revision=self._revision)

    def apply(self, edit: Edit) -> Rect:
        """Make a change; return its rectangle. What was undone can no longer be redone.

        Raises
        ------
        ValueError
            The document has changed since the edit was made, or the edit leaves the picture.
        """
        if edit.revision != self._revision:
            raise ValueError(
                f"the edit {edit.name!r} was made for revision {edit.revision}, the document is at "
                f"{self._revision}; make it anew"
            )
        joins = self._history.joins
        self._layers.write(edit)
        self._history.add(edit)
        return self._tell(ChangeKind.APPLY, [edit], joins=joins)

    def begin(self, name: str) -> None:
        """Merge all edits until `end` into one step of the history.

        Raises
        ------
        ValueError
            A step is open already.
        """
        self._history.begin(name)

    def end(self) -> None:
        """End the step that `begin` began; without one, do nothing."""
        self._history.end()

    def undo(self) -> Rect | None:
        """Take the newest step back, also an open one; return what changed, None for nothing."""
        return self._go(ChangeKind.UNDO, self._history.undo())

    def redo(self) -> Rect | None:
        """Do again what was undone last; return what changed, None for nothing."""
        return self._go(ChangeKind.REDO, self._history.redo())

    def replay(self, change: Change) -> None:
        """Take over a change from a journal, history included; nobody is told.

        Raises
        ------
        ValueError
            It leaves the picture.
        """
        self._layers.write(change.edit)
        self._revision += 1
        if change.kind is ChangeKind.APPLY:
            self._history.add_to_step(change.edit, joins=change.joins)
        elif not change.joins:
            _ = self._history.undo() if change.kind is ChangeKind.UNDO else self._history.redo()

    def _go(self, kind: ChangeKind, edits: Sequence[Edit]) -> Rect | None:
        if not edits:
            return None
        for edit in edits:
            self._layers.write(edit)
        return self._tell(kind, edits, joins=False)

    def _tell(self, kind: ChangeKind, edits: Sequence[Edit], *, joins: bool) -> Rect:
        self._revision += 1
        rect = NOWHERE
        for number, edit in enumerate(edits):
            rect = rect.united(edit.rect)
            change = Change(kind=kind, edit=edit, joins=joins or number > 0)
            for recorder in tuple(self._recorders):
                recorder(change)
        for listener in tuple(self._listeners):
            listener(rect)
        return rect
