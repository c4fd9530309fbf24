"""VP9 by libvpx: one packet for each picture, at once, without a container.

OpenCV's wheels and Debian bring libvpx (BSD licence); OpenCV's own video writer offers neither
its real-time mode nor its packets, so the few functions are called directly. Which layout the
library's configuration has is not trusted: its defaults must stand where they are expected, or
it is not used. See decisions/0007-video-in-recordings.md.
"""

from __future__ import annotations

import ctypes
import logging
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from agriseg.errors import RecordingError
from agriseg.messages import UInt8Array
from agriseg.opencv import cv2

logger = logging.getLogger(__name__)

_UINT = ctypes.c_uint
_POINTER = ctypes.c_void_p

_OK, _ABI_MISMATCH = 0, 3
_ABI_VERSIONS = range(20, 64)
"""Of the encoder's interface, in libvpx 1.8 to 1.16 and some more."""
_IMAGE_I444 = 0x106
_FULL_CHROMA_PROFILE = 1
_REALTIME = 1
_CONSTANT_BITRATE = 1
_FORCE_KEY = 1
_PACKET_FRAME = 0
_SET_CPU_USED = 13
_FAST = 7
"""Of 9; faster ones leave out what keeps small plants (FORMAT.md)."""
_SET_ADAPTIVE_QUANTIZER = 36
_BY_VARIANCE = 1
"""Fine where the picture is smooth, as plants are, coarse where soil is rough."""
_SET_COLOR_SPACE = 46
_BT_601 = 1
_CONTEXT_BYTES = 512
_TIMEBASE_HZ = 1000
_KEYS_ON_DEMAND = 9999
_SYSTEM_NAMES = (
    *(f"libvpx.so.{number}" for number in (12, 11, 10, 9, 8, 7, 6)),
    "libvpx.dylib",
    "libvpx-1.dll",
)


class _Rational(ctypes.Structure):
    _fields_ = (("numerator", ctypes.c_int), ("denominator", ctypes.c_int))


class _Buffer(ctypes.Structure):
    _fields_ = (("data", _POINTER), ("size", ctypes.c_size_t))


def _uints(*names: str) -> list[tuple[str, Any]]:
    return [(name, _UINT) for name in names]


class _Settings(ctypes.Structure):
    """``vpx_codec_enc_cfg_t`` up to the last member that is used, and room for the rest."""

    _fields_ = (
        *_uints("usage", "threads", "profile", "width", "height", "bit_depth", "input_bit_depth"),
        ("timebase", _Rational),
        *_uints("error_resilient", "pass_", "lag_in_frames", "drop_frame_threshold"),
        *_uints("resize_allowed", "scaled_width", "scaled_height", "resize_up", "resize_down"),
        *_uints("rate_control"),
        ("twopass_in", _Buffer),
        ("firstpass_in", _Buffer),
        *_uints("kbit_s", "min_quantizer", "max_quantizer", "undershoot_pct", "overshoot_pct"),
        *_uints("buffer_ms", "buffer_initial_ms", "buffer_optimal_ms"),
        *_uints("vbr_bias_pct", "vbr_min_pct", "vbr_max_pct", "vbr_corpus", "key_mode"),
        *_uints("key_min_distance", "key_max_distance"),
        ("rest", ctypes.c_char * 8192),
    )


_DEFAULTS = {
    "width": 320,
    "height": 240,
    "bit_depth": 8,
    "kbit_s": 256,
    "max_quantizer": 63,
    "vbr_bias_pct": 50,
    "key_max_distance": 128,
}
"""What libvpx fills in for VP9; found elsewhere, the layout is another one."""


