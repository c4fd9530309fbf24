"""Scores of tiny runs whose answer is known in millimetres."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from painted_world import PaintedWorld, Rectangle

from agriseg.config import BoomConfig, CameraConfig, NozzleConfig, SimulationConfig, SprayConfig
from agriseg.messages import ClassId, PulseOutcome, PulseReport, SprayMode, ValveEvent
from agriseg.simulation.scoring import DrivenRun, SprayScore, score
from agriseg.simulation.trajectory import Trajectory

START_S = 100.0
SPEED_M_S = 2.0
BOOM = BoomConfig(nozzle_count=12)
"""Nozzle 5 is 0.02 m left of the middle, its footprint 0.03 m along and 0.05 m across."""
MIDDLE = 5
WEED = Rectangle(1, ClassId.WEED, 3.00, 3.02, 0.015, 0.025)


def _run(*plants: Rectangle, **changes: object) -> DrivenRun:
    run = DrivenRun(
        world=PaintedWorld(plants),
        trajectory=Trajectory(
            SimulationConfig(speed_m_s=SPEED_M_S, wobble_m=0.0, slip_fraction=0.0)
        ),
        boom=BOOM,
        camera=CameraConfig(),
        spray=SprayConfig(),
        start_s=START_S,
        began_s=START_S,
        ended_s=START_S + 5.0,
    )
    return replace(run, **changes)  # type: ignore[arg-type]


def _pulse(
    first_m: float, last_m: float, nozzle: int = MIDDLE, boom: BoomConfig = BOOM
) -> PulseReport:
    """Return the coil edges that wet exactly first_m..last_m at the constant speed."""
    half_m = boom.footprint_along_m / 2.0
    t_open_s = START_S + (first_m + half_m) / SPEED_M_S
    t_close_s = START_S + (last_m - half_m) / SPEED_M_S
    return PulseReport(
        event_id=0,
        nozzle_id=nozzle,
        outcome=PulseOutcome.DONE,
        t_open_s=t_open_s - (boom.open_latency_ms + boom.fall_ms) / 1000.0,
        t_close_s=t_close_s - (boom.close_latency_ms + boom.fall_ms) / 1000.0,
        open_m=first_m,
        close_m=last_m,
    )


def _event(first_m: float, last_m: float, nozzle: int = MIDDLE) -> ValveEvent:
    half_m = BOOM.footprint_along_m / 2.0
    return ValveEvent(
        event_id=0,
        nozzle_id=nozzle,
        by_distance=True,
        open_at=first_m + half_m,
        close_at=last_m - half_m,
        wanted_s_min_m=first_m,
        wanted_s_max_m=last_m,
    )


def _unhit(result: SprayScore) -> tuple[int | None, int | None, int | None]:
    return (result.weeds_not_seen, result.weeds_not_decided, result.weeds_not_reached)


def test_a_pulse_over_the_weed_and_its_margin_is_perfect() -> None:
    result = score(_run(WEED), [_pulse(2.98, 3.04)])

    assert (result.weeds_total, result.weeds_reachable, result.weeds_hit) == (1, 1, 1)
    assert result.weeds_hit_fraction == 1.0
    assert result.extents_judged == result.extents == 1
    assert result.position_error_mm == pytest.approx((0.0, 0.0, 0.0), abs=0.51)
    assert result.trailing_error_mm == pytest.approx((0.0, 0.0, 0.0), abs=0.51)


@pytest.mark.parametrize("late_mm", [4.0, 11.0, -7.0])
def test_a_shifted_pulse_has_that_error(late_mm: float) -> None:
    shift_m = late_mm / 1000.0

    result = score(_run(WEED), [_pulse(2.98 + shift_m, 3.04 + shift_m)])

    assert result.position_error_mm[0] == pytest.approx(abs(late_mm), abs=0.51)
    assert result.trailing_error_mm[2] == pytest.approx(abs(late_mm), abs=0.51)


def test_latencies_and_fall_move_the_spray() -> None:
    slow = BOOM.model_copy(update={"open_latency_ms": 22.0, "close_latency_ms": 20.0})

    result = score(_run(WEED, boom=slow), [_pulse(2.98, 3.04)])

    assert result.position_error_mm[0] == pytest.approx(20.0, abs=0.51)


def test_half_of_the_weed_is_a_hit_and_less_is_not() -> None:
    assert score(_run(WEED), [_pulse(2.90, 3.0105)]).weeds_hit == 1
    assert score(_run(WEED), [_pulse(2.90, 3.0085)]).weeds_hit == 0


def test_the_neighbouring_nozzle_does_not_reach_the_weed() -> None:
    assert score(_run(WEED), [_pulse(2.98, 3.04, nozzle=MIDDLE + 1)]).weeds_hit == 0


def test_sprayed_area_is_footprint_times_travel() -> None:
    result = score(_run(WEED), [_pulse(2.90, 3.10)])

    wet_m2 = 0.2 * BOOM.footprint_across_m
    assert result.sprayed_area_fraction * result.driven_area_m2 == pytest.approx(wet_m2, rel=1e-3)
    width_m = 11 * 0.04 + 0.05
    assert result.driven_area_m2 == pytest.approx((10.0 - 0.03) * width_m, rel=3e-3)


def test_a_pulse_too_short_to_open_the_valve_sprays_nothing() -> None:
    report = replace(_pulse(2.98, 3.04), t_open_s=START_S + 1.4, t_close_s=START_S + 1.401)

    result = score(_run(WEED), [report])

    assert (result.extents, result.sprayed_area_fraction) == (0, 0.0)


def test_pulses_that_never_opened_spray_nothing() -> None:
    late = replace(
        _pulse(2.98, 3.04), outcome=PulseOutcome.LATE, t_open_s=math.nan, t_close_s=math.nan
    )

    assert score(_run(WEED), [late]).weeds_hit == 0


def test_pulses_that_flow_into_each_other_are_one_extent() -> None:
    result = score(_run(WEED), [_pulse(2.98, 3.02), _pulse(2.99, 3.04)])

    assert (result.extents, result.weeds_hit) == (1, 1)
    assert result.trailing_error_mm[0] == pytest.approx(0.0, abs=0.51)


def test_crop_below_the_spray_is_counted() -> None:
    crop = Rectangle(2, ClassId.CROP, 3.2, 3.4, 0.015, 0.025)

    result = score(_run(crop), [_pulse(3.15, 3.25)])

    assert result.crop_area_sprayed_fraction == pytest.approx(0.25, abs=0.01)
    assert result.crop_area_sprayed_beyond_margin_fraction == pytest.approx(0.25, abs=0.01)
    assert result.extents_no_weed == 1


def test_crop_close_to_a_weed_is_not_counted_as_beyond_its_margin() -> None:
    crop = Rectangle(2, ClassId.CROP, 3.05, 3.07, 0.015, 0.025)

    result = score(_run(WEED, crop), [_pulse(2.98, 3.06)])

    assert result.crop_area_sprayed_fraction == pytest.approx(0.5, abs=0.06)
    assert result.crop_area_sprayed_beyond_margin_fraction == 0.0


def test_a_weed_inside_the_crop_s_margin_is_withheld() -> None:
    crop = Rectangle(2, ClassId.CROP, 2.95, 3.07, 0.029, 0.06)

    result = score(_run(WEED, crop), [])

    assert (result.weeds_total, result.weeds_withheld, result.weeds_reachable) == (1, 1, 0)
    assert math.isnan(result.weeds_hit_fraction)


def test_a_weed_that_no_nozzle_can_wet_beside_the_crop_is_blocked() -> None:
    walls = [
        Rectangle(2, ClassId.CROP, 2.9, 3.12, 0.038, 0.06),
        Rectangle(3, ClassId.CROP, 2.9, 3.12, -0.02, 0.002),
    ]
    run = _run(WEED, *walls)
    free = replace(
        run,
        spray=SprayConfig(crop_margin_m=0.0, map_cell_m=0.001),
        boom=BoomConfig(nozzle_count=25, pitch_m=0.02, footprint_across_m=0.02),
    )

    assert (score(run, []).weeds_blocked, score(run, []).weeds_withheld) == (1, 0)
    assert score(free, []).weeds_blocked == 0


def test_weeds_beside_the_boom_or_before_the_start_are_not_in_the_total() -> None:
    beside = Rectangle(2, ClassId.WEED, 3.0, 3.02, 0.30, 0.32)
    unseen = Rectangle(3, ClassId.WEED, 0.6, 0.62, 0.0, 0.01)
    behind_end = Rectangle(4, ClassId.WEED, 9.99, 10.02, 0.0, 0.01)

    result = score(_run(WEED, beside, unseen, behind_end), [])

    assert (result.weeds_total, result.weeds_outside) == (1, 2)


def test_specks_below_the_least_area_are_not_asked_for() -> None:
    speck = Rectangle(2, ClassId.WEED, 4.0, 4.003, 0.0, 0.003)

    result = score(_run(WEED, speck), [])

    assert (result.weeds_total, result.weeds_too_small, result.weeds_reachable) == (2, 1, 1)


@pytest.mark.parametrize(
    ("seen", "planned", "losses"),
    [
        (set(), [], (1, 0, 0)),
        ({1}, [], (0, 1, 0)),
        ({1}, [(3.5, 3.6)], (0, 1, 0)),
        ({1}, [(2.98, 3.04)], (0, 0, 1)),
    ],
)
def test_losses_are_split_into_seen_decided_reached(
    seen: set[int], planned: list[tuple[float, float]], losses: tuple[int, int, int]
) -> None:
    events = [_event(a, b) for a, b in planned]

    assert _unhit(score(_run(WEED), [], planned=events, seen=seen)) == losses
    assert _unhit(score(_run(WEED), [])) == (None, None, None)


def test_planned_distance_is_traced_through_the_wheel_s_slip() -> None:
    slipping = Trajectory(SimulationConfig(speed_m_s=SPEED_M_S, wobble_m=0.0, slip_fraction=0.15))
    reading = slipping.encoder_from_distance(np.array([2.995, 3.025]))
    event = replace(_event(2.98, 3.04), open_at=float(reading[0]), close_at=float(reading[1]))

    result = score(_run(WEED, trajectory=slipping), [], planned=[event], seen={1})

    assert _unhit(result) == (0, 0, 1)


def test_a_weed_at_the_strip_s_border_is_no_measure_of_position() -> None:
    """Nozzle 5 answers for 0..0.04 m; with the margin the strip ends at 0.06 m."""
    at_border = Rectangle(2, ClassId.WEED, 3.30, 3.32, 0.055, 0.075)
    crossing = [_pulse(3.28, 3.34)]

    result = score(_run(at_border), crossing)

    assert (result.extents_lateral_border, result.extents_judged) == (1, 0)
    assert math.isnan(result.position_error_mm[2])


def test_edges_beside_protected_crop_are_not_judged() -> None:
    crop = Rectangle(2, ClassId.CROP, 3.05, 3.07, 0.015, 0.025)

    result = score(_run(WEED, crop), [_pulse(2.98, 3.03)])

    assert (result.extents_crop, result.extents_judged) == (1, 0)


def test_the_second_pulse_on_one_stretch_is_a_continuation() -> None:
    long_weed = Rectangle(2, ClassId.WEED, 3.0, 3.3, 0.015, 0.025)

    result = score(_run(long_weed), [_pulse(2.98, 3.12), _pulse(3.13, 3.32)])

    assert (result.extents_judged, result.extents_continued) == (1, 1)
    assert result.position_error_mm[2] == pytest.approx(0.0, abs=0.51)


def test_broadcast_has_no_position_error() -> None:
    run = _run(WEED, spray=SprayConfig(mode=SprayMode.BROADCAST))

    result = score(run, [_pulse(0.1, 9.5, nozzle=n) for n in range(12)])

    assert result.weeds_hit_fraction == 1.0
    assert result.sprayed_area_fraction > 0.9
    assert math.isnan(result.position_error_mm[0])


def test_a_nozzle_s_own_position_and_latency_count() -> None:
    moved = BOOM.model_copy(
        update={"nozzles": (NozzleConfig(nozzle=MIDDLE, x_m=-0.05, open_latency_ms=17.0),)}
    )

    result = score(_run(WEED, boom=moved), [_pulse(2.98, 3.04)])

    assert result.position_error_mm[0] == pytest.approx(50.0 - 10.0, abs=0.51)


def test_a_robot_that_turns_sprays_a_turned_strip() -> None:
    wobbling = Trajectory(SimulationConfig(speed_m_s=SPEED_M_S, wobble_m=0.2, seed=5))
    time_s = float(wobbling.times_at_distance(np.array([6.0]))[0])
    pose = wobbling.pose_at(time_s)
    lateral_m = pose.y_m + 0.18 * math.cos(pose.heading_rad)
    ahead_m = pose.x_m - 0.18 * math.sin(pose.heading_rad)
    weed = Rectangle(
        1, ClassId.WEED, ahead_m - 0.004, ahead_m + 0.004, lateral_m - 0.004, lateral_m + 0.004
    )
    coil_s = START_S + time_s - (BOOM.open_latency_ms + BOOM.fall_ms) / 1000.0
    report = replace(_pulse(3.0, 3.1, nozzle=1), t_open_s=coil_s, t_close_s=coil_s + 0.0021)

    result = score(_run(weed, trajectory=wobbling), [report])

    assert abs(pose.heading_rad) > 0.02
    assert result.weeds_hit == 1
