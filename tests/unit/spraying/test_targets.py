"""From a map to extents per nozzle, on maps small enough to check by eye."""

from __future__ import annotations

import numpy as np
import pytest

from agriseg.config import BoomConfig, SprayConfig
from agriseg.messages import SprayMode
from agriseg.spraying.boom import Boom
from agriseg.spraying.rows import band_strips, crop_row_positions
from agriseg.spraying.targets import (
    Targets,
    find_targets,
    find_weeds,
    weed_level,
    weed_threshold,
)
from agriseg.spraying.weed_map import TrackEvidence

CELL_M = 0.01
# Three nozzles 0.1 m apart; each footprint reaches 1 cm into the neighbours' zones.
BOOM = Boom(BoomConfig(nozzle_count=3, pitch_m=0.1, footprint_across_m=0.12))
CONFIG = SprayConfig(weed_margin_m=0.02, crop_margin_m=0.01, map_cell_m=CELL_M)


def evidence(shape: tuple[int, int] = (41, 100)) -> TrackEvidence:
    """Bare ground: y from -0.2 to 0.2 m, s from 5 to 6 m."""
    return TrackEvidence(
        weed=np.zeros(shape, np.uint8),
        crop=np.zeros(shape, np.uint8),
        known=np.ones(shape, bool),
        s0_m=5.0,
        y0_m=-0.2,
        cell_m=CELL_M,
    )


def targets_of(
    ground: TrackEvidence, mode: SprayMode = SprayMode.SPOT, config: SprayConfig = CONFIG
) -> Targets:
    weeds = find_weeds(ground, 0.5, config.min_weed_area_m2)
    return find_targets(ground, weeds, BOOM, config, mode, 0.5)


def extents(targets: Targets) -> list[tuple[int, float, float]]:
    return [
        (int(n), round(float(a), 4), round(float(b), 4))
        for n, a, b in zip(targets.nozzle, targets.s_min_m, targets.s_max_m, strict=True)
    ]


def test_a_weed_gets_its_margin_from_the_nozzle_above_it() -> None:
    ground = evidence()
    ground.weed[18:23, 40:45] = 255  # y -0.02 to 0.02, s 5.40 to 5.44 (cell centres)
    assert extents(targets_of(ground)) == [(1, 5.375, 5.465)]


def test_a_margin_that_reaches_into_the_next_zone_opens_that_nozzle_too() -> None:
    ground = evidence()
    ground.weed[22:25, 40:45] = 255  # y 0.02 to 0.04; the border is at 0.05
    assert [n for n, _, _ in extents(targets_of(ground))] == [0, 1]


def test_edges_lie_between_cells_where_the_probability_says() -> None:
    ground = evidence()
    ground.weed[20, 40:44] = [64, 192, 255, 255]
    # Half of 255 lies half-way from 64 to 192.
    assert extents(targets_of(ground))[0][1] == pytest.approx(5.405 - 0.02, abs=1e-3)


def test_crop_takes_its_margin_and_footprint_out_of_the_weed() -> None:
    ground = evidence()
    ground.weed[18:23, 40:60] = 255
    ground.crop[24:27, 50:52] = 255  # y 0.04: outside the zone by 1 cm, inside the footprint
    found = targets_of(ground)
    middle = [(a, b) for n, a, b in extents(found) if n == 1]
    assert middle == [(5.375, 5.485), (5.525, 5.615)]
    of_nozzle = found.nozzle == 1
    assert found.ceiling_m[of_nozzle][0] == pytest.approx(5.485)
    assert found.floor_m[of_nozzle][1] == pytest.approx(5.525)
    left = list(zip(found.crop_s_min_m, found.crop_s_max_m, strict=True))
    assert left == [(pytest.approx(5.485), pytest.approx(5.525))]


def test_where_crop_is_more_certain_there_is_no_weed() -> None:
    ground = evidence()
    ground.weed[18:23, 40:45] = 200
    ground.crop[18:23, 40:45] = 130
    found = targets_of(ground)
    assert extents(found) == []
    assert found.crop_nozzle.size == 0


def test_specks_are_left() -> None:
    config = SprayConfig(min_weed_area_m2=0.0003)
    ground = evidence()
    ground.weed[20, 40:42] = 255  # 2 cm2
    ground.weed[20, 60:64] = 255  # 4 cm2
    found = targets_of(ground, config=config)
    assert [(n, a) for n, a, _ in extents(found)] == [(1, pytest.approx(5.575))]


def test_broadcast_wants_everything_and_off_nothing() -> None:
    assert extents(targets_of(evidence(), SprayMode.BROADCAST)) == [
        (n, -np.inf, np.inf) for n in range(3)
    ]
    assert extents(targets_of(evidence(), SprayMode.OFF)) == []


def test_band_on_the_row_sprays_only_the_row() -> None:
    ground = evidence()
    ground.crop[30:33, ::4] = 255  # y 0.1 to 0.12: below nozzle 0
    config = SprayConfig(band_target="on_rows", band_width_m=0.08)
    assert extents(targets_of(ground, SprayMode.BAND, config)) == [(0, 5.0, 5.99)]


def test_rows_are_found_at_their_peaks() -> None:
    ground = evidence((201, 100))
    for row in (40, 120):
        ground.crop[row - 3 : row + 4, 10:90] = 255
    assert crop_row_positions(ground) == pytest.approx([0.2, 1.0], abs=0.011)
    assert crop_row_positions(evidence()).size == 0


def test_strips_between_rows_lie_half_way() -> None:
    strips = band_strips(np.array([-0.25, 0.25]), 0.2, between_rows=True)
    assert strips == (
        (pytest.approx(-0.6), pytest.approx(-0.4)),
        (pytest.approx(-0.1), pytest.approx(0.1)),
        (pytest.approx(0.4), pytest.approx(0.6)),
    )
    assert band_strips(np.array([0.1]), 0.2, between_rows=True) == ()


def test_sensitivity_means_a_probability() -> None:
    assert weed_threshold(0.0) == pytest.approx(0.95)
    assert weed_threshold(0.5) == pytest.approx(0.5)
    assert weed_threshold(1.0) == pytest.approx(0.05)
    assert weed_level(0.5) == 128