class Vp9Library:
    """The functions of one libvpx.

    Raises
    ------
    OSError
        The library cannot be loaded.
    RecordingError
        It has no VP9 encoder, or its settings are laid out otherwise.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._library = ctypes.CDLL(path)
        try:
            self.version = self._text("vpx_codec_version_str")
            self.interface = self._function("vpx_codec_vp9_cx", _POINTER)()
            self.init = self._function(
                "vpx_codec_enc_init_ver",
                ctypes.c_int,
                *(_POINTER, _POINTER, _POINTER, ctypes.c_long, ctypes.c_int),
            )
            self.encode = self._function(
                "vpx_codec_encode",
                ctypes.c_int,
                *(_POINTER, _POINTER, ctypes.c_int64, ctypes.c_ulong, ctypes.c_long),
                ctypes.c_ulong,
            )
            self.next_packet = self._function(
                "vpx_codec_get_cx_data", _POINTER, _POINTER, ctypes.POINTER(_POINTER)
            )
            self.wrap_image = self._function(
                "vpx_img_wrap", _POINTER, _POINTER, ctypes.c_int, _UINT, _UINT, _UINT, _POINTER
            )
            self.free_image = self._function("vpx_img_free", None, _POINTER)
            self.destroy = self._function("vpx_codec_destroy", ctypes.c_int, _POINTER)
            self.control = self._library.vpx_codec_control_
            self.change = self._function(
                "vpx_codec_enc_config_set", ctypes.c_int, _POINTER, _POINTER
            )
            self._defaults = self._function(
                "vpx_codec_enc_config_default", ctypes.c_int, _POINTER, _POINTER, _UINT
            )
        except AttributeError as error:
            raise RecordingError(f"{path}: this libvpx has no VP9 encoder ({error})") from error
        self.settings()

    def settings(self) -> _Settings:
        """Return the encoder's default settings.

        Raises
        ------
        RecordingError
            They are not laid out as expected.
        """
        settings = _Settings()
        done = self._defaults(self.interface, ctypes.byref(settings), 0)
        found = {name: getattr(settings, name) for name in _DEFAULTS}
        if done != _OK or found != _DEFAULTS:
            raise RecordingError(
                f"{self.path}: libvpx {self.version} has unknown settings: {found}"
            )
        return settings

    def _function(self, name: str, result: Any, *arguments: Any) -> Any:
        function = self._library[name]
        function.restype, function.argtypes = result, arguments
        return function

    def _text(self, name: str) -> str:
        return bytes(self._function(name, ctypes.c_char_p)()).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """One compressed picture; ``is_key`` where it needs none before it."""

    data: bytes
    is_key: bool


class Vp9Encoder:
    """Compresses pictures of one size as they come, with as much colour as brightness.

    Weeds differ from soil and crop by colour: halving it, as video mostly does, costs a network
    that looks at the pictures again more than halving the picture does.

    Parameters
    ----------
    library : Vp9Library
    width_px, height_px : int
        Even.
    kbit_s : int
        Aimed at on average, kilobits a second.

    Raises
    ------
    RecordingError
        The encoder refuses.
    """

    def __init__(self, library: Vp9Library, width_px: int, height_px: int, kbit_s: int) -> None:
        self._library = library
        self._size = width_px, height_px
        self._context = ctypes.create_string_buffer(_CONTEXT_BYTES)
        self._is_open = False
        settings = library.settings()
        settings.width, settings.height, settings.threads = width_px, height_px, 1
        settings.profile = _FULL_CHROMA_PROFILE
        settings.timebase = _Rational(1, _TIMEBASE_HZ)
        settings.lag_in_frames, settings.rate_control = 0, _CONSTANT_BITRATE
        settings.kbit_s, settings.min_quantizer = kbit_s, 4
        settings.undershoot_pct = settings.overshoot_pct = 50
        settings.buffer_ms, settings.buffer_initial_ms = 1000, 500
        settings.buffer_optimal_ms, settings.key_max_distance = 600, _KEYS_ON_DEMAND
        self._settings = settings
        self._open(settings)

    def aim_at(self, kbit_s: int) -> None:
        """Aim at another rate from now on, kilobits a second."""
        if kbit_s != self._settings.kbit_s:
            self._settings.kbit_s = kbit_s
            self._library.change(self._context, ctypes.byref(self._settings))

    def encode(self, planes: UInt8Array, pts_ms: int, duration_ms: int, key: bool) -> list[Packet]:
        """Compress one picture.

        Parameters
        ----------
        planes : (3, H, W) uint8
            Luma, then both chroma planes.
        pts_ms, duration_ms : int
            When it is shown and for how long, milliseconds; pts rises.
        key : bool
            Whether it must not need those before it.

        Raises
        ------
        RecordingError
            The encoder failed.
        """
        width, height = self._size
        if planes.shape != (3, height, width) or not planes.flags.c_contiguous:
            raise RecordingError(f"a picture of {planes.shape} does not fit {width}x{height}")
        image = self._library.wrap_image(None, _IMAGE_I444, width, height, 1, planes.ctypes.data)
        try:
            done = self._library.encode(
                self._context, image, pts_ms, duration_ms, _FORCE_KEY if key else 0, _REALTIME
            )
            if done != _OK:
                raise RecordingError(f"VP9 refused a picture (libvpx error {done})")
            return list(self._packets())
        finally:
            self._library.free_image(image)

    def close(self) -> None:
        """Release the encoder; later calls do nothing."""
        if self._is_open:
            self._is_open = False
            self._library.destroy(self._context)

    def _open(self, settings: _Settings) -> None:
        library = self._library
        for version in _ABI_VERSIONS:
            done = library.init(
                self._context, library.interface, ctypes.byref(settings), 0, version
            )
            if done != _ABI_MISMATCH:
                break
        if done != _OK:
            raise RecordingError(f"{library.path}: VP9 cannot be started (libvpx error {done})")
        self._is_open = True
        for control, value in (
            (_SET_CPU_USED, _FAST),
            (_SET_ADAPTIVE_QUANTIZER, _BY_VARIANCE),
            (_SET_COLOR_SPACE, _BT_601),
        ):
            library.control(self._context, ctypes.c_int(control), ctypes.c_int(value))

    def _packets(self) -> Iterator[Packet]:
        place = _POINTER()
        while packet := self._library.next_packet(self._context, ctypes.byref(place)):
            if ctypes.c_int.from_address(packet).value != _PACKET_FRAME:
                continue
            body = packet + ctypes.sizeof(_POINTER)
            data = _Buffer.from_address(body)
            flags = _PacketTail.from_address(body + ctypes.sizeof(_Buffer)).flags
            yield Packet(data=ctypes.string_at(data.data, data.size), is_key=bool(flags & 1))


class _PacketTail(ctypes.Structure):
    """What follows the buffer in ``vpx_codec_cx_pkt_t`` of a frame."""

    _fields_ = (
        ("pts", ctypes.c_int64),
        ("duration", ctypes.c_ulong),
        ("flags", ctypes.c_uint32),
    )


def find_vp9(paths: Iterable[str] | None = None) -> Vp9Library | None:
    """Return a libvpx that can be used: the one in OpenCV's wheel, else the system's; or None."""
    for path in _library_paths() if paths is None else paths:
        try:
            return Vp9Library(path)
        except (OSError, RecordingError) as error:
            logger.debug("%s cannot be used for video (%s)", path, error)
    return None


def ivf_file(packets: Sequence[bytes], width_px: int, height_px: int) -> bytes:
    """Return packets in an IVF container, which OpenCV can open.

    Layout: https://wiki.multimedia.cx/index.php/Duck_IVF
    """
    head = struct.pack(
        "<4sHH4sHHIIII",
        *(b"DKIF", 0, 32, b"VP90", width_px, height_px, _TIMEBASE_HZ, 1, len(packets), 0),
    )
    frames = (struct.pack("<IQ", len(data), index) + data for index, data in enumerate(packets))
    return head + b"".join(frames)


def colour_planes(image: UInt8Array, width_px: int, height_px: int) -> UInt8Array:
    """Return a BGR picture as planes of luma and chroma of another size, none of them halved.

    Parameters
    ----------
    image : (H, W, 3) uint8
    width_px, height_px : int
        No larger than the picture.

    Returns
    -------
    (3, height_px, width_px) uint8
        Y, Cb, Cr by ITU-R BT.601, in the range of video (16 to 235, 16 to 240).
    """
    small = _smaller(image, width_px, height_px)
    planes = np.empty((3, height_px, width_px), np.uint8)
    mixed = cv2.transform(small, _BGR_TO_PLANES)
    cv2.mixChannels([mixed], [planes[0]], [0, 0])
    cv2.mixChannels([mixed], [planes[1]], [1, 0])
    cv2.mixChannels([mixed], [planes[2]], [2, 0])
    return planes


def _smaller(image: UInt8Array, width_px: int, height_px: int) -> UInt8Array:
    """Return a picture of another size; each of its pixels is the mean of all that it covers."""
    factor = min(image.shape[1] // width_px, image.shape[0] // height_px)
    if factor > 1:  # whole steps are several times faster
        size = image.shape[1] // factor, image.shape[0] // factor
        even = np.ascontiguousarray(image[: size[1] * factor, : size[0] * factor])
        image = np.asarray(cv2.resize(even, size, interpolation=cv2.INTER_AREA), np.uint8)
    if image.shape[:2] == (height_px, width_px):
        return image
    small = cv2.resize(image, (width_px, height_px), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


_BGR_TO_PLANES = np.array(
    [
        [24.966 / 255.0, 128.553 / 255.0, 65.481 / 255.0, 16.0],
        [112.0 / 255.0, -74.203 / 255.0, -37.797 / 255.0, 128.0],
        [-18.214 / 255.0, -93.786 / 255.0, 112.0 / 255.0, 128.0],
    ],
    np.float32,
)
"""ITU-R BT.601-7, 2.5."""


def _library_paths() -> Iterator[str]:
    package = Path(cv2.__file__).resolve().parent
    for folder in (package.parent / "opencv_python.libs", package / ".dylibs"):
        for path in sorted(folder.glob("libvpx*")):
            yield str(path)
    yield from _SYSTEM_NAMES
