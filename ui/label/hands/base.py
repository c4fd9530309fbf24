"""What the tools have in common: what they work on, and how their drawing looks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QPolygonF

from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Edit
from agriseg.labelling.tools.regions import BoolArray, Paint, Region
from ui.label.canvas import Pointer
from ui.label.settings import ToolSettings
from ui.label.viewport import Viewport

Make = Callable[[LabelDocument], Edit | None]
"""Makes an edit of the document as it is when it is called."""

INK = QColor("#ffffff")
EDGE = QColor(0, 0, 0, 220)
ACCENT = QColor("#f0e442")
_GLOW_ALPHA = 0x90


class Workplace(Protocol):
    """The document at work and what belongs to it, as tools see it."""

    @property
    def document(self) -> LabelDocument | None:
        """The labels at work."""
        ...

    @property
    def settings(self) -> ToolSettings:
        """Size, tolerance and the like."""
        ...

    @property
    def plant(self) -> int:
        """Number that new pixels of a plant get."""
        ...

    @property
    def selected(self) -> int:
        """The plant picked; 0 for none."""
        ...

    @property
    def is_busy(self) -> bool:
        """Whether something is being computed; until it is done nothing else is edited."""
        ...

    def vegetation(self) -> BoolArray | None:
        """Return what is green at the wand's tolerance, (H, W) bool; None until that is known."""
        ...

    def plant_at(self, u: float, v: float) -> int:
        """Return the plant under a place; 0 for none."""
        ...

    def paint_at(self, u: float, v: float) -> Paint:
        """Return what is painted by a stroke that begins here."""
        ...

    def paint(self, *, same_plant: bool) -> Paint:
        """Return what a shape is painted with: a plant of its own, or the current one."""
        ...

    def edit(self, make: Make) -> bool:
        """Make an edit now; return whether it changed anything."""
        ...

    def compute(self, what: str, make: Make, then: Callable[[bool], None] | None = None) -> None:
        """Make an edit that takes its time; ``then`` hears whether it changed anything."""
        ...

    def look_up(
        self, what: str, find: Callable[[], object], then: Callable[[object], None]
    ) -> None:
        """Find something out that takes its time, without changing anything."""
        ...

    def select(self, plant: int) -> None:
        """Pick a plant; 0 for none."""
        ...

    def redraw(self) -> None:
        """Draw what the tool has in hand again."""
        ...

    def say(self, text: str) -> None:
        """Tell the labeller something."""
        ...


class BaseHand:
    """A tool that does nothing; tools override what they need."""

    def __init__(self, place: Workplace) -> None:
        self._place = place
        self._hovered: Pointer | None = None

    @property
    def in_hand(self) -> bool:
        """Whether something is begun that is not in the labels yet."""
        return False

    def press(self, pointer: Pointer) -> None:
        """Begin."""

    def drag(self, pointer: Pointer) -> None:
        """Go on."""

    def release(self, pointer: Pointer) -> None:
        """End."""

    def hover(self, pointer: Pointer | None) -> None:
        """Move without pressing."""
        self._hovered = pointer

    def double(self, pointer: Pointer) -> None:
        """Press twice: the same as pressing, unless a tool says otherwise."""
        self.press(pointer)

    def finish(self) -> None:
        """Take what is begun into the labels."""

    def step_back(self) -> None:
        """Take back the newest piece of what is begun."""

    def remove(self) -> None:
        """Remove what is picked."""

    def abandon(self) -> None:
        """Forget what is begun."""

    def paint(self, painter: QPainter, view: Viewport) -> None:
        """Draw what is begun."""


def draw_line(
    painter: QPainter,
    view: Viewport,
    points: Sequence[tuple[float, float]],
    *,
    closed: bool = False,
    ink: QColor = INK,
    dashed: bool = False,
) -> None:
    """Draw a line over a picture so that it is seen on any ground."""
    shape = QPolygonF([view.to_screen(u, v) for u, v in points])
    painter.setBrush(Qt.BrushStyle.NoBrush)
    style = Qt.PenStyle.DashLine if dashed else Qt.PenStyle.SolidLine
    for colour, width, pen_style in ((EDGE, 4.0, Qt.PenStyle.SolidLine), (ink, 2.0, style)):
        painter.setPen(QPen(colour, width, pen_style))
        if closed:
            painter.drawPolygon(shape)
        else:
            painter.drawPolyline(shape)


def draw_knot(painter: QPainter, at: QPointF, *, ink: QColor = INK, radius: float = 5.0) -> None:
    """Draw a corner that can be taken hold of."""
    painter.setPen(QPen(EDGE, 2.0))
    painter.setBrush(ink)
    painter.drawEllipse(at, radius, radius)


def distance_px(view_scale: float, one: Pointer, u: float, v: float) -> float:
    """Return how far a pointer is from (u, v), in screen pixels."""
    return view_scale * float(((one.u - u) ** 2 + (one.v - v) ** 2) ** 0.5)


def glowing(region: Region) -> QImage:
    """Return an image of a region's size that lights up its pixels."""
    alpha = _GLOW_ALPHA / 255.0
    channels = (ACCENT.red(), ACCENT.green(), ACCENT.blue())
    red, green, blue = (round(channel * alpha) for channel in channels)
    colour = _GLOW_ALPHA << 24 | red << 16 | green << 8 | blue
    pixels = np.where(region.mask, np.uint32(colour), np.uint32(0))
    height, width = pixels.shape
    form = QImage.Format.Format_ARGB32_Premultiplied
    return QImage(pixels.tobytes(), width, height, 4 * width, form).copy()
