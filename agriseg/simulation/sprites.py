"""Leaves to pixels: a plant drawn once, with its mask and its shadow, ready to be laid down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agriseg.messages import Float64Array, UInt8Array
from agriseg.opencv import cv2
from agriseg.simulation.field_parameters import FieldParameters
from agriseg.simulation.leaves import Leaf

_SHIFT = 4
_SELF_SHADOW_MIN_M = 0.012
_UNIT_GAIN = 128.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sprite:
    """A picture of something on the ground, aligned with the ground raster.

    Attributes
    ----------
    row, column : int
        Global raster cell of the picture's first cell.
    colour : (H, W, 3) uint8
        BGR, premultiplied by ``alpha``.
    alpha : (H, W) uint8
    shadow : (H, W) uint8
        Shadow on the ground below.
    """

    row: int
    column: int
    colour: UInt8Array
    alpha: UInt8Array
    shadow: UInt8Array

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Cells that are covered at least half, (H, W)."""
        mask: NDArray[np.bool_] = self.alpha >= 128
        return mask


@dataclass(frozen=True, slots=True, kw_only=True)
class Sun:
    """Direction and hardness of the light, as sprites need it."""

    shadow_per_height: tuple[float, float]
    """Offset (x, y) of a shadow per metre of height."""
    towards: tuple[float, float]
    """Unit vector (x, y) towards the sun."""
    hardness: float

    @classmethod
    def of(cls, field: FieldParameters) -> Sun:
        """Return the sun of a field."""
        towards = (float(np.cos(field.sun_azimuth_rad)), float(np.sin(field.sun_azimuth_rad)))
        length = 1.0 / float(np.tan(np.clip(field.sun_elevation_rad, 0.5, 1.5)))
        return cls(
            shadow_per_height=(-towards[0] * length, -towards[1] * length),
            towards=towards,
            hardness=field.hardness,
        )


