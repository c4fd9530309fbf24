"""What stands in front of the simulated camera while a calibration is tried."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import IntEnum

import numpy as np

from agriseg.geometry.boards import BoardSpec
from agriseg.geometry.ground_plane import GroundPlane, camera_axes
from agriseg.messages import Float64Array, UInt8Array
from agriseg.opencv import cv2
from agriseg.simulation.board_view import BoardPose, BoardView
from agriseg.simulation.trajectory import TruePose

PROP = "prop"
"""Name of the simulated camera's control that says what is in front of it."""


class Prop(IntEnum):
    """Values of the control `PROP`. The robot's picture stands still while there is one."""

    NONE = 0
    BOARD_HELD = 1
    """A board that somebody moves about in front of the camera."""
    BOARD_ON_GROUND = 2
    """The same board, flat on the ground, its top edge forward."""
    RECTANGLE = 3
    """Four white markers on the ground, the corners of a measured rectangle."""


RECTANGLE_M = (0.5, 0.4)
"""Across and along the track."""

_HOLD_S = 0.7
_MOVE_S = 0.5
_MARKER_M = 0.06


def ground_place(ground: GroundPlane, length_m: float) -> tuple[float, float]:
    """Return where the near edge's middle (x, y) of something on the ground is put, base_link.

    It lies in the middle of the view, on whole centimetres, as if measured by tape.
    """
    middle = ground.view_polygon_m.mean(axis=0)
    return round(float(middle[0]) - 0.5 * length_m, 2), round(float(middle[1]), 2)


