"""A video file as a camera: every frame in order, at the file's rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path

from agriseg.cameras.capture import VideoCapture
from agriseg.cameras.pacing import Pacing
from agriseg.errors import CameraError
from agriseg.messages import Frame
from agriseg.opencv import cv2
from agriseg.ports import Clock

FALLBACK_RATE_HZ = 25.0
"""For files that do not say how many frames a second they have."""

MISSING_FRACTION_ALLOWED = 0.01
"""Some containers only estimate how many frames they hold; one frame is always allowed."""


def open_video(path: Path) -> VideoCapture:
    """Open a video file.

    Raises
    ------
    CameraError
        The file is not a video, or cut off before its index.
    """
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        raise CameraError(
            f"{path}: this is not a video that can be opened ({path.stat().st_size} bytes); if"
            " it was cut off while it was written or copied, its index is missing: copy it"
            " again, or repair it with a video tool"
        )
    return capture


class VideoFileCamera:
    """Every frame of a video file in order.

    Parameters
    ----------
    path : Path
    clock : Clock
    paced : bool
        Whether the file's rate is kept; False reads as fast as asked.
    open_file : callable
        Opens the file.

    Raises
    ------
    CameraError
        The file is not a video that can be opened.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        paced: bool,
        open_file: Callable[[Path], VideoCapture] = open_video,
    ) -> None:
        self._path = path
        self._capture: VideoCapture | None = open_file(path)
        rate_hz = self._capture.get(cv2.CAP_PROP_FPS)
        usable = math.isfinite(rate_hz) and 0.1 <= rate_hz <= 1000.0
        self._rate_hz = rate_hz if usable else FALLBACK_RATE_HZ
        self._pacing = Pacing(clock, self._rate_hz, paced=paced)
        self._promised = max(round(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0)
        self._read_count = 0

    @property
    def name(self) -> str:
        """What the operator knows it by."""
        return str(self._path)

    @property
    def is_live(self) -> bool:
        """False: the frames wait to be read."""
        return False

    @property
    def rate_hz(self) -> float:
        """Frames a second, as the file says."""
        return self._rate_hz

    @property
    def due_s(self) -> float:
        """When the next frame can be read, seconds of the clock."""
        return self._pacing.due_s

    def read(self, timeout_s: float) -> Frame | None:
        """Return the next frame; None if it is not due within ``timeout_s``.

        Raises
        ------
        EOFError
            After the last frame.
        CameraError
            The file ended before the number of frames that it says it has; all that could
            be read has been delivered.
        """
        if self._capture is None:
            raise EOFError(f"{self._path}: the video was closed")
        born_s = self._pacing.wait(timeout_s)
        if born_s is None:
            return None
        decoded, image = self._capture.retrieve() if self._capture.grab() else (False, None)
        if not decoded or image is None:
            raise self._end()
        frame_id, self._read_count = self._read_count, self._read_count + 1
        return Frame(
            frame_id=frame_id,
            t_capture_s=born_s,
            image=image,
            name=f"{self._path.name} frame {frame_id}",
        )

    def controls(self) -> Mapping[str, tuple[float, float, float]]:
        """Return nothing: a file has no controls."""
        return {}

    def set_control(self, name: str, value: float) -> float:
        """Refuse.

        Raises
        ------
        CameraError
        """
        raise CameraError(
            f"{self._path}: a video file has no controls; {name} = {value:g} was not set"
        )

    def close(self) -> None:
        """Release the file; further reads raise EOFError."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _end(self) -> Exception:
        """Return what the end of the file means."""
        missing = self._promised - self._read_count
        if missing <= max(1.0, MISSING_FRACTION_ALLOWED * self._promised):
            return EOFError(f"{self._path}: the last of {self._read_count} frames was read")
        return CameraError(
            f"{self._path}: the video is cut short or damaged: {self._read_count} of"
            f" {self._promised} frames could be read and were used; copy it again"
        )
