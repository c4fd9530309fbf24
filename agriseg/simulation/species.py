"""How the crops and weeds of the simulated field grow: species to leaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from agriseg.simulation.field_parameters import CropSpecies
from agriseg.simulation.leaves import Leaf, LeafForm, make_leaf

Bgr = tuple[float, float, float]
WeedSpecies = Literal[
    "seedling", "rosette", "grass", "mustard", "amaranth", "goosefoot", "chickweed"
]
WEED_SPECIES: tuple[WeedSpecies, ...] = (
    "seedling",
    "rosette",
    "grass",
    "mustard",
    "amaranth",
    "goosefoot",
    "chickweed",
)
WEED_SIZES_M: dict[WeedSpecies, tuple[float, float]] = {
    "seedling": (0.01, 0.026),
    "rosette": (0.02, 0.1),
    "grass": (0.025, 0.12),
    "mustard": (0.03, 0.12),
    "amaranth": (0.02, 0.09),
    "goosefoot": (0.015, 0.08),
    "chickweed": (0.02, 0.09),
}
"""Smallest and greatest span of each weed."""

_GOLDEN_RAD = 2.39996


def grow_crop(
    crop: CropSpecies, stage: float, scale: float, tint: Bgr, rng: np.random.Generator
) -> list[Leaf]:
    """Return the leaves of one crop plant at a growth stage (0 to 1), lowest first."""
    stage = float(np.clip(stage + rng.normal(0.0, 0.05), 0.0, 1.0))
    scale *= float(np.exp(rng.normal(0.0, 0.1)))
    return _CROPS[crop](stage, scale, tint, rng)


def grow_weed(
    species: WeedSpecies, span_m: float, tint: Bgr, rng: np.random.Generator
) -> list[Leaf]:
    """Return the leaves of one weed whose span is about ``span_m``, lowest first."""
    return _WEEDS[species](span_m, tint, rng)


def _colour(base: Bgr, tint: Bgr, rng: np.random.Generator, spread: float = 0.07) -> Bgr:
    common = float(np.exp(rng.normal(0.0, spread)))
    warm = float(rng.normal(0.0, spread / 2.0))
    b, g, r = (base[i] * tint[i] * common for i in range(3))
    return (b * (1.0 - warm), g, r * (1.0 + warm))


def _maize(stage: float, scale: float, tint: Bgr, rng: np.random.Generator) -> list[Leaf]:
    count = 2 + round(4.5 * stage + rng.uniform(-0.3, 0.3))
    longest_m = (0.05 + 0.27 * stage) * scale
    plane = rng.uniform(0.0, 2.0 * np.pi)
    leaves = []
    for i in range(count):
        age = (i + 1) / count
        length_m = longest_m * (0.5 + 0.5 * np.sin(np.pi * (0.2 + 0.62 * age))) * _near_one(rng)
        azimuth = plane + np.pi * (i % 2) + rng.normal(0.0, 0.3)
        young = max(0.0, age - 0.7) / 0.3
        base: Bgr = (52 + 12 * young, 132 + 34 * young, 96 + 52 * young)
        leaves.append(
            make_leaf(
                rng,
                base_m=(0.0, 0.0),
                azimuth_rad=azimuth,
                length_m=length_m * (1.0 - 0.35 * young),
                width_m=length_m * rng.uniform(0.12, 0.17) + 0.004,
                form="blade",
                bend_rad=rng.normal(0.0, 0.45),
                height_m=0.02 + 0.35 * length_m * age,
                bgr=_colour(base, tint, rng),
                veins=0,
            )
        )
    return leaves


def _sugar_beet(stage: float, scale: float, tint: Bgr, rng: np.random.Generator) -> list[Leaf]:
    leaves = _pair(rng, 0.02 * scale, 0.0075 * scale, (66, 140, 104), tint, "obovate", 0.005)
    count = round(9.0 * stage + rng.uniform(-0.4, 0.4))
    turn = rng.uniform(0.0, 2.0 * np.pi)
    for i in range(count):
        age = 1.0 - i / max(count, 1)
        blade_m = (0.02 + 0.095 * stage * (0.4 + 0.6 * np.sin(np.pi * (0.15 + 0.7 * age)))) * scale
        leaves += _stalked(
            rng,
            azimuth_rad=turn + i * _GOLDEN_RAD + rng.normal(0.0, 0.15),
            stalk_m=blade_m * 0.55 * age,
            length_m=blade_m * _near_one(rng),
            width_ratio=rng.uniform(0.5, 0.66),
            form="ovate",
            height_m=0.012 + 0.03 * stage * i / max(count, 1) + 0.02 * stage,
            bgr=_colour((60, 134, 86), tint, rng),
            veins=5,
        )
    return leaves


def _soybean(stage: float, scale: float, tint: Bgr, rng: np.random.Generator) -> list[Leaf]:
    leaves = _pair(rng, 0.026 * scale, 0.016 * scale, (80, 150, 120), tint, "ovate", 0.01)
    count = round(6.0 * stage + rng.uniform(0.0, 0.6))
    turn = rng.uniform(0.0, 2.0 * np.pi)
    for i in range(count):
        leaflet_m = (0.026 + 0.045 * stage) * scale * _near_one(rng)
        leaves += _compound(
            rng,
            azimuth_rad=turn + i * _GOLDEN_RAD,
            stalk_m=(0.022 + 0.06 * stage * (1.0 - 0.7 * i / count)) * scale,
            leaflet_m=leaflet_m,
            angles=(-1.15, 1.15, 0.0),
            width_ratio=0.68,
            form="ovate",
            height_m=0.03 + 0.12 * stage * (i + 1) / count,
            bgr=_colour((86, 146, 118), tint, rng),
            veins=4,
        )
    return leaves


def _peanut(stage: float, scale: float, tint: Bgr, rng: np.random.Generator) -> list[Leaf]:
    count = 2 + round(7.0 * stage)
    turn = rng.uniform(0.0, 2.0 * np.pi)
    leaves: list[Leaf] = []
    for i in range(count):
        leaflet_m = (0.016 + 0.024 * stage) * scale * _near_one(rng)
        leaves += _compound(
            rng,
            azimuth_rad=turn + i * _GOLDEN_RAD,
            stalk_m=(0.02 + 0.075 * stage * (1.0 - 0.75 * i / count)) * scale,
            leaflet_m=leaflet_m,
            angles=(-1.7, 1.7, -0.55, 0.55),
            width_ratio=0.6,
            form="obovate",
            height_m=0.02 + 0.08 * stage * (i + 1) / count,
            bgr=_colour((106, 172, 122), tint, rng),
            veins=3,
        )
    return leaves


def _seedling(span_m: float, tint: Bgr, rng: np.random.Generator) -> list[Leaf]:
    bgr: Bgr = (62, 152, 116)
    leaves = _pair(rng, span_m / 2.0, span_m * rng.uniform(0.22, 0.36), bgr, tint, "obovate", 0.004)
    if rng.random() < 0.6:
        leaves += _pair(rng, span_m * 0.3, span_m * 0.2, (60, 164, 132), tint, "ovate", 0.007)
    return leaves


def _rosette(span_m: float, tint: Bgr, rng: np.random.Generator) -> list[Leaf]:
    form: LeafForm = "toothed" if rng.random() < 0.5 else "obovate"
    ratio = rng.uniform(0.26, 0.46)
    base: Bgr = (58, 138, 104)
    count = int(rng.integers(5, 11))
    turn = rng.uniform(0.0, 2.0 * np.pi)
    leaves = []
    for i in range(count):
        length_m = span_m / 2.0 * (1.0 - 0.55 * i / count) * _near_one(rng)
        leaves.append(
            make_leaf(
                rng,
                base_m=(0.0, 0.0),
                azimuth_rad=turn + i * _GOLDEN_RAD + rng.normal(0.0, 0.2),
                length_m=length_m,
                width_m=length_m * ratio,
                form=form,
                bend_rad=rng.normal(0.0, 0.25),
                height_m=0.003 + 0.012 * i / count,
                bgr=_colour(base, tint, rng),
                veins=3,
            )
        )
    return leaves


def _grass(span_m: float, tint: Bgr, rng: np.random.Generator) -> list[Leaf]:
    count = int(rng.integers(4, 12))
    leaves = []
    for i in range(count):
        length_m = span_m / 2.0 * rng.uniform(0.55, 1.1)
        leaves.append(
            make_leaf(
                rng,
                base_m=(float(rng.normal(0.0, 0.003)), float(rng.normal(0.0, 0.003))),
                azimuth_rad=rng.uniform(0.0, 2.0 * np.pi),
                length_m=length_m,
                width_m=rng.uniform(0.0026, 0.0045) + 0.012 * span_m,
                form="blade",
                bend_rad=rng.normal(0.0, 0.5),
                height_m=0.008 + 0.25 * span_m * i / count,
                bgr=_colour((58, 142, 102), tint, rng),
                veins=0,
            )
        )
    return leaves


def _mustard(span_m: float, tint: Bgr, rng: np.random.Generator) -> list[Leaf]:
    count = int(rng.integers(4, 8))
    turn = rng.uniform(0.0, 2.0 * np.pi)
    leaves: list[Leaf] = []
    for i in range(count):
        reach_m = span_m / 2.0 * (1.0 - 0.5 * i / count) * _near_one(rng)
        leaves += _stalked(
            rng,
            azimuth_rad=turn + i * _GOLDEN_RAD,
            stalk_m=reach_m * 0.3,
            length_m=reach_m * 0.7,
            width_ratio=rng.uniform(0.6, 0.8),
            form="lobed",
            height_m=0.01 + 0.03 * i / count,
            bgr=_colour((56, 160, 124), tint, rng),
            veins=4,
        )
    return leaves


def _amaranth(span_m: float, tint: Bgr, rng: np.random.Generator) -> list[Leaf]:
    count = int(rng.integers(5, 10))
    turn = rng.uniform(0.0, 2.0 * np.pi)
    leaves: list[Leaf] = []
    for i in range(count):
        reach_m = span_m / 2.0 * (1.0 - 0.6 * i / count) * _near_one(rng)
        leaves += _stalked(
            rng,
            azimuth_rad=turn + i * _GOLDEN_RAD,
            stalk_m=reach_m * 0.4,
            length_m=reach_m * 0.62,
            width_ratio=rng.uniform(0.55, 0.75),
            form="rhombic",
            height_m=0.008 + 0.035 * i / count,
            bgr=_colour((62, 132, 112), tint, rng),
            veins=4,
        )
    return leaves


def _goosefoot(span_m: float, tint: Bgr, rng: np.random.Generator) -> list[Leaf]:
    count = 4 + 2 * int(rng.integers(0, 3))
    turn = rng.uniform(0.0, 2.0 * np.pi)
    leaves: list[Leaf] = []
    for i in range(count):
        reach_m = span_m / 2.0 * (1.0 - 0.25 * (i // 2)) * _near_one(rng)
        leaves += _stalked(
            rng,
            azimuth_rad=turn + np.pi * (i % 2) + (i // 2) * np.pi / 2 + rng.normal(0, 0.15),
            stalk_m=reach_m * 0.3,
            length_m=reach_m * 0.7,
            width_ratio=rng.uniform(0.5, 0.7),
            form="toothed",
            height_m=0.006 + 0.02 * i / count,
            bgr=_colour((96, 142, 116), tint, rng),
            veins=2,
        )
    return leaves


def _chickweed(span_m: float, tint: Bgr, rng: np.random.Generator) -> list[Leaf]:
    leaves: list[Leaf] = []
    for _ in range(int(rng.integers(2, 5))):
        azimuth = rng.uniform(0.0, 2.0 * np.pi)
        reach_m = span_m / 2.0 * rng.uniform(0.6, 1.0)
        leaves.append(_stem(rng, (0.0, 0.0), azimuth, reach_m, 0.004, tint))
        for along in np.linspace(0.3, 1.0, 4):
            foot = (
                float(np.cos(azimuth) * reach_m * along),
                float(np.sin(azimuth) * reach_m * along),
            )
            for side in (-1.0, 1.0):
                length_m = reach_m * rng.uniform(0.22, 0.32) + 0.002
                leaves.append(
                    make_leaf(
                        rng,
                        base_m=foot,
                        azimuth_rad=azimuth + side * rng.uniform(0.9, 1.5),
                        length_m=length_m,
                        width_m=length_m * 0.7,
                        form="ovate",
                        bend_rad=0.0,
                        height_m=0.005,
                        bgr=_colour((60, 150, 110), tint, rng),
                        veins=0,
                    )
                )
    return leaves


def _pair(
    rng: np.random.Generator,
    length_m: float,
    width_m: float,
    base: Bgr,
    tint: Bgr,
    form: LeafForm,
    height_m: float,
) -> list[Leaf]:
    """Return two opposite leaves, such as cotyledons."""
    azimuth = rng.uniform(0.0, 2.0 * np.pi)
    return [
        make_leaf(
            rng,
            base_m=(0.0, 0.0),
            azimuth_rad=azimuth + side * np.pi + rng.normal(0.0, 0.2),
            length_m=length_m * _near_one(rng),
            width_m=width_m,
            form=form,
            bend_rad=rng.normal(0.0, 0.15),
            height_m=height_m,
            bgr=_colour(base, tint, rng, 0.04),
            veins=0,
        )
        for side in (0, 1)
    ]


def _stalked(
    rng: np.random.Generator,
    *,
    azimuth_rad: float,
    stalk_m: float,
    length_m: float,
    width_ratio: float,
    form: LeafForm,
    height_m: float,
    bgr: Bgr,
    veins: int,
) -> list[Leaf]:
    """Return a leaf on a stalk that starts at the plant's foot."""
    foot = (float(np.cos(azimuth_rad) * stalk_m), float(np.sin(azimuth_rad) * stalk_m))
    blade = make_leaf(
        rng,
        base_m=foot,
        azimuth_rad=azimuth_rad,
        length_m=length_m,
        width_m=length_m * width_ratio,
        form=form,
        bend_rad=float(rng.normal(0.0, 0.25)),
        height_m=height_m,
        bgr=bgr,
        veins=veins,
    )
    pale = (bgr[0] * 1.1, bgr[1] * 1.08, bgr[2] * 1.15)
    return [_stem(rng, (0.0, 0.0), azimuth_rad, stalk_m * 1.1, height_m * 0.8, pale, True), blade]


