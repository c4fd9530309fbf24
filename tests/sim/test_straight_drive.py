"""Straight drives over label fields: what gets wet, to the millimetre."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import cv2
import numpy as np
import pytest
from label_field import Drive, LabelField, capabilities, make_config, scattered

from agriseg.config import Config
from agriseg.messages import ClassId, SprayMode

WEED_MARGIN_M = 0.02
CROP_MARGIN_M = 0.01
CELL_M = 0.004


def steady(speed_m_s: float) -> Callable[[float], float]:
    def speed(t: float) -> float:
        return speed_m_s

    return speed


def changing(start_m_s: float, accel_m_s2: float, end_m_s: float) -> Callable[[float], float]:
    """Hold for 0.8 s, then change speed."""
    low, high = min(start_m_s, end_m_s), max(start_m_s, end_m_s)

    def speed(t: float) -> float:
        return float(np.clip(start_m_s + accel_m_s2 * max(0.0, t - 0.8), low, high))

    return speed


def edges(drive: Drive, weed: tuple[float, float, float]) -> tuple[float, float]:
    """Leading and trailing edge of what the nozzle over a weed's middle sprayed on it."""
    s_m, y_m, _ = weed
    zone = drive.boom.zone_y_m
    nozzle = int(np.flatnonzero((zone[:, 0] <= y_m) & (y_m < zone[:, 1]))[0])
    over = [(a, b) for n, a, b in drive.strips() if n == nozzle and a < s_m < b]
    assert over, f"weed at {s_m:.3f}, {y_m:.3f} was not sprayed"
    return min(a for a, _ in over), max(b for _, b in over)


def assert_weeds_covered(drive: Drive, until_m: float) -> None:
    ground = drive.field
    columns = slice(int(ground.column(2.1)), int(ground.column(until_m)))
    weed = ground.labels[:, columns] == ClassId.WEED
    dry = weed & ~drive.wet_ground()[:, columns]
    assert weed.sum() > 3000
    assert dry.sum() == 0


def assert_crop_untouched(drive: Drive, allowance_m: float = 0.0) -> None:
    crop = (drive.field.labels == ClassId.CROP).astype(np.uint8)
    wet = drive.wet_ground()
    assert (wet & (crop > 0)).sum() == 0
    # The protected margin is kept too, but for half a map cell.
    reach = round((CROP_MARGIN_M - 0.5 * CELL_M - allowance_m) / 0.001)
    kernel = np.ones((1, 2 * reach + 1), np.uint8)
    assert (wet & (cv2.dilate(crop, kernel) > 0)).sum() == 0


def assert_each_ground_once(drive: Drive, tolerance_m: float = 1e-6) -> None:
    for nozzle in range(len(drive.boom)):
        pulses = sorted(
            ((e.open_at, e.close_at) for e in drive.events if e.nozzle_id == nozzle),
        )
        for (_, close), (later_open, _) in pairwise(pulses):
            assert later_open >= close - tolerance_m


@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0, 4.0, 6.0])
def test_weeds_are_covered_and_crop_is_not(speed: float) -> None:
    ground = scattered(7.0, seed=11)
    drive = Drive(ground, make_config(), steady(speed)).run(6.6 / speed)
    assert_weeds_covered(drive, 6.4)
    assert_crop_untouched(drive)
    assert_each_ground_once(drive)
    assert [m for m in drive.missed if m.reason != "crop"] == []


@pytest.mark.parametrize("speed", [0.5, 2.0, 6.0])
def test_spray_begins_within_five_millimetres_of_the_margin(speed: float) -> None:
    # Lone weeds: nothing else decides where the spray begins and ends.
    ground = LabelField(5.0)
    for index, y_m in enumerate(np.linspace(-0.42, 0.42, 8)):
        ground.disc(ClassId.WEED, 2.3 + 0.2719 * index, float(y_m), 0.012)
    drive = Drive(ground, make_config(), steady(speed)).run(4.6 / speed)
    shortest = 0.03 + speed * 0.005
    for weed in ground.weeds:
        lead, trail = edges(drive, weed)
        wanted = weed[0] - weed[2] - WEED_MARGIN_M
        assert abs(lead - wanted) < 0.005
        end = max(weed[0] + weed[2] + WEED_MARGIN_M, wanted + shortest)
        assert -0.005 < trail - end < 0.012


