"""Figures of the Mega 2560's binary in simavr: places on the ground, a bad wire, load."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from firmware_build import SOURCES
from firmware_machines import AvrMachine, FakeMachine, WheelSegment
from firmware_rig import Rig
from firmware_runs import TIMING, changing, outcomes, spray_by_distance, spray_by_time, steady

from firmware_bridge.codes import Outcome
from firmware_bridge.frames import Odometry


@pytest.fixture
def machine(simavr_shim: Path, mega_elf: Path) -> Iterator[AvrMachine]:
    """Return a controller that has just been switched on."""
    avr = AvrMachine(simavr_shim, mega_elf)
    yield avr
    avr.close()


@pytest.mark.parametrize(
    ("slow_m_s", "fast_m_s"), [(0.5, None), (2.0, None), (6.0, None), (0.5, 2.5), (2.0, 6.0)]
)
def test_spray_lands_within_three_millimetres(
    machine: AvrMachine, slow_m_s: float, fast_m_s: float | None
) -> None:
    rig = Rig(machine, timing=TIMING)
    rig.arm()
    if fast_m_s is None:
        drive = steady(rig.now_s, slow_m_s)
    else:
        drive = changing(rig.now_s, slow_m_s, fast_m_s, rig.now_s + 60.0)
    machine.turn_wheel(drive.segments)
    errors = spray_by_distance(
        rig,
        drive,
        pulses=240,
        spacing_m=0.013 * max(1.0, slow_m_s / 2.0),
        lookahead_m=0.5 if slow_m_s > 1.0 else 0.2,
        length_m=0.04 * max(1.0, slow_m_s / 2.0),
    )
    print(f"{slow_m_s} to {fast_m_s or slow_m_s} m/s: p99 {errors.p99_mm():.2f} mm")
    assert errors.missed == 0
    assert len(errors.begin_mm) == 240
    assert errors.p99_mm() <= 3.0
    assert machine.overruns == 0


@pytest.mark.slow
@pytest.mark.parametrize("acceleration", [1.5, -1.5])
def test_spray_lands_within_three_millimetres_over_minutes(
    machine: AvrMachine, acceleration: float
) -> None:
    rig = Rig(machine, timing=TIMING)
    rig.arm()
    low, high = 0.5, 6.0
    drive = changing(rig.now_s, low, high, rig.now_s + 120.0)
    machine.turn_wheel(drive.segments)
    rig.run(0.0 if acceleration > 0 else 4.5)
    errors = spray_by_distance(
        rig, drive, pulses=3000, spacing_m=0.02, lookahead_m=0.6, length_m=0.06
    )
    print(f"{len(errors.begin_mm)} pulses: p99 {errors.p99_mm():.2f} mm, {errors.missed} missed")
    assert errors.missed == 0
    assert errors.p99_mm() <= 3.0


def _on_a_bad_wire(rig: Rig, rate: float, seconds: float) -> tuple[int, int, int]:
    rig.arm()
    for wire in (rig.to_controller, rig.to_host):
        wire.bit_error_rate = rate
        wire.loss, wire.duplication, wire.reordering = 0.005, 0.02, 0.02
    rig.machine.turn_wheel([WheelSegment(rig.now_s, 0.5, 4000.0)])
    opened = len(rig.openings())
    ids = spray_by_time(rig, per_s=100, seconds=seconds, ahead_s=0.35, length_s=0.03)
    done = outcomes(rig, ids).get(Outcome.DONE.name, 0)
    return len(ids), done, len(rig.openings()) - opened


@pytest.mark.parametrize("rate", [1e-5, 1e-4])
def test_a_bad_wire_costs_no_pulse_and_invents_none(machine: AvrMachine, rate: float) -> None:
    rig = Rig(machine, timing=TIMING)
    wanted, done, sprayed = _on_a_bad_wire(rig, rate, 3.0)
    print(f"bit error rate {rate}: {wanted} pulses, {done} done, {rig.link.counters}")
    assert (done, sprayed) == (wanted, wanted)


def test_a_very_bad_wire_invents_no_pulse(machine: AvrMachine) -> None:
    rig = Rig(machine, timing=TIMING)
    wanted, done, sprayed = _on_a_bad_wire(rig, 1e-3, 3.0)
    print(f"bit error rate 1e-3: {wanted} pulses, {sprayed} sprayed, {rig.link.counters}")
    assert done <= sprayed <= wanted
    assert sprayed >= 0.9 * wanted
    assert rig.status.bad_frames > 10


@pytest.mark.parametrize("counts_per_s", [0.0, 12_000.0])
def test_sixteen_valves_at_800_pulses_a_second(machine: AvrMachine, counts_per_s: float) -> None:
    rig = Rig(machine, timing=TIMING)
    rig.arm()
    machine.turn_wheel([WheelSegment(rig.now_s, 0.5, counts_per_s)])
    ids = spray_by_time(rig, per_s=800, seconds=2.0, ahead_s=0.08, length_s=0.012)
    assert outcomes(rig, ids) == {Outcome.DONE.name: 1600}
    assert len(rig.openings()) == 1600
    assert rig.status.late == 0
    assert rig.status.bad_frames == 0
    assert machine.overruns == 0


@pytest.mark.parametrize(("speed_m_s", "lookahead_m"), [(2.0, 0.16), (6.0, 0.55)])
def test_800_pulses_a_second_in_distance(
    machine: AvrMachine, speed_m_s: float, lookahead_m: float
) -> None:
    rig = Rig(machine, timing=TIMING)
    rig.arm()
    drive = steady(rig.now_s, speed_m_s)
    machine.turn_wheel(drive.segments)
    errors = spray_by_distance(
        rig,
        drive,
        pulses=1200,
        spacing_m=speed_m_s / 800.0,
        lookahead_m=lookahead_m,
        length_m=0.007 * speed_m_s,
    )
    print(f"{speed_m_s} m/s, 800 pulses/s: p99 {errors.p99_mm():.2f} mm")
    assert errors.missed == 0
    assert errors.p99_mm() <= 3.0


@pytest.mark.parametrize("counts_per_s", [12_000.0, -12_000.0])
def test_no_edge_of_the_encoder_is_lost(machine: AvrMachine, counts_per_s: float) -> None:
    rig = Rig(machine, timing=TIMING)
    rig.arm()
    start_s = rig.now_s
    still = WheelSegment(start_s + 2.0, 0.5 + 2.0 * counts_per_s, 0.0)
    machine.turn_wheel([WheelSegment(start_s, 0.5, counts_per_s), still])
    ids = spray_by_time(rig, per_s=300, seconds=2.0, ahead_s=0.08, length_s=0.012)
    assert outcomes(rig, ids) == {Outcome.DONE.name: 600}
    assert rig.status.position / 16 == pytest.approx(2.0 * counts_per_s, abs=1.5)
    assert rig.status.speed == 0


def test_sixty_four_valves_at_640_pulses_a_second(wide_library: Path) -> None:
    """On the core with the native board's valves and queue, at 500 kbaud: the Mega has 16."""
    machine = FakeMachine(wide_library)
    rig = Rig(machine, timing=TIMING, valves=64)
    rig.arm()
    machine.turn_wheel([WheelSegment(rig.now_s, 0.5, 12_000.0)])
    start_s = rig.now_s
    ids = spray_by_time(rig, per_s=640, seconds=3.0, ahead_s=0.2, length_s=0.03, valves=64)
    assert outcomes(rig, ids) == {Outcome.DONE.name: 1920}
    assert {edge.valve for edge in rig.valve_edges()} == set(range(64))
    assert rig.status.late == 0
    for k, (on_s, _) in enumerate(rig.openings()):
        assert on_s + 0.048 - start_s == pytest.approx(k / 640 + 0.2, abs=0.0025)


