"""Opens a run, ended in order or cut off, and gives its messages and pictures back.

Reading changes nothing on the disk: the index of a cut-off run is made in memory.
"""

from __future__ import annotations

import bisect
import heapq
import json
import logging
import math
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from agriseg.config import Config, parse_config
from agriseg.errors import ConfigError, RecordingError
from agriseg.messages import Float64Array, UInt8Array
from agriseg.opencv import cv2
from agriseg.recording import topics
from agriseg.recording.codec import from_json
from agriseg.recording.location import parse_location
from agriseg.recording.outlines import decode_mask
from agriseg.recording.part_reader import ChunkRef, PartReader, RawMessage
from agriseg.recording.pictures import (
    decode_jpeg,
    decode_palette_mask,
    parse_compressed_image,
    parse_mask_outlines,
    parse_video_packet,
)
from agriseg.recording.quality import JPEG_GOOD_FOR, OLDER_GOOD_FOR
from agriseg.recording.run_directories import (
    DATA_PREFIX,
    RUN_FILE,
    VIDEO_PREFIX,
    is_run,
    is_starred,
)
from agriseg.recording.topics import (
    EncodedImage,
    FrameRecord,
    MaskOutlines,
    RecordedMessage,
    VideoPacket,
)
from agriseg.recording.video_reader import VideoReader

logger = logging.getLogger(__name__)