def _compound(
    rng: np.random.Generator,
    *,
    azimuth_rad: float,
    stalk_m: float,
    leaflet_m: float,
    angles: tuple[float, ...],
    width_ratio: float,
    form: LeafForm,
    height_m: float,
    bgr: Bgr,
    veins: int,
) -> list[Leaf]:
    """Return a stalk with leaflets at its end, turned by ``angles`` from the stalk."""
    pale = (bgr[0] * 0.9, bgr[1] * 1.05, bgr[2] * 1.1)
    leaves = [_stem(rng, (0.0, 0.0), azimuth_rad, stalk_m, height_m * 0.7, pale, True)]
    for angle in angles:
        along_m = stalk_m - (0.3 * leaflet_m if abs(angle) > 1.4 else 0.0)
        length_m = leaflet_m * _near_one(rng)
        leaves.append(
            make_leaf(
                rng,
                base_m=(
                    float(np.cos(azimuth_rad) * along_m),
                    float(np.sin(azimuth_rad) * along_m),
                ),
                azimuth_rad=azimuth_rad + angle + rng.normal(0.0, 0.12),
                length_m=length_m,
                width_m=length_m * width_ratio,
                form=form,
                bend_rad=float(rng.normal(0.0, 0.15)),
                height_m=height_m + rng.uniform(0.0, 0.004),
                bgr=_colour(bgr, (1.0, 1.0, 1.0), rng, 0.05),
                veins=veins,
            )
        )
    return leaves


