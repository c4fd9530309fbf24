"""Pictures and masks of a recording: JPEG, PNG, and the JSON around them."""

from __future__ import annotations

import base64
import io
import json
import struct
import zlib

import numpy as np
from PIL import Image

from agriseg.errors import RecordingError
from agriseg.messages import ClassId, UInt8Array
from agriseg.opencv import cv2
from agriseg.recording.topics import EncodedImage, MaskOutlines, VideoPacket

STILL_QUALITY = 85
"""Of the stills beside a video, JPEG with full colour."""

_IGNORE_INDEX = 3
"""Of the palette in which older recordings keep masks."""


def encode_jpeg(image: UInt8Array, quality: int) -> bytes:
    """Return a (H, W, 3) uint8 BGR picture as JPEG; ``quality`` is 0 to 100."""
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise RecordingError(f"a picture of {image.shape} could not be written as JPEG")
    return data.tobytes()


def encode_still(image: UInt8Array) -> bytes:
    """Return a (H, W, 3) uint8 BGR picture as JPEG with as much colour as brightness."""
    options = [cv2.IMWRITE_JPEG_QUALITY, STILL_QUALITY]
    options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    done, data = cv2.imencode(".jpg", image, options)
    if not done:
        raise RecordingError(f"a picture of {image.shape} could not be written as JPEG")
    return data.tobytes()


def decode_jpeg(data: bytes) -> UInt8Array:
    """Return the (H, W, 3) uint8 BGR picture of a JPEG.

    Raises
    ------
    RecordingError
        The bytes are not a picture.
    """
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise RecordingError("a recorded picture cannot be decoded: the file is damaged")
    return np.asarray(image, np.uint8)


def encode_grey(plane: UInt8Array) -> bytes:
    """Return a (H, W) uint8 plane as grey PNG, quickly, for planes with flat patches.

    Layout: PNG specification, second edition, chapters 5 and 11.
    """
    height, width = plane.shape
    rows = np.zeros((height, width + 1), np.uint8)  # the first byte: no filter
    rows[:, 1:] = plane
    packer = zlib.compressobj(1, zlib.DEFLATED, 15, 9, zlib.Z_RLE)
    body = packer.compress(rows.tobytes()) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", head), (b"IDAT", body), (b"IEND", b""))
    )


def decode_grey(data: bytes) -> UInt8Array:
    """Return the (H, W) uint8 plane of a grey PNG.

    Raises
    ------
    RecordingError
        The bytes are not a PNG.
    """
    plane = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    if plane is None:
        raise RecordingError("a recorded plane cannot be decoded: the file is damaged")
    return np.asarray(plane, np.uint8)


def class_share(labels: UInt8Array, class_id: ClassId) -> float:
    """Return the share of a mask's pixels that are of a class, 0 to 1."""
    wanted = np.array(int(class_id))
    return cv2.countNonZero(cv2.inRange(labels, wanted, wanted)) / labels.size


def decode_palette_mask(data: bytes) -> UInt8Array:
    """Return the (H, W) uint8 mask of `ClassId` of a PNG with a palette, as it once was kept.

    Raises
    ------
    RecordingError
        The bytes are not a PNG with a palette.
    """
    try:
        with Image.open(io.BytesIO(data)) as picture:
            if picture.mode != "P":
                raise RecordingError(f"a recorded mask has mode {picture.mode}, expected a palette")
            indices = np.array(picture, np.uint8)
    except (OSError, SyntaxError, ValueError) as error:
        raise RecordingError(f"a recorded mask cannot be decoded ({error})") from error
    indices[indices == _IGNORE_INDEX] = ClassId.IGNORE
    return indices


def camera_message_json(
    message: EncodedImage | MaskOutlines | VideoPacket, stamp_ns: int, frame: str
) -> bytes:
    """Return a foxglove.CompressedImage, foxglove.CompressedVideo or agriseg.MaskOutlines.

    ``stamp_ns`` is the wall-clock time of the exposure, ``frame`` the coordinate frame.
    """
    head: dict[str, object] = {
        "timestamp": {"sec": stamp_ns // 10**9, "nsec": stamp_ns % 10**9},
        "frame_id": frame,
        "format": message.format,
        "frame_number": message.frame_number,
    }
    if isinstance(message, VideoPacket):
        head |= {"sequence": message.sequence, "is_key": message.is_key}
    start = json.dumps(head, separators=(",", ":")).encode()
    return b"".join((start[:-1], b',"data":"', base64.b64encode(message.data), b'"}'))


def parse_compressed_image(data: bytes) -> EncodedImage:
    """Return the picture or mask that `camera_message_json` wrote.

    Raises
    ------
    RecordingError
        The bytes are not such a message.
    """
    try:
        message = json.loads(data)
        return EncodedImage(
            frame_number=int(message["frame_number"]),
            format=str(message["format"]),
            data=base64.b64decode(message["data"], validate=True),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise RecordingError(f"a recorded picture cannot be read ({error!r})") from error


def parse_mask_outlines(data: bytes) -> MaskOutlines:
    """Return the mask that `camera_message_json` wrote.

    Raises
    ------
    RecordingError
        The bytes are not such a message.
    """
    image = parse_compressed_image(data)
    return MaskOutlines(frame_number=image.frame_number, format=image.format, data=image.data)


def parse_video_packet(data: bytes) -> VideoPacket:
    """Return the packet that `camera_message_json` wrote.

    Raises
    ------
    RecordingError
        The bytes are not such a message.
    """
    try:
        message = json.loads(data)
        return VideoPacket(
            frame_number=int(message["frame_number"]),
            format=str(message["format"]),
            data=base64.b64decode(message["data"], validate=True),
            sequence=int(message["sequence"]),
            is_key=bool(message["is_key"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise RecordingError(f"a recorded video packet cannot be read ({error!r})") from error