_CHUNKS_KEPT = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """What a run says of itself.

    ``start_s`` is the host time at its beginning, the zero of `Run.duration_s`; ``start_ns``
    the computer's clock then, nanoseconds since 1970 (UTC). ``virtual_time`` says that host
    time was a simulation's. ``calibration`` holds what `RunDescription` says, and is None where
    the run does not tell, as older recordings do not.
    """

    format_version: int
    started_at: datetime
    start_s: float
    start_ns: int
    virtual_time: bool
    versions: Mapping[str, str]
    model: Mapping[str, str]
    calibration: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What could be read of a run.

    ``known_s`` is how long the run is known to have been, from what is left of a torn
    chunk; equal to ``recovered_s`` where nothing tells.
    """

    is_whole: bool
    recovered_s: float
    known_s: float
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Record:
    """One message, and the host time at which it was recorded."""

    topic: str
    t_s: float
    message: RecordedMessage


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RecordedFrame:
    """A frame with its picture and mask, as `agriseg.messages.Frame` and `Segmentation` had them.

    ``image`` is (H, W, 3) uint8 BGR at the camera's size, as far as compression kept it;
    ``labels`` (H, W) uint8 `ClassId`, exactly as it was. ``is_still`` says that the picture was
    kept for itself, in the camera's size, not as part of a video.
    """

    index: int
    t_s: float
    record: FrameRecord
    image: UInt8Array
    labels: UInt8Array
    is_still: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RecordedPicture:
    """A frame with its picture alone, as in `RecordedFrame`."""

    t_s: float
    record: FrameRecord
    image: UInt8Array
    is_still: bool


class _Stream:
    """The parts of one stream, as one sequence of chunks."""

    def __init__(self, directory: Path, prefix: str) -> None:
        self.parts = [PartReader(path) for path in sorted(directory.glob(f"{prefix}-*.mcap"))]
        self._chunks = [(part, chunk) for part in self.parts for chunk in part.chunks]
        self._ends = [chunk.end_ns for _, chunk in self._chunks]
        self._kept: OrderedDict[tuple[Path, int], list[RawMessage]] = OrderedDict()
        self.damage: dict[tuple[Path, int], str] = {}

    @property
    def is_whole(self) -> bool:
        return bool(self.parts) and all(part.is_whole for part in self.parts)

    @property
    def end_ns(self) -> int:
        return max((part.end_ns for part in self.parts), default=0)

    @property
    def torn_until_ns(self) -> int:
        return max((part.torn_until_ns for part in self.parts), default=0)

    def times_ns(self, topic: str) -> NDArray[np.int64]:
        times = [t for part in self.parts for t in part.times_ns(topic)]
        return np.array(times, np.int64)

    def messages(self, start_ns: float, end_ns: float) -> Iterator[RawMessage]:
        """Yield the messages with log times from ``start_ns`` to ``end_ns``, both included."""
        for part, chunk in self._chunks[bisect.bisect_left(self._ends, start_ns) :]:
            if chunk.start_ns > end_ns:
                return
            for message in self._unpack(part, chunk):
                if start_ns <= message.log_ns <= end_ns:
                    yield message

    def close(self) -> None:
        for part in self.parts:
            part.close()

    def _unpack(self, part: PartReader, chunk: ChunkRef) -> list[RawMessage]:
        key = (part.path, chunk.offset)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        try:
            messages = part.messages(chunk)
        except RecordingError as error:
            self.damage[key] = str(error)
            messages = []
        self._kept[key] = messages
        if len(self._kept) > _CHUNKS_KEPT:
            self._kept.popitem(last=False)
        return messages


class Run:
    """A recorded run; made by `open_run`, to be closed or used in a ``with`` statement."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._data = _Stream(directory, DATA_PREFIX)
        self._video = _Stream(directory, VIDEO_PREFIX)
        self._refused: dict[str, str] = {}
        self._frame_times_ns: NDArray[np.int64] | None = None
        self._video_reader: VideoReader | None = None
        try:
            metadata = self._metadata()
            self._info = _info(directory, metadata)
            self._config, self._config_problem = _config(directory, metadata)
        except BaseException:
            self.close()
            raise

    @property
    def directory(self) -> Path:
        """The run's directory."""
        return self._directory

    @property
    def info(self) -> RunInfo:
        """What the run says of itself."""
        return self._info

    @property
    def config(self) -> Config:
        """The configuration that the run was made with.

        Raises
        ------
        RecordingError
            It is missing or not of this version.
        """
        if self._config is None:
            raise RecordingError(self._config_problem)
        return self._config

    @property
    def starred(self) -> bool:
        """Whether the run is kept whatever the disk budget says."""
        return is_starred(self._directory)

    @property
    def duration_s(self) -> float:
        """From the run's begin to its last recorded message."""
        end_ns = max(self._data.end_ns, self._info.start_ns)
        return (end_ns - self._info.start_ns) * 1e-9

    @property
    def recovery(self) -> Recovery:
        """What could be read, in figures and in a sentence."""
        recovered_s = self.duration_s
        torn_ns = max(self._data.torn_until_ns, self._video.torn_until_ns, self._video.end_ns)
        known_s = max(recovered_s, (torn_ns - self._info.start_ns) * 1e-9)
        is_whole = self._data.is_whole and (self._video.is_whole or not self._video.parts)
        return Recovery(
            is_whole=is_whole,
            recovered_s=recovered_s,
            known_s=known_s,
            sentence=self._recovery_sentence(is_whole, recovered_s, known_s),
        )

    @property
    def problems(self) -> tuple[str, ...]:
        """What was found damaged so far; grows while the run is being read."""
        damage = [*self._data.damage.values(), *self._video.damage.values()]
        refused = list(self._refused.values())
        config = [self._config_problem] if self._config_problem else []
        return tuple(config + damage + refused)

    def records(
        self,
        wanted: Collection[str] | None = None,
        start_s: float = -math.inf,
        end_s: float = math.inf,
    ) -> Iterator[Record]:
        """Yield messages in the order of their recording.

        Parameters
        ----------
        wanted : collection of str, optional
            Topics; all but the pictures by default.
        start_s, end_s : float
            Host times, both included.
        """
        wanted = frozenset(topics.DATA_TOPICS if wanted is None else wanted)
        start_ns, end_ns = self._ns(start_s), self._ns(end_s)
        streams = []
        if wanted & topics.DATA_TOPICS.keys():
            streams.append(self._data.messages(start_ns, end_ns))
        if wanted & topics.VIDEO_TOPICS.keys():
            streams.append(self._video.messages(start_ns, end_ns))
        for raw in heapq.merge(*streams, key=lambda message: message.log_ns):
            if raw.topic in wanted:
                message = self._decode(raw)
                if message is not None:
                    yield Record(topic=raw.topic, t_s=self._t_s(raw.log_ns), message=message)

    def raw_messages(self, prefix: str) -> Iterator[RawMessage]:
        """Yield the undecoded messages of ``data`` or ``video``, to be copied."""
        stream = self._data if prefix == DATA_PREFIX else self._video
        return stream.messages(-math.inf, math.inf)

    @property
    def metadata(self) -> Mapping[str, Mapping[str, str]]:
        """The metadata records by their names."""
        return self._metadata()

    @property
    def frame_times_s(self) -> Float64Array:
        """Host time at which each frame with a picture was recorded, (N,) float64, rising."""
        since_start_ns = (self._frame_index() - self._info.start_ns).astype(np.float64)
        return self._info.start_s + since_start_ns * 1e-9

    @property
    def frame_count(self) -> int:
        """How many frames have a picture and a mask."""
        return len(self._frame_index())

    def frame_index_at(self, t_s: float) -> int:
        """Return the index of the last frame recorded at or before ``t_s``, 0 before the first."""
        found = np.searchsorted(self._frame_index(), round(self._ns(t_s)), side="right")
        return max(0, int(found) - 1)

    @property
    def stills(self) -> NDArray[np.int64]:
        """Indices of the frames whose picture was kept for itself, (N,) int64, rising."""
        images = np.intersect1d(self._video.times_ns(topics.IMAGE), self._frame_index())
        return np.searchsorted(self._frame_index(), images).astype(np.int64)

    @property
    def pictures_good_for(self) -> str:
        """What the run's pictures can be used for, in words; empty where it kept none."""
        if not self.frame_count:
            return ""
        said = self._metadata().get("agriseg.pictures", {}).get("good_for", "")
        if len(self._video.times_ns(topics.VIDEO)) == 0:
            return JPEG_GOOD_FOR
        return said or OLDER_GOOD_FOR

    def frame(self, index: int) -> RecordedFrame:
        """Return a frame with its picture and mask.

        Raises
        ------
        IndexError
            There is no such frame.
        RecordingError
            It is damaged.
        """
        picture = self.picture(index)
        labels = self.labels(index)
        return RecordedFrame(
            index=index,
            t_s=picture.t_s,
            record=picture.record,
            image=_at_size(picture.image, labels.shape),
            labels=labels,
            is_still=picture.is_still,
        )

    def picture(self, index: int) -> RecordedPicture:
        """Return a frame with its picture alone; quicker than `frame`.

        Raises
        ------
        IndexError, RecordingError
            As `frame`.
        """
        times = self._frame_index()
        if not 0 <= index < len(times):
            raise IndexError(f"frame {index} of a run with {len(times)} pictures")
        log_ns = int(times[index])
        record = cast(FrameRecord | None, self._at(log_ns, self._data, topics.FRAME))
        if record is None:
            raise RecordingError(f"{self._directory}: frame {index} is damaged")
        try:
            image, is_still = self._image(log_ns)
        except RecordingError as error:
            raise RecordingError(f"{self._directory}: frame {index}: {error}") from error
        return RecordedPicture(
            t_s=self._t_s(log_ns),
            record=record,
            image=_at_size(image, (record.height_px, record.width_px)),
            is_still=is_still,
        )

    def labels(self, index: int) -> UInt8Array:
        """Return the mask of a frame alone, (H, W) uint8 `ClassId`; quicker than `frame`.

        Raises
        ------
        IndexError, RecordingError
            As `frame`.
        """
        times = self._frame_index()
        if not 0 <= index < len(times):
            raise IndexError(f"frame {index} of a run with {len(times)} pictures")
        for raw in self._video.messages(int(times[index]), int(times[index])):
            if raw.topic in (topics.OUTLINES, topics.MASK):
                mask = self._decode(raw)
                if isinstance(mask, MaskOutlines):
                    return decode_mask(mask.format, mask.data)
                if isinstance(mask, EncodedImage):
                    return decode_palette_mask(mask.data)
        raise RecordingError(f"{self._directory}: the mask of frame {index} is damaged")

    def close(self) -> None:
        """Release the files."""
        if self._video_reader is not None:
            self._video_reader.close()
        self._data.close()
        self._video.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _frame_index(self) -> NDArray[np.int64]:
        if self._frame_times_ns is None:
            images = np.union1d(
                self._video.times_ns(topics.IMAGE), self._video.times_ns(topics.VIDEO)
            )
            masks = np.union1d(
                self._video.times_ns(topics.OUTLINES), self._video.times_ns(topics.MASK)
            )
            pictures = np.intersect1d(images, masks)
            self._frame_times_ns = np.intersect1d(self._data.times_ns(topics.FRAME), pictures)
        return self._frame_times_ns

    def _at(self, log_ns: int, stream: _Stream, topic: str) -> RecordedMessage | None:
        """Return the message of a topic at a log time; None where it is damaged or missing."""
        for raw in stream.messages(log_ns, log_ns):
            if raw.topic == topic:
                return self._decode(raw)
        return None

    def _image(self, log_ns: int) -> tuple[UInt8Array, bool]:
        """Return the picture of a log time, and whether it is a still."""
        still = self._at(log_ns, self._video, topics.IMAGE)
        if still is not None:
            return decode_jpeg(cast(EncodedImage, still).data), True
        if self._video_reader is None:
            times = np.sort(self._video.times_ns(topics.VIDEO))
            self._video_reader = VideoReader(times, self._packet_at)
        return self._video_reader.picture(log_ns), False

    def _packet_at(self, log_ns: int) -> VideoPacket | None:
        return cast(VideoPacket | None, self._at(log_ns, self._video, topics.VIDEO))

    def _decode(self, raw: RawMessage) -> RecordedMessage | None:
        try:
            if raw.topic == topics.OUTLINES:
                return parse_mask_outlines(raw.data)
            if raw.topic == topics.VIDEO:
                return parse_video_packet(raw.data)
            if raw.topic in topics.VIDEO_TOPICS:
                return parse_compressed_image(raw.data)
            if raw.topic == topics.POSITION:
                return parse_location(raw.data)
            return cast(RecordedMessage, from_json(topics.DATA_TOPICS[raw.topic], raw.data))
        except RecordingError as error:
            self._refused[raw.topic] = f"{self._directory}: {raw.topic}: {error}"
            return None

    def _ns(self, t_s: float) -> float:
        return self._info.start_ns + (t_s - self._info.start_s) * 1e9

    def _t_s(self, log_ns: int) -> float:
        return self._info.start_s + (log_ns - self._info.start_ns) * 1e-9

    def _metadata(self) -> dict[str, dict[str, str]]:
        """Return the metadata from the first part that has it, else from the run's file."""
        for part in (*self._data.parts, *self._video.parts):
            if "agriseg.run" in part.metadata:
                return part.metadata
        return _metadata_file(self._directory)

    def _recovery_sentence(self, is_whole: bool, recovered_s: float, known_s: float) -> str:
        if is_whole:
            return f"The recording is whole: {recovered_s:.1f} s."
        if known_s > recovered_s + 0.05:
            return (
                f"The recording was cut off: recovered {recovered_s:.1f} s of {known_s:.1f} s;"
                " the last chunk was torn."
            )
        return (
            f"The recording was not ended (cut off, or still going on): recovered {recovered_s:.1f}"
            " s, all that was written."
        )


