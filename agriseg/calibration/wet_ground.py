"""Where water fell: what has become darker between two surveys of the ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agriseg.calibration.ground_survey import (
    Float32Array,
    GroundPicture,
    blurred,
    find_shifts,
    moved_onto,
)
from agriseg.errors import CalibrationError
from agriseg.geometry.patches import TrackGrid
from agriseg.messages import Float64Array
from agriseg.opencv import cv2

LEAST_DEPTH = 0.08
"""Ground that became darker by less than this share counts as dry."""

_SMOOTH_M = 0.0016
_LIGHT_M = 0.12
_LIGHT_ROUNDS = 4
_MIDDLE_SHARE = 0.5
_LEAST_SPOT_M = 0.01
_DARKEST = -1.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WetGround(TrackGrid):
    """How much darker the ground has become, along the track of the dry survey.

    Attributes
    ----------
    depth : (R, C) float32
        Share of the light that is missing, as a logarithm: 0 dry, 0.3 is a quarter darker;
        0 where the ground was not seen twice.
    known : (R, C) bool
    noise : float
        Spread of ``depth`` on dry ground.
    registered : bool
        Whether the two surveys could be laid over each other by the ground's texture; if
        not, the odometer alone was trusted.
    """

    depth: Float32Array
    known: NDArray[np.bool_]
    noise: float
    registered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WetSpot:
    """A wet patch: its edges where it is half as dark as its middle; (s, y), metres."""

    s_min_m: float
    s_max_m: float
    y_min_m: float
    y_max_m: float
    depth: float

    @property
    def s_m(self) -> float:
        """Middle along the track."""
        return 0.5 * (self.s_min_m + self.s_max_m)

    @property
    def y_m(self) -> float:
        """Middle across."""
        return 0.5 * (self.y_min_m + self.y_max_m)


def wet_ground(dry: GroundPicture, wet: GroundPicture) -> WetGround:
    """Compare two surveys of the same ground.

    Light that changes smoothly (clouds, the machine's shadow) is taken out: it is estimated
    again and again from the ground that is not wet.

    Raises
    ------
    CalibrationError
        The surveys have no ground in common.
    """
    shifts = find_shifts(dry, wet)
    after = wet.grey if shifts is None else moved_onto(dry, wet, shifts)
    cell = dry.cell_m
    before = blurred(dry.grey, _SMOOTH_M, cell)
    after = blurred(after, _SMOOTH_M, cell)
    known = np.isfinite(before) & np.isfinite(after)
    if known.mean() < 0.05:
        raise CalibrationError(
            "the ground before and after spraying was not the same: reverse over the same track"
            " until the test says that it is done; nothing was changed"
        )
    change = np.zeros(before.shape, np.float32)
    change[known] = np.log((after[known] + 4.0) / (before[known] + 4.0))
    change = np.asarray(np.clip(change, _DARKEST, -_DARKEST), np.float32)
    light = _light(change, known, cell)
    depth = np.where(known, light - change, np.float32(0.0))
    still = known & (np.abs(depth) < 0.5 * LEAST_DEPTH)
    noise = float(1.4826 * np.median(np.abs(depth[still]))) if still.any() else float("nan")
    return WetGround(
        depth=np.asarray(depth, np.float32),
        known=known,
        noise=noise,
        registered=shifts is not None,
        s0_m=dry.s0_m,
        y0_m=dry.y0_m,
        cell_m=cell,
    )


def find_spots(wet: WetGround) -> list[WetSpot]:
    """Return all wet patches that do not touch the border of what was seen."""
    level = _level(wet)
    mask = (wet.depth > 0.5 * level) & wet.known
    size = max(1, round(0.003 / wet.cell_m))
    mask = np.asarray(
        cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((size, size), np.uint8)),
        np.bool_,
    )
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    spots: list[WetSpot] = []
    least = _LEAST_SPOT_M / wet.cell_m
    for left, top, width, height, _ in np.asarray(stats, np.int64)[1:]:
        if width < least or height < least:
            continue
        spot = _measured(wet, int(left), int(top), int(width), int(height))
        if spot is not None:
            spots.append(spot)
    return spots


def spot_within(
    wet: WetGround, s_m: tuple[float, float], y_m: tuple[float, float]
) -> WetSpot | None:
    """Return the largest wet patch in a window; None if there is none."""
    columns = _cells(s_m, wet.s0_m, wet.cell_m, wet.depth.shape[1])
    rows = _cells(y_m, wet.y0_m, wet.cell_m, wet.depth.shape[0])
    part = wet.depth[rows, columns]
    if part.size == 0:
        return None
    mask = (part > 0.5 * _level(wet)).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    table = np.asarray(stats, np.int64)[1:]
    if len(table) == 0:
        return None
    left, top, width, height, _ = table[int(table[:, cv2.CC_STAT_AREA].argmax())]
    if min(width, height) < _LEAST_SPOT_M / wet.cell_m:
        return None
    return _measured(wet, int(left) + columns.start, int(top) + rows.start, int(width), int(height))


def _light(change: Float32Array, known: NDArray[np.bool_], cell_m: float) -> Float32Array:
    """Return the change of the light over the ground, (R, C) float32."""
    light = np.full(change.shape, np.median(change[known]), np.float32)
    # An eighth of the resolution is enough for what is smooth over twelve centimetres.
    small = (change.shape[1] // 8 + 1, change.shape[0] // 8 + 1)
    for _ in range(_LIGHT_ROUNDS):
        dry = known & (np.abs(change - light) < 0.75 * LEAST_DEPTH)
        weight = cv2.resize(dry.astype(np.float32), small, interpolation=cv2.INTER_AREA)
        value = cv2.resize(
            np.where(dry, change, np.float32(0.0)), small, interpolation=cv2.INTER_AREA
        )
        sigma = _LIGHT_M / (8.0 * cell_m)
        weight = cv2.GaussianBlur(np.asarray(weight, np.float32), (0, 0), sigma)
        value = cv2.GaussianBlur(np.asarray(value, np.float32), (0, 0), sigma)
        smooth = np.where(weight > 1e-3, value / np.maximum(weight, 1e-6), np.median(change[known]))
        light = np.asarray(
            cv2.resize(
                smooth.astype(np.float32),
                (change.shape[1], change.shape[0]),
                interpolation=cv2.INTER_LINEAR,
            ),
            np.float32,
        )
    return light


def _level(wet: WetGround) -> float:
    """Return how dark wet ground is: the middle of what is clearly darker."""
    floor = max(LEAST_DEPTH, 5.0 * wet.noise)
    dark = wet.depth[wet.known & (wet.depth > floor)]
    return float(np.median(dark)) if dark.size > 50 else 2.0 * floor


def _measured(wet: WetGround, left: int, top: int, width: int, height: int) -> WetSpot | None:
    """Return a patch with its edges to a fraction of a cell; None at the border of the view."""
    margin = max(4, round(0.008 / wet.cell_m))
    first, last = left - margin, left + width + margin
    bottom, upper = top - margin, top + height + margin
    rows, columns = wet.depth.shape
    if first < 0 or bottom < 0 or last > columns or upper > rows:
        return None
    part = wet.depth[bottom:upper, first:last]
    if not wet.known[bottom:upper, first:last].all():
        return None
    across = _middle(margin, height)
    along = _middle(margin, width)
    s_edges = _half_edges(np.asarray(part[across].mean(axis=0), np.float64))
    y_edges = _half_edges(np.asarray(part[:, along].mean(axis=1), np.float64))
    if s_edges is None or y_edges is None:
        return None
    return WetSpot(
        s_min_m=wet.s0_m + (first + s_edges[0]) * wet.cell_m,
        s_max_m=wet.s0_m + (first + s_edges[1]) * wet.cell_m,
        y_min_m=wet.y0_m + (bottom + y_edges[0]) * wet.cell_m,
        y_max_m=wet.y0_m + (bottom + y_edges[1]) * wet.cell_m,
        depth=float(np.median(part[across, along])),
    )


def _middle(margin: int, size: int) -> slice:
    """Return the middle half of a patch that begins after a margin."""
    cut = round(0.5 * (1.0 - _MIDDLE_SHARE) * size)
    return slice(margin + cut, max(margin + size - cut, margin + cut + 1))


def _half_edges(profile: Float64Array) -> tuple[float, float] | None:
    """Return where a profile first rises through and last falls through half its plateau."""
    plateau = float(np.quantile(profile, 0.8)) if len(profile) > 4 else 0.0
    plateau = float(np.median(profile[profile > 0.6 * plateau])) if plateau > 0.0 else 0.0
    if plateau < LEAST_DEPTH:
        return None
    half = 0.5 * plateau
    above = np.flatnonzero(profile > half)
    begin, end = int(above[0]), int(above[-1])
    if begin == 0 or end == len(profile) - 1:
        return None
    rise = begin - (profile[begin] - half) / (profile[begin] - profile[begin - 1])
    fall = end + (profile[end] - half) / (profile[end] - profile[end + 1])
    return float(rise), float(fall)


def _cells(span_m: tuple[float, float], origin_m: float, cell_m: float, size: int) -> slice:
    first = max(0, int(np.floor((span_m[0] - origin_m) / cell_m)))
    last = min(size, int(np.ceil((span_m[1] - origin_m) / cell_m)) + 1)
    return slice(first, max(first, last))
