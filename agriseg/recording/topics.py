"""What a run's files hold: topics, their message types, and the version of it all.

FORMAT.md says the same in words; the two change together, with a new golden run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agriseg.messages import (
    ControllerCapabilities,
    ControllerStatus,
    OdometrySample,
    PositionFix,
    PulseReport,
    RunEvent,
    SprayPlan,
    StageTimes,
    VehicleState,
)
from agriseg.recording.codec import json_schema
from agriseg.recording.location import LOCATION_SCHEMA

FORMAT_VERSION = 1
"""Of everything in a run's directory; raised when an old reader would misread a new run."""

MCAP_PROFILE = "agriseg"


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRecord:
    """One processed frame, without its picture.

    ``weed_cover`` and ``crop_cover`` are shares of the picture's pixels, 0 to 1, NaN when the
    mask was dropped before it was counted. ``has_picture`` says whether the picture and the
    mask were kept.
    """

    frame_id: int
    t_capture_s: float
    width_px: int
    height_px: int
    segmenter: str
    forward_ms: float
    weed_cover: float
    crop_cover: float
    has_picture: bool
    dropped_before: int = 0
    name: str = ""
    vehicle: VehicleState | None = None
    stage: StageTimes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderRecord:
    """The recorder's own counters, about every ten seconds and at the end.

    ``wall_ns`` is the computer's clock at that moment, to notice one that was set during
    the run. ``closed`` is true in the last record of a run that was ended in order.
    """

    t_s: float
    wall_ns: int
    frames: int
    pictures: int
    pictures_dropped: int
    telemetry_dropped: int
    closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedImage:
    """A compressed picture or mask.

    ``format`` is ``jpeg`` for pictures and ``png`` for masks; a mask's PNG has a palette
    whose index 0 is soil, 1 crop, 2 weed and 3 ignore.
    """

    frame_number: int
    format: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoPacket:
    """One picture of a video.

    ``sequence`` counts the packets of a run: where it jumps, pictures up to the next key
    cannot be decoded. ``is_key`` says that it needs none before it.
    """

    frame_number: int
    format: str
    data: bytes
    sequence: int
    is_key: bool


RecordedMessage = (
    FrameRecord
    | SprayPlan
    | OdometrySample
    | PositionFix
    | PulseReport
    | ControllerStatus
    | ControllerCapabilities
    | RunEvent
    | RecorderRecord
    | EncodedImage
    | VideoPacket
)

FRAME = "/frame"
PLAN = "/plan"
ODOMETRY = "/odometry"
POSITION = "/position"
PULSE = "/pulse"
STATUS = "/controller/status"
CAPABILITIES = "/controller/capabilities"
EVENT = "/event"
RECORDER = "/recorder"
IMAGE = "/camera/image"
VIDEO = "/camera/video"
MASK = "/camera/mask"

DATA_TOPICS: dict[str, type] = {
    FRAME: FrameRecord,
    PLAN: SprayPlan,
    ODOMETRY: OdometrySample,
    POSITION: PositionFix,
    PULSE: PulseReport,
    STATUS: ControllerStatus,
    CAPABILITIES: ControllerCapabilities,
    EVENT: RunEvent,
    RECORDER: RecorderRecord,
}
"""Topics of ``data-NNNN.mcap`` and their message types."""

VIDEO_TOPICS: dict[str, type] = {
    IMAGE: EncodedImage,
    VIDEO: VideoPacket,
    MASK: EncodedImage,
}
"""Topics of ``video-NNNN.mcap``."""

_FOXGLOVE_PROPERTIES: dict[str, Any] = {
    "timestamp": {
        "type": "object",
        "title": "time",
        "properties": {
            "sec": {"type": "integer", "minimum": 0},
            "nsec": {"type": "integer", "minimum": 0, "maximum": 999_999_999},
        },
    },
    "frame_id": {"type": "string"},
    "data": {"type": "string", "contentEncoding": "base64"},
    "format": {"type": "string"},
    "frame_number": {"type": "integer"},
}

COMPRESSED_IMAGE_SCHEMA: dict[str, Any] = {
    "title": "foxglove.CompressedImage",
    "description": "A compressed picture; frame_number is AgriSeg's count of frames",
    "type": "object",
    "properties": _FOXGLOVE_PROPERTIES,
}

COMPRESSED_VIDEO_SCHEMA: dict[str, Any] = {
    "title": "foxglove.CompressedVideo",
    "description": "One picture of a video; sequence counts the packets without a gap",
    "type": "object",
    "properties": {
        **_FOXGLOVE_PROPERTIES,
        "sequence": {"type": "integer"},
        "is_key": {"type": "boolean"},
    },
}


def schema_of(cls: type) -> tuple[str, dict[str, Any]]:
    """Return the name and the JSON schema of a recorded message type."""
    if cls is EncodedImage:
        return "foxglove.CompressedImage", COMPRESSED_IMAGE_SCHEMA
    if cls is PositionFix:
        return "foxglove.LocationFix", LOCATION_SCHEMA
    if cls is VideoPacket:
        return "foxglove.CompressedVideo", COMPRESSED_VIDEO_SCHEMA
    return f"agriseg.{cls.__name__}", json_schema(cls)
