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
from agriseg.pipeline_journal import PipelineState, PipelineStep
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
    patches_dropped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedStart:
    """Where the pipeline stood when the run began; see `agriseg.pipeline_journal`.

    ``map_planes`` is base64 of zlib of the map's planes, row by row: mean of weed and mean of crop
    (float32, little endian), then how many frames showed each cell (uint8), each ``map_side``
    cells square. ``map_column`` and ``map_row`` are absent while the map is empty.
    """

    t_s: float
    state: PipelineState
    map_side: int
    map_planes: str
    map_column: int | None = None
    map_row: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSteps:
    """What the pipeline was given, in order; the frames' evidence is on ``/pipeline/patch``.

    ``first`` counts the steps of the run before these.
    """

    t_s: float
    first: int
    steps: tuple[PipelineStep, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedImage:
    """A compressed picture, mask or patch of evidence.

    ``format`` is ``jpeg`` for pictures and ``png`` for masks; a mask's PNG has a palette
    whose index 0 is soil, 1 crop, 2 weed and 3 ignore; a patch's is grey, weed above crop.
    """

    frame_number: int
    format: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskOutlines:
    """A mask as the outlines of its patches; see FORMAT.md and `agriseg.recording.outlines`."""

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
    | RecordedStart
    | RecordedSteps
    | RecorderRecord
    | EncodedImage
    | MaskOutlines
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
START = "/pipeline/start"
STEPS = "/pipeline/steps"
RECORDER = "/recorder"
IMAGE = "/camera/image"
VIDEO = "/camera/video"
MASK = "/camera/mask"
OUTLINES = "/camera/outlines"
PATCH = "/pipeline/patch"

DATA_TOPICS: dict[str, type] = {
    FRAME: FrameRecord,
    PLAN: SprayPlan,
    ODOMETRY: OdometrySample,
    POSITION: PositionFix,
    PULSE: PulseReport,
    STATUS: ControllerStatus,
    CAPABILITIES: ControllerCapabilities,
    EVENT: RunEvent,
    START: RecordedStart,
    STEPS: RecordedSteps,
    RECORDER: RecorderRecord,
}
"""Topics of ``data-NNNN.mcap`` and their message types."""

VIDEO_TOPICS: dict[str, type] = {
    IMAGE: EncodedImage,
    VIDEO: VideoPacket,
    MASK: EncodedImage,
    OUTLINES: MaskOutlines,
    PATCH: EncodedImage,
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

MASK_OUTLINES_SCHEMA: dict[str, Any] = {
    "title": "agriseg.MaskOutlines",
    "description": "Classes of a frame's pixels, as outlines; see FORMAT.md",
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
    if cls is MaskOutlines:
        return "agriseg.MaskOutlines", MASK_OUTLINES_SCHEMA
    if cls is VideoPacket:
        return "foxglove.CompressedVideo", COMPRESSED_VIDEO_SCHEMA
    return f"agriseg.{cls.__name__}", json_schema(cls)
