"""Reads one MCAP part, whole or torn: every record up to the tear, nothing that fails its CRC."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import zstandard
from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import Channel, Chunk, Message, Metadata
from mcap.stream_reader import breakup_chunk

from agriseg.errors import RecordingError

MAGIC = b"\x89MCAP0\r\n"

_RECORD_HEAD = struct.Struct("<BQ")
_CHUNK_HEAD = struct.Struct("<QQQII")
_INDEX_HEAD = struct.Struct("<HI")
_INDEX_ENTRY = struct.Struct("<QQ")
_BUFFER_BYTES = 16 * 1024
"""Enough for the index behind a chunk and the head of the next."""
_LARGEST_CHUNK = 256 * 1024**2
_KNOWN_OPCODES = frozenset(int(code) for code in Opcode)
_DAMAGE = (McapError, ValueError, struct.error, zstandard.ZstdError, MemoryError)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkRef:
    """Where a chunk is, and what its head says.

    ``times_ns`` maps a channel to the log times of its messages; it is empty when the
    part is torn between the chunk and its index.
    """

    offset: int
    length: int
    start_ns: int
    end_ns: int
    times_ns: dict[int, list[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RawMessage:
    """One message as it lies in the file."""

    topic: str
    log_ns: int
    publish_ns: int
    data: bytes


class PartReader:
    """One part of a stream.

    Attributes
    ----------
    metadata : dict of dict
        Metadata records by name.
    chunks : list of ChunkRef
        All whole chunks, in file order.
    is_whole : bool
        Whether the part was ended in order; otherwise it was cut off, or is being written.
    torn_until_ns : int
        Last log time of a chunk that is only partly there; 0 when there is none.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.metadata: dict[str, dict[str, str]] = {}
        self.chunks: list[ChunkRef] = []
        self.is_whole = False
        self.torn_until_ns = 0
        self._topics: dict[int, str] = {}
        try:
            self._file: BinaryIO = path.open("rb", buffering=_BUFFER_BYTES)
        except OSError as error:
            raise RecordingError(f"{path}: the file cannot be read ({error.strerror})") from error
        try:
            self._size = path.stat().st_size
            self._scan()
            if not self.is_whole:
                self._drop_damaged_tail()
            if self.chunks:
                self._learn_topics()
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Release the file."""
        self._file.close()

    @property
    def end_ns(self) -> int:
        """Log time of the last message; 0 when there is none."""
        return max((chunk.end_ns for chunk in self.chunks), default=0)

    def messages(self, chunk: ChunkRef) -> list[RawMessage]:
        """Return the messages of a chunk.

        Raises
        ------
        RecordingError
            The chunk fails its CRC or cannot be unpacked.
        """
        return [
            RawMessage(
                topic=self._topics.get(record.channel_id, ""),
                log_ns=record.log_time,
                publish_ns=record.publish_time,
                data=record.data,
            )
            for record in self._records(chunk)
            if isinstance(record, Message)
        ]

    def times_ns(self, topic: str) -> Iterator[int]:
        """Yield the log times of a topic's messages from the index; damaged chunks give none."""
        channels = [channel for channel, name in self._topics.items() if name == topic]
        for chunk in self.chunks:
            if chunk.times_ns:
                for channel in channels:
                    yield from chunk.times_ns.get(channel, ())
            else:
                try:
                    yield from (m.log_ns for m in self.messages(chunk) if m.topic == topic)
                except RecordingError:
                    continue

    def _records(self, chunk: ChunkRef) -> list[object]:
        try:
            self._file.seek(chunk.offset)
            body = self._file.read(chunk.length)
            parsed = Chunk.read(ReadDataStream(io.BytesIO(body)))
            if parsed.uncompressed_crc == 0 or parsed.uncompressed_size > _LARGEST_CHUNK:
                raise ValueError("the chunk has no checksum")
            return list(breakup_chunk(parsed, validate_crc=True))
        except (*_DAMAGE, OSError) as error:
            raise RecordingError(
                f"{self.path}: the chunk at byte {chunk.offset} is damaged and left out ({error})"
            ) from error

    def _learn_topics(self) -> None:
        """Read the channels, which the first chunk holds."""
        for chunk in self.chunks:
            try:
                records = self._records(chunk)
            except RecordingError:
                continue
            self._topics |= {r.id: r.topic for r in records if isinstance(r, Channel)}
            if self._topics:
                return

    def _drop_damaged_tail(self) -> None:
        """Leave out chunks at the tear that are complete in length but not in content."""
        while self.chunks:
            try:
                self._records(self.chunks[-1])
                return
            except RecordingError:
                self.torn_until_ns = max(self.torn_until_ns, self.chunks.pop().end_ns)

    def _scan(self) -> None:
        """Walk from record to record by their lengths, as far as they make sense."""
        if self._file.read(len(MAGIC)) != MAGIC:
            return
        offset = len(MAGIC)
        while offset + _RECORD_HEAD.size <= self._size:
            self._file.seek(offset)
            opcode, length = _RECORD_HEAD.unpack(self._file.read(_RECORD_HEAD.size))
            start = offset + _RECORD_HEAD.size
            offset = start + length
            if opcode not in _KNOWN_OPCODES:
                return
            if offset > self._size:
                if opcode == Opcode.CHUNK:
                    self._note_torn_chunk(start)
                return
            if opcode == Opcode.FOOTER:
                self._file.seek(offset)
                self.is_whole = self._file.read(len(MAGIC) + 1) == MAGIC
                return
            if not self._take(opcode, start, length):
                return

    def _take(self, opcode: int, start: int, length: int) -> bool:
        """Keep what one record says; return False where it makes no sense.

        The file stands behind the record's head.
        """
        try:
            if opcode == Opcode.CHUNK:
                start_ns, end_ns = self._chunk_times(start)
                self.chunks.append(
                    ChunkRef(offset=start, length=length, start_ns=start_ns, end_ns=end_ns)
                )
            elif opcode == Opcode.MESSAGE_INDEX and self.chunks:
                body = self._file.read(length)
                channel, size = _INDEX_HEAD.unpack_from(body)
                entries = _INDEX_ENTRY.iter_unpack(body[_INDEX_HEAD.size : _INDEX_HEAD.size + size])
                self.chunks[-1].times_ns[channel] = [t for t, _ in entries]
            elif opcode == Opcode.METADATA:
                record = Metadata.read(ReadDataStream(io.BytesIO(self._file.read(length))))
                self.metadata[record.name] = dict(record.metadata)
        except _DAMAGE:
            return False
        return True

    def _chunk_times(self, start: int) -> tuple[int, int]:
        self._file.seek(start)
        start_ns, end_ns, size, _, _ = _CHUNK_HEAD.unpack(self._file.read(_CHUNK_HEAD.size))
        if size > _LARGEST_CHUNK or end_ns < start_ns:
            raise ValueError("this is no chunk of a run")
        return start_ns, end_ns

    def _note_torn_chunk(self, start: int) -> None:
        """Learn from the head of a cut-off chunk how far the run had come."""
        try:
            _, self.torn_until_ns = self._chunk_times(start)
        except _DAMAGE:
            return
