"""Pulses from wanted ground: when they are told, how long they are, what is given up."""

from __future__ import annotations

import dataclasses
import math
from itertools import pairwise

import numpy as np
import pytest

from agriseg.config import BoomConfig, SprayConfig
from agriseg.messages import (
    ControllerCapabilities,
    MissedWeed,
    OdometrySource,
    ValveEvent,
    VehicleState,
)
from agriseg.spraying.boom import Boom
from agriseg.spraying.planner import SprayPlanner
from agriseg.spraying.targets import Targets

BOOM = Boom(
    BoomConfig(
        nozzle_count=2,
        pitch_m=0.1,
        footprint_across_m=0.1,
        footprint_along_m=0.03,
        x_m=-0.2,
        open_latency_ms=12.0,
        close_latency_ms=10.0,
        fall_ms=20.0,
        min_open_ms=5.0,
        min_gap_ms=5.0,
        max_open_ms=400.0,
    )
)
CAPABILITIES = ControllerCapabilities(
    name="test",
    firmware_version="1",
    protocol_version=1,
    valve_count=2,
    queue_depth=64,
    tick_rate_hz=1e6,
    boot_id=1,
    has_encoder=True,
    has_pressure=False,
    has_flow=False,
    has_tank=False,
    max_open_ms=1000.0,
    min_lead_ms=1.0,
    horizon_ms=4000.0,
)
Extent = tuple[int, float, float] | tuple[int, float, float, float, float]


def targets(*wanted: Extent) -> Targets:
    """Wanted ground (nozzle, from, to[, floor, ceiling]); the weed is 2 cm inside its margin."""
    rows = np.array(
        [(*w, -math.inf, math.inf) if len(w) == 3 else w for w in wanted], float
    ).reshape(-1, 5)
    return Targets(
        nozzle=rows[:, 0].astype(np.int64),
        s_min_m=rows[:, 1],
        s_max_m=rows[:, 2],
        floor_m=rows[:, 3],
        ceiling_m=rows[:, 4],
        weed_nozzle=rows[:, 0].astype(np.int64),
        weed_s_min_m=rows[:, 1] + 0.02,
        weed_s_max_m=rows[:, 2] - 0.02,
        crop_nozzle=np.empty(0, np.int64),
        crop_s_min_m=np.empty(0),
        crop_s_max_m=np.empty(0),
    )


class Ride:
    """Calls the planner every 10 ms at a steady speed."""

    def __init__(self, speed_m_s: float = 2.0, wheel: bool = True) -> None:
        self.planner = SprayPlanner(BOOM, SprayConfig(commit_lead_ms=40.0))
        self.speed_m_s = speed_m_s
        self.source = OdometrySource.WHEEL if wheel else OdometrySource.VISUAL
        self.t_s, self.distance_m = 100.0, 0.0
        self.events: list[ValveEvent] = []
        self.missed: list[MissedWeed] = []
        self.capabilities = CAPABILITIES
        self.told_at: dict[int, float] = {}

    def to(self, distance_m: float) -> Ride:
        while self.distance_m < distance_m:
            self.step()
        return self

    def step(self, age_s: float = 0.0, frame_age_s: float = 0.1) -> None:
        vehicle = VehicleState(
            t_s=self.t_s,
            distance_m=self.distance_m,
            speed_m_s=self.speed_m_s,
            x_m=self.distance_m,
            y_m=0.0,
            heading_rad=0.0,
            source=self.source,
            age_s=age_s,
        )
        events, missed = self.planner.commit(vehicle, self.t_s, self.capabilities, frame_age_s)
        self.events += events
        self.missed += missed
        self.told_at.update({e.event_id: self.distance_m for e in events})
        self.t_s += 0.01
        self.distance_m += 0.01 * self.speed_m_s


def test_the_footprint_covers_exactly_the_wanted_ground() -> None:
    ride = Ride()
    ride.planner.observe(targets((0, 1.0, 1.1)))
    ride.to(1.5)
    (event,) = ride.events
    # The nozzle is 0.2 m behind base_link: 1.0 m is below it at reading 1.2 m.
    assert event.by_distance
    assert event.open_at == pytest.approx(1.0 + 0.2 + 0.015)
    assert event.close_at == pytest.approx(1.1 + 0.2 - 0.015)
    assert (event.wanted_s_min_m, event.wanted_s_max_m) == (1.0, 1.1)
    assert event.nozzle_id == 0
    assert ride.missed == []


