"""Labelled shapes, and how they become masks: outlines, boxes and bitmaps.

Points are (u, v) in pixels with the picture's upper left corner at (0, 0): pixel i reaches from
i to i + 1, as in COCO, CVAT and LabelMe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from agriseg.datasets.classes import ClassMapping
from agriseg.datasets.labels import Labels, Point
from agriseg.errors import DatasetError
from agriseg.messages import Float64Array

BoolArray = NDArray[np.bool_]

_BORDER_TOLERANCE_PX = 1.0
_ELLIPSE_POINTS = 64
_CENTRE_PX = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Patch:
    """Pixels of a picture: ``mask`` (h, w) bool, its upper left pixel at (left_px, top_px)."""

    left_px: int
    top_px: int
    mask: BoolArray

    def patch(self, width_px: int, height_px: int) -> Patch:
        """Return what of it lies in a picture of this size."""
        h, w = self.mask.shape
        left, top = max(0, self.left_px), max(0, self.top_px)
        right, bottom = min(width_px, self.left_px + w), min(height_px, self.top_px + h)
        inner = self.mask[
            top - self.top_px : max(top, bottom) - self.top_px,
            left - self.left_px : max(left, right) - self.left_px,
        ]
        return Patch(left_px=left, top_px=top, mask=inner)

    def reaches_beyond(self, width_px: int, height_px: int) -> bool:
        """Whether it leaves a picture of this size."""
        h, w = self.mask.shape
        return (
            min(self.left_px, self.top_px) < 0
            or self.left_px + w > width_px
            or self.top_px + h > height_px
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outlines:
    """One or more closed outlines, each ``(N, 2) float64`` of (u, v); their union is meant."""

    rings: tuple[Float64Array, ...]

    def patch(self, width_px: int, height_px: int) -> Patch:
        """Return the pixels that they enclose, as pycocotools counts them."""
        low = np.floor(np.min([ring.min(axis=0) for ring in self.rings], axis=0))
        high = np.ceil(np.max([ring.max(axis=0) for ring in self.rings], axis=0))
        low = np.clip(low, 0, (width_px, height_px)).astype(int)
        high = np.clip(high, low, (width_px, height_px)).astype(int)
        w, h = (high - low).tolist()
        if w == 0 or h == 0:
            return Patch(left_px=int(low[0]), top_px=int(low[1]), mask=np.zeros((h, w), bool))
        flat = [(ring - low).ravel().tolist() for ring in self.rings]
        runs = coco_mask.merge(coco_mask.frPyObjects(flat, h, w))
        mask = np.asarray(coco_mask.decode(runs), dtype=bool)
        return Patch(left_px=int(low[0]), top_px=int(low[1]), mask=mask)

    def reaches_beyond(self, width_px: int, height_px: int) -> bool:
        """Whether a point lies outside a picture of this size by more than a pixel."""
        points = np.concatenate(self.rings)
        far = np.array([width_px, height_px]) + _BORDER_TOLERANCE_PX
        return bool((points < -_BORDER_TOLERANCE_PX).any() or (points > far).any())


class Geometry(Protocol):
    """Ground that a shape covers."""

    def patch(self, width_px: int, height_px: int) -> Patch:
        """Return its pixels within a picture of this size."""
        ...

    def reaches_beyond(self, width_px: int, height_px: int) -> bool:
        """Whether it leaves a picture of this size."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shape:
    """One labelled shape.

    Attributes
    ----------
    name : str
        The data set's name of the class.
    geometry : Geometry
    words : str
        What to call the shape in messages, such as ``annotation 17``.
    z : int
        Shapes of higher z cover those of lower.
    plant : str
        Shapes of the same text are parts of one plant; empty: a plant of its own.
    is_crowd : bool
        Several plants that are not told apart.
    is_box : bool
        It only bounds what it is about.
    stem : (u, v), optional
        Where the plant leaves the ground; px, pixel centres at .0 (other than the geometry's).
    """

    name: str
    geometry: Geometry
    words: str
    z: int = 0
    plant: str = ""
    is_crowd: bool = False
    is_box: bool = False
    stem: Point | None = None


def outline(points: Sequence[Sequence[float]] | Float64Array, words: str) -> Float64Array:
    """Check the points of an outline and return them as ``(N, 2) float64``.

    Raises
    ------
    DatasetError
        Fewer than three points, or values that are no numbers.
    """
    try:
        ring = np.asarray(points, np.float64)
    except (TypeError, ValueError) as error:
        raise DatasetError(f"{words}: an outline with values that are no numbers") from error
    if ring.ndim != 2 or ring.shape[1] != 2 or len(ring) < 3:
        raise DatasetError(
            f"{words}: an outline needs at least three points of u and v, found {len(ring)}"
        )
    if not np.isfinite(ring).all():
        raise DatasetError(f"{words}: an outline with values that are no finite numbers")
    return ring


