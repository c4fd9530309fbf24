"""Live cameras: newest frame wins, drops are counted, a loss is noticed and mended."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import cv2
import numpy as np
import pytest

from agriseg.cameras.controls import Limits
from agriseg.cameras.live import LiveCamera, LiveTiming
from agriseg.clock import VirtualClock
from agriseg.doorbell import wait_for_any
from agriseg.errors import CameraError, CameraLostError
from agriseg.messages import UInt8Array

PATIENCE_S = 10.0
"""Longest wait of a test for another thread; never waited out when things work."""

GONE = "gone"
DAMAGED = "damaged"


def picture(value: int) -> UInt8Array:
    return np.full((4, 6, 3), value, dtype=np.uint8)


class FakeDevice:
    """A VideoCapture whose frames a test feeds; `taken` tells when one was asked for."""

    def __init__(self, clock: VirtualClock, properties: dict[int, float] | None = None) -> None:
        self._clock = clock
        self.properties = dict(properties or {})
        self.refused: set[int] = set()
        self.sets: list[tuple[int, float]] = []
        self.released = threading.Event()
        self._feed: queue.Queue[UInt8Array | str] = queue.Queue()
        self._asked = threading.Semaphore(0)
        self._item: UInt8Array | str = GONE

    def feed(self, *items: UInt8Array | str) -> None:
        for item in items:
            self._feed.put(item)

    def wait_until_asked(self, times: int = 1) -> None:
        """Return when grab() has been entered ``times`` more times."""
        for _ in range(times):
            assert self._asked.acquire(timeout=PATIENCE_S)

    def isOpened(self) -> bool:  # noqa: N802  # OpenCV's name
        return True

    def grab(self) -> bool:
        self._asked.release()
        self._item = self._feed.get()
        return not (isinstance(self._item, str) and self._item == GONE)

    def retrieve(self) -> tuple[bool, UInt8Array | None]:
        return (False, None) if isinstance(self._item, str) else (True, self._item)

    def get(self, prop: int, /) -> float:
        return self.properties.get(prop, -1.0)

    def set(self, prop: int, value: float, /) -> bool:
        self.sets.append((prop, value))
        if prop in self.refused:
            return False
        self.properties[prop] = round(value)
        return True

    def release(self) -> None:
        self.released.set()


class Devices:
    """A connector: hands out devices in turn; an exception among them is raised."""

    def __init__(self, *devices: FakeDevice | CameraError) -> None:
        self._devices: queue.Queue[FakeDevice | CameraError] = queue.Queue()
        self.plug(*devices)

    def plug(self, *devices: FakeDevice | CameraError) -> None:
        for device in devices:
            self._devices.put(device)

    def __call__(self) -> FakeDevice:
        device = self._devices.get(timeout=PATIENCE_S)
        if isinstance(device, CameraError):
            raise device
        return device


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(100.0)


def while_feeding(device: FakeDevice, call: Callable[[], None]) -> None:
    """Make a call that the grabbing thread serves between two frames."""
    caller = threading.Thread(target=call)
    caller.start()
    while caller.is_alive():
        device.feed(picture(0))
        caller.join(0.01)


@contextmanager
def live_camera(
    clock: VirtualClock,
    connect: Callable[[], FakeDevice],
    *,
    unblock: FakeDevice,
    settings: dict[str, float] | None = None,
    query_limits: Callable[[int], Limits | None] | None = None,
    driver_stamps: bool = False,
    exposure_delay_s: float = 0.0,
) -> Iterator[LiveCamera]:
    """Open a camera; ``unblock`` is the device in use when the test ends."""
    camera = LiveCamera(
        name="usb:0",
        connect=connect,
        clock=clock,
        timing=LiveTiming(
            backoff_s=(0.0, 0.0),
            driver_stamps=driver_stamps,
            exposure_delay_s=exposure_delay_s,
            first_frame_timeout_s=PATIENCE_S,
        ),
        settings=settings or {},
        query_limits=query_limits,
    )
    try:
        yield camera
    finally:
        while_feeding(unblock, camera.close)


def test_newest_frame_wins_and_drops_are_counted(clock: VirtualClock) -> None:
    device = FakeDevice(clock)
    device.feed(picture(1), picture(2), picture(3))
    with live_camera(clock, Devices(device), unblock=device) as camera:
        device.wait_until_asked(4)
        frame = camera.read(0.0)
        assert frame is not None
        assert (frame.frame_id, frame.dropped_before) == (2, 2)
        assert frame.image[0, 0, 0] == 3
        assert camera.read(0.0) is None
        device.feed(picture(4))
        following = camera.read(PATIENCE_S)
        assert following is not None
        assert (following.frame_id, following.dropped_before) == (3, 0)


def test_frames_are_stamped_when_grabbed_less_the_exposure_delay(clock: VirtualClock) -> None:
    device = FakeDevice(clock)
    device.feed(picture(1))
    with live_camera(clock, Devices(device), unblock=device, exposure_delay_s=0.03) as camera:
        device.wait_until_asked(2)
        clock.sleep_until(100.5)
        first = camera.read(0.0)
        assert first is not None
        assert first.t_capture_s == pytest.approx(99.97)
        device.feed(picture(2))
        second = camera.read(PATIENCE_S)
        assert second is not None
        assert second.t_capture_s == pytest.approx(100.47)


@pytest.mark.parametrize(
    ("driver_ms", "expected_s"),
    [
        pytest.param(99_980.0, 99.98, id="plausible"),
        pytest.param(100_001.0, 100.0, id="in the future"),
        pytest.param(40.0, 100.0, id="another clock"),
    ],
)
def test_driver_stamps_are_used_when_plausible(
    clock: VirtualClock, driver_ms: float, expected_s: float
) -> None:
    device = FakeDevice(clock, {cv2.CAP_PROP_POS_MSEC: driver_ms})
    device.feed(picture(1))
    with live_camera(clock, Devices(device), unblock=device, driver_stamps=True) as camera:
        frame = camera.read(PATIENCE_S)
        assert frame is not None
        assert frame.t_capture_s == pytest.approx(expected_s)


def test_a_silent_camera_is_noticed_within_its_limit(clock: VirtualClock) -> None:
    device = FakeDevice(clock)
    device.feed(picture(1))
    with live_camera(clock, Devices(device), unblock=device) as camera:
        assert camera.read(0.0) is not None
        clock.sleep_until(100.7)
        assert camera.read(0.0) is None
        clock.sleep_until(100.85)
        with pytest.raises(CameraLostError, match=r"usb:0: no picture for 0\.8 s.*cable"):
            camera.read(PATIENCE_S)
        with pytest.raises(CameraLostError):
            camera.read(0.0)
        device.feed(picture(2))
        back = camera.read(PATIENCE_S)
        assert back is not None
        assert back.image[0, 0, 0] == 2


def test_an_unplugged_camera_is_reported_and_reconnected(clock: VirtualClock) -> None:
    first, second = FakeDevice(clock), FakeDevice(clock)
    devices = Devices(first)
    first.feed(picture(1))
    with live_camera(clock, devices, unblock=second) as camera:
        assert camera.read(0.0) is not None
        first.feed(GONE)
        with pytest.raises(CameraLostError, match="stopped delivering"):
            camera.read(PATIENCE_S)
        assert first.released.wait(PATIENCE_S)
        second.feed(picture(9))
        devices.plug(CameraError("not there yet"), CameraError("not there yet"), second)
        back = camera.read(PATIENCE_S)
        assert back is not None
        assert back.image[0, 0, 0] == 9
        assert back.frame_id == 1
        assert camera.read(0.0) is None


def test_damaged_frames_are_counted_as_dropped(clock: VirtualClock) -> None:
    device = FakeDevice(clock)
    device.feed(picture(1), DAMAGED, DAMAGED)
    with live_camera(clock, Devices(device), unblock=device) as camera:
        device.wait_until_asked(4)
        assert camera.read(0.0) is not None
        device.feed(DAMAGED, picture(2))
        frame = camera.read(PATIENCE_S)
        assert frame is not None
        assert (frame.frame_id, frame.dropped_before) == (4, 3)


def test_grey_pictures_become_colour(clock: VirtualClock) -> None:
    device = FakeDevice(clock)
    device.feed(np.full((4, 6), 7, dtype=np.uint8))
    with live_camera(clock, Devices(device), unblock=device) as camera:
        frame = camera.read(PATIENCE_S)
        assert frame is not None
        assert frame.image.shape == (4, 6, 3)
        assert (frame.image == 7).all()


def test_a_device_without_pictures_is_refused_and_released(clock: VirtualClock) -> None:
    device = FakeDevice(clock)
    device.feed(GONE)
    with pytest.raises(CameraError, match="opens but delivers no picture"):
        LiveCamera(
            name="usb:0",
            connect=Devices(device),
            clock=clock,
            timing=LiveTiming(first_frame_timeout_s=PATIENCE_S, backoff_s=(60.0, 60.0)),
            settings={},
        )
    assert device.released.is_set()


def limits_of_exposure(v4l2_id: int) -> Limits | None:
    return (1.0, 5000.0) if v4l2_id == 0x009A0902 else None


def test_controls_are_set_and_read_back(clock: VirtualClock) -> None:
    device = FakeDevice(clock, {cv2.CAP_PROP_EXPOSURE: 150.0, cv2.CAP_PROP_FRAME_WIDTH: 640.0})
    device.feed(picture(1))
    with live_camera(
        clock,
        Devices(device),
        unblock=device,
        settings={"exposure": 200.0},
        query_limits=limits_of_exposure,
    ) as camera:
        assert device.sets == [(cv2.CAP_PROP_EXPOSURE, 200.0)]
        assert camera.controls()["exposure"] == (1.0, 5000.0, 200.0)
        assert set(camera.controls()) == {"exposure", "width_px"}
        with_answer: list[float] = []
        while_feeding(device, lambda: with_answer.append(camera.set_control("exposure", 99.6)))
        assert with_answer == [100.0]
        assert camera.controls()["exposure"] == (1.0, 5000.0, 100.0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param({"zoom": 1.0}, "zoom is not a known control; known are: exposure", id="word"),
        pytest.param({"gain": 1.0}, "has no control gain; it has: exposure", id="lacking"),
        pytest.param(
            {"exposure": 9000.0}, "exposure is 9000, this camera takes 1 to 5000", id="9k"
        ),
    ],
)
def test_impossible_controls_are_refused(
    clock: VirtualClock, settings: dict[str, float], message: str
) -> None:
    device = FakeDevice(clock, {cv2.CAP_PROP_EXPOSURE: 150.0})
    device.feed(picture(1))
    with pytest.raises(CameraError, match=message):
        LiveCamera(
            name="usb:0",
            connect=Devices(device),
            clock=clock,
            timing=LiveTiming(),
            settings=settings,
            query_limits=limits_of_exposure,
        )
    assert not device.sets


def test_a_driver_that_refuses_is_named(clock: VirtualClock) -> None:
    device = FakeDevice(clock, {cv2.CAP_PROP_EXPOSURE: 150.0})
    device.refused.add(cv2.CAP_PROP_EXPOSURE)
    with pytest.raises(CameraError, match="refused exposure = 3"):
        LiveCamera(
            name="usb:0",
            connect=Devices(device),
            clock=clock,
            timing=LiveTiming(),
            settings={"exposure": 3.0},
        )
    assert device.released.is_set()


def test_a_closed_camera_says_so(clock: VirtualClock) -> None:
    device = FakeDevice(clock)
    device.feed(picture(1))
    with live_camera(clock, Devices(device), unblock=device) as camera:
        assert camera.read(PATIENCE_S) is not None
    assert device.released.is_set()
    assert camera.read(0.0) is not None, "the frame that let the driver return"
    with pytest.raises(CameraError, match="closed"):
        camera.read(0.0)
    with pytest.raises(CameraError, match="closed"):
        camera.set_control("exposure", 1.0)
    camera.close()


def test_a_frame_and_a_loss_are_announced_on_the_descriptor(clock: VirtualClock) -> None:
    device, next_device = FakeDevice(clock), FakeDevice(clock)
    devices = Devices(device)
    device.feed(picture(1))
    with live_camera(clock, devices, unblock=next_device) as camera:
        assert wait_for_any([camera], PATIENCE_S)
        assert camera.read(0.0) is not None
        assert not wait_for_any([camera], 0.0)
        device.feed(GONE)
        assert wait_for_any([camera], PATIENCE_S)
        with pytest.raises(CameraLostError):
            camera.read(0.0)
        assert not wait_for_any([camera], 0.0)
        devices.plug(next_device)
        next_device.feed(picture(2))
        assert wait_for_any([camera], PATIENCE_S)
        assert camera.read(0.0) is not None
    assert camera.fileno() == -1
