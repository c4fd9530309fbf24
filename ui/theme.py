"""Day and night colours, and the size of things, in one place.

Data colours are those of Okabe and Ito (2008), which stay apart for colour-blind eyes.
Every pair of text and ground meets WCAG 2.2 level AA (4.5:1), every boundary that carries
meaning 3:1; a test holds them to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from PySide6.QtCore import QObject, QTimer, Signal

DAY_BEGINS_H = 7.0
DAY_ENDS_H = 19.5
_RECHECK_MS = 30_000
_REFERENCE_WIDTH_PX = 1280
_REFERENCE_HEIGHT_PX = 800
TOUCH_PX = 64
"""Smallest side of anything to be touched with gloves."""


class ThemeChoice(Enum):
    """What the operator asked for."""

    AUTO = "auto"
    DAY = "day"
    NIGHT = "night"


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """Colours as ``#rrggbb`` and the scale of sizes; ``on_x`` is for text on ``x``."""

    name: str
    background: str
    panel: str
    raised: str
    line: str
    text: str
    muted: str
    accent: str
    on_accent: str
    danger: str
    on_danger: str
    warning: str
    on_warning: str
    ok: str
    on_ok: str
    spray: str
    on_spray: str
    fault: str
    curves: tuple[str, str, str]
    scale: float = 1.0

    def px(self, size: float) -> int:
        """Return a length, given in pixels at 1280x800, in pixels of the present window."""
        return max(1, round(size * self.scale))

    def touch_px(self) -> int:
        """Return the smallest side of a touch target."""
        return max(TOUCH_PX, self.px(TOUCH_PX))


DAY = Theme(
    name="day",
    background="#dfe4e1",
    panel="#ffffff",
    raised="#eef1ef",
    line="#6d7772",
    text="#0b110e",
    muted="#414b46",
    accent="#00588c",
    on_accent="#ffffff",
    danger="#b3130c",
    on_danger="#ffffff",
    warning="#f0b429",
    on_warning="#0b110e",
    ok="#00654a",
    on_ok="#ffffff",
    spray="#0072b2",
    on_spray="#ffffff",
    fault="#b3130c",
    curves=("#0072b2", "#b34d00", "#00654a"),
)
NIGHT = Theme(
    name="night",
    background="#050807",
    panel="#111614",
    raised="#1c2320",
    line="#727d78",
    text="#e4e9e6",
    muted="#aab4af",
    accent="#56b4e9",
    on_accent="#04121b",
    danger="#cf2b1d",
    on_danger="#ffffff",
    warning="#e69f00",
    on_warning="#0b0f0d",
    ok="#2fbd90",
    on_ok="#04120d",
    spray="#0072b2",
    on_spray="#ffffff",
    fault="#ff7a66",
    curves=("#56b4e9", "#e69f00", "#2fbd90"),
)


def contrast_ratio(first: str, second: str) -> float:
    """Return the WCAG 2 contrast ratio of two ``#rrggbb`` colours, 1 to 21."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    """Relative luminance of an sRGB colour, as WCAG 2 defines it."""
    channels = (int(colour[i : i + 2], 16) / 255.0 for i in (1, 3, 5))
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def is_day(hour: float) -> bool:
    """Return whether the automatic theme is the day's at ``hour`` (0 to 24, local)."""
    return DAY_BEGINS_H <= hour < DAY_ENDS_H


def scale_for(width_px: int, height_px: int) -> float:
    """Return the scale of sizes for a window: 1 at 1280x800, growing with larger ones.

    Sizes grow a little slower than the window, so that larger screens also show more; steps
    of 0.05 keep a resize from restyling at every pixel.
    """
    ratio = min(width_px / _REFERENCE_WIDTH_PX, height_px / _REFERENCE_HEIGHT_PX)
    grown: float = ratio**0.85 if ratio > 1.0 else ratio**0.5
    return min(max(round(grown * 20.0) / 20.0, 0.9), 4.0)


def local_hour() -> float:
    """Return the local time of day in hours."""
    now = datetime.now().astimezone()
    return now.hour + now.minute / 60.0


class ThemeKeeper(QObject):
    """Holds the theme that is shown, changes it by choice, hour and window size."""

    changed = Signal(object)
    """Carries the new `Theme`."""

    def __init__(
        self,
        choice: ThemeChoice,
        hour: Callable[[], float] = local_hour,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._choice = choice
        self._hour = hour
        self._scale = 1.0
        self._theme = self._wanted()
        self._timer = QTimer(self)
        self._timer.setInterval(_RECHECK_MS)
        self._timer.timeout.connect(self.refresh)
        self._timer.start()

    @property
    def theme(self) -> Theme:
        """The theme shown."""
        return self._theme

    @property
    def choice(self) -> ThemeChoice:
        """What the operator asked for."""
        return self._choice

    def choose(self, choice: ThemeChoice) -> None:
        """Take the operator's choice."""
        self._choice = choice
        self.refresh()

    def set_scale(self, scale: float) -> None:
        """Take the scale of the window."""
        self._scale = scale
        self.refresh()

    def refresh(self) -> None:
        """Change the theme if choice, hour or scale ask for another."""
        wanted = self._wanted()
        if wanted != self._theme:
            self._theme = wanted
            self.changed.emit(wanted)

    def _wanted(self) -> Theme:
        day = self._choice is ThemeChoice.DAY or (
            self._choice is ThemeChoice.AUTO and is_day(self._hour())
        )
        return replace(DAY if day else NIGHT, scale=self._scale)
