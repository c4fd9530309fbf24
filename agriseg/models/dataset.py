"""Labelled images in memory, and the crops that training sees of them."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agriseg.errors import DatasetError
from agriseg.messages import ClassId, UInt8Array
from agriseg.models.augment import CropGeometry, augment_colour, cut_crop, cut_ids
from agriseg.opencv import cv2

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
_KNOWN_VALUES = np.array(sorted(ClassId), dtype=np.uint8)
_CACHE_MARGIN = 4 / 3
_ANCHORS_PER_CLASS = 256
_WEED_ANCHOR_SHARE = 0.5
_CROP_ANCHOR_SHARE = 0.2
_SCALE_SIGMA = 0.3
_SCALE_LIMITS = (0.5, 2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Where one labelled image lies, and to which group it belongs."""

    source: str
    stem: str
    group: str
    image_path: Path
    mask_path: Path
    ids_path: Path | None = None
    """Map of plant ids, where the source has them."""

    def load(self) -> tuple[UInt8Array, UInt8Array]:
        """Read the image ``(H, W, 3) uint8`` BGR and its mask ``(H, W) uint8``.

        Raises
        ------
        DatasetError
            Either cannot be read, or they do not fit each other.
        """
        image = read_image(self.image_path)
        return image, read_mask(self.mask_path, (image.shape[0], image.shape[1]))

    def load_ids(self, mask: UInt8Array) -> NDArray[np.uint16] | None:
        """Read the plant ids ``(H, W) uint16`` that go with the mask; None where there are none.

        Raises
        ------
        DatasetError
            They cannot be read or do not fit the mask.
        """
        return None if self.ids_path is None else read_ids(self.ids_path, mask)


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


def list_samples(directory: Path, source: str, instances: str = "") -> list[Sample]:
    """List a data folder: ``images/``, ``masks/STEM.png`` and, where there is one, ``groups.json``.

    Without ``groups.json`` every image is a group of its own, named by its stem. ``instances``
    names a folder beside them with maps of plant ids, ``STEM.png``; empty: there are none.

    Raises
    ------
    DatasetError
        A folder is missing, an image has no mask, group or map of ids, or there are no images.
    """
    images = directory / "images"
    if not images.is_dir():
        raise DatasetError(f"{images}: no such folder; expected images/ and masks/ in {directory}")
    paths = sorted(p for p in images.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES)
    if not paths:
        raise DatasetError(f"{images}: no images; expected files ending in {IMAGE_SUFFIXES}")
    groups = _read_groups(directory / "groups.json")
    samples = []
    for path in paths:
        mask = directory / "masks" / f"{path.stem}.png"
        if not mask.is_file():
            raise DatasetError(f"{mask}: missing; every image needs a mask of the same name")
        if groups is not None and path.stem not in groups:
            raise DatasetError(f"{directory / 'groups.json'}: image {path.stem!r} has no group")
        group = path.stem if groups is None else groups[path.stem]
        samples.append(
            Sample(
                source=source,
                stem=path.stem,
                group=group,
                image_path=path,
                mask_path=mask,
                ids_path=_ids_path(directory, instances, path.stem),
            )
        )
    return samples


def split_samples(
    samples: Sequence[Sample], held_out: Sequence[str]
) -> tuple[list[Sample], list[Sample]]:
    """Split by group into (training, held out).

    Raises
    ------
    DatasetError
        A pattern matches no group, or nothing is left to train on.
    """
    groups = {sample.group for sample in samples}
    for pattern in held_out:
        if not fnmatch.filter(groups, pattern):
            raise DatasetError(
                f"held_out {pattern!r} matches no group of {samples[0].source!r}; it has "
                f"{', '.join(sorted(groups)[:8])}{', ...' if len(groups) > 8 else ''}"
            )
    outside = [s for s in samples if any(fnmatch.fnmatch(s.group, p) for p in held_out)]
    stems = {s.stem for s in outside}
    inside = [s for s in samples if s.stem not in stems]
    if not inside:
        raise DatasetError(f"{samples[0].source!r}: every group is held out, none is left to train")
    return inside, outside


def read_image(path: Path) -> UInt8Array:
    """Read an image as stored, (H, W, 3) uint8 BGR.

    Raises
    ------
    DatasetError
        It cannot be read.
    """
    image = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None:
        raise DatasetError(f"{path}: cannot be read as an image")
    return np.asarray(image, dtype=np.uint8)


def read_mask(path: Path, shape: tuple[int, int]) -> UInt8Array:
    """Read a label mask and check it against its image's ``shape`` (H, W).

    Raises
    ------
    DatasetError
        It cannot be read, is no 8-bit single-channel image, is of another size, or holds values
        other than 0 soil, 1 crop, 2 weed, 255 ignore.
    """
    mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if mask is None:
        raise DatasetError(f"{path}: cannot be read as an image")
    if mask.ndim != 2 or mask.dtype != np.uint8:
        raise DatasetError(
            f"{path}: expected a single-channel 8-bit mask, found {mask.dtype} {mask.shape}"
        )
    if mask.shape != shape:
        raise DatasetError(
            f"{path}: mask is {mask.shape[1]}x{mask.shape[0]}, its image is {shape[1]}x{shape[0]}; "
            "both must have the same size"
        )
    unknown = np.setdiff1d(np.unique(mask), _KNOWN_VALUES)
    if unknown.size:
        raise DatasetError(
            f"{path}: unknown values {unknown.tolist()}; expected 0 soil, 1 crop, 2 weed, "
            "255 ignore"
        )
    return np.asarray(mask, dtype=np.uint8)


