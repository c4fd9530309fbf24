"""Runs the segmenter on the newest frame: in step (virtual time) or beside the engine's loop."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from agriseg.doorbell import Doorbell
from agriseg.errors import AgrisegError
from agriseg.messages import Frame, Segmentation
from agriseg.ports import Segmenter

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Arrival:
    """A frame and when the engine got it.

    ``received_s`` is the engine's clock, ``received_perf_s`` the performance counter: the
    one may be virtual, the other measures the computer.
    """

    frame: Frame
    received_s: float
    received_perf_s: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SegmentedFrame:
    """A frame with its segmentation.

    ``started_perf_s`` and ``finished_perf_s`` are the performance counter when the segmenter
    took the frame up and when it was done, pre- and post-processing included.
    """

    arrival: Arrival
    segmentation: Segmentation
    started_perf_s: float
    finished_perf_s: float


class Segmenting(Protocol):
    """Takes frames, gives segmented frames; newest frame wins, replaced ones are counted."""

    @property
    def name(self) -> str:
        """Name of the segmenter, empty while it is being loaded."""
        ...

    @property
    def problem(self) -> str:
        """Why there is no segmenter, in one sentence; empty while all is well."""
        ...

    @property
    def replaced(self) -> int:
        """Frames that a newer one replaced: before they were looked at, or before `take`.

        Previews do not count.
        """
        ...

    def offer(self, arrival: Arrival) -> None:
        """Hand over a frame."""
        ...

    def take(self) -> SegmentedFrame | None:
        """Return the next finished frame, if there is one."""
        ...

    def close(self) -> None:
        """Release the segmenter."""
        ...


def _segmented(segmenter: Segmenter, arrival: Arrival) -> SegmentedFrame:
    start_s = time.perf_counter()
    segmentation = segmenter.segment(arrival.frame)
    return SegmentedFrame(
        arrival=arrival,
        segmentation=segmentation,
        started_perf_s=start_s,
        finished_perf_s=time.perf_counter(),
    )


class InlineSegmenting:
    """Segments in the caller's thread: every offered frame, in order, deterministic."""

    problem = ""
    replaced = 0

    def __init__(self, segmenter: Segmenter) -> None:
        self._segmenter = segmenter
        self._finished: list[SegmentedFrame] = []

    @property
    def name(self) -> str:
        """Name of the segmenter."""
        return self._segmenter.name

    def offer(self, arrival: Arrival) -> None:
        """Segment the frame now."""
        self._finished.append(_segmented(self._segmenter, arrival))

    def take(self) -> SegmentedFrame | None:
        """Return the oldest finished frame, if there is one."""
        return self._finished.pop(0) if self._finished else None

    def close(self) -> None:
        """Release the segmenter."""
        self._segmenter.close()


class ThreadedSegmenting:
    """Loads the segmenter and runs it in a thread of its own, always on the newest frame.

    The networks' runtimes release the interpreter while they compute, so the engine's loop
    goes on planning pulses meanwhile; a finished frame wakes the loop through `fileno`. The
    thread keeps the loop's priority: a thread of lower
    priority that is put aside while it holds the interpreter would hold up the loop.
    """

    def __init__(self, load: Callable[[], Segmenter]) -> None:
        self._load = load
        self._wake = threading.Condition()
        self._bell = Doorbell()
        self._pending: Arrival | None = None
        self._finished: SegmentedFrame | None = None
        self._name = ""
        self._problem = ""
        self._replaced = 0
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="segmenter", daemon=True)
        self._thread.start()

    @property
    def name(self) -> str:
        """Name of the segmenter, empty while it is being loaded."""
        return self._name

    @property
    def problem(self) -> str:
        """Why there is no segmenter; empty while all is well."""
        return self._problem

    @property
    def replaced(self) -> int:
        """Frames that a newer one replaced: before they were looked at, or before `take`."""
        return self._replaced

    def fileno(self) -> int:
        """Return a descriptor that becomes readable when there is news to take."""
        return self._bell.fileno()

    def offer(self, arrival: Arrival) -> None:
        """Hand over a frame; one still waiting is replaced."""
        with self._wake:
            if self._pending is not None and self._name:
                self._replaced += not self._pending.frame.is_preview
            self._pending = arrival
            self._wake.notify()

    def take(self) -> SegmentedFrame | None:
        """Return the newest finished frame, if there is one."""
        self._bell.hush()
        with self._wake:
            finished, self._finished = self._finished, None
        return finished

    def close(self) -> None:
        """Stop the thread and release the segmenter."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join(timeout=30.0)
        self._bell.close()

    def _run(self) -> None:
        try:
            self._load_and_loop()
        finally:
            self._bell.ring()

    def _load_and_loop(self) -> None:
        try:
            segmenter = self._load()
        except AgrisegError as error:
            self._problem = str(error)
            return
        except Exception as error:
            _log.exception("the segmenter could not be loaded")
            self._problem = f"the model could not be loaded: {error}"
            return
        self._name = segmenter.name
        try:
            self._loop(segmenter)
        except Exception as error:
            _log.exception("the segmenter failed")
            self._problem = f"{segmenter.name} failed: {error}"
        finally:
            segmenter.close()

    def _loop(self, segmenter: Segmenter) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._closing or self._pending is not None)
                if self._closing:
                    return
                assert self._pending is not None
                arrival, self._pending = self._pending, None
            finished = _segmented(segmenter, arrival)
            with self._wake:
                if self._finished is not None:
                    self._replaced += not self._finished.arrival.frame.is_preview
                self._finished = finished
            self._bell.ring()
