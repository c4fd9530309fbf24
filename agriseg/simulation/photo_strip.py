"""Where photographs of the ground lie: read from a folder, registered where they overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agriseg.errors import DatasetError
from agriseg.messages import ClassId, Float64Array, UInt8Array
from agriseg.opencv import cv2

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")
_KNOWN_LABELS = np.array([ClassId.SOIL, ClassId.CROP, ClassId.WEED, ClassId.IGNORE])
_REDUCTION = 2
_STRIP_SHARE = 0.1
_BORDER_SHARE = 0.02
_SIDE_SHARE = 0.1
_SEARCH_SHARE = 0.45
_TRIED_PAIRS = 6
_MIN_SCORE = 0.25
_MIN_AGREEING = 0.75
_AGREEMENT_SHARE = 0.06


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledPhoto:
    """An image file and its mask, and their size."""

    image_path: Path
    mask_path: Path
    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Placement:
    """How a photograph lies in a strip, in pixels of the photographs.

    Attributes
    ----------
    centre_px : (2,) float64
        (forward, left) of the photograph's middle from the strip's beginning.
    first_px, last_px : float
        Forward range of the strip that this photograph covers.
    """

    centre_px: Float64Array
    first_px: float
    last_px: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StripLayout:
    """All photographs of a strip; ``forward`` is the driving direction (du, dv) in them."""

    photos: tuple[LabelledPhoto, ...]
    placements: tuple[Placement, ...]
    forward: Float64Array
    is_drive: bool
    """Whether the photographs overlap, as one drive's frames do."""


def read_folder(path: Path) -> tuple[LabelledPhoto, ...]:
    """Return the labelled photographs below ``path`` in the order of their names.

    Raises
    ------
    DatasetError
        There are no images, a mask is missing, unreadable, of another size or holds values
        that are no classes.
    """
    images = path / "images"
    if not images.is_dir():
        raise DatasetError(
            f"{path}: there is no folder {images.name!r} in it; a world of photographs is a folder"
            " with 'images' and 'masks' (same names, masks as PNG)"
        )
    found = sorted(p for p in images.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES)
    if not found:
        raise DatasetError(
            f"{images}: there are no images in it; {', '.join(IMAGE_SUFFIXES)} count"
        )
    return tuple(_labelled(image, path / "masks" / f"{image.stem}.png") for image in found)


def read_image(photo: LabelledPhoto) -> UInt8Array:
    """Return a photograph, ``(H, W, 3) uint8`` BGR."""
    image = cv2.imread(str(photo.image_path), cv2.IMREAD_COLOR)
    if image is None:
        raise DatasetError(f"{photo.image_path}: the image cannot be read; is it complete?")
    return np.asarray(image, np.uint8)


def read_mask(path: Path) -> UInt8Array:
    """Return a mask, ``(H, W) uint8`` of `ClassId`.

    Raises
    ------
    DatasetError
        The mask is missing, unreadable, not of one 8-bit channel, or holds other values.
    """
    if not path.is_file():
        raise DatasetError(f"{path}: the mask is missing; every image needs one of the same name")
    mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if mask is None or mask.ndim != 2 or mask.dtype != np.uint8:
        found = "nothing readable" if mask is None else f"{mask.shape} {mask.dtype}"
        raise DatasetError(
            f"{path}: a mask is one 8-bit channel, found {found}; save it as grey PNG"
        )
    strange = np.setdiff1d(np.flatnonzero(np.bincount(mask.ravel())), _KNOWN_LABELS)
    if strange.size:
        raise DatasetError(
            f"{path}: the mask holds the value {strange[0]}; 0 soil, 1 crop, 2 weed and 255 ignore"
            " are known: relabel it"
        )
    return np.asarray(mask, np.uint8)


def lay_out(photos: Sequence[LabelledPhoto]) -> StripLayout:
    """Place photographs along the way: by registration if they overlap, else end to end."""
    shifts = _drive_shifts(photos)
    if shifts is None:
        return _end_to_end(photos)
    mean = -shifts.mean(axis=0)
    forward = mean / np.hypot(*mean)
    left = np.array([forward[1], -forward[0]])
    steps = np.column_stack((-shifts @ forward, -shifts @ left))
    length_px = float(photos[0].height_px)
    centres = np.concatenate((np.zeros((1, 2)), np.cumsum(steps, axis=0)))
    centres[:, 0] += length_px / 2.0
    seams = (centres[1:, 0] + centres[:-1, 0]) / 2.0
    first = np.concatenate(([0.0], seams))
    last = np.concatenate((seams, [centres[-1, 0] + length_px / 2.0]))
    return StripLayout(
        photos=tuple(photos),
        placements=_placements(centres, first, last),
        forward=forward,
        is_drive=True,
    )


def _labelled(image_path: Path, mask_path: Path) -> LabelledPhoto:
    mask = read_mask(mask_path)
    image = cv2.imread(str(image_path), cv2.IMREAD_COLOR)
    if image is None:
        raise DatasetError(f"{image_path}: the image cannot be read; is it complete?")
    if image.shape[:2] != mask.shape:
        raise DatasetError(
            f"{mask_path}: the mask is {mask.shape[1]}x{mask.shape[0]} pixels and its image"
            f" {image.shape[1]}x{image.shape[0]}; they must be of the same size"
        )
    return LabelledPhoto(
        image_path=image_path,
        mask_path=mask_path,
        width_px=mask.shape[1],
        height_px=mask.shape[0],
    )