def with_stems(shapes: Sequence[Shape], stems: Mapping[tuple[str, str], Point]) -> list[Shape]:
    """Give plants their stems.

    Parameters
    ----------
    shapes : sequence of Shape
    stems : mapping of (class name, plant) to (u, v)
        Upper left corner of the picture at (0, 0), as the geometries have it.
    """
    found = []
    for shape in shapes:
        point = stems.get((shape.name, shape.plant)) if shape.plant else None
        if point is not None:
            shape = replace(shape, stem=(point[0] - _CENTRE_PX, point[1] - _CENTRE_PX))
        found.append(shape)
    return found


def patch_of_runs(runs: dict[str, Any]) -> Patch:
    """Decode a whole picture's bitmap in COCO's compressed run lengths, which have been checked."""
    left, top, width, height = (int(number) for number in coco_mask.toBbox(runs))
    mask = np.asarray(coco_mask.decode(runs), dtype=bool)
    inner = mask[top : top + height, left : left + width].copy()
    return Patch(left_px=left, top_px=top, mask=inner)


def ellipse(
    centre: tuple[float, float], radii: tuple[float, float], angle_deg: float = 0.0
) -> Outlines:
    """Return an ellipse as an outline of 64 points, turned clockwise as seen on the screen."""
    turn = np.linspace(0.0, 2.0 * np.pi, _ELLIPSE_POINTS, endpoint=False)
    points = np.column_stack([radii[0] * np.cos(turn), radii[1] * np.sin(turn)])
    return Outlines(rings=(_turned(points, angle_deg) + np.array(centre),))


def box(left: float, top: float, right: float, bottom: float, angle_deg: float = 0.0) -> Outlines:
    """Return a box as an outline, turned clockwise about its middle."""
    middle = np.array([left + right, top + bottom]) / 2.0
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]]) - middle
    return Outlines(rings=(_turned(corners, angle_deg) + middle,))


def check_boxes(shapes: Sequence[Shape], classes: ClassMapping, where: str) -> None:
    """Refuse boxes around plants: a plant does not fill its box.

    Raises
    ------
    DatasetError
        Naming the first.
    """
    for shape in shapes:
        if shape.is_box and classes.has_plants(classes[shape.name]):
            raise DatasetError(
                f"{where}: {shape.words} is a box around {shape.name!r}; a plant does not fill "
                "its box, so its outline or mask is needed. Boxes are taken for soil and ignore "
                "only"
            )


def paint(
    shapes: Sequence[Shape],
    width_px: int,
    height_px: int,
    classes: ClassMapping,
    unlabelled: int,
) -> Labels:
    """Turn shapes into a mask and plant ids.

    Where shapes overlap, the one of higher ``z`` is seen, and of equal ones the later.

    Parameters
    ----------
    shapes : sequence of Shape
        Their names have been checked.
    width_px, height_px : int
        Size of the picture; what lies outside is cut off.
    classes : ClassMapping
    unlabelled : int
        Class of the ground that no shape covers.
    """
    mask = np.full((height_px, width_px), unlabelled, np.uint8)
    ids = np.zeros((height_px, width_px), np.uint16)
    numbers: dict[str, int] = {}
    stems: dict[int, Point] = {}
    for index, shape in enumerate(sorted(shapes, key=lambda one: one.z)):
        class_id = classes[shape.name]
        is_plant = classes.has_plants(class_id) and not shape.is_crowd
        key = f"{shape.name}/{shape.plant}" if shape.plant else f"#{index}"
        number = numbers.setdefault(key, len(numbers) + 1) if is_plant else 0
        if number and shape.stem is not None:
            stems[number] = shape.stem
        patch = shape.geometry.patch(width_px, height_px)
        h, w = patch.mask.shape
        window = np.s_[patch.top_px : patch.top_px + h, patch.left_px : patch.left_px + w]
        mask[window][patch.mask] = class_id
        ids[window][patch.mask] = number
    return Labels(mask=mask, ids=ids, stems=stems)


def _turned(points: Float64Array, angle_deg: float) -> Float64Array:
    angle = np.deg2rad(angle_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turned: Float64Array = points @ turn.T
    return turned