def ground_board_pose(ground: GroundPlane) -> BoardPose:
    """Return the pose of the board that lies on the ground, in the camera frame."""
    width_m, height_m = _board_size_m()
    x_m, y_m = ground_place(ground, height_m)
    first_corner = np.array([x_m + height_m, y_m + 0.5 * width_m, 0.0])
    # On the sheet x goes right and y down: to the right and backward on the ground.
    r_base_board = np.array([[0.0, -1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
    axes = camera_axes(ground.pose)
    camera_m = np.array([ground.pose.x_m, ground.pose.y_m, ground.pose.z_m])
    return BoardPose(
        r_camera_board=axes.T @ r_base_board, origin_m=axes.T @ (first_corner - camera_m)
    )


def held_board_pose(ground: GroundPlane, t_s: float) -> BoardPose:
    """Return the pose of the held board ``t_s`` after it was taken up.

    It is led to every part of the picture, tilted to another side each time, and held still
    for a moment in each place.
    """
    period_s = _HOLD_S + _MOVE_S
    index = int(max(0.0, t_s) // period_s)
    share = min(1.0, max(0.0, (t_s - index * period_s - _HOLD_S) / _MOVE_S))
    smooth = share * share * (3.0 - 2.0 * share)
    here, there = _station(ground, index), _station(ground, index + 1)
    place = (1.0 - smooth) * here + smooth * there
    return _posed(place)


class Stage:
    """What is in front of one simulated camera now.

    Parameters
    ----------
    ground : GroundPlane
        Of the true camera.
    """

    def __init__(self, ground: GroundPlane) -> None:
        self._ground = ground
        self._prop = Prop.NONE
        self._pose: TruePose | None = None
        self._since_s: float | None = None
        self._still: UInt8Array | None = None
        self._board: BoardView | None = None

    def show(self, prop: Prop) -> None:
        """Put something in front of the camera, or nothing."""
        if prop is not self._prop:
            self._prop = prop
            self._pose = None
            self._still = None
            self._since_s = None

    def still(self, pose: TruePose) -> TruePose:
        """Return the robot's pose as the picture shows it: it stands while there is a prop."""
        if self._prop is Prop.NONE:
            return pose
        self._pose = self._pose or replace(pose, speed_m_s=0.0)
        return self._pose

    def picture(self, ground: Callable[[], UInt8Array], t_s: float) -> UInt8Array:
        """Return what ``ground`` shows with what is in front of the camera at ``t_s``."""
        if self._prop is Prop.NONE:
            return ground()
        if self._still is None:
            self._still = ground()
        picture = self._still
        if self._prop is Prop.RECTANGLE:
            return GroundMarkers(self._ground).draw(picture)
        self._board = self._board or BoardView(
            self._ground.lens, BoardSpec().cells(), _board_size_m()
        )
        if self._prop is Prop.BOARD_ON_GROUND:
            return self._board.draw(picture, ground_board_pose(self._ground))
        if self._since_s is None:
            self._since_s = t_s
        return self._board.draw(picture, held_board_pose(self._ground, t_s - self._since_s))


class GroundMarkers:
    """The four markers of the rectangle, drawn into the picture of the ground."""

    def __init__(self, ground: GroundPlane) -> None:
        self._ground = ground

    @property
    def corners_m(self) -> Float64Array:
        """(4, 2) float64 in base_link: near right, near left, far left, far right."""
        x_m, y_m = ground_place(self._ground, RECTANGLE_M[1])
        half = 0.5 * RECTANGLE_M[0]
        far_m = x_m + RECTANGLE_M[1]
        return np.array(
            [[x_m, y_m - half], [x_m, y_m + half], [far_m, y_m + half], [far_m, y_m - half]]
        )

    def draw(self, picture: UInt8Array) -> UInt8Array:
        """Return ``picture`` with a dark cross of two triangles at each corner."""
        result = picture.copy()
        half = 0.5 * _MARKER_M
        square = np.array([[-half, -half], [-half, half], [half, half], [half, -half]])
        for corner in self.corners_m:
            self._fill(result, corner + square, (215, 215, 215))
            for sign in (-1.0, 1.0):
                middle = corner + sign * np.array([half, half]) / 2.0
                self._fill(result, middle + square / 2.0, (30, 30, 30))
        return result

    def _fill(
        self, picture: UInt8Array, corners_m: Float64Array, colour: tuple[int, int, int]
    ) -> None:
        image = self._ground.image_from_ground(corners_m)
        if np.isfinite(image).all():
            fixed = np.round(image * 256.0).astype(np.int32)
            cv2.fillConvexPoly(picture, fixed, colour, cv2.LINE_AA, 8)


def _board_size_m() -> tuple[float, float]:
    """Return width and height of the simulated board, the one that is printed on A4."""
    width_mm, height_mm = BoardSpec().size_mm
    return 1e-3 * width_mm, 1e-3 * height_mm


def _station(ground: GroundPlane, index: int) -> Float64Array:
    """Return where the board is held: (u share, v share, distance, tilt about x, about y, spin)."""
    rng = np.random.default_rng([index, 71])
    column, row = index % 3, (index // 3) % 3
    width, height = ground.image_size
    focal = ground.lens.camera_matrix[0, 0]
    # The board fills some 40 % of the picture's width.
    distance_m = _board_size_m()[0] * focal / (0.4 * width) * rng.uniform(0.85, 1.3)
    tilt = np.deg2rad(rng.uniform(17.0, 30.0))
    side = rng.permutation(4)[0] if index >= 4 else index
    about = {0: (0.0, tilt), 1: (0.0, -tilt), 2: (tilt, 0.0), 3: (-tilt, 0.0)}[int(side)]
    u = (0.2 + 0.3 * column) * width
    v = (0.24 + 0.26 * row) * height
    ray = ground.lens.rays_from_image(np.array([[u, v]]))[0]
    return np.array([ray[0], ray[1], distance_m, *about, rng.uniform(-0.2, 0.2)])


def _posed(place: Float64Array) -> BoardPose:
    ray_x, ray_y, distance_m, about_x, about_y, spin = (float(value) for value in place)
    tilted, _ = cv2.Rodrigues(np.array([about_x, about_y, 0.0]))
    spun, _ = cv2.Rodrigues(np.array([0.0, 0.0, spin]))
    turn = np.asarray(tilted, np.float64) @ np.asarray(spun, np.float64)
    middle = np.array([ray_x, ray_y, 1.0]) * distance_m
    half = np.array([*(0.5 * side for side in _board_size_m()), 0.0])
    return BoardPose(r_camera_board=turn, origin_m=middle - turn @ half)
