"""The queue between those who record and the thread that writes: never blocks, drops by rank."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, replace
from enum import Enum

from agriseg.messages import (
    ControllerMessage,
    Frame,
    PositionFix,
    RunEvent,
    Segmentation,
    SprayPlan,
)
from agriseg.pipeline_journal import PipelineStart, PipelineSteps
from agriseg.recording.topics import FrameRecord

_PATCH_LIMIT = 200
"""Evidence of frames that may wait, about 0.1 MB each."""


class Rank(Enum):
    """How dear a message is."""

    KEEP = "keep"
    """Events, pulses, plans: never dropped."""
    TELEMETRY = "telemetry"
    """Odometry, positions and status: dropped when very many wait."""
    FRAME = "frame"
    """Its decisions are kept, its picture is dropped first."""
    STEPS = "steps"
    """The pipeline's steps are kept, their evidence is dropped when very much waits."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameItem:
    """One processed frame on its way to the writer; its arrays may have been let go."""

    record: FrameRecord
    frame: Frame | None
    segmentation: Segmentation | None


Payload = (
    FrameItem
    | ControllerMessage
    | PipelineStart
    | PipelineSteps
    | PositionFix
    | RunEvent
    | SprayPlan
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Item:
    """One message and the host time at which the recorder was given it."""

    t_s: float
    rank: Rank
    payload: Payload


class Inbox:
    """A queue that bounds pictures and telemetry and counts what it drops.

    Parameters
    ----------
    picture_limit : int
        Pictures that may wait; further ones are dropped, their decisions are not.
    telemetry_limit : int
        Messages that may wait before odometry and status are dropped.
    wait_for_room : bool
        Let `put` wait instead of dropping pictures: for virtual time, where waiting costs
        nothing and a run must come out the same each time.
    """

    def __init__(
        self, picture_limit: int, telemetry_limit: int, wait_for_room: bool = False
    ) -> None:
        self.pictures_dropped = 0
        self.telemetry_dropped = 0
        self.patches_dropped = 0
        self._picture_limit = picture_limit
        self._telemetry_limit = telemetry_limit
        self._wait_for_room = wait_for_room
        self._items: deque[Item] = deque()
        self._pictures = 0
        self._patches = 0
        self._closed = False
        self._woken = False
        self._changed = threading.Condition()

    def put(self, item: Item) -> None:
        """Take one message; after `close` it is ignored."""
        with self._changed:
            if item.rank is Rank.FRAME:
                item = self._with_room_for_picture(item)
            elif isinstance(item.payload, PipelineSteps):
                item = self._with_room_for_patches(item, item.payload)
            elif item.rank is Rank.TELEMETRY and len(self._items) >= self._telemetry_limit:
                self.telemetry_dropped += 1
                return
            if self._closed:
                return
            self._items.append(item)
            self._changed.notify_all()

    def wake(self) -> None:
        """Let a waiting `take` return."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def take(self, timeout_s: float) -> list[Item]:
        """Return all that waits, at the latest after ``timeout_s`` or `wake`."""
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._closed or self._woken, timeout_s)
            self._woken = False
            items = list(self._items)
            self._items.clear()
            return items

    def picture_done(self) -> None:
        """Say that one picture that was taken is written, and its memory free."""
        with self._changed:
            self._pictures -= 1
            self._changed.notify_all()

    def patches_done(self, count: int) -> None:
        """Say that patches that were taken are written, and their memory free."""
        with self._changed:
            self._patches -= count
            self._changed.notify_all()

    def close(self) -> None:
        """Take nothing more; `take` still returns what waits."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        """Whether `close` was called and all was taken."""
        with self._changed:
            return self._closed and not self._items

    def _with_room_for_picture(self, item: Item) -> Item:
        if self._wait_for_room:
            self._changed.wait_for(lambda: self._pictures < self._picture_limit or self._closed)
        if self._pictures < self._picture_limit:
            self._pictures += 1
            return item
        self.pictures_dropped += 1
        return _without_picture(item)

    def _with_room_for_patches(self, item: Item, steps: PipelineSteps) -> Item:
        wanted = len(steps.patches)
        if self._wait_for_room:
            self._changed.wait_for(lambda: self._patches < _PATCH_LIMIT or self._closed)
        if self._patches < _PATCH_LIMIT:
            self._patches += wanted
            return item
        self.patches_dropped += wanted
        return replace(item, payload=replace(steps, patches=()))


def _without_picture(item: Item) -> Item:
    if not isinstance(item.payload, FrameItem):
        return item
    return replace(item, payload=replace(item.payload, frame=None, segmentation=None))