def _end_to_end(photos: Sequence[LabelledPhoto]) -> StripLayout:
    """Place photographs one after another, all scaled to the width of the first."""
    width = photos[0].width_px
    lengths = np.array([p.height_px * width / p.width_px for p in photos])
    last = np.cumsum(lengths)
    first = last - lengths
    centres = np.column_stack(((first + last) / 2.0, np.zeros(len(photos))))
    return StripLayout(
        photos=tuple(photos),
        placements=_placements(centres, first, last),
        forward=np.array([0.0, -1.0]),
        is_drive=False,
    )


def _placements(
    centres: Float64Array, first: Float64Array, last: Float64Array
) -> tuple[Placement, ...]:
    return tuple(
        Placement(centre_px=c, first_px=float(a), last_px=float(b))
        for c, a, b in zip(centres, first, last, strict=True)
    )


def _drive_shifts(photos: Sequence[LabelledPhoto]) -> Float64Array | None:
    """Return (N - 1, 2) shifts (du, dv) of the ground between neighbours; None for no drive.

    The frames are one drive when most neighbours overlap by about the same shift; a pair
    that cannot be registered takes the drive's median.
    """
    sizes = {(p.width_px, p.height_px) for p in photos}
    if len(photos) < 2 or len(sizes) > 1:
        return None
    first = _registered(photos[: _TRIED_PAIRS + 1])
    if not _is_drive(first, photos[0].height_px):
        return None
    shifts = _registered(photos)
    if not _is_drive(shifts, photos[0].height_px):
        return None
    typical = np.nanmedian(shifts, axis=0)
    limit_px = _AGREEMENT_SHARE * photos[0].height_px
    with np.errstate(invalid="ignore"):
        good = np.abs(shifts - typical).max(axis=1) <= limit_px
    return np.where(good[:, None], shifts, typical)


def _is_drive(shifts: Float64Array, height_px: int) -> bool:
    known = shifts[~np.isnan(shifts[:, 0])]
    if len(known) < _MIN_AGREEING * len(shifts):
        return False
    away = np.abs(known - np.median(known, axis=0)).max(axis=1)
    return bool((away <= _AGREEMENT_SHARE * height_px).sum() >= _MIN_AGREEING * len(shifts))


def _registered(photos: Sequence[LabelledPhoto]) -> Float64Array:
    """Return (N - 1, 2) shifts between neighbours, NaN where they do not match."""
    shifts = []
    before = _relief(photos[0])
    for photo in photos[1:]:
        after = _relief(photo)
        shifts.append(_shift(before, after))
        before = after
    return np.array(shifts) * _REDUCTION


def _relief(photo: LabelledPhoto) -> NDArray[np.float32]:
    """Return a photograph at half size without its slow changes of brightness."""
    grey = cv2.imread(str(photo.image_path), cv2.IMREAD_REDUCED_GRAYSCALE_2)
    if grey is None:
        raise DatasetError(f"{photo.image_path}: the image cannot be read; is it complete?")
    grey = np.asarray(grey, np.float32)
    return np.asarray(grey - cv2.GaussianBlur(grey, (0, 0), 8.0), np.float32)


def _shift(before: NDArray[np.float32], after: NDArray[np.float32]) -> tuple[float, float]:
    """Return how far (du, dv) the ground moved, by matching a strip at either edge.

    The match is verified over the whole overlap; (NaN, NaN) where there is none.
    """
    height, width = before.shape
    border, side = int(_BORDER_SHARE * height), int(_SIDE_SHARE * width)
    strip = int(_STRIP_SHARE * height)
    search = int(_SEARCH_SHARE * height)
    ahead = _match(before[border : border + strip, side : width - side], after[-search:])
    behind = _match(
        before[height - border - strip : height - border, side : width - side], after[:search]
    )
    candidates = [
        (ahead[0], ahead[1] - side, ahead[2] + height - search - border),
        (behind[0], behind[1] - side, behind[2] - (height - border - strip)),
    ]
    score, du, dv = max(candidates)
    if score < _MIN_SCORE or _overlap_score(before, after, du, dv) < _MIN_SCORE:
        return (np.nan, np.nan)
    return (float(du), float(dv))


def _match(template: NDArray[np.float32], image: NDArray[np.float32]) -> tuple[float, int, int]:
    """Return the best normalised correlation and its (column, row)."""
    scores = cv2.matchTemplate(image, template, cv2.TM_CCOEFF_NORMED)
    _, best, _, place = cv2.minMaxLoc(scores)
    return (float(best), int(place[0]), int(place[1]))


def _overlap_score(
    before: NDArray[np.float32], after: NDArray[np.float32], du: int, dv: int
) -> float:
    """Return the normalised correlation of all that both photographs show."""
    height, width = before.shape
    rows_a = slice(max(-dv, 0), height - max(dv, 0))
    rows_b = slice(max(dv, 0), height - max(-dv, 0))
    columns_a = slice(max(-du, 0), width - max(du, 0))
    columns_b = slice(max(du, 0), width - max(-du, 0))
    a, b = before[rows_a, columns_a].ravel(), after[rows_b, columns_b].ravel()
    if a.size < 2:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
