"""The fault table, row by row, on the Mega 2560's binary in simavr, judged by its outputs."""

from __future__ import annotations

import hashlib
import math
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from firmware_host import RawHost
from firmware_machines import AvrMachine, WheelSegment
from firmware_rig import Rig

from firmware_bridge.codec import encode
from firmware_bridge.codes import Alive, Cause, Outcome, State, StatusFlag
from firmware_bridge.frames import Beat, HelloReply, Odometry, Pulse, Status, Strobe, ValveTiming
from firmware_bridge.link import Disconnected, LinkPhase, Pwm, Refused

TIMING = ValveTiming(open_10us=1200, close_10us=1000, fall_10us=3600)
COUNTS_PER_M = 2000
CUT_LIMIT_S = 0.271

NewRig = Callable[..., Rig]


@pytest.fixture
def new_machine(simavr_shim: Path, mega_elf: Path) -> Iterator[Callable[[], AvrMachine]]:
    """Return a maker of freshly switched on controllers."""
    machines: list[AvrMachine] = []

    def make() -> AvrMachine:
        machines.append(AvrMachine(simavr_shim, mega_elf))
        return machines[-1]

    yield make
    for machine in machines:
        machine.close()


@pytest.fixture
def new_rig(new_machine: Callable[[], AvrMachine]) -> NewRig:
    """Return a maker of links with a freshly switched on controller."""

    def make(**how: object) -> Rig:
        return Rig(new_machine(), **how)  # type: ignore[arg-type]

    return make


@pytest.fixture
def armed(new_rig: NewRig) -> Rig:
    """Return a link to an armed controller whose valves have no latencies."""
    rig = new_rig()
    rig.arm()
    return rig


def avr(rig: Rig) -> AvrMachine:
    """Return the machine as what it is."""
    machine = rig.machine
    assert isinstance(machine, AvrMachine)
    return machine


def watchdog_kick(elf: Path) -> int:
    """Return the flash address of the main loop's WDR, the last one of the program."""
    objdump = shutil.which("avr-objdump")
    assert objdump is not None
    listing = subprocess.run([objdump, "-d", elf], capture_output=True, text=True, check=True)
    kicks = re.findall(r"^\s*([0-9a-f]+):\s+a8 95\s+wdr", listing.stdout, re.MULTILINE)
    jumps_back = list(
        re.finditer(
            r"^\s*([0-9a-f]+):\s+a8 95\s+wdr\n(?:.*\n){0,2}?.*\b(?:rjmp|jmp)\b.*$",
            listing.stdout,
            re.MULTILINE,
        )
    )
    assert kicks
    return int(jumps_back[-1].group(1), 16)


def wanted_spans(rig: Rig, ids: list[int]) -> None:
    """Assert that each pulse was sprayed once and nothing else was."""
    answers = rig.answers()
    assert [answers[i].outcome for i in ids] == [Outcome.DONE] * len(ids)
    assert len(rig.openings()) == len(ids)


def test_pulses_are_sprayed_at_their_moment(armed: Rig) -> None:
    base_s = armed.now_s
    ids = [armed.pulse_time(i % 16, 0.05 + 0.004 * i, 0.03) for i in range(60)]
    armed.run(0.6)
    wanted_spans(armed, ids)
    for i, (on_s, off_s) in enumerate(armed.openings()):
        assert on_s - base_s == pytest.approx(0.05 + 0.004 * i, abs=0.0005)
        assert off_s - on_s == pytest.approx(0.03, abs=0.0003)
    assert avr(armed).overruns == 0


