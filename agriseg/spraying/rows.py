"""Crop rows: where they run beside the robot."""

from __future__ import annotations

import numpy as np

from agriseg.messages import Float64Array
from agriseg.opencv import cv2
from agriseg.spraying.weed_map import TrackEvidence

_CROP_CERTAIN = 128
_SMOOTHING_M = 0.03
_MIN_SPACING_M = 0.12
_MIN_SHARE_OF_BEST = 0.3
_MIN_CROP_SHARE = 0.02


def crop_row_positions(evidence: TrackEvidence) -> Float64Array:
    """Return the lateral positions of the crop rows in view.

    The share of crop along each lateral line, smoothed over 3 cm, has a peak at each row;
    peaks below a third of the best one, or closer than 12 cm to a better one, are not rows.

    Parameters
    ----------
    evidence : TrackEvidence

    Returns
    -------
    (R,) float64
        y in base_link, from right to left; empty where no row can be told.
    """
    profile = _crop_share(evidence)
    if profile.size < 3 or profile.max() < _MIN_CROP_SHARE:
        return np.empty(0)
    inner = profile[1:-1]
    peaks = 1 + np.flatnonzero((inner >= profile[:-2]) & (inner > profile[2:]))
    peaks = peaks[profile[peaks] >= _MIN_SHARE_OF_BEST * profile.max()]
    kept: list[int] = []
    for peak in peaks[np.argsort(-profile[peaks])]:
        if all(abs(peak - other) * evidence.cell_m >= _MIN_SPACING_M for other in kept):
            kept.append(int(peak))
    rows: Float64Array = evidence.y0_m + evidence.cell_m * np.sort(np.array(kept, np.float64))
    return rows


def band_strips(
    rows_m: Float64Array, width_m: float, between_rows: bool
) -> tuple[tuple[float, float], ...]:
    """Return the lateral strips (right, left) to be sprayed.

    Parameters
    ----------
    rows_m : (R,) float64
        Crop rows from right to left.
    width_m : float
        Width of a strip.
    between_rows : bool
        Strips half-way between rows, and as far outside the outer ones; otherwise on the rows.
    """
    middles = rows_m
    if between_rows:
        if len(rows_m) < 2:
            return ()
        half = 0.5 * float(np.median(np.diff(rows_m)))
        inner = 0.5 * (rows_m[:-1] + rows_m[1:])
        middles = np.concatenate(([rows_m[0] - half], inner, [rows_m[-1] + half]))
    return tuple((float(y) - 0.5 * width_m, float(y) + 0.5 * width_m) for y in middles)


def _crop_share(evidence: TrackEvidence) -> Float64Array:
    """Return the smoothed share of crop among the known cells of each lateral line, (R,)."""
    known = evidence.known.sum(axis=1)
    crop = (evidence.crop >= _CROP_CERTAIN).sum(axis=1)
    share = np.where(known > 0, crop / np.maximum(known, 1), 0.0)
    sigma = _SMOOTHING_M / evidence.cell_m
    smooth = cv2.GaussianBlur(share[:, None], (1, 2 * int(3 * sigma) + 1), 1.0, sigmaY=sigma)
    return np.asarray(smooth, np.float64)[:, 0]
