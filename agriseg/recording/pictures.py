"""Pictures and masks of a recording: JPEG, palette PNG, and their JSON around it."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
from PIL import Image

from agriseg.errors import RecordingError
from agriseg.messages import ClassId, UInt8Array
from agriseg.opencv import cv2
from agriseg.recording.topics import EncodedImage

_IGNORE_INDEX = 3
_PALETTE = (0, 0, 0, 0, 158, 115, 213, 94, 0, 128, 128, 128)
"""RGB of soil, crop, weed, ignore: Okabe and Ito's green and vermillion."""


def encode_jpeg(image: UInt8Array, quality: int) -> bytes:
    """Return a (H, W, 3) uint8 BGR picture as JPEG; ``quality`` is 0 to 100."""
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
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


def encode_mask(labels: UInt8Array) -> bytes:
    """Return a (H, W) uint8 mask of `ClassId` as PNG with a palette of four colours."""
    indices = np.where(labels > ClassId.WEED, np.uint8(_IGNORE_INDEX), labels)
    height, width = indices.shape
    picture = Image.frombytes("P", (width, height), indices.tobytes())
    picture.putpalette(_PALETTE)
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=1, bits=2)
    return out.getvalue()


def decode_mask(data: bytes) -> UInt8Array:
    """Return the (H, W) uint8 mask of `ClassId` that `encode_mask` wrote.

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


def compressed_image_json(image: EncodedImage, stamp_ns: int, frame: str) -> bytes:
    """Return a foxglove.CompressedImage message.

    ``stamp_ns`` is the wall-clock time of the exposure, ``frame`` the coordinate frame.
    """
    head = json.dumps(
        {
            "timestamp": {"sec": stamp_ns // 10**9, "nsec": stamp_ns % 10**9},
            "frame_id": frame,
            "format": image.format,
            "frame_number": image.frame_number,
        },
        separators=(",", ":"),
    ).encode()
    return b"".join((head[:-1], b',"data":"', base64.b64encode(image.data), b'"}'))


def parse_compressed_image(data: bytes) -> EncodedImage:
    """Return what `compressed_image_json` wrote.

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
