"""Parts of the simulated machine that stand in its camera's view: painted plates on the boom."""

from __future__ import annotations

import numpy as np

from agriseg.geometry.ground_plane import GroundPlane, image_from_base
from agriseg.messages import Float64Array, UInt8Array
from agriseg.opencv import cv2

_HEIGHT_SHARE = 0.4
"""The plates' height over the ground, as a share of the camera's."""
_SIDE_PX = 44.0
"""A plate's side in a picture 960 px wide."""
_SWAY_M = 0.0008
_SWAY_HZ = (1.7, 2.9)
_LIGHT, _DARK = (205, 205, 205), (35, 35, 35)


class MachineMarks:
    """Plates side by side along the picture's rear edge, each with a painted pattern of its own.

    They stand well above the ground and sway by a millimetre while the machine drives.

    Parameters
    ----------
    plane : GroundPlane
        Of the camera as it was mounted: it says where the plates are.
    count : int
        How many there are.
    """

    def __init__(self, plane: GroundPlane, count: int) -> None:
        self._plane = plane
        self._corners_m, self._centres_m = _plates(plane, count)

    def seen_from(self, plane: GroundPlane) -> MachineMarks:
        """Return the same plates as a camera elsewhere sees them."""
        moved = MachineMarks(plane, 0)
        moved._corners_m, moved._centres_m = self._corners_m, self._centres_m
        return moved

    @property
    def centres_px(self) -> Float64Array:
        """(N, 2) float64: where the plates' middles are seen while the machine stands."""
        return self._image(self._centres_m)

    def draw(self, picture: UInt8Array, t_s: float, *, sways: bool) -> UInt8Array:
        """Return ``picture`` with the plates before it, ``t_s`` after the start."""
        if not len(self._corners_m):
            return picture
        result = picture.copy()
        phases = 2.0 * np.pi * t_s * np.array(_SWAY_HZ)
        sway_m = _SWAY_M * np.array([*np.sin(phases), 0.0]) * float(sways)
        for number, corners_m in enumerate(self._corners_m):
            self._draw_plate(result, corners_m + sway_m, number)
        return result

    def _draw_plate(self, picture: UInt8Array, corners_m: Float64Array, number: int) -> None:
        """Draw a light plate with a dark frame and dark fields, which ones tells its number."""
        origin, across, along = (
            corners_m[0],
            corners_m[1] - corners_m[0],
            corners_m[3] - corners_m[0],
        )

        def field(u0: float, v0: float, u1: float, v1: float, colour: tuple[int, int, int]) -> None:
            corners = np.array([[u0, v0], [u1, v0], [u1, v1], [u0, v1]])
            points = origin + corners[:, :1] * across + corners[:, 1:] * along
            image = self._image(points)
            if np.isfinite(image).all():
                cv2.fillConvexPoly(
                    picture, np.round(image * 256.0).astype(np.int32), colour, cv2.LINE_AA, 8
                )

        field(0.0, 0.0, 1.0, 1.0, _DARK)
        field(0.08, 0.08, 0.92, 0.92, _LIGHT)
        for place in range(4):
            row, column = divmod(place, 2)
            if (0b1001, 0b0111, 0b0110, 0b1011, 0b1101, 0b1110)[number] >> place & 1:
                u, v = 0.14 + 0.38 * column, 0.14 + 0.38 * row
                field(u, v, u + 0.34, v + 0.34, _DARK)

    def _image(self, points_m: Float64Array) -> Float64Array:
        return image_from_base(self._plane.lens, self._plane.pose, points_m)


def _plates(plane: GroundPlane, count: int) -> tuple[Float64Array, Float64Array]:
    """Return corners (N, 4, 3) and middles (N, 3) of the plates in base_link, metres."""
    width, height = plane.image_size
    half = 0.5 * _SIDE_PX * width / 960.0
    shares = (np.arange(count) + 0.5) / max(count, 1)
    columns = width * (0.06 + 0.88 * shares)
    row = height - 1.0 - 2.4 * half
    offsets = np.array([[-half, -half], [half, -half], [half, half], [-half, half], [0.0, 0.0]])
    pixels = np.stack((columns, np.full(count, row)), axis=1)[:, None] + offsets
    ground = plane.ground_from_image(pixels.reshape(-1, 2)).reshape(count, 5, 2)
    camera = np.array([plane.pose.x_m, plane.pose.y_m, plane.pose.z_m])
    on_ground = np.concatenate((ground, np.zeros((count, 5, 1))), axis=2)
    points = on_ground + _HEIGHT_SHARE * (camera - on_ground)
    return points[:, :4], points[:, 4]
