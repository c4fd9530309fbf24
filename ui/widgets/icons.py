"""Icons of the window: Material Design Icons, coloured by the theme."""

from __future__ import annotations

import qtawesome
from PySide6.QtGui import QPixmap

from agriseg.messages import AlarmPriority
from ui.models.status import Level

LEVEL_ICONS = {
    Level.OK: "check-circle",
    Level.ACTIVE: "spray",
    Level.WAIT: "timer-sand",
    Level.WARNING: "alert",
    Level.DANGER: "alert-octagon",
}
PRIORITY_ICONS = {
    AlarmPriority.DANGER: "alert-octagon",
    AlarmPriority.WARNING: "alert",
    AlarmPriority.NOTICE: "alert-circle-outline",
}


def pixmap(name: str, colour: str, size_px: int, ratio: float = 1.0) -> QPixmap:
    """Return icon ``name`` (of Material Design Icons 6) as a square pixmap.

    ``ratio`` is the screen's device pixel ratio.
    """
    device_px = round(size_px * ratio)
    made: QPixmap = qtawesome.icon(f"mdi6.{name}", color=colour).pixmap(device_px, device_px)
    made.setDevicePixelRatio(made.width() / size_px)
    return made
