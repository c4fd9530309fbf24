"""What the plant heads are to say about a crop whose plants are told apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agriseg.messages import ClassId, UInt8Array
from agriseg.models.networks.plant_heads import PLANT_STRIDE

TARGET_CHANNELS = 5
"""Centre heat, offset along v and u, weight of the heat, weight of the offset."""

FloatMaps = NDArray[np.float32]
Ids = NDArray[np.uint16]

_REACH_SIGMAS = 3.0


def plant_targets(ids: Ids, mask: UInt8Array, sigma_px: float) -> FloatMaps:
    """Return the targets of one crop.

    A plant's centre is the mean of its pixels that the crop shows. Around each lies a bell of
    ``sigma_px``; where bells overlap the higher one counts. Each plant's offsets weigh as much as
    the square root of its area, so that small weeds count beside large crop plants. Ignored ground
    and plants without an id weigh nothing.

    Parameters
    ----------
    ids : (H, W) uint16
        Plants told apart, from 1.
    mask : (H, W) uint8
        `ClassId` values.
    sigma_px : float

    Returns
    -------
    (5, H / 4, W / 4) float32
        In the order of `TARGET_CHANNELS`; offsets in cells.
    """
    half = PLANT_STRIDE // 2
    rows, columns = (side // PLANT_STRIDE for side in ids.shape)
    targets = np.zeros((TARGET_CHANNELS, rows, columns), np.float32)
    number, centres = _centres(ids)
    _draw_bells(targets[0], centres, sigma_px / PLANT_STRIDE)
    cells = number[half::PLANT_STRIDE, half::PLANT_STRIDE]
    classes = mask[half::PLANT_STRIDE, half::PLANT_STRIDE]
    is_plant = cells > 0
    where = np.argwhere(is_plant).T
    targets[1:3, is_plant] = centres[cells[is_plant] - 1].T - where
    nameless = ((classes == ClassId.CROP) | (classes == ClassId.WEED)) & ~is_plant
    targets[3] = ~(nameless | (classes == ClassId.IGNORE))
    area = np.bincount(cells.ravel(), minlength=len(centres) + 1)
    targets[4, is_plant] = 1.0 / np.sqrt(area[cells[is_plant]])
    return targets


def batch_targets(ids: Sequence[Ids | None], masks: UInt8Array, sigma_px: float) -> FloatMaps:
    """Return the targets ``(N, 5, h, w)`` of a batch; crops without ids weigh nothing."""
    nothing = np.zeros(
        (TARGET_CHANNELS, *(side // PLANT_STRIDE for side in masks.shape[1:])), np.float32
    )
    return np.stack(
        [
            nothing if one is None else plant_targets(one, mask, sigma_px)
            for one, mask in zip(ids, masks, strict=True)
        ]
    )


def _centres(ids: Ids) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Number the plants from 1; return the map of numbers and the centres (v, u) in cells."""
    values, index = np.unique(ids, return_inverse=True)
    number = index.reshape(ids.shape) + (0 if values.size and values[0] == 0 else 1)
    count = int(number.max()) if number.size else 0
    flat = number.ravel()
    area = np.bincount(flat, minlength=count + 1)[1:]
    means = []
    for axis, side in enumerate(ids.shape):
        shape = (side, 1) if axis == 0 else (1, side)
        place = np.broadcast_to(np.arange(side, dtype=np.float64).reshape(shape), ids.shape)
        sums = np.bincount(flat, weights=place.ravel(), minlength=count + 1)[1:]
        means.append((sums / area + 0.5) / PLANT_STRIDE - 0.5)
    return number, np.stack(means, axis=1)


def _draw_bells(heat: FloatMaps, centres: NDArray[np.float64], sigma_cells: float) -> None:
    reach = int(np.ceil(_REACH_SIGMAS * sigma_cells))
    rows, columns = heat.shape
    for v, u in centres:
        top, left = max(round(v) - reach, 0), max(round(u) - reach, 0)
        bottom, right = min(round(v) + reach + 1, rows), min(round(u) + reach + 1, columns)
        dv = np.arange(top, bottom)[:, None] - v
        du = np.arange(left, right)[None, :] - u
        bell = np.exp(-(dv**2 + du**2) / (2.0 * sigma_cells**2))
        part = heat[top:bottom, left:right]
        np.maximum(part, bell, out=part, casting="same_kind")