@pytest.mark.parametrize("row_step_counts", [0, 40])
def test_sixty_four_valves_at_640_pulses_a_second_in_distance(
    wide_library: Path, row_step_counts: int
) -> None:
    """Squares of 40 mm on a grid of 20 mm at 2 m/s, as single pulses and as rows."""
    machine = FakeMachine(wide_library)
    rig = Rig(machine, timing=TIMING, valves=64, row_step_counts=row_step_counts)
    rig.arm()
    start_s = rig.now_s
    drive = steady(start_s, 2.0)
    machine.turn_wheel(drive.segments)
    rig.run(0.4)
    first = rig.of(Odometry)[-1].position // 640 + 20
    before, began_s = rig.link.counters.sent_bytes, rig.now_s
    wanted: list[tuple[int, int]] = []
    while len(wanted) < 1920:
        here = rig.of(Odometry)[-1].position // 640
        while len(wanted) < 1920 and (row := first + len(wanted) * 100 // 640) < here + 20:
            rig.pulse(len(wanted) * 11 % 64, True, row * 640, 2 * 640)
            wanted.append((len(wanted) * 11 % 64, row))
        rig.run(0.01)
    sent = (rig.link.counters.sent_bytes - before) / (rig.now_s - began_s)
    print(f"grid of {row_step_counts} counts: {sent:.0f} bytes/s to the controller")
    assert sent < (9000 if row_step_counts == 0 else 5000)
    rig.run(1.0)
    assert {answer.outcome for answer in rig.answers().values()} == {Outcome.DONE}
    assert rig.status.late == 0
    assert len(rig.openings()) == 1920
    for valve in range(64):
        rows = [row for v, row in wanted if v == valve]
        for (on_s, _), row in zip(rig.openings(valve), rows, strict=True):
            assert drive.count_at(on_s + 0.048) == pytest.approx(row * 40, abs=4.0)


def test_the_build_says_what_it_uses_and_refuses_more_than_half(mega_elf: Path) -> None:
    build = f"BUILD={mega_elf.parent.parent}"
    command = ["make", "-s", "-C", SOURCES, build, "mega2560"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    print(done.stdout)
    used = re.fullmatch(
        r"mega2560: flash (\d+) of 262144 bytes .*, RAM (\d+) of 8192 bytes .*\n", done.stdout
    )
    assert used is not None
    flash, ram = (int(number) for number in used.groups())
    assert 2 * flash <= 262144
    assert 2 * ram <= 8192
    for smaller in (f"AVR_FLASH={2 * flash - 1}", f"AVR_RAM={2 * ram - 1}"):
        over = subprocess.run([*command, smaller], capture_output=True, text=True, check=False)
        assert over.returncode != 0
        assert "more than half is used" in over.stdout


def test_the_stack_keeps_clear_of_the_variables(machine: AvrMachine, mega_elf: Path) -> None:
    machine.paint_free_ram(mega_elf)
    rig = Rig(machine, timing=TIMING)
    rig.arm()
    machine.turn_wheel([WheelSegment(rig.now_s, 0.5, 12_000.0)])
    ids = spray_by_time(rig, per_s=400, seconds=0.5, ahead_s=0.08, length_s=0.02)
    assert outcomes(rig, ids) == {Outcome.DONE.name: len(ids)}
    unused = machine.unused_ram(mega_elf)
    print(f"{unused} bytes of RAM were never used by the stack")
    assert unused > 2048
