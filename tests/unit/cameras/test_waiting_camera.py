"""A recording stands still at its first frame until the run begins."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from agriseg.cameras.waiting import WaitingCamera
from agriseg.clock import VirtualClock
from agriseg.messages import Frame


class Film:
    """Three frames, each of one grey value, as fast as they are asked for."""

    name = "film"
    is_live = False

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.greys = [10, 20, 30]
        self.is_closed = False

    def read(self, timeout_s: float) -> Frame | None:  # never waits
        if not self.greys:
            raise EOFError("film")
        image = np.full((4, 6, 3), self.greys.pop(0), np.uint8)
        return Frame(frame_id=7, t_capture_s=self._clock.now_s(), image=image, name="film frame")

    def controls(self) -> Mapping[str, tuple[float, float, float]]:
        return {}

    def set_control(self, name: str, value: float) -> float:
        raise AssertionError((name, value))

    def close(self) -> None:
        self.is_closed = True


def read(camera: WaitingCamera) -> tuple[int, int, float]:
    frame = camera.read(1.0)
    assert frame is not None
    return frame.frame_id, int(frame.image[0, 0, 0]), frame.t_capture_s


def test_the_first_frame_is_repeated_with_new_times_until_the_run_begins() -> None:
    clock = VirtualClock(5.0)
    camera = WaitingCamera(Film(clock), clock)
    seen = [read(camera) for _ in range(4)]
    assert [(number, grey) for number, grey, _ in seen] == [(0, 10), (1, 10), (2, 10), (3, 10)]
    times = [t_s for _, _, t_s in seen]
    assert np.diff(times[1:]) == pytest.approx(0.05)
    camera.begin()
    camera.begin()
    assert [read(camera)[:2] for _ in range(2)] == [(4, 20), (5, 30)]
    with pytest.raises(EOFError):
        camera.read(1.0)


def test_a_run_that_begins_at_once_sees_every_frame_once() -> None:
    clock = VirtualClock(5.0)
    camera = WaitingCamera(Film(clock), clock)
    camera.begin()
    assert [read(camera)[1] for _ in range(3)] == [10, 20, 30]


def test_it_says_when_the_next_frame_is_due_and_waits_no_longer_than_asked() -> None:
    clock = VirtualClock(5.0)
    camera = WaitingCamera(Film(clock), clock)
    read(camera)
    read(camera)
    assert camera.due_s == pytest.approx(clock.now_s() + 0.05)
    assert camera.read(0.01) is None
    assert camera.read(0.05) is not None
