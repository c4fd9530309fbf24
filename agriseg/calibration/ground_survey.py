"""A picture of the ground from above, put together from frames along the track."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agriseg.geometry.ground_plane import GroundPlane
from agriseg.geometry.ground_table import GroundTable, sampled
from agriseg.geometry.patches import TrackGrid
from agriseg.messages import Float64Array, Frame
from agriseg.opencv import cv2

Float32Array = NDArray[np.float32]

FINEST_CELL_M = 0.00125
_CELL_PX = 0.8
_STEP_M = 0.02
_STANDING_FRAMES = 4
_BLOCK_M = 0.5
_LEAST_RESPONSE = 0.08
_FINE_M = 0.004
_COARSE_M = 0.02
_REACH_CELLS = 40


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroundPicture(TrackGrid):
    """Grey ground along the track.

    Attributes
    ----------
    grey : (R, C) float32
        0 to 255; NaN where no frame showed the ground.
    """

    grey: Float32Array


class GroundSurvey:
    """Adds frames to a picture of the ground, in the frame of the track (s forward, y left).

    Every cell is the mean over the frames that showed it, so that light which moves with the
    machine evens out.

    Parameters
    ----------
    ground : GroundPlane
    s_m : (float, float)
        From rear to front, odometer readings at which base_link stands there.
    """

    def __init__(self, ground: GroundPlane, s_m: tuple[float, float]) -> None:
        cell_m = max(FINEST_CELL_M, _CELL_PX * ground.centre_gsd_m)
        view_m = ground.view_polygon_m
        self._ground = ground
        self._cell_m = cell_m
        self._s0_m = s_m[0]
        self._y0_m = float(view_m[:, 1].min())
        rows = int(np.ceil((float(view_m[:, 1].max()) - self._y0_m) / cell_m)) + 1
        columns = int(np.ceil((s_m[1] - s_m[0]) / cell_m)) + 1
        self._sum: Float32Array = np.zeros((rows, columns), np.float32)
        self._count: Float32Array = np.zeros((rows, columns), np.float32)
        self._table = GroundTable(ground, 0.004)
        width, height = ground.image_size
        self._all = np.full((height, width), 255, np.uint8)
        self._outline_m = ground.view_outline_m(2.0)
        self._last_m = np.inf
        self._stood = 0
        self.frames = 0

    def add(self, frame: Frame, distance_m: float) -> None:
        """Add a frame taken at an odometer reading; views of the same place add nothing new."""
        if not np.isfinite(distance_m) or not self._is_new(distance_m):
            return
        low_x, high_x = float(self._outline_m[:, 0].min()), float(self._outline_m[:, 0].max())
        first = int(np.floor((distance_m + low_x - self._s0_m) / self._cell_m))
        last = int(np.ceil((distance_m + high_x - self._s0_m) / self._cell_m)) + 1
        first, last = max(first, 0), min(last, self._sum.shape[1])
        if first >= last:
            return
        scale = 1.0 / self._cell_m
        cells_from_base = np.array(
            [
                [scale, 0.0, (distance_m - self._s0_m) * scale - first],
                [0.0, scale, -self._y0_m * scale],
                [0.0, 0.0, 1.0],
            ]
        )
        points = self._table.image_points(cells_from_base, (last - first, self._sum.shape[0]))
        grey = cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY)
        seen = (sampled(self._all, points) == 255).astype(np.float32)
        window = np.s_[:, first:last]
        self._sum[window] += sampled(np.asarray(grey, np.uint8), points) * seen
        self._count[window] += seen
        self.frames += 1

    def picture(self) -> GroundPicture:
        """Return the ground as it was seen."""
        known = self._count > 0
        grey = np.where(known, self._sum / np.maximum(self._count, 1.0), np.float32(np.nan))
        return GroundPicture(
            grey=np.asarray(grey, np.float32),
            s0_m=self._s0_m,
            y0_m=self._y0_m,
            cell_m=self._cell_m,
        )

    def _is_new(self, distance_m: float) -> bool:
        if abs(distance_m - self._last_m) >= _STEP_M:
            self._last_m, self._stood = distance_m, 0
            return True
        self._stood += 1
        return self._stood < _STANDING_FRAMES


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shifts:
    """By how much one survey lies beside another, place by place.

    Attributes
    ----------
    s_m : (N,) float64
        Places, ascending.
    forward_m, left_m : (N,) float64
        Where the second survey has what the first has at ``s_m``, less ``s_m``.
    """

    s_m: Float64Array
    forward_m: Float64Array
    left_m: Float64Array


def find_shifts(first: GroundPicture, second: GroundPicture) -> Shifts | None:
    """Find the ground of one survey in another by its texture; None where nothing matches.

    The odometer slips a little between two passes, and no machine reverses in its own track.
    Fine texture alone is compared, so that shadows and wet ground do not count; phase
    correlation (Kuglin and Hines, 1975) of half a metre at a time.
    """
    a, b = _texture(first.grey, first.cell_m), _texture(second.grey, second.cell_m)
    width = int(_BLOCK_M / first.cell_m)
    places, forward, left = [], [], []
    rows = _common_rows(first.grey, second.grey)
    if rows is None:
        return None
    for start in range(0, a.shape[1] - width + 1, width // 2):
        block = np.s_[rows, start : start + width]
        if _share_known(first.grey[block]) < 0.9 or _share_known(second.grey[block]) < 0.9:
            continue
        window = np.asarray(
            cv2.createHanningWindow((width, rows.stop - rows.start), cv2.CV_32F), np.float32
        )
        (du, dv), response = cv2.phaseCorrelate(a[block], b[block], window)
        if response < _LEAST_RESPONSE or max(abs(du), abs(dv)) > _REACH_CELLS:
            continue
        places.append(first.s0_m + (start + 0.5 * width) * first.cell_m)
        forward.append(du * first.cell_m)
        left.append(dv * first.cell_m)
    if not places:
        return None
    return Shifts(s_m=np.array(places), forward_m=np.array(forward), left_m=np.array(left))


def moved_onto(first: GroundPicture, second: GroundPicture, shifts: Shifts) -> Float32Array:
    """Return the second survey's grey, (R, C) float32, where the first has its ground."""
    rows, columns = first.grey.shape
    s_m = first.s0_m + np.arange(columns) * first.cell_m
    along = np.interp(s_m, shifts.s_m, shifts.forward_m) / first.cell_m
    across = np.interp(s_m, shifts.s_m, shifts.left_m) / first.cell_m
    u = np.broadcast_to(np.arange(columns) + along, (rows, columns)).astype(np.float32)
    v = (np.arange(rows)[:, None] + across[None]).astype(np.float32)
    moved = cv2.remap(
        second.grey, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=np.nan
    )
    return np.asarray(moved, np.float32)


