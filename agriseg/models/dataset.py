"""Labelled images in memory, and the crops that training sees of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agriseg.datasets.labels import Sample
from agriseg.messages import ClassId, UInt8Array
from agriseg.models.augment import CropGeometry, augment_colour, cut_crop, cut_ids
from agriseg.models.cut_paste import PlantBank
from agriseg.opencv import cv2

_CACHE_MARGIN = 4 / 3
_ANCHORS_PER_CLASS = 256
_WEED_ANCHOR_SHARE = 0.5
_CROP_ANCHOR_SHARE = 0.2
_SCALE_SIGMA = 0.3
_SCALE_LIMITS = (0.5, 2.0)
_PASTING_STREAM = 9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelledImage:
    """One image with its mask.

    Attributes
    ----------
    name : str
    image : (H, W, 3) uint8
        BGR.
    mask : (H, W) uint8
        `ClassId` values.
    scale : float
        Factor that brings this array to the source's canonical size.
    anchors : (crop, weed) pixel positions
        Two ``(N, 2)`` int arrays of (v, u), a random choice of the class's pixels.
    ids : (H, W) uint16, optional
        Plants told apart, from 1; 0 on soil and where the plant is not known.
    """

    name: str
    image: UInt8Array
    mask: UInt8Array
    scale: float
    anchors: tuple[NDArray[np.int64], NDArray[np.int64]]
    ids: NDArray[np.uint16] | None = None


def load_labelled(
    sample: Sample, long_side_px: int, seed: int, *, with_ids: bool = False
) -> LabelledImage:
    """Read one sample, brought to at most a third more than the canonical size."""
    image, labels = sample.load_labels(with_ids=with_ids)
    name = f"{sample.source}/{sample.stem}"
    return prepare(name, image, labels.mask, long_side_px, seed, labels.ids)


def prepare(
    name: str,
    image: UInt8Array,
    mask: UInt8Array,
    long_side_px: int,
    seed: int,
    ids: NDArray[np.uint16] | None = None,
) -> LabelledImage:
    """Downsize image, mask and ids where larger than needed, and pick the anchors."""
    limit_px = round(long_side_px * _CACHE_MARGIN)
    longest_px = max(mask.shape)
    if longest_px > limit_px:
        size = tuple(max(1, round(n * limit_px / longest_px)) for n in (mask.shape[::-1]))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        mask = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST), dtype=np.uint8)
        if ids is not None:
            ids = np.asarray(cv2.resize(ids, size, interpolation=cv2.INTER_NEAREST), np.uint16)
    rng = np.random.default_rng([seed, *name.encode()])
    anchors = (_anchors(mask, ClassId.CROP, rng), _anchors(mask, ClassId.WEED, rng))
    return LabelledImage(
        name=name,
        image=image,
        mask=mask,
        scale=long_side_px / max(mask.shape),
        anchors=anchors,
        ids=ids,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pasting:
    """Plants that are pasted on crops.

    Attributes
    ----------
    banks : sequence of PlantBank
        One for each source, in their order; an empty one pastes nothing.
    share : float
        Share of the crops that are pasted on.
    most : int
        Largest number of plants on one crop.
    """

    banks: Sequence[PlantBank]
    share: float
    most: int


class CropSampler:
    """Draws augmented crops; crop ``(step, slot)`` is the same whatever was drawn before it.

    Parameters
    ----------
    images : sequence of (weight, images)
        The sources with their shares.
    crop_px : int
        Side of the square crops.
    seed : int
    pasting : Pasting, optional
        Plants to be pasted. What it draws at random is drawn apart: crops without pasted plants
        are the same with and without it.
    """

    def __init__(
        self,
        images: Sequence[tuple[float, Sequence[LabelledImage]]],
        crop_px: int,
        seed: int,
        pasting: Pasting | None = None,
    ) -> None:
        weights = np.array([weight for weight, _ in images], dtype=np.float64)
        self._images = [members for _, members in images]
        self._shares = weights / weights.sum()
        self._member_shares = [_image_shares(members) for members in self._images]
        self._crop_px = crop_px
        self._seed = seed
        self._pasting = pasting

    def batch(self, step: int, size: int, first: int = 0) -> tuple[UInt8Array, UInt8Array]:
        """Return ``(N, crop, crop, 3) uint8`` BGR images and ``(N, crop, crop) uint8`` masks.

        ``first`` is the slot of the first crop, for processes that share a batch.
        """
        pairs = [self.crop(step, slot) for slot in range(first, first + size)]
        return np.stack([image for image, _ in pairs]), np.stack([mask for _, mask in pairs])

    def batch_sources(self, step: int, size: int, first: int = 0) -> NDArray[np.int64]:
        """Return the place of each crop's source among the sources, ``(N,) int64``."""
        slots = range(first, first + size)
        return np.array([self._draw_source(step, slot)[0] for slot in slots], np.int64)

    def plant_batch(
        self, step: int, size: int, first: int = 0
    ) -> tuple[UInt8Array, UInt8Array, list[NDArray[np.uint16] | None]]:
        """Return what `batch` does, and each crop's plant ids; None where an image has none."""
        crops = [self.plant_crop(step, slot) for slot in range(first, first + size)]
        images, masks = np.stack([c[0] for c in crops]), np.stack([c[1] for c in crops])
        return images, masks, [c[2] for c in crops]

    def crop(self, step: int, slot: int) -> tuple[UInt8Array, UInt8Array]:
        """Return one augmented crop with its mask."""
        image, mask, _ = self._crop(step, slot, with_ids=False)
        return image, mask

    def plant_crop(
        self, step: int, slot: int
    ) -> tuple[UInt8Array, UInt8Array, NDArray[np.uint16] | None]:
        """Return what `crop` does, and the crop's plant ids; None where the image has none."""
        return self._crop(step, slot, with_ids=True)

    def _crop(
        self, step: int, slot: int, *, with_ids: bool
    ) -> tuple[UInt8Array, UInt8Array, NDArray[np.uint16] | None]:
        source, item, geometry, rng = self._draw(step, slot)
        image, mask = cut_crop(item.image, item.mask, geometry, self._crop_px)
        ids = None
        if with_ids and item.ids is not None:
            ids = cut_ids(item.ids, geometry, self._crop_px)
        if self._pasting is not None:
            scale = float(np.sqrt(geometry.scale_u * geometry.scale_v)) / item.scale
            image, mask, ids = self._paste(source, step, slot, image, mask, ids, scale)
        return augment_colour(image, rng), mask, ids

    def _paste(
        self,
        source: int,
        step: int,
        slot: int,
        image: UInt8Array,
        mask: UInt8Array,
        ids: NDArray[np.uint16] | None,
        scale: float,
    ) -> tuple[UInt8Array, UInt8Array, NDArray[np.uint16] | None]:
        assert self._pasting is not None
        rng = np.random.default_rng([self._seed, step, slot, _PASTING_STREAM])
        bank = self._pasting.banks[source]
        if not len(bank) or rng.random() >= self._pasting.share:
            return image, mask, ids
        return bank.paste(image, mask, ids, scale, self._pasting.most, rng)

    def _draw(
        self, step: int, slot: int
    ) -> tuple[int, LabelledImage, CropGeometry, np.random.Generator]:
        source, rng = self._draw_source(step, slot)
        shares = self._member_shares[source]
        item = self._images[source][int(rng.choice(shares.size, p=shares))]
        geometry = CropGeometry.draw(
            rng,
            anchor=_draw_anchor(item, rng),
            scale=_draw_scale(item, rng),
            shape=item.mask.shape,
            crop_px=self._crop_px,
        )
        return source, item, geometry, rng

    def _draw_source(self, step: int, slot: int) -> tuple[int, np.random.Generator]:
        rng = np.random.default_rng([self._seed, step, slot])
        return int(rng.choice(len(self._images), p=self._shares)), rng


