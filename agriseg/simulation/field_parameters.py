"""What a procedural field is made of: crop, weeds, soil, litter and light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from agriseg.config import SimulationConfig

CropSpecies = Literal["maize", "sugar_beet", "soybean", "peanut"]
CROP_SPECIES: tuple[CropSpecies, ...] = ("maize", "sugar_beet", "soybean", "peanut")

Bgr = tuple[float, float, float]

SOIL_COLOURS: dict[str, Bgr] = {
    "loam": (102.0, 138.0, 149.0),
    "silt": (98.0, 118.0, 126.0),
    "red": (82.0, 102.0, 132.0),
    "dark": (66.0, 76.0, 88.0),
    "sand": (120.0, 152.0, 172.0),
}
"""Mean soil colours (BGR, 0 to 255) as measured over photographs of such fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldParameters:
    """A field's make-up; every drawing decision follows from these and the seed.

    Attributes
    ----------
    seed : int
    crop : CropSpecies
    crop_stage : float
        0 cotyledons to 1 closing rows.
    crop_scale : float
        Factor on the plants' size.
    crop_tint, weed_tint : (b, g, r)
        Factors on the leaves' colours.
    row_spacing_m, row_offset_m, crop_spacing_m : float
        Rows run along x at ``row_offset_m + n * row_spacing_m``.
    weeds_per_m2 : float
    weed_scale : float
        Factor on the weeds' size.
    close_weed_share : float
        Share of weeds that may stand nearer to crop than ``clearance_m``.
    clearance_m : float
        Gap that all other weeds keep to the nearest leaf of the crop.
    soil_bgr : (b, g, r)
        Mean soil colour at full light, 0 to 255.
    soil_contrast : float
        1 is crumbly soil in sunshine, 0.3 smooth soil under cloud.
    grain_scale : float
        Factor on the size of crumbs and clods.
    straw, stones : float
        0 none to 1 covering much of the ground.
    sun_azimuth_rad, sun_elevation_rad : float
        Direction towards the sun: azimuth from +x to the left, elevation above the horizon.
    hardness : float
        0 overcast, no cast shadows, to 1 hard sunshine.
    """

    seed: int
    crop: CropSpecies = "maize"
    crop_stage: float = 0.4
    crop_scale: float = 1.0
    crop_tint: Bgr = (1.0, 1.0, 1.0)
    weed_tint: Bgr = (1.0, 1.0, 1.0)
    row_spacing_m: float = 0.5
    row_offset_m: float = 0.25
    crop_spacing_m: float = 0.2
    weeds_per_m2: float = 8.0
    weed_scale: float = 1.0
    close_weed_share: float = 0.04
    clearance_m: float = 0.03
    soil_bgr: Bgr = SOIL_COLOURS["loam"]
    soil_contrast: float = 0.8
    grain_scale: float = 1.0
    straw: float = 0.3
    stones: float = 0.3
    sun_azimuth_rad: float = 0.9
    sun_elevation_rad: float = 0.9
    hardness: float = 0.6


def field_from_config(config: SimulationConfig) -> FieldParameters:
    """Return the field that a configuration asks for; what it leaves open follows the seed."""
    rng = np.random.default_rng([config.seed, 1])
    soil = SOIL_COLOURS["loam" if rng.random() < 0.6 else "silt"]
    return FieldParameters(
        seed=config.seed,
        crop=config.crop,
        crop_stage=config.crop_stage,
        crop_tint=_jitter(rng, 0.05),
        weed_tint=_jitter(rng, 0.05),
        row_spacing_m=config.row_spacing_m,
        row_offset_m=config.row_spacing_m / 2.0,
        crop_spacing_m=config.crop_spacing_m,
        weeds_per_m2=config.weeds_per_m2,
        weed_scale=config.weed_size,
        soil_bgr=_times(soil, _jitter(rng, 0.06)),
        soil_contrast=0.5 + 0.5 * config.light,
        straw=config.straw,
        stones=config.stones,
        sun_azimuth_rad=float(rng.uniform(-np.pi, np.pi)),
        sun_elevation_rad=float(rng.uniform(0.6, 1.2)),
        hardness=config.light,
    )


def random_field(rng: np.random.Generator, seed: int, view_m2: float) -> FieldParameters:
    """Draw a field for training: any crop, stage, soil, litter and light.

    ``view_m2`` is the ground that one picture shows: weeds are dense enough to be seen in it.
    """
    weeds_in_view = float(np.exp(rng.uniform(np.log(1.5), np.log(25.0))))
    crop = CROP_SPECIES[int(rng.choice(4, p=(0.4, 0.2, 0.2, 0.2)))]
    soil = SOIL_COLOURS[str(rng.choice(list(SOIL_COLOURS)))]
    spacing_m = {"maize": 0.2, "sugar_beet": 0.2, "soybean": 0.08, "peanut": 0.16}[crop]
    row_spacing_m = float(rng.uniform(0.35, 0.75))
    return FieldParameters(
        seed=seed,
        crop=crop,
        crop_stage=float(rng.uniform(0.05, 0.95)),
        crop_scale=float(rng.uniform(0.8, 1.25)),
        crop_tint=_jitter(rng, 0.14),
        weed_tint=_jitter(rng, 0.14),
        row_spacing_m=row_spacing_m,
        row_offset_m=float(rng.uniform(0.0, row_spacing_m)),
        crop_spacing_m=spacing_m * float(rng.uniform(0.7, 1.5)),
        weeds_per_m2=float(np.clip(weeds_in_view / view_m2, 5.0, 220.0)),
        weed_scale=float(rng.uniform(0.8, 2.0)),
        close_weed_share=0.4,
        soil_bgr=_times(soil, _jitter(rng, 0.15)),
        soil_contrast=float(rng.uniform(0.4, 1.3)),
        grain_scale=float(np.exp(rng.normal(0.0, 0.35))),
        straw=float(rng.beta(0.6, 1.4)),
        stones=float(rng.beta(0.7, 1.6)),
        sun_azimuth_rad=float(rng.uniform(-np.pi, np.pi)),
        sun_elevation_rad=float(rng.uniform(0.4, 1.4)),
        hardness=float(rng.uniform(0.0, 1.0)),
    )


def _jitter(rng: np.random.Generator, amount: float) -> Bgr:
    common = float(rng.normal(0.0, amount))
    b, g, r = (float(np.exp(common + rng.normal(0.0, amount / 4.0))) for _ in range(3))
    return (b, g, r)


def _times(colour: Bgr, factor: Bgr) -> Bgr:
    return (colour[0] * factor[0], colour[1] * factor[1], colour[2] * factor[2])
