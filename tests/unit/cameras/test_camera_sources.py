"""What camera.source may say, the cameras of a computer, and a real network stream."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest

from agriseg.cameras import list_cameras, open_camera
from agriseg.cameras.controls import query_v4l2_limits
from agriseg.cameras.source import SourceKind, parse_source
from agriseg.clock import MonotonicClock
from agriseg.config import CameraConfig
from agriseg.errors import CameraError, CameraLostError
from agriseg.messages import Frame
from agriseg.ports import Camera


@pytest.mark.parametrize(
    ("text", "kind", "address"),
    [
        ("sim", SourceKind.SIMULATION, ""),
        ("usb:0", SourceKind.USB, "0"),
        ("usb:/dev/video2", SourceKind.USB, "/dev/video2"),
        ("rtsp://10.0.0.5/stream", SourceKind.STREAM, "rtsp://10.0.0.5/stream"),
        ("http://robot:8080/video", SourceKind.STREAM, "http://robot:8080/video"),
        ("gst:v4l2src ! appsink", SourceKind.GSTREAMER, "v4l2src ! appsink"),
    ],
)
def test_sources_are_told_apart(text: str, kind: SourceKind, address: str) -> None:
    source = parse_source(text)
    assert (source.kind, source.address) == (kind, address)


def test_files_and_folders_are_told_apart(tmp_path: Path) -> None:
    video = tmp_path / "a.mp4"
    video.write_bytes(b"")
    assert parse_source(str(tmp_path)).kind is SourceKind.IMAGE_FOLDER
    assert parse_source(str(video)).kind is SourceKind.VIDEO_FILE


def test_a_password_is_not_shown() -> None:
    source = parse_source("rtsp://farmer:secret@10.0.0.5/stream")
    assert source.text == "rtsp://farmer:***@10.0.0.5/stream"
    assert "secret" in source.address


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("usb:front", "written usb:0"),
        ("ftp://10.0.0.5/video", "ftp:// is not a stream"),
        ("gst:v4l2src ! autovideosink", "must end in appsink"),
        ("missing.mp4", "no such camera, file or folder; expected sim, usb:0"),
        ("", "no such camera, file or folder"),
    ],
)
def test_other_sources_are_refused_with_what_was_expected(text: str, message: str) -> None:
    with pytest.raises(CameraError, match=message):
        parse_source(text)


def test_a_camera_that_is_not_there_is_named() -> None:
    with pytest.raises(CameraError, match=r"usb:/dev/video987: there is no camera .*found: "):
        open_camera(CameraConfig(source="usb:/dev/video987"), MonotonicClock())


def test_an_unknown_control_is_refused_before_anything_is_opened() -> None:
    config = CameraConfig(source="usb:987", controls={"zoom": 1.0})
    with pytest.raises(CameraError, match=r"camera\.controls\.zoom is not a known control"):
        open_camera(config, MonotonicClock())


def test_a_pipeline_needs_an_opencv_with_gstreamer() -> None:
    if "GStreamer:                   NO" not in cv2.getBuildInformation():
        pytest.skip("this OpenCV has GStreamer")
    with pytest.raises(CameraError, match=r"built without GStreamer; use .*rtsp://"):
        open_camera(CameraConfig(source="gst:v4l2src ! appsink"), MonotonicClock())


def test_cameras_are_listed_without_opening_them(tmp_path: Path) -> None:
    sysfs, dev = tmp_path / "sysfs", tmp_path / "dev"
    by_id = dev / "v4l" / "by-id"
    by_id.mkdir(parents=True)
    for number, index, name in ((10, 0, "Boom camera"), (2, 0, "Webcam"), (3, 1, "Webcam")):
        node = sysfs / f"video{number}"
        node.mkdir(parents=True)
        (node / "name").write_text(name + "\n")
        (node / "index").write_text(f"{index}\n")
        (dev / f"video{number}").touch()
    (by_id / "usb-Webcam-index0").symlink_to(dev / "video2")
    cameras = list_cameras(sysfs, dev)
    assert [(camera.name, camera.source) for camera in cameras] == [
        ("Webcam", f"usb:{dev}/video2"),
        ("Boom camera", f"usb:{dev}/video10"),
    ]
    assert cameras[0].stable_source == f"usb:{by_id}/usb-Webcam-index0"
    assert cameras[1].stable_source == cameras[1].source
    assert all(camera.permitted for camera in cameras)


def test_a_computer_without_cameras_lists_none(tmp_path: Path) -> None:
    assert list_cameras(tmp_path / "absent", tmp_path) == []


class NetworkCamera(ThreadingHTTPServer):
    """An MJPEG camera on the loopback: as many clients as come, until it is unplugged."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _MjpegHandler)
        self.unplugged = threading.Event()
        self.plugged = threading.Event()
        self.plugged.set()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/video"


class _MjpegHandler(BaseHTTPRequestHandler):
    server: NetworkCamera

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        _, jpeg = cv2.imencode(".jpg", np.full((48, 64, 3), 120, dtype=np.uint8))
        part = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (
            len(jpeg),
            jpeg.tobytes(),
        )
        try:
            while self.server.plugged.is_set():
                self.wfile.write(part)
                self.server.unplugged.wait(0.01)
        except ConnectionError:
            pass

    def log_message(self, *args: object) -> None:
        """Keep the terminal clean."""


@pytest.fixture
def network_camera() -> Iterator[NetworkCamera]:
    with NetworkCamera() as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        serving.start()
        yield server
        server.plugged.clear()
        server.unplugged.set()
        server.shutdown()
        serving.join()


def test_a_network_camera_delivers_is_lost_and_comes_back(network_camera: NetworkCamera) -> None:
    clock = MonotonicClock()
    camera = open_camera(CameraConfig(source=network_camera.address), clock)
    try:
        frame = camera.read(5.0)
        assert frame is not None
        assert frame.image.shape == (48, 64, 3)
        assert abs(int(frame.image.mean()) - 120) <= 2
        assert 0.0 <= clock.now_s() - frame.t_capture_s < 5.0
        assert camera.is_live
        network_camera.plugged.clear()
        with pytest.raises(CameraLostError, match=r"http://127\.0\.0\.1:\d+/video: .*nozzles stay"):
            read_until_lost(camera)
        network_camera.plugged.set()
        assert read_until_back(camera).image.shape == (48, 64, 3)
    finally:
        camera.close()


def read_until_lost(camera: Camera) -> None:
    while True:
        camera.read(5.0)


def read_until_back(camera: Camera) -> Frame:
    while True:
        try:
            frame = camera.read(10.0)
        except CameraLostError:
            continue
        assert frame is not None
        return frame


def test_an_address_without_a_camera_is_named() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        address = f"http://127.0.0.1:{server.server_port}/video"
    with pytest.raises(CameraError, match="no video stream could be opened there"):
        open_camera(CameraConfig(source=address), MonotonicClock())


def test_a_file_that_is_no_camera_has_no_limits(tmp_path: Path) -> None:
    (tmp_path / "video0").write_bytes(b"")
    assert query_v4l2_limits(tmp_path / "video0")(0x00980913) is None
    assert query_v4l2_limits(tmp_path / "absent")(0x00980913) is None