@pytest.mark.parametrize(("start", "accel", "end"), [(2.0, 1.5, 4.0), (4.0, -1.5, 1.0)])
def test_changes_of_speed_do_not_move_the_spray(start: float, accel: float, end: float) -> None:
    ground = LabelField(8.0)
    for index in range(18):
        ground.disc(ClassId.WEED, 2.3 + 0.25 * index, 0.37 * math.sin(index), 0.01)
    drive = Drive(ground, make_config(), changing(start, accel, end)).run(4.0)
    reached = [w for w in ground.weeds if w[0] < drive.distance_at(3.9) - 0.2]
    assert len(reached) > 12
    for weed in reached:
        lead, trail = edges(drive, weed)
        assert abs(lead - (weed[0] - weed[2] - WEED_MARGIN_M)) < 0.005
        assert trail > weed[0] + weed[2] + WEED_MARGIN_M - 0.005
    assert drive.missed == []


@pytest.mark.parametrize("fps", [8.0, 15.0, 30.0])
def test_frame_rate_does_not_matter_while_views_overlap(fps: float) -> None:
    ground = scattered(6.0, seed=4)
    drive = Drive(ground, make_config(), steady(2.0), fps=fps).run(2.8)
    assert_weeds_covered(drive, 5.2)
    assert_crop_untouched(drive)


def test_dropped_frames_cost_nothing_while_views_overlap() -> None:
    ground = scattered(6.0, seed=8)
    drive = Drive(ground, make_config(), steady(2.0), drop=lambda index: index % 3 != 0).run(2.8)
    assert_weeds_covered(drive, 5.2)
    assert_crop_untouched(drive)


def test_wobble_stays_within_the_margin() -> None:
    ground = scattered(6.0, seed=9)
    drive = Drive(
        ground,
        make_config(),
        steady(1.5),
        wobble=lambda t: 0.005 * math.sin(7.0 * t),
    ).run(3.7)
    assert_weeds_covered(drive, 5.2)
    assert (drive.wet_ground() & (ground.labels == ClassId.CROP)).sum() == 0


@pytest.mark.parametrize(
    ("pose", "lens"),
    [
        ({"pitch_deg": 30.0, "x_m": 1.2}, {}),
        ({"pitch_deg": 15.0, "roll_deg": 6.0, "yaw_deg": -4.0}, {}),
        ({}, {"k1": -0.25, "k2": 0.06}),
        ({"yaw_deg": 180.0}, {}),
    ],
)
def test_tilted_and_distorted_cameras(pose: dict[str, float], lens: dict[str, float]) -> None:
    ground = scattered(6.5, seed=21)
    config = make_config(camera={"pose": pose, "intrinsics": lens})
    drive = Drive(ground, config, steady(2.0)).run(2.9)
    columns = slice(int(ground.column(2.6)), int(ground.column(5.2)))
    middle = slice(int(ground.row(-0.35)), int(ground.row(0.35)))
    weed = (ground.labels == ClassId.WEED)[middle, columns]
    dry = weed & ~drive.wet_ground()[middle, columns]
    assert weed.sum() > 3000
    assert dry.sum() == 0
    assert_crop_untouched(drive, allowance_m=0.002)


def test_a_standing_robot_sprays_nothing() -> None:
    ground = LabelField(4.0)
    ground.disc(ClassId.WEED, 0.2, 0.0, 0.05)
    ground.disc(ClassId.WEED, 1.5, 0.0, 0.05)
    drive = Drive(ground, make_config(), steady(0.0)).run(2.0)
    assert drive.events == []
    assert "slow" in drive.withheld


def test_stopping_over_a_weed_opens_no_valve_until_it_moves_on() -> None:
    ground = LabelField(5.0)
    ground.disc(ClassId.WEED, 3.0, 0.0, 0.01)

    def stop_and_go(t: float) -> float:
        # 2 m/s; stands with the boom 0.14 m before the weed from about 1.43 s to 3 s.
        return 2.0 if t < 1.43 or t > 3.0 else 0.0

    drive = Drive(ground, make_config(), stop_and_go).run(3.6)
    lead, _ = edges(drive, ground.weeds[0])
    assert abs(lead - (3.0 - 0.01 - WEED_MARGIN_M)) < 0.005
    assert_each_ground_once(drive)