def test_it_is_told_only_when_its_moment_nears() -> None:
    ride = Ride()
    ride.planner.observe(targets((0, 1.0, 1.1)))
    ride.to(1.5)
    lead_s = (ride.events[0].open_at - ride.told_at[0]) / 2.0
    # 40 ms lead, 12 ms valve and 20 ms fall are the least; calls and acceleration add some.
    assert 0.072 < lead_s < 0.16


def test_a_tiny_spot_gets_the_shortest_pulse_that_the_valve_can_make() -> None:
    ride = Ride()
    ride.planner.observe(targets((0, 1.0, 1.01)))
    ride.to(1.5)
    (event,) = ride.events
    assert event.open_at == pytest.approx(1.215)
    assert 0.005 * 2.0 <= event.close_at - event.open_at < 0.005 * 2.0 * 1.2


def test_before_crop_the_short_pulse_grows_backwards() -> None:
    ride = Ride()
    ride.planner.observe(targets((0, 1.0, 1.01, -math.inf, 1.01)))
    ride.to(1.5)
    (event,) = ride.events
    assert event.close_at + 0.015 - 0.2 == pytest.approx(1.01)
    assert event.open_at - 0.015 - 0.2 < 0.985


def test_between_crops_too_close_for_the_valve_nothing_is_sprayed() -> None:
    ride = Ride()
    wanted = targets((0, 1.0, 1.02, 0.995, 1.025))
    weed = {"weed_s_min_m": np.array([1.005]), "weed_s_max_m": np.array([1.015])}
    ride.planner.observe(dataclasses.replace(wanted, **weed))
    ride.to(1.5)
    assert ride.events == []
    assert [m.reason for m in ride.missed] == ["crop"]


def test_gaps_too_short_for_the_valve_are_sprayed_through() -> None:
    ride = Ride(speed_m_s=6.0)
    # The valve would be shut for 30.1 mm, 5.02 ms at 6 m/s; accelerating that is too short.
    ride.planner.observe(targets((0, 1.0, 1.1), (0, 1.1001, 1.2)))
    ride.to(1.9)
    first, second = ride.events
    assert second.open_at == first.close_at
    assert second.close_at == pytest.approx(1.2 + 0.2 - 0.015)


def test_never_through_crop() -> None:
    ride = Ride(speed_m_s=6.0)
    ride.planner.observe(targets((0, 1.0, 1.1, -math.inf, 1.1), (0, 1.101, 1.2, 1.101, math.inf)))
    ride.to(1.9)
    first, second = ride.events
    assert second.open_at - first.close_at >= 0.005 * 6.0
    assert second.open_at - 0.015 - 0.2 >= 1.101


def test_long_ground_is_split_into_pulses_that_abut() -> None:
    ride = Ride()
    ride.planner.observe(targets((1, 1.0, 3.0)))
    ride.to(3.4)
    assert len(ride.events) > 3
    for before, after in pairwise(ride.events):
        assert after.open_at == before.close_at
        assert after.open_at - ride.told_at[after.event_id] > 0.05
    # Even at half the speed no pulse reaches the limit of 400 ms.
    assert max(e.close_at - e.open_at for e in ride.events) <= 0.4 * 2.0 / 2 + 1e-9
    assert ride.events[-1].close_at == pytest.approx(3.0 + 0.2 - 0.015)


def test_a_weed_that_turns_out_longer_is_continued() -> None:
    ride = Ride()
    ride.planner.observe(targets((0, 1.0, 1.2)))
    ride.to(1.20)
    assert len(ride.events) == 1
    ride.planner.observe(targets((0, 1.0, 1.3)))
    ride.to(1.6)
    first, second = ride.events
    assert second.open_at == first.close_at
    assert second.close_at == pytest.approx(1.3 + 0.2 - 0.015)


def test_ground_is_commanded_once_even_when_wanted_again() -> None:
    ride = Ride()
    for distance_m in np.arange(0.1, 1.6, 0.1):
        ride.planner.observe(targets((0, 1.0, 1.1), (1, 1.0, 1.1)))
        ride.to(float(distance_m))
    assert len(ride.events) == 2


