"""Areas, litres and plants of a run on the ground, against figures worked out by hand."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import shapely
from mapped_run import (
    FRAME,
    LENGTH_M,
    NOZZLES,
    PITCH_M,
    PULSE_M,
    VALUES,
    config,
    record_straight,
    record_there_and_back,
)

from agriseg.errors import ExportError
from agriseg.mapping.applied import AppliedMap, applied_map
from agriseg.mapping.ground_track import Origin
from agriseg.mapping.return_list import missed_strips, plan_tank, return_list
from agriseg.mapping.stand import crop_rows, weed_cells
from agriseg.recording.reader import open_run

PULSES = 8
FOOTPRINT_M = 0.04
PULSE_AREA_M2 = (PULSE_M + FOOTPRINT_M) * PITCH_M
PULSE_L = 0.6 / 60.0 * PULSE_M


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> AppliedMap:
    directory = record_straight(tmp_path_factory.mktemp("mapped") / "run")
    with open_run(directory) as run:
        return applied_map(run)


def test_driven_seen_and_treated_are_three_figures(applied: AppliedMap) -> None:
    figures = applied.figures
    swath_m = NOZZLES * PITCH_M
    assert figures.driven_m2 == pytest.approx(LENGTH_M * swath_m, rel=1e-3)
    assert figures.driven_m2 == pytest.approx(applied.history.totals.area_m2, rel=5e-3)
    assert figures.driven_once_m2 == pytest.approx(figures.driven_m2, rel=1e-6)
    view_m = 63.0 / 64.0  # between the centres of the outer pixels, at 1 m height
    assert figures.seen_once_m2 == pytest.approx((LENGTH_M + view_m) * view_m, rel=0.02)
    assert figures.treated_m2 == pytest.approx(PULSES * PULSE_AREA_M2, rel=2e-3)
    assert figures.treated_m2 == pytest.approx(applied.history.totals.treated_area_m2, rel=5e-3)


def test_litres_by_command_by_confirmation_and_by_the_flow_meter(applied: AppliedMap) -> None:
    figures = applied.figures
    assert figures.litres_confirmed == pytest.approx(PULSES * PULSE_L)
    assert figures.litres_confirmed == pytest.approx(applied.history.totals.volume_confirmed_l)
    assert figures.litres_commanded == pytest.approx((PULSES + 1) * PULSE_L)
    assert figures.litres_measured == pytest.approx(0.05)
    assert figures.litres_difference == pytest.approx(0.05 - (PULSES + 1) * PULSE_L)
    assert figures.saving_fraction == pytest.approx(
        1.0 - figures.litres_confirmed / figures.litres_baseline
    )


def test_ground_covered_twice_counts_once(tmp_path: Path) -> None:
    """Two circles lead back onto the first metre and a half of the first pass."""
    with open_run(record_there_and_back(tmp_path / "run")) as run:
        there_and_back = applied_map(run)
    figures = there_and_back.figures
    assert len(there_and_back.track.sections) == 1
    assert figures.driven_m2 - figures.driven_once_m2 > 0.3, "the passes overlap"
    assert figures.driven_once_m2 < figures.driven_m2


def test_places_on_the_earth_are_where_the_robot_was(applied: AppliedMap) -> None:
    first = min(applied.treated, key=lambda one: one.t_s)
    centre = shapely.centroid(first.area)
    longitude, latitude = applied.track.geographic([[centre.x, centre.y]])[0]  # type: ignore[arg-type]
    east, north = FRAME.local([[latitude, longitude]])[0]
    delay_m = 0.03  # valve 10 ms and fall 20 ms at 1 m/s
    assert east == pytest.approx(1.0 + 0.5 * PULSE_M + delay_m, abs=0.02)
    assert north == pytest.approx(1.5 * PITCH_M, abs=0.02), "the leftmost nozzle, to the north"


def test_weed_pressure_in_cells(applied: AppliedMap) -> None:
    cells = weed_cells(applied, 2.0)
    assert sum(cell.weeds for cell in cells) == PULSES
    assert sum(cell.seen_m2 for cell in cells) == pytest.approx(
        applied.figures.seen_once_m2, rel=1e-6
    )
    assert sum(cell.litres for cell in cells) == pytest.approx(
        applied.figures.litres_confirmed, rel=0.02
    )
    weedy = [cell for cell in cells if cell.weeds]
    assert all(cell.weeds_m2 == pytest.approx(cell.weeds / cell.seen_m2) for cell in weedy)


def test_the_stand_of_a_row_and_its_gap(applied: AppliedMap) -> None:
    stretches = crop_rows(applied, 5.0)
    assert {one.row for one in stretches} == {0}
    assert sum(one.length_m for one in stretches) == pytest.approx(LENGTH_M)
    full = [one for one in stretches if not one.gaps]
    assert all(one.plants_m == pytest.approx(5.0) for one in full)
    gappy = [one for one in stretches if one.gaps]
    assert [one.gaps for one in gappy] == [1]
    assert gappy[0].gap_m == pytest.approx(0.8)
    assert gappy[0].plants_m < 5.0


def test_the_return_list_leaves_out_what_was_left_on_purpose(applied: AppliedMap) -> None:
    strips = missed_strips(applied)
    reasons = sorted(one.reason for one in strips)
    assert reasons == ["late", "late", "refused by the controller"]
    places = return_list(applied)
    assert [one.strips for one in places] == [1, 2], "two strips that overlap are one place"
    assert places[0].area_m2 == pytest.approx(PULSE_M * PITCH_M, rel=1e-3)
    assert places[1].area_m2 == pytest.approx(0.2 * PITCH_M, rel=1e-3)
    litres = 0.6 / 60.0 * (PULSE_M + FOOTPRINT_M)
    assert places[0].litres == pytest.approx(litres, rel=1e-3)


def test_the_tank_for_the_next_pass() -> None:
    plan = plan_tank(25.0, reserve_fraction=0.1, tank_l=20.0, product_l_per_l=0.01)
    assert (plan.mix_l, plan.reserve_l, plan.fills) == (27.5, 2.5, 2)
    assert plan.product_l == pytest.approx(0.275)
    unknown = plan_tank(0.0, reserve_fraction=0.1, tank_l=0.0, product_l_per_l=0.0)
    assert (unknown.mix_l, unknown.fills) == (0.0, 0)
    assert math.isnan(unknown.product_l)


def test_a_run_without_positions_has_figures_but_no_place(tmp_path: Path) -> None:
    directory = record_straight(tmp_path / "run", with_fixes=False)
    with open_run(directory) as run:
        nowhere = applied_map(run)
        placed = applied_map(run, Origin(latitude_deg=48.0, longitude_deg=11.0, course_deg=0.0))
    assert nowhere.figures.treated_m2 == pytest.approx(PULSES * PULSE_AREA_M2, rel=2e-3)
    assert "No positions" in nowhere.track.note
    with pytest.raises(ExportError, match="--origin LATITUDE,LONGITUDE,COURSE"):
        nowhere.track.geographic(nowhere.track.sections[0].place_m)
    end = placed.track.geographic(placed.track.sections[0].place_m)[-1]
    east, north = FRAME.local([[end[1], end[0]]])[0]
    assert (east, north) == pytest.approx((0.0, LENGTH_M), abs=0.01), "north, as it was told"


def test_the_antennas_place_on_the_machine_is_taken_off(tmp_path: Path) -> None:
    ahead = config(position={"antenna_x_m": 2.0}).position
    directory = record_straight(tmp_path / "run", position=ahead.model_dump())
    with open_run(directory) as run:
        track = applied_map(run).track
    start = track.geographic(track.sections[0].places(0.0, 0.0).reshape(1, 2))[0]  # type: ignore[arg-type]
    east, _ = FRAME.local([[start[1], start[0]]])[0]
    assert east == pytest.approx(-2.0, abs=0.02)


def test_a_valve_slower_to_open_than_to_close_treats_less_in_both_figures(tmp_path: Path) -> None:
    """30 ms to open and 10 ms to close at 1 m/s: 2 cm less of each pulse."""
    boom = {**VALUES["boom"], "open_latency_ms": 30.0}
    with open_run(record_straight(tmp_path / "run", boom=boom)) as run:
        slower = applied_map(run)
    expected_m2 = PULSES * (PULSE_AREA_M2 - 0.02 * PITCH_M)
    assert slower.figures.treated_m2 == pytest.approx(expected_m2, rel=2e-3)
    assert slower.history.totals.treated_area_m2 == pytest.approx(expected_m2, rel=2e-3)