def test_weeds_seen_too_late_are_counted_once_and_never_sprayed_late() -> None:
    ground = LabelField(9.0)
    for index in range(12):
        ground.disc(ClassId.WEED, 2.3 + 0.5 * index, 0.02, 0.008)
    # At 6 m/s the middle of the view is 0.26 s from the boom; answers take 0.25 s.
    config = make_config(spray={"stale_after_ms": 900.0})
    drive = Drive(ground, config, steady(6.0), fps=10.0, latency_s=0.25).run(1.35)
    late = [m for m in drive.missed if m.reason == "late"]
    assert late
    middles = [0.5 * (m.s_min_m + m.s_max_m) for m in late]
    passed = [s for s, _, _ in ground.weeds if s < 7.5]
    for s_m in passed:
        sprayed = any(a <= s_m <= b for _, a, b in drive.strips())
        told = sum(abs(s_m - m) < 0.02 for m in middles)
        assert told <= 2  # the weed lies in the zones of at most two nozzles
        assert sprayed or told > 0
    for event in drive.events:
        delay_s = 0.012 + 0.020
        coil_s = drive.time_at(event.open_at) - delay_s
        assert coil_s > drive.sent_s[event.event_id] + 0.001


def test_pulses_are_told_in_time_when_the_robot_accelerates() -> None:
    ground = LabelField(7.0)
    for index in range(14):
        ground.disc(ClassId.WEED, 2.3 + 0.3 * index, 0.1, 0.01)
    drive = Drive(ground, make_config(), changing(2.0, 1.5, 4.0)).run(2.6)
    lead_s = 0.040
    for event in drive.events:
        moves_s = drive.time_at(event.open_at) - 0.012 - 0.020
        assert moves_s - drive.sent_s[event.event_id] >= lead_s


def test_broadcast_leaves_no_gap_and_no_overlap() -> None:
    config = make_config(spray={"mode": "broadcast"})
    drive = Drive(LabelField(5.0), config, changing(1.0, 1.5, 3.0)).run(2.0)
    wet = drive.wet_ground()
    ground = drive.field
    end = drive.distance_at(1.85)
    columns = slice(int(ground.column(0.5)), int(ground.column(end)))
    rows = slice(int(ground.row(-0.47)), int(ground.row(0.47)))
    assert end > 2.0
    assert wet[rows, columns].all()
    assert_each_ground_once(drive)


def test_broadcast_in_time_leaves_no_gap() -> None:
    config = make_config(spray={"mode": "broadcast"})
    drive = Drive(
        LabelField(5.0),
        config,
        changing(1.0, 1.0, 2.0),
        capabilities=capabilities(has_encoder=False),
    )
    drive.run(2.4)
    assert drive.events
    assert not any(event.by_distance for event in drive.events)
    columns = slice(int(drive.field.column(0.5)), int(drive.field.column(drive.distance_at(2.2))))
    rows = slice(int(drive.field.row(-0.47)), int(drive.field.row(0.47)))
    assert drive.wet_ground()[rows, columns].all()
    assert_each_ground_once(drive)


def test_band_between_rows_leaves_the_rows_dry() -> None:
    ground = LabelField(6.0)
    for row_m in (-0.25, 0.25):
        for s_m in np.arange(0.5, 6.0, 0.15):
            ground.disc(ClassId.CROP, float(s_m), row_m, 0.03)
    config = make_config(spray={"mode": "band", "band_width_m": 0.2})
    drive = Drive(ground, config, steady(2.0)).run(2.6)
    columns = slice(int(ground.column(2.5)), int(ground.column(4.8)))
    wet = drive.wet_ground()[:, columns]
    between = slice(int(ground.row(-0.08)), int(ground.row(0.08)))
    assert wet[between].all()
    for row_m in (-0.25, 0.25):
        assert not wet[int(ground.row(row_m - 0.08)) : int(ground.row(row_m + 0.08))].any()


def test_band_without_rows_sprays_nothing_and_says_so() -> None:
    config = make_config(spray={"mode": "band"})
    drive = Drive(LabelField(4.0), config, steady(2.0)).run(1.0)
    assert drive.events == []
    assert any("two crop rows" in note for note in drive.notes)


def test_silent_odometry_closes_the_nozzles_and_names_what_was_missed() -> None:
    ground = LabelField(7.0)
    for index in range(16):
        ground.disc(ClassId.WEED, 2.2 + 0.25 * index, 0.0, 0.01)
    drive = Drive(ground, make_config(), steady(2.0), odometry_silent=(1.5, 2.3)).run(2.9)
    assert "stale-odometry" in drive.withheld
    stale = [e for e in drive.events if 1.81 < drive.sent_s[e.event_id] < 2.3]
    assert stale == []
    assert any(m.reason in ("stale-odometry", "stale-frame") for m in drive.missed)


