"""Which parts of the picture and which tilts the board has been seen in, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agriseg.calibration.board_finder import board_homography
from agriseg.calibration.lens_fit import BoardView
from agriseg.geometry.boards import BoardSpec
from agriseg.messages import Float64Array

ENOUGH_VIEWS = 14
"""So many views, once they are spread, leave little to gain."""

_CORNERS_A_ZONE = 8
_TILT_DEG = 14.0
_ROWS = ("top", "middle", "bottom")
_COLUMNS = ("left", "centre", "right")
_TILTS = {
    "left": "Tilt the board: its left side further from the camera.",
    "right": "Tilt the board: its right side further from the camera.",
    "top": "Tilt the board: its upper side further from the camera.",
    "bottom": "Tilt the board: its lower side further from the camera.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewPose:
    """Roughly where the board is in one picture.

    ``tilt_deg`` is how far its right and its lower side lie behind, ``middle_px`` its centre,
    ``square_px`` the size of a square.
    """

    middle_px: tuple[float, float]
    square_px: float
    tilt_deg: tuple[float, float]

    def differs(self, other: ViewPose, width_px: int) -> bool:
        """Return whether a view from here tells something that the other did not."""
        moved = np.hypot(*np.subtract(self.middle_px, other.middle_px)) > 0.09 * width_px
        scaled = abs(np.log(self.square_px / other.square_px)) > 0.2
        turned = np.max(np.abs(np.subtract(self.tilt_deg, other.tilt_deg))) > 9.0
        return bool(moved or scaled or turned)


def view_pose(board: BoardSpec, view: BoardView, camera_matrix: Float64Array) -> ViewPose | None:
    """Return roughly where the board is, by a pinhole camera; None where that fails."""
    h = board_homography(board, view.corners_px, view.ids)
    if h is None:
        return None
    scaled = np.linalg.inv(camera_matrix) @ h
    scaled /= np.linalg.norm(scaled[:, 0])
    if scaled[2, 2] < 0.0:
        scaled = -scaled
    middle = scaled @ np.array([*(0.5e-3 * s for s in board.size_mm), 1.0])
    if middle[2] <= 0.0:
        return None
    tilts = [
        float(np.rad2deg(np.arctan2(axis[2], np.hypot(axis[0], axis[1]))))
        for axis in (scaled[:, 0], scaled[:, 1])
    ]
    image = camera_matrix @ middle
    return ViewPose(
        middle_px=(float(image[0] / image[2]), float(image[1] / image[2])),
        square_px=float(camera_matrix[0, 0] * 1e-3 * board.square_mm / middle[2]),
        tilt_deg=(tilts[0], tilts[1]),
    )


class Coverage:
    """What a set of views covers.

    Parameters
    ----------
    views : sequence of BoardView
    poses : sequence of ViewPose
        One for each view.
    size : (width, height), px
    """

    def __init__(
        self, views: Sequence[BoardView], poses: Sequence[ViewPose], size: tuple[int, int]
    ) -> None:
        self._size = size
        self.count = len(views)
        corners = [view.corners_px for view in views]
        points = np.concatenate(corners) if corners else np.empty((0, 2))
        column = np.clip(3.0 * (points[:, 0] + 0.5) / max(size[0], 1), 0, 2.999).astype(int)
        row = np.clip(3.0 * (points[:, 1] + 0.5) / max(size[1], 1), 0, 2.999).astype(int)
        seen = np.bincount(3 * row + column, minlength=9)
        self.missing_zones = tuple(int(z) for z in np.flatnonzero(seen < _CORNERS_A_ZONE))
        tilts = np.array([pose.tilt_deg for pose in poses]).reshape(-1, 2)
        behind = {
            "right": tilts[:, 0] > _TILT_DEG,
            "left": tilts[:, 0] < -_TILT_DEG,
            "bottom": tilts[:, 1] > _TILT_DEG,
            "top": tilts[:, 1] < -_TILT_DEG,
        }
        self.missing_tilts = tuple(side for side in _TILTS if not behind[side].any())

    @property
    def is_enough(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing_zones and not self.missing_tilts and self.count >= ENOUGH_VIEWS

    @property
    def progress(self) -> float:
        """0 to 1."""
        zones, tilts = 9 - len(self.missing_zones), 4 - len(self.missing_tilts)
        views = min(self.count, ENOUGH_VIEWS) / ENOUGH_VIEWS
        return (zones / 9.0 + tilts / 4.0 + views) / 3.0

    @property
    def next_instruction(self) -> str:
        """What the operator does next, in a sentence."""
        if self.missing_zones:
            return f"Bring the board to the {zone_name(self.missing_zones[0])} of the picture."
        if self.missing_tilts:
            return _TILTS[self.missing_tilts[0]]
        return "Move the board to another place or distance, and hold it still."

    @property
    def zones(self) -> str:
        """How many parts of the picture are covered, in words."""
        return f"{9 - len(self.missing_zones)} of 9"

    @property
    def tilts(self) -> str:
        """To how many sides the board was tilted, in words."""
        return f"{4 - len(self.missing_tilts)} of 4"

    def zone_outline(self, zone: int) -> tuple[tuple[float, float], ...]:
        """Return the corners of a ninth of the picture."""
        row, column = divmod(zone, 3)
        width, height = self._size[0] / 3.0, self._size[1] / 3.0
        left, top = column * width, row * height
        return (
            (left, top),
            (left + width, top),
            (left + width, top + height),
            (left, top + height),
        )


def zone_name(zone: int) -> str:
    """Return the words for a ninth of the picture, 0 to 8 by rows."""
    row, column = divmod(zone, 3)
    if (row, column) == (1, 1):
        return "middle"
    return f"{_ROWS[row]} {_COLUMNS[column]}"
