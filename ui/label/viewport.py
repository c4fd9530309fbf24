"""Where a picture lies on the screen: zoom, pan, and pixels to pixels both ways."""

from __future__ import annotations

from dataclasses import dataclass, replace

from PySide6.QtCore import QPointF, QRect, QRectF

LARGEST_SCALE = 64.0
"""Screen pixels for one pixel of the picture, at most."""
SMALLEST_SHARE = 0.25
"""A picture is never shown smaller than this share of the size that fits the view."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewport:
    """A picture's place in a view.

    Attributes
    ----------
    scale : float
        Screen pixels for one pixel of the picture.
    left_px, top_px : float
        Where the picture's upper left corner lies, in screen pixels. Pixel (u, v) of the picture
        has its centre at (u, v); the corner is (-0.5, -0.5).
    """

    scale: float = 1.0
    left_px: float = 0.0
    top_px: float = 0.0

    def to_picture(self, place: QPointF) -> tuple[float, float]:
        """Return (u, v) of a place on the screen."""
        return (
            (place.x() - self.left_px) / self.scale - 0.5,
            (place.y() - self.top_px) / self.scale - 0.5,
        )

    def to_screen(self, u: float, v: float) -> QPointF:
        """Return where (u, v) of the picture lies on the screen."""
        return QPointF(self.left_px + (u + 0.5) * self.scale, self.top_px + (v + 0.5) * self.scale)

    def screen_rect(self, u0: float, v0: float, u1: float, v1: float) -> QRectF:
        """Return the screen's rectangle of pixels u0 <= u < u1, v0 <= v < v1."""
        return QRectF(self.to_screen(u0 - 0.5, v0 - 0.5), self.to_screen(u1 - 0.5, v1 - 0.5))

    def zoomed(self, factor: float, at: QPointF, least: float) -> Viewport:
        """Return the view with another scale, ``at`` staying where it is."""
        scale = min(max(self.scale * factor, least), LARGEST_SCALE)
        ratio = scale / self.scale
        return Viewport(
            scale=scale,
            left_px=at.x() - (at.x() - self.left_px) * ratio,
            top_px=at.y() - (at.y() - self.top_px) * ratio,
        )

    def panned(self, dx_px: float, dy_px: float) -> Viewport:
        """Return the view moved by screen pixels."""
        return replace(self, left_px=self.left_px + dx_px, top_px=self.top_px + dy_px)

    def kept_near(self, picture: tuple[int, int], view: tuple[int, int]) -> Viewport:
        """Return the view moved so that the picture's middle part never leaves it.

        ``picture`` and ``view`` are (width, height).
        """
        places = []
        for start, length, room in zip((self.left_px, self.top_px), picture, view, strict=True):
            size = length * self.scale
            places.append(min(max(start, room / 2.0 - size), room / 2.0))
        return replace(self, left_px=places[0], top_px=places[1])


def fitted(picture: tuple[int, int], view: tuple[int, int]) -> Viewport:
    """Return the view that shows a whole picture, centred; sizes are (width, height)."""
    scale = min(view[0] / picture[0], view[1] / picture[1], LARGEST_SCALE)
    return centred(picture, view, max(scale, 1e-6))


def centred(picture: tuple[int, int], view: tuple[int, int], scale: float) -> Viewport:
    """Return the view that shows the picture's middle at a scale."""
    return Viewport(
        scale=scale,
        left_px=(view[0] - picture[0] * scale) / 2.0,
        top_px=(view[1] - picture[1] * scale) / 2.0,
    )


def framing(rect: QRectF, view: tuple[int, int], largest: float) -> Viewport:
    """Return the view that shows a rectangle of the picture with room around it.

    ``rect`` is in pixels of the picture, ``largest`` the largest scale.
    """
    room = 0.5
    scale = min(
        room * view[0] / max(rect.width(), 1.0), room * view[1] / max(rect.height(), 1.0), largest
    )
    middle = rect.center()
    return Viewport(
        scale=scale,
        left_px=view[0] / 2.0 - (middle.x() + 0.5) * scale,
        top_px=view[1] / 2.0 - (middle.y() + 0.5) * scale,
    )


def outer(rect: QRectF, margin_px: int = 0) -> QRect:
    """Return the whole pixels that a rectangle touches, and some around them."""
    return rect.toAlignedRect().adjusted(-margin_px, -margin_px, margin_px, margin_px)
