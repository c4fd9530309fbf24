"""The cameras of this computer, told without opening any of them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraDevice:
    """A camera that the operating system knows.

    Attributes
    ----------
    source : str
        What to write as ``camera.source``.
    stable_source : str
        The same by a name that stays when other cameras are plugged in; equal to
        ``source`` where the system gives none.
    name : str
        The driver's name for it.
    permitted : bool
        Whether this user may open it.
    """

    source: str
    stable_source: str
    name: str
    permitted: bool


def list_cameras(
    sysfs: Path = Path("/sys/class/video4linux"), dev: Path = Path("/dev")
) -> list[CameraDevice]:
    """Return the capture devices of a Linux computer in the order of their numbers.

    Other systems give an empty list: there a camera can only be found by opening it.
    """
    nodes = [node for node in sysfs.glob("video*") if _is_capture_node(node)]
    stable = _stable_names(dev / "v4l" / "by-id")
    return [_device(node, dev, stable) for node in sorted(nodes, key=_number)]


def _number(node: Path) -> int:
    digits = re.sub(r"\D", "", node.name)
    return int(digits) if digits else -1


def _is_capture_node(node: Path) -> bool:
    """Tell a camera's picture node from its metadata node, which has a higher index."""
    index = node / "index"
    return not index.is_file() or index.read_text(encoding="ascii").strip() == "0"


def _stable_names(by_id: Path) -> dict[Path, Path]:
    links = sorted(by_id.iterdir()) if by_id.is_dir() else []
    return {link.resolve(): link for link in links}


def _device(node: Path, dev: Path, stable: dict[Path, Path]) -> CameraDevice:
    path = dev / node.name
    name = node / "name"
    return CameraDevice(
        source=f"usb:{path}",
        stable_source=f"usb:{stable.get(path.resolve(), path)}",
        name=name.read_text(encoding="utf-8").strip() if name.is_file() else node.name,
        permitted=os.access(path, os.R_OK | os.W_OK),
    )
