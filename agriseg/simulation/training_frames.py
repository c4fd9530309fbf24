"""Pictures of random simulated fields with true labels, to be mixed into training."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from agriseg.messages import UInt8Array
from agriseg.opencv import cv2
from agriseg.simulation.field_parameters import random_field
from agriseg.simulation.procedural_field import ProceduralField
from agriseg.simulation.sensor import Sensor

_FRAMES_PER_FIELD = 4
_GSD_M = (0.0004, 0.0021)
_MACHINE_GSD_M = (0.0009, 0.0016)
_MACHINE_SHARE = 0.6


def random_training_frames(
    seed: int, count: int, size_px: tuple[int, int]
) -> Iterator[tuple[UInt8Array, UInt8Array]]:
    """Yield pictures of fields that differ in crop, stage, weeds, soil, litter, light and scale.

    Parameters
    ----------
    seed : int
        The same seed gives the same frames.
    count : int
        Number of frames; a few share a field.
    size_px : (width, height)

    Yields
    ------
    image : (height, width, 3) uint8
        BGR; the picture's top is forward or any other side, by chance.
    labels : (height, width) uint8
        `agriseg.messages.ClassId`; 0 soil, 1 crop, 2 weed.
    """
    for image, labels, _ in random_plant_frames(seed, count, size_px):
        yield image, labels


def random_plant_frames(
    seed: int, count: int, size_px: tuple[int, int]
) -> Iterator[tuple[UInt8Array, UInt8Array, NDArray[np.uint16]]]:
    """Yield what `random_training_frames` does, and the plants told apart.

    Yields
    ------
    image, labels
    ids : (height, width) uint16
        The frame's plants, numbered from 1; 0 on soil.
    """
    for first in range(0, count, _FRAMES_PER_FIELD):
        rng = np.random.default_rng([seed, first, 40])
        wanted = min(_FRAMES_PER_FIELD, count - first)
        yield from _frames_of_field(rng, wanted, size_px)


def _frames_of_field(
    rng: np.random.Generator, count: int, size_px: tuple[int, int]
) -> Iterator[tuple[UInt8Array, UInt8Array, NDArray[np.uint16]]]:
    turned = bool(rng.random() < 0.5)
    columns, rows = size_px[::-1] if turned else size_px
    scales_m = _MACHINE_GSD_M if rng.random() < _MACHINE_SHARE else _GSD_M
    cell_m = float(np.exp(rng.uniform(*np.log(scales_m))))
    half_m = (columns + 1) * cell_m / 2.0
    field = random_field(rng, int(rng.integers(2**31)), rows * columns * cell_m**2)
    world = ProceduralField(
        field, y_min_m=-half_m, y_max_m=half_m, cell_m=cell_m, tile_m=rows * cell_m
    )
    sensor = Sensor(size_px, rng, vignetting=float(rng.uniform(0.0, 0.4)))
    for index in range(count):
        tile = world.tile(index)
        turns = (1 if turned else 0) + 2 * int(rng.integers(2))
        colour = np.ascontiguousarray(np.rot90(tile.colour[:, :columns], turns))
        labels = np.ascontiguousarray(np.rot90(tile.labels[:, :columns], turns))
        plants = np.rot90(tile.plant_ids[:, :columns], turns)
        yield _photograph(colour, sensor, field.hardness, rng), labels, _numbered(plants)


def _numbered(plants: NDArray[np.int32]) -> NDArray[np.uint16]:
    """Number the plants that are there from 1; soil stays 0."""
    found = np.setdiff1d(plants, [0])
    places = np.searchsorted(found, plants).astype(np.uint16) + np.uint16(1)
    return np.where(plants == 0, np.uint16(0), places)


def _photograph(
    colour: UInt8Array, sensor: Sensor, hardness: float, rng: np.random.Generator
) -> UInt8Array:
    softness = float(max(rng.normal(0.2, 0.5), 0.0))
    if softness > 0.3:
        colour = np.asarray(cv2.GaussianBlur(colour, (0, 0), softness), np.uint8)
    level = float(np.exp(rng.normal(0.0, 0.25))) * (0.25 if rng.random() < 0.08 else 1.0)
    warmth = float(rng.normal(0.0, 0.06))
    channels = np.array([1.0 - warmth, 1.0, 1.0 + warmth], np.float32)
    shadow = _shadow_edge(sensor.map_size, hardness, rng)
    light = (sensor.vignette * shadow * level)[..., None] * channels
    angle, length = rng.uniform(0.0, 2.0 * np.pi), float(rng.exponential(1.2))
    return sensor.expose(
        colour,
        light=light.astype(np.float32),
        blur_px=(length * float(np.cos(angle)), length * float(np.sin(angle))),
        noise=float(rng.uniform(1.0, 9.0)),
        rng=rng,
    )


def _shadow_edge(
    size: tuple[int, int], hardness: float, rng: np.random.Generator
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Return light over the picture with, at times, one side in the robot's shadow."""
    columns, rows = np.meshgrid(np.linspace(-1, 1, size[0]), np.linspace(-1, 1, size[1]))
    if rng.random() > 0.3:
        return np.ones(columns.shape, np.float32)
    angle = rng.uniform(0.0, 2.0 * np.pi)
    side = columns * np.cos(angle) + rows * np.sin(angle) - rng.uniform(-0.4, 1.0)
    softness = rng.uniform(0.02, 0.3)
    shaded = 1.0 / (1.0 + np.exp(-np.clip(side / softness, -40.0, 40.0)))
    return np.asarray(1.0 - shaded * (0.2 + 0.45 * hardness), np.float32)