def test_reversing_over_it_does_not_spray_again() -> None:
    ride = Ride()
    ride.planner.observe(targets((0, 1.0, 1.1)))
    ride.to(1.5)
    ride.speed_m_s = -1.0
    for _ in range(60):
        ride.step()
    assert ride.planner.status.withheld == "reversing"
    ride.speed_m_s = 2.0
    ride.to(1.6)
    assert len(ride.events) == 1
    assert ride.missed == []


def test_what_is_seen_too_late_is_sprayed_from_where_it_can_be_and_counted_once() -> None:
    ride = Ride()
    ride.to(1.2)
    ride.planner.observe(targets((0, 1.0, 1.2)))
    ride.to(1.8)
    (event,) = ride.events
    told_m = ride.told_at[event.event_id]
    assert event.open_at >= told_m + 2.0 * (0.032 + 0.001)
    (miss,) = ride.missed
    assert miss.reason == "late"
    assert miss.s_min_m == pytest.approx(1.02)
    assert miss.s_max_m == pytest.approx(event.open_at - 0.2 - 0.015, abs=0.021)


def test_a_weed_seen_behind_the_boom_is_counted_once() -> None:
    ride = Ride()
    ride.to(1.8)
    for _ in range(3):
        ride.planner.observe(targets((0, 1.0, 1.1)))
        ride.step()
    assert ride.events == []
    assert [(m.reason, m.nozzle_id) for m in ride.missed] == [("late", 0)]


@pytest.mark.parametrize(
    ("age_s", "frame_age_s", "reason"),
    [(0.31, 0.1, "stale-odometry"), (0.0, 0.31, "stale-frame"), (math.nan, 0.1, "stale-odometry")],
)
def test_stale_input_opens_nothing(age_s: float, frame_age_s: float, reason: str) -> None:
    ride = Ride()
    ride.planner.observe(targets((0, 0.3, 0.4)))
    for _ in range(60):
        ride.step(age_s, frame_age_s)
    assert ride.events == []
    assert ride.planner.status.withheld == reason
    assert {m.reason for m in ride.missed} == {reason}


def test_without_a_controller_nothing_is_planned() -> None:
    planner = SprayPlanner(BOOM, SprayConfig())
    assert planner.commit(None, 0.0, CAPABILITIES, 0.0) == ((), ())
    assert planner.status.withheld == "no-odometry"


def test_without_an_encoder_pulses_are_stamped_in_time() -> None:
    ride = Ride(wheel=False)
    ride.planner.observe(targets((0, 1.0, 1.1)))
    ride.to(1.5)
    (event,) = ride.events
    assert not event.by_distance
    assert event.open_at == pytest.approx(100.0 + 1.215 / 2.0)
    assert event.close_at == pytest.approx(100.0 + 1.285 / 2.0)


def test_in_time_a_change_of_speed_shows_in_the_next_pulse() -> None:
    ride = Ride(wheel=False)
    ride.planner.observe(targets((0, 1.0, 3.0)))
    ride.to(1.6)
    ride.speed_m_s = 1.0
    ride.to(3.4)
    lengths = [e.close_at - e.open_at for e in ride.events]
    assert max(lengths) <= 0.15 + 1e-9
    # From then on the last 1.4 m take 1.4 s.
    assert ride.events[-1].close_at - ride.events[0].open_at > 1.5
    for before, after in pairwise(ride.events):
        assert after.open_at == before.close_at


def test_commanded_state_follows_the_odometer() -> None:
    ride = Ride()
    ride.planner.observe(targets((1, 1.0, 1.1)))
    ride.to(1.19)
    assert ride.planner.commanded_at(ride.t_s, 1.21) == (False, False)
    assert ride.planner.commanded_at(ride.t_s, 1.25) == (False, True)
    assert ride.planner.commanded_at(ride.t_s, 1.29) == (False, False)


def test_after_a_stop_what_had_not_begun_is_commanded_again() -> None:
    ride = Ride()
    ride.planner.observe(targets((0, 1.0, 1.1)))
    ride.to(1.12)
    assert len(ride.events) == 1
    ride.planner.restart(ride.t_s, ride.distance_m)
    # It drives on slowly enough to reach the ground.
    ride.speed_m_s = 0.5
    ride.to(1.5)
    first, second = ride.events
    assert second.open_at == pytest.approx(first.open_at)
    assert second.event_id != first.event_id


