"""A scripted person who knows the true mask and labels with the program's own tools.

At every moment the person sees where labels and truth differ, thinks of a few actions for each such
place, and takes those that bring most for their cost. What the tools make of a click is theirs.
The same person works in every arm of the comparison: only the beginning and
the tools differ.

What is counted is presses of the button, each one action: a click (fill a patch, magic wand,
superpixel), a corner of a polygon and the closing of it, a drag (brush stroke, loose lasso, grow);
a drag is counted again for every `DRAG_PX` of its way. Keys (another class, another size of the
brush) are not counted. The hand misses by `HAND_PX` (one standard deviation, in u and in v):
polygons in every corner, strokes with a slow tremble.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from agriseg.datasets.polygons import regions_of_mask
from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Rect
from agriseg.labelling.tools.brush import brush_region
from agriseg.labelling.tools.fill import patch_at
from agriseg.labelling.tools.grow import Growth
from agriseg.labelling.tools.polygon import polygon_region
from agriseg.labelling.tools.regions import Paint, Region, paint
from agriseg.labelling.tools.superpixels import Superpixels
from agriseg.labelling.tools.vegetation import Vegetation, wand_region
from agriseg.messages import ClassId, Float64Array, UInt8Array
from agriseg.opencv import cv2
from agriseg.segmentation.metrics import PixelScores

DRAG_PX = 120.0
HAND_PX = 1.0
_TREMBLE_PX = 20.0
_TIPS_PX = (1.0, 1.5, 2.2, 3.3, 5.0, 7.5, 11.0, 16.0, 24.0, 36.0, 54.0)
_LASSO_SLACK_PX = 5.0
_ROUND_ACTIONS = 25
_PLACES = 80
_LEAST_PLACE_PX = 4
_MOST_ACTIONS = 1500
_LEAST_SHARE = 0.3
_THOROUGH_SHARE = 0.8
_RAGGED = 1.5
_CORNER_TOLERANCES_PX = (0.6, 1.2, 2.5, 4.0)
_STRICTNESSES = (-0.1, 0.0)

BY_HAND = frozenset({"brush", "polygon"})
ALL_TOOLS = BY_HAND | {
    "fill",
    "wand",
    "superpixel",
    "brush on green",
    "lasso",
    "grow",
}


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    tool: str
    region: Region
    class_id: int
    cost: int
    gain: float
    draw: Callable[[], Region] | None = None


class ScriptedLabeller:
    """Labels one picture until it agrees with the truth.

    Parameters
    ----------
    document : LabelDocument
        Empty, or with a pre-label.
    truth : (H, W) uint8
        `ClassId` values.
    tools : frozenset of str
        Those that the person uses.
    """

    def __init__(
        self, document: LabelDocument, truth: UInt8Array, tools: frozenset[str] = ALL_TOOLS
    ) -> None:
        self.document = document
        self.actions = 0
        self.used: dict[str, int] = {}
        self._truth = truth
        self._tools = tools
        self._hand = np.random.default_rng(0)
        counts = np.bincount(truth.ravel(), minlength=256).astype(np.float64)
        self._weights = 1.0 / np.maximum(counts, 1000.0)
        self._weights[int(ClassId.IGNORE)] = 0.0
        vegetation = Vegetation.of(document.image)
        self._greens = [vegetation.mask(strictness) for strictness in _STRICTNESSES]
        self._superpixels = [Superpixels(document.image, size) for size in (9, 16)]

    def mean_iou(self) -> float:
        """Return the mean intersection over union of the classes that the truth shows."""
        scores = PixelScores.of(self._called(), self._truth)
        present = [int(c) in self._truth for c in (ClassId.SOIL, ClassId.CROP, ClassId.WEED)]
        return float(scores.iou[present].mean())

    def work_until(self, iou: float) -> bool:
        """Label until the mean IoU is reached; return whether it was, within 1500 actions."""
        while self.mean_iou() < iou:
            plans = self._best_plans()
            if not plans or self.actions > _MOST_ACTIONS:
                return False
            for plan in sorted(plans, key=lambda one: (one.class_id, -one.gain / one.cost)):
                self._act(plan)
                if self.mean_iou() >= iou:
                    break
        return True

    def _called(self) -> UInt8Array:
        return np.where(self._truth == ClassId.IGNORE, 0, self.document.classes).astype(np.uint8)

    def _act(self, plan: _Plan) -> None:
        # What was done meanwhile may have made the plan useless.
        if self._gain(plan.region, plan.class_id) < 0.5 * plan.gain:
            return
        region = plan.region if plan.draw is None else plan.draw()
        edit = paint(self.document, region, Paint(class_id=plan.class_id), plan.tool)
        if edit is None:
            return
        self.document.apply(edit)
        self.actions += plan.cost
        self.used[plan.tool] = self.used.get(plan.tool, 0) + plan.cost

    def _best_plans(self) -> list[_Plan]:
        """Return the best plan for each place, those first that bring most for their cost."""
        found: list[tuple[float, _Plan]] = []
        for place, class_id in self._places():
            whole = self._gain(place, class_id)
            plans = [p for p in self._plans(place, class_id) if p.gain > _LEAST_SHARE * whole]
            if not plans:
                continue
            # What a plan leaves undone must be done by something that does nearly all.
            thorough = [plan.cost for plan in plans if plan.gain > _THOROUGH_SHARE * whole]
            rest = min(thorough, default=max(plan.cost for plan in plans))
            expected = [p.cost + _RAGGED * rest * max(0.0, 1.0 - p.gain / whole) for p in plans]
            best = int(np.argmin(expected))
            found.append((plans[best].gain / expected[best], plans[best]))
        found.sort(key=lambda one: -one[0])
        return [plan for _, plan in found[:_ROUND_ACTIONS]]

    def _places(self) -> Iterator[tuple[Region, int]]:
        """Yield patches of one true class that are labelled otherwise, the heaviest first."""
        wrong = (self._truth != ClassId.IGNORE) & (self.document.classes != self._truth)
        places: list[tuple[float, Region, int]] = []
        for class_id in (int(ClassId.SOIL), int(ClassId.CROP), int(ClassId.WEED)):
            mask = (wrong & (self._truth == class_id)).astype(np.uint8)
            count, parts, boxes, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
            for part in range(1, count):
                u, v, width, height, area = (int(value) for value in boxes[part])
                if area < _LEAST_PLACE_PX:
                    continue
                rect = Rect(u, v, u + width, v + height)
                region = Region(rect, np.asarray(parts)[rect.window] == part)
                places.append((self._gain(region, class_id), region, class_id))
        places.sort(key=lambda one: -one[0])
        for _, region, class_id in places[:_PLACES]:
            yield region, class_id

    def _plans(self, place: Region, class_id: int) -> Iterator[_Plan]:
        deep = _depth(place)
        v, u = np.unravel_index(int(deep.argmax()), deep.shape)
        point = float(u + place.rect.u0), float(v + place.rect.v0)
        ridge = _ridge(deep, (int(u), int(v))) + np.array([place.rect.u0, place.rect.v0, 0.0])
        depth = float(np.median(ridge[:, 2]))
        document = self.document

        def plan(
            tool: str,
            region: Region,
            cost: int,
            draw: Callable[[], Region] | None = None,
        ) -> Iterator[_Plan]:
            if tool in self._tools and not region.rect.is_empty:
                inside = region.clipped(document.width_px, document.height_px)
                gain = self._gain(inside, class_id)
                yield _Plan(tool, inside, class_id, cost, gain, draw)

        for tip in _tips(depth):
            cost = _drag(ridge)
            stroke = _stroke(ridge, tip)
            yield from plan("brush", brush_region(stroke), cost, partial(self._brushed, stroke))
        for tolerance in _CORNER_TOLERANCES_PX:
            yield from self._polygon(place, tolerance, plan)
        if self._tools == BY_HAND or not self._tools - BY_HAND:
            return
        yield from plan("fill", patch_at(document, point), 1)
        for parts in self._superpixels:
            yield from plan("superpixel", parts.at(point), 1)
        yield from plan("grow", self._grown(point, class_id), 1)
        yield from self._lasso(place, point, plan)
        for green in self._greens if class_id != ClassId.SOIL else ():
            reach = float(np.hypot(place.rect.width_px, place.rect.height_px))
            yield from plan("wand", wand_region(green, point, reach), 1)
            for tip in _tips(2.0 * float(ridge[:, 2].max())):
                broad = brush_region(_stroke(ridge, tip))
                broad = broad.clipped(document.width_px, document.height_px).within(green)
                yield from plan("brush on green", broad, _drag(ridge))

    def _lasso(
        self, place: Region, point: tuple[float, float], plan: Callable[..., Iterator[_Plan]]
    ) -> Iterator[_Plan]:
        """Think of a loose line around a place that paints only over the class wrong there."""
        rows, columns = np.nonzero(place.mask)
        corners = np.column_stack([columns + place.rect.u0, rows + place.rect.v0])
        hull = np.asarray(cv2.convexHull(corners.astype(np.int32))).reshape(-1, 2)
        loose = brush_region(np.column_stack([hull, np.full(len(hull), _LASSO_SLACK_PX)])).united(
            polygon_region([hull], self.document.width_px, self.document.height_px)
        )
        inside = loose.clipped(self.document.width_px, self.document.height_px)
        wrong = self.document.classes[round(point[1]), round(point[0])]
        over = Region(
            inside.rect, inside.mask & (self.document.classes[inside.rect.window] == wrong)
        )
        around = np.vstack([hull, hull[:1]])
        yield from plan("lasso", over, _drag(around))

    def _polygon(
        self,
        place: Region,
        tolerance_px: float,
        plan: Callable[..., Iterator[_Plan]],
    ) -> Iterator[_Plan]:
        rings: list[Float64Array] = []
        for part in regions_of_mask(place.mask, (place.rect.u0, place.rect.v0)):
            for ring in part.rings:
                near = cv2.approxPolyDP(ring.astype(np.float32), tolerance_px, True)
                if len(near) >= 3:
                    rings.append(np.asarray(near, np.float64).reshape(-1, 2) - 0.5)
        if rings:
            size = self.document.width_px, self.document.height_px
            cost = sum(map(len, rings)) + len(rings)
            drawn = partial(self._outlined, rings)
            yield from plan("polygon", polygon_region(rings, *size), cost, drawn)

    def _grown(self, point: tuple[float, float], class_id: int) -> Region:
        """Return what grows from a press, dragged until it is best."""
        growth = Growth(self.document, point)
        window, distances = growth.rect.window, growth.distances.ravel()
        true, now = self._truth[window].ravel(), self.document.classes[window].ravel()
        right = (true == class_id) & (now != class_id)
        spoilt = (true == now) & (now != class_id)
        gains = np.where(right, self._weights[true] + self._weights[now], 0.0)
        gains -= np.where(spoilt, self._weights[true] + self._weights[class_id], 0.0)
        gains[true == ClassId.IGNORE] = 0.0
        order = np.argsort(distances)
        order = order[np.isfinite(distances[order])]
        return growth.region(int(np.argmax(np.cumsum(gains[order]))) + 1)

    def _brushed(self, stroke: Float64Array) -> Region:
        shaken = stroke.copy()
        way = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(stroke[:, :2], axis=0).T))])
        knots = np.arange(0.0, way[-1] + 2.0 * _TREMBLE_PX, _TREMBLE_PX)
        errors = self._error(len(knots))
        for axis in (0, 1):
            shaken[:, axis] += np.interp(way, knots, errors[:, axis])
        return brush_region(shaken)

    def _outlined(self, rings: list[Float64Array]) -> Region:
        shaken = [ring + self._error(len(ring)) for ring in rings]
        return polygon_region(shaken, self.document.width_px, self.document.height_px)

    def _error(self, count: int) -> Float64Array:
        return self._hand.normal(0.0, HAND_PX, (count, 2))

    def _gain(self, region: Region, class_id: int) -> float:
        """Return what painting a region brings, in weighted pixels put right less those spoilt."""
        window = region.rect.window
        true = self._truth[window][region.mask]
        now = self.document.classes[window][region.mask]
        known = true != ClassId.IGNORE
        right = known & (true == class_id) & (now != class_id)
        spoilt = known & (true == now) & (now != class_id)
        both = self._weights[true] + self._weights[now]
        lost = self._weights[true] + self._weights[class_id]
        return float(both[right].sum() - lost[spoilt].sum())


def _drag(way: Float64Array) -> int:
    """Return what a drag counts for."""
    return 1 + int(np.hypot(*np.diff(way[:, :2], axis=0).T).sum() // DRAG_PX)


def _tips(radius_px: float) -> list[float]:
    """Return the two sizes of the brush that are nearest to a radius."""
    return sorted(_TIPS_PX, key=lambda tip: abs(np.log(tip / max(radius_px, 0.1))))[:2]


def _stroke(ridge: Float64Array, tip_px: float) -> Float64Array:
    return np.column_stack([ridge[:, :2], np.full(len(ridge), tip_px)])


def _depth(place: Region) -> NDArray[np.float32]:
    """Return the distance of each pixel of a place to what lies outside, 0 outside."""
    padded = np.pad(place.mask.astype(np.uint8), 1)
    deep = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(deep, np.float32)[1:-1, 1:-1]


def _ridge(deep: NDArray[np.float32], start: tuple[int, int]) -> Float64Array:
    """Return a way along the middle of a place, both ways from its deepest point.

    Returns
    -------
    (N, 3) float64
        u, v within the place, and the radius that fits there.
    """
    halves = []
    directions: list[float | None] = [None, None]
    for number in range(2):
        points: list[tuple[float, float, float]] = []
        at, heading = start, directions[number]
        while len(points) < 200:
            step = _next(deep, at, heading)
            if step is None:
                break
            at, heading = step
            points.append((at[0], at[1], max(float(deep[at[1], at[0]]) - 0.5, 0.75)))
            if number == 0 and len(points) == 1:
                directions[1] = heading + np.pi
        halves.append(points)
    radius = max(float(deep[start[1], start[0]]) - 0.5, 0.75)
    way = [*reversed(halves[1]), (float(start[0]), float(start[1]), radius), *halves[0]]
    return np.array(way, np.float64)


def _next(
    deep: NDArray[np.float32], at: tuple[int, int], heading: float | None
) -> tuple[tuple[int, int], float] | None:
    """Return the next point of the ridge and the way to it; None where the place ends."""
    here = float(deep[at[1], at[0]])
    length = max(2.0, 0.8 * here)
    angles = np.linspace(0.0, 2.0 * np.pi, 24, endpoint=False)
    if heading is not None:
        angles = heading + np.linspace(-1.0, 1.0, 15)
    best: tuple[float, tuple[int, int], float] | None = None
    for angle in angles:
        u, v = round(at[0] + length * np.cos(angle)), round(at[1] + length * np.sin(angle))
        if 0 <= v < deep.shape[0] and 0 <= u < deep.shape[1] and deep[v, u] >= max(0.4 * here, 1.0):
            depth = float(deep[v, u])
            if best is None or depth > best[0]:
                best = depth, (int(u), int(v)), float(angle)
    return None if best is None else (best[1], best[2])