def _stem(
    rng: np.random.Generator,
    base_m: tuple[float, float],
    azimuth_rad: float,
    length_m: float,
    height_m: float,
    colour: Bgr,
    coloured: bool = False,
) -> Leaf:
    bgr = colour if coloured else _colour((70, 140, 120), colour, rng)
    return make_leaf(
        rng,
        base_m=base_m,
        azimuth_rad=azimuth_rad,
        length_m=max(length_m, 0.001),
        width_m=0.0022 + 0.02 * length_m,
        form="blade",
        bend_rad=float(rng.normal(0.0, 0.1)),
        height_m=height_m,
        bgr=bgr,
        veins=0,
    )


def _near_one(rng: np.random.Generator) -> float:
    return float(np.clip(rng.normal(1.0, 0.1), 0.7, 1.3))


_Grow = Callable[[float, float, Bgr, np.random.Generator], list[Leaf]]
_CROPS: dict[CropSpecies, _Grow] = {
    "maize": _maize,
    "sugar_beet": _sugar_beet,
    "soybean": _soybean,
    "peanut": _peanut,
}
_WEEDS: dict[WeedSpecies, Callable[[float, Bgr, np.random.Generator], list[Leaf]]] = {
    "seedling": _seedling,
    "rosette": _rosette,
    "grass": _grass,
    "mustard": _mustard,
    "amaranth": _amaranth,
    "goosefoot": _goosefoot,
    "chickweed": _chickweed,
}
