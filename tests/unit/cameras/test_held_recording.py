"""A recording stands still until it is let run on; none of its frames is left out."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from agriseg.cameras.held import HeldRecording
from agriseg.cameras.opening import open_for_machine
from agriseg.clock import VirtualClock
from agriseg.config import CameraConfig
from agriseg.errors import CameraError
from agriseg.messages import Frame

Seen = tuple[int, bool, int, float]
"""Number, whether a preview, what is in the picture, when it was born."""


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(50.0)


@pytest.fixture
def film(tmp_path: Path, clock: VirtualClock) -> HeldRecording:
    for value in range(1, 6):
        picture = np.full((48, 64, 3), 10 * value, np.uint8)
        assert cv2.imwrite(str(tmp_path / f"{value}.png"), picture)
    camera = open_for_machine(CameraConfig(source=str(tmp_path), fps=10.0), clock)
    assert isinstance(camera, HeldRecording)
    return camera


def seen(frame: Frame | None) -> Seen:
    assert frame is not None
    return frame.frame_id, frame.is_preview, int(frame.image[0, 0, 0]), frame.t_capture_s


def test_the_first_picture_is_a_preview_until_the_recording_runs(film: HeldRecording) -> None:
    previews = [seen(film.read(1.0)) for _ in range(40)]
    assert [number for number, *_ in previews] == list(range(-1, -41, -1))
    assert {(preview, value) for _, preview, value, _ in previews} == {(True, 10)}
    assert previews[-1][3] == pytest.approx(50.0 + 39 / 20.0)
    assert film.name.endswith("waits for Start")


def test_run_on_delivers_every_picture_from_the_first_at_its_own_rate(
    film: HeldRecording, clock: VirtualClock
) -> None:
    for _ in range(40):
        film.read(1.0)
    begin_s = clock.now_s()
    film.run_on()
    frames = [seen(film.read(1.0)) for _ in range(5)]
    assert [frame[:3] for frame in frames] == [(i, False, 10 * i + 10) for i in range(5)]
    assert [frame[3] for frame in frames] == pytest.approx([begin_s + i / 10 for i in range(5)])
    assert "waits" not in film.name
    with pytest.raises(EOFError):
        film.read(1.0)


def test_held_in_the_middle_it_goes_on_from_the_picture_that_stands(film: HeldRecording) -> None:
    film.run_on()
    assert [seen(film.read(1.0))[:3] for _ in range(2)] == [(0, False, 10), (1, False, 20)]
    film.hold()
    assert [seen(film.read(1.0))[:3] for _ in range(2)] == [(-1, True, 20), (-2, True, 20)]
    film.run_on()
    film.run_on()
    assert [seen(film.read(1.0))[:3] for _ in range(2)] == [(2, False, 20), (3, False, 30)]


def test_it_waits_no_longer_than_asked(film: HeldRecording, clock: VirtualClock) -> None:
    assert film.read(0.0) is not None
    assert film.due_s == pytest.approx(50.05)
    assert film.read(0.04) is None
    assert clock.now_s() == pytest.approx(50.04)
    film.run_on()
    assert film.due_s == pytest.approx(50.0)
    assert film.read(0.0) is not None
    assert film.due_s == pytest.approx(50.14)


def test_a_damaged_picture_is_told_when_its_turn_comes(tmp_path: Path, clock: VirtualClock) -> None:
    assert cv2.imwrite(str(tmp_path / "1.png"), np.full((48, 64, 3), 10, np.uint8))
    (tmp_path / "2.png").write_bytes(b"not a picture")
    camera = open_for_machine(CameraConfig(source=str(tmp_path)), clock)
    assert isinstance(camera, HeldRecording)
    assert camera.read(1.0) is not None
    camera.run_on()
    assert camera.read(1.0) is not None
    with pytest.raises(CameraError, match=r"2\.png: this is not an image"):
        camera.read(1.0)
    camera.close()
