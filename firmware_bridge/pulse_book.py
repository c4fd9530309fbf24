"""Pulses on their way: those that wait to be sent, and those sent and not answered yet."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Sequence

from firmware_bridge.frames import (
    MAX_PULSES,
    MAX_ROW_BYTES,
    MAX_RUNS,
    HostFrame,
    Pulse,
    PulsesDistance,
    PulsesTime,
    RowsDistance,
)
from firmware_bridge.link_values import PulseCommand
from firmware_bridge.modular import signed32

OFFSET_LIMIT = 1 << 24
PENDING_LIMIT = 4096
LOSSY_PULSES = 4
PULSE_BYTES = 9
ROWS_HEAD_BYTES = 11
MAX_ROWS = 0xFF
MAX_MASK_VALVES = 0xFF


class PulseBook:
    """Puts pulses into frames, gives them tags, and knows which are not answered yet.

    Parameters
    ----------
    row_step_subcounts : int
        Pulses on this grid may go out as rows; 0: never.
    """

    def __init__(self, row_step_subcounts: int) -> None:
        self._step = row_step_subcounts
        self._pending: deque[PulseCommand] = deque()
        self._outstanding: dict[int, PulseCommand] = {}
        self._next_tag = 0

    def __len__(self) -> int:
        """Pulses not answered yet, sent or not."""
        return len(self._outstanding) + len(self._pending)

    @property
    def has_pending(self) -> bool:
        """Whether pulses wait to be sent."""
        return bool(self._pending)

    @property
    def is_full(self) -> bool:
        """Whether no more pulses may wait."""
        return len(self._pending) >= PENDING_LIMIT

    def add(self, command: PulseCommand) -> None:
        """Let a pulse wait to be sent."""
        self._pending.append(command)

    def all(self) -> Sequence[PulseCommand]:
        """Return the pulses not answered yet, those that were sent first."""
        return (*self._outstanding.values(), *self._pending)

    def drop_pending(self) -> Sequence[PulseCommand]:
        """Forget, and return, the pulses that have not been sent."""
        dropped = tuple(self._pending)
        self._pending.clear()
        return dropped

    def take(self, tag: int) -> PulseCommand | None:
        """Return the pulse that is answered by its tag; None if there is none."""
        return self._outstanding.pop(tag, None)

    def next_frame(
        self, queue: int, *, has_rows: bool, is_lossy: bool
    ) -> PulsesTime | PulsesDistance | RowsDistance | None:
        """Move pending pulses of one domain into a frame, as far as the queue has room.

        Frames are short on a lossy wire: a short one gets through more often.

        Parameters
        ----------
        queue : int
            Pulses that the controller can hold.
        has_rows : bool
            Whether it understands rows; they are taken where they need fewer bytes.
        is_lossy : bool
        """
        frame = self._next_rows(queue) if has_rows and not is_lossy else None
        return frame or self._next_pulses(queue, LOSSY_PULSES if is_lossy else MAX_PULSES)

    def _next_pulses(self, queue: int, most: int) -> PulsesTime | PulsesDistance | None:
        if not self._pending:
            return None
        room = min(most, queue - len(self._outstanding))
        by_distance = self._pending[0].by_distance
        batch: list[PulseCommand] = []
        low = high = self._pending[0].start
        while self._pending and len(batch) < room:
            command = self._pending[0]
            low, high = min(low, command.start), max(high, command.start)
            if command.by_distance != by_distance or high - low >= OFFSET_LIMIT:
                break
            batch.append(self._pending.popleft())
        return self._pulses(batch, by_distance) if batch else None

    def _pulses(
        self, batch: Sequence[PulseCommand], by_distance: bool
    ) -> PulsesTime | PulsesDistance:
        base = min(command.start for command in batch)
        pulses = tuple(
            Pulse(command.valve, self._tag(command), command.start - base, command.length)
            for command in batch
        )
        if by_distance:
            return PulsesDistance(signed32(base), pulses)
        return PulsesTime(base & 0xFFFF_FFFF, pulses)

    def _next_rows(self, queue: int) -> RowsDistance | None:
        if self._step <= 0:
            return None
        room = min(MAX_RUNS, queue - len(self._outstanding))
        batch = _fitting_rows(self._pending, self._step, room)
        for _ in batch:
            self._pending.popleft()
        return self._rows(batch, self._step) if batch else None

    def _rows(self, batch: Sequence[PulseCommand], step: int) -> RowsDistance:
        low, first = min(c.start for c in batch), min(c.valve for c in batch)
        valves = max(c.valve for c in batch) - first + 1
        rows = [0] * ((max(c.start + c.length for c in batch) - low) // step)
        for command in batch:
            begin = (command.start - low) // step
            for r in range(begin, begin + command.length // step):
                rows[r] |= 1 << command.valve - first
        ordered = sorted(batch, key=lambda c: (c.valve, c.start))
        tag = self._block_of_tags(ordered)
        return RowsDistance(signed32(low), tag, step, first, valves, tuple(rows))

    def _block_of_tags(self, commands: Sequence[PulseCommand]) -> int:
        """Give commands tags one behind the other; return the first."""
        tags = self._free_block(len(commands))
        self._outstanding.update(zip(tags, commands, strict=True))
        self._next_tag = tags[-1] + 1 & 0xFFFF
        return tags[0]

    def _free_block(self, count: int) -> Sequence[int]:
        first = self._next_tag
        while True:
            tags = [first + i & 0xFFFF for i in range(count)]
            taken = [i for i, tag in enumerate(tags) if tag in self._outstanding]
            if not taken:
                return tags
            first = first + taken[-1] + 1 & 0xFFFF

    def _tag(self, command: PulseCommand) -> int:
        while self._next_tag in self._outstanding:
            self._next_tag = self._next_tag + 1 & 0xFFFF
        tag = self._next_tag
        self._outstanding[tag] = command
        self._next_tag = tag + 1 & 0xFFFF
        return tag


def tags_of(frame: HostFrame) -> Iterable[int]:
    """Return the tags of the pulses that a frame holds."""
    if isinstance(frame, PulsesTime | PulsesDistance):
        return [pulse.tag for pulse in frame.pulses]
    if isinstance(frame, RowsDistance):
        return [frame.tag + k & 0xFFFF for k in range(len(frame.runs()))]
    return []


def _fitting_rows(pending: Iterable[PulseCommand], step: int, room: int) -> Sequence[PulseCommand]:
    """Return the first pending pulses that fit one frame of rows; none if rows are no gain.

    Pulses of one valve that touch would become one, and stay apart.
    """
    batch: list[PulseCommand] = []
    ends: dict[int, int] = {}
    low = high = 0
    first = last = 0
    for command in itertools.islice(pending, max(room, 0)):
        end = command.start + command.length
        on_grid = command.by_distance and not (command.start % step or command.length % step)
        if not on_grid or command.start <= ends.get(command.valve, command.start - 1):
            break
        box = (
            min(low, command.start) if batch else command.start,
            max(high, end) if batch else end,
            min(first, command.valve) if batch else command.valve,
            max(last, command.valve) if batch else command.valve,
        )
        if not _box_fits(*box, step):
            break
        low, high, first, last = box
        ends[command.valve] = end
        batch.append(command)
    size = ROWS_HEAD_BYTES + (high - low) // step * RowsDistance.row_bytes(last - first + 1)
    return batch if size < PULSE_BYTES * len(batch) else ()


def _box_fits(low: int, high: int, first: int, last: int, step: int) -> bool:
    rows, valves = (high - low) // step, last - first + 1
    return (
        step <= 0xFFFF
        and rows <= MAX_ROWS
        and valves <= MAX_MASK_VALVES
        and rows * RowsDistance.row_bytes(valves) <= MAX_ROW_BYTES
    )
