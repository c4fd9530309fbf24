"""One stream of a recording: MCAP parts that are a valid prefix at every moment.

The MCAP writer writes into memory; what it has completed goes to the disk in one piece. If
the disk refuses, the file is cut back to what was whole, the bytes stay in memory, and the
next call tries again. So offsets stay right, and nothing is lost while memory lasts.
"""

from __future__ import annotations

import contextlib
import json
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from mcap.writer import CompressionType, Writer

from agriseg.append_file import DiskFile, OutputFile
from agriseg.recording.topics import MCAP_PROFILE, schema_of

CHUNK_BYTES = 1024 * 1024
MOST_FLUSHES = 7200
"""The index of a part is kept in memory until the part ends, about 1 kB for each flush."""


class _Memory:
    """What the MCAP writer writes to: bytes not yet on the disk, and how many ever came."""

    def __init__(self) -> None:
        self.waiting = bytearray()
        self._count = 0

    def write(self, data: bytes) -> int:
        self.waiting += data
        self._count += len(data)
        return len(data)

    def tell(self) -> int:
        return self._count

    def flush(self) -> None:
        """Do nothing: `PartStream` decides when bytes go to the disk."""


class _Part:
    """One MCAP file that is being written."""

    def __init__(
        self,
        path: Path,
        topics: Mapping[str, type],
        metadata: Mapping[str, Mapping[str, str]],
        open_file: Callable[[Path], OutputFile],
    ) -> None:
        self.memory = _Memory()
        self.ended = False
        self._path = path
        self._open_file = open_file
        self._file: OutputFile | None = None
        self._on_disk = 0
        self._unsynced = False
        self.writer = Writer(
            self.memory,  # type: ignore[arg-type]
            chunk_size=CHUNK_BYTES,
            compression=CompressionType.ZSTD,
        )
        self.writer.start(profile=MCAP_PROFILE, library="agriseg")
        for name, values in metadata.items():
            self.writer.add_metadata(name, dict(values))
        self.channels = {topic: self._register(topic, cls) for topic, cls in topics.items()}

    def _register(self, topic: str, cls: type) -> int:
        name, schema = schema_of(cls)
        schema_id = self.writer.register_schema(name, "jsonschema", json.dumps(schema).encode())
        return self.writer.register_channel(topic, "json", schema_id)

    @property
    def size(self) -> int:
        """Bytes completed so far, on the disk or in memory."""
        return self._on_disk + len(self.memory.waiting)

    def write_out(self) -> None:
        """Put all completed bytes on the disk, or leave the file as it was."""
        if not self.memory.waiting:
            return
        if self._file is None:
            self._file = self._open_file(self._path)
        try:
            self._file.write(bytes(self.memory.waiting))
        except OSError:
            with contextlib.suppress(OSError):
                self._file.truncate(self._on_disk)
            raise
        self._on_disk += len(self.memory.waiting)
        self.memory.waiting.clear()
        self._unsynced = True

    def sync(self) -> None:
        if self._file is not None and self._unsynced:
            self._file.sync()
            self._unsynced = False

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class PartStream:
    """Messages of some topics into ``PREFIX-0000.mcap``, ``PREFIX-0001.mcap``, ...

    Parameters
    ----------
    directory, prefix :
        Where the parts go and what they are called.
    topics : mapping of topic to message type
    metadata : mapping of a metadata record's name to its keys and values
        Written at the head of every part, so that each can be read alone.
    part_bytes : int
        A part that has grown beyond is ended and the next begun; so is one that was flushed
        ``most_flushes`` times.
    open_file : callable
        Makes the file of a part.
    """

    def __init__(
        self,
        directory: Path,
        prefix: str,
        topics: Mapping[str, type],
        metadata: Mapping[str, Mapping[str, str]],
        part_bytes: int,
        open_file: Callable[[Path], OutputFile] = DiskFile,
        most_flushes: int = MOST_FLUSHES,
    ) -> None:
        self._directory = directory
        self._prefix = prefix
        self._topics = dict(topics)
        self._metadata = dict(metadata)
        self._part_bytes = part_bytes
        self._most_flushes = most_flushes
        self._open_file = open_file
        self._begun = 0
        self._flushes = 0
        self._unflushed = 0
        self._completed_bytes = 0
        self._parts: deque[_Part] = deque()
        self._begin()

    @property
    def waiting_bytes(self) -> int:
        """Completed bytes that are not on the disk yet."""
        return sum(len(part.memory.waiting) for part in self._parts)

    @property
    def has_unflushed(self) -> bool:
        """Whether there are messages that a killed process would lose."""
        return self._unflushed > 0 or self.waiting_bytes > 0

    @property
    def bytes_written(self) -> int:
        """Size of all parts so far."""
        return self._completed_bytes + sum(part.size for part in self._parts)

    @property
    def parts_begun(self) -> int:
        """How many parts there are so far."""
        return self._begun

    def add(self, topic: str, log_ns: int, publish_ns: int, data: bytes) -> None:
        """Take one message; it reaches the disk with `write_out` or `flush`."""
        part = self._parts[-1]
        part.writer.add_message(part.channels[topic], log_ns, data, publish_ns)
        self._unflushed += 1

    def write_out(self) -> None:
        """Hand completed chunks to the system, so that they outlive this process.

        Raises
        ------
        OSError
            They did not fit; they stay in memory and the next call tries again.
        """
        if self._parts[-1].size > self._part_bytes or self._flushes >= self._most_flushes:
            self._end_part()
            self._begin()
        for part in self._parts:
            part.write_out()
        while self._parts[0].ended:
            self._close_first()

    def flush(self) -> None:
        """End the chunk in progress and put all on the disk, safe from a power cut.

        Raises
        ------
        OSError
            As `write_out`.
        """
        self._parts[-1].writer.flush()  # type: ignore[no-untyped-call]
        self._flushes += 1
        self._unflushed = 0
        self.write_out()
        self._parts[-1].sync()

    def close(self) -> None:
        """End the last part with its index.

        Raises
        ------
        OSError
            The index did not fit: the part stays readable up to its last chunk.
        """
        self._end_part()
        self._unflushed = 0
        try:
            for part in self._parts:
                part.write_out()
            while self._parts:
                self._close_first()
        finally:
            for part in self._parts:
                part.close()

    def _begin(self) -> None:
        path = self._directory / f"{self._prefix}-{self._begun:04d}.mcap"
        self._parts.append(_Part(path, self._topics, self._metadata, self._open_file))
        self._begun += 1
        self._flushes = 0

    def _end_part(self) -> None:
        part = self._parts[-1]
        if not part.ended:
            part.writer.finish()  # type: ignore[no-untyped-call]
            part.ended = True

    def _close_first(self) -> None:
        part = self._parts[0]
        part.sync()
        part.close()
        self._completed_bytes += part.size
        self._parts.popleft()
