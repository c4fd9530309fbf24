"""Whether the other end is a controller of this protocol, and what else it may be."""

from __future__ import annotations

import math

from firmware_bridge.errors import ProtocolMismatchError
from firmware_bridge.frames import PROTOCOL_VERSION, SCHEMA_HASH, HelloReply

FOREIGN_AFTER_S = 3.0
FOREIGN_BYTES = 64
FOREIGN_NAMES = (
    (b"$PANDA", "AgOpenGPS"),
    (b"$PAOGI", "AgOpenGPS"),
    (b"\x80\x81", "AgOpenGPS"),
    (b"Grbl", "Grbl"),
    (b"Marlin", "Marlin"),
    (b"\xb5\x62", "a u-blox GNSS receiver"),
    (b"$GN", "a GNSS receiver"),
    (b"$GP", "a GNSS receiver"),
)
"""What other devices are known by."""


class ForeignDevice:
    """Keeps the first bytes of a device that has said nothing that could be understood.

    Attributes
    ----------
    heard : bytes
    """

    def __init__(self) -> None:
        self.heard = b""
        self._first_s = math.inf

    def hear(self, data: bytes, now_s: float) -> None:
        """Take bytes that were not understood.

        Raises
        ------
        ProtocolMismatchError
            The device has talked for some time.
        """
        if data:
            self._first_s = min(self._first_s, now_s)
            self.heard = (self.heard + data)[:FOREIGN_BYTES]
        if now_s - self._first_s <= FOREIGN_AFTER_S or len(self.heard) < FOREIGN_BYTES:
            return
        name = next((name for sign, name in FOREIGN_NAMES if sign in self.heard), "")
        known = f" and looks like {name}" if name else ""
        raise ProtocolMismatchError(
            f"the device sends {self.heard[:24]!r}{known}, which is not the AgriSeg controller"
            f" protocol (expected version {PROTOCOL_VERSION}): it runs other firmware or another"
            " baud rate; choose another port, set controller.baud, or flash the controller"
        )


def require_protocol(hello: HelloReply) -> None:
    """Refuse a controller of another version.

    Raises
    ------
    ProtocolMismatchError
        Its protocol or its schema is another.
    """
    if hello.protocol == PROTOCOL_VERSION and hello.schema == SCHEMA_HASH:
        return
    version = ".".join(map(str, hello.firmware))
    known = f"{hello.name!r} (firmware {version})" if hello.name else "of another version"
    raise ProtocolMismatchError(
        f"the controller {known} speaks protocol version"
        f" {hello.protocol}, schema {hello.schema:#06x}; this program needs version"
        f" {PROTOCOL_VERSION}, schema {SCHEMA_HASH:#06x}: flash the firmware that came"
        " with this program, or install the program that fits the firmware"
    )
