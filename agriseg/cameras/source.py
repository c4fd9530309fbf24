"""What ``camera.source`` in the configuration means."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from agriseg.errors import CameraError

FORMS = (
    "sim, usb:0, usb:/dev/video0, an rtsp:// or http:// address, gst:PIPELINE,"
    " or the path of a video file or of a folder of images"
)

_STREAM_SCHEMES = ("rtsp", "rtsps", "http", "https")


class SourceKind(Enum):
    """Kinds of sources of frames."""

    SIMULATION = "sim"
    USB = "usb"
    STREAM = "stream"
    GSTREAMER = "gst"
    VIDEO_FILE = "video file"
    IMAGE_FOLDER = "folder of images"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A parsed ``camera.source``.

    Attributes
    ----------
    kind : SourceKind
    address : str
        Device number or path, address, pipeline or file path; empty for the simulation.
    text : str
        What was written, without a password.
    """

    kind: SourceKind
    address: str
    text: str

    @property
    def device_path(self) -> Path | None:
        """The device file of a USB camera on Linux, else None."""
        if self.kind is not SourceKind.USB or not sys.platform.startswith("linux"):
            return None
        return Path(f"/dev/video{self.address}" if self.address.isdecimal() else self.address)


def parse_source(text: str) -> Source:
    """Tell what kind of source ``text`` names.

    Raises
    ------
    CameraError
        The text has none of the known forms, or names a file that is not there.
    """
    head, _, rest = text.partition(":")
    if text == "sim":
        return Source(kind=SourceKind.SIMULATION, address="", text=text)
    if head == "usb":
        return _usb(text, rest)
    if head == "gst":
        return _gstreamer(text, rest)
    if rest.startswith("//"):
        return _stream(text, head)
    return _path(text)


def _usb(text: str, address: str) -> Source:
    if not address.isdecimal() and not address.startswith("/dev/"):
        raise CameraError(
            f"{text}: a USB camera is written usb:0, with its number, or usb:/dev/video0;"
            " `agriseg doctor` lists the cameras of this computer"
        )
    return Source(kind=SourceKind.USB, address=address, text=text)


def _gstreamer(text: str, pipeline: str) -> Source:
    if "appsink" not in pipeline:
        raise CameraError(
            f"{text}: a GStreamer pipeline must end in appsink for AgriSeg to receive the"
            " frames; add `! videoconvert ! video/x-raw,format=BGR ! appsink drop=true"
            " max-buffers=1`"
        )
    return Source(kind=SourceKind.GSTREAMER, address=pipeline.strip(), text=text)


def _stream(text: str, scheme: str) -> Source:
    if scheme.lower() not in _STREAM_SCHEMES:
        raise CameraError(
            f"{text}: {scheme}:// is not a stream that can be opened; expected {FORMS}"
        )
    without_password = re.sub(r"//([^/@:]*):[^/@]*@", r"//\1:***@", text)
    return Source(kind=SourceKind.STREAM, address=text, text=without_password)


def _path(text: str) -> Source:
    path = Path(text).expanduser()
    if text and path.is_dir():
        return Source(kind=SourceKind.IMAGE_FOLDER, address=str(path), text=text)
    if path.is_file():
        return Source(kind=SourceKind.VIDEO_FILE, address=str(path), text=text)
    raise CameraError(
        f"{text or 'an empty camera.source'}: there is no such camera, file or folder;"
        f" expected {FORMS}"
    )
