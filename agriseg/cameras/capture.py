"""Opening the devices that OpenCV can open; each failure says what to do."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from agriseg.cameras.listing import list_cameras
from agriseg.cameras.source import Source, SourceKind
from agriseg.config import CameraConfig
from agriseg.errors import CameraError
from agriseg.opencv import cv2

OPEN_TIMEOUT_MS = 5000


class VideoCapture(Protocol):
    """The part of OpenCV's VideoCapture that cameras use."""

    def isOpened(self) -> bool:  # noqa: N802  # OpenCV's name
        """Return whether the device is open."""
        ...

    def grab(self) -> bool:
        """Wait for the next frame; False when there is none."""
        ...

    def retrieve(self) -> tuple[bool, Any]:
        """Decode the grabbed frame."""
        ...

    def get(self, propId: int, /) -> float:  # noqa: N803  # OpenCV's name
        """Return a property."""
        ...

    def set(self, propId: int, value: float, /) -> bool:  # noqa: N803  # OpenCV's name
        """Set a property; False when the driver refuses."""
        ...

    def release(self) -> None:
        """Close the device."""
        ...


Connect = Callable[[], VideoCapture]
"""Opens the device; raises `CameraError` with the reason when it cannot."""


def connector(source: Source, config: CameraConfig) -> Connect:
    """Return the function that opens (and later reopens) a live ``source``.

    Raises
    ------
    CameraError
        This OpenCV cannot open such sources at all.
    """
    if source.kind is SourceKind.USB:
        return lambda: _open_usb(source, config)
    if source.kind is SourceKind.STREAM:
        return lambda: _open_stream(source, config)
    if source.kind is SourceKind.GSTREAMER:
        require_gstreamer(source)
        return lambda: _open_gstreamer(source)
    raise ValueError(f"{source.kind} is not a live source")


def require_gstreamer(source: Source) -> None:
    """Refuse a GStreamer source where OpenCV was built without GStreamer.

    Raises
    ------
    CameraError
    """
    if _video_back_ends().get("GStreamer", "NO").startswith("NO"):
        raise CameraError(
            f"{source.text}: the OpenCV {cv2.__version__} installed here was built without"
            " GStreamer; use the camera's rtsp:// address or usb: instead, or install"
            " GStreamer's development files and build OpenCV with them:"
            " CMAKE_ARGS=-DWITH_GSTREAMER=ON pip install --force-reinstall --no-binary"
            " opencv-python opencv-python"
        )


def _video_back_ends() -> Mapping[str, str]:
    """Return OpenCV's own list of what it was built with, such as GStreamer: NO."""
    lines = cv2.getBuildInformation().splitlines()
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    return {name.strip(): value.strip() for name, value in pairs}


def _open_usb(source: Source, config: CameraConfig) -> VideoCapture:
    device = source.device_path
    if device is not None:
        _check_device(source, device)
        # OpenCV takes a path as a device only where its V4L2 back end is asked for.
        capture = cv2.VideoCapture(str(device), cv2.CAP_V4L2)
    else:
        capture = cv2.VideoCapture(int(source.address))
    if not capture.isOpened():
        raise CameraError(
            f"{source.text}: the camera is there but cannot be opened; another program may be"
            " using it, close it and try again"
        )
    # Compressed pictures first: USB 2 has no room for 1280x720 raw at more than 10 frames/s.
    capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, config.width_px)
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, config.height_px)
    capture.set(cv2.CAP_PROP_FPS, config.fps)
    return capture


def _check_device(source: Source, device: Path) -> None:
    if not device.exists():
        found = ", ".join(f"{camera.source} ({camera.name})" for camera in list_cameras())
        raise CameraError(
            f"{source.text}: there is no camera {device}; found: {found or 'none'};"
            " plug it in, or choose another camera.source"
        )
    if not os.access(device, os.R_OK | os.W_OK):
        raise CameraError(
            f"{source.text}: you have no permission to use {device}; run"
            " `sudo usermod -aG video $USER`, then log out and in again"
        )


def _open_stream(source: Source, config: CameraConfig) -> VideoCapture:
    limits = [
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
        OPEN_TIMEOUT_MS,
        cv2.CAP_PROP_READ_TIMEOUT_MSEC,
        round(config.lost_after_s * 1000.0),
    ]
    capture = cv2.VideoCapture(source.address, cv2.CAP_FFMPEG, limits)
    if not capture.isOpened():
        raise CameraError(
            f"{source.text}: no video stream could be opened there within"
            f" {OPEN_TIMEOUT_MS / 1000:g} s; check address, user, password and network"
        )
    return capture


def _open_gstreamer(source: Source) -> VideoCapture:
    capture = cv2.VideoCapture(source.address, cv2.CAP_GSTREAMER)
    if not capture.isOpened():
        raise CameraError(
            f"{source.text}: GStreamer could not start this pipeline; try it with"
            " gst-launch-1.0, with autovideosink in the place of appsink"
        )
    return capture


def has_driver_stamps(source: Source) -> bool:
    """Return whether the driver stamps frames with the monotonic clock, as V4L2 does."""
    return source.kind is SourceKind.USB and sys.platform.startswith("linux")
