"""Tools: what each paints, with pictures whose answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Edit, Rect
from agriseg.labelling.tools.brush import brush, brush_region
from agriseg.labelling.tools.fill import fill, fill_hole
from agriseg.labelling.tools.grabcut import grabcut
from agriseg.labelling.tools.grow import Growth, area_of_drag, grow
from agriseg.labelling.tools.polygon import outline_at, polygon, polygon_region, reshape
from agriseg.labelling.tools.regions import IGNORE, Paint, Region, confirm
from agriseg.labelling.tools.scissors import LiveWire
from agriseg.labelling.tools.superpixels import Superpixels, superpixels
from agriseg.labelling.tools.vegetation import Vegetation, wand
from agriseg.messages import UInt8Array

CROP, WEED = Paint(class_id=1, plant=1), Paint(class_id=2, plant=2)
SOIL_BGR, LEAF_BGR = (60, 80, 100), (40, 160, 60)


def _blank(height: int = 60, width: int = 80) -> LabelDocument:
    return LabelDocument(np.zeros((height, width, 3), np.uint8))


def _leaf(radius_px: float = 20.0, noise: int = 12) -> tuple[UInt8Array, UInt8Array]:
    """Return a picture of one round leaf on soil, and its mask."""
    v, u = np.mgrid[0:120, 0:160]
    inside = (u - 80) ** 2 + (v - 60) ** 2 <= radius_px**2
    image = np.where(inside[..., None], LEAF_BGR, SOIL_BGR).astype(np.int64)
    image += np.random.default_rng(3).integers(-noise, noise + 1, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8), inside.astype(np.uint8)


def _do(document: LabelDocument, edit: Edit | None) -> None:
    assert edit is not None
    document.apply(edit)


def _iou(one: UInt8Array, other: UInt8Array) -> float:
    a, b = one > 0, other > 0
    return float((a & b).sum() / (a | b).sum())


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(-20, 100), st.floats(-20, 80), st.floats(0.1, 15)),
        min_size=1,
        max_size=3,
    )
)
def test_a_brush_covers_the_pixels_within_its_radius(
    points: list[tuple[float, float, float]],
) -> None:
    way = np.array(points)
    region = brush_region(way).clipped(80, 60)
    painted = region.over(Rect(0, 0, 80, 60))
    v, u = np.mgrid[0:60, 0:80]
    for point_u, point_v, radius in points:
        inside = max(radius - 1e-6, 0.0)  # a pixel on the very rim may be rounded to either side
        near = (u - point_u) ** 2 + (v - point_v) ** 2 <= inside**2
        assert painted[near].all()
    reach = np.maximum(way[:, 2], 0.75).max() + 1e-9
    far = np.ones((60, 80), bool)
    for first, second in zip(way, way[1:] if len(way) > 1 else way, strict=False):
        for share in np.linspace(0.0, 1.0, 80):
            at = first + share * (second - first)
            far &= (u - at[0]) ** 2 + (v - at[1]) ** 2 > (reach + 1.0) ** 2
    assert not painted[far].any()


def test_a_brush_can_keep_to_classes_and_to_vegetation() -> None:
    document = _blank()
    _do(document, brush(document, np.array([[20.0, 30.0, 8.0]]), CROP))
    over_soil = Paint(class_id=2, plant=2, over=frozenset({0}))
    _do(document, brush(document, np.array([[28.0, 30.0, 8.0]]), over_soil))
    assert document.classes[30, 20] == 1, "crop is not painted over"
    assert document.classes[30, 34] == 2
    green = np.zeros((60, 80), bool)
    green[:, 60:] = True
    _do(document, brush(document, np.array([[60.0, 30.0, 8.0]]), CROP, within=green))
    assert document.classes[30, 59] == 0
    assert document.classes[30, 60] == 1


def test_ignored_ground_has_no_plant() -> None:
    document = _blank()
    _do(document, brush(document, np.array([[20.0, 30.0, 8.0]]), CROP))
    _do(document, brush(document, np.array([[20.0, 30.0, 3.0]]), replace(IGNORE, plant=7)))
    assert document.classes[30, 20] == 255
    assert document.instances[30, 20] == 0
    assert document.instances[30, 26] == 1


def test_a_polygon_with_a_hole_and_its_outline_back() -> None:
    document = _blank()
    outer = np.array([[9.5, 9.5], [49.5, 9.5], [49.5, 39.5], [9.5, 39.5]])
    hole = np.array([[19.5, 19.5], [29.5, 19.5], [29.5, 29.5], [19.5, 29.5]])
    _do(document, polygon(document, [outer, hole], CROP))
    expected = np.zeros((60, 80), np.uint8)
    expected[10:40, 10:50] = 1
    expected[20:30, 20:30] = 0
    assert (document.classes == expected).all()
    rings = outline_at(document, (12, 12))
    assert len(rings) == 2
    assert (polygon_region(rings, 80, 60).over(document.rect) == (expected > 0)).all()
    assert outline_at(document, (25, 25)) == ()


def test_a_polygon_may_leave_the_picture() -> None:
    document = _blank()
    _do(document, polygon(document, [np.array([[-50, -50], [200, -50], [-50, 200.0]])], CROP))
    assert document.classes[0, 0] == 1
    assert polygon(document, [np.array([[-9, -9], [-5, -9], [-5, -5.0]])], CROP) is None
    assert polygon(document, [np.array([[1.0, 1.0], [4.0, 4.0]])], CROP) is None


def test_moving_a_corner_gives_back_what_it_leaves_and_spares_neighbours() -> None:
    document = _blank()
    before = [np.array([[9.5, 9.5], [29.5, 9.5], [29.5, 29.5], [9.5, 29.5]])]
    _do(document, polygon(document, before, CROP))
    _do(document, brush(document, np.array([[24.0, 20.0, 2.0]]), WEED))
    after = [np.array([[9.5, 9.5], [19.5, 9.5], [19.5, 29.5], [9.5, 29.5]])]
    _do(document, reshape(document, before, after, CROP))
    assert document.classes[20, 15] == 1
    assert document.classes[12, 25] == 0
    assert document.classes[20, 24] == 2, "the weed drawn on it since is not touched"


def test_fill_takes_the_patch_of_one_class_and_plant() -> None:
    document = _blank()
    _do(document, brush(document, np.array([[20.0, 30.0, 6.0]]), CROP))
    _do(document, brush(document, np.array([[60.0, 30.0, 6.0]]), CROP))
    _do(document, fill(document, (20, 30), WEED))
    assert document.classes[30, 20] == 2
    assert document.classes[30, 60] == 1
    assert fill(document, (500, 30), WEED) is None


def test_a_hole_is_filled_with_what_surrounds_it() -> None:
    document = _blank()
    _do(document, brush(document, np.array([[40.0, 30.0, 15.0]]), CROP))
    _do(document, brush(document, np.array([[40.0, 30.0, 4.0]]), Paint(class_id=0)))
    _do(document, fill_hole(document, (40, 30)))
    assert document.classes[30, 40] == 1
    assert document.instances[30, 40] == 1
    assert fill_hole(document, (2, 2)) is None, "open ground is no hole"


def test_the_wand_takes_a_leaf_even_from_beside_it() -> None:
    image, truth = _leaf()
    document = LabelDocument(image)
    green = Vegetation.of(image).mask()
    _do(document, wand(document, green, (103.0, 60.0), CROP))
    assert _iou(document.classes, truth) > 0.97
    assert wand(document, green, (10.0, 10.0), CROP) is None
    document.undo()
    _do(document, wand(document, green, (80.0, 60.0), CROP, reach_px=8.0))
    assert document.classes[60, 87] == 1
    assert document.classes[60, 90] == 0


def test_grabcut_finds_the_leaf_in_a_box_and_obeys_strokes() -> None:
    image, truth = _leaf()
    document = LabelDocument(image)
    box = Rect(52, 32, 108, 88)
    _do(document, grabcut(document, box, WEED))
    assert _iou(document.classes, truth) > 0.97
    kept_out = brush_region(np.array([[70.0, 60.0, 4.0]]))
    _do(document, fill(document, (80, 60), Paint(class_id=0)))
    _do(document, grabcut(document, box, WEED, outside=kept_out))
    assert document.classes[60, 70] == 0
    assert document.classes[60, 90] == 2


@pytest.mark.parametrize("box", [Rect(0, 0, 2, 2), Rect(200, 200, 300, 300), Rect(5, 5, 5, 90)])
def test_grabcut_of_no_room_is_nothing(box: Rect) -> None:
    image, _ = _leaf()
    assert grabcut(LabelDocument(image), box, WEED) is None


def test_grabcut_of_the_whole_picture_works() -> None:
    image, truth = _leaf(radius_px=45.0)
    document = LabelDocument(image)
    _do(document, grabcut(document, document.rect, WEED))
    assert _iou(document.classes, truth) > 0.9


def test_superpixels_keep_to_edges() -> None:
    image, truth = _leaf()
    document = LabelDocument(image)
    parts = Superpixels(image, 8)
    one = parts.at((80.0, 60.0))
    assert 20 < one.area_px < 200
    assert parts.at((-3.0, 5.0)).rect.is_empty
    stroke = brush_region(np.array([[80.0, 60.0, 15.0]]))
    _do(document, superpixels(document, parts, stroke, CROP))
    assert (document.classes[stroke.over(document.rect)] == 1).all()
    assert _iou(document.classes, truth) > 0.8


def test_scissors_follow_the_edge_of_a_leaf() -> None:
    image, _ = _leaf(radius_px=40.0, noise=4)
    wire = LiveWire(image, 200)
    assert wire.anchor((40.0, 60.0)) == (40.0, 60.0)
    path = wire.path_to((120.0, 60.0))
    away = np.abs(np.hypot(path[:, 0] - 80.0, path[:, 1] - 60.0) - 40.0)
    assert np.percentile(away, 90) < 3.0, "it goes around, not straight through"
    assert path[0].tolist() == [40.0, 60.0]
    assert path[-1].tolist() == [120.0, 60.0]


def test_scissors_go_straight_where_they_see_no_edges() -> None:
    wire = LiveWire(np.zeros((300, 300, 3), np.uint8), 64)
    with pytest.raises(ValueError, match="no anchor"):
        wire.path_to((5.0, 5.0))
    assert wire.anchor((-20.0, 10.0)) == (0.0, 10.0)
    assert wire.path_to((250.0, 10.5))[-1].tolist() == [250.0, 10.5]


def test_confirming_makes_labels_sure_and_changes_none() -> None:
    image = np.zeros((60, 80, 3), np.uint8)
    document = LabelDocument(image, confidence=np.full((60, 80), 100, np.uint8))
    _do(document, confirm(document, Region(Rect(-5, -5, 10, 10), np.ones((15, 15), bool))))
    assert document.confidence is not None
    assert (document.confidence[:10, :10] == 255).all()
    assert (document.confidence[:, 10:] == 100).all()
    assert confirm(_blank(), Region(Rect(0, 0, 5, 5), np.ones((5, 5), bool))) is None


def test_a_drag_grows_over_what_the_model_doubted_and_no_other_label() -> None:
    sure = np.full((60, 80), 250, np.uint8)
    sure[20:40, 20:50] = 120
    classes = np.full((60, 80), 2, np.uint8)
    classes[:, :30] = 1
    image = np.full((60, 80, 3), 90, np.uint8)
    document = LabelDocument(image, classes=classes, confidence=sure)
    growth = Growth(document, (40.0, 30.0))
    assert growth.region(1).area_px == 1
    _do(document, grow(document, growth, 400, WEED))
    mistake = np.zeros((60, 80), bool)
    mistake[20:40, 30:50] = True
    assert document.confidence is not None
    decided = document.confidence == 255
    assert (decided == mistake).mean() > 0.99
    assert not decided[:, :30].any(), "another label is a wall"
    assert Growth(document, (40.0, 30.0)).region(10**6).area_px == 60 * 50
    with pytest.raises(ValueError, match="outside the picture"):
        Growth(document, (-3.0, 30.0))


def test_without_a_model_a_drag_grows_along_colour() -> None:
    image, truth = _leaf(noise=4)
    document = LabelDocument(image)
    growth = Growth(document, (80.0, 60.0))
    _do(document, grow(document, growth, int(truth.sum()), CROP))
    assert _iou(document.classes, truth) > 0.95
    assert area_of_drag(10.0) == 314
    assert area_of_drag(0.0) == 1
