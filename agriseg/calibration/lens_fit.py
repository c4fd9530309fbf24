"""The lens from several views of a board: intrinsics, their covariance, and which views fit.

Zhang's method with OpenCV's bundle adjustment (Zhang 2000, "A flexible new technique for camera
calibration"); the covariance is that of the least squares problem at its solution, with the
boards' poses eliminated (Schur complement).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agriseg.config import IntrinsicsConfig
from agriseg.errors import CalibrationError
from agriseg.geometry.boards import BoardSpec
from agriseg.messages import Float64Array
from agriseg.opencv import cv2

PARAMETERS = ("fx_px", "fy_px", "cx_px", "cy_px", "k1", "k2", "p1", "p2", "k3")
"""Order of the covariance's rows."""

LEAST_VIEWS = 8
"""Fewer views cannot tell lens and poses apart well."""

WORST_RMS_PX = 1.0
"""A fit that is worse has a board that is not flat, or another board than was entered."""

_FLAGS_PLAIN = cv2.CALIB_FIX_K3
_OUTLIER_SIGMA = 4.5
_BAD_VIEW_RATIO = 2.5
_SURE_NOISE_PX = 0.03


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BoardView:
    """The corners of the board in one picture: (N, 2) float64 px and their numbers (N,)."""

    corners_px: Float64Array
    ids: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LensFit:
    """A lens as fitted.

    Attributes
    ----------
    intrinsics : IntrinsicsConfig
    covariance : (9, 9) float64
        Of `PARAMETERS`; rows of a parameter that was not fitted are 0.
    rms_px : float
        Root mean square distance between corners seen and corners projected.
    view_rms_px : (V,) float64
        The same by view, in the order given; NaN for rejected views.
    rejected : tuple of int
        Views that do not fit the others.
    corners : int
        How many corners the fit rests on.
    """

    intrinsics: IntrinsicsConfig
    covariance: Float64Array
    rms_px: float
    view_rms_px: Float64Array
    rejected: tuple[int, ...]
    corners: int

    @property
    def std(self) -> Float64Array:
        """(9,) float64: standard uncertainty of `PARAMETERS`."""
        return np.sqrt(np.diag(self.covariance))


