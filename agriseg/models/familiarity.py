"""Whether a frame looks like those that the model knows: light, focus, colours, its own doubts.

A frame becomes a handful of numbers, and the distance to the nearest frames of the training set
says how familiar it is (Sun et al., "Out-of-distribution detection with deep nearest neighbors",
ICML 2022, on hand-made features instead of the network's: they cost the same in every runtime, and
say in words what is wrong). numpy and OpenCV alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agriseg.messages import ClassId, Float64Array, Segmentation, UInt8Array
from agriseg.opencv import cv2

FEATURES = (
    "light",
    "contrast",
    "dark",
    "bright",
    "sharpness",
    "least_sharpness",
    "coarse_sharpness",
    "greenness",
    "greenness_spread",
    "saturation",
    "warmth",
    "doubt",
    "doubtful_share",
    "crop",
    "weed",
    "green_soil",
    "brown_plants",
)
"""What a frame is told by, in the order of `frame_features`."""

_NEIGHBOURS = 3
_LEAST_SPREAD = 0.05
_FINE_SIDE_PX = 960
_COARSE_SIDE_PX = 240
_BLOCKS = (8, 5)
_GREEN = 20.0
_SURE = 0.8

_WORDS = {
    "light": ("too dark", "too bright"),
    "dark": ("too bright", "too dark"),
    "bright": ("too dark", "too bright"),
    "contrast": ("without contrast: fog, dust or a dirty lens", "of hard light and shadow"),
    "sharpness": ("out of focus, or the lens is dirty", "full of unusual detail"),
    "least_sharpness": ("blurred in places: dirt on the lens?", "full of unusual detail"),
    "coarse_sharpness": ("without structure: a covered lens?", "full of unusual structure"),
}
_UNLIKE = "of a crop, ground or colour that the model was not trained on"


@dataclass(frozen=True, slots=True, kw_only=True)
class Familiarity:
    """How a frame compares with those that the model knows.

    Attributes
    ----------
    distance : float
        To the nearest of them, in units of the threshold: doubtful above 1.
    words : str
        What the picture is, to follow "The picture is"; empty where it is familiar.
    """

    distance: float
    words: str


class FamiliarFrames:
    """Frames that the model knows.

    Parameters
    ----------
    reference : (N, F) float64
        Features of frames of the training set.
    threshold : float
        Distance from which on a frame is unlike all of them.
    """

    def __init__(self, reference: Float64Array, threshold: float) -> None:
        if reference.ndim != 2 or reference.shape[1] != len(FEATURES) or len(reference) < 2:
            raise ValueError(f"reference is (N, {len(FEATURES)}), got {reference.shape}")
        self.reference = reference
        self.threshold = threshold
        self._centre = np.median(reference, axis=0)
        spread = 1.4826 * np.median(np.abs(reference - self._centre), axis=0)
        self._spread = np.maximum(np.maximum(spread, 0.5 * reference.std(axis=0)), _LEAST_SPREAD)
        self._scaled = (reference - self._centre) / self._spread

    def judge(self, image: UInt8Array, seen: Segmentation) -> Familiarity:
        """Compare a frame and what the model made of it with those that it knows."""
        features = frame_features(image, seen)
        distance, nearest = self._distance(features)
        share = distance / self.threshold
        return Familiarity(
            distance=share, words=self._words(features, nearest) if share > 1.0 else ""
        )

    def distance(self, features: Float64Array) -> float:
        """Return the root mean square distance to the third nearest, in spreads of a feature."""
        return self._distance(features)[0]

    def _distance(self, features: Float64Array) -> tuple[float, int]:
        offsets = self._scaled - (features - self._centre) / self._spread
        squares = np.einsum("ij,ij->i", offsets, offsets)
        rank = min(_NEIGHBOURS, len(squares)) - 1
        order = np.argpartition(squares, rank)
        return float(np.sqrt(squares[order[rank]] / len(FEATURES))), int(np.argmin(squares))

    def _words(self, features: Float64Array, nearest: int) -> str:
        """Name what differs most from the most similar frame."""
        offset = (features - self.reference[nearest]) / self._spread
        name = FEATURES[int(np.argmax(np.abs(offset)))]
        low, high = _WORDS.get(name, (_UNLIKE, _UNLIKE))
        return high if offset[FEATURES.index(name)] > 0.0 else low


def frame_features(image: UInt8Array, seen: Segmentation) -> Float64Array:
    """Return what a frame is told by; `FEATURES` names the numbers.

    Parameters
    ----------
    image : (H, W, 3) uint8
        BGR.
    seen : Segmentation
        Of the same size.

    Returns
    -------
    (F,) float64
    """
    step = max(1, round(max(image.shape[:2]) / _COARSE_SIDE_PX))
    small = np.ascontiguousarray(image[::step, ::step])
    plain = small.astype(np.float32)
    blue, green, red = plain[..., 0], plain[..., 1], plain[..., 2]
    luma = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
    excess = 2.0 * green - red - blue
    highest = plain.max(axis=2)
    saturation = (highest - plain.min(axis=2)) / np.maximum(highest, 1.0)
    fine, least = _sharpness(image)
    coarse = float(cv2.absdiff(luma[:, 1:], luma[:, :-1]).mean())
    contrast = float(luma.std())
    return np.array(
        [
            np.log(float(luma.mean()) + 4.0),
            np.log(contrast + 2.0),
            float((luma < 25).mean()),
            float((luma > 245).mean()),
            np.log((fine + 0.3) / (contrast + 4.0)),
            np.log((least + 0.3) / (fine + 0.3)),
            np.log((coarse + 0.3) / (contrast + 4.0)),
            float(excess.mean()) / 50.0,
            float(excess.std()) / 50.0,
            float(saturation.mean()),
            float(np.log((red.mean() + 4.0) / (blue.mean() + 4.0))),
            *_doubts(seen, excess, step),
        ],
        np.float64,
    )


def reference_and_threshold(
    training: Sequence[Float64Array], held_out: Sequence[Float64Array], false_alarms: float
) -> FamiliarFrames:
    """Take the training frames for familiar, and set the threshold on held-out ones.

    Parameters
    ----------
    training, held_out : sequence of (F,) float64
    false_alarms : float
        Share of the held-out frames that may be called unfamiliar.
    """
    frames = FamiliarFrames(np.stack(training), 1.0)
    distances = [frames.distance(features) for features in held_out]
    return FamiliarFrames(frames.reference, float(np.quantile(distances, 1.0 - false_alarms)))


def _sharpness(image: UInt8Array) -> tuple[float, float]:
    """Return the mean step of green between neighbours, and that of the least sharp block."""
    reach = max(1, round(max(image.shape[:2]) / _FINE_SIDE_PX))
    green = np.ascontiguousarray(image[:: 4 * reach, ::reach, 1])
    steps = np.asarray(cv2.absdiff(green[:, 1:], green[:, :-1]), np.float32)
    blocks: NDArray[np.float32] = np.asarray(
        cv2.resize(steps, _BLOCKS, interpolation=cv2.INTER_AREA), np.float32
    )
    return float(steps.mean()), float(np.sort(blocks.ravel())[1])


def _doubts(
    seen: Segmentation, excess: NDArray[np.float32], step: int
) -> tuple[float, float, float, float, float, float]:
    """Return what the model is unsure of, what it sees, and where it contradicts the colours."""
    weed = seen.weed_probability[::step, ::step].astype(np.float32) / 255.0
    crop = seen.crop_probability[::step, ::step].astype(np.float32) / 255.0
    labels = seen.labels[::step, ::step]
    sure = np.maximum(np.maximum(weed, crop), 1.0 - weed - crop)
    soil = labels == ClassId.SOIL
    is_green = excess > _GREEN
    return (
        float(np.sqrt(1.0 - sure.mean())),
        float(np.sqrt((sure < _SURE).mean())),
        float(np.sqrt(crop.mean())),
        float(np.sqrt(weed.mean())),
        float(np.sqrt((soil & is_green).mean())),
        float(np.sqrt((~soil & ~is_green).mean())),
    )
