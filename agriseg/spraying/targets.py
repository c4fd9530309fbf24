"""What should be sprayed: from the fused map to extents along each nozzle's path."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from agriseg.config import SprayConfig
from agriseg.geometry.patches import Patches, find_patches
from agriseg.messages import Float64Array, SprayMode, UInt8Array
from agriseg.spraying.boom import Boom
from agriseg.spraying.intervals import Interval, merged, within, without
from agriseg.spraying.rows import band_strips, crop_row_positions
from agriseg.spraying.weed_map import TrackEvidence

CROP_LEVEL = 128
"""Mean probability of crop, of 255, from which ground is protected."""

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Targets:
    """Ground to spray, per nozzle and along its path, sorted by nozzle and start.

    Attributes
    ----------
    nozzle : (K,) int64
    s_min_m, s_max_m : (K,) float64
        Ground to be covered; may be infinite in broadcast mode.
    floor_m, ceiling_m : (K,) float64
        Protected crop ends before and begins after; a pulse may not reach beyond.
    weed_nozzle, weed_s_min_m, weed_s_max_m : (W,)
        The weeds alone, without margin, in each nozzle's zone: what counts when missed.
    crop_nozzle, crop_s_min_m, crop_s_max_m : (C,)
        Parts of weeds that are left because crop is too near.
    barred_nozzle, barred_s_min_m, barred_s_max_m : (B,)
        Parts of weeds on ground where nothing may be sprayed.
    notes : tuple of str
        What could not be done and why, in words.
    """

    nozzle: IntArray
    s_min_m: Float64Array
    s_max_m: Float64Array
    floor_m: Float64Array
    ceiling_m: Float64Array
    weed_nozzle: IntArray
    weed_s_min_m: Float64Array
    weed_s_max_m: Float64Array
    crop_nozzle: IntArray
    crop_s_min_m: Float64Array
    crop_s_max_m: Float64Array
    barred_nozzle: IntArray = field(default_factory=lambda: np.empty(0, np.int64))
    barred_s_min_m: Float64Array = field(default_factory=lambda: np.empty(0))
    barred_s_max_m: Float64Array = field(default_factory=lambda: np.empty(0))
    notes: tuple[str, ...] = ()


NO_TARGETS = Targets(
    nozzle=np.empty(0, np.int64),
    s_min_m=np.empty(0),
    s_max_m=np.empty(0),
    floor_m=np.empty(0),
    ceiling_m=np.empty(0),
    weed_nozzle=np.empty(0, np.int64),
    weed_s_min_m=np.empty(0),
    weed_s_max_m=np.empty(0),
    crop_nozzle=np.empty(0, np.int64),
    crop_s_min_m=np.empty(0),
    crop_s_max_m=np.empty(0),
)


def weed_threshold(sensitivity: float) -> float:
    """Return the probability of weed from which ground is sprayed.

    0 sprays what is weed with 95 %, 0.5 what is more likely weed than not, 1 whatever has
    5 %.
    """
    return 0.95 - 0.9 * sensitivity


def weed_level(sensitivity: float) -> int:
    """Return `weed_threshold` on the scale of the map, 0 to 255."""
    return max(1, math.ceil(255.0 * weed_threshold(sensitivity)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weeds:
    """What is taken for weed in the map.

    Attributes
    ----------
    patches : Patches
        All connected patches, specks included.
    probability : (R, C) uint8
        Weed probability, 0 where crop is certain and in specks.
    """

    patches: Patches
    probability: UInt8Array


def find_weeds(evidence: TrackEvidence, sensitivity: float, min_area_m2: float) -> Weeds:
    """Separate weed from crop in the map, and drop specks below the least area."""
    probability = np.where(evidence.crop >= CROP_LEVEL, np.uint8(0), evidence.weed)
    patches = find_patches(probability >= weed_level(sensitivity), evidence)
    specks = patches.area_m2 < min_area_m2
    if specks.any():
        probability[patches.cover(specks)] = 0
    return Weeds(patches=patches, probability=probability)


def find_targets(
    evidence: TrackEvidence,
    weeds: Weeds,
    boom: Boom,
    config: SprayConfig,
    mode: SprayMode,
    sensitivity: float,
) -> Targets:
    """Decide what each nozzle should cover.

    Parameters
    ----------
    evidence : TrackEvidence
        The map along the predicted path.
    weeds : Weeds
        Of the same map.
    boom : Boom
    config : SprayConfig
        Margins and bands; its mode and sensitivity are overruled by the next two.
    mode : SprayMode
    sensitivity : float
        0 to 1, see `weed_threshold`.
    """
    if mode is SprayMode.OFF:
        return NO_TARGETS
    if mode is SprayMode.BROADCAST:
        everything: list[list[Interval]] = [[(-np.inf, np.inf)] for _ in boom.nozzles]
        return _assembled(everything, [[] for _ in boom.nozzles])
    if mode is SprayMode.BAND:
        return _band_targets(evidence, boom, config)
    return _spot_targets(evidence, weeds, boom, config, weed_level(sensitivity))


def _spot_targets(
    evidence: TrackEvidence, weeds: Weeds, boom: Boom, config: SprayConfig, level: int
) -> Targets:
    margin = config.weed_margin_m
    zone = boom.zone_y_m
    bare = _extents(evidence, weeds.probability, zone, level)
    wide = _extents(evidence, weeds.probability, zone + np.array([-margin, margin]), level)
    crop = _protected(evidence, boom, config.crop_margin_m)
    wanted = [merged([(a - margin, b + margin) for a, b in extents]) for extents in wide]
    return _assembled(wanted, crop, bare)


def _band_targets(evidence: TrackEvidence, boom: Boom, config: SprayConfig) -> Targets:
    between = config.band_target == "between_rows"
    strips = band_strips(crop_row_positions(evidence), config.band_width_m, between)
    if not strips:
        needed = "two crop rows" if between else "a crop row"
        note = f"band mode sprays nothing: the camera does not see {needed}"
        return _assembled([[] for _ in boom.nozzles], [[] for _ in boom.nozzles], notes=(note,))
    seen = _known_extent(evidence)
    crop = _protected(evidence, boom, config.crop_margin_m) if between else None
    middles = boom.zone_y_m.mean(axis=1)
    wanted = [
        [seen] if seen and any(right <= y <= left for right, left in strips) else []
        for y in middles
    ]
    return _assembled(wanted, crop or [[] for _ in boom.nozzles])


def _known_extent(evidence: TrackEvidence) -> Interval | None:
    columns = np.flatnonzero(evidence.known.any(axis=0))
    if columns.size == 0:
        return None
    first, last = float(columns[0]), float(columns[-1])
    return evidence.s0_m + evidence.cell_m * first, evidence.s0_m + evidence.cell_m * last


def _protected(evidence: TrackEvidence, boom: Boom, margin_m: float) -> list[list[Interval]]:
    strips = boom.footprint_y_m + np.array([-margin_m, margin_m])
    found = _extents(evidence, evidence.crop, strips, CROP_LEVEL)
    return [merged([(a - margin_m, b + margin_m) for a, b in extents]) for extents in found]


def _extents(
    evidence: TrackEvidence, plane: UInt8Array, strips_m: Float64Array, level: int
) -> list[list[Interval]]:
    """Return, per lateral strip, where along the track anything in it reaches ``level``."""
    return crossings(_strip_maxima(evidence, plane, strips_m), level, evidence)


def _strip_maxima(evidence: TrackEvidence, plane: UInt8Array, strips_m: Float64Array) -> UInt8Array:
    """Return (N, C) uint8: the greatest value across each lateral strip (right, left)."""
    rows = plane.shape[0]
    edges = (strips_m - evidence.y0_m) / evidence.cell_m
    # A row belongs to a strip when its centre does.
    first = np.clip(np.ceil(edges[:, 0]).astype(np.int64), 0, rows)
    last = np.clip(np.ceil(edges[:, 1]).astype(np.int64), 0, rows)
    padded = np.concatenate((plane, np.zeros((1, plane.shape[1]), np.uint8)))
    pairs = np.column_stack((first, np.maximum(last, first))).ravel()
    maxima: UInt8Array = np.maximum.reduceat(padded, pairs, axis=0)[::2]
    # reduceat returns the single row at `first` for an empty strip.
    maxima[last <= first] = 0
    return maxima


def crossings(profiles: UInt8Array, level: int, evidence: TrackEvidence) -> list[list[Interval]]:
    """Return where each profile is at or above ``level``, between cells by interpolation.

    Parameters
    ----------
    profiles : (N, C) uint8
    level : int
        1 to 255.
    evidence : TrackEvidence
        Whose columns the profiles have.
    """
    padded = np.zeros((profiles.shape[0], profiles.shape[1] + 2), np.int16)
    padded[:, 1:-1] = profiles
    above = padded >= level
    nozzle, rise = np.nonzero(above[:, 1:] & ~above[:, :-1])
    fall_nozzle, fall = np.nonzero(above[:, :-1] & ~above[:, 1:])
    # Column j of the padded profile is column j - 1 of the map; its value rises above the
    # level somewhere between j and j + 1. Where the neighbour is 0 there is no slope to
    # follow (unknown or erased ground): the cell counts in full.
    low, high = padded[nozzle, rise], padded[nozzle, rise + 1]
    start = rise + np.where(low > 0, (level - low) / np.maximum(high - low, 1), 0.5) - 1.0
    high, low = padded[fall_nozzle, fall], padded[fall_nozzle, fall + 1]
    end = fall + np.where(low > 0, (high - level) / np.maximum(high - low, 1), 0.5) - 1.0
    s_min = evidence.s0_m + evidence.cell_m * start
    s_max = evidence.s0_m + evidence.cell_m * end
    found: list[list[Interval]] = [[] for _ in range(profiles.shape[0])]
    for index, a, b in zip(nozzle.tolist(), s_min.tolist(), s_max.tolist(), strict=True):
        found[index].append((a, b))
    return found


def _assembled(
    wanted: Sequence[Sequence[Interval]],
    crop: Sequence[Sequence[Interval]],
    weeds: Sequence[Sequence[Interval]] | None = None,
    notes: tuple[str, ...] = (),
) -> Targets:
    pieces: list[tuple[int, float, float, float, float]] = []
    weed_rows: list[tuple[int, float, float]] = []
    crop_rows: list[tuple[int, float, float]] = []
    for nozzle, (extents, barred) in enumerate(zip(wanted, crop, strict=True)):
        for a, b in without(extents, barred) if barred else extents:
            floor = max((d for _, d in barred if d <= a), default=-np.inf)
            ceiling = min((c for c, _ in barred if c >= b), default=np.inf)
            pieces.append((nozzle, a, b, floor, ceiling))
        if weeds is not None:
            weed_rows += [(nozzle, a, b) for a, b in without(weeds[nozzle], barred)]
            crop_rows += [(nozzle, a, b) for a, b in within(weeds[nozzle], barred)]
    piece = np.array(pieces, np.float64).reshape(-1, 5)
    weed = np.array(weed_rows, np.float64).reshape(-1, 3)
    left = np.array(crop_rows, np.float64).reshape(-1, 3)
    return Targets(
        nozzle=piece[:, 0].astype(np.int64),
        s_min_m=piece[:, 1],
        s_max_m=piece[:, 2],
        floor_m=piece[:, 3],
        ceiling_m=piece[:, 4],
        weed_nozzle=weed[:, 0].astype(np.int64),
        weed_s_min_m=weed[:, 1],
        weed_s_max_m=weed[:, 2],
        crop_nozzle=left[:, 0].astype(np.int64),
        crop_s_min_m=left[:, 1],
        crop_s_max_m=left[:, 2],
        notes=notes,
    )
