"""Runs a calibration step in a thread of its own, so that no picture holds the window."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal, Slot

from agriseg.calibration.steps import CalibrationStep, StepView
from agriseg.errors import AgrisegError
from agriseg.messages import EngineCommand, EngineSnapshot, Frame, Picture, UInt8Array

log = logging.getLogger(__name__)

_COLLECT_INTERVAL_MS = 40
_LOOK_AGAIN_S = 0.1
"""A step that waits for a process of its own is asked this often."""

Job = Callable[[CalibrationStep], None]


@dataclass(frozen=True, slots=True)
class _News:
    view: StepView
    has_begun: bool
    needs_devices: bool
    orders: tuple[EngineCommand, ...]
    refusal: str


class StepWorker(QObject):
    """Owns one step at a time.

    Orders to the step wait in a queue; of the pictures only the newest is kept. What the step
    shows is left in a mailbox, from where a timer of the window takes it.
    """

    viewed = Signal(object)
    """The newest `StepView`."""
    ordered = Signal(object)
    """An `EngineCommand` that the step wants done."""
    devices_needed = Signal(bool)
    """The step opens camera and controller itself, or no longer does."""
    refused = Signal(str)
    """What the operator entered cannot be used; carries the sentence."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._wake = threading.Condition()
        self._jobs: deque[Job] = deque()
        self._picture: Picture | None = None
        self._news: deque[_News] = deque()
        self._thread: threading.Thread | None = None
        self._ends = False
        self._has_begun = False
        self._needs_devices = False
        self._told: _News | None = None
        self._collect = QTimer(self)
        self._collect.setInterval(_COLLECT_INTERVAL_MS)
        self._collect.timeout.connect(self.collect)

    @property
    def is_running(self) -> bool:
        """Whether there is a step."""
        return self._thread is not None

    @property
    def has_begun(self) -> bool:
        """Whether leaving the step would lose something."""
        return self._has_begun

    def start(self, step: CalibrationStep) -> None:
        """Run a step; the one before is given up."""
        self.stop()
        self._ends = False
        self._has_begun = False
        self._told = None
        self._jobs.clear()
        self._picture = None
        self._thread = threading.Thread(
            target=self._run, args=(step,), name="agriseg-calibration-step", daemon=True
        )
        self._thread.start()
        self._collect.start()

    def stop(self) -> None:
        """Give the step up; what it set in motion is ended."""
        if self._thread is None:
            return
        with self._wake:
            self._ends = True
            self._wake.notify()
        self._thread.join()
        self._thread = None
        self._collect.stop()
        self.collect()
        self._has_begun = False
        self._set_needs(False)

    def ask(self, job: Job) -> None:
        """Have something done with the step, after what was asked before."""
        with self._wake:
            self._jobs.append(job)
            self._wake.notify()

    def offer_picture(self, picture: Picture) -> None:
        """Let the step see a picture, unless a newer one comes first."""
        with self._wake:
            self._picture = picture
            self._wake.notify()

    def offer_snapshot(self, snapshot: EngineSnapshot) -> None:
        """Let the step see a snapshot."""
        self.ask(lambda step: step.take_snapshot(snapshot))

    @Slot()
    def collect(self) -> None:
        """Hand on what the thread has left."""
        view: StepView | None = None
        while self._news:
            news = self._news.popleft()
            view, self._has_begun = news.view, news.has_begun
            self._set_needs(news.needs_devices)
            for order in news.orders:
                self.ordered.emit(order)
            if news.refusal:
                self.refused.emit(news.refusal)
        if view is not None:
            self.viewed.emit(view)

    def _set_needs(self, needs: bool) -> None:
        if needs is not self._needs_devices:
            self._needs_devices = needs
            self.devices_needed.emit(needs)

    # In the thread

    def _run(self, step: CalibrationStep) -> None:
        self._tell(step, "")
        while not self._is_ending():
            self._tell(step, self._do_next(step))
        step.close()
        self._tell(step, "")

    def _is_ending(self) -> bool:
        """Wait for something to do, but not for long; return whether it is the end."""
        with self._wake:
            self._wake.wait_for(
                lambda: self._ends or self._jobs or self._picture is not None, _LOOK_AGAIN_S
            )
            return self._ends

    def _do_next(self, step: CalibrationStep) -> str:
        """Do one thing; return why the step refused it."""
        with self._wake:
            job = self._jobs.popleft() if self._jobs else None
            picture = None
            if job is None:
                picture, self._picture = self._picture, None
        try:
            if job is not None:
                job(step)
            elif picture is not None:
                step.take_picture(_frame(picture))
        except AgrisegError as error:
            return str(error)
        except Exception as error:  # whatever breaks, the window and the nozzles stay in order
            log.exception("the calibration step broke")
            return f"The step broke ({error}); press Repeat, or leave the step."
        return ""

    def _tell(self, step: CalibrationStep, refusal: str) -> None:
        """Leave what the step shows, unless it is what it showed before."""
        news = _News(step.view, step.has_begun, step.needs_devices, step.take_orders(), refusal)
        if news != self._told:
            self._told = news
            self._news.append(news)


def _frame(picture: Picture) -> Frame:
    image = np.ascontiguousarray(picture.image[..., :3])
    pixels: UInt8Array = np.asarray(image, np.uint8)
    return Frame(
        frame_id=picture.frame_id,
        t_capture_s=picture.t_capture_s,
        image=pixels,
    )
