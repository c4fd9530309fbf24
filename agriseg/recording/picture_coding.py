"""How a recording's pictures are compressed: as VP9 video, or one by one as JPEG."""

from __future__ import annotations

from typing import Protocol

from agriseg.config import RecordingConfig
from agriseg.messages import Frame
from agriseg.recording import topics
from agriseg.recording.pictures import encode_jpeg
from agriseg.recording.topics import EncodedImage, VideoPacket
from agriseg.recording.vp9 import Vp9Encoder, Vp9Library, i420_planes

KEY_EVERY_S = 1.0
"""A picture that needs none before it comes this often: what seeking and damage cost at most."""
_LONGEST_STEP_MS = 500

NO_VP9 = (
    "Pictures are recorded one by one as JPEG, which takes ten times the room: no libvpx with VP9"
    " was found; install libvpx (Debian: libvpx7) or opencv-python from PyPI."
)


class PictureCoding(Protocol):
    """Turns frames into messages of the recording."""

    def encode(self, frame: Frame, key: bool) -> list[tuple[str, EncodedImage | VideoPacket]]:
        """Return the topics and messages for a frame; ``key``: those before it may be missing.

        Raises
        ------
        RecordingError
            The picture cannot be compressed.
        """
        ...

    def close(self) -> None:
        """Release the encoder."""
        ...


class JpegPictures:
    """Each picture on its own, at the camera's size."""

    def __init__(self, quality: int) -> None:
        self._quality = quality

    def encode(self, frame: Frame, key: bool) -> list[tuple[str, EncodedImage | VideoPacket]]:  # noqa: ARG002
        """Return the picture as JPEG."""
        data = encode_jpeg(frame.image, self._quality)
        image = EncodedImage(frame_number=frame.frame_id, format="jpeg", data=data)
        return [(topics.IMAGE, image)]

    def close(self) -> None:
        """Do nothing: nothing is held."""


class VideoPictures:
    """VP9 with a key picture each second; pictures longer than the limit are made smaller."""

    def __init__(self, library: Vp9Library, config: RecordingConfig) -> None:
        self._library = library
        self._config = config
        self._encoder: Vp9Encoder | None = None
        self._camera_size = (0, 0)
        self._size = (0, 0)
        self._sequence = 0
        self._key_s = 0.0
        self._start_s = 0.0
        self._pts_ms = 0

    def encode(self, frame: Frame, key: bool) -> list[tuple[str, EncodedImage | VideoPacket]]:
        """Return the picture as a VP9 packet."""
        height, width = frame.image.shape[:2]
        t_s = frame.t_capture_s
        if self._encoder is None or (width, height) != self._camera_size:
            self._begin(width, height, t_s)
            key = True
        assert self._encoder is not None
        key = key or not 0.0 <= t_s - self._key_s < KEY_EVERY_S - 1e-3
        step_ms = round(1e3 * (t_s - self._start_s)) - self._pts_ms
        step_ms = min(max(step_ms, 1), _LONGEST_STEP_MS)
        self._pts_ms += step_ms
        planes = i420_planes(frame.image, *self._size)
        packets = self._encoder.encode(planes, self._pts_ms, step_ms, key)
        messages: list[tuple[str, EncodedImage | VideoPacket]] = []
        for packet in packets:
            if packet.is_key:
                self._key_s = t_s
            messages.append(
                (
                    topics.VIDEO,
                    VideoPacket(
                        frame_number=frame.frame_id,
                        format="vp9",
                        data=packet.data,
                        sequence=self._sequence,
                        is_key=packet.is_key,
                    ),
                )
            )
            self._sequence += 1
        return messages

    def close(self) -> None:
        """Release the encoder."""
        if self._encoder is not None:
            self._encoder.close()
            self._encoder = None

    def _begin(self, width_px: int, height_px: int, t_s: float) -> None:
        self.close()
        self._camera_size = width_px, height_px
        self._size = video_size(width_px, height_px, self._config.video_long_side_px)
        self._encoder = Vp9Encoder(self._library, *self._size, self._config.video_kbit_s)
        self._start_s, self._pts_ms = t_s, 0


def video_size(width_px: int, height_px: int, long_side_px: int) -> tuple[int, int]:
    """Return width and height of the video: even, no side longer than asked, never enlarged."""
    scale = min(1.0, long_side_px / max(width_px, height_px))
    return _even(width_px * scale), _even(height_px * scale)


def _even(side_px: float) -> int:
    return max(2, 2 * round(0.5 * side_px - 0.01))


def choose_coding(config: RecordingConfig, library: Vp9Library | None) -> tuple[PictureCoding, str]:
    """Return how pictures are compressed, and what the operator should know of it."""
    if config.pictures == "jpeg":
        return JpegPictures(config.jpeg_quality), ""
    if library is None:
        return JpegPictures(config.jpeg_quality), NO_VP9
    return VideoPictures(library, config), ""
