"""The board that is shown to the camera: its squares, its markers, its size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from agriseg.errors import CalibrationError
from agriseg.messages import Float64Array, UInt8Array
from agriseg.opencv import cv2

BoardKind = Literal["charuco", "checkerboard"]

_MARKER_SHARE = 0.75
_PLAUSIBLE_MM = (5.0, 500.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardSpec:
    """A flat board of black and white squares.

    The board's frame: origin at the outer corner of its first square, x along the columns, y
    along the rows (down on the sheet), z into the sheet.

    Attributes
    ----------
    kind : str
        ``charuco`` has a marker in every white square, so that parts of it are enough and it is
        known which part; ``checkerboard`` has none and must be seen whole.
    columns, rows : int
        Squares.
    square_mm : float
        Side of a square, as measured on the print.
    """

    kind: BoardKind = "charuco"
    columns: int = 7
    rows: int = 5
    square_mm: float = 36.0

    def __post_init__(self) -> None:
        low, high = _PLAUSIBLE_MM
        if not low <= self.square_mm <= high:
            raise CalibrationError(
                f"a square of {self.square_mm:g} mm is not plausible; expected {low:g} to {high:g}"
                " mm: measure the printed squares in millimetres"
            )
        if not (3 <= self.columns <= 20 and 3 <= self.rows <= 20):
            raise CalibrationError(
                f"a board of {self.columns} x {self.rows} squares cannot be used; expected 3 to 20"
                " squares each way"
            )

    @property
    def size_mm(self) -> tuple[float, float]:
        """Width and height of all squares together."""
        return self.columns * self.square_mm, self.rows * self.square_mm

    @property
    def corner_count(self) -> int:
        """How many inner corners there are to be seen."""
        return (self.columns - 1) * (self.rows - 1)

    @property
    def corners_m(self) -> Float64Array:
        """Inner corners (N, 2) float64 in the board's frame, metres, row by row."""
        columns, rows = np.meshgrid(np.arange(1, self.columns), np.arange(1, self.rows))
        grid = np.column_stack((columns.ravel(), rows.ravel())).astype(np.float64)
        corners: Float64Array = grid * (1e-3 * self.square_mm)
        return corners

    def charuco(self) -> cv2.aruco.CharucoBoard:
        """Return OpenCV's board, metres."""
        return cv2.aruco.CharucoBoard(
            (self.columns, self.rows),
            1e-3 * self.square_mm,
            1e-3 * _MARKER_SHARE * self.square_mm,
            cv2.aruco.getPredefinedDictionary(_dictionary(self.columns * self.rows // 2)),
        )

    def cells(self) -> UInt8Array:
        """Return the print as cells, ``(rows * 8, columns * 8) uint8``: 0 black, 255 white.

        A square is 8 cells wide, a marker 6, so that every edge lies between two cells.
        """
        per_square = 8
        if self.kind == "charuco":
            size = (self.columns * per_square, self.rows * per_square)
            return np.asarray(self.charuco().generateImage(size, marginSize=0), np.uint8)
        columns, rows = np.meshgrid(np.arange(self.columns), np.arange(self.rows))
        squares = np.where((columns + rows) % 2 == 0, 0, 255).astype(np.uint8)
        return squares.repeat(per_square, axis=0).repeat(per_square, axis=1)


def _dictionary(markers: int) -> int:
    """Return the smallest set of 4 x 4 markers that has enough."""
    for count, name in (
        (50, cv2.aruco.DICT_4X4_50),
        (100, cv2.aruco.DICT_4X4_100),
        (250, cv2.aruco.DICT_4X4_250),
    ):
        if markers <= count:
            return int(name)
    raise ValueError(f"{markers} markers are more than any board here has")
