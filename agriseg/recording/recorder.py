"""Records a run: everything that is decided and confirmed, and the pictures behind it.

The engine hands messages over and goes on at once; a thread of the recorder's own encodes
and writes them. What a killed process had written survives up to its last half second. When
the disk is full the pictures stop, the rest goes on, and `RunRecorder.problem` says so.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from agriseg.append_file import DiskFile, OutputFile
from agriseg.config import Config
from agriseg.errors import DiskFullError, RecordingError
from agriseg.messages import (
    ClassId,
    ControllerCapabilities,
    ControllerMessage,
    ControllerStatus,
    Frame,
    OdometrySample,
    PositionFix,
    PulseReport,
    RunEvent,
    Segmentation,
    SprayPlan,
    StageTimes,
    VehicleState,
)
from agriseg.pipeline_journal import PipelineStart, PipelineSteps
from agriseg.ports import Clock
from agriseg.recording import topics
from agriseg.recording.codec import to_json
from agriseg.recording.evidence import encode_patch, recorded_start
from agriseg.recording.inbox import FrameItem, Inbox, Item, Rank
from agriseg.recording.location import location_json
from agriseg.recording.outlines import encode_mask
from agriseg.recording.part_stream import PartStream
from agriseg.recording.picture_coding import PictureCoding, choose_coding
from agriseg.recording.pictures import camera_message_json, class_share
from agriseg.recording.quality import JPEG_GOOD_FOR, ByteBudget, quality_of
from agriseg.recording.run_directories import (
    CONFIG_FILE,
    DATA_PREFIX,
    RUN_FILE,
    VIDEO_PREFIX,
    DiskBudget,
    is_run,
    remove_run_files,
)
from agriseg.recording.topics import FrameRecord, MaskOutlines, RecordedSteps, RecorderRecord
from agriseg.recording.vp9 import Vp9Library, find_vp9

logger = logging.getLogger(__name__)

_FULL = frozenset({errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)})
_MB = 1_000_000
_PACKED_SHARE = 0.32
"""What is left of messages as JSON when chunks are packed."""

_TOPIC_OF: dict[type, str] = {
    OdometrySample: topics.ODOMETRY,
    PositionFix: topics.POSITION,
    PulseReport: topics.PULSE,
    ControllerStatus: topics.STATUS,
    ControllerCapabilities: topics.CAPABILITIES,
    RunEvent: topics.EVENT,
    SprayPlan: topics.PLAN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDescription:
    """What a run is told about itself when it begins.

    Attributes
    ----------
    versions : mapping
        Program or library to version.
    model : mapping
        What is known of the segmenter: name, file, licence, attribution, ...
    calibration : mapping
        Calibrated step to the line of the calibration's history that is in force, as JSON
        (agriseg/calibration/FORMAT.md); empty where nothing was calibrated.
    """

    versions: Mapping[str, str] = field(default_factory=dict)
    model: Mapping[str, str] = field(default_factory=dict)
    calibration: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderLimits:
    """How much the recorder lets wait, and how often it puts it on the disk.

    ``flush_s`` bounds what a killed process loses. Below ``min_free_bytes`` of free disk no
    pictures are recorded; they go on above twice of it.
    """

    pictures_waiting: int = 12
    telemetry_waiting: int = 20_000
    flush_s: float = 0.5
    part_bytes: int = 2 * 1024**3
    min_free_bytes: int = 200 * _MB
    memory_bytes: int = 64 * _MB
    """What may wait in memory for a disk that refuses, before telemetry is dropped."""
    counters_every_s: float = 10.0


class RunRecorder:
    """A `RunSink` that writes a run's directory as FORMAT.md describes it.

    Parameters
    ----------
    directory : Path
        The run's own directory; made if it is not there.
    config : Config
    description : RunDescription
    clock : Clock
        The engine's; all ``t_*_s`` of the messages are its time.
    wall_ns : callable
        The computer's clock, nanoseconds since 1970 (UTC). Read once to place the whole run,
        so a clock that is set later moves nothing.
    budget : DiskBudget, optional
        What all runs together may take; oldest ones are deleted for it.
    wait_for_room : bool
        For virtual time, and says in the run that it was virtual: wait instead of
        dropping pictures.
    replace_run : bool
        Delete the files of a run that is already in ``directory``.
    limits, free_bytes, open_file, vp9 :
        For tests and odd disks and computers.

    Raises
    ------
    RecordingError
        The directory cannot be made or written, or holds a run already.
    """

    def __init__(
        self,
        directory: Path,
        config: Config,
        description: RunDescription,
        *,
        clock: Clock,
        wall_ns: Callable[[], int] = time.time_ns,
        budget: DiskBudget | None = None,
        wait_for_room: bool = False,
        replace_run: bool = False,
        limits: RecorderLimits = RecorderLimits(),
        free_bytes: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free,
        open_file: Callable[[Path], OutputFile] = DiskFile,
        vp9: Callable[[], Vp9Library | None] = find_vp9,
    ) -> None:
        self._directory = directory
        self._clock = clock
        self._inbox = Inbox(limits.pictures_waiting, limits.telemetry_waiting, wait_for_room)
        start_s, start_ns = clock.now_s(), wall_ns()
        metadata = _metadata(config, description, start_s, start_ns, wait_for_room)
        _prepare(directory, metadata, replace_run)
        self._writer = _RunWriter(
            directory=directory,
            config=config,
            metadata=metadata,
            start_s=start_s,
            start_ns=start_ns,
            wall_ns=wall_ns,
            inbox=self._inbox,
            limits=limits,
            budget=budget,
            free_bytes=free_bytes,
            open_file=open_file,
            vp9=vp9,
        )
        self._thread = threading.Thread(
            target=self._writer.run, name="agriseg-recorder", daemon=True
        )
        self._closing = threading.Lock()
        self._thread.start()

    @property
    def directory(self) -> Path:
        """The run's directory."""
        return self._directory

    @property
    def error(self) -> RecordingError | None:
        """Why something is not being kept; `DiskFullError` where the disk is full."""
        return self._writer.error

    @property
    def problem(self) -> str:
        """Why something is not being kept, in a sentence for the operator; empty when all is."""
        return "" if self._writer.error is None else str(self._writer.error)

    @property
    def counters(self) -> RecorderRecord:
        """What was recorded and what was dropped so far."""
        return self._writer.counters(self._clock.now_s())

    def frame(
        self,
        frame: Frame,
        segmentation: Segmentation,
        vehicle: VehicleState | None,
        stage: StageTimes,
    ) -> None:
        """Take one processed frame. Its arrays must not change afterwards."""
        height, width = frame.image.shape[:2]
        record = FrameRecord(
            frame_id=frame.frame_id,
            t_capture_s=frame.t_capture_s,
            width_px=width,
            height_px=height,
            segmenter=segmentation.segmenter,
            forward_ms=segmentation.forward_ms,
            weed_cover=float("nan"),
            crop_cover=float("nan"),
            has_picture=False,
            dropped_before=frame.dropped_before,
            name=frame.name,
            vehicle=vehicle,
            stage=stage,
        )
        item = FrameItem(record=record, frame=frame, segmentation=segmentation)
        self._inbox.put(Item(t_s=self._clock.now_s(), rank=Rank.FRAME, payload=item))

    def controller(self, message: ControllerMessage) -> None:
        """Take one message of the controller."""
        telemetry = isinstance(message, OdometrySample | ControllerStatus)
        rank = Rank.TELEMETRY if telemetry else Rank.KEEP
        self._inbox.put(Item(t_s=self._clock.now_s(), rank=rank, payload=message))

    def plan(self, plan: SprayPlan) -> None:
        """Take one planning step."""
        self._inbox.put(Item(t_s=self._clock.now_s(), rank=Rank.KEEP, payload=plan))

    def position(self, fix: PositionFix) -> None:
        """Take one position of the satellite receiver."""
        self._inbox.put(Item(t_s=self._clock.now_s(), rank=Rank.TELEMETRY, payload=fix))

    def journal(self, entry: PipelineStart | PipelineSteps) -> None:
        """Take what the pipeline was given. Its arrays must not change afterwards."""
        rank = Rank.STEPS if isinstance(entry, PipelineSteps) else Rank.KEEP
        self._inbox.put(Item(t_s=self._clock.now_s(), rank=rank, payload=entry))

    def event(self, event: RunEvent) -> None:
        """Take an event; events are never dropped."""
        self._inbox.put(Item(t_s=self._clock.now_s(), rank=Rank.KEEP, payload=event))

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Wait until all that was given so far is on the disk; return whether it is.

        For tests and for moments that matter (the end of a row); the engine's loop has no
        need of it.
        """
        done = threading.Event()
        self._writer.ask_for_flush(done)
        self._inbox.wake()
        return done.wait(timeout_s) and self._writer.error is None

    def close(self) -> None:
        """Write what waits, end the files with their index; later calls do nothing."""
        with self._closing:
            self._inbox.close()
            self._thread.join()


def _metadata(
    config: Config,
    description: RunDescription,
    start_s: float,
    start_ns: int,
    virtual_time: bool,
) -> dict[str, dict[str, str]]:
    started = datetime.fromtimestamp(start_ns / 1e9, tz=UTC)
    return {
        "agriseg.run": {
            "format_version": str(topics.FORMAT_VERSION),
            "started_at": started.isoformat(timespec="milliseconds"),
            "start_wall_ns": str(start_ns),
            "start_monotonic_s": repr(start_s),
            "virtual_time": "true" if virtual_time else "false",
        },
        "agriseg.config": {"json": config.model_dump_json()},
        "agriseg.versions": dict(description.versions),
        "agriseg.model": dict(description.model),
        "agriseg.calibration": dict(description.calibration),
        "agriseg.pictures": _about_pictures(config),
    }


def _about_pictures(config: Config) -> dict[str, str]:
    """Return what the run says of its pictures."""
    if config.recording.pictures == "jpeg":
        return {"quality": "jpeg", "good_for": JPEG_GOOD_FOR}
    quality = quality_of(config.recording)
    return {
        "quality": quality.name,
        "gb_per_hour": f"{quality.gb_per_hour:g}",
        "good_for": quality.good_for,
    }


def _prepare(directory: Path, metadata: Mapping[str, Mapping[str, str]], replace_run: bool) -> None:
    """Make the directory and the two small files that say what it is."""
    is_new = not directory.exists()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if is_run(directory):
            if not replace_run:
                raise RecordingError(
                    f"{directory}: there is a run here already; choose another folder"
                )
            remove_run_files(directory)
        config = json.loads(metadata["agriseg.config"]["json"])
        about = {key.removeprefix("agriseg."): dict(v) for key, v in metadata.items()}
        del about["config"]
        _write_json(directory / CONFIG_FILE, config)
        _write_json(directory / RUN_FILE, about)
    except OSError as error:
        if is_new:
            shutil.rmtree(directory, ignore_errors=True)
        if error.errno in _FULL:
            raise DiskFullError(
                f"The disk of {directory.parent} is full: the run cannot be recorded and was not"
                " started; delete old runs or other files."
            ) from error
        raise _as_recording_error(directory, error) from error


def _write_json(path: Path, value: object) -> None:
    partial = path.with_name(path.name + ".part")
    with partial.open("w", encoding="utf-8") as file:
        json.dump(value, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _as_recording_error(directory: Path, error: OSError) -> RecordingError:
    if error.errno in _FULL:
        return DiskFullError(
            f"The disk of {directory} is full: spraying goes on, nothing more is recorded until"
            " there is room; delete old runs or other files."
        )
    return RecordingError(
        f"{directory}: the run cannot be recorded here ({error.strerror or error}); check that the"
        " folder can be written, or choose another with recording.directory."
    )


class _RunWriter:
    """The recorder's thread: encodes, writes, flushes, watches the disk."""

    def __init__(
        self,
        *,
        directory: Path,
        config: Config,
        metadata: Mapping[str, Mapping[str, str]],
        start_s: float,
        start_ns: int,
        wall_ns: Callable[[], int],
        inbox: Inbox,
        limits: RecorderLimits,
        budget: DiskBudget | None,
        free_bytes: Callable[[Path], int],
        open_file: Callable[[Path], OutputFile],
        vp9: Callable[[], Vp9Library | None],
    ) -> None:
        self.error: RecordingError | None = None
        self._directory = directory
        self._config = config.recording
        self._bytes = ByteBudget(quality_of(config.recording))
        self._vp9 = vp9
        self._coding: PictureCoding | None = None
        self._part_of_last_picture = 0
        self._start_s, self._start_ns, self._wall_ns = start_s, start_ns, wall_ns
        self._inbox = inbox
        self._limits = limits
        self._budget = budget
        self._free_bytes = free_bytes
        self._frames = 0
        self._pictures = 0
        self._pictures_refused = 0
        self._patches_refused = 0
        self._telemetry_refused = 0
        self._write_error: RecordingError | None = None
        self._space_error: RecordingError | None = None
        self._budget_error: RecordingError | None = None
        self._budget_checked_bytes = 0
        self._first_unflushed_s: float | None = None
        self._counters_due_s = start_s + limits.counters_every_s
        self._last_log_ns = start_ns
        self._flush_requests: list[threading.Event] = []
        self._requests_lock = threading.Lock()
        self._ended = False

        def stream(prefix: str, of_topics: Mapping[str, type]) -> PartStream:
            return PartStream(directory, prefix, of_topics, metadata, limits.part_bytes, open_file)

        self._data = stream(DATA_PREFIX, topics.DATA_TOPICS)
        self._video = stream(VIDEO_PREFIX, topics.VIDEO_TOPICS)

    # -- called from other threads ---------------------------------------------------------

    def ask_for_flush(self, done: threading.Event) -> None:
        """Set ``done`` once all that is in the inbox now is on the disk."""
        with self._requests_lock:
            if self._ended:
                done.set()
            else:
                self._flush_requests.append(done)

    def counters(self, t_s: float, closed: bool = False) -> RecorderRecord:
        """Return what was recorded and what was dropped."""
        return RecorderRecord(
            t_s=t_s,
            wall_ns=self._wall_ns(),
            frames=self._frames,
            pictures=self._pictures,
            pictures_dropped=self._inbox.pictures_dropped + self._pictures_refused,
            telemetry_dropped=self._inbox.telemetry_dropped + self._telemetry_refused,
            patches_dropped=self._inbox.patches_dropped + self._patches_refused,
            closed=closed,
        )

    # -- the thread ------------------------------------------------------------------------

    def run(self) -> None:
        """Write until the inbox is closed and empty."""
        try:
            self._watch_disk()
            while not self._inbox.closed:
                self._take_all(self._take_requests())
            self._finish()
        except Exception as error:
            logger.exception("the recorder of %s failed", self._directory)
            self.error = RecordingError(
                f"{self._directory}: recording ended with an unexpected error ({error!r});"
                " spraying goes on, please report it with the log."
            )
            self._inbox.close()
            self._inbox.take(0.0)
        finally:
            with self._requests_lock:
                self._ended = True
            for request in self._take_requests():
                request.set()

    def _take_all(self, requests: list[threading.Event]) -> None:
        """Write what waits, and answer those who asked for a flush."""
        try:
            items = self._inbox.take(0.0 if requests else self._limits.flush_s / 2.0)
            for item in items:
                self._take(item)
            if requests or not items:
                self._flush()
        finally:
            for request in requests:
                request.set()

    def _take_requests(self) -> list[threading.Event]:
        with self._requests_lock:
            requests, self._flush_requests = self._flush_requests, []
        return requests

    def _take(self, item: Item) -> None:
        try:
            if isinstance(item.payload, FrameItem):
                self._frame(item.t_s, item.payload)
            elif isinstance(item.payload, PipelineSteps):
                self._steps(item.t_s, item.payload)
            elif isinstance(item.payload, PipelineStart):
                start = recorded_start(item.payload)
                self._add(topics.START, item.t_s, start.t_s, to_json(start))
            else:
                self._message(item)
        finally:
            if isinstance(item.payload, PipelineSteps):
                self._inbox.patches_done(len(item.payload.patches))
            if isinstance(item.payload, FrameItem) and item.payload.frame is not None:
                self._inbox.picture_done()
        if self._first_unflushed_s is None:
            self._first_unflushed_s = item.t_s
        if item.t_s - self._first_unflushed_s >= self._limits.flush_s:
            self._flush()
        elif self._write_error is None:
            self._on_disk(self._data.write_out)
            self._on_disk(self._video.write_out)
        if item.t_s >= self._counters_due_s:
            self._counters_due_s = item.t_s + self._limits.counters_every_s
            self._add(topics.RECORDER, item.t_s, item.t_s, to_json(self.counters(item.t_s)))

    def _message(self, item: Item) -> None:
        message = item.payload
        if item.rank is Rank.TELEMETRY and self._data.waiting_bytes > self._limits.memory_bytes:
            self._telemetry_refused += 1
            return
        own_t_s = getattr(message, "t_plan_s", getattr(message, "t_s", item.t_s))
        if isinstance(message, PositionFix):
            data = location_json(message, self._ns(own_t_s))
        else:
            data = to_json(message)
        self._add(_TOPIC_OF[type(message)], item.t_s, own_t_s, data)

    def _frame(self, t_s: float, item: FrameItem) -> None:
        record = item.record
        self._frames += 1
        if item.segmentation is not None:
            labels = item.segmentation.labels
            record = replace(
                record,
                weed_cover=class_share(labels, ClassId.WEED),
                crop_cover=class_share(labels, ClassId.CROP),
            )
        log_ns = self._log_ns(t_s, strictly=True)
        if item.frame is not None and item.segmentation is not None:
            if self.error is None:
                self._picture(log_ns, item.frame, item.segmentation, record.vehicle)
                record = replace(record, has_picture=True)
            else:
                self._pictures_refused += 1
        publish_ns = self._ns(record.t_capture_s)
        self._add_data(topics.FRAME, log_ns, publish_ns, to_json(record))

    def _steps(self, t_s: float, entry: PipelineSteps) -> None:
        recorded = RecordedSteps(t_s=entry.t_s, first=entry.first, steps=entry.steps)
        self._add(topics.STEPS, t_s, entry.t_s, to_json(recorded))
        if self.error is not None:
            self._patches_refused += len(entry.patches)
            return
        for patch in entry.patches:
            stamp_ns = self._ns(patch.t_capture_s)
            image = encode_patch(patch)
            self._bytes.other(len(image.data))
            data = camera_message_json(image, stamp_ns, "map")
            self._video.add(topics.PATCH, self._log_ns(t_s), stamp_ns, data)

    def _picture(
        self,
        log_ns: int,
        frame: Frame,
        segmentation: Segmentation,
        vehicle: VehicleState | None,
    ) -> None:
        stamp_ns = self._ns(frame.t_capture_s)
        part = self._video.parts_begun
        distance_m = None if vehicle is None else vehicle.distance_m
        messages = self._picture_coding().encode(
            frame, part != self._part_of_last_picture, distance_m
        )
        self._part_of_last_picture = part
        form, data = encode_mask(segmentation.labels)
        self._bytes.other(len(data))
        mask = MaskOutlines(frame_number=frame.frame_id, format=form, data=data)
        for topic, message in (*messages, (topics.OUTLINES, mask)):
            data = camera_message_json(message, stamp_ns, "camera")
            self._video.add(topic, log_ns, stamp_ns, data)
        self._pictures += 1

    def _picture_coding(self) -> PictureCoding:
        """Return what compresses the pictures; begun with the first one, in this thread."""
        if self._coding is None:
            library = self._vp9() if self._config.pictures == "video" else None
            self._coding, note = choose_coding(self._config, library, self._bytes)
            if note:
                logger.warning("%s", note)
                event = RunEvent(t_s=self._now_s(), kind="recording", text=note)
                self._add(topics.EVENT, event.t_s, event.t_s, to_json(event))
        return self._coding

    def _add(self, topic: str, t_s: float, own_t_s: float, data: bytes) -> None:
        self._add_data(topic, self._log_ns(t_s), self._ns(own_t_s), data)

    def _add_data(self, topic: str, log_ns: int, publish_ns: int, data: bytes) -> None:
        self._bytes.other(_PACKED_SHARE * len(data))
        self._data.add(topic, log_ns, publish_ns, data)

    def _ns(self, t_s: float) -> int:
        """Return the wall-clock time of a host time; never negative."""
        if not np.isfinite(t_s):
            return self._last_log_ns
        return max(0, self._start_ns + round((t_s - self._start_s) * 1e9))

    def _log_ns(self, t_s: float, strictly: bool = False) -> int:
        """Return a log time that never falls, and differs from all before if ``strictly``."""
        self._last_log_ns = max(self._ns(t_s), self._last_log_ns + (1 if strictly else 0))
        return self._last_log_ns

    # -- the disk --------------------------------------------------------------------------

    def _flush(self) -> None:
        self._first_unflushed_s = None
        self._watch_disk()
        if self._data.has_unflushed:
            self._on_disk(self._data.flush)
        if self._video.has_unflushed:
            self._on_disk(self._video.flush)

    def _on_disk(self, action: Callable[[], Any]) -> None:
        """Do something with the disk; a refusal becomes a problem until one succeeds."""
        try:
            action()
        except OSError as error:
            if self._write_error is None:
                logger.warning("%s: the disk refused (%s)", self._directory, error)
            self._write_error = _as_recording_error(self._directory, error)
        else:
            if self._data.waiting_bytes == 0 and self._video.waiting_bytes == 0:
                self._write_error = None
        self._say()

    def _watch_disk(self) -> None:
        self._watch_space()
        written = self._data.bytes_written + self._video.bytes_written
        step = 64 * _MB
        if self._budget is not None and (
            written - self._budget_checked_bytes > step or self._budget_checked_bytes == 0
        ):
            self._budget_checked_bytes = max(written, 1)
            self._watch_budget(self._budget)
        self._say()

    def _watch_space(self) -> None:
        try:
            free = self._free_bytes(self._directory)
        except OSError as error:
            self._space_error = _as_recording_error(self._directory, error)
            return
        low = self._limits.min_free_bytes
        if free < low or (self._space_error is not None and free < 2 * low):
            self._space_error = DiskFullError(
                f"Only {free // _MB} MB are left on the disk of {self._directory}: spraying goes"
                " on and is recorded, but without pictures; delete old runs or other files, and"
                " pictures go on by themselves."
            )
        else:
            self._space_error = None

    def _watch_budget(self, budget: DiskBudget) -> None:
        try:
            _, excess = budget.clean_up(keep=[self._directory])
        except OSError as error:
            logger.warning("%s: the disk budget cannot be kept (%s)", budget.root, error)
            return
        self._budget_error = None
        if excess > 0:
            self._budget_error = DiskFullError(
                f"The runs in {budget.root} have reached recording.max_disk_gb"
                f" ({budget.max_bytes / 1e9:g} GB) and only starred or recent ones are left:"
                " spraying is recorded without pictures; unstar or delete some, or raise the limit."
            )

    def _say(self) -> None:
        error = self._write_error or self._space_error or self._budget_error
        if (error is None) != (self.error is None):
            text = str(error) if error is not None else "Pictures are recorded again."
            event = RunEvent(t_s=self._now_s(), kind="recording", text=text)
            self._add(topics.EVENT, event.t_s, event.t_s, to_json(event))
        self.error = error

    def _now_s(self) -> float:
        """Return the host time of the last message: the writer has no clock of its own."""
        return self._start_s + (self._last_log_ns - self._start_ns) * 1e-9

    def _finish(self) -> None:
        end_s = self._now_s()
        self._add(topics.RECORDER, end_s, end_s, to_json(self.counters(end_s, closed=True)))
        self._on_disk(self._data.close)
        self._on_disk(self._video.close)
        if self._coding is not None:
            self._coding.close()