def test_an_odometer_that_begins_anew_does_not_block_the_boom() -> None:
    ride = Ride()
    ride.planner.observe(targets((0, 1.0, 1.1)))
    ride.to(1.5)
    ride.distance_m = -50.0
    ride.step()
    ride.planner.observe(targets((0, -49.5, -49.4)))
    ride.to(-48.9)
    assert len(ride.events) == 2
    assert ride.events[1].open_at == pytest.approx(-49.5 + 0.215)


def test_a_horizon_shorter_than_the_valves_need_is_said() -> None:
    ride = Ride()
    ride.capabilities = dataclasses.replace(CAPABILITIES, horizon_ms=20.0)
    ride.planner.observe(targets((0, 1.0, 1.1)))
    ride.to(1.4)
    assert ride.events == []
    assert "20 ms ahead" in ride.planner.status.notes[0]
    assert {m.reason for m in ride.missed} == {"late"}


# What the controller's handshake allows


def imprecise(**changes: float) -> ControllerCapabilities:
    return dataclasses.replace(
        CAPABILITIES, has_encoder=False, confirms=False, queue_depth=64, **changes
    )


def sprayed_m(ride: Ride, event: ValveEvent) -> tuple[float, float]:
    """Ground that a time-stamped pulse wets at the ride's steady speed."""
    now = ride.t_s, ride.distance_m
    opened, closed = (
        now[1] + (t - now[0]) * ride.speed_m_s for t in (event.open_at, event.close_at)
    )
    return opened - 0.2 - 0.015, closed - 0.2 + 0.015


def test_a_slow_controllers_shortest_pulse_is_kept_to() -> None:
    ride = Ride(1.0, wheel=False)
    ride.capabilities = imprecise(min_open_ms=210.0)
    ride.planner.observe(targets((0, 1.0, 1.05)))
    ride.to(1.6)
    (event,) = ride.events
    assert event.close_at - event.open_at >= 0.21
    start_m, end_m = sprayed_m(ride, event)
    assert start_m <= 1.0 + 1e-6
    assert end_m >= 1.05 - 1e-6


def test_uncertain_timing_widens_the_pulse_on_both_sides() -> None:
    precise, ride = Ride(1.0, wheel=False), Ride(1.0, wheel=False)
    precise.capabilities = imprecise()
    ride.capabilities = imprecise(jitter_ms=30.0)
    for each in (precise, ride):
        each.planner.observe(targets((0, 1.0, 1.1)))
        each.to(1.6)
    wide, narrow = sprayed_m(ride, ride.events[0]), sprayed_m(precise, precise.events[0])
    assert narrow == pytest.approx((1.0, 1.1))
    assert wide[0] <= 1.0 - 0.03
    assert wide[1] >= 1.1 + 0.03


def test_uncertain_timing_keeps_its_distance_to_crop() -> None:
    ride = Ride(1.0, wheel=False)
    ride.capabilities = imprecise(jitter_ms=30.0)
    ride.planner.observe(targets((0, 1.0, 1.2, 0.98, 1.22)))
    ride.to(1.7)
    (event,) = ride.events
    start_m, end_m = sprayed_m(ride, event)
    assert start_m >= 0.98 + 0.03
    assert end_m <= 1.22 - 0.03


def test_where_the_timing_cannot_spare_the_crop_nothing_is_sprayed() -> None:
    ride = Ride(1.0, wheel=False)
    ride.capabilities = imprecise(jitter_ms=109.0)
    ride.planner.observe(targets((0, 1.0, 1.1, 0.95, 1.15)))
    ride.to(1.7)
    assert ride.events == []
    assert [missed.reason for missed in ride.missed] == ["crop"]


def test_pulses_are_told_before_the_controllers_least_lead() -> None:
    ride = Ride(1.0)
    ride.capabilities = dataclasses.replace(CAPABILITIES, min_lead_ms=300.0)
    ride.planner.observe(targets((0, 2.0, 2.1)))
    ride.to(2.6)
    (event,) = ride.events
    assert event.open_at - ride.told_at[event.event_id] >= 0.300 + 0.032
    assert event.wanted_s_min_m == 2.0