def test_weed_against_crop_is_left_and_reported_once() -> None:
    ground = LabelField(5.0)
    ground.disc(ClassId.CROP, 3.0, 0.0, 0.04)
    ground.disc(ClassId.WEED, 3.045, 0.0, 0.008)
    drive = Drive(ground, make_config(), steady(2.0)).run(2.2)
    assert_crop_untouched(drive)
    told = [m for m in drive.missed if m.reason == "crop"]
    assert told
    by_nozzle: dict[int, list[tuple[float, float]]] = {}
    for miss in told:
        by_nozzle.setdefault(miss.nozzle_id, []).append((miss.s_min_m, miss.s_max_m))
    for pieces in by_nozzle.values():
        pieces.sort()
        assert all(b <= c for (_, b), (c, _) in pairwise(pieces))


def test_each_plant_is_told_once_with_its_decision() -> None:
    ground = LabelField(7.0)
    weeds = [(2.3 + 0.33 * i, 0.3 * math.cos(i)) for i in range(11)]
    for s_m, y_m in weeds:
        ground.disc(ClassId.WEED, s_m, y_m, 0.012)
    ground.disc(ClassId.WEED, 4.0, 0.55, 0.012)  # seen, but beside the boom
    ground.disc(ClassId.CROP, 3.1, -0.3, 0.03)
    drive = Drive(ground, make_config(), steady(1.7)).run(3.4)
    told = [p for p in drive.plants if p.class_id is ClassId.WEED]
    for s_m, y_m in [*weeds, (4.0, 0.55)]:
        matches = [p for p in told if math.hypot(p.s_m - s_m, p.y_m - y_m) < 0.006]
        assert len(matches) == 1, (s_m, y_m)
        expected = "outside the boom" if y_m > 0.5 else "to be sprayed by nozzle"
        assert expected in matches[0].decision
        # A cell that holds any weed is weed: the outline lies one pixel (1.25 mm) further out.
        assert matches[0].area_m2 == pytest.approx(math.pi * 0.01325**2, rel=0.2)
        assert matches[0].confidence > 0.7
    crops = [p for p in drive.plants if p.class_id is ClassId.CROP]
    assert len(told) == 12
    assert len(crops) == 1
    assert len({p.plant_id for p in drive.plants}) == len(drive.plants)


def test_a_short_queue_is_said_and_counted() -> None:
    ground = scattered(6.0, seed=2, crops=False)
    drive = Drive(ground, make_config(), steady(2.0), capabilities=capabilities(queue_depth=2)).run(
        2.6
    )
    assert any("queue of 2" in note for note in drive.notes)
    assert any(m.reason == "queue" for m in drive.missed)


def test_nozzles_without_a_valve_are_said_and_counted() -> None:
    ground = LabelField(5.0)
    ground.disc(ClassId.WEED, 3.0, -0.4, 0.01)
    drive = Drive(
        ground, make_config(), steady(2.0), capabilities=capabilities(valve_count=16)
    ).run(2.0)
    assert drive.events == []
    assert any("8 of 24 nozzles" in note for note in drive.notes)
    assert {m.reason for m in drive.missed} == {"no-valve"}


def test_too_fast_is_refused_and_counted() -> None:
    config: Config = make_config(spray={"max_speed_m_s": 1.5})
    ground = LabelField(5.0)
    ground.disc(ClassId.WEED, 2.6, 0.02, 0.01)
    drive = Drive(ground, config, steady(2.0)).run(1.8)
    assert drive.events == []
    assert {m.reason for m in drive.missed} == {"fast"}


def test_frames_so_far_apart_that_ground_passes_unseen_are_said() -> None:
    drive = Drive(LabelField(9.0), make_config(), steady(4.0), fps=4.0)
    drive.run(0.9)
    assert "unseen" in drive.pipeline.limit_note


def test_off_sprays_nothing_and_misses_nothing() -> None:
    ground = scattered(5.0, seed=3)
    drive = Drive(ground, make_config(), steady(2.0))
    drive.pipeline.mode = SprayMode.OFF
    drive.run(2.0)
    assert drive.events == []
    assert drive.missed == []


def test_sensitivity_decides_what_unsure_weeds_get() -> None:
    ground = LabelField(5.0)
    ground.disc(ClassId.WEED, 3.0, 0.0, 0.02)
    for sensitivity, sprayed in ((0.1, False), (0.9, True)):
        drive = Drive(ground, make_config(), steady(2.0), weed_value=110)
        drive.pipeline.sensitivity = sensitivity
        drive.run(1.8)
        assert bool(drive.events) is sprayed
