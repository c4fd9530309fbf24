"""Outlines of leaves as seen from above."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from agriseg.messages import Float64Array

LeafForm = Literal["ovate", "obovate", "blade", "round", "lobed", "toothed", "rhombic"]

_STEPS = 14
_FINE_STEPS = 34


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Leaf:
    """One leaf or stem in the plant's own frame.

    Attributes
    ----------
    left, right : (N, 2) float64
        Halves of the blade as closed outlines, metres from the plant's foot.
    midrib : (M, 2) float64
    width_m : float
        Greatest width of the blade.
    height_m : float
        Above the ground, for shadows and for what covers what.
    bgr : (b, g, r)
        0 to 255, in full light.
    veins : int
        Pairs of side veins.
    """

    left: Float64Array
    right: Float64Array
    midrib: Float64Array
    width_m: float
    height_m: float
    bgr: tuple[float, float, float]
    veins: int


def make_leaf(
    rng: np.random.Generator,
    *,
    base_m: tuple[float, float],
    azimuth_rad: float,
    length_m: float,
    width_m: float,
    form: LeafForm,
    bend_rad: float,
    height_m: float,
    bgr: tuple[float, float, float],
    veins: int,
) -> Leaf:
    """Draw a leaf that starts at ``base_m`` and turns by ``bend_rad`` along its length."""
    steps = _FINE_STEPS if form in ("lobed", "toothed") else _STEPS
    t = np.linspace(0.0, 1.0, steps)
    angle = azimuth_rad + bend_rad * t**1.5
    step_m = length_m / (steps - 1)
    midrib = np.array(base_m) + np.concatenate(
        (
            np.zeros((1, 2)),
            np.cumsum(np.column_stack((np.cos(angle), np.sin(angle)))[:-1] * step_m, axis=0),
        )
    )
    normal = np.column_stack((-np.sin(angle), np.cos(angle)))
    sides = []
    for sign in (1.0, -1.0):
        half = half_width(t, form, rng) * width_m / 2.0 * rng.uniform(0.86, 1.0)
        sides.append(midrib + sign * normal * half[:, None])
    return Leaf(
        left=np.concatenate((sides[0], midrib[::-1])),
        right=np.concatenate((sides[1], midrib[::-1])),
        midrib=midrib,
        width_m=width_m,
        height_m=height_m,
        bgr=bgr,
        veins=veins,
    )


def half_width(t: Float64Array, form: LeafForm, rng: np.random.Generator) -> Float64Array:
    """Return half the width along a leaf, 0 to 1, at fractions ``t`` of its length."""
    if form == "blade":
        return np.asarray(np.clip(t * 9.0 + 0.35, 0, 1) * (1.0 - t**2.2) ** 0.8)
    if form == "round":
        return np.asarray(np.sin(np.pi * t) ** 0.5)
    if form == "obovate":
        return np.asarray(np.sin(np.pi * t**1.45) ** 0.75)
    if form == "rhombic":
        return np.asarray(np.sin(np.pi * t**0.85) ** 1.15)
    ovate = np.sin(np.pi * t**0.8) ** 0.75
    if form == "ovate":
        return np.asarray(ovate * (1.0 + 0.04 * np.sin(14.0 * t + rng.uniform(0, 6.28))))
    if form == "toothed":
        return np.asarray(ovate * (0.88 + 0.14 * np.abs(np.sin(9.0 * np.pi * t))))
    lobes = rng.uniform(3.2, 4.6)
    depth = rng.uniform(0.25, 0.5)
    wave = 1.0 - depth * (0.5 + 0.5 * np.cos(2.0 * np.pi * lobes * t**1.15))
    return np.asarray(np.sin(np.pi * t**1.35) ** 0.6 * wave)
