"""A folder of images as a camera, in natural order (2 before 10)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from agriseg.cameras.pacing import Pacing
from agriseg.errors import CameraError
from agriseg.messages import Frame, UInt8Array
from agriseg.opencv import cv2

IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


def list_images(folder: Path) -> list[Path]:
    """Return the image files in ``folder`` in natural order; hidden ones are left out.

    Raises
    ------
    CameraError
        The folder cannot be read or holds no image.
    """
    try:
        files = [path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES]
    except OSError as error:
        raise CameraError(f"{folder}: the folder cannot be read ({error.strerror})") from error
    images = [path for path in files if not path.name.startswith(".")]
    if not images:
        raise CameraError(
            f"{folder}: there is no image in this folder; expected files ending in"
            f" {', '.join(IMAGE_SUFFIXES)}"
        )
    return sorted(images, key=_natural_key)


def _natural_key(path: Path) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d+)", path.name.casefold())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


class ImageFolderCamera:
    """Every image of a folder, one after the other, at a given rate.

    Parameters
    ----------
    folder : Path
    pacing : Pacing

    Raises
    ------
    CameraError
        The folder cannot be read or holds no image.
    """

    def __init__(self, folder: Path, pacing: Pacing) -> None:
        self._folder = folder
        self._pacing = pacing
        self._images = list_images(folder)
        self._next = 0

    @property
    def name(self) -> str:
        """What the operator knows it by."""
        return str(self._folder)

    @property
    def is_live(self) -> bool:
        """False: the images wait to be read."""
        return False

    @property
    def rate_hz(self) -> float:
        """Frames a second, as asked for."""
        return self._pacing.rate_hz

    @property
    def due_s(self) -> float:
        """When the next frame can be read, seconds of the clock."""
        return self._pacing.due_s

    def read(self, timeout_s: float) -> Frame | None:
        """Return the next image; None if it is not due within ``timeout_s``.

        Raises
        ------
        CameraError
            The image cannot be read; the next call goes on with the one after it.
        EOFError
            After the last image.
        """
        if self._next >= len(self._images):
            raise EOFError(f"{self._folder}: the last of {len(self._images)} images was read")
        born_s = self._pacing.wait(timeout_s)
        if born_s is None:
            return None
        frame_id, self._next = self._next, self._next + 1
        path = self._images[frame_id]
        return Frame(frame_id=frame_id, t_capture_s=born_s, image=_load_image(path), name=path.name)

    def controls(self) -> Mapping[str, tuple[float, float, float]]:
        """Return nothing: images have no controls."""
        return {}

    def set_control(self, name: str, value: float) -> float:
        """Refuse.

        Raises
        ------
        CameraError
        """
        raise CameraError(
            f"{self._folder}: a folder of images has no controls; {name} = {value:g} was not set"
        )

    def close(self) -> None:
        """End the sequence; further reads raise EOFError."""
        self._next = len(self._images)


def _load_image(path: Path) -> UInt8Array:
    """Return a (H, W, 3) uint8 BGR image, turned as its EXIF data says."""
    try:
        data = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    except OSError as error:
        raise CameraError(f"{path}: the image cannot be read ({error.strerror})") from error
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except cv2.error:
        image = None
    if image is None:
        raise CameraError(
            f"{path}: this is not an image that can be decoded ({data.size} bytes); it may be"
            " cut short: copy it again or remove it from the folder"
        )
    return np.asarray(image, dtype=np.uint8)