@pytest.mark.parametrize("phase_s", [0.0, 0.013, 0.029, 0.047])
def test_when_the_host_dies_all_valves_close_in_time(armed: Rig, phase_s: float) -> None:
    armed.run(0.1 + phase_s)
    for valve in range(16):
        armed.pulse_time(valve, 0.05, 0.19)
        armed.pulse_time(valve, 0.25, 0.19)
        armed.pulse_time(valve, 0.45, 0.19)
    armed.run(0.1)
    died_s = armed.now_s
    armed.polling = False
    armed.run(0.5)
    edges = armed.valve_edges()
    last_s = max(edge.t_s for edge in edges)
    assert not [edge for edge in edges if edge.on and edge.t_s > died_s + 0.26]
    assert last_s - died_s <= CUT_LIMIT_S
    assert all(not edges_of(armed, valve)[-1] for valve in range(16))
    assert [e for e in armed.machine.edges() if e.valve == -1][-1].on is False
    count = len(edges)
    armed.polling = True
    armed.run(1.0)
    assert len(armed.valve_edges()) == count
    assert armed.state is State.SAFE


def edges_of(rig: Rig, valve: int) -> list[bool]:
    """Return whether each switching of a valve was on."""
    return [edge.on for edge in rig.valve_edges(valve)]


def test_a_pulled_cable_closes_and_plugged_in_again_does_not_spray(armed: Rig) -> None:
    ids = [armed.pulse_time(v, 0.05 + 0.1 * k, 0.08) for k in range(5) for v in range(4)]
    armed.run(0.1)
    cut_s = armed.now_s
    armed.to_controller.cut = armed.to_host.cut = True
    armed.run(0.4)
    assert max(e.t_s for e in armed.valve_edges()) - cut_s <= CUT_LIMIT_S
    count = len(armed.valve_edges())
    armed.to_controller.cut = armed.to_host.cut = False
    armed.run(1.0)
    assert len(armed.valve_edges()) == count
    assert armed.of(Disconnected)
    assert armed.link.phase is LinkPhase.READY
    assert armed.state is State.SAFE
    assert Outcome.LOST in {armed.answers()[i].outcome for i in ids}
    armed.link.arm(armed.host_s(armed.now_s))
    armed.run(0.2)
    assert armed.state is State.ARMED
    assert len(armed.valve_edges()) == count


def test_frames_lost_doubled_and_swapped_spray_each_pulse_once(armed: Rig) -> None:
    for wire in (armed.to_controller, armed.to_host):
        wire.loss, wire.duplication, wire.reordering = 0.02, 0.05, 0.05
    start = len(armed.openings())
    ids: list[int] = []
    for k in range(150):
        ids.append(armed.pulse_time(k % 16, 0.2, 0.02))
        armed.run(0.01)
    armed.run(0.6)
    answers = armed.answers()
    done = [i for i in ids if answers[i].outcome == Outcome.DONE]
    assert len(done) == len(ids)
    assert len(armed.openings()) - start == len(ids)


def test_what_cannot_be_sprayed_is_refused_and_counted(armed: Rig) -> None:
    refused = {
        armed.pulse(3, False, armed.tick_in(-0.01), 5000): Outcome.LATE,
        armed.pulse(3, False, armed.tick_in(4.2), 5000): Outcome.TOO_FAR,
        armed.pulse(3, False, armed.tick_in(0.2), 50_001): Outcome.TOO_LONG,
        armed.pulse(16, False, armed.tick_in(0.2), 5000): Outcome.BAD_VALVE,
    }
    first = armed.pulse(4, False, armed.tick_in(0.2), 10_000)
    refused[armed.pulse(4, False, armed.tick_in(0.22), 10_000)] = Outcome.OVERLAP
    armed.run(0.5)
    answers = armed.answers()
    assert {i: answers[i].outcome for i in refused} == refused
    assert answers[first].outcome == Outcome.DONE
    assert len(armed.openings()) == 1
    assert (armed.status.late, armed.status.rejected) == (1, 4)


