"""How a recording's pictures are compressed: as VP9 video with some stills, or each as JPEG."""

from __future__ import annotations

from typing import Protocol

from agriseg.config import RecordingConfig
from agriseg.messages import Frame
from agriseg.recording import topics
from agriseg.recording.pictures import encode_jpeg, encode_still
from agriseg.recording.quality import ByteBudget, quality_of
from agriseg.recording.topics import EncodedImage, VideoPacket
from agriseg.recording.vp9 import Vp9Encoder, Vp9Library, colour_planes

KEY_EVERY_S = 1.0
"""A picture that needs none before it comes this often: what seeking and damage cost at most."""
_LONGEST_STEP_MS = 500

NO_VP9 = (
    "Pictures are recorded one by one as JPEG, which takes ten times the room: no libvpx with VP9"
    " was found; install libvpx (Debian: libvpx7) or opencv-python from PyPI."
)


class PictureCoding(Protocol):
    """Turns frames into messages of the recording."""

    def encode(
        self, frame: Frame, key: bool, distance_m: float | None = None
    ) -> list[tuple[str, EncodedImage | VideoPacket]]:
        """Return the topics and messages for a frame.

        Parameters
        ----------
        frame : Frame
        key : bool
            Those before it may be missing.
        distance_m : float, optional
            Driven when it was taken.

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

    def encode(
        self,
        frame: Frame,
        key: bool,  # noqa: ARG002
        distance_m: float | None = None,  # noqa: ARG002
    ) -> list[tuple[str, EncodedImage | VideoPacket]]:
        """Return the picture as JPEG."""
        data = encode_jpeg(frame.image, self._quality)
        image = EncodedImage(frame_number=frame.frame_id, format="jpeg", data=data)
        return [(topics.IMAGE, image)]

    def close(self) -> None:
        """Do nothing: nothing is held."""


class VideoPictures:
    """VP9 with a key picture each second, and a still of the camera's size now and then.

    Parameters
    ----------
    library : Vp9Library
    config : RecordingConfig
    budget : ByteBudget
        Says what the video may take and which frames become stills.
    """

    def __init__(self, library: Vp9Library, config: RecordingConfig, budget: ByteBudget) -> None:
        self._library = library
        self._config = config
        self._budget = budget
        self._encoder: Vp9Encoder | None = None
        self._camera_size = (0, 0)
        self._size = (0, 0)
        self._sequence = 0
        self._key_s = 0.0
        self._start_s = 0.0
        self._pts_ms = 0

    def encode(
        self, frame: Frame, key: bool, distance_m: float | None = None
    ) -> list[tuple[str, EncodedImage | VideoPacket]]:
        """Return the picture as a VP9 packet, and as a still where it is its turn."""
        height, width = frame.image.shape[:2]
        t_s = frame.t_capture_s
        if self._encoder is None or (width, height) != self._camera_size:
            self._encoder = self._begin(width, height, t_s)
            key = True
        if key or not 0.0 <= t_s - self._key_s < KEY_EVERY_S - 1e-3:
            key = True
            self._encoder.aim_at(self._kbit_s(t_s))
        step_ms = round(1e3 * (t_s - self._start_s)) - self._pts_ms
        step_ms = min(max(step_ms, 1), _LONGEST_STEP_MS)
        self._pts_ms += step_ms
        planes = colour_planes(frame.image, *self._size)
        messages: list[tuple[str, EncodedImage | VideoPacket]] = []
        for packet in self._encoder.encode(planes, self._pts_ms, step_ms, key):
            if packet.is_key:
                self._key_s = t_s
            self._budget.video(len(packet.data))
            message = VideoPacket(
                frame_number=frame.frame_id,
                format="vp9",
                data=packet.data,
                sequence=self._sequence,
                is_key=packet.is_key,
            )
            messages.append((topics.VIDEO, message))
            self._sequence += 1
        if self._budget.wants_still(t_s, distance_m):
            data = encode_still(frame.image)
            self._budget.still(len(data), t_s, distance_m)
            still = EncodedImage(frame_number=frame.frame_id, format="jpeg", data=data)
            messages.append((topics.IMAGE, still))
        return messages

    def close(self) -> None:
        """Release the encoder."""
        if self._encoder is not None:
            self._encoder.close()
            self._encoder = None

    def _kbit_s(self, t_s: float) -> int:
        return self._config.video_kbit_s or self._budget.video_kbit_s(t_s)

    def _begin(self, width_px: int, height_px: int, t_s: float) -> Vp9Encoder:
        self.close()
        long_side_px = self._config.video_long_side_px or quality_of(self._config).long_side_px
        self._camera_size = width_px, height_px
        self._size = video_size(width_px, height_px, long_side_px)
        self._start_s, self._pts_ms = t_s, 0
        return Vp9Encoder(self._library, *self._size, self._kbit_s(t_s))


def video_size(width_px: int, height_px: int, long_side_px: int) -> tuple[int, int]:
    """Return width and height of the video: even, no side longer than asked, never enlarged."""
    scale = min(1.0, long_side_px / max(width_px, height_px))
    return _even(width_px * scale), _even(height_px * scale)


def _even(side_px: float) -> int:
    return max(2, 2 * round(0.5 * side_px - 0.01))


def choose_coding(
    config: RecordingConfig, library: Vp9Library | None, budget: ByteBudget
) -> tuple[PictureCoding, str]:
    """Return how pictures are compressed, and what the operator should know of it."""
    if config.pictures == "jpeg":
        return JpegPictures(config.jpeg_quality), ""
    if library is None:
        return JpegPictures(config.jpeg_quality), NO_VP9
    return VideoPictures(library, config, budget), ""