def blurred(grey: Float32Array, sigma_m: float, cell_m: float) -> Float32Array:
    """Return a Gaussian mean over the known cells; NaN where none is near."""
    known = np.isfinite(grey).astype(np.float32)
    sigma = (sigma_m / cell_m, sigma_m / cell_m)
    weight = cv2.GaussianBlur(known, (0, 0), sigma[0], None, sigma[1])
    mean = cv2.GaussianBlur(np.nan_to_num(grey, nan=0.0), (0, 0), sigma[0], None, sigma[1])
    return np.asarray(np.where(weight > 0.05, mean / np.maximum(weight, 1e-6), np.nan), np.float32)


def _texture(grey: Float32Array, cell_m: float) -> Float32Array:
    """Return fine texture over its local strength, 0 where nothing is known."""
    finest_m = max(0.25 * _FINE_M, 0.7 * cell_m)
    fine = blurred(grey, finest_m, cell_m) - blurred(grey, max(_FINE_M, 3.0 * finest_m), cell_m)
    strength = np.sqrt(blurred(np.asarray(fine * fine, np.float32), _COARSE_M, cell_m))
    return np.asarray(np.nan_to_num(fine / (strength + 0.2), nan=0.0), np.float32)


def _share_known(grey: Float32Array) -> float:
    return float(np.isfinite(grey).mean())


def _common_rows(first: Float32Array, second: Float32Array) -> slice | None:
    """Return the rows that both surveys show where they show anything."""
    share = np.minimum(_row_share(first), _row_share(second))
    kept = np.flatnonzero(share > 0.95)
    return slice(int(kept[0]), int(kept[-1]) + 1) if len(kept) > 50 else None


def _row_share(grey: Float32Array) -> Float64Array:
    seen = np.isfinite(grey)
    columns = seen.any(axis=0)
    share: Float64Array = seen[:, columns].mean(axis=1) if columns.any() else np.zeros(len(grey))
    return share