def test_a_clock_half_a_percent_off_costs_less_than_two_milliseconds(new_rig: NewRig) -> None:
    for ppm in (5000.0, -5000.0):
        rig = new_rig(clock_ppm=ppm)
        rig.link.arm(0.0)
        rig.run(0.1)
        rig.link.arm(rig.host_s(rig.now_s))
        rig.run(0.1)
        assert len(rig.of(Refused)) == 2
        rig.arm()
        rig.run(3.0)
        base_s = rig.now_s
        for k in range(10):
            rig.pulse_time(k, 0.1 + 0.05 * k, 0.02)
        rig.run(0.8)
        for k, (on_s, _) in enumerate(rig.openings()):
            assert on_s - base_s == pytest.approx(0.1 + 0.05 * k, abs=0.002)


def test_twenty_kilobytes_of_garbage_open_nothing(armed: Rig) -> None:
    garbage = hashlib.shake_256(b"field").digest(20_000)
    ids: list[int] = []
    for k in range(0, len(garbage), 500):
        armed.machine.write(garbage[k : k + 500], armed.now_s)
        ids.append(armed.pulse_time(k // 500 % 16, 0.15, 0.02))
        armed.run(0.02)
    armed.run(0.5)
    outcomes = [armed.answers()[i].outcome for i in ids]
    openings = armed.openings()
    assert len(openings) == outcomes.count(Outcome.DONE)
    assert set(outcomes) <= {Outcome.DONE, Outcome.LATE}
    assert outcomes.count(Outcome.DONE) >= len(ids) * 0.75
    assert armed.status.bad_frames > 20


def test_brown_out_switches_off_and_disarms(armed: Rig) -> None:
    boot = armed.status.boot
    for valve in range(16):
        armed.pulse_time(valve, 0.03, 0.19)
    armed.run(0.1)
    failed_s = armed.now_s
    avr(armed).brown_out()
    armed.run(0.9)
    assert max(e.t_s for e in armed.valve_edges()) - failed_s < 0.002
    assert all(not edges_of(armed, valve)[-1] for valve in range(16))
    assert (armed.state, armed.status.cause) == (State.SAFE, Cause.BROWN_OUT)
    assert armed.status.boot == boot + 1
    assert [d.reason for d in armed.of(Disconnected)] == ["the controller restarted"]


def test_a_hung_main_loop_still_closes_in_time_and_the_watchdog_bites(
    armed: Rig, mega_elf: Path
) -> None:
    base_s = armed.now_s
    armed.pulse_time(0, 0.05, 0.06)
    armed.pulse_time(1, 0.06, 0.19)
    armed.run(0.03)
    avr(armed).hang(watchdog_kick(mega_elf))
    armed.run(1.0)
    (on_s, off_s), (_, last_s) = armed.openings()
    assert off_s - on_s == pytest.approx(0.06, abs=0.0003)
    assert last_s - base_s < 0.03 + 0.3
    assert avr(armed).resets == 1
    armed.run(0.5)
    assert (armed.state, armed.status.cause) == (State.SAFE, Cause.WATCHDOG)


def test_stop_by_command_closes_at_once_and_stays(armed: Rig) -> None:
    for valve in range(16):
        armed.pulse_time(valve, 0.03, 0.19)
        armed.pulse_time(valve, 0.3, 0.19)
    armed.run(0.1)
    stopped_s = armed.now_s
    armed.link.emergency_stop(armed.host_s(armed.now_s))
    armed.run(0.6)
    assert max(e.t_s for e in armed.valve_edges()) - stopped_s < 0.005
    assert len(armed.openings()) == 16
    assert armed.state is State.ESTOP
    armed.link.arm(armed.host_s(armed.now_s))
    armed.run(0.1)
    assert armed.state is State.ESTOP
    armed.link.clear_stop(armed.host_s(armed.now_s))
    armed.run(0.5)
    assert armed.state is State.SAFE
    assert len(armed.openings()) == 16


def test_stop_at_the_machine_is_latched_while_pressed(armed: Rig) -> None:
    for valve in range(16):
        armed.pulse_time(valve, 0.03, 0.19)
        armed.pulse_time(valve, 0.3, 0.19)
    armed.run(0.1)
    pressed_s = armed.now_s
    armed.machine.press_estop(True)
    armed.run(0.05)
    assert max(e.t_s for e in armed.valve_edges()) - pressed_s < 0.0005
    assert (armed.state, armed.status.cause) == (State.ESTOP, Cause.ESTOP_INPUT)
    armed.link.clear_stop(armed.host_s(armed.now_s))
    armed.run(0.1)
    assert armed.state is State.ESTOP
    assert "pressed" in armed.of(Refused)[-1].words
    armed.machine.press_estop(False)
    armed.run(0.5)
    assert armed.state is State.ESTOP
    armed.link.clear_stop(armed.host_s(armed.now_s))
    armed.run(0.1)
    assert armed.state is State.SAFE
    assert len(armed.openings()) == 16


def test_the_heartbeat_of_another_session_disarms(armed: Rig) -> None:
    armed.pulse_time(0, 0.03, 0.19)
    armed.run(0.08)
    sent_s = armed.now_s
    armed.machine.write(encode(Beat(999, Alive.ALL, 0)), sent_s)
    armed.run(0.1)
    assert (armed.state, armed.status.cause) == (State.SAFE, Cause.WRONG_SESSION)
    assert armed.openings()[0][1] - sent_s < 0.005


@pytest.mark.parametrize(
    ("dead", "cause", "limit_s"),
    [
        (Alive.APPLICATION, Cause.NO_APPLICATION, 0.31),
        (Alive.CAMERA, Cause.NO_CAMERA, 0.01),
        (Alive.MODEL, Cause.NO_MODEL, 0.01),
        (Alive.PLANNER, Cause.NO_PLANNER, 0.01),
    ],
)
def test_what_stands_behind_the_heartbeat_must_live(
    armed: Rig, dead: Alive, cause: Cause, limit_s: float
) -> None:
    armed.pulse_time(0, 0.03, 0.19)
    armed.run(0.08)
    dead_s = armed.now_s
    armed.alive = Alive.ALL & ~dead
    armed.run(limit_s + 0.09)
    assert (armed.state, armed.status.cause) == (State.SAFE, cause)
    assert armed.openings()[0][1] - dead_s < limit_s


def test_a_wheel_that_stops_under_an_open_valve_meets_the_cap(new_rig: NewRig) -> None:
    rig = new_rig(timing=TIMING)
    rig.arm()
    start_s = rig.now_s
    rig.machine.turn_wheel(
        [
            WheelSegment(start_s, 0.5, 2.0 * COUNTS_PER_M),
            WheelSegment(start_s + 0.7, 0.5 + 1.4 * COUNTS_PER_M, 0.0),
        ]
    )
    rig.run(0.55)
    position = rig.of(Odometry)[-1].position
    ids = [rig.pulse(v, True, position + 16 * (300 + 80 * v), 16 * 500) for v in range(8)]
    rig.run(1.0)
    openings = rig.openings()
    assert openings
    assert all(off_s - on_s <= 0.2005 for on_s, off_s in openings)
    assert max(on_s for on_s, _ in openings) < start_s + 0.7 + 0.02
    answers = rig.answers()
    sprayed = [i for i in ids if i in answers]
    assert len(sprayed) == len(openings) < len(ids)


def test_a_silent_encoder_on_a_moving_machine_disarms(new_rig: NewRig) -> None:
    rig = new_rig()
    rig.arm()
    start_s = rig.now_s
    breaks = WheelSegment(start_s + 1.0, 0.5 + 1.0 * 600.0, 0.0)
    rig.machine.turn_wheel([WheelSegment(start_s, 0.5, 600.0), breaks])
    rig.ground_m_s = 0.31
    rig.run(0.95)
    assert rig.state is State.ARMED
    rig.pulse_time(0, 0.05, 0.19)
    rig.pulse_time(1, 0.2, 0.19)
    rig.run(0.5)
    assert (rig.state, rig.status.cause) == (State.SAFE, Cause.ENCODER)
    assert max(e.t_s for e in rig.machine.edges()) - breaks.t_s == pytest.approx(0.2, abs=0.003)
    rig.run(0.3)
    assert len(rig.openings()) == 2


@pytest.mark.parametrize("ground_m_s", [math.nan, 0.3, 0.0])
def test_a_machine_that_stands_or_whose_speed_is_unknown_stays_armed(
    new_rig: NewRig, ground_m_s: float
) -> None:
    rig = new_rig()
    rig.ground_m_s = ground_m_s
    rig.arm()
    rig.run(1.0)
    assert rig.state is State.ARMED


def test_a_stuck_valve_shows_in_the_flow(new_rig: NewRig) -> None:
    rig = new_rig(nozzle_ml_min=400, nominal_kpa=300)
    rig.machine.turn_wheel([])
    avr(rig).flow(400.0, 200.0)
    rig.arm()
    avr(rig).faults(stuck_closed=1 << 5)
    for k in range(120):
        with_it = (5,) if k // 10 % 2 else ()
        for valve in (*with_it, k % 4 + 6):
            rig.pulse_time(valve, 0.06, 0.15)
        rig.run(0.2)
    assert rig.status.fault_mask == b"\x20\x00"


def test_an_open_coil_shows_in_its_current(armed: Rig) -> None:
    avr(armed).faults(open_coils=1 << 9)
    ids = [armed.pulse_time(v, 0.05, 0.06) for v in range(16)]
    armed.run(0.4)
    outcomes = [armed.answers()[i].outcome for i in ids]
    assert outcomes == [Outcome.NO_CURRENT if v == 9 else Outcome.DONE for v in range(16)]
    assert armed.status.fault_mask == b"\x00\x02"


def test_flow_while_all_are_shut_disarms_and_shuts_the_master_valve(new_rig: NewRig) -> None:
    rig = new_rig(nozzle_ml_min=400, nominal_kpa=300)
    avr(rig).flow(400.0, 200.0)
    rig.arm()
    rig.run(1.0)
    assert rig.state is State.ARMED
    assert [e for e in rig.machine.edges() if e.valve == -1][-1].on
    leaked_s = rig.now_s
    avr(rig).faults(leak_valves=1.0)
    rig.run(1.5)
    assert (rig.state, rig.status.cause) == (State.SAFE, Cause.LEAK)
    assert rig.status.flags & StatusFlag.LEAK
    shut = [e for e in rig.machine.edges() if e.valve == -1][-1]
    assert not shut.on
    assert shut.t_s - leaked_s < 1.0
    rig.link.arm(rig.host_s(rig.now_s))
    rig.run(0.1)
    assert rig.state is State.SAFE


def test_pwm_valves_are_on_for_their_share_of_every_period(new_rig: NewRig) -> None:
    rig = new_rig(pwm=Pwm(period_ms=20, duty_percent={2: 30, 9: 65}), max_open_ms=500)
    rig.arm()
    for valve in (2, 9, 3):
        rig.pulse_time(valve, 0.05, 0.4)
    rig.run(0.7)
    assert {answer.outcome for answer in rig.answers().values()} == {Outcome.DONE}
    for valve, on_s in ((2, 0.006), (9, 0.013)):
        (first_on_s, first_off_s), *rest = rig.openings(valve)
        assert on_s - 0.0011 < first_off_s - first_on_s <= on_s + 0.0003
        assert len(rest) == 19
        for begin_s, end_s in rest:
            assert end_s - begin_s == pytest.approx(on_s, abs=0.0003)
        begins = [begin_s for begin_s, _ in rest]
        assert [b - a for a, b in pairwise(begins)] == pytest.approx([0.02] * 18, abs=0.0003)
    ((on_s, off_s),) = rig.openings(3)
    assert off_s - on_s == pytest.approx(0.4, abs=0.0003)


def test_a_picture_of_the_ground_is_sprayed(new_rig: NewRig) -> None:
    """Rows of 40 counts, that is 20 mm, 16 valves, at 2 m/s, in bulk and among each other."""
    rig = new_rig(timing=TIMING, row_step_counts=40)
    rig.arm()
    start_s = rig.now_s
    rig.machine.turn_wheel([WheelSegment(start_s, 0.5, 2.0 * COUNTS_PER_M)])
    rig.run(0.4)
    first = rig.of(Odometry)[-1].position // 640 + 16
    sent = rig.link.counters.sent_bytes
    wanted: dict[int, tuple[int, int]] = {}
    for k in range(96):
        row = first + k // 16 * 4 + k % 16 % 3
        wanted[rig.pulse(k % 16, True, row * 640, 2 * 640)] = (k % 16, row)
    rig.step()
    rig.step()
    assert rig.link.counters.sent_bytes - sent < 400
    rig.run(1.5)
    assert {answer.outcome for answer in rig.answers().values()} == {Outcome.DONE}
    assert len(rig.openings()) == 96
    for valve in range(16):
        rows = sorted(row for v, row in wanted.values() if v == valve)
        for (on_s, off_s), row in zip(rig.openings(valve), rows, strict=True):
            lands = 0.5 + 2.0 * COUNTS_PER_M * (on_s + 0.048 - start_s)
            ends = 0.5 + 2.0 * COUNTS_PER_M * (off_s + 0.046 - start_s)
            assert lands == pytest.approx(row * 40, abs=4.0)
            assert ends == pytest.approx((row + 2) * 40, abs=4.0)


def test_strobe_and_time_are_latched_to_a_few_ticks(armed: Rig) -> None:
    start_s = armed.now_s
    armed.machine.turn_wheel([WheelSegment(start_s, 0.5, 2.0 * COUNTS_PER_M)])
    armed.run(0.3)
    machine = avr(armed)
    machine.lib.shim_strobe(machine.shim)
    at_s = armed.now_s
    armed.run(0.05)
    (strobe,) = armed.of(Strobe)
    tick = armed.link.clock.tick_at(armed.host_s(at_s))
    assert strobe.tick == pytest.approx(tick, abs=5)
    assert strobe.position / 16 == pytest.approx(0.5 + 4000 * (at_s - start_s), abs=1.5)


def test_the_sequence_of_edges_is_the_same_every_time(new_rig: NewRig) -> None:
    def digest() -> str:
        rig = new_rig(timing=TIMING)
        for wire in (rig.to_controller, rig.to_host):
            wire.bit_error_rate, wire.loss = 1e-4, 0.01
        rig.machine.turn_wheel([WheelSegment(0.0, 0.5, 3000.0, 500.0)])
        rig.arm()
        for k in range(60):
            position = rig.of(Odometry)[-1].position
            rig.pulse(k % 16, True, position + 16 * 900, 16 * 120)
            rig.run(0.01)
        rig.run(0.5)
        return hashlib.sha256(repr(rig.machine.edges()).encode()).hexdigest()

    assert len({digest() for _ in range(3)}) == 1


def test_the_boot_number_counts_up(new_machine: Callable[[], AvrMachine]) -> None:
    host = RawHost(new_machine())
    host.run(0.02)
    boots = [host.open_session().boot]
    for session in (2, 3):
        avr_machine = host.machine
        assert isinstance(avr_machine, AvrMachine)
        avr_machine.brown_out()
        host.run(0.05)
        boots.append(host.open_session(session).boot)
    assert boots == [1, 2, 3]
    assert host.last(HelloReply).name == "AgriSeg Mega 2560"
    assert host.last(Status).state == State.SAFE


def test_commands_of_the_wrong_kind_reach_no_valve(new_machine: Callable[[], AvrMachine]) -> None:
    host = RawHost(new_machine())
    host.run(0.02)
    host.make_ready()
    host.beating = False
    host.run(0.4)
    assert host.state is State.SAFE
    host.pulses(host.tick(), Pulse(0, 1, 50_000, 5000))
    host.run(0.3)
    assert host.outcomes() == {1: Outcome.NOT_ARMED}
    assert host.machine.edges()[-1].valve == -1
