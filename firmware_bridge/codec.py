"""Frames to bytes of the wire and back: stuffing, checksum, cutting the stream.

Every received byte is hostile: whatever is not exactly a frame raises `FrameError` and
nothing else.
"""

from __future__ import annotations

from binascii import crc_hqx

from cobs import cobs

from firmware_bridge.errors import FrameError
from firmware_bridge.frames import (
    CONTROLLER_FRAMES,
    DELIMITER,
    HOST_FRAMES,
    MAX_ENCODED,
    MAX_PAYLOAD,
    SCHEMA_HASH,
    UNSEEDED_TYPES,
    ControllerFrame,
    Frame,
    HostFrame,
)

CHECKSUM_RESIDUE = 0x1D0F
"""Checksum over a whole body, its own inverted checksum included."""


def checksum_seed(frame_type: int) -> int:
    """Return what the checksum of a frame of this type starts from."""
    return 0xFFFF if frame_type in UNSEEDED_TYPES else SCHEMA_HASH


def encode(frame: Frame, seq: int = 0) -> bytes:
    """Return a frame as bytes for the wire, with the delimiter at its end.

    Raises
    ------
    ValueError
        The payload is too long.
    struct.error, OverflowError
        A value does not fit its field.
    """
    payload = frame.payload()
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"a payload of {len(payload)} bytes, the most is {MAX_PAYLOAD}")
    body = bytes((frame.TYPE, seq)) + payload
    checksum = crc_hqx(body, checksum_seed(frame.TYPE)) ^ 0xFFFF
    stuffed: bytes = cobs.encode(body + checksum.to_bytes(2, "big"))
    return stuffed + DELIMITER


def unwrap(encoded: bytes) -> tuple[int, int, bytes]:
    """Undo stuffing and checksum of one frame without its delimiter.

    Returns
    -------
    type, seq, payload

    Raises
    ------
    FrameError
    """
    if len(encoded) > MAX_ENCODED:
        raise FrameError("length", f"a frame of {len(encoded)} bytes, the most is {MAX_ENCODED}")
    try:
        body = cobs.decode(encoded)
    except cobs.DecodeError as error:
        raise FrameError("stuffing", f"a frame is not stuffed as it must be: {error}") from error
    if len(body) < 4:
        raise FrameError("length", f"a frame of {len(body)} bytes, the least is 4")
    if crc_hqx(body, checksum_seed(body[0])) != CHECKSUM_RESIDUE:
        raise FrameError("checksum", f"a frame of type {body[0]:#04x} fails its checksum")
    return body[0], body[1], body[2:-2]


class FrameSplitter:
    """Cuts a stream of bytes at its delimiters; holds no more than one frame.

    Bytes between delimiters that are too many for a frame are dropped and counted.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._overlong = False
        self.overlong_count = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Return the stuffed frames that ``data`` completes, without delimiters."""
        frames: list[bytes] = []
        *complete, rest = data.split(DELIMITER)
        for piece in complete:
            self._extend(piece)
            if self._buffer and not self._overlong:
                frames.append(bytes(self._buffer))
            self._buffer.clear()
            self._overlong = False
        self._extend(rest)
        return frames

    def _extend(self, piece: bytes) -> None:
        if self._overlong:
            return
        if len(self._buffer) + len(piece) > MAX_ENCODED:
            self._overlong = True
            self.overlong_count += 1
            self._buffer.clear()
        else:
            self._buffer += piece


def decode_host(encoded: bytes) -> tuple[HostFrame, int]:
    """Return a frame of the host and its sequence number.

    Raises
    ------
    FrameError
    """
    frame_type, seq, payload = unwrap(encoded)
    return parse_host(frame_type, payload), seq


def parse_host(frame_type: int, payload: bytes) -> HostFrame:
    """Return the host's frame of this type and payload.

    Raises
    ------
    FrameError
        ``reason`` is ``type`` for an unknown type.
    """
    frame_class = HOST_FRAMES.get(frame_type)
    if frame_class is None:
        raise FrameError("type", f"{frame_type:#04x} is no type of a host's frame")
    return frame_class.parse(payload)


def decode_controller(encoded: bytes) -> tuple[ControllerFrame, int]:
    """Return a frame of the controller and its sequence number.

    Raises
    ------
    FrameError
    """
    frame_type, seq, payload = unwrap(encoded)
    frame_class = CONTROLLER_FRAMES.get(frame_type)
    if frame_class is None:
        raise FrameError("type", f"{frame_type:#04x} is no type of a controller's frame")
    return frame_class.parse(payload), seq
