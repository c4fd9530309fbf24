"""The rules of PROTOCOL.md, on the firmware's core as a library, to the tick."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from firmware_host import LIMITS, SESSION, TICK_HZ, RawHost
from firmware_machines import FakeMachine, WheelSegment
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.codec import encode
from firmware_bridge.codes import Alive, Capability, Cause, Outcome, Result, State, StatusFlag
from firmware_bridge.frames import (
    SCHEMA_HASH,
    Ack,
    Beat,
    Clear,
    ConfigLimits,
    ConfigPwm,
    ConfigValves,
    Disarm,
    EStop,
    Flush,
    Hello,
    HelloReply,
    Odometry,
    Pulse,
    PulseReports,
    ReadValves,
    ReportAck,
    Status,
    Strobe,
    Time,
    TimeReply,
    Valves,
    ValveTiming,
)

MS = 250
"""Ticks."""
TIMING = ValveTiming(open_10us=1200, close_10us=1000, fall_10us=3600)

NewHost = Callable[..., RawHost]


@pytest.fixture
def new_host(fake_library: Path) -> NewHost:
    """Return a maker of a host with a controller that has just been switched on."""

    def make(**how: int) -> RawHost:
        return RawHost(FakeMachine(fake_library, **how))

    return make


@pytest.fixture
def host(new_host: NewHost) -> RawHost:
    """Return a host with a controller that has just been switched on."""
    return new_host()


@pytest.fixture
def armed(host: RawHost) -> RawHost:
    """Return a host whose controller is armed; its valves have no latencies."""
    host.make_ready()
    return host


def controller(host: RawHost) -> FakeMachine:
    """Return the machine as what it is."""
    machine = host.machine
    assert isinstance(machine, FakeMachine)
    return machine


# Sessions


def test_without_a_session_only_hello_and_stop_are_heard(host: RawHost) -> None:
    host.beating = False
    host.send(Time(1))
    host.send(ReadValves(0))
    host.send(Flush(), 0)
    host.run(0.2)
    kinds = {type(frame) for _, frame in host.received}
    assert kinds == {Status}
    assert host.last(Status).session == 0
    host.send(EStop())
    host.run(0.02)
    assert (host.state, host.last(Status).cause) == (State.ESTOP, Cause.ESTOP_COMMAND)


def test_hello_tells_what_the_controller_is(host: RawHost) -> None:
    reply = host.open_session()
    assert (reply.session, reply.boot, reply.tick_hz) == (SESSION, 1, TICK_HZ)
    assert (reply.valves, reply.window, reply.schema) == (16, 8, SCHEMA_HASH)
    assert reply.capabilities & Capability.ENCODER
    assert (reply.min_lead_us, reply.late_us, reply.horizon_ms) == (1000, 5000, 4000)
    assert reply.name == "AgriSeg test board"


def test_another_schema_is_answered_and_changes_nothing(armed: RawHost) -> None:
    armed.send(Hello(99, schema=SCHEMA_HASH ^ 1))
    armed.run(0.02)
    assert armed.last(HelloReply).session == 99
    assert armed.last(HelloReply).schema == SCHEMA_HASH
    armed.run(0.06)
    assert armed.state is State.ARMED
    assert armed.last(Status).session == SESSION


def test_a_repeated_hello_changes_nothing_and_a_new_one_disarms(armed: RawHost) -> None:
    armed.send(Hello(SESSION))
    armed.run(0.06)
    assert armed.state is State.ARMED
    armed.beating = False
    armed.open_session(5)
    armed.run(0.06)
    status = armed.last(Status)
    assert (status.state, status.cause, status.session) == (State.SAFE, Cause.NEW_SESSION, 5)


@pytest.mark.parametrize("questions", range(24))
def test_answers_never_overrun_the_transmit_buffer(host: RawHost, questions: int) -> None:
    """The test board stops the program where more is sent than has room."""
    for session in range(1, questions + 2):
        host.send(Hello(session))
        host.send(ReadValves(0))
        host.send(Time(session))
    host.run(0.1)
    assert host.last(HelloReply).session == questions + 1


def test_the_valve_table_is_told_page_by_page(host: RawHost) -> None:
    host.open_session()
    table = tuple(ValveTiming(v, 2 * v, 3 * v) for v in range(16))
    assert host.command(ConfigValves(0, table[:8])) is Result.OK
    assert host.command(ConfigValves(8, table[8:])) is Result.OK
    host.send(ReadValves(5))
    host.run(0.02)
    assert host.last(Valves) == Valves(5, table[5:])


# Sequenced frames


def test_a_frame_is_executed_once_and_a_gap_is_told(host: RawHost) -> None:
    host.open_session()
    assert host.command(LIMITS) is Result.OK
    host.send(LIMITS, 0)
    host.run(0.02)
    ack = host.last(Ack)
    assert (ack.expected, ack.flags, ack.results) == (1, 0, bytes((0,)) + b"\xff" * 7)
    host.send(Flush(), 2)
    host.run(0.02)
    ack = host.last(Ack)
    assert (ack.expected, ack.flags & Ack.GAP) == (1, Ack.GAP)
    assert ack.results[1] == Result.NONE


def test_results_keep_their_order(host: RawHost) -> None:
    host.open_session()
    for seq, frame in enumerate((Flush(), ConfigValves(15, (TIMING, TIMING)), Clear())):
        host.send(frame, seq)
    host.run(0.02)
    assert host.last(Ack).results[:4] == bytes((Result.OK, Result.BAD_VALUE, Result.OK, 255))


def test_a_gap_is_told_at_most_every_ten_milliseconds(host: RawHost) -> None:
    host.open_session()
    before = len(host.all(Ack))
    for _ in range(40):
        host.send(Flush(), 9)
    host.run(0.02)
    assert 1 <= len(host.all(Ack)) - before <= 3


def test_an_unknown_command_and_a_wrong_length_consume_their_number(host: RawHost) -> None:
    class Odd:
        def __init__(self, frame_type: int, payload: bytes) -> None:
            self.TYPE = frame_type
            self._payload = payload

        def payload(self) -> bytes:
            return self._payload

    host.open_session()
    assert host.command(Odd(0x44, b"abc")) is Result.UNKNOWN_TYPE
    for frame_type in range(0x10, 0x1A):
        assert host.command(Odd(frame_type, b"x" * 100)) is Result.BAD_LENGTH
    empty = Odd(0x16, bytes((0, 0, 0, 0, 0)))
    assert host.command(empty) is Result.BAD_LENGTH
    assert host.last(Status).bad_frames == 0


@pytest.mark.parametrize(
    "limits",
    [
        ConfigLimits(0, 200, 10, 50, 0, 0, 0),
        ConfigLimits(10_001, 200, 10, 50, 0, 0, 0),
        ConfigLimits(200, 200, 4, 50, 0, 0, 0),
        ConfigLimits(200, 200, 10, 19, 0, 0, 0),
    ],
)
def test_limits_out_of_range_are_refused(host: RawHost, limits: ConfigLimits) -> None:
    host.open_session()
    assert host.command(limits) is Result.BAD_VALUE


def test_nothing_is_configured_while_armed(armed: RawHost) -> None:
    assert armed.command(LIMITS) is Result.WRONG_STATE
    assert armed.command(ConfigValves(0, (TIMING,))) is Result.WRONG_STATE


def test_bad_frames_are_counted(host: RawHost) -> None:
    host.open_session()
    good = encode(Flush(), 0)
    host.raw(bytes((good[0], good[1] ^ 4)) + good[2:])
    host.raw(b"\x03\x02\0" + b"\x55" * 300 + b"\0\0\0")
    host.run(0.1)
    assert host.last(Status).bad_frames == 3


# The clock


def test_time_is_told_as_it_is_on_the_wire(new_host: NewHost) -> None:
    host = new_host(first_tick=2**32 - 10_000)
    host.open_session()
    host.send(Time(7))
    sent_s = host.now_s
    host.run(0.02)
    t_s, reply = next((t, f) for t, f in host.received if isinstance(f, TimeReply))
    question_s = len(encode(Time(7))) * 10 / 500_000
    answer_s = len(encode(reply)) * 10 / 500_000
    tick = 2**32 - 10_000
    assert reply.stamp == 7
    assert reply.rx_tick == round(tick + (sent_s + question_s) * TICK_HZ) % 2**32
    assert reply.tx_tick == pytest.approx((tick + (t_s - answer_s) * TICK_HZ) % 2**32, abs=2)


# States


def test_arming_needs_session_boot_heartbeat_and_clock(host: RawHost) -> None:
    host.beating = False
    host.open_session()
    assert host.arm(boot=2) is Result.WRONG_BOOT
    assert host.arm() is Result.NO_BEAT
    host.beating = True
    host.run(0.06)
    assert host.arm() is Result.CLOCK_NOT_CONVERGED
    host.exchange_times(8)
    assert host.arm(clock_error_us=2001) is Result.CLOCK_NOT_CONVERGED
    assert host.state is State.SAFE
    assert host.arm(clock_error_us=2000) is Result.OK
    assert (host.state, host.last(Status).cause) == (State.ARMED, Cause.NONE)


@pytest.mark.parametrize(
    ("alive", "cause"),
    [
        (Alive.ALL & ~Alive.APPLICATION, Cause.NO_APPLICATION),
        (Alive.ALL & ~Alive.CAMERA, Cause.NO_CAMERA),
        (Alive.ALL & ~Alive.MODEL, Cause.NO_MODEL),
        (Alive.ALL & ~Alive.PLANNER, Cause.NO_PLANNER),
        (Alive(0), Cause.NO_APPLICATION),
    ],
)
def test_a_heartbeat_with_something_dead_disarms_at_once(
    armed: RawHost, alive: Alive, cause: Cause
) -> None:
    armed.pulses(armed.tick(), Pulse(0, 1, 30 * MS, 100 * MS))
    armed.run(0.05)
    armed.alive = int(alive)
    armed.run(0.06)
    status = armed.last(Status)
    assert (status.state, status.cause) == (State.SAFE, cause)
    assert armed.edges(0)[-1][1] is False
    armed.run(0.05)
    assert armed.outcomes() == {1: Outcome.CUT}
    armed.alive = int(Alive.ALL)
    armed.run(0.2)
    assert armed.state is State.SAFE


def test_a_heartbeat_of_another_session_disarms(armed: RawHost) -> None:
    armed.send(Beat(SESSION ^ 1, Alive.ALL, 0))
    armed.run(0.02)
    assert (armed.state, armed.last(Status).cause) == (State.SAFE, Cause.WRONG_SESSION)


def test_silence_closes_after_250_ms_and_nothing_opens_any_more(armed: RawHost) -> None:
    armed.run(0.05 - armed.now_s % 0.05)
    armed.send(Beat(SESSION, Alive.ALL, 0))
    wire_s = len(encode(Beat(SESSION, Alive.ALL, 0))) * 10 / 500_000
    beat_s = armed.now_s + wire_s
    armed.beating = False
    now = armed.tick()
    armed.pulses(now, Pulse(0, 1, 100 * MS, 190 * MS), Pulse(1, 2, 400 * MS, 50 * MS))
    armed.run(1.0)
    (_, is_on), (closed_s, _) = armed.edges(0)
    assert is_on
    assert 0.25 <= closed_s - beat_s <= 0.2515
    assert armed.edges(1) == []
    assert armed.outcomes() == {1: Outcome.CUT, 2: Outcome.FLUSHED}
    assert armed.last(Status).cause == Cause.DEADMAN
    assert armed.edges(-1)[-1] == (closed_s, False)
    armed.beating = True
    armed.run(0.5)
    assert armed.state is State.SAFE


def test_the_deadman_works_while_the_main_loop_hangs(armed: RawHost) -> None:
    armed.pulses(armed.tick(), Pulse(0, 1, 30 * MS, 50 * MS), Pulse(1, 2, 240 * MS, 190 * MS))
    armed.run(0.02)
    controller(armed).hang()
    armed.run(1.0)
    (on_s, _), (off_s, _) = armed.edges(0)
    assert off_s - on_s == pytest.approx(0.05, abs=1e-6)
    assert len(armed.edges(1)) == 2
    assert armed.edges(1)[1][0] - armed.edges(1)[0][0] < 0.19


def test_disarm_closes_and_forgets(armed: RawHost) -> None:
    armed.pulses(armed.tick(), Pulse(0, 1, 30 * MS, 190 * MS), Pulse(1, 2, 300 * MS, 50 * MS))
    armed.run(0.1)
    assert armed.command(Disarm()) is Result.OK
    armed.run(0.5)
    assert armed.outcomes() == {1: Outcome.CUT, 2: Outcome.FLUSHED}
    assert len(armed.edges(0)) == 2
    assert armed.edges(1) == []
    assert armed.last(Status).cause == Cause.COMMAND


def test_flush_forgets_what_has_not_begun(armed: RawHost) -> None:
    armed.pulses(armed.tick(), Pulse(0, 1, 30 * MS, 150 * MS), Pulse(0, 2, 200 * MS, 50 * MS))
    armed.run(0.06)
    assert armed.command(Flush()) is Result.OK
    armed.run(0.5)
    assert armed.outcomes() == {1: Outcome.DONE, 2: Outcome.FLUSHED}
    (on_s, _), (off_s, _) = armed.edges(0)
    assert off_s - on_s == pytest.approx(0.15, abs=1e-6)
    assert armed.state is State.ARMED


def test_stop_by_command_is_latched_until_cleared_and_never_resumes(armed: RawHost) -> None:
    armed.pulses(armed.tick(), Pulse(0, 1, 30 * MS, 190 * MS), Pulse(1, 2, 200 * MS, 50 * MS))
    armed.run(0.06)
    stopped_s = armed.now_s
    armed.send(EStop())
    armed.run(0.02)
    assert armed.state is State.ESTOP
    assert armed.edges(0)[1][0] - stopped_s < 0.001
    assert armed.arm() is Result.ESTOP_LATCHED
    armed.send(EStop())
    armed.run(0.6)
    assert armed.state is State.ESTOP
    assert armed.command(Clear()) is Result.OK
    assert (armed.state, armed.last(Status).cause) == (State.SAFE, Cause.CLEARED)
    armed.run(0.5)
    assert armed.edges(1) == []
    assert armed.outcomes() == {1: Outcome.CUT, 2: Outcome.FLUSHED}
    assert armed.arm() is Result.OK
    armed.run(0.3)
    assert armed.edges(1) == []


def test_stop_at_the_machine_is_latched_while_and_after_it_is_pressed(armed: RawHost) -> None:
    armed.pulses(armed.tick(), Pulse(0, 1, 30 * MS, 190 * MS), Pulse(0, 2, 300 * MS, 190 * MS))
    armed.run(0.06)
    pressed_s = armed.now_s
    armed.machine.press_estop(True)
    armed.run(0.02)
    assert armed.edges(0)[1] == (pressed_s, False)
    status = armed.last(Status)
    assert (status.state, status.cause) == (State.ESTOP, Cause.ESTOP_INPUT)
    assert status.flags & StatusFlag.ESTOP_PRESSED
    assert armed.command(Clear()) is Result.ESTOP_PRESSED
    armed.machine.press_estop(False)
    armed.run(0.5)
    assert armed.state is State.ESTOP
    assert len(armed.edges(0)) == 2
    assert armed.command(Clear()) is Result.OK
    assert armed.state is State.SAFE


def test_a_stop_pressed_at_power_up_is_found(armed: RawHost) -> None:
    armed.machine.press_estop(True)
    controller(armed).restart(boot=2, cause=Cause.BOOT)
    armed.run(0.1)
    status = armed.last(Status)
    assert (status.state, status.cause) == (State.ESTOP, Cause.ESTOP_INPUT)


def test_a_restart_is_told_and_is_not_armed(armed: RawHost) -> None:
    controller(armed).restart(boot=2, cause=Cause.WATCHDOG)
    armed.run(0.1)
    status = armed.last(Status)
    assert (status.session, status.boot) == (0, 2)
    assert (status.state, status.cause) == (State.SAFE, Cause.WATCHDOG)


# Pulses


@pytest.mark.parametrize("first_tick", [0, 2**31 - TICK_HZ, 2**32 - TICK_HZ, 2**32 - 100_000])
def test_edges_are_exact_to_the_tick_across_every_wrap(new_host: NewHost, first_tick: int) -> None:
    host = new_host(first_tick=first_tick)
    host.make_ready(TIMING)
    base = host.tick()
    wanted = [
        (base + offset, 20 * MS + 7 * i)
        for i, offset in enumerate(range(60 * MS, 900 * MS, 41 * MS + 1))
    ]
    for i, (start, length) in enumerate(wanted):
        assert host.pulses(start, Pulse(i % 16, i, 0, length)) is Result.OK
        host.run(0.005)
    host.run(0.5)
    edges = [
        (round(e.t_s * TICK_HZ) + first_tick, e.valve, e.on)
        for e in host.machine.edges()
        if e.valve >= 0
    ]
    lead_on, lead_off = 4800 * 5 // 2, 4600 * 5 // 2
    expected = sorted(
        edge
        for i, (start, length) in enumerate(wanted)
        for edge in (
            ((start - lead_on) % 2**32, i % 16, True),
            ((start + length - lead_off) % 2**32, i % 16, False),
        )
    )
    assert sorted((t % 2**32, v, on) for t, v, on in edges) == expected
    reports = {
        r.tag: (f.tick + r.open_ticks, r.on_ticks)
        for f in host.all(PulseReports)
        for r in f.reports
    }
    for i, (start, length) in enumerate(wanted):
        opened, on = reports[i]
        assert opened % 2**32 == (start - lead_on) % 2**32
        assert on == length - lead_off + lead_on


def test_unarmed_pulses_are_refused_and_never_sprayed(host: RawHost) -> None:
    host.open_session()
    host.command(LIMITS)
    host.exchange_times()
    host.pulses(host.tick(), Pulse(0, 9, 200 * MS, 50 * MS))
    host.run(0.05)
    assert host.outcomes() == {9: Outcome.NOT_ARMED}
    assert host.arm() is Result.OK
    host.run(0.5)
    assert host.edges(0) == []
    assert host.last(Status).rejected == 1


@pytest.mark.parametrize(
    ("pulse", "outcome"),
    [
        (Pulse(16, 1, 50 * MS, 20 * MS), Outcome.BAD_VALVE),
        (Pulse(255, 1, 50 * MS, 20 * MS), Outcome.BAD_VALVE),
        (Pulse(3, 1, 50 * MS, 0), Outcome.EMPTY),
        (Pulse(3, 1, 50 * MS, 200 * MS + 1), Outcome.TOO_LONG),
        (Pulse(3, 1, 4100 * MS, 20 * MS), Outcome.TOO_FAR),
        (Pulse(3, 1, 0, 20 * MS), Outcome.LATE),
        (Pulse(3, 1, 1 * MS, 20 * MS), Outcome.LATE),
    ],
)
def test_what_cannot_be_sprayed_is_refused_with_its_reason(
    armed: RawHost, pulse: Pulse, outcome: Outcome
) -> None:
    base = armed.tick()
    armed.pulses(base, pulse)
    armed.run(5.0)
    assert armed.outcomes() == {1: outcome}
    assert [e for e in armed.machine.edges() if e.valve >= 0] == []
    status = armed.last(Status)
    assert (status.late, status.rejected) == ((1, 0) if outcome is Outcome.LATE else (0, 1))


def test_the_least_lead_is_one_millisecond(armed: RawHost) -> None:
    wire_ticks = len(encode(Flush())) * 5
    now = armed.tick()
    for tag, lead in ((1, MS * 13 // 10), (2, MS * 7 // 10)):
        wire = 5 * (4 + 5 + 9 + 2)
        armed.pulses(now + wire + lead, Pulse(tag, tag, 0, 10 * MS))
        now = armed.tick()
    assert wire_ticks > 0
    armed.run(0.1)
    assert armed.outcomes() == {1: Outcome.DONE, 2: Outcome.LATE}


def test_a_pulse_in_the_past_is_late_and_never_fires(armed: RawHost) -> None:
    for back in (1, 10 * MS, 2**30, 2**31 - 10 * MS):
        armed.pulses(armed.tick() - back, Pulse(0, back % 251, 0, 20 * MS))
    armed.run(0.3)
    assert set(armed.outcomes().values()) == {Outcome.LATE}
    assert armed.edges(0) == []


def test_overlapping_pulses_are_refused_and_abutting_ones_join(armed: RawHost) -> None:
    base = armed.tick() + 50 * MS
    armed.pulses(
        base,
        Pulse(0, 1, 0, 50 * MS),
        Pulse(0, 2, 50 * MS - 1, 30 * MS),
        Pulse(0, 3, 50 * MS, 30 * MS),
        Pulse(1, 4, 20 * MS, 30 * MS),
    )
    armed.run(0.3)
    assert armed.outcomes() == {
        1: Outcome.DONE,
        2: Outcome.OVERLAP,
        3: Outcome.DONE,
        4: Outcome.DONE,
    }
    (on_s, _), (off_s, _) = armed.edges(0)
    assert off_s - on_s == pytest.approx(0.08, abs=1e-6)
    reports = {
        r.tag: (f.tick + r.open_ticks, r.on_ticks)
        for f in armed.all(PulseReports)
        for r in f.reports
    }
    assert reports[1][0] + reports[1][1] == reports[3][0]
    assert reports[3][1] == 30 * MS


@pytest.mark.parametrize(("open_ms", "close_ms"), [(30, 5), (5, 30)])
def test_abutting_pulses_stay_open_whatever_the_latencies(
    host: RawHost, open_ms: int, close_ms: int
) -> None:
    host.make_ready(ValveTiming(open_ms * 100, close_ms * 100, 0))
    base = host.tick() + 100 * MS
    host.pulses(base, *(Pulse(0, i, 40 * MS * i, 40 * MS) for i in range(5)))
    host.run(0.6)
    assert len(host.edges(0)) == 2
    assert set(host.outcomes().values()) == {Outcome.DONE}


def test_the_open_time_limit_holds_for_a_pulse_in_distance(armed: RawHost) -> None:
    armed.machine.turn_wheel(_steady(armed.now_s, 2000.0))
    armed.run(0.5)
    position = armed.last(Odometry).position
    armed.pulses(position, Pulse(0, 1, 16 * 200, 16 * 4000), by_distance=True)
    armed.run(1.0)
    (on_s, _), (off_s, _) = armed.edges(0)
    assert off_s - on_s == pytest.approx(0.2, abs=1e-5)
    assert armed.outcomes() == {1: Outcome.CAPPED}


def test_a_wheel_that_stops_under_an_open_valve_closes_it(armed: RawHost) -> None:
    start = armed.now_s
    stop = WheelSegment(start + 0.6, 0.5 + 0.6 * 2000, 0.0)
    armed.machine.turn_wheel([*_steady(start, 2000.0), stop])
    armed.run(0.5)
    position = armed.last(Odometry).position
    armed.pulses(position, Pulse(0, 1, 16 * 120, 16 * 300), by_distance=True)
    armed.run(1.0)
    (on_s, _), (off_s, _) = armed.edges(0)
    assert on_s < start + 0.6
    assert off_s - on_s < 0.2 + 1e-5
    assert armed.outcomes()[1] in (Outcome.STANDSTILL, Outcome.CAPPED)
    assert armed.last(Odometry).speed == 0


def test_standstill_closes_before_a_long_limit(host: RawHost) -> None:
    host.make_ready(limits=ConfigLimits(5000, 200, 10, 50, 16 * 20_000, 0, 0))
    start = host.now_s
    stop = WheelSegment(start + 0.6, 0.5 + 0.6 * 2000, 0.0)
    host.machine.turn_wheel([*_steady(start, 2000.0), stop])
    host.run(0.5)
    host.pulses(host.last(Odometry).position, Pulse(0, 1, 16 * 100, 16 * 900), by_distance=True)
    host.run(1.0)
    off_s = host.edges(0)[1][0]
    assert off_s - (start + 0.6) == pytest.approx(0.2, abs=0.003)
    assert host.outcomes() == {1: Outcome.STANDSTILL}


def test_a_sudden_jump_makes_late_pulses_late(host: RawHost) -> None:
    host.make_ready(TIMING)
    start = host.now_s
    jump = WheelSegment(start + 0.6, 0.5 + 0.6 * 500 + 2000, 500.0)
    host.machine.turn_wheel([*_steady(start, 500.0), jump])
    host.run(0.5)
    position = host.last(Odometry).position
    host.pulses(position, Pulse(0, 1, 16 * 500, 16 * 100), by_distance=True)
    host.run(0.5)
    assert host.outcomes() == {1: Outcome.LATE}
    assert host.edges(0) == []


def test_distance_pulses_ahead_of_a_standing_wheel_wait(armed: RawHost) -> None:
    armed.pulses(armed.last(Odometry).position, Pulse(0, 1, 16 * 100, 16 * 20), by_distance=True)
    armed.run(1.0)
    assert armed.edges(0) == []
    assert armed.last(Status).queued == 1
    armed.machine.turn_wheel([WheelSegment(armed.now_s, 0.5, 0.0, 400.0)])
    armed.run(2.0)
    assert armed.outcomes() == {1: Outcome.DONE}


@pytest.mark.parametrize("distance", [-1, -(2**26), 2**26 + 1, 2**28, -(2**28), 2**31 - 1])
def test_distances_behind_or_beyond_reach_are_refused(armed: RawHost, distance: int) -> None:
    armed.machine.turn_wheel(_steady(armed.now_s, 2000.0))
    armed.run(0.5)
    base = armed.last(Odometry).position + distance
    base = (base + 2**31) % 2**32 - 2**31
    armed.pulses(base, Pulse(0, 1, 0, 160), by_distance=True)
    armed.run(0.3)
    assert armed.outcomes() == {1: Outcome.LATE if distance < 0 else Outcome.TOO_FAR}
    assert armed.edges(0) == []


def test_what_comes_too_late_is_late_also_beyond_reach(host: RawHost) -> None:
    host.make_ready(TIMING, ConfigLimits(200, 200, 10, 50, 0, 0, 0))
    host.machine.turn_wheel(_steady(host.now_s, 2000.0))
    host.run(0.5)
    position = host.last(Odometry).position
    host.pulses(position, Pulse(0, 1, 16 * 50, 160), by_distance=True)
    host.pulses(position, Pulse(1, 2, 16 * 900, 160), by_distance=True)
    host.run(0.3)
    assert host.outcomes() == {1: Outcome.LATE, 2: Outcome.TOO_FAR}


def test_the_two_domains_do_not_mix_on_one_valve(armed: RawHost) -> None:
    armed.pulses(armed.tick(), Pulse(0, 1, 500 * MS, 20 * MS))
    armed.pulses(armed.last(Odometry).position, Pulse(0, 2, 1600, 160), by_distance=True)
    armed.run(0.05)
    assert armed.outcomes() == {2: Outcome.OVERLAP}


@pytest.mark.parametrize(
    ("speed", "acceleration"),
    [(1000.0, 0.0), (12_000.0, 0.0), (4000.0, 3000.0), (8000.0, -3000.0), (200.0, 300.0)],
)
def test_spray_lands_where_it_is_wanted(host: RawHost, speed: float, acceleration: float) -> None:
    """Counts are 0.5 mm: within 2 counts is within 1 mm of odometer reading."""
    host.make_ready(TIMING)
    start = host.now_s
    wheel = WheelSegment(start, 0.5, speed, acceleration)
    host.machine.turn_wheel([wheel])
    host.run(0.4)
    wanted: dict[int, int] = {}
    for tag in range(16):
        position = host.last(Odometry).position
        ahead = round(16 * (speed * 0.15 + 40))
        host.pulses(position, Pulse(tag, tag, ahead, 16 * 200), by_distance=True)
        wanted[tag] = position + ahead
        host.run(0.02)
    host.run(0.8)

    def position_at(t_s: float) -> float:
        dt = t_s - wheel.t_s
        return wheel.count + dt * (speed + 0.5 * acceleration * dt)

    for tag, target in wanted.items():
        (on_s, _), (off_s, _) = host.edges(tag)
        assert position_at(on_s + 0.048) == pytest.approx(target / 16, abs=2.0)
        if host.outcomes()[tag] is Outcome.DONE:
            assert position_at(off_s + 0.046) == pytest.approx(target / 16 + 200, abs=2.0)


def test_latencies_are_taken_off_and_added(host: RawHost) -> None:
    """The coil goes on before spray must land, by the opening latency and the fall."""
    host.open_session()
    host.command(LIMITS)
    for valve in range(16):
        timing = ValveTiming(1000 + 100 * valve, 700 + 10 * valve, 2000)
        host.command(ConfigValves(valve, (timing,)))
    host.exchange_times()
    host.run(0.06)
    host.arm()
    base = host.tick() + 200 * MS
    host.pulses(base, *(Pulse(v, v, 0, 60 * MS) for v in range(12)))
    host.run(0.6)
    begin_s = min(host.edges(v)[0][0] + 0.01 + 0.001 * v + 0.02 for v in range(12))
    for valve in range(12):
        (on_s, _), (off_s, _) = host.edges(valve)
        assert on_s + 0.01 + 0.001 * valve + 0.02 == pytest.approx(begin_s, abs=20e-6)
        assert off_s + 0.007 + 0.0001 * valve + 0.02 == pytest.approx(begin_s + 0.06, abs=20e-6)


def test_a_full_queue_takes_no_pulse_of_the_frame(armed: RawHost) -> None:
    queue = armed.last(HelloReply).queue
    base = armed.tick() + 3000 * MS
    tag = 0
    while queue - tag >= 12:
        pulses = (Pulse((tag + i) % 16, tag + i, (tag + i) * 40, 10) for i in range(12))
        assert armed.pulses(base, *pulses) is Result.OK
        tag += 12
    rest = (Pulse(i % 16, tag + i, (tag + i) * 40, 10) for i in range(queue - tag + 1))
    assert armed.pulses(base, *rest) is Result.QUEUE_FULL
    assert armed.last(Status).queued <= queue
    armed.run(0.06)
    assert armed.last(Status).queued == tag


# Reports


def test_reports_are_repeated_until_acknowledged_and_free_their_place(armed: RawHost) -> None:
    base = armed.tick() + 20 * MS
    armed.pulses(base, *(Pulse(v, v, v * MS, 10 * MS) for v in range(9)))
    armed.run(0.3)
    frames = armed.all(PulseReports)
    assert {r.tag for f in frames for r in f.reports} == set(range(9))
    assert len(frames) > 4
    assert armed.last(Ack).free == armed.last(HelloReply).queue - 9
    armed.acknowledge_reports()
    quiet = len(armed.all(PulseReports))
    armed.run(0.2)
    assert len(armed.all(PulseReports)) == quiet
    armed.command(Flush())
    assert armed.last(Ack).free == armed.last(HelloReply).queue


def test_an_old_report_is_repeated_while_new_ones_keep_coming(armed: RawHost) -> None:
    base = armed.tick() + 40 * MS
    for tag in range(40):
        armed.pulses(base, Pulse(tag % 16, tag, 20 * MS * tag, 10 * MS))
    armed.run(1.0)
    first = [f for f in armed.all(PulseReports) if any(r.tag == 0 for r in f.reports)]
    assert len(first) >= 10


def test_an_acknowledgement_of_what_was_not_sent_is_ignored(armed: RawHost) -> None:
    armed.pulses(armed.tick(), Pulse(0, 1, 20 * MS, 10 * MS))
    for index in (5, 0xFFFF, 0x8000):
        armed.send(ReportAck(index))
    armed.run(0.2)
    assert armed.outcomes() == {1: Outcome.DONE}
    assert armed.all(PulseReports)[-1].index == 0


def test_telemetry_keeps_its_period_under_load(armed: RawHost) -> None:
    before = len(armed.all(Odometry)), len(armed.all(Status))
    armed.run(1.0)
    assert len(armed.all(Odometry)) - before[0] == pytest.approx(100, abs=3)
    assert len(armed.all(Status)) - before[1] == pytest.approx(20, abs=2)


# Inputs


def test_the_strobe_latches_clock_and_wheel(armed: RawHost) -> None:
    start = armed.now_s
    armed.machine.turn_wheel(_steady(start, 4000.0))
    armed.run(0.5)
    controller(armed).lib.fake_strobe()
    at_s = armed.now_s
    armed.run(0.05)
    (strobe,) = armed.all(Strobe)
    assert strobe.number == 0
    assert strobe.tick == round(at_s * TICK_HZ)
    assert strobe.position / 16 == pytest.approx(0.5 + 4000 * (at_s - start), abs=1.0)


def test_strobes_are_numbered_whether_told_or_not(armed: RawHost) -> None:
    lib = controller(armed).lib
    lib.fake_strobe()
    lib.fake_strobe()
    armed.run(0.02)
    lib.fake_strobe()
    armed.run(0.02)
    assert [strobe.number for strobe in armed.all(Strobe)] == [1, 2]


def test_a_strobe_before_the_session_is_not_told_in_it(host: RawHost) -> None:
    controller(host).lib.fake_strobe()
    host.run(0.5)
    host.open_session()
    host.run(0.1)
    assert host.all(Strobe) == []


@pytest.mark.parametrize("speed", [40.0, 1000.0, 12_000.0, -3000.0])
def test_speed_and_position_are_those_of_the_wheel(armed: RawHost, speed: float) -> None:
    start = armed.now_s
    armed.machine.turn_wheel(_steady(start, speed))
    armed.run(1.0)
    odometry = armed.last(Odometry)
    at_s = odometry.tick / TICK_HZ
    assert odometry.speed / 16 == pytest.approx(speed, rel=0.002)
    assert odometry.position / 16 == pytest.approx(0.5 + speed * (at_s - start), abs=1.01)


def test_position_never_runs_ahead_of_a_wheel_that_stops(armed: RawHost) -> None:
    start = armed.now_s
    stop = WheelSegment(start + 0.5, 0.5 + 100 * 0.5, 0.0)
    armed.machine.turn_wheel([*_steady(start, 100.0), stop])
    armed.run(1.2)
    last = armed.last(Odometry)
    assert last.speed == 0
    assert 50 * 16 <= last.position <= 51 * 16
    positions = [o.position for o in armed.all(Odometry)]
    assert all(b >= a - 16 for a, b in pairwise(positions))


def test_a_coil_without_current_is_found(armed: RawHost) -> None:
    controller(armed).lib.fake_open_coil(3, 1)
    base = armed.tick() + 30 * MS
    armed.pulses(base, Pulse(2, 2, 0, 60 * MS), Pulse(3, 3, 0, 60 * MS))
    armed.run(0.3)
    assert armed.outcomes() == {2: Outcome.DONE, 3: Outcome.NO_CURRENT}
    armed.run(0.06)
    assert armed.last(Status).fault_mask == b"\x08\x00"
    controller(armed).lib.fake_open_coil(3, 0)
    armed.pulses(armed.tick() + 30 * MS, Pulse(3, 4, 0, 60 * MS))
    armed.run(0.3)
    assert armed.outcomes()[4] is Outcome.DONE
    assert armed.last(Status).fault_mask == b"\x00\x00"


def test_a_pwm_coil_is_judged_while_it_is_on(host: RawHost) -> None:
    host.make_ready(None, LIMITS, ConfigPwm(40, 2, (50, 50)))
    controller(host).lib.fake_open_coil(3, 1)
    base = host.tick() + 30 * MS
    host.pulses(base, Pulse(2, 2, 0, 100 * MS), Pulse(3, 3, 0, 100 * MS))
    host.run(0.3)
    assert host.outcomes() == {2: Outcome.DONE, 3: Outcome.NO_CURRENT}


def test_short_pwm_is_not_judged_by_its_current(host: RawHost) -> None:
    host.make_ready(None, LIMITS, ConfigPwm(20, 3, (25,)))
    controller(host).lib.fake_open_coil(3, 1)
    host.pulses(host.tick() + 30 * MS, Pulse(3, 3, 0, 100 * MS))
    host.run(0.3)
    assert host.outcomes() == {3: Outcome.DONE}


def test_pressure_is_told_in_tenths_of_a_kilopascal(armed: RawHost) -> None:
    controller(armed).lib.fake_pressure(500 + 1000)
    armed.run(0.2)
    assert armed.last(Status).pressure == 2500


def _steady(t_s: float, speed: float) -> list[WheelSegment]:
    return [WheelSegment(t_s, 0.5, speed)]


# Anything at all


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_sequence_of_commands_opens_a_valve_that_is_not_armed(
    fake_library: Path, data: st.DataObject
) -> None:
    """Whatever is sent, coils are on only while the controller is armed, and never too long."""
    host = RawHost(FakeMachine(fake_library))
    host.make_ready()
    armed_spans: list[tuple[float, State]] = []
    for _ in range(data.draw(st.integers(1, 12))):
        action = data.draw(
            st.sampled_from(
                (
                    "pulse",
                    "stop",
                    "clear",
                    "disarm",
                    "arm",
                    "press",
                    "release",
                    "hello",
                    "wait",
                    "garbage",
                    "silence",
                )
            )
        )
        tick = round(host.now_s * TICK_HZ)
        if action == "pulse":
            offset, length = (
                data.draw(st.integers(0, 200 * MS)),
                data.draw(st.integers(0, 250 * MS)),
            )
            host.send(
                _pulses(tick, Pulse(data.draw(st.integers(0, 17)), 1, offset, length)), host.seq
            )
            host.seq = host.seq + 1 & 0xFF
        elif action in ("clear", "disarm", "arm"):
            frame = {"clear": Clear(), "disarm": Disarm()}.get(action)
            if frame is None:
                host.arm()
            else:
                host.command(frame)
        elif action == "stop":
            host.send(EStop())
        elif action in ("press", "release"):
            host.machine.press_estop(action == "press")
        elif action == "hello":
            host.open_session(data.draw(st.integers(1, 2**32 - 1)))
        elif action == "garbage":
            host.raw(data.draw(st.binary(max_size=200)) + b"\0")
        elif action == "silence":
            host.beating = not host.beating
        host.run(data.draw(st.sampled_from((0.01, 0.05, 0.3))))
    host.run(0.5)
    armed_spans = [(t, State(f.state)) for t, f in host.received if isinstance(f, Status)]
    on: dict[int, float] = {}
    for edge in host.machine.edges():
        if edge.valve < 0:
            continue
        if edge.on:
            on[edge.valve] = edge.t_s
            last = [state for t, state in armed_spans if t <= edge.t_s + 1e-9]
            assert last[-1] is State.ARMED
        else:
            assert edge.t_s - on.pop(edge.valve) <= 0.2 + 1e-5
    assert not on


def _pulses(base: int, *pulses: Pulse) -> object:
    from firmware_bridge.frames import PulsesTime

    return PulsesTime(base & 0xFFFF_FFFF, pulses)
