"""Plants cut out of their pictures and pasted on the soil of others.

Dwibedi, Misra and Hebert, "Cut, paste and learn", ICCV 2017: soft edges, so that the network does
not learn the seam.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agriseg.messages import ClassId, UInt8Array
from agriseg.opencv import cv2

IdArray = NDArray[np.uint16]

_LEAST_PLANT_PX = 40
_LARGEST_SIDE_SHARE = 0.6
_PLANTS_KEPT = 500
_SOFT_EDGE_PX = 1.0
_RING_PX = 9
_OPAQUE = 0.5
_TRIES = 4
_MOST_ON_PLANTS = 0.1
_SIZE_SIGMA = 0.15
_LIGHT_LIMITS = (0.6, 1.6)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CutPlant:
    """One plant, cut out.

    Attributes
    ----------
    image : (h, w, 3) uint8
        BGR, with a margin of soil.
    mask : (h, w) uint8
        1 on the plant.
    class_id : ClassId
    scale : float
        Factor that brings it to its source's canonical size.
    soil_level : float
        Mean brightness of the soil around it, 0 to 255.
    """

    image: UInt8Array
    mask: UInt8Array
    class_id: ClassId
    scale: float
    soil_level: float


def cut_plants(
    image: UInt8Array, mask: UInt8Array, ids: IdArray | None, scale: float
) -> list[CutPlant]:
    """Cut out the plants of one picture that stand free of its border.

    Parameters
    ----------
    image : (H, W, 3) uint8
        BGR.
    mask : (H, W) uint8
        `ClassId` values.
    ids : (H, W) uint16, optional
        Plants told apart; without, connected patches of one class are taken for plants.
    scale : float
        Of the picture.
    """
    plants = []
    for class_id in (ClassId.CROP, ClassId.WEED):
        inside = (mask == class_id).astype(np.uint8)
        if ids is None:
            count, numbers, stats, _ = cv2.connectedComponentsWithStats(inside, connectivity=8)
            boxes = {n: stats[n, :4].tolist() for n in range(1, count)}
        else:
            numbers = np.where(inside > 0, ids, 0).astype(np.int32)
            boxes = _boxes(numbers)
        for number, box in boxes.items():
            plant = _cut(image, mask, numbers, number, class_id, box, scale)
            if plant is not None:
                plants.append(plant)
    return plants


class PlantBank:
    """Plants of one family of sources, to be pasted.

    Parameters
    ----------
    plants : sequence of CutPlant
    seed : int
        Chooses which are kept where there are many.
    """

    def __init__(self, plants: Sequence[CutPlant], seed: int) -> None:
        if len(plants) > _PLANTS_KEPT:
            rng = np.random.default_rng([seed, len(plants)])
            kept = sorted(rng.choice(len(plants), _PLANTS_KEPT, replace=False).tolist())
            plants = [plants[index] for index in kept]
        self._plants = tuple(plants)

    def __len__(self) -> int:
        return len(self._plants)

    def paste(
        self,
        image: UInt8Array,
        mask: UInt8Array,
        ids: IdArray | None,
        scale: float,
        most: int,
        rng: np.random.Generator,
    ) -> tuple[UInt8Array, UInt8Array, IdArray | None]:
        """Return copies of a crop with one to ``most`` plants pasted on its soil.

        Parameters
        ----------
        image : (H, W, 3) uint8
        mask : (H, W) uint8
        ids : (H, W) uint16, optional
            Each pasted plant gets a number of its own.
        scale : float
            Crop pixels per pixel of the source's canonical size.
        most : int
        rng : Generator
        """
        image, mask = image.copy(), mask.copy()
        ids = None if ids is None else ids.copy()
        for _ in range(int(rng.integers(1, most + 1))):
            plant = self._plants[int(rng.integers(len(self._plants)))]
            picture, alpha = _turned(plant, scale, rng)
            place = _place(mask, alpha, rng)
            if place is None:
                continue
            _blend(image, picture, alpha, place, _light(image, mask, plant))
            v, u = place
            window = np.s_[v : v + alpha.shape[0], u : u + alpha.shape[1]]
            mask[window][alpha >= _OPAQUE] = plant.class_id
            if ids is not None:
                ids[window][alpha >= _OPAQUE] = int(ids.max()) + 1
        return image, mask, ids


def _boxes(numbers: NDArray[np.int32]) -> dict[int, tuple[int, int, int, int]]:
    boxes = {}
    for number in np.unique(numbers[numbers > 0]).tolist():
        rows, columns = np.nonzero(numbers == number)
        top, left = int(rows.min()), int(columns.min())
        boxes[number] = (left, top, int(columns.max()) - left + 1, int(rows.max()) - top + 1)
    return boxes


def _cut(
    image: UInt8Array,
    mask: UInt8Array,
    numbers: NDArray[np.int32],
    number: int,
    class_id: ClassId,
    box: tuple[int, int, int, int],
    scale: float,
) -> CutPlant | None:
    left, top, width, height = box
    full_height, full_width = mask.shape
    touches = left == 0 or top == 0 or left + width == full_width or top + height == full_height
    large = max(width, height) > _LARGEST_SIDE_SHARE * min(mask.shape)
    if touches or large:
        return None
    window = np.s_[
        max(0, top - _RING_PX) : top + height + _RING_PX,
        max(0, left - _RING_PX) : left + width + _RING_PX,
    ]
    plant = (numbers[window] == number).astype(np.uint8)
    if int(plant.sum()) < _LEAST_PLANT_PX:
        return None
    soil = mask[window] == ClassId.SOIL
    if not soil.any():
        return None
    return CutPlant(
        image=image[window].copy(),
        mask=plant,
        class_id=class_id,
        scale=scale,
        soil_level=float(image[window][soil].mean()),
    )


def _turned(
    plant: CutPlant, scale: float, rng: np.random.Generator
) -> tuple[UInt8Array, NDArray[np.float32]]:
    """Return the plant turned and scaled, and its opacity with soft edges."""
    factor = plant.scale * scale * float(np.exp(rng.normal(0.0, _SIZE_SIGMA)))
    angle_deg = float(rng.uniform(0.0, 360.0))
    height, width = plant.mask.shape
    reach = max(3, int(np.ceil(np.hypot(height, width) * factor)) + 2)
    middle = ((width - 1) / 2.0, (height - 1) / 2.0)
    matrix = np.asarray(cv2.getRotationMatrix2D(middle, angle_deg, factor), np.float64)
    matrix[:, 2] += (reach - 1) / 2.0 - np.array(middle)
    picture = cv2.warpAffine(
        plant.image, matrix, (reach, reach), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    solid = cv2.warpAffine(
        plant.mask.astype(np.float32), matrix, (reach, reach), flags=cv2.INTER_LINEAR
    )
    soft = np.asarray(cv2.GaussianBlur(solid, (0, 0), _SOFT_EDGE_PX), np.float32)
    return np.asarray(picture, np.uint8), soft


def _place(
    mask: UInt8Array, alpha: NDArray[np.float32], rng: np.random.Generator
) -> tuple[int, int] | None:
    """Return the upper left corner (v, u) of free ground for a plant; None where none is found."""
    height, width = alpha.shape
    rows, columns = mask.shape[0] - height, mask.shape[1] - width
    opaque = alpha >= _OPAQUE
    count = int(opaque.sum())
    if rows < 1 or columns < 1 or count == 0:
        return None
    for _ in range(_TRIES):
        v, u = int(rng.integers(rows)), int(rng.integers(columns))
        under = mask[v : v + height, u : u + width][opaque]
        if (under != ClassId.SOIL).sum() <= _MOST_ON_PLANTS * count:
            return v, u
    return None


def _light(image: UInt8Array, mask: UInt8Array, plant: CutPlant) -> float:
    """Return the factor that gives the plant the light of the soil that it comes to."""
    soil = mask[::4, ::4] == ClassId.SOIL
    level = float(image[::4, ::4][soil].mean()) if soil.any() else plant.soil_level
    return float(np.clip(level / max(plant.soil_level, 1.0), *_LIGHT_LIMITS))


def _blend(
    image: UInt8Array,
    picture: UInt8Array,
    alpha: NDArray[np.float32],
    place: tuple[int, int],
    light: float,
) -> None:
    v, u = place
    window = image[v : v + alpha.shape[0], u : u + alpha.shape[1]]
    share = alpha[..., None]
    mixed = window * (1.0 - share) + picture.astype(np.float32) * light * share
    window[:] = np.clip(mixed + 0.5, 0.0, 255.0).astype(np.uint8)
