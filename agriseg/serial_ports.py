"""The serial ports of this computer: what is plugged in, and whether this user may open it.

Nothing here opens a port: opening one resets many boards and disturbs whoever uses it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from firmware_bridge.transport import group_of, join_group_command

STABLE_NAMES = Path("/dev/serial/by-id")
"""Where Linux keeps names that stay with a device wherever it is plugged in."""

RULE_NAME = "70-agriseg-controller.rules"
"""File name of a udev rule; below 73, where logind grants what rules tag with ``uaccess``."""

RULES_FOLDER = "/etc/udev/rules.d/"
NAMELESS = ("", "n/a")


class PortDescription(Protocol):
    """The part of pyserial's port description that is used (its ``ListPortInfo``)."""

    device: str
    description: str
    vid: int | None
    pid: int | None
    serial_number: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialPort:
    """A serial port, what is plugged into it, and whether this user may open it.

    Attributes
    ----------
    device : str
        The system's name of it, such as ``/dev/ttyACM0`` or ``COM3``.
    description : str
        What the device calls itself.
    permitted : bool
    group : str
        Owns the device file; its members may use the port. Empty where there are no groups.
    path : str
        What to open: a name that stays with this device where the system has one, else
        ``device``.
    vid, pid : int or None
        USB vendor and product; None for a port that is not on USB.
    serial_number : str
        Of the USB device; many have none.
    """

    device: str
    description: str
    permitted: bool
    group: str
    path: str = ""
    vid: int | None = None
    pid: int | None = None
    serial_number: str = ""

    @property
    def name(self) -> str:
        """What the device calls itself, or the system's name where it says nothing."""
        return self.device if self.description in NAMELESS else self.description

    @property
    def usb_id(self) -> str:
        """USB vendor and product as four hexadecimal digits each; empty if not on USB."""
        if self.vid is None or self.pid is None:
            return ""
        return f"{self.vid:04x}:{self.pid:04x}"

    def answers_to(self, name: str) -> bool:
        """Return whether ``name`` (of a configuration, or remembered) means this port."""
        return name in (self.path, self.device)


PortLister = Callable[[], tuple[SerialPort, ...]]


def list_serial_ports() -> tuple[SerialPort, ...]:
    """Return the ports that are there now: those on USB first, then by name."""
    from serial.tools import list_ports

    ports = [describe_port(info) for info in list_ports.comports()]
    return tuple(sorted(ports, key=lambda port: (port.vid is None, port.device)))


def describe_port(info: PortDescription, stable_names: Path = STABLE_NAMES) -> SerialPort:
    """Add to pyserial's description what to open and whether this user may."""
    path = Path(info.device)
    is_file = os.name == "posix" and path.exists()
    return SerialPort(
        device=info.device,
        description=info.description,
        permitted=not is_file or os.access(path, os.R_OK | os.W_OK),
        group=(group_of(info.device) or "dialout") if is_file else "",
        path=_stable_name(path, stable_names) or info.device,
        vid=info.vid,
        pid=info.pid,
        serial_number=info.serial_number or "",
    )


def _stable_name(device: Path, stable_names: Path) -> str:
    """Return the link in ``stable_names`` that leads to ``device``; empty if there is none."""
    try:
        links = sorted(stable_names.iterdir())
    except OSError:
        return ""
    return next((str(link) for link in links if link.resolve() == device.resolve()), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """Groups of this user: by the user database, and those in force since the login."""

    by_database: frozenset[str]
    by_session: frozenset[str]


def membership() -> Membership:
    """Return the groups of the user who runs this program."""
    import grp
    import pwd

    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = ""
    entries = grp.getgrall()
    own = set(os.getgroups())
    return Membership(
        by_database=frozenset(entry.gr_name for entry in entries if user in entry.gr_mem),
        by_session=frozenset(entry.gr_name for entry in entries if entry.gr_gid in own),
    )


def permission_help(group: str, groups: Membership | None = None) -> str:
    """Say what to do where ports of ``group`` may not be opened by this user.

    ``groups`` are the user's by default.
    """
    groups = groups or membership()
    if group in groups.by_database - groups.by_session:
        return f"you have joined the group {group} since you logged in: log out and in again"
    return f"{join_group_command(group)}, then log out and in again"


def udev_rule(port: SerialPort) -> str:
    """Return the text of a udev rule that opens devices like ``port`` to whoever is logged in.

    Raises
    ------
    ValueError
        The port is not on USB, so that nothing tells its device from others.
    """
    if not port.usb_id:
        raise ValueError(f"{port.device} is not a USB device; a rule cannot name it")
    vendor, product = port.usb_id.split(":")
    return (
        "# AgriSeg: lets whoever is logged in at this computer use the sprayer controller\n"
        f'SUBSYSTEM=="tty", ATTRS{{idVendor}}=="{vendor}", ATTRS{{idProduct}}=="{product}",'
        f' MODE="0660", GROUP="{port.group or "dialout"}", TAG+="uaccess"\n'
    )


def install_commands(rule: Path) -> str:
    """Return the commands that put the rule file ``rule`` in force."""
    return (
        f"sudo install -m 644 '{rule}' {RULES_FOLDER}\n"
        "sudo udevadm control --reload\n"
        "sudo udevadm trigger --subsystem-match=tty"
    )


def port_names(ports: Iterable[SerialPort]) -> str:
    """Return the ports in one line."""
    return "; ".join(
        port.device if port.name == port.device else f"{port.device} ({port.name})"
        for port in ports
    )
