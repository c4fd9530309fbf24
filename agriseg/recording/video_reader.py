"""Pictures of a recorded video, at any place: from the key before it up to the one asked for."""

from __future__ import annotations

import shutil
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agriseg.errors import RecordingError
from agriseg.messages import UInt8Array
from agriseg.opencv import cv2
from agriseg.recording.topics import VideoPacket
from agriseg.recording.vp9 import ivf_file

_GROUPS_KEPT = 2
_LONGEST_GROUP = 600
"""More pictures between two keys than any recorder writes."""


class _Group:
    """A key picture and those that need it, decoded as far as was asked for."""

    def __init__(self, packets: Sequence[VideoPacket]) -> None:
        self.count = len(packets)
        self._pictures: list[UInt8Array] = []
        data = ivf_file([packet.data for packet in packets], *_size_of(packets[0].data))
        # OpenCV reads from memory too, but crashes when it closes such a stream before its end.
        self._folder = Path(tempfile.mkdtemp(prefix="agriseg-video-"))
        file = self._folder / "group.ivf"
        file.write_bytes(data)
        self._capture = cv2.VideoCapture(str(file), cv2.CAP_FFMPEG)
        self._remove()  # an open file lives on, but for Windows, where `close` does it

    def picture(self, place: int) -> UInt8Array:
        while len(self._pictures) <= place:
            done, image = self._capture.read()
            if not done:
                raise RecordingError("a recorded picture cannot be decoded: the file is damaged")
            self._pictures.append(np.asarray(image, np.uint8))
        return self._pictures[place]

    def close(self) -> None:
        self._capture.release()
        self._remove()

    def _remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


class VideoReader:
    """Decodes single pictures of a video that lies in a recording.

    Not to be shared between threads.

    Parameters
    ----------
    times_ns : (N,) int64, rising
        Log times of the video's packets.
    packet_at : callable
        Returns the packet of a log time; None where it is damaged.
    """

    def __init__(
        self, times_ns: NDArray[np.int64], packet_at: Callable[[int], VideoPacket | None]
    ) -> None:
        self._times_ns = times_ns
        self._packet_at = packet_at
        self._groups: OrderedDict[int, _Group] = OrderedDict()

    def picture(self, log_ns: int) -> UInt8Array:
        """Return the (h, w, 3) uint8 BGR picture of a log time, in the video's size.

        Raises
        ------
        RecordingError
            It, or one that it needs, is damaged or not there.
        """
        index = int(np.searchsorted(self._times_ns, log_ns))
        if index >= len(self._times_ns) or int(self._times_ns[index]) != log_ns:
            raise RecordingError("there is no picture of that time")
        for first in reversed(self._groups):
            group = self._groups[first]
            if first <= index < first + group.count:
                self._groups.move_to_end(first)
                return group.picture(index - first)
        first, group = self._load(index)
        self._groups[first] = group
        if len(self._groups) > _GROUPS_KEPT:
            self._groups.popitem(last=False)[1].close()
        return group.picture(index - first)

    def close(self) -> None:
        """Release the decoders."""
        for group in self._groups.values():
            group.close()
        self._groups.clear()

    def _load(self, index: int) -> tuple[int, _Group]:
        """Return the group that holds a packet, and where it begins."""
        first = index
        before = [self._needed(index, None)]
        while not before[-1].is_key:
            first -= 1
            if first < 0 or index - first > _LONGEST_GROUP:
                raise RecordingError("the picture's key is missing, so it cannot be decoded")
            before.append(self._needed(first, before[-1]))
        packets = before[::-1]
        return first, _Group(packets + self._following(index, packets[-1]))

    def _needed(self, index: int, after: VideoPacket | None) -> VideoPacket:
        packet = self._packet_at(int(self._times_ns[index]))
        if packet is None or (after is not None and packet.sequence != after.sequence - 1):
            raise RecordingError("a picture that this one needs is damaged or missing")
        return packet

    def _following(self, index: int, last: VideoPacket) -> list[VideoPacket]:
        """Return the packets up to the next key or gap."""
        found: list[VideoPacket] = []
        for log_ns in self._times_ns[index + 1 : index + _LONGEST_GROUP]:
            packet = self._packet_at(int(log_ns))
            if packet is None or packet.is_key or packet.sequence != last.sequence + 1:
                break
            found.append(packet)
            last = packet
        return found


def _size_of(key_packet: bytes) -> tuple[int, int]:
    """Return width and height from a VP9 key packet's head (VP9 specification, 7.2.3)."""
    bits = int.from_bytes(key_packet[:16].ljust(16, b"\0"), "big")

    # frame marker 2, profile 2 (low bit first), show existing, type, show, error resilient: 8 bits;
    # sync: 24; colour space 3, range 1: 36; in profile 1 subsampling 2, reserved 1: 39; then 16
    # bits each.
    def read(start: int, count: int) -> int:
        return (bits >> (128 - start - count)) & ((1 << count) - 1)

    if read(8, 24) != 0x498342:
        raise RecordingError("a recorded key picture is damaged")
    first = 39 if read(2, 1) else 36
    return read(first, 16) + 1, read(first + 16, 16) + 1