class Canvas:
    """A small drawing board over the ground raster, finer by a whole factor."""

    def __init__(self, bounds_m: tuple[float, float, float, float], cell_m: float) -> None:
        """Open a board over (x_min, y_min, x_max, y_max) in metres."""
        x_min, y_min, x_max, y_max = bounds_m
        self.row = int(np.floor(x_min / cell_m)) - 1
        self.column = int(np.floor(y_min / cell_m)) - 1
        rows = int(np.ceil(x_max / cell_m)) + 1 - self.row
        columns = int(np.ceil(y_max / cell_m)) + 1 - self.column
        self._cell_m = cell_m
        self._fine = 2 if max(rows, columns) < 700 else 1
        shape = (rows * self._fine, columns * self._fine)
        self.colour = np.zeros((*shape, 3), np.uint8)
        self.alpha = np.zeros(shape, np.uint8)
        self.shadow = np.zeros(shape, np.uint8)

    def points(self, points_m: Float64Array) -> NDArray[np.int32]:
        """Return board coordinates (column, row) in fixed point of points (x, y) in metres."""
        scale = self._fine / self._cell_m
        column = (points_m[:, 1] * scale - self.column * self._fine) - 0.5
        row = (points_m[:, 0] * scale - self.row * self._fine) - 0.5
        return np.rint(np.column_stack((column, row)) * (1 << _SHIFT)).astype(np.int32)

    def fill(self, outline_m: Float64Array, bgr: tuple[float, float, float]) -> None:
        """Fill an outline."""
        points = [self.points(outline_m)]
        colour = tuple(float(min(max(c, 0.0), 255.0)) for c in bgr)
        cv2.fillPoly(self.colour, points, colour, cv2.LINE_8, _SHIFT)
        cv2.fillPoly(self.alpha, points, 255, cv2.LINE_8, _SHIFT)

    def line(self, points_m: Float64Array, bgr: tuple[float, float, float], width_m: float) -> None:
        """Draw a line over what is already filled."""
        width = max(1, round(width_m * self._fine / self._cell_m))
        colour = tuple(float(min(max(c, 0.0), 255.0)) for c in bgr)
        points = [self.points(points_m)]
        cv2.polylines(self.colour, points, False, colour, width, cv2.LINE_AA, _SHIFT)

    def cast(self, outline_m: Float64Array, offset_m: tuple[float, float]) -> None:
        """Add an outline's shadow on the ground."""
        cv2.fillPoly(self.shadow, [self.points(outline_m + offset_m)], 255, cv2.LINE_8, _SHIFT)

    def darken(self, outline_m: Float64Array, offset_m: tuple[float, float], keep: float) -> None:
        """Darken what is filled below an outline's shadow."""
        points = self.points(outline_m + offset_m)
        low = np.maximum((points.min(axis=0) >> _SHIFT) - 1, 0)
        high = (points.max(axis=0) >> _SHIFT) + 2
        region = self.colour[low[1] : high[1], low[0] : high[0]]
        if region.size == 0:
            return
        mask = np.zeros(region.shape[:2], np.uint8)
        cv2.fillPoly(mask, [points - (low << _SHIFT)], 255, cv2.LINE_8, _SHIFT)
        dark = cv2.convertScaleAbs(region, alpha=keep)
        cv2.copyTo(dark, mask, region)

    def sprite(self, softness_m: float) -> Sprite:
        """Return the finished picture at the raster's resolution."""
        size = (self.alpha.shape[1] // self._fine, self.alpha.shape[0] // self._fine)
        alpha, shadow = self.alpha, self.shadow
        colour = np.asarray(
            cv2.bitwise_and(self.colour, cv2.merge([alpha, alpha, alpha])), np.uint8
        )
        if self._fine > 1:
            colour, alpha, shadow = (
                np.asarray(cv2.resize(a, size, interpolation=cv2.INTER_AREA), np.uint8)
                for a in (colour, alpha, shadow)
            )
        sigma = max(softness_m / self._cell_m, 0.5)
        shadow = np.asarray(cv2.GaussianBlur(shadow, (0, 0), sigma), np.uint8)
        return Sprite(row=self.row, column=self.column, colour=colour, alpha=alpha, shadow=shadow)


def draw_plant(
    leaves: Sequence[Leaf],
    foot_m: tuple[float, float],
    cell_m: float,
    sun: Sun,
    rng: np.random.Generator,
) -> Sprite:
    """Draw a plant that stands at ``foot_m`` (x, y) of the field."""
    outlines = np.concatenate([np.concatenate((leaf.left, leaf.right)) for leaf in leaves])
    reach = max(leaf.height_m for leaf in leaves)
    offset = np.array(sun.shadow_per_height) * reach
    low = outlines.min(axis=0) + np.minimum(offset, 0.0) - 0.004 + np.array(foot_m)
    high = outlines.max(axis=0) + np.maximum(offset, 0.0) + 0.004 + np.array(foot_m)
    canvas = Canvas((low[0], low[1], high[0], high[1]), cell_m)
    foot = np.array(foot_m)
    for leaf in sorted(leaves, key=lambda leaf: leaf.height_m):
        _draw_leaf(canvas, leaf, foot, sun, rng)
    _mottle(canvas, rng)
    return canvas.sprite(softness_m=0.0015 + 0.004 * (1.0 - sun.hardness))


def _draw_leaf(
    canvas: Canvas, leaf: Leaf, foot: Float64Array, sun: Sun, rng: np.random.Generator
) -> None:
    left, right, midrib = leaf.left + foot, leaf.right + foot, leaf.midrib + foot
    ground = (
        sun.shadow_per_height[0] * leaf.height_m,
        sun.shadow_per_height[1] * leaf.height_m,
    )
    for half in (left, right):
        canvas.cast(half, ground)
    if leaf.width_m > _SELF_SHADOW_MIN_M:
        step = (ground[0] * 0.35, ground[1] * 0.35)
        for half in (left, right):
            canvas.darken(half, step, 1.0 - 0.4 * sun.hardness)
    fold = _fold(leaf, sun) * rng.uniform(0.6, 1.2)
    canvas.fill(left, _scaled(leaf.bgr, 1.0 + fold))
    canvas.fill(right, _scaled(leaf.bgr, 1.0 - fold))
    _draw_veins(canvas, leaf, foot)
    if leaf.width_m > 0.006:
        canvas.line(midrib, _pale(leaf.bgr, 1.22), leaf.width_m * 0.05)


def _draw_veins(canvas: Canvas, leaf: Leaf, foot: Float64Array) -> None:
    """Draw side veins from the midrib towards the tip side of the edge."""
    if leaf.veins == 0 or leaf.width_m < 0.014:
        return
    count = len(leaf.midrib)
    for half in (leaf.left, leaf.right):
        for at in np.linspace(0.15, 0.72, leaf.veins):
            start = int(at * (count - 1))
            end = min(start + max(count // 7, 1), count - 1)
            edge = leaf.midrib[end] + 0.85 * (half[end] - leaf.midrib[end])
            canvas.line(np.stack((leaf.midrib[start], edge)) + foot, _pale(leaf.bgr, 1.1), 0.0004)


def _fold(leaf: Leaf, sun: Sun) -> float:
    """Return how much brighter the left half is: the blade is folded along its midrib."""
    along = leaf.midrib[-1] - leaf.midrib[0]
    norm = float(np.hypot(*along)) + 1e-9
    left = (-along[1] / norm, along[0] / norm)
    facing = -(left[0] * sun.towards[0] + left[1] * sun.towards[1])
    return float(facing * (0.05 + 0.12 * sun.hardness))


def _scaled(bgr: tuple[float, float, float], factor: float) -> tuple[float, float, float]:
    return (bgr[0] * factor, bgr[1] * factor, bgr[2] * factor)


def _pale(bgr: tuple[float, float, float], factor: float) -> tuple[float, float, float]:
    return (bgr[0] * factor + 8.0, bgr[1] * factor, bgr[2] * factor + 6.0)


def _mottle(canvas: Canvas, rng: np.random.Generator) -> None:
    """Vary brightness over the leaves: patches and grain."""
    rows, columns = canvas.alpha.shape
    patches = rng.normal(0.0, 0.1, (rows // 16 + 2, columns // 16 + 2)).astype(np.float32)
    grain = rng.standard_normal((rows // 2 + 1, columns // 2 + 1), np.float32) * np.float32(0.07)
    grain += cv2.resize(patches, grain.shape[::-1], interpolation=cv2.INTER_CUBIC)
    gain = cv2.convertScaleAbs(grain, alpha=_UNIT_GAIN, beta=_UNIT_GAIN)
    gain = cv2.resize(gain, (columns, rows), interpolation=cv2.INTER_LINEAR)
    cv2.multiply(
        canvas.colour, cv2.merge([gain, gain, gain]), dst=canvas.colour, scale=1.0 / _UNIT_GAIN
    )


def lay_down(
    sprite: Sprite, ground: UInt8Array, first_row: int, first_column: int, shadow: float
) -> tuple[slice, slice, slice, slice] | None:
    """Blend a sprite into a ground raster.

    Parameters
    ----------
    sprite : Sprite
    ground : (H, W, 3) uint8
        Changed in place; its first cell is the global cell (first_row, first_column).
    shadow : float
        How dark the shadow is, 0 to 1.

    Returns
    -------
    (rows, columns) in the ground and (rows, columns) in the sprite, or None outside.
    """
    height, width = sprite.alpha.shape
    row, column = sprite.row - first_row, sprite.column - first_column
    top, bottom = max(row, 0), min(row + height, ground.shape[0])
    left, right = max(column, 0), min(column + width, ground.shape[1])
    if top >= bottom or left >= right:
        return None
    at = (slice(top, bottom), slice(left, right))
    of = (slice(top - row, bottom - row), slice(left - column, right - column))
    keep = (255.0 - sprite.shadow[of].astype(np.float32) * shadow) / 255.0
    keep *= (255.0 - sprite.alpha[of].astype(np.float32)) / 255.0
    region = cv2.multiply(ground[at], cv2.merge([keep, keep, keep]), dtype=cv2.CV_8U)
    ground[at] = cv2.add(region, np.ascontiguousarray(sprite.colour[of]))
    return (*at, *of)