def _at_size(image: UInt8Array, shape: tuple[int, ...]) -> UInt8Array:
    """Return a picture at a mask's size."""
    if image.shape[:2] == shape:
        return image
    return np.asarray(
        cv2.resize(image, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC), np.uint8
    )


def open_run(path: Path) -> Run:
    """Open the run in a directory (or that one of its ``.mcap`` files belongs to).

    Raises
    ------
    RecordingError
        There is nothing, it is not a run, or a newer program wrote it.
    """
    directory = path.parent if path.is_file() and path.suffix == ".mcap" else path
    if not directory.exists():
        raise RecordingError(
            f"{path}: there is no such folder; `agriseg runs list` shows the recorded runs"
        )
    if not directory.is_dir() or not is_run(directory):
        raise RecordingError(
            f"{path}: this is not a recorded run (it has neither {RUN_FILE} nor"
            f" {DATA_PREFIX}-0000.mcap); `agriseg runs list` shows the recorded runs"
        )
    return Run(directory)


def _metadata_file(directory: Path) -> dict[str, dict[str, str]]:
    """Read the copy of the metadata beside the recording; empty when it is unusable too."""
    try:
        data = json.loads((directory / RUN_FILE).read_text(encoding="utf-8"))
        return {f"agriseg.{key}": dict(value) for key, value in data.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _info(directory: Path, metadata: Mapping[str, Mapping[str, str]]) -> RunInfo:
    about = metadata.get("agriseg.run", {})
    try:
        version = int(about["format_version"])
    except (KeyError, ValueError) as error:
        raise RecordingError(
            f"{directory}: the run's head is missing or damaged, so nothing can be read of it;"
            " it was cut off in its first moment or is not a run of AgriSeg"
        ) from error
    if version > topics.FORMAT_VERSION:
        written_by = metadata.get("agriseg.versions", {}).get("agriseg", "a newer version")
        raise RecordingError(
            f"{directory}: the run has format version {version} (AgriSeg {written_by}), this"
            f" program reads versions up to {topics.FORMAT_VERSION}; update AgriSeg to open it"
        )
    try:
        start_ns = int(about["start_wall_ns"])
        return RunInfo(
            format_version=version,
            started_at=datetime.fromtimestamp(start_ns / 1e9, tz=UTC),
            start_s=float(about["start_monotonic_s"]),
            start_ns=start_ns,
            virtual_time=about.get("virtual_time") == "true",
            versions=dict(metadata.get("agriseg.versions", {})),
            model=dict(metadata.get("agriseg.model", {})),
            calibration=metadata.get("agriseg.calibration"),
        )
    except (KeyError, ValueError, OverflowError) as error:
        raise RecordingError(f"{directory}: the run's head is damaged ({error!r})") from error


def _config(
    directory: Path, metadata: Mapping[str, Mapping[str, str]]
) -> tuple[Config | None, str]:
    """Return the run's configuration, or None and why it cannot be used."""
    try:
        text = metadata.get("agriseg.config", {}).get("json")
        if text is None:
            text = (directory / "config.json").read_text(encoding="utf-8")
        data = cast(dict[str, Any], json.loads(text))
        return parse_config(data, source=f"{directory}: configuration"), ""
    except (OSError, ValueError) as error:
        return None, f"{directory}: the run's configuration cannot be read ({error})"
    except ConfigError as error:
        return None, str(error)
