"""Cameras whose frames pass by on their own: USB devices, network streams, pipelines.

A thread of its own takes every frame as it comes and keeps the newest; a reader that is
slower than the camera gets the newest frame and the number it missed, never a queue of
old ones. The thread also owns the device: controls are handed to it, and it reconnects.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, replace

import numpy as np

from agriseg.cameras.capture import Connect, VideoCapture
from agriseg.cameras.controls import CONTROLS, QueryLimits, read_controls, require_known
from agriseg.doorbell import Doorbell
from agriseg.errors import CameraError, CameraLostError
from agriseg.messages import Frame, UInt8Array
from agriseg.opencv import cv2
from agriseg.ports import Clock

logger = logging.getLogger(__name__)

_NOTHING: UInt8Array = np.empty((0, 0, 3), dtype=np.uint8)

CONTROL_TIMEOUT_S = 3.0
CLOSE_TIMEOUT_S = 3.0
DRIVER_STAMP_MAX_AGE_S = 0.5
"""A driver's time stamp is believed if it is not in the future and at most this old."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveTiming:
    """How a live camera stamps its frames and how patient it is.

    Attributes
    ----------
    exposure_delay_s : float
        From mid-exposure to the time stamp; subtracted from it.
    driver_stamps : bool
        The driver stamps frames on the monotonic clock (V4L2): preferred to the time at
        which the frame was handed over.
    lost_after_s : float
        A camera that is silent for longer has been lost.
    first_frame_timeout_s : float
        Time for the first frame when the camera is opened.
    backoff_s : (float, float)
        Wait before the first and, doubling, at most before a later attempt to reconnect.
    """

    exposure_delay_s: float = 0.0
    driver_stamps: bool = False
    lost_after_s: float = 0.8
    first_frame_timeout_s: float = 5.0
    backoff_s: tuple[float, float] = (0.2, 2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ControlRequest:
    name: str
    value: float
    answer: Future[float]


class LiveCamera:
    """A camera on a grabbing thread; see the module.

    Parameters
    ----------
    name : str
        For the operator and for messages.
    connect : Connect
        Opens the device; called again after a loss.
    clock : Clock
        Stamps the frames.
    timing : LiveTiming
    settings : mapping of str to float
        Controls set each time the device has been opened.
    query_limits : QueryLimits, optional
        Asks the driver for a control's limits.

    Raises
    ------
    CameraError
        The device cannot be opened, lacks a control in ``settings``, or delivers nothing.
    """

    def __init__(
        self,
        *,
        name: str,
        connect: Connect,
        clock: Clock,
        timing: LiveTiming,
        settings: Mapping[str, float],
        query_limits: QueryLimits | None = None,
    ) -> None:
        require_known(settings)
        self._name = name
        self._connect = connect
        self._clock = clock
        self._timing = timing
        self._settings = dict(settings)
        self._query_limits = query_limits
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._requests: queue.SimpleQueue[_ControlRequest] = queue.SimpleQueue()
        self._controls: dict[str, tuple[float, float, float]] = {}
        self._frame: Frame | None = None
        self._frame_count = 0
        self._last_delivered_id = -1
        self._last_frame_s = clock.now_s()
        self._loss: str | None = None
        self._loss_told = False
        capture = self._open()
        self._bell = Doorbell()
        self._thread = threading.Thread(
            target=self._run, args=(capture,), name=f"agriseg-camera-{name}", daemon=True
        )
        self._thread.start()
        self._await_first_frame()

    @property
    def name(self) -> str:
        """What the operator knows it by."""
        return self._name

    @property
    def is_live(self) -> bool:
        """True: frames pass by on their own."""
        return True

    def fileno(self) -> int:
        """Return a descriptor that becomes readable when a frame or a loss is there."""
        return self._bell.fileno()

    def read(self, timeout_s: float) -> Frame | None:
        """Return the newest frame not yet read; None if none came within ``timeout_s``.

        Raises
        ------
        CameraLostError
            At once when the loss is noticed, and again by each call that gets no frame
            while it lasts.
        CameraError
            The camera was closed.
        """
        deadline_s = time.monotonic() + timeout_s
        with self._changed:
            while True:
                frame = self._take_frame()
                if frame is not None:
                    return frame
                if self._stopping.is_set():
                    raise CameraError(f"{self._name}: the camera was closed")
                loss = self._present_loss()
                remaining_s = deadline_s - time.monotonic()
                if loss is not None and (not self._loss_told or remaining_s <= 0.0):
                    self._loss_told = True
                    raise CameraLostError(loss)
                if remaining_s <= 0.0:
                    return None
                self._changed.wait(min(remaining_s, self._time_to_loss_s()))

    def controls(self) -> Mapping[str, tuple[float, float, float]]:
        """Return the driver's controls: name to (minimum, maximum, present value).

        Limits are NaN where the driver does not tell them.
        """
        with self._changed:
            return dict(self._controls)

    def set_control(self, name: str, value: float) -> float:
        """Set a control and return the value that the driver reports afterwards.

        Raises
        ------
        CameraError
            The driver has no such control, refuses the value, or the camera is away.
        """
        require_known({name: value})
        if self._stopping.is_set():
            raise CameraError(f"{self._name}: the camera was closed; {name} was not set")
        request = _ControlRequest(name=name, value=value, answer=Future())
        self._requests.put(request)
        try:
            return request.answer.result(CONTROL_TIMEOUT_S)
        except FutureTimeoutError:
            request.answer.cancel()
            raise CameraError(
                f"{self._name}: the camera did not answer within {CONTROL_TIMEOUT_S:g} s;"
                f" {name} was not set"
            ) from None

    def close(self) -> None:
        """Release the device; further calls do nothing."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
        self._thread.join(CLOSE_TIMEOUT_S)
        if self._thread.is_alive():
            logger.warning("%s: the driver does not return; the device stays open", self._name)
        self._bell.close()

    # Reader's side; the condition is held.

    def _take_frame(self) -> Frame | None:
        self._bell.hush()
        frame, self._frame = self._frame, None
        if frame is None:
            return None
        dropped = frame.frame_id - self._last_delivered_id - 1
        self._last_delivered_id = frame.frame_id
        return replace(frame, dropped_before=dropped)

    def _present_loss(self) -> str | None:
        """Return why the camera counts as lost now, or None."""
        if self._loss is not None:
            return self._loss
        silent_s = self._clock.now_s() - self._last_frame_s
        if silent_s < self._timing.lost_after_s:
            return None
        return self._loss_sentence(f"no picture for {silent_s:.1f} s")

    def _time_to_loss_s(self) -> float:
        if self._loss_told or self._loss is not None:
            return self._timing.lost_after_s
        due_s = self._last_frame_s + self._timing.lost_after_s
        return max(due_s - self._clock.now_s(), 0.001)

    def _loss_sentence(self, what: str) -> str:
        return (
            f"{self._name}: {what}; check its cable and power, it is being reconnected and"
            " the nozzles stay closed meanwhile"
        )

    def _await_first_frame(self) -> None:
        with self._changed:
            self._changed.wait_for(
                lambda: self._frame is not None or self._loss is not None,
                self._timing.first_frame_timeout_s,
            )
            if self._frame is not None:
                return
        self.close()
        raise CameraError(
            f"{self._name}: the camera opens but delivers no picture (waited up to"
            f" {self._timing.first_frame_timeout_s:g} s); another program may be using it, or its"
            " format is not supported"
        )

    # Grabbing thread's side.

    def _run(self, capture: VideoCapture) -> None:
        present: VideoCapture | None = capture
        try:
            while not self._stopping.is_set():
                if present is None:
                    present = self._reconnect()
                    continue
                self._serve_requests(present)
                if not self._grab(present):
                    present.release()
                    present = None
        except Exception:
            logger.exception("%s: the camera's thread stopped", self._name)
            self._lose("its driver failed")
        finally:
            if present is not None:
                present.release()
            self._refuse_requests()

    def _open(self) -> VideoCapture:
        capture = self._connect()
        try:
            self._controls = read_controls(capture.get, self._query_limits)
            for name, value in self._settings.items():
                self._apply(capture, name, value)
        except BaseException:
            capture.release()
            raise
        return capture

    def _grab(self, capture: VideoCapture) -> bool:
        """Take one frame; False when the device has stopped delivering."""
        try:
            grabbed = capture.grab()
            born_s = self._born_s(capture)
            decoded, image = capture.retrieve() if grabbed else (False, _NOTHING)
        except cv2.error as error:
            logger.debug("%s: %s", self._name, error)
            grabbed, decoded, image = False, False, _NOTHING
        if not grabbed:
            self._lose("it stopped delivering pictures")
        elif decoded:
            self._publish(_as_bgr(image), born_s)
        else:
            self._skip()
        return grabbed

    def _born_s(self, capture: VideoCapture) -> float:
        """Return the monotonic time of mid-exposure of the frame just grabbed."""
        now_s = self._clock.now_s()
        stamp_s = now_s
        if self._timing.driver_stamps:
            driver_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0
            if 0.0 <= now_s - driver_s <= DRIVER_STAMP_MAX_AGE_S:
                stamp_s = driver_s
        return stamp_s - self._timing.exposure_delay_s

    def _publish(self, image: UInt8Array, born_s: float) -> None:
        with self._changed:
            self._frame = Frame(frame_id=self._frame_count, t_capture_s=born_s, image=image)
            self._frame_count += 1
            self._last_frame_s = self._clock.now_s()
            if self._loss is not None:
                logger.info("%s: delivering again", self._name)
            self._loss = None
            self._loss_told = False
            self._bell.ring()
            self._changed.notify_all()

    def _skip(self) -> None:
        """Count a frame that arrived damaged."""
        with self._changed:
            self._frame_count += 1

    def _lose(self, what: str) -> None:
        with self._changed:
            if self._loss is None:
                logger.warning("%s: %s", self._name, what)
                self._loss = self._loss_sentence(what)
            self._bell.ring()
            self._changed.notify_all()

    def _reconnect(self) -> VideoCapture | None:
        """Try until the device is back; None when the camera is closed meanwhile."""
        wait_s, longest_s = self._timing.backoff_s
        while not self._stopping.wait(wait_s):
            self._refuse_requests()
            try:
                return self._open()
            except (CameraError, cv2.error) as error:
                logger.debug("%s: not back yet: %s", self._name, error)
            wait_s = min(2.0 * wait_s, longest_s)
        return None

    def _serve_requests(self, capture: VideoCapture) -> None:
        while (request := self._next_request()) is not None:
            try:
                request.answer.set_result(self._apply(capture, request.name, request.value))
            except CameraError as error:
                request.answer.set_exception(error)

    def _refuse_requests(self) -> None:
        while (request := self._next_request()) is not None:
            request.answer.set_exception(
                CameraError(f"{self._name}: the camera is away; {request.name} was not set")
            )

    def _next_request(self) -> _ControlRequest | None:
        """Return the next request that is still awaited."""
        while True:
            try:
                request = self._requests.get_nowait()
            except queue.Empty:
                return None
            if request.answer.set_running_or_notify_cancel():
                return request

    def _apply(self, capture: VideoCapture, name: str, value: float) -> float:
        control = CONTROLS[name]
        if name not in self._controls:
            raise CameraError(
                f"{self._name}: this camera has no control {name}; it has:"
                f" {', '.join(self._controls) or 'none'}"
            )
        minimum, maximum, _ = self._controls[name]
        if value < minimum or value > maximum:
            raise CameraError(
                f"{self._name}: {name} is {value:g}, this camera takes {minimum:g} to {maximum:g}"
            )
        if not capture.set(control.capture_property, value):
            raise CameraError(f"{self._name}: the driver refused {name} = {value:g}")
        reported = capture.get(control.capture_property)
        with self._changed:
            self._controls[name] = (minimum, maximum, reported)
        if reported != value:
            logger.warning("%s: %s is %g, asked was %g", self._name, name, reported, value)
        self._settings[name] = value
        return reported


def _as_bgr(image: UInt8Array) -> UInt8Array:
    """Return a (H, W, 3) picture from a grey one or from one that is already so."""
    if image.ndim == 2 or image.shape[2] == 1:
        return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)  # type: ignore[return-value]
    return image
