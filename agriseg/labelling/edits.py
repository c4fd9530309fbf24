"""One change of a picture's labels: what it touches, before and after, compressed."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray

Point = tuple[float, float]
LayerArray = NDArray[np.unsignedinteger[Any]]

_LEVEL = 1
_HEADER_LENGTH = struct.Struct("<I")


class Layer(StrEnum):
    """What is labelled of every pixel."""

    CLASSES = "classes"
    """Class of the pixel, uint8."""
    INSTANCES = "instances"
    """Number of the plant, uint16; 0 for none."""
    CONFIDENCE = "confidence"
    """How sure the label is, uint8; 255 where a person has decided."""


LAYER_DTYPES: dict[Layer, type[np.unsignedinteger[Any]]] = {
    Layer.CLASSES: np.uint8,
    Layer.INSTANCES: np.uint16,
    Layer.CONFIDENCE: np.uint8,
}


@dataclass(frozen=True, slots=True)
class Rect:
    """Pixels from column ``u0`` and row ``v0`` up to, but without, ``u1`` and ``v1``."""

    u0: int
    v0: int
    u1: int
    v1: int

    @property
    def width_px(self) -> int:
        """Columns; 0 where it is empty."""
        return max(0, self.u1 - self.u0)

    @property
    def height_px(self) -> int:
        """Rows; 0 where it is empty."""
        return max(0, self.v1 - self.v0)

    @property
    def is_empty(self) -> bool:
        """Whether there is no pixel in it."""
        return self.u1 <= self.u0 or self.v1 <= self.v0

    @property
    def window(self) -> tuple[slice, slice]:
        """Index of an ``[v, u]`` array."""
        return slice(self.v0, self.v1), slice(self.u0, self.u1)

    def clipped(self, width_px: int, height_px: int) -> Rect:
        """Return what of it lies in a picture of this size."""
        u0, v0 = min(max(self.u0, 0), width_px), min(max(self.v0, 0), height_px)
        return Rect(u0, v0, min(max(self.u1, u0), width_px), min(max(self.v1, v0), height_px))

    def grown(self, margin_px: int) -> Rect:
        """Return it with a margin on every side."""
        return Rect(
            self.u0 - margin_px, self.v0 - margin_px, self.u1 + margin_px, self.v1 + margin_px
        )

    def united(self, other: Rect) -> Rect:
        """Return the smallest rectangle around both; an empty one counts for nothing."""
        if self.is_empty:
            return other
        if other.is_empty:
            return self
        return Rect(
            min(self.u0, other.u0),
            min(self.v0, other.v0),
            max(self.u1, other.u1),
            max(self.v1, other.v1),
        )


NOWHERE = Rect(0, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerChange:
    """One layer inside a rectangle, before and after, compressed with Zstandard."""

    layer: Layer
    rect: Rect
    before: bytes
    after: bytes

    def content(self) -> LayerArray:
        """Return the layer inside the rectangle as it is after the change, ``(h, w)``."""
        raw = zstandard.ZstdDecompressor().decompress(self.after)
        shape = (self.rect.height_px, self.rect.width_px)
        content: LayerArray = np.frombuffer(raw, LAYER_DTYPES[self.layer]).reshape(shape)
        return content

    def inverse(self) -> LayerChange:
        """Return the change that takes this one back."""
        return LayerChange(layer=self.layer, rect=self.rect, before=self.after, after=self.before)


@dataclass(frozen=True, slots=True, kw_only=True)
class StemChange:
    """Where a plant's stem was and is; None for no stem. Points are (u, v) in pixels."""

    plant: int
    before: Point | None
    after: Point | None

    @property
    def rect(self) -> Rect:
        """The pixels of both places."""
        rect = NOWHERE
        for point in (self.before, self.after):
            if point is not None:
                u, v = round(point[0]), round(point[1])
                rect = rect.united(Rect(u, v, u + 1, v + 1))
        return rect

    def inverse(self) -> StemChange:
        """Return the change that takes this one back."""
        return StemChange(plant=self.plant, before=self.after, after=self.before)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A change of a document, made by a tool and given to `LabelDocument.apply`.

    Attributes
    ----------
    name : str
        What the labeller did, such as ``brush``; shown beside undo.
    layers : tuple of LayerChange
    stems : tuple of StemChange
    revision : int
        State of the document for which it was made.
    """

    name: str
    layers: tuple[LayerChange, ...] = ()
    stems: tuple[StemChange, ...] = ()
    revision: int = 0

    @property
    def rect(self) -> Rect:
        """Everything that changes lies inside."""
        rect = NOWHERE
        for touched in [c.rect for c in self.layers] + [c.rect for c in self.stems]:
            rect = rect.united(touched)
        return rect

    @property
    def size_bytes(self) -> int:
        """Memory that its pixels take."""
        return sum(len(change.before) + len(change.after) for change in self.layers)

    def inverse(self) -> Edit:
        """Return the edit that takes this one back."""
        return Edit(
            name=self.name,
            layers=tuple(change.inverse() for change in self.layers),
            stems=tuple(change.inverse() for change in self.stems),
        )


def packed(array: LayerArray) -> bytes:
    """Compress a rectangle of a layer."""
    return zstandard.ZstdCompressor(level=_LEVEL).compress(np.ascontiguousarray(array).tobytes())


def edit_to_bytes(edit: Edit) -> bytes:
    """Write an edit as the journal keeps it (``FORMAT.md``)."""
    header = {
        "name": edit.name,
        "layers": [
            [c.layer.value, c.rect.u0, c.rect.v0, c.rect.u1, c.rect.v1, len(c.before), len(c.after)]
            for c in edit.layers
        ],
        "stems": [[c.plant, c.before, c.after] for c in edit.stems],
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    blobs = [part for change in edit.layers for part in (change.before, change.after)]
    return b"".join([_HEADER_LENGTH.pack(len(text)), text, *blobs])


def edit_from_bytes(data: bytes) -> Edit:
    """Read what `edit_to_bytes` wrote.

    Raises
    ------
    ValueError
        It is something else.
    """
    try:
        (length,) = _HEADER_LENGTH.unpack_from(data)
        at = _HEADER_LENGTH.size + length
        header = json.loads(data[_HEADER_LENGTH.size : at])
        layers = []
        for name, u0, v0, u1, v1, before, after in header["layers"]:
            middle, end = at + before, at + before + after
            layers.append(
                LayerChange(
                    layer=Layer(name),
                    rect=Rect(int(u0), int(v0), int(u1), int(v1)),
                    before=data[at:middle],
                    after=data[middle:end],
                )
            )
            at = end
        stems = tuple(
            StemChange(plant=int(plant), before=_point(before), after=_point(after))
            for plant, before, after in header["stems"]
        )
        return Edit(name=str(header["name"]), layers=tuple(layers), stems=stems)
    except (struct.error, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"not an edit: {error}") from error


def _point(value: Any) -> Point | None:
    return None if value is None else (float(value[0]), float(value[1]))
