"""Labels of one frame onto the next one that shows part of the same ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agriseg.labelling.document import MOST_PLANTS, SURE, LabelDocument
from agriseg.labelling.edits import Edit, LayerArray, Point
from agriseg.labelling.tools.regions import BoolArray
from agriseg.messages import ClassId, Float64Array, UInt8Array
from agriseg.opencv import cv2

_LONGER_SIDE_PX = 1300
_MOST_FEATURES = 5000
_CONTRAST_LIMIT = 4.0
_RATIO = 0.85
_REACH_PX = 3.0
_MOST_ROUNDS = 20000
_LEAST_MATCHES = 8
_SCALES = (0.7, 1.4)
_RELIEF_PX = 8.0
_LEAST_CORRELATION = 0.2
_LEAST_OVERLAP = 0.02
_SNAP_PX = 12.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Motion:
    """How the ground moved in the picture.

    Attributes
    ----------
    h_now_before : (3, 3) float64
        Homography of picture points: the same ground before and now, px.
    matches : int
        Places that agree with it; 0 for a motion that is known from elsewhere.
    overlap : float
        Share of the picture that shows ground of the one before.
    """

    h_now_before: Float64Array
    matches: int = 0
    overlap: float = float("nan")


def estimate_motion(before: UInt8Array, now: UInt8Array) -> Motion | None:
    """Find how the ground moved between two pictures; None where they show nothing in common.

    SIFT features (Lowe, IJCV 2004) are matched, and a shift, turn and scale agreed upon by
    RANSAC (Fischler and Bolles, 1981), both by OpenCV: for a camera that looks straight down.
    The ground in the overlap must then look the same. About 2 s.

    Parameters
    ----------
    before, now : (H, W, 3) uint8
        BGR.
    """
    scale = min(1.0, _LONGER_SIDE_PX / max(before.shape[:2]))
    places_before, words_before = _features(before, scale)
    places_now, words_now = _features(now, scale)
    if min(len(places_before), len(places_now)) < _LEAST_MATCHES:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(words_before, words_now, k=2)
    good = [p[0] for p in pairs if len(p) == 2 and p[0].distance < _RATIO * p[1].distance]
    if len(good) < _LEAST_MATCHES:
        return None
    source = places_before[[match.queryIdx for match in good]]
    target = places_now[[match.trainIdx for match in good]]
    found, agree = cv2.estimateAffinePartial2D(
        source,
        target,
        method=cv2.RANSAC,
        ransacReprojThreshold=_REACH_PX / scale,
        maxIters=_MOST_ROUNDS,
        confidence=0.999,
    )
    if found is None:
        return None
    h_now_before = np.vstack([np.asarray(found, np.float64), [0.0, 0.0, 1.0]])
    overlap = float(_overlap(h_now_before, before.shape[:2], now.shape[:2]).mean())
    motion = Motion(
        h_now_before=h_now_before, matches=int(np.count_nonzero(agree)), overlap=overlap
    )
    return motion if _can_be(motion) and _is_seen(motion, before, now, scale) else None


def propagate(
    document: LabelDocument,
    before: LabelDocument,
    motion: Motion,
    *,
    green: BoolArray | None = None,
) -> Edit | None:
    """Take over the labels of the frame before, where this one shows the same ground.

    What a person decided here stays: sure pixels that are not soil. Plants keep their numbers where
    these are free here, and their stems come along.

    Parameters
    ----------
    document : LabelDocument
        Of the new frame.
    before : LabelDocument
    motion : Motion
    green : (H, W) bool, optional
        Vegetation of the new frame (`Vegetation.mask`). Plants then snap to it, as leaves stand
        above the ground and are seen from another side: green pixels become what the nearest
        plant is that comes to lie within a few pixels, and no others do.
    """
    shape = document.height_px, document.width_px
    classes = _warped(before.classes, motion, shape)
    numbers = _free_numbers(document, before)
    instances = _warped(before.instances, motion, shape)
    instances = numbers[instances]
    seen = _overlap(motion.h_now_before, before.image.shape[:2], shape)
    free = seen & ((document.classes == ClassId.SOIL) | (_confidence(document) < SURE))
    if green is not None:
        classes, instances = _snapped(classes, instances, green)
    taken = np.where(free, instances, document.instances)
    return document.edit(
        "propagate",
        document.rect,
        classes=np.where(free, classes, document.classes),
        instances=taken,
        confidence=_taken_confidence(document, before, motion, free),
        stems=_moved_stems(document, before, motion, numbers, taken),
    )


def _features(image: UInt8Array, scale: float) -> tuple[Float64Array, UInt8Array]:
    small = _small_grey(image, scale)
    # Ground in dim light has little contrast, and hardly any feature without this.
    even = cv2.createCLAHE(_CONTRAST_LIMIT, (8, 8)).apply(small)
    found, words = cv2.SIFT.create(_MOST_FEATURES).detectAndCompute(even, None)
    places = np.array([one.pt for one in found], np.float64).reshape(-1, 2)
    return (places + 0.5) / scale - 0.5, np.asarray(words)


def _small_grey(image: UInt8Array, scale: float) -> UInt8Array:
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def _can_be(motion: Motion) -> bool:
    size = float(np.hypot(*motion.h_now_before[:2, 0]))
    enough = motion.matches >= _LEAST_MATCHES and motion.overlap >= _LEAST_OVERLAP
    return enough and _SCALES[0] < size < _SCALES[1]


def _is_seen(motion: Motion, before: UInt8Array, now: UInt8Array, scale: float) -> bool:
    """Whether the ground in the overlap looks the same, slow changes of light left aside."""
    half = 0.5 * scale
    moved = _scaled(motion.h_now_before, half)
    old, new = _relief(before, half), _relief(now, half)
    size = new.shape[1], new.shape[0]
    both = _overlap(moved, old.shape, new.shape)
    shifted = np.asarray(cv2.warpPerspective(old, moved, size, flags=cv2.INTER_LINEAR))
    correlation = float(np.corrcoef(shifted[both], new[both])[0, 1])
    return correlation >= _LEAST_CORRELATION


def _relief(image: UInt8Array, scale: float) -> NDArray[np.float32]:
    grey = _small_grey(image, scale).astype(np.float32)
    return np.asarray(grey - cv2.GaussianBlur(grey, (0, 0), _RELIEF_PX), np.float32)


def _scaled(h_now_before: Float64Array, scale: float) -> Float64Array:
    """Return the homography of pictures shrunk by ``scale``; pixel centres are at .0."""
    edge = 0.5 * scale - 0.5
    shrink = np.array([[scale, 0.0, edge], [0.0, scale, edge], [0.0, 0.0, 1.0]])
    scaled: Float64Array = shrink @ h_now_before @ np.linalg.inv(shrink)
    return scaled


def _warped(
    layer: LayerArray,
    motion: Motion,
    shape: tuple[int, int],
) -> LayerArray:
    size = shape[1], shape[0]
    return np.asarray(
        cv2.warpPerspective(np.ascontiguousarray(layer), motion.h_now_before, size, flags=0)
    )


def _snapped(
    classes: LayerArray, instances: LayerArray, green: BoolArray
) -> tuple[LayerArray, LayerArray]:
    plant = ~np.isin(classes, (ClassId.SOIL, ClassId.IGNORE))
    if not plant.any():
        return classes, instances
    distance, nearest = cv2.distanceTransformWithLabels(
        (~plant).astype(np.uint8),
        cv2.DIST_L2,
        cv2.DIST_MASK_5,
        labelType=cv2.DIST_LABEL_PIXEL,
    )
    rows, columns = np.nonzero(plant)
    place = np.zeros(int(nearest.max()) + 1, np.int64)
    place[np.asarray(nearest)[rows, columns]] = rows * plant.shape[1] + columns
    near = green & (np.asarray(distance) <= _SNAP_PX)
    source = place[np.asarray(nearest)[near]]
    snapped = np.where(plant, np.uint8(ClassId.SOIL), classes)
    numbers = np.zeros_like(instances)
    snapped[near], numbers[near] = classes.ravel()[source], instances.ravel()[source]
    return snapped, numbers


def _overlap(
    h_now_before: Float64Array, before: tuple[int, ...], now: tuple[int, ...]
) -> BoolArray:
    """Return the pixels of the new frame that show ground of the old one."""
    whole = np.ones((before[0], before[1]), np.uint8)
    size = now[1], now[0]
    return np.asarray(cv2.warpPerspective(whole, h_now_before, size, flags=0), np.bool_)


def _confidence(document: LabelDocument) -> UInt8Array:
    found = document.confidence
    return np.full(document.classes.shape, SURE, np.uint8) if found is None else found


def _taken_confidence(
    document: LabelDocument, before: LabelDocument, motion: Motion, free: BoolArray
) -> UInt8Array | None:
    if document.confidence is None and before.confidence is None:
        return None
    moved = _warped(_confidence(before), motion, document.classes.shape)
    return np.where(free, moved, _confidence(document)).astype(np.uint8)


def _free_numbers(document: LabelDocument, before: LabelDocument) -> NDArray[np.uint16]:
    """Return the new number of every old one: the same where it is free, else a fresh one."""
    numbers = np.arange(MOST_PLANTS + 1, dtype=np.uint16)
    taken = set(np.unique(document.instances).tolist()) | set(document.stems)
    old = (set(np.unique(before.instances).tolist()) | set(before.stems)) - {0}
    following = max(document.next_plant(), before.next_plant())
    for number in sorted(old & taken):
        numbers[number] = following
        following += 1
    return numbers


def _moved_stems(
    document: LabelDocument,
    before: LabelDocument,
    motion: Motion,
    numbers: NDArray[np.uint16],
    taken: LayerArray,
) -> dict[int, Point | None]:
    if not before.stems:
        return {}
    points = np.array(list(before.stems.values()), np.float64).reshape(-1, 1, 2)
    places = cv2.perspectiveTransform(points, motion.h_now_before).reshape(-1, 2)
    present = set(np.unique(taken).tolist())
    return {
        int(numbers[plant]): (float(u), float(v))
        for plant, (u, v) in zip(before.stems, places, strict=True)
        if int(numbers[plant]) in present
        and 0 <= round(u) < document.width_px
        and 0 <= round(v) < document.height_px
    }
