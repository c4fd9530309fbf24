"""Camera controls by the names that the configuration and the window use."""

from __future__ import annotations

import math
import struct
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from agriseg.errors import CameraError
from agriseg.opencv import cv2

Limits = tuple[float, float]
QueryLimits = Callable[[int], Limits | None]
"""From a V4L2 control id to its (minimum, maximum), None where the driver lacks it."""

_UNKNOWN_LIMITS: Limits = (math.nan, math.nan)


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One control: OpenCV's property and Linux's control id (videodev2.h), where it has one."""

    capture_property: int
    v4l2_id: int | None = None


CONTROLS: Mapping[str, Control] = {
    "exposure": Control(capture_property=cv2.CAP_PROP_EXPOSURE, v4l2_id=0x009A0902),
    "auto_exposure": Control(capture_property=cv2.CAP_PROP_AUTO_EXPOSURE, v4l2_id=0x009A0901),
    "gain": Control(capture_property=cv2.CAP_PROP_GAIN, v4l2_id=0x00980913),
    "white_balance_k": Control(capture_property=cv2.CAP_PROP_WB_TEMPERATURE, v4l2_id=0x0098091A),
    "auto_white_balance": Control(capture_property=cv2.CAP_PROP_AUTO_WB, v4l2_id=0x0098090C),
    "focus": Control(capture_property=cv2.CAP_PROP_FOCUS, v4l2_id=0x009A090A),
    "auto_focus": Control(capture_property=cv2.CAP_PROP_AUTOFOCUS, v4l2_id=0x009A090C),
    "brightness": Control(capture_property=cv2.CAP_PROP_BRIGHTNESS, v4l2_id=0x00980900),
    "contrast": Control(capture_property=cv2.CAP_PROP_CONTRAST, v4l2_id=0x00980901),
    "saturation": Control(capture_property=cv2.CAP_PROP_SATURATION, v4l2_id=0x00980902),
    "sharpness": Control(capture_property=cv2.CAP_PROP_SHARPNESS, v4l2_id=0x0098091B),
    "width_px": Control(capture_property=cv2.CAP_PROP_FRAME_WIDTH),
    "height_px": Control(capture_property=cv2.CAP_PROP_FRAME_HEIGHT),
    "fps": Control(capture_property=cv2.CAP_PROP_FPS),
}
"""Values are the driver's own: on Linux exposure counts 100 microseconds, and
auto_exposure is 1 for manual, 3 for automatic."""


def require_known(names: Mapping[str, float]) -> None:
    """Refuse names that no camera has.

    Raises
    ------
    CameraError
        Naming the first unknown one and the known ones.
    """
    for name in names:
        if name not in CONTROLS:
            raise CameraError(
                f"camera.controls.{name} is not a known control; known are: " + ", ".join(CONTROLS)
            )


def query_v4l2_limits(device: Path) -> QueryLimits:
    """Return a function that asks the Linux driver of ``device`` for a control's limits."""

    def query(v4l2_id: int) -> Limits | None:
        return _v4l2_limits(device, v4l2_id)

    return query


_QUERYCTRL = struct.Struct("=II32siiiiI8x")
"""struct v4l2_queryctrl: id, type, name, minimum, maximum, step, default, flags, reserved."""
_VIDIOC_QUERYCTRL = 0xC0445624
_FLAG_DISABLED = 0x0001


def _v4l2_limits(device: Path, v4l2_id: int) -> Limits | None:
    if not sys.platform.startswith("linux"):
        return None
    import fcntl

    question = bytearray(_QUERYCTRL.size)
    struct.pack_into("=I", question, 0, v4l2_id)
    try:
        with device.open("rb", buffering=0) as file:
            fcntl.ioctl(file, _VIDIOC_QUERYCTRL, question)
    except OSError:
        return None
    _, _, _, minimum, maximum, _, _, flags = _QUERYCTRL.unpack(question)
    return None if flags & _FLAG_DISABLED else (float(minimum), float(maximum))


def read_controls(
    get: Callable[[int], float], query_limits: QueryLimits | None
) -> dict[str, tuple[float, float, float]]:
    """Return what the driver has: name to (minimum, maximum, present); NaN for unknown limits.

    ``get`` reads an OpenCV property. Without ``query_limits`` a control counts as present
    unless the property reads -1, OpenCV's word for unsupported.
    """
    present = {}
    for name, control in CONTROLS.items():
        value = get(control.capture_property)
        limits: Limits | None = _UNKNOWN_LIMITS
        if query_limits is not None and control.v4l2_id is not None:
            limits = query_limits(control.v4l2_id)
        if limits is not None and value != -1.0:
            present[name] = (*limits, value)
    return present
