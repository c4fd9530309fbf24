"""At which size the network looks at a frame."""

from __future__ import annotations

from dataclasses import dataclass

NETWORK_SIZE_MULTIPLE = 32


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height in pixels."""

    width_px: int
    height_px: int


def network_size(frame: Size, long_side_px: int) -> Size:
    """Return the size to which a frame is brought for the network.

    The longer side becomes ``long_side_px``, unless the frame is smaller: it is never enlarged,
    which would cost time and add nothing that the camera saw. Both sides are rounded to multiples
    of 32, so the proportions may change by a little.

    Examples
    --------
    >>> network_size(Size(1536, 1152), 960)
    Size(width_px=960, height_px=704)
    >>> network_size(Size(512, 512), 960)
    Size(width_px=512, height_px=512)
    """
    scale = min(1.0, long_side_px / max(frame.width_px, frame.height_px))
    width, height = (
        max(
            NETWORK_SIZE_MULTIPLE,
            round(side * scale / NETWORK_SIZE_MULTIPLE) * NETWORK_SIZE_MULTIPLE,
        )
        for side in (frame.width_px, frame.height_px)
    )
    return Size(width, height)
