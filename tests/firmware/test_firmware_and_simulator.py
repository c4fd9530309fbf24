"""The firmware's core and the Python reference take the newer commands alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from firmware_host import LIMITS, RawHost
from firmware_machines import CoilEdge, FakeMachine, Machine, SimulatorMachine, WheelSegment
from firmware_rig import Rig
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.codec import encode
from firmware_bridge.codes import Capability, Cause, Outcome, Result, State
from firmware_bridge.errors import ProtocolMismatchError
from firmware_bridge.frames import (
    SCHEMA_HASH,
    UNKNOWN_GROUND,
    Ack,
    ConfigPwm,
    Disarm,
    Hello,
    HelloReply,
    Odometry,
    Pulse,
    PulseReports,
    RowsDistance,
    Status,
    Strobe,
    ValveTiming,
)
from firmware_bridge.link import Connected, Disconnected, HostLink, Limits, Pwm, Refused

MS = 250
"""Ticks."""
TIMING = ValveTiming(open_10us=1200, close_10us=1000, fall_10us=3600)
STEP = 640
NewMachine = Callable[[], Machine]


@pytest.fixture(params=["firmware", "python"])
def new_machine(request: pytest.FixtureRequest) -> NewMachine:
    """Return a maker of freshly switched on controllers of 16 valves."""
    if request.param == "python":
        return SimulatorMachine
    library: Path = request.getfixturevalue("fake_library")
    return lambda: FakeMachine(library)


@pytest.fixture
def host(new_machine: NewMachine) -> RawHost:
    """Return a host with a controller that has just been switched on."""
    return RawHost(new_machine())


def turn(host: RawHost, speed: float = 2000.0, stop_s: float | None = None) -> None:
    """Turn the wheel from now on, and stop it after ``stop_s``."""
    start = WheelSegment(host.now_s, 0.5, speed)
    if stop_s is None:
        host.machine.turn_wheel([start])
    else:
        stop = WheelSegment(host.now_s + stop_s, 0.5 + stop_s * speed, 0.0)
        host.machine.turn_wheel([start, stop])


def test_it_says_what_it_can_do(host: RawHost) -> None:
    capabilities = Capability(host.open_session().capabilities)
    assert Capability.PWM | Capability.ROWS | Capability.SPEED_CHECK in capabilities


# Speed over ground


def test_a_silent_encoder_on_a_moving_machine_disarms(host: RawHost) -> None:
    host.make_ready()
    turn(host, stop_s=1.0)
    stopped_s = host.now_s + 1.0
    host.ground_mm_s = 301
    host.run(0.9)
    assert host.state is State.ARMED
    host.pulses(host.tick(), Pulse(0, 1, 150 * MS, 190 * MS), Pulse(1, 2, 320 * MS, 20 * MS))
    host.run(0.5)
    status = host.last(Status)
    assert (status.state, status.cause) == (State.SAFE, Cause.ENCODER)
    (_, is_on), (closed_s, _) = host.edges(0)
    assert is_on
    assert closed_s - stopped_s == pytest.approx(0.2, abs=0.002)
    assert host.edges(1) == []
    assert host.outcomes() == {1: Outcome.CUT, 2: Outcome.FLUSHED}
    assert host.arm() is Result.OK
    host.run(0.05)
    assert host.last(Status).cause == Cause.ENCODER


def test_a_machine_that_begins_to_move_has_200_ms_for_the_first_edge(host: RawHost) -> None:
    host.make_ready()
    host.run(1.0)
    host.ground_mm_s = 1000
    host.run(0.05 - host.now_s % 0.05 + 0.15)
    assert host.state is State.ARMED
    host.run(0.15)
    assert host.last(Status).cause == Cause.ENCODER


@pytest.mark.parametrize("ground_mm_s", [0, 300, UNKNOWN_GROUND])
def test_slow_or_unknown_ground_speed_proves_nothing(host: RawHost, ground_mm_s: int) -> None:
    host.make_ready()
    host.ground_mm_s = ground_mm_s
    host.run(1.0)
    assert host.state is State.ARMED


def test_edges_seven_times_a_second_are_enough(host: RawHost) -> None:
    host.make_ready()
    turn(host, speed=7.0)
    host.run(0.3)
    host.ground_mm_s = 400
    host.run(2.0)
    assert host.state is State.ARMED


# PWM


def test_a_pwm_valve_is_switched_on_and_off_while_its_pulse_lasts(host: RawHost) -> None:
    host.make_ready(None, LIMITS, ConfigPwm(20, 5, (30,)))
    host.pulses(host.tick() + 40 * MS, Pulse(5, 1, 0, 100 * MS), Pulse(4, 2, 0, 100 * MS))
    host.run(0.3)
    edges = host.edges(5)
    assert len(host.edges(4)) == 2
    assert [on for _, on in edges] == [True, False] * 5
    begins = [t_s for t_s, on in edges if on]
    lasts = [off_s - on_s for (on_s, _), (off_s, _) in zip(edges[::2], edges[1::2], strict=True)]
    assert [t_s - begins[0] for t_s in begins] == pytest.approx(
        [0.02 * k for k in range(5)], abs=0.0011
    )
    assert lasts == pytest.approx([0.006] * 5, abs=0.0011)
    assert host.outcomes() == {1: Outcome.DONE, 2: Outcome.DONE}
    (report,) = [r for f in host.all(PulseReports) for r in f.reports if r.tag == 1][:1]
    assert report.on_ticks == pytest.approx(100 * MS, abs=30)


def test_a_pwm_pulse_that_is_cut_leaves_the_coil_off(host: RawHost) -> None:
    host.make_ready(None, LIMITS, ConfigPwm(20, 5, (50,)))
    host.pulses(host.tick(), Pulse(5, 1, 40 * MS, 190 * MS))
    host.run(0.07)
    assert host.command(Disarm()) is Result.OK
    cut_s = host.now_s
    host.run(0.3)
    assert host.edges(5)[-1][1] is False
    assert host.edges(5)[-1][0] <= cut_s


def test_the_duty_of_all_the_time_ends_pwm(host: RawHost) -> None:
    host.make_ready(None, LIMITS, ConfigPwm(20, 0, (30,) * 16), ConfigPwm(20, 0, (100,) * 16))
    host.pulses(host.tick() + 40 * MS, Pulse(5, 1, 0, 100 * MS))
    host.run(0.3)
    assert len(host.edges(5)) == 2


@pytest.mark.parametrize(
    "frame",
    [
        ConfigPwm(19, 0, (50,)),
        ConfigPwm(101, 0, (50,)),
        ConfigPwm(20, 15, (50, 50)),
        ConfigPwm(20, 0, (50, 0)),
        ConfigPwm(20, 0, (101,)),
    ],
)
def test_impossible_pwm_is_refused_and_changes_nothing(host: RawHost, frame: ConfigPwm) -> None:
    host.open_session()
    assert host.command(frame) is Result.BAD_VALUE
    assert host.command(LIMITS) is Result.OK
    host.exchange_times()
    host.run(0.06)
    assert host.arm() is Result.OK
    assert host.command(ConfigPwm(20, 0, (50,))) is Result.WRONG_STATE
    host.pulses(host.tick() + 40 * MS, Pulse(0, 1, 0, 100 * MS))
    host.run(0.3)
    assert len(host.edges(0)) == 2


# Rows


def picture(base: int, rows: tuple[int, ...], **how: int) -> RowsDistance:
    """Return a picture of the ground."""
    return RowsDistance(base, how.get("tag", 1), STEP, how.get("first", 0), 16, rows)


def ready_and_rolling(host: RawHost) -> int:
    """Arm at a turning wheel; return a position half a second ahead."""
    host.make_ready(TIMING)
    turn(host)
    host.run(0.5)
    return host.last(Odometry).position + 16 * 1000


def test_rows_are_pulses_drawn(host: RawHost) -> None:
    base = ready_and_rolling(host)
    rows = (0b0001, 0b1001, 0b1000, 0b0001)
    assert host.command(picture(base, rows, tag=65535)) is Result.OK
    host.run(0.06)
    assert host.last(Status).queued == 3
    host.pulses(base, Pulse(8, 100, 0, 2 * STEP), by_distance=True)
    host.run(1.0)
    assert host.outcomes() == dict.fromkeys((65535, 0, 1, 100), Outcome.DONE)
    valves = {r.tag: r.valve for f in host.all(PulseReports) for r in f.reports}
    assert valves == {65535: 0, 0: 0, 1: 3, 100: 8}
    (a_on, _), (a_off, _), (b_on, _), (b_off, _) = host.edges(0)
    (c_on, _), (c_off, _) = host.edges(3)
    (d_on, _), (d_off, _) = host.edges(8)
    assert (a_on, a_off) == (pytest.approx(d_on, abs=0.0005), pytest.approx(d_off, abs=0.0005))
    row_s = STEP / 16 / 2000
    assert b_on - a_on == pytest.approx(3 * row_s, abs=0.0005)
    assert b_off - b_on == pytest.approx(a_off - a_on - row_s, abs=0.0005)
    assert c_on - a_on == pytest.approx(row_s, abs=0.0005)
    assert c_off - c_on == pytest.approx(a_off - a_on, abs=0.0005)


def test_a_run_goes_on_in_the_next_picture(host: RawHost) -> None:
    base = ready_and_rolling(host)
    assert host.command(picture(base, (2, 2), tag=10)) is Result.OK
    assert host.command(picture(base + 2 * STEP, (2, 0, 2), tag=11)) is Result.OK
    host.run(1.0)
    assert host.outcomes() == dict.fromkeys((10, 11, 12), Outcome.DONE)
    assert len(host.edges(1)) == 4


def test_impossible_pictures_are_refused_whole(host: RawHost) -> None:
    base = ready_and_rolling(host)
    assert host.command(RowsDistance(base, 1, 0, 0, 16, (1,))) is Result.BAD_VALUE
    assert host.command(RowsDistance(base, 1, STEP, 1, 16, (1,))) is Result.BAD_VALUE
    checkered = tuple(0x5555 << r % 2 & 0xFFFF for r in range(4))
    assert host.command(picture(base, (*checkered, 1))) is Result.BAD_VALUE
    assert host.command(picture(base, (0, 0))) is Result.OK
    host.run(0.8)
    assert host.outcomes() == {}
    assert host.command(picture(base, checkered)) is Result.OK
    host.run(0.1)
    assert host.outcomes() == dict.fromkeys(range(1, 33), Outcome.LATE)


def test_a_picture_that_does_not_fit_the_queue_is_not_taken(host: RawHost) -> None:
    base = ready_and_rolling(host)
    rows = tuple(0x5555 << r % 2 & 0xFFFF for r in range(4))
    for k in range(3):
        frame = picture(base + 4 * k * STEP, rows, tag=32 * k)
        assert host.command(frame) is Result.OK
    assert host.command(picture(base + 12 * STEP, rows, tag=96)) is Result.QUEUE_FULL
    assert host.last(Ack).free == 108 - 96
    assert host.command(picture(base + 12 * STEP, (0x0FFF,), tag=96)) is Result.OK
    assert host.last(Ack).free == 0


def test_pictures_for_an_unarmed_controller_are_refused_run_by_run(host: RawHost) -> None:
    host.open_session()
    assert host.command(LIMITS) is Result.OK
    assert host.command(picture(16 * 1000, (3, 0, 1))) is Result.OK
    host.run(0.1)
    assert host.outcomes() == dict.fromkeys((1, 2, 3), Outcome.NOT_ARMED)
    assert host.edges(0) == host.edges(1) == []


@settings(max_examples=15, deadline=None)
@given(
    rows=st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=6),
    first=st.integers(0, 8),
    valves=st.integers(1, 12),
    step=st.integers(200, 900),
)
def test_both_spray_the_same_picture(
    fake_library: Path, rows: list[int], first: int, valves: int, step: int
) -> None:
    def sprayed(machine: Machine) -> tuple[Result, dict[int, Outcome], list[CoilEdge]]:
        host = RawHost(machine)
        base = ready_and_rolling(host)
        width = RowsDistance.row_bytes(valves)
        drawn = tuple(row & (1 << 8 * width) - 1 for row in rows)
        result = host.command(RowsDistance(base, 5, step, first, valves, drawn))
        host.run(1.2)
        edges = sorted((e for e in machine.edges() if e.valve >= 0), key=lambda e: (e.valve, e.t_s))
        return result, host.outcomes(), edges

    result, outcomes, edges = sprayed(FakeMachine(fake_library))
    other_result, other_outcomes, other_edges = sprayed(SimulatorMachine())
    assert result is other_result
    assert outcomes == other_outcomes
    assert [(e.valve, e.on) for e in edges] == [(e.valve, e.on) for e in other_edges]
    for a, b in zip(edges, other_edges, strict=True):
        assert a.t_s == pytest.approx(b.t_s, abs=0.001)


# Strobe


def test_the_simulator_tells_of_strobes() -> None:
    machine = SimulatorMachine()
    host = RawHost(machine)
    host.open_session()
    turn(host, speed=4000.0)
    start_s = host.now_s
    host.run(0.5)
    machine.simulator.strobe(host.now_s)
    machine.simulator.strobe(host.now_s)
    host.run(0.05)
    first, second = host.all(Strobe)
    assert (first.number, second.number) == (0, 1)
    assert first.tick == pytest.approx(round((host.now_s - 0.05) * 250_000), abs=1)
    assert first.position / 16 == pytest.approx(0.5 + 4000 * (host.now_s - 0.05 - start_s), abs=1.0)


# The host's link


def run_link(new_machine: NewMachine, row_step_counts: int) -> tuple[Rig, dict[int, int], int]:
    """Spray squares over all valves by distance; return link, events' places, bytes sent."""
    rig = Rig(new_machine(), timing=TIMING, row_step_counts=row_step_counts)
    rig.arm()
    rig.machine.turn_wheel([WheelSegment(rig.now_s, 0.5, 2000.0)])
    rig.run(0.5)
    first = rig.of(Odometry)[-1].position // STEP + 30
    before = rig.link.counters.sent_bytes
    places = {
        rig.pulse(v, True, start, 2 * STEP): start
        for k in range(6)
        for v in range(16)
        for start in [(first + 3 * k + v % 3) * STEP]
    }
    rig.run(0.02)
    sent = rig.link.counters.sent_bytes - before
    rig.run(2.0)
    return rig, places, sent


