"""Weed plants found at the spray's scale: would they be hit?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agriseg.config import SprayConfig
from agriseg.geometry.patches import find_patches
from agriseg.messages import ClassId, Float64Array, Segmentation, UInt8Array
from agriseg.opencv import cv2
from agriseg.segmentation.panoptic import IdArray
from agriseg.simulation.scoring import HIT_SHARE
from agriseg.spraying.targets import CROP_LEVEL, find_weeds, weed_level
from agriseg.spraying.weed_map import TrackEvidence

BoolArray = NDArray[np.bool_]

_CM2 = 1e-4
_SIZES_CM2 = (0.25, 1.0, 4.0, 16.0)
_LEAST_PX = 10.0
_SIZES_PX = (100.0, 1000.0, 10000.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantRule:
    """What would be sprayed of one picture, and how large its pixels are on the ground.

    Attributes
    ----------
    cell_m : float
        Side of a pixel on the ground; 1.0 where the scale is not known, and the lengths and
        areas below are pixels.
    has_scale : bool
    sensitivity : float
    least_area_m2, weed_margin_m, crop_margin_m : float
        As in the configuration's ``spray`` section; without a scale there are no margins.
    """

    cell_m: float
    has_scale: bool
    sensitivity: float
    least_area_m2: float
    weed_margin_m: float
    crop_margin_m: float

    @classmethod
    def of(cls, gsd_mm: float | None, spray: SprayConfig | None = None) -> PlantRule:
        """Return the product's own rule for pictures of ``gsd_mm`` millimetres per pixel."""
        config = SprayConfig() if spray is None else spray
        scale = gsd_mm is not None
        return cls(
            cell_m=1.0 if gsd_mm is None else gsd_mm * 1e-3,
            has_scale=scale,
            sensitivity=config.sensitivity,
            least_area_m2=config.min_weed_area_m2 if scale else _LEAST_PX,
            weed_margin_m=config.weed_margin_m if scale else 0.0,
            crop_margin_m=config.crop_margin_m if scale else 0.0,
        )

    @property
    def sizes_m2(self) -> tuple[float, ...]:
        """Lower ends of the size classes, the least area first."""
        above = [size * _CM2 for size in _SIZES_CM2] if self.has_scale else _SIZES_PX
        return (self.least_area_m2, *above)

    @property
    def table_size_m2(self) -> float:
        """Size from which the plants of the leading figure are counted: 1 cm², or 100 px."""
        return _CM2 if self.has_scale else _SIZES_PX[0]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlantScores:
    """Weed plants of the truth, and ground that would be sprayed for nothing.

    Attributes
    ----------
    area_m2 : (N,) float64
        Of every true weed plant, smallest ones included.
    withheld : (N,) bool
        At least half of it lies within the crop's protected margin: no sprayer may hit it.
    hit : (N,) bool
        At least half of it would be wetted.
    seen : (N,) bool
        Some of it was itself decided to be weed.
    targets, false_targets : int
        Patches decided to be weed; those of them farther than the margin from any true weed.
    ground_m2 : float
        Ground that was judged.
    crop_m2, crop_wetted_m2 : float
        True crop, and the part of it that would be wetted.
    """

    area_m2: Float64Array
    withheld: BoolArray
    hit: BoolArray
    seen: BoolArray
    targets: int
    false_targets: int
    ground_m2: float
    crop_m2: float
    crop_wetted_m2: float

    @classmethod
    def empty(cls) -> PlantScores:
        """Return scores of no ground."""
        none = np.zeros(0, bool)
        return cls(
            area_m2=np.zeros(0),
            withheld=none,
            hit=none,
            seen=none,
            targets=0,
            false_targets=0,
            ground_m2=0.0,
            crop_m2=0.0,
            crop_wetted_m2=0.0,
        )

    @classmethod
    def of(
        cls, seen: Segmentation, truth: UInt8Array, plants: IdArray, rule: PlantRule
    ) -> PlantScores:
        """Decide on one picture as the planner does in spot mode, and compare with the truth.

        Parameters
        ----------
        seen : Segmentation
        truth : (H, W) uint8
            `ClassId` values.
        plants : (H, W) int32
            Numbers of the true plants, from 1.
        rule : PlantRule
        """
        decided, wetted = _decide(seen, rule)
        counted = truth != ClassId.IGNORE
        weed = (truth == ClassId.WEED) & (plants > 0)
        number = plants[weed]
        pixels = np.bincount(number)
        here = pixels > 0
        protected = _grown(truth == ClassId.CROP, rule.crop_margin_m, rule)
        shares = [
            (np.bincount(number, weights=mask[weed], minlength=pixels.size) / np.maximum(pixels, 1))
            for mask in (protected, wetted, decided)
        ]
        targets, false = _targets(decided & counted, truth == ClassId.WEED, rule)
        cell_m2 = rule.cell_m**2
        crop = truth == ClassId.CROP
        return cls(
            area_m2=pixels[here].astype(np.float64) * cell_m2,
            withheld=shares[0][here] >= HIT_SHARE,
            hit=shares[1][here] >= HIT_SHARE,
            seen=shares[2][here] > 0.0,
            targets=targets,
            false_targets=false,
            ground_m2=float(np.count_nonzero(counted) * cell_m2),
            crop_m2=float(np.count_nonzero(crop) * cell_m2),
            crop_wetted_m2=float(np.count_nonzero(crop & wetted) * cell_m2),
        )

    def __add__(self, other: PlantScores) -> PlantScores:
        return PlantScores(
            area_m2=np.concatenate((self.area_m2, other.area_m2)),
            withheld=np.concatenate((self.withheld, other.withheld)),
            hit=np.concatenate((self.hit, other.hit)),
            seen=np.concatenate((self.seen, other.seen)),
            targets=self.targets + other.targets,
            false_targets=self.false_targets + other.false_targets,
            ground_m2=self.ground_m2 + other.ground_m2,
            crop_m2=self.crop_m2 + other.crop_m2,
            crop_wetted_m2=self.crop_wetted_m2 + other.crop_wetted_m2,
        )

    def recall(self, low_m2: float, high_m2: float = float("inf")) -> PlantRecall:
        """Count the reachable plants of a size, and those of them that would be hit."""
        chosen = (self.area_m2 >= low_m2) & (self.area_m2 < high_m2)
        reachable = chosen & ~self.withheld
        return PlantRecall(
            plants=int(reachable.sum()),
            hit=int((reachable & self.hit).sum()),
            seen=int((reachable & self.seen).sum()),
            withheld=int((chosen & self.withheld).sum()),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantRecall:
    """Plants of one size class: reachable ones, how many would be hit, how many were seen."""

    plants: int
    hit: int
    seen: int
    withheld: int


def _decide(seen: Segmentation, rule: PlantRule) -> tuple[BoolArray, BoolArray]:
    """Return what is decided to be weed, and what would be wetted: margin added, crop spared."""
    evidence = TrackEvidence(
        s0_m=0.0,
        y0_m=0.0,
        cell_m=rule.cell_m,
        weed=seen.weed_probability,
        crop=seen.crop_probability,
        known=np.ones(seen.labels.shape, bool),
    )
    weeds = find_weeds(evidence, rule.sensitivity, rule.least_area_m2)
    decided: BoolArray = weeds.probability >= weed_level(rule.sensitivity)
    protected = _grown(seen.crop_probability >= CROP_LEVEL, rule.crop_margin_m, rule)
    wetted: BoolArray = _grown(decided, rule.weed_margin_m, rule) & ~protected
    return decided, wetted


def _grown(mask: BoolArray, margin_m: float, rule: PlantRule) -> BoolArray:
    """Widen a mask fore, aft and to both sides, as nozzles do: in squares."""
    reach_px = round(margin_m / rule.cell_m)
    kernel = np.ones((2 * reach_px + 1, 2 * reach_px + 1), np.uint8)
    grown: BoolArray = np.asarray(cv2.dilate(mask.astype(np.uint8), kernel)) > 0
    return grown


def _targets(decided: BoolArray, weed: BoolArray, rule: PlantRule) -> tuple[int, int]:
    """Count patches of decided ground of the least area, and those with no true weed near."""
    evidence = TrackEvidence(
        s0_m=0.0,
        y0_m=0.0,
        cell_m=rule.cell_m,
        weed=decided.view(np.uint8),
        crop=np.zeros(decided.shape, np.uint8),
        known=np.ones(decided.shape, bool),
    )
    patches = find_patches(decided, evidence)
    near = decided & _grown(weed, rule.weed_margin_m, rule)
    rows, columns = near.shape
    padded = np.pad(near, ((0, rows % 2), (0, columns % 2)))
    blocks = padded.reshape(padded.shape[0] // 2, 2, -1, 2).any(axis=(1, 3))
    met = np.bincount(patches.labels[blocks], minlength=patches.area_m2.size + 1)[1:] > 0
    whole = patches.area_m2 >= rule.least_area_m2
    return int(whole.sum()), int((whole & ~met).sum())