def fit_lens(
    board: BoardSpec, views: Sequence[BoardView], size: tuple[int, int], *, fit_k3: bool = False
) -> LensFit:
    """Return the lens that explains the views best; views and corners that do not fit are left out.

    Parameters
    ----------
    board : BoardSpec
    views : sequence of BoardView
    size : (width, height), px
        Of the pictures.
    fit_k3 : bool
        Fit the sixth-order distortion too: for very wide lenses alone, elsewhere it is not
        separable from the others.

    Raises
    ------
    CalibrationError
        Too few views, or no lens explains them.
    """
    require_views(len(views))
    kept = list(range(len(views)))
    use = list(views)
    while True:
        solution = _solve(board, [use[i] for i in kept], size, fit_k3)
        worst = _bad_view(solution.view_rms_px)
        if worst is not None and len(kept) > LEAST_VIEWS:
            del kept[worst]
            continue
        trimmed = _without_outliers(solution, [use[i] for i in kept])
        if trimmed is None:
            break
        for index, view in zip(kept, trimmed, strict=True):
            use[index] = view
    if solution.rms_px > WORST_RMS_PX:
        raise CalibrationError(
            f"no lens explains these pictures: corners are {solution.rms_px:.1f} px from where they"
            f" should be (at most {WORST_RMS_PX:g}); glue the board flat, check its squares and"
            " their number, and measure again"
        )
    view_rms: Float64Array = np.full(len(views), np.nan)
    view_rms[kept] = solution.view_rms_px
    return LensFit(
        intrinsics=_intrinsics(solution, size),
        covariance=_covariance(solution, fit_k3),
        rms_px=solution.rms_px,
        view_rms_px=view_rms,
        rejected=tuple(i for i in range(len(views)) if i not in kept),
        corners=sum(len(r) for r in solution.residuals),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Solution:
    matrix: Float64Array
    distortion: Float64Array
    rotations: list[Float64Array]
    translations: list[Float64Array]
    objects: list[Float64Array]
    residuals: list[Float64Array]

    @property
    def rms_px(self) -> float:
        return float(np.sqrt(np.mean(np.concatenate(self.residuals) ** 2) * 2.0))

    @property
    def view_rms_px(self) -> Float64Array:
        return np.array([np.sqrt(np.mean(r**2) * 2.0) for r in self.residuals])


def require_views(count: int) -> None:
    """Raise CalibrationError where there are too few views to begin with."""
    if count < LEAST_VIEWS:
        raise CalibrationError(
            f"{count} views of the board are too few; at least {LEAST_VIEWS} are needed, from all"
            " parts of the picture and tilted to all sides: take more"
        )


def _solve(
    board: BoardSpec, views: Sequence[BoardView], size: tuple[int, int], fit_k3: bool
) -> _Solution:
    corners = np.column_stack((board.corners_m, np.zeros(board.corner_count)))
    objects = [np.ascontiguousarray(corners[view.ids]) for view in views]
    flags = 0 if fit_k3 else _FLAGS_PLAIN
    try:
        _, matrix, distortion, rotations, translations = cv2.calibrateCamera(
            [points.astype(np.float32) for points in objects],
            [view.corners_px.astype(np.float32) for view in views],
            size,
            np.eye(3),
            np.zeros(5),
            flags=flags,
        )
    except cv2.error as error:
        raise CalibrationError(
            "no lens explains these pictures: the views are too much alike; tilt the board to all"
            " sides and bring it into all parts of the picture"
        ) from error
    k, d = np.asarray(matrix, np.float64), np.asarray(distortion, np.float64).ravel()[:5]
    residuals = []
    for points, view, r, t in zip(objects, views, rotations, translations, strict=True):
        projected, _ = cv2.projectPoints(points, r, t, k, d)
        residuals.append(view.corners_px - np.asarray(projected, np.float64).reshape(-1, 2))
    return _Solution(
        matrix=k,
        distortion=d,
        rotations=[np.asarray(r, np.float64) for r in rotations],
        translations=[np.asarray(t, np.float64) for t in translations],
        objects=objects,
        residuals=residuals,
    )


def _bad_view(view_rms_px: Float64Array) -> int | None:
    """Return the worst view if it is far worse than the others."""
    worst = int(np.argmax(view_rms_px))
    usual = max(float(np.median(view_rms_px)), _SURE_NOISE_PX)
    return worst if view_rms_px[worst] > _BAD_VIEW_RATIO * usual else None


def _without_outliers(solution: _Solution, views: Sequence[BoardView]) -> list[BoardView] | None:
    """Return the views without corners that lie far off; None when there are none such."""
    lengths = [np.hypot(r[:, 0], r[:, 1]) for r in solution.residuals]
    # Rayleigh distribution: its median is 1.1774 of the standard deviation along one axis.
    sigma = max(float(np.median(np.concatenate(lengths))) / 1.1774, _SURE_NOISE_PX)
    trimmed, found = [], False
    for view, length in zip(views, lengths, strict=True):
        good = length < _OUTLIER_SIGMA * sigma
        if good.all() or good.sum() < 6:
            trimmed.append(view)
            continue
        found = True
        trimmed.append(BoardView(corners_px=view.corners_px[good], ids=view.ids[good]))
    return trimmed if found else None


def _intrinsics(solution: _Solution, size: tuple[int, int]) -> IntrinsicsConfig:
    k, d = solution.matrix, solution.distortion
    try:
        return IntrinsicsConfig(
            width_px=size[0],
            height_px=size[1],
            fx_px=float(k[0, 0]),
            fy_px=float(k[1, 1]),
            cx_px=float(k[0, 2]),
            cy_px=float(k[1, 2]),
            k1=float(d[0]),
            k2=float(d[1]),
            p1=float(d[2]),
            p2=float(d[3]),
            k3=float(d[4]),
        )
    except ValueError as error:
        raise CalibrationError(
            f"the fitted lens is not a lens (focal length {k[0, 0]:.0f} px, k1 {d[0]:.2f}); take"
            " views from all parts of the picture, tilted to all sides"
        ) from error


def _covariance(solution: _Solution, fit_k3: bool) -> Float64Array:
    """Return the covariance (9, 9) of the intrinsics with the boards' poses eliminated."""
    fitted = np.arange(9 if fit_k3 else 8)
    information = np.zeros((len(fitted), len(fitted)))
    count = 0
    for points, r, t in zip(
        solution.objects, solution.rotations, solution.translations, strict=True
    ):
        _, jacobian = cv2.projectPoints(points, r, t, solution.matrix, solution.distortion)
        j = np.asarray(jacobian, np.float64)
        pose, lens = j[:, :6], j[:, 6:15][:, fitted]
        coupling = pose.T @ lens
        information += lens.T @ lens - coupling.T @ np.linalg.solve(pose.T @ pose, coupling)
        count += len(j)
    freedom = count - len(fitted) - 6 * len(solution.objects)
    squares = float(sum(np.sum(r**2) for r in solution.residuals))
    covariance = np.zeros((9, 9))
    scale = np.sqrt(np.diag(information))
    scaled = np.linalg.inv(information / np.outer(scale, scale)) / np.outer(scale, scale)
    covariance[np.ix_(fitted, fitted)] = scaled * squares / max(freedom, 1)
    return covariance
