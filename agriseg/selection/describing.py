"""What is known of a frame: how it looks, and how unsure a model is of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agriseg.messages import ClassId, Float64Array, Segmentation, UInt8Array
from agriseg.opencv import cv2

_SIDE_PX = 240
_THUMB_PX = (96, 72)
_DETAIL_PX = 3.0
_BINS = 8
_GREEN = 20.0
_SAME = 0.6
"""Correlation of detail from which on two pictures show the same ground. One in a hundred pairs of
other ground reaches 0.4; the same ground, shifted by a third of the picture, has 0.7."""
_LEAST_SHARE = 0.002
"""Of a picture: what a model sees of a class below that counts for little."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Described:
    """What is known of a frame.

    Attributes
    ----------
    look : (F,) float64
        Colours, texture, how much is green and in patches of what size.
    thumb : (h, w) float32
        The detail of a small grey picture, of mean 0 and norm 1.
    doubt : float
        How much of its plants the model expects to have wrong, 0 to 1; NaN without a model.
    wrong : (2,) float64
        Crop and weed that the model expects to have wrong, as shares of the picture; NaN without
        one.
    expected_error : float
        Share of pixels that the model expects to have wrong; NaN without a model.
    unfamiliarity : float
        How unlike it is to what the model knows: doubtful above 1; NaN where nothing tells.
    """

    look: Float64Array
    thumb: NDArray[np.float32]
    doubt: float
    wrong: Float64Array
    expected_error: float
    unfamiliarity: float


def describe(image: UInt8Array, seen: Segmentation | None) -> Described:
    """Describe a frame.

    Parameters
    ----------
    image : (H, W, 3) uint8
        BGR.
    seen : Segmentation, optional
        What a model saw in it.
    """
    nothing = float("nan")
    return Described(
        look=look_of(image),
        thumb=thumb_of(image),
        doubt=nothing if seen is None else doubt_of(seen),
        wrong=np.full(2, nothing) if seen is None else wrong_of(seen),
        expected_error=nothing if seen is None else expected_error(seen),
        unfamiliarity=nothing if seen is None else seen.unfamiliarity,
    )


def wrong_of(seen: Segmentation) -> Float64Array:
    """Return the crop and the weed that a model expects to have wrong, shares of the picture."""
    return np.array([wrong for wrong, _ in expected_losses(seen).values()], np.float64)


def look_of(image: UInt8Array) -> Float64Array:
    """Return what a frame looks like, ``(F,) float64``; alike frames have alike numbers."""
    small = _small(image)
    lab = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2LAB), np.float32)
    grey = lab[..., 0]
    du, dv = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    strength = np.asarray(cv2.magnitude(du, dv), np.float32)
    colours = [_histogram(lab[..., channel]) for channel in range(3)]
    edges = np.sqrt(np.histogram(strength, _BINS, (0.0, 400.0))[0] / strength.size)
    return np.concatenate([*colours, edges, _patches(small)]).astype(np.float64)


def thumb_of(image: UInt8Array) -> NDArray[np.float32]:
    """Return the detail of a small grey picture, ``(72, 96) float32`` of mean 0 and norm 1.

    Without what is as wide as the lens's shading and the robot's own parts, which stay where they
    are while the ground goes by.
    """
    grey = cv2.cvtColor(_small(image), cv2.COLOR_BGR2GRAY)
    small = np.asarray(cv2.resize(grey, _THUMB_PX, interpolation=cv2.INTER_AREA), np.float32)
    detail = small - np.asarray(cv2.GaussianBlur(small, (0, 0), _DETAIL_PX), np.float32)
    centred = detail - detail.mean()
    norm = float(np.linalg.norm(centred))
    return np.asarray(centred / norm if norm > 0.0 else centred, np.float32)


def doubt_of(seen: Segmentation) -> float:
    """Return how much of the plants a model expects to have wrong, 0 to 1.

    For crop and weed each: of the pixels that it calls so or that may be so, the share that it
    expects to be wrong, from its probabilities; the worse of the two. A class of which it sees next
    to nothing counts for little.
    """
    return max(wrong / (union + _LEAST_SHARE) for wrong, union in expected_losses(seen).values())


def expected_losses(seen: Segmentation) -> dict[ClassId, tuple[float, float]]:
    """Return what a model expects to have wrong of crop and of weed, and the ground that is about.

    Both as shares of the picture, from its probabilities: the ground are the pixels that it calls
    crop and, of all others, their probability of being crop; wrong is what of that it expects not
    to be both called crop and crop. One less their ratio is the intersection over union that it
    expects.
    """
    weed, crop = _probabilities(seen)
    soil = 1.0 - weed - crop
    found = {}
    for class_id, probability in ((ClassId.CROP, crop), (ClassId.WEED, weed)):
        is_called = (probability >= soil) & (probability >= weed) & (probability >= crop)
        hit = float(probability[is_called].sum())
        union = float(is_called.sum() + probability[~is_called].sum())
        found[class_id] = ((union - hit) / probability.size, union / probability.size)
    return found


def expected_error(seen: Segmentation) -> float:
    """Return the share of pixels that a model expects to have wrong, from its probabilities."""
    weed, crop = _probabilities(seen)
    surest = np.maximum(np.maximum(weed, crop), 1.0 - weed - crop)
    return float(1.0 - surest.mean())


def are_near_duplicates(first: NDArray[np.float32], second: NDArray[np.float32]) -> bool:
    """Whether two thumbs show the same ground, shifted by less than half a picture."""
    height, width = first.shape
    window = cv2.createHanningWindow((width, height), cv2.CV_32F)
    (du, dv), _ = cv2.phaseCorrelate(first, second, window)
    u, v = round(du), round(dv)
    if abs(u) > width // 2 or abs(v) > height // 2:
        return False
    a = first[max(0, -v) : height - max(0, v), max(0, -u) : width - max(0, u)]
    b = second[max(0, v) : height + min(0, v), max(0, u) : width + min(0, u)]
    a, b = a - a.mean(), b - b.mean()
    norms = float(np.linalg.norm(a) * np.linalg.norm(b))
    return norms > 0.0 and float((a * b).sum()) / norms > _SAME


def _small(image: UInt8Array) -> UInt8Array:
    scale = _SIDE_PX / max(image.shape[:2])
    if scale >= 1.0:
        return image
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _histogram(channel: NDArray[np.float32]) -> Float64Array:
    """Return the roots of the shares of eight bins: their distance is Hellinger's."""
    return np.sqrt(np.histogram(channel, _BINS, (0.0, 256.0))[0] / channel.size)


def _patches(small: UInt8Array) -> Float64Array:
    """Return how much is green, and how much of that lies in small, middling and large patches."""
    plain = small.astype(np.float32)
    green = 2.0 * plain[..., 1] - plain[..., 0] - plain[..., 2] > _GREEN
    _, _, stats, _ = cv2.connectedComponentsWithStats(green.astype(np.uint8))
    areas = stats[1:, cv2.CC_STAT_AREA] / green.size
    sizes = np.histogram(areas, [0.0, 0.0005, 0.005, 0.05, 1.0], weights=areas)[0]
    return np.asarray(np.sqrt(np.concatenate([[green.mean()], sizes])), np.float64)


def _probabilities(seen: Segmentation) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    step = max(1, round(max(seen.labels.shape) / (2 * _SIDE_PX)))
    weed = seen.weed_probability[::step, ::step].astype(np.float32) / 255.0
    crop = seen.crop_probability[::step, ::step].astype(np.float32) / 255.0
    return weed, crop
