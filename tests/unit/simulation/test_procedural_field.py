"""The simulated field is the same however it is looked at, and its truth fits its picture."""

from __future__ import annotations

import numpy as np
import pytest

from agriseg.messages import ClassId
from agriseg.opencv import cv2
from agriseg.simulation.field_parameters import CROP_SPECIES, FieldParameters
from agriseg.simulation.procedural_field import ProceduralField
from agriseg.simulation.world import Tile


def _field(**changes: object) -> ProceduralField:
    parameters = FieldParameters(seed=11, weeds_per_m2=15.0)
    for name, value in changes.items():
        object.__setattr__(parameters, name, value)
    return ProceduralField(parameters, y_min_m=-0.5, y_max_m=0.5, cell_m=0.002)


def _same(one: Tile, other: Tile) -> bool:
    return all(
        np.array_equal(getattr(one, layer), getattr(other, layer))
        for layer in ("colour", "labels", "plant_ids")
    )


def test_order_of_access_does_not_matter() -> None:
    forwards, backwards = _field(), _field()
    one = [forwards.tile(i) for i in range(4)]
    other = [backwards.tile(i) for i in (3, 1, 2, 0)]

    assert all(_same(one[i], other[j]) for j, i in enumerate((3, 1, 2, 0)))


def test_a_tile_is_the_same_after_a_long_drive() -> None:
    field = _field()
    before = field.tile(0)
    for index in range(1, 40):
        field.tile(index)

    after = field.tile(0)

    assert after is not before
    assert _same(before, after)


def test_another_seed_is_another_field() -> None:
    assert not np.array_equal(_field().tile(0).colour, _field(seed=12).tile(0).colour)
    assert not np.array_equal(_field().tile(0).labels, _field(seed=12).tile(0).labels)


def test_tiles_join_without_a_seam() -> None:
    colour = _field(straw=0.0, stones=0.0).patch("colour", 0.0, 1.0).array.astype(float)
    steps = np.abs(np.diff(colour, axis=0)).mean(axis=(1, 2))
    seams = steps[[124, 249, 374]]

    assert seams.max() < 1.5 * np.median(steps)


@pytest.mark.parametrize("crop", CROP_SPECIES)
def test_true_plants_are_where_the_rasters_show_them(crop: str) -> None:
    field = _field(crop=crop)
    labels = field.patch("labels", 0.0, 2.0)
    ids = field.patch("plant_ids", 0.0, 2.0)
    plants = {p.plant_id: p for p in field.plants(-1.0, 3.0)}
    visible = set(np.unique(ids.array).tolist()) - {0}

    assert visible <= set(plants)
    assert {plants[i].class_id for i in visible} == {ClassId.CROP, ClassId.WEED}
    for plant_id in visible:
        rows, columns = np.nonzero(ids.array == plant_id)
        plant = plants[plant_id]
        assert set(labels.array[rows, columns].tolist()) == {plant.class_id}
        assert (rows.min() + ids.row) * field.cell_m >= plant.x_min_m - 1e-9
        assert (rows.max() + 1 + ids.row) * field.cell_m <= plant.x_max_m + 1e-9
        assert (columns.min() + ids.column) * field.cell_m >= plant.y_min_m - 1e-9
        assert (columns.max() + 1 + ids.column) * field.cell_m <= plant.y_max_m + 1e-9


def test_plants_are_greener_than_the_soil() -> None:
    field = _field()
    colour = field.patch("colour", 0.0, 2.0).array.astype(float)
    labels = field.patch("labels", 0.0, 2.0).array
    excess_green = 2.0 * colour[..., 1] - colour[..., 0] - colour[..., 2]

    for class_id in (ClassId.CROP, ClassId.WEED):
        assert excess_green[labels == class_id].mean() > excess_green[labels == 0].mean() + 40.0


def test_most_weeds_keep_away_from_the_crop() -> None:
    field = _field()
    labels, ids = field.patch("labels", 0.0, 6.0).array, field.patch("plant_ids", 0.0, 6.0).array
    distance = cv2.distanceTransform((labels != ClassId.CROP).astype(np.uint8), cv2.DIST_L2, 5)
    weeds = np.unique(ids[labels == ClassId.WEED])
    gaps = np.array([distance[ids == weed].min() for weed in weeds]) * field.cell_m

    assert weeds.size > 20
    assert np.mean(gaps >= 0.028) > 0.85


def test_crop_stands_in_rows() -> None:
    plants = [p for p in _field().plants(0.0, 10.0) if p.class_id is ClassId.CROP]
    rows = np.abs((np.array([p.y_m for p in plants]) - 0.25) / 0.5)

    assert len(plants) > 60
    assert np.median(np.abs(rows - np.round(rows))) < 0.1


def test_weed_density_and_sizes_are_as_asked() -> None:
    weeds = [p for p in _field().plants(0.0, 20.0) if p.class_id is ClassId.WEED]
    spans = np.array([max(w.x_max_m - w.x_min_m, w.y_max_m - w.y_min_m) for w in weeds])

    assert 0.4 * 15.0 * 20.0 < len(weeds) < 1.1 * 15.0 * 20.0
    assert len({w.species for w in weeds}) == 7
    assert spans.min() < 0.015
    assert 0.06 < spans.max() < 0.16


def test_plants_of_neighbouring_stretches_are_told_once() -> None:
    field = _field()
    whole = [p.plant_id for p in field.plants(0.0, 3.0)]
    parts = [p.plant_id for x in range(3) for p in field.plants(float(x), x + 1.0)]

    assert sorted(whole) == sorted(parts)
    assert len(set(whole)) == len(whole)


def test_rasters_cannot_be_written_to() -> None:
    tile = _field().tile(0)

    with pytest.raises(ValueError, match="read-only"):
        tile.labels[0, 0] = 1