def test_the_link_draws_pulses_on_a_grid_and_answers_each(new_machine: NewMachine) -> None:
    rig, places, drawn = run_link(new_machine, STEP // 16)
    other, other_places, listed = run_link(new_machine, 0)
    assert drawn < 0.4 * listed
    for one, wanted in ((rig, places), (other, other_places)):
        answers = one.answers()
        assert sorted(answers) == sorted(wanted)
        assert {a.outcome for a in answers.values()} == {Outcome.DONE}
        for event, start in wanted.items():
            lands = answers[event].open_position + 16 * 2000 * 0.048
            assert lands == pytest.approx(start, abs=16 * 4)
    spans, other_spans = rig.openings(), other.openings()
    assert len(spans) == len(other_spans) == len(places)
    for valve in range(16):
        for a, b in zip(rig.openings(valve), other.openings(valve), strict=True):
            assert a == pytest.approx(b, abs=0.001)


def test_no_tag_is_given_twice_while_one_is_out(fake_library: Path) -> None:
    """A pulse waits far ahead while all the other tags are used up and begin anew."""
    rig = Rig(FakeMachine(fake_library), row_step_counts=STEP // 16)
    rig.arm()
    far = rig.pulse(0, True, 100 * STEP, STEP)
    late: list[int] = []
    while len(late) < 66_000:
        if rig.link.outstanding < 200:
            late += [
                rig.pulse(1 + k % 15, True, (-60 + k // 15 * 3) * STEP, STEP) for k in range(240)
            ]
        rig.run(0.005)
    rig.run(0.2)
    answers = rig.answers()
    assert sorted(answers) == late
    assert {answer.outcome for answer in answers.values()} == {Outcome.LATE}
    rig.machine.turn_wheel([WheelSegment(rig.now_s, 0.5, 4000.0)])
    rig.run(1.5)
    answer = rig.answers()[far]
    assert answer.outcome == Outcome.DONE
    assert answer.open_position == pytest.approx(100 * STEP, abs=16 * 4)


def test_abutting_and_odd_pulses_go_out_apart(new_machine: NewMachine) -> None:
    rig = Rig(new_machine(), timing=TIMING, row_step_counts=STEP // 16)
    rig.arm()
    rig.machine.turn_wheel([WheelSegment(rig.now_s, 0.5, 2000.0)])
    rig.run(0.5)
    first = (rig.of(Odometry)[-1].position // STEP + 30) * STEP
    ids = [rig.pulse(v, True, first, STEP) for v in range(8)]
    ids += [rig.pulse(v, True, first + STEP, STEP) for v in range(8)]
    ids += [rig.pulse(v, True, first + 2 * STEP, STEP + 5) for v in range(8)]
    ids += [rig.pulse(20, True, first, STEP)]
    rig.run(2.0)
    answers = rig.answers()
    assert {answers[i].outcome for i in ids[:-1]} == {Outcome.DONE}
    assert answers[ids[-1]].outcome == Outcome.BAD_VALVE
    assert len(rig.openings()) == 8


def test_what_is_drawn_beyond_the_valves_is_refused_in_words(new_machine: NewMachine) -> None:
    rig = Rig(new_machine(), row_step_counts=STEP // 16)
    rig.arm()
    ids = [rig.pulse(16 + v, True, 30 * STEP, STEP) for v in range(8)]
    rig.run(0.2)
    assert {rig.answers()[i].outcome for i in ids} == {Outcome.REFUSED}
    assert "outside" in rig.of(Refused)[-1].words


def test_the_link_sets_the_duty_of_every_valve(new_machine: NewMachine) -> None:
    rig = Rig(new_machine(), pwm=Pwm(period_ms=50, duty_percent={3: 20}))
    rig.arm()
    for valve in (3, 4):
        rig.pulse_time(valve, 0.05, 0.1)
    rig.run(0.4)
    assert [len(rig.openings(v)) for v in (3, 4)] == [2, 1]


def test_a_refused_configuration_is_named_and_never_ready(new_machine: NewMachine) -> None:
    rig = Rig(new_machine(), pwm=Pwm(period_ms=10, duty_percent={3: 20}))
    rig.run(3.0)
    assert rig.of(Connected) == []
    reasons = {event.reason for event in rig.of(Disconnected)}
    assert len(rig.of(Disconnected)) <= 4
    (reason,) = reasons
    assert "configuration (configpwm): a value is outside" in reason


def identity(**how: object) -> HelloReply:
    """Return what a controller without PWM says of itself."""
    values: dict[str, object] = {
        "session": 7, "boot": 1, "tick_hz": 250_000, "valves": 1, "queue": 10, "window": 8,
        "rx_bytes": 200, "capabilities": 0, "max_open_ms": 1000, "min_lead_us": 1000,
        "horizon_ms": 4000, "late_us": 5000, "firmware": (0, 1, 0), "name": "plain",
    }  # fmt: skip
    return HelloReply(**{**values, **how})  # type: ignore[arg-type]


def test_a_controller_without_pwm_is_refused_where_pwm_is_wanted() -> None:
    link = HostLink(
        session_id=7,
        valves={},
        limits=Limits(max_open_ms=100, standstill_ms=100, reach_subcounts=0),
        baud=0.0,
        pwm=Pwm(period_ms=20, duty_percent={0: 50}),
    )
    link.poll(0.0)
    link.receive(encode(identity()), 0.01)
    link.valve_table[0] = ValveTiming(0, 0, 0)
    with pytest.raises(ProtocolMismatchError, match=r"'plain'.*PWM.*100 percent"):
        link.poll(0.02)


def test_a_controller_of_a_later_version_is_named_whatever_it_says() -> None:
    link = HostLink(
        session_id=7,
        valves={},
        limits=Limits(max_open_ms=100, standstill_ms=100, reach_subcounts=0),
        baud=0.0,
    )

    class Later:
        TYPE = HelloReply.TYPE

        def payload(self) -> bytes:
            return Hello(7, protocol=9, schema=SCHEMA_HASH ^ 1).payload() + b"quite another reply"

    with pytest.raises(ProtocolMismatchError, match=r"of another version.*version 9"):
        link.receive(encode(Later()), 0.01)