def _anchors(mask: UInt8Array, class_id: ClassId, rng: np.random.Generator) -> NDArray[np.int64]:
    found = np.flatnonzero(mask == class_id)
    if found.size > _ANCHORS_PER_CLASS:
        found = rng.choice(found, _ANCHORS_PER_CLASS, replace=False)
    return np.stack(np.unravel_index(found, mask.shape), axis=1).astype(np.int64)


def _image_shares(images: Sequence[LabelledImage]) -> NDArray[np.float64]:
    weights = np.array([2.0 if len(item.anchors[1]) else 1.0 for item in images])
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares


def _draw_anchor(item: LabelledImage, rng: np.random.Generator) -> tuple[float, float]:
    crop, weed = item.anchors
    choice = rng.random()
    if choice < _WEED_ANCHOR_SHARE and len(weed):
        v, u = weed[rng.integers(len(weed))]
    elif choice < _WEED_ANCHOR_SHARE + _CROP_ANCHOR_SHARE and len(crop):
        v, u = crop[rng.integers(len(crop))]
    else:
        v, u = rng.integers(item.mask.shape[0]), rng.integers(item.mask.shape[1])
    return float(v), float(u)


def _draw_scale(item: LabelledImage, rng: np.random.Generator) -> float:
    jitter = np.clip(np.exp(rng.normal(0.0, _SCALE_SIGMA)), *_SCALE_LIMITS)
    return float(item.scale * jitter)
