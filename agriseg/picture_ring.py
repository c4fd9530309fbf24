"""Pictures from the engine's process to the window's, in shared memory.

One writer, one reader. Each slot carries a sequence number that is odd while the slot
is being written (a seqlock): the reader copies a slot and takes the copy only if
the number was even and has not changed. With several slots a copy is never disturbed in
practice, and neither side ever waits for the other.

On a busy computer pictures come in pairs, one late and the next in time. The reader gets both,
one after the other; of more than two it gets the newest two.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from agriseg.messages import BoomView, Float64Array, Picture, UInt8Array
from agriseg.shared_block import SharedBlock, bytes_of, make_block

SLOT_COUNT = 4
KEPT_UNREAD = 2
"""So many pictures wait for the reader; older ones are skipped."""
_RING_HEADER = struct.Struct("<Q")
_SLOT_HEADER = struct.Struct("<QqdIII")
_HEADER_SIZE = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class RingLayout:
    """Shape of a ring: greatest picture and number of nozzles."""

    max_height_px: int
    max_width_px: int
    max_nozzles: int

    @property
    def boom_bytes(self) -> int:
        """Room for one boom view: 4 + 8 float64 a nozzle."""
        return self.max_nozzles * 12 * 8

    @property
    def plane_bytes(self) -> int:
        """Room for one BGRA plane."""
        return self.max_height_px * self.max_width_px * 4

    @property
    def slot_bytes(self) -> int:
        """Room for one slot."""
        return _HEADER_SIZE + self.boom_bytes + 2 * self.plane_bytes

    @property
    def total_bytes(self) -> int:
        """Room for the whole ring."""
        return _HEADER_SIZE + SLOT_COUNT * self.slot_bytes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RingHandle:
    """What the engine's process is given at its start to write the ring."""

    layout: RingLayout
    block: SharedBlock


class PictureRingWriter:
    """The engine's end of a ring that the window has made."""

    def __init__(self, handle: RingHandle) -> None:
        self._layout = handle.layout
        self._memory = bytes_of(handle.block)
        self._count = 0

    def write(self, picture: Picture) -> None:
        """Publish ``picture``; a picture larger than the ring's layout raises ValueError."""
        height, width = picture.image.shape[:2]
        layout = self._layout
        nozzles = len(picture.boom.nozzle_tracks_px)
        if height > layout.max_height_px or width > layout.max_width_px:
            raise ValueError(f"picture {width}x{height} is larger than the ring {layout}")
        if nozzles > layout.max_nozzles:
            raise ValueError(f"{nozzles} nozzles are more than the ring holds: {layout}")
        start = _slot_start(layout, self._count)
        sequence = 2 * self._count + 1
        self._header(start, sequence, picture, height, width, nozzles)
        _copy_in(self._memory, _boom_start(start), _boom_values(picture.boom))
        plane = _plane_start(layout, start)
        _copy_in(self._memory, plane, picture.image.reshape(-1))
        _copy_in(self._memory, plane + layout.plane_bytes, picture.overlay.reshape(-1))
        self._header(start, sequence + 1, picture, height, width, nozzles)
        self._count += 1
        _RING_HEADER.pack_into(self._memory.data, 0, self._count)

    def _header(
        self, start: int, sequence: int, picture: Picture, height: int, width: int, nozzles: int
    ) -> None:
        _SLOT_HEADER.pack_into(
            self._memory.data,
            start,
            sequence,
            picture.frame_id,
            picture.t_capture_s,
            height,
            width,
            nozzles,
        )


class PictureRingReader:
    """The window's end: makes the ring; `handle` is for the writer."""

    def __init__(self, max_width_px: int, max_height_px: int, max_nozzles: int) -> None:
        layout = RingLayout(
            max_height_px=max_height_px,
            max_width_px=max_width_px,
            max_nozzles=max_nozzles,
        )
        self.handle = RingHandle(layout=layout, block=make_block(layout.total_bytes))
        self._layout = layout
        self._memory = bytes_of(self.handle.block)
        self._read_count = 0

    def read(self) -> Picture | None:
        """Return a copy of the next picture not yet read, None where all have been."""
        (count,) = _RING_HEADER.unpack_from(self._memory.data, 0)
        if count == self._read_count:
            return None
        index = max(self._read_count, count - KEPT_UNREAD)
        picture = self._copy_slot(index)
        if picture is not None:
            self._read_count = index + 1
        return picture

    def _copy_slot(self, index: int) -> Picture | None:
        layout = self._layout
        start = _slot_start(layout, index)
        header = _SLOT_HEADER.unpack_from(self._memory.data, start)
        sequence, frame_id, t_capture_s, height, width, nozzles = header
        if sequence % 2 == 1:
            return None
        boom = _copy_out(self._memory, _boom_start(start), nozzles * 96).view(np.float64)
        plane = _plane_start(layout, start)
        size = height * width * 4
        image = _copy_out(self._memory, plane, size)
        overlay = _copy_out(self._memory, plane + layout.plane_bytes, size)
        if _SLOT_HEADER.unpack_from(self._memory.data, start) != header:
            return None
        return Picture(
            frame_id=frame_id,
            t_capture_s=t_capture_s,
            image=image.reshape(height, width, 4),
            overlay=overlay.reshape(height, width, 4),
            boom=_boom_view(boom, nozzles),
        )


def _slot_start(layout: RingLayout, index: int) -> int:
    return _HEADER_SIZE + (index % SLOT_COUNT) * layout.slot_bytes


def _boom_start(slot_start: int) -> int:
    return slot_start + _HEADER_SIZE


def _plane_start(layout: RingLayout, slot_start: int) -> int:
    return slot_start + _HEADER_SIZE + layout.boom_bytes


def _copy_in(memory: UInt8Array, start: int, values: UInt8Array) -> None:
    memory[start : start + values.size] = values


def _copy_out(memory: UInt8Array, start: int, size: int) -> UInt8Array:
    return memory[start : start + size].copy()


def _boom_values(boom: BoomView) -> UInt8Array:
    values = np.concatenate([boom.nozzle_tracks_px.reshape(-1), boom.swath_px.reshape(-1)])
    return np.ascontiguousarray(values, dtype=np.float64).view(np.uint8)


def _boom_view(values: Float64Array, nozzles: int) -> BoomView:
    return BoomView(
        nozzle_tracks_px=values[: nozzles * 4].reshape(nozzles, 2, 2),
        swath_px=values[nozzles * 4 :].reshape(nozzles, 4, 2),
    )
