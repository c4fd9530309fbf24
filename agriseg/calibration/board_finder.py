"""Finds the board in a picture, and says how well it can be seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agriseg.geometry.boards import BoardSpec
from agriseg.messages import Float64Array, UInt8Array
from agriseg.opencv import cv2

LEAST_CORNERS = 8
"""Fewer corners of a board say too little about its pose."""

SHARP_EDGE_PX = 3.2
"""An edge that takes more pixels than this from black to white is blurred."""

_BEST_EDGE_PX = 1.6
_WORST_EDGE_PX = 6.0
_LEAST_CONTRAST = 40.0
_GOOD_CONTRAST = 110.0
_BRIGHT = 250
_WINDOW_SHARE = 0.12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sighting:
    """The board in one picture.

    Attributes
    ----------
    corners_px : (N, 2) float64
        Inner corners (u, v) that were found.
    ids : (N,) int64
        Which of `BoardSpec.corners_m` they are.
    edge_px : float
        How many pixels an edge takes from black to white, in its worse direction.
    contrast : float
        White less black, of 255.
    overexposed : float
        Share of the board's white that has reached the sensor's limit.
    """

    corners_px: Float64Array
    ids: NDArray[np.int64]
    edge_px: float
    contrast: float
    overexposed: float

    @property
    def focus_score(self) -> float:
        """Sharpness, 0 to 100."""
        share = (_WORST_EDGE_PX - self.edge_px) / (_WORST_EDGE_PX - _BEST_EDGE_PX)
        return float(np.clip(100.0 * share, 0.0, 100.0))

    @property
    def exposure_score(self) -> float:
        """Exposure, 0 to 100: contrast of the print, less what is blown out."""
        share = (self.contrast - _LEAST_CONTRAST) / (_GOOD_CONTRAST - _LEAST_CONTRAST)
        return float(np.clip(100.0 * share, 0.0, 100.0) * (1.0 - min(1.0, 2.0 * self.overexposed)))

    @property
    def problem(self) -> str:
        """Why this picture should not be measured in, in a sentence; empty if it can."""
        if self.edge_px > SHARP_EDGE_PX:
            return (
                f"The board is blurred (edges {self.edge_px:.1f} pixels wide): hold it still, focus"
                " the lens, or shorten the exposure."
            )
        if self.contrast < _LEAST_CONTRAST:
            return "The picture is too dark: add light or lengthen the exposure."
        if self.overexposed > 0.3:
            return "The board's white is blown out: turn it from the sun or shorten the exposure."
        return ""


class BoardFinder:
    """Looks for one board.

    Parameters
    ----------
    board : BoardSpec
    """

    def __init__(self, board: BoardSpec) -> None:
        self.board = board
        self._charuco = (
            cv2.aruco.CharucoDetector(board.charuco()) if board.kind == "charuco" else None
        )

    def find(self, image: UInt8Array) -> Sighting | None:
        """Return the board as seen in a picture ``(H, W, 3) uint8`` BGR; None if it is not."""
        grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
        found = self._charuco_corners(grey) if self._charuco else self._checker_corners(grey)
        if found is None:
            return None
        corners_px, ids = found
        if len(ids) < LEAST_CORNERS or not _is_spread(self.board, ids):
            return None
        edge_px, contrast, overexposed = _quality(grey, self.board, corners_px, ids)
        return Sighting(
            corners_px=corners_px,
            ids=ids,
            edge_px=edge_px,
            contrast=contrast,
            overexposed=overexposed,
        )

    def _charuco_corners(self, grey: UInt8Array) -> tuple[Float64Array, NDArray[np.int64]] | None:
        assert self._charuco is not None
        corners, ids, _, _ = self._charuco.detectBoard(grey)
        if corners is None or ids is None or len(ids) < LEAST_CORNERS:
            return None
        points = np.asarray(corners, np.float64).reshape(-1, 2)
        numbers = np.asarray(ids, np.int64).ravel()
        return _refined(grey, self.board, points, numbers), numbers

    def _checker_corners(self, grey: UInt8Array) -> tuple[Float64Array, NDArray[np.int64]] | None:
        pattern = (self.board.columns - 1, self.board.rows - 1)
        found, corners = cv2.findChessboardCornersSB(
            grey, pattern, flags=cv2.CALIB_CB_NORMALIZE_IMAGE | cv2.CALIB_CB_ACCURACY
        )
        if not found:
            return None
        points = np.asarray(corners, np.float64).reshape(-1, 2)
        return points, np.arange(len(points), dtype=np.int64)


def picture_exposure(image: UInt8Array) -> str:
    """Return what is wrong with a picture's exposure while no board is found; empty if nothing."""
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)[::4, ::4]
    low, high = np.percentile(grey, [5, 95])
    if high < 40:
        return "The picture is too dark: add light or lengthen the exposure."
    if low > 215:
        return "The picture is too bright: shorten the exposure."
    return ""