def test_no_pulse_is_longer_than_the_controller_allows() -> None:
    ride = Ride(1.0)
    ride.capabilities = dataclasses.replace(CAPABILITIES, max_open_ms=80.0)
    ride.planner.observe(targets((0, 1.0, 1.4)))
    ride.to(1.9)
    assert len(ride.events) >= 9
    assert max(e.close_at - e.open_at for e in ride.events) <= 0.080
    assert all(a.close_at == b.open_at for a, b in pairwise(ride.events))


def test_no_more_pulses_wait_than_the_controllers_queue_holds() -> None:
    ride = Ride(1.0)
    ride.capabilities = dataclasses.replace(CAPABILITIES, queue_depth=1)
    ride.planner.observe(targets((0, 1.0, 1.1), (1, 1.0, 1.1)))
    ride.to(1.6)
    assert [event.nozzle_id for event in ride.events][:1] == [0]
    spans = sorted((ride.told_at[e.event_id], e.close_at) for e in ride.events)
    assert all(end <= told for (_, end), (told, _) in pairwise(spans))
    assert {missed.reason for missed in ride.missed} == {"queue"}


def test_nozzles_beyond_the_controllers_valves_are_left_out_and_named() -> None:
    ride = Ride(1.0)
    ride.capabilities = dataclasses.replace(CAPABILITIES, valve_count=1)
    ride.planner.observe(targets((0, 1.0, 1.1), (1, 1.0, 1.1)))
    ride.to(1.2)
    assert any("1 of 2 nozzles cannot spray" in note for note in ride.planner.status.notes)
    ride.to(1.6)
    assert {event.nozzle_id for event in ride.events} == {0}
    assert [(missed.nozzle_id, missed.reason) for missed in ride.missed] == [(1, "no-valve")]


def rows(step_m: float) -> ControllerCapabilities:
    return dataclasses.replace(CAPABILITIES, row_step_m=step_m)


def on_grid(event: ValveEvent, step_m: float) -> bool:
    readings = np.array([event.open_at, event.close_at]) / step_m
    return bool(np.allclose(readings, np.round(readings), atol=1e-6))


def wetted_m(event: ValveEvent) -> tuple[float, float]:
    """Ground that a pulse in distance wets."""
    return event.open_at - 0.2 - 0.015, event.close_at - 0.2 + 0.015


def test_rows_widen_a_pulse_by_less_than_a_step_at_each_end() -> None:
    ride = Ride()
    ride.capabilities = rows(0.02)
    ride.planner.observe(targets((0, 1.003, 1.109)))
    ride.to(2.0)
    (event,) = ride.events
    assert on_grid(event, 0.02)
    first, last = wetted_m(event)
    assert 1.003 - 0.02 < first <= 1.003
    assert 1.109 <= last < 1.109 + 0.02
    assert ride.missed == []


def test_rows_are_shortened_before_crop() -> None:
    ride = Ride()
    ride.capabilities = rows(0.02)
    ride.planner.observe(targets((0, 1.003, 1.109, 0.999, 1.112)))
    ride.to(2.0)
    (event,) = ride.events
    assert on_grid(event, 0.02)
    first, last = wetted_m(event)
    assert first >= 0.999
    assert last <= 1.112


def test_between_crops_closer_than_rows_nothing_is_sprayed() -> None:
    ride = Ride()
    ride.capabilities = rows(0.05)
    ride.planner.observe(targets((0, 1.003, 1.053, 1.002, 1.054)))
    ride.to(2.0)
    assert ride.events == []
    assert {missed.reason for missed in ride.missed} == {"crop"}


def test_long_ground_on_rows_abuts_on_rows() -> None:
    ride = Ride()
    ride.capabilities = rows(0.03)
    ride.planner.observe(targets((0, 1.0, 3.0)))
    ride.to(4.0)
    assert len(ride.events) > 2
    assert all(on_grid(event, 0.03) for event in ride.events)
    for one, other in pairwise(ride.events):
        assert one.close_at == other.open_at


def test_in_time_there_are_no_rows() -> None:
    plain, ride = Ride(wheel=False), Ride(wheel=False)
    ride.capabilities = rows(0.05)
    for one in (plain, ride):
        one.planner.observe(targets((0, 1.003, 1.109)))
        one.to(2.0)
    assert ride.events == plain.events
