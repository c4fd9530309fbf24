"""Masks as the outlines of their patches: lossless, and a fifth of the same mask as PNG.

Each patch of a class is followed around its border, and so is each hole in it, pixel by pixel;
what is kept is where an outline begins and how its direction turns (Freeman, On the Encoding of
Arbitrary Geometric Configurations, 1961). Filling the outlines gives every pixel back.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agriseg.errors import RecordingError
from agriseg.messages import ClassId, UInt8Array
from agriseg.opencv import cv2
from agriseg.recording.pictures import decode_grey, encode_grey

_CLASSES = (ClassId.CROP, ClassId.WEED, ClassId.IGNORE)
_MOST_OUTLINES = 800
_HEAD = struct.Struct("<HHIII")
"""Width, height, then outlines of crop, of weed, of ignored ground."""

_DIRECTIONS = np.array(
    [(1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1)], np.int32
)
_CODE_OF_STEP = np.zeros((3, 3), np.uint8)
_CODE_OF_STEP[_DIRECTIONS[:, 0] + 1, _DIRECTIONS[:, 1] + 1] = np.arange(8)

Outline = NDArray[np.int32]


def encode_mask(labels: UInt8Array) -> tuple[str, bytes]:
    """Return the form, ``outlines`` or ``grey``, in which a mask is kept, and its bytes.

    A mask of thousands of specks, as a colour index makes them, takes long to follow around;
    it is kept as a grey PNG of its `ClassId`.
    """
    by_class = [_outlines(labels, class_id) for class_id in _CLASSES]
    if sum(len(outlines) for outlines in by_class) > _MOST_OUTLINES:
        return "grey", encode_grey(labels)
    return "outlines", _encoded(labels.shape, by_class)


def decode_mask(form: str, data: bytes) -> UInt8Array:
    """Return the (H, W) uint8 mask that `encode_mask` was given.

    Raises
    ------
    RecordingError
        The bytes are no such mask.
    """
    return decode_grey(data) if form == "grey" else decode_outlines(data)


def encode_outlines(labels: UInt8Array) -> bytes:
    """Return a (H, W) uint8 mask of `ClassId` as outlines."""
    return _encoded(labels.shape, [_outlines(labels, class_id) for class_id in _CLASSES])


def _encoded(shape: tuple[int, ...], by_class: Sequence[Sequence[Outline]]) -> bytes:
    height, width = shape
    head = _HEAD.pack(width, height, *(len(outlines) for outlines in by_class))
    return head + zlib.compress(_packed([o for outlines in by_class for o in outlines]), 6)


def decode_outlines(data: bytes) -> UInt8Array:
    """Return the (H, W) uint8 mask that `encode_outlines` was given.

    Raises
    ------
    RecordingError
        The bytes are no such outlines.
    """
    try:
        width, height, *counts = _HEAD.unpack_from(data)
        outlines = _unpacked(zlib.decompress(data[_HEAD.size :]), sum(counts))
    except (struct.error, zlib.error, ValueError, IndexError) as error:
        raise RecordingError(f"a recorded mask cannot be decoded ({error})") from error
    labels = np.zeros((height, width), np.uint8)
    for class_id, count in zip(_CLASSES, counts, strict=True):
        if count:
            cv2.fillPoly(labels, outlines[:count], int(class_id))
        outlines = outlines[count:]
    return labels


def _outlines(labels: UInt8Array, class_id: ClassId) -> list[Outline]:
    """Return the outlines of a class's patches and of the holes in them, each (N, 2) (u, v)."""
    wanted = np.array(int(class_id))
    is_class = cv2.inRange(labels, wanted, wanted)
    if not cv2.countNonZero(is_class):
        return []
    found, _ = cv2.findContours(is_class, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    return [outline.reshape(-1, 2).astype(np.int32, copy=False) for outline in found]


def _packed(outlines: Sequence[Outline]) -> bytes:
    if not outlines:
        return b""
    starts = np.array([outline[0] for outline in outlines], "<u2")
    steps = np.array([len(outline) - 1 for outline in outlines], "<u4")
    points = np.concatenate(outlines)
    move = np.diff(points, axis=0)
    inside = np.ones(len(points), bool)
    inside[np.cumsum(steps.astype(np.int64) + 1) - 1] = False
    move = move[inside[:-1]]
    codes = _CODE_OF_STEP[move[:, 0] + 1, move[:, 1] + 1]
    turns = (np.diff(codes, prepend=np.uint8(0)) & 7).astype(np.uint8)
    return b"".join((starts.tobytes(), steps.tobytes(), turns.tobytes()))


def _unpacked(body: bytes, count: int) -> list[Outline]:
    starts = np.frombuffer(body, "<u2", 2 * count).reshape(-1, 2).astype(np.int32)
    steps = np.frombuffer(body, "<u4", count, offset=4 * count).astype(np.int64)
    turns = np.frombuffer(body, np.uint8, offset=8 * count)
    ends = np.cumsum(steps)
    if len(turns) != (int(ends[-1]) if count else 0):
        raise ValueError(f"{len(turns)} steps instead of {ends[-1] if count else 0}")
    codes = np.cumsum(turns, dtype=np.uint8) & 7
    moves = _DIRECTIONS[codes]
    outlines = []
    for start, begin, end in zip(starts, ends - steps, ends, strict=True):
        way = np.cumsum(moves[begin:end], axis=0, dtype=np.int32)
        outlines.append(np.concatenate((start[None], start + way)))
    return outlines