def board_homography(
    board: BoardSpec, corners_px: Float64Array, ids: NDArray[np.int64]
) -> Float64Array | None:
    """Return the homography (3, 3) from the board's frame (metres) to the picture."""
    h, _ = cv2.findHomography(board.corners_m[ids], corners_px, 0)
    return None if h is None else np.asarray(h, np.float64)


def _is_spread(board: BoardSpec, ids: NDArray[np.int64]) -> bool:
    """Corners on one line give no pose."""
    rows, columns = np.divmod(ids, board.columns - 1)
    return len(set(rows.tolist())) >= 2 and len(set(columns.tolist())) >= 2


def _refined(
    grey: UInt8Array, board: BoardSpec, points: Float64Array, ids: NDArray[np.int64]
) -> Float64Array:
    """Place the corners to a fraction of a pixel, in a window that sees no other corner."""
    h = board_homography(board, points, ids)
    if h is None:
        return points
    side_px = _square_px(board, h, points, ids)
    # A marker begins an eighth of a square beside each corner's edges.
    half = int(np.clip(_WINDOW_SHARE * side_px, 2, 9))
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 40, 1e-3)
    corners = points.astype(np.float32).reshape(-1, 1, 2)
    refined = cv2.cornerSubPix(grey, corners, (half, half), (-1, -1), criteria)
    moved = np.asarray(refined, np.float64).reshape(-1, 2)
    far = np.hypot(*(moved - points).T) > 0.2 * side_px
    return np.where(far[:, None], points, moved)


def _square_px(
    board: BoardSpec, h: Float64Array, points: Float64Array, ids: NDArray[np.int64]
) -> float:
    """Return the shorter side of the smallest seen square in the picture."""
    corners = board.corners_m[ids]
    step = 1e-3 * board.square_mm
    sides = [
        np.hypot(*(_mapped(h, corners + offset) - _mapped(h, corners)).T)
        for offset in (np.array([step, 0.0]), np.array([0.0, step]))
    ]
    return float(np.min(sides)) if len(points) else 0.0


def _mapped(h: Float64Array, points: Float64Array) -> Float64Array:
    homogeneous = np.column_stack((points, np.ones(len(points)))) @ h.T
    mapped: Float64Array = homogeneous[:, :2] / homogeneous[:, 2:]
    return mapped


def _quality(
    grey: UInt8Array, board: BoardSpec, corners_px: Float64Array, ids: NDArray[np.int64]
) -> tuple[float, float, float]:
    """Return edge width (px), contrast and blown-out share around the corners."""
    h = board_homography(board, corners_px, ids)
    if h is None:
        return float("inf"), 0.0, 0.0
    side_px = _square_px(board, h, corners_px, ids)
    half = max(3, int(0.45 * side_px))
    step = 0.1e-3 * board.square_mm
    corners_m = board.corners_m[ids]
    along_x = _unit(_mapped(h, corners_m + np.array([step, 0.0])) - _mapped(h, corners_m))
    along_y = _unit(_mapped(h, corners_m + np.array([0.0, step])) - _mapped(h, corners_m))
    gradient_u = np.asarray(cv2.Scharr(grey, cv2.CV_32F, 1, 0), np.float32) / 32.0
    gradient_v = np.asarray(cv2.Scharr(grey, cv2.CV_32F, 0, 1), np.float32) / 32.0
    widths, contrasts, blown = [], [], []
    for (u, v), x_axis, y_axis in zip(corners_px, along_x, along_y, strict=True):
        rows = slice(max(0, round(v) - half), round(v) + half + 1)
        columns = slice(max(0, round(u) - half), round(u) + half + 1)
        window = grey[rows, columns]
        black, white = np.percentile(window, [10, 90])
        contrast = float(white - black)
        du, dv = gradient_u[rows, columns], gradient_v[rows, columns]
        # An edge across x has its gradient along x, blurred or not; the steepest place tells.
        steepest = [float(np.abs(du * a[0] + dv * a[1]).max()) for a in (x_axis, y_axis)]
        widths.append(contrast / max(min(steepest), 1e-3))
        contrasts.append(contrast)
        blown.append(float(np.mean(window >= _BRIGHT)) * 2.0)
    return float(np.median(widths)), float(np.median(contrasts)), float(np.median(blown))


def _unit(vectors: Float64Array) -> Float64Array:
    lengths = np.maximum(np.hypot(vectors[:, 0], vectors[:, 1]), 1e-12)
    unit: Float64Array = vectors / lengths[:, None]
    return unit
