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

VIDEO_TOPICS: dict[str, type] = {IMAGE: EncodedImage, MASK: EncodedImage}
"""Topics of ``video-NNNN.mcap``."""

COMPRESSED_IMAGE_SCHEMA: dict[str, Any] = {
    "title": "foxglove.CompressedImage",
    "description": "A compressed picture; frame_number is AgriSeg's count of frames",
    "type": "object",
    "properties": {
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
    },
}


def schema_of(cls: type) -> tuple[str, dict[str, Any]]:
    """Return the name and the JSON schema of a recorded message type."""
    if cls is EncodedImage:
        return "foxglove.CompressedImage", COMPRESSED_IMAGE_SCHEMA
    if cls is PositionFix:
        return "foxglove.LocationFix", LOCATION_SCHEMA
    return f"agriseg.{cls.__name__}", json_schema(cls)