def read_ids(path: Path, mask: UInt8Array) -> NDArray[np.uint16]:
    """Read a map of plant ids and keep those on crop and weed of its mask ``(H, W)``.

    Raises
    ------
    DatasetError
        It cannot be read, is no single-channel image of 8 or 16 bits, or is of another size.
    """
    found = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if found is None or found.ndim != 2 or found.dtype not in (np.uint8, np.uint16):
        raise DatasetError(f"{path}: expected a single-channel map of plant ids, 8 or 16 bits")
    if found.shape != mask.shape:
        raise DatasetError(
            f"{path}: ids are {found.shape[1]}x{found.shape[0]}, the mask is "
            f"{mask.shape[1]}x{mask.shape[0]}; both must have the same size"
        )
    plant = (mask == ClassId.CROP) | (mask == ClassId.WEED)
    return np.where(plant, found, 0).astype(np.uint16)


def load_labelled(
    sample: Sample, long_side_px: int, seed: int, *, with_ids: bool = False
) -> LabelledImage:
    """Read one sample, brought to at most a third more than the canonical size."""
    image, mask = sample.load()
    ids = sample.load_ids(mask) if with_ids else None
    return prepare(f"{sample.source}/{sample.stem}", image, mask, long_side_px, seed, ids)


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


class CropSampler:
    """Draws augmented crops; crop ``(step, slot)`` is the same whatever was drawn before it.

    Parameters
    ----------
    images : sequence of (weight, images)
        The sources with their shares.
    crop_px : int
        Side of the square crops.
    seed : int
    """

    def __init__(
        self, images: Sequence[tuple[float, Sequence[LabelledImage]]], crop_px: int, seed: int
    ) -> None:
        weights = np.array([weight for weight, _ in images], dtype=np.float64)
        self._images = [members for _, members in images]
        self._shares = weights / weights.sum()
        self._member_shares = [_image_shares(members) for members in self._images]
        self._crop_px = crop_px
        self._seed = seed

    def batch(self, step: int, size: int) -> tuple[UInt8Array, UInt8Array]:
        """Return ``(N, crop, crop, 3) uint8`` BGR images and ``(N, crop, crop) uint8`` masks."""
        pairs = [self.crop(step, slot) for slot in range(size)]
        return np.stack([image for image, _ in pairs]), np.stack([mask for _, mask in pairs])

    def crop(self, step: int, slot: int) -> tuple[UInt8Array, UInt8Array]:
        """Return one augmented crop with its mask."""
        item, geometry, rng = self._draw(step, slot)
        image, mask = cut_crop(item.image, item.mask, geometry, self._crop_px)
        return augment_colour(image, rng), mask

    def plant_batch(
        self, step: int, size: int
    ) -> tuple[UInt8Array, UInt8Array, list[NDArray[np.uint16] | None]]:
        """Return what `batch` does, and each crop's plant ids; None where an image has none."""
        crops = [self.plant_crop(step, slot) for slot in range(size)]
        images, masks = np.stack([c[0] for c in crops]), np.stack([c[1] for c in crops])
        return images, masks, [c[2] for c in crops]

    def plant_crop(
        self, step: int, slot: int
    ) -> tuple[UInt8Array, UInt8Array, NDArray[np.uint16] | None]:
        """Return what `crop` does, and the crop's plant ids; None where the image has none."""
        image, mask = self.crop(step, slot)
        item, geometry, _ = self._draw(step, slot)
        ids = None if item.ids is None else cut_ids(item.ids, geometry, self._crop_px)
        return image, mask, ids

    def _draw(
        self, step: int, slot: int
    ) -> tuple[LabelledImage, CropGeometry, np.random.Generator]:
        rng = np.random.default_rng([self._seed, step, slot])
        source = int(rng.choice(len(self._images), p=self._shares))
        shares = self._member_shares[source]
        item = self._images[source][int(rng.choice(shares.size, p=shares))]
        geometry = CropGeometry.draw(
            rng,
            anchor=_draw_anchor(item, rng),
            scale=_draw_scale(item, rng),
            shape=item.mask.shape,
            crop_px=self._crop_px,
        )
        return item, geometry, rng


def _ids_path(directory: Path, instances: str, stem: str) -> Path | None:
    if not instances:
        return None
    path = directory / instances / f"{stem}.png"
    if not path.is_file():
        raise DatasetError(
            f"{path}: missing; every image of a source with instances = {instances!r} needs a map "
            "of plant ids of the same name"
        )
    return path


def _read_groups(path: Path) -> dict[str, str] | None:
    if not path.exists():
        return None
    try:
        groups = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: cannot be read as JSON ({error})") from error
    if not isinstance(groups, dict) or not all(isinstance(v, str) for v in groups.values()):
        raise DatasetError(f"{path}: expected an object of image stem to group name")
    return groups


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
