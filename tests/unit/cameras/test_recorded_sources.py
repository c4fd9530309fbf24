"""Folders of images and video files: every frame in order, and plain words for bad files."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from agriseg.cameras import open_camera
from agriseg.clock import VirtualClock
from agriseg.config import CameraConfig
from agriseg.errors import CameraError, CameraLostError
from agriseg.messages import Frame
from agriseg.ports import Camera

WIDTH_PX, HEIGHT_PX = 64, 48


def picture(value: int) -> np.ndarray:
    return np.full((HEIGHT_PX, WIDTH_PX, 3), value, dtype=np.uint8)


def write_images(folder: Path, *names: str) -> None:
    for value, name in enumerate(names, start=1):
        assert cv2.imwrite(str(folder / name), picture(value * 10))


def write_video(path: Path, frames: int, fourcc: str, rate_hz: float = 10.0) -> None:
    writer = cv2.VideoWriter(
        str(path), cv2.VideoWriter.fourcc(*fourcc), rate_hz, (WIDTH_PX, HEIGHT_PX)
    )
    rng = np.random.default_rng(3)
    for value in range(frames):
        texture = rng.integers(0, 40, (HEIGHT_PX, WIDTH_PX, 3), dtype=np.uint8)
        writer.write(texture + np.uint8(value * 5))
    writer.release()


def open_source(path: Path, clock: VirtualClock, *, paced: bool = True) -> Camera:
    return open_camera(CameraConfig(source=str(path), fps=10.0), clock, paced=paced)


def read_all(camera: Camera, frames: list[Frame] | None = None) -> list[Frame]:
    """Read to the end, into ``frames`` so that they survive an error."""
    frames = [] if frames is None else frames
    while True:
        try:
            frame = camera.read(1.0)
        except EOFError:
            return frames
        assert frame is not None
        frames.append(frame)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(50.0)


def test_images_come_in_natural_order(tmp_path: Path, clock: VirtualClock) -> None:
    write_images(tmp_path, "row 10.png", "row 2.png", "Row 1.PNG")
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / ".hidden.png").write_text("not a picture")
    camera = open_source(tmp_path, clock)
    frames = read_all(camera)
    assert [frame.name for frame in frames] == ["Row 1.PNG", "row 2.png", "row 10.png"]
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [30, 20, 10]
    assert [frame.t_capture_s for frame in frames] == pytest.approx([50.0, 50.1, 50.2])
    assert [frame.dropped_before for frame in frames] == [0, 0, 0]
    assert not camera.is_live


def test_unpaced_images_come_at_once(tmp_path: Path, clock: VirtualClock) -> None:
    write_images(tmp_path, "1.png", "2.png", "3.png")
    read_all(open_source(tmp_path, clock, paced=False))
    assert clock.now_s() == 50.0


def test_a_frame_not_yet_due_is_waited_for_no_longer_than_asked(
    tmp_path: Path, clock: VirtualClock
) -> None:
    write_images(tmp_path, "1.png", "2.png")
    camera = open_source(tmp_path, clock)
    assert camera.read(0.0) is not None
    assert camera.read(0.04) is None
    assert clock.now_s() == pytest.approx(50.04)
    assert camera.read(0.07) is not None


def test_a_slow_reader_gets_every_image_freshly_stamped(
    tmp_path: Path, clock: VirtualClock
) -> None:
    write_images(tmp_path, "1.png", "2.png", "3.png")
    camera = open_source(tmp_path, clock)
    stamps = []
    for _ in range(3):
        frame = camera.read(1.0)
        assert frame is not None
        stamps.append(frame.t_capture_s)
        clock.sleep_until(clock.now_s() + 1.0)
    assert stamps == pytest.approx([50.0, 51.0, 52.0])


@pytest.mark.parametrize(
    "content", [pytest.param(b"", id="empty"), pytest.param(b"\x89PNG\r\n\x1a\nxx", id="torn")]
)
def test_an_unreadable_image_is_named_and_the_next_one_follows(
    tmp_path: Path, clock: VirtualClock, content: bytes
) -> None:
    write_images(tmp_path, "1.png", "2.png", "3.png")
    (tmp_path / "2.png").write_bytes(content)
    camera = open_source(tmp_path, clock)
    assert camera.read(1.0) is not None
    with pytest.raises(CameraError, match=rf"2\.png: this is not an image.*{len(content)} bytes"):
        camera.read(1.0)
    following = camera.read(1.0)
    assert following is not None
    assert following.name == "3.png"


def test_a_folder_without_images_says_what_it_expected(tmp_path: Path, clock: VirtualClock) -> None:
    (tmp_path / "notes.txt").write_text("nothing to see")
    with pytest.raises(CameraError, match=r"no image in this folder; expected.*\.jpg"):
        open_source(tmp_path, clock)


def test_a_video_gives_every_frame_at_its_own_rate(tmp_path: Path, clock: VirtualClock) -> None:
    write_video(tmp_path / "drive.mp4", 30, "mp4v", rate_hz=20.0)
    camera = open_source(tmp_path / "drive.mp4", clock)
    frames = read_all(camera)
    assert [frame.frame_id for frame in frames] == list(range(30))
    assert frames[-1].t_capture_s == pytest.approx(50.0 + 29 / 20.0)
    means = [float(frame.image.mean()) for frame in frames]
    assert all(later > earlier for earlier, later in pairwise(means))
    camera.close()
    with pytest.raises(EOFError):
        camera.read(0.0)


def test_a_video_cut_short_gives_what_it_has_and_then_says_so(
    tmp_path: Path, clock: VirtualClock
) -> None:
    path = tmp_path / "torn.avi"
    write_video(path, 40, "MJPG")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    camera = open_source(path, clock)
    frames: list[Frame] = []
    with pytest.raises(CameraError, match=r"torn\.avi: the video is cut short") as told:
        read_all(camera, frames)
    assert 10 <= len(frames) < 30
    assert f": {len(frames)} of 40 frames" in str(told.value)
    assert not isinstance(told.value, CameraLostError)
    camera.close()


def test_a_video_without_its_index_is_named(tmp_path: Path, clock: VirtualClock) -> None:
    path = tmp_path / "torn.mp4"
    write_video(path, 40, "mp4v")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(CameraError, match=r"torn\.mp4: this is not a video that can be opened"):
        open_source(path, clock)


def test_a_text_file_is_not_a_video(tmp_path: Path, clock: VirtualClock) -> None:
    (tmp_path / "drive.mp4").write_text("rows and rows of maize")
    with pytest.raises(CameraError, match=r"not a video that can be opened \(22 bytes\)"):
        open_source(tmp_path / "drive.mp4", clock)


def test_files_have_no_controls(tmp_path: Path, clock: VirtualClock) -> None:
    write_images(tmp_path, "1.png")
    write_video(tmp_path / "drive.avi", 2, "MJPG")
    for source in (tmp_path, tmp_path / "drive.avi"):
        camera = open_source(source, clock)
        assert not camera.controls()
        with pytest.raises(CameraError, match="no controls; gain = 1 was not set"):
            camera.set_control("gain", 1.0)
        camera.close()
