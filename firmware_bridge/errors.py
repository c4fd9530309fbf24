"""Errors of the wire: this package stands alone, so it draws its own tree.

::

    WireError                  the message is one sentence for the user
    ├── FrameError             received bytes are not a frame of this protocol
    ├── PortUnavailableError   the serial port cannot be used
    │   ├── PortAbsentError
    │   ├── PortBusyError
    │   └── PortForbiddenError
    ├── PortLostError          the port was open and went away
    └── ProtocolMismatchError  the other end speaks another protocol or version
"""


class WireError(Exception):
    """Base of all expected errors of this package."""


class FrameError(WireError):
    """Received bytes are not a valid frame; ``reason`` is a stable word for counters.

    Parameters
    ----------
    reason : str
        ``length``, ``stuffing``, ``checksum``, ``type`` or ``value``.
    message : str
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class PortUnavailableError(WireError):
    """The serial port cannot be opened."""


class PortAbsentError(PortUnavailableError):
    """There is no such port."""


class PortBusyError(PortUnavailableError):
    """Another program holds the port."""


class PortForbiddenError(PortUnavailableError):
    """The user may not open the port."""


class PortLostError(WireError):
    """The port was open and then failed, such as an unplugged cable."""


class ProtocolMismatchError(WireError):
    """The other end speaks another protocol, another version, or something else."""
