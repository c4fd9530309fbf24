"""What is commanded in metres or seconds happens there and then, and is confirmed once."""

from __future__ import annotations

import itertools
import math

import pytest
from link_bench import COUNTS_PER_M, FALL_S, Bench, LossyWire, Motion, small_config

from agriseg.config import BoomConfig, Config, ControllerConfig, NozzleConfig, parse_config
from agriseg.errors import ConfigError
from agriseg.messages import (
    ControllerCapabilities,
    ControllerState,
    OdometrySource,
    PulseOutcome,
)
from agriseg.spraying.boom import Boom
from agriseg.spraying.serial_controller import nozzle_channels
from firmware_bridge.codes import Cause, State
from firmware_bridge.simulator import SimulatorSettings
from firmware_bridge.wires import SimulatedWire


def test_the_handshake_tells_what_the_controller_is() -> None:
    bench = Bench(settings=SimulatorSettings(valves=8, queue=100, boot_id=42))
    bench.run(0.5)
    told = [m for m in bench.messages if isinstance(m, ControllerCapabilities)]
    assert len(told) == 1
    assert (told[0].valve_count, told[0].queue_depth, told[0].boot_id) == (8, 100, 42)
    assert told[0].has_encoder
    assert told[0].is_simulated
    assert bench.controller.state is ControllerState.SAFE


def test_arming_is_refused_in_words_until_the_clock_has_converged() -> None:
    bench = Bench()
    bench.run(0.2)
    bench.controller.arm()
    bench.run(0.1)
    assert bench.controller.state is ControllerState.SAFE
    assert "clocks" in bench.status.cause
    assert math.isnan(bench.status.link.clock_error_ms)
    bench.run(1.0)
    bench.controller.arm()
    bench.run(0.1)
    assert bench.controller.state is ControllerState.ARMED
    assert bench.status.cause == ""


def test_arming_without_a_heartbeat_is_refused() -> None:
    bench = Bench()
    bench.alive = [False, False, False]
    bench.run(1.5)
    bench.controller.arm()
    bench.run(0.1)
    assert bench.controller.state is ControllerState.SAFE
    assert "heartbeat" in bench.status.cause


def lay_pulses(
    bench: Bench, seconds: float, length_m: float, gap_m: float
) -> list[tuple[float, float]]:
    """Spray with nozzle 3 all along, planned about 0.4 s ahead."""
    wanted: list[tuple[float, float]] = []
    next_m = bench.distance(bench.clock.now_s() + 0.3)
    end_s = bench.clock.now_s() + seconds
    while bench.clock.now_s() < end_s:
        while next_m < bench.distance(bench.clock.now_s() + 0.4):
            bench.spray(3, next_m, next_m + length_m)
            wanted.append((next_m, next_m + length_m))
            next_m += length_m + gap_m
        bench.run(0.02)
    bench.run(1.0)
    return wanted


def ground_errors_mm(bench: Bench, wanted: list[tuple[float, float]]) -> list[float]:
    edges = bench.ground_edges(3)
    assert len(edges) == 2 * len(wanted)
    flat = [edge for pair in wanted for edge in pair]
    return [1e3 * abs(a - b) for a, b in zip(edges, flat, strict=True)]


@pytest.mark.parametrize("speed_m_s", [0.5, 1.0, 2.0, 4.0, 6.0])
def test_spray_meets_the_ground_within_a_millimetre(speed_m_s: float) -> None:
    bench = Bench(distance=Motion(speed_m_s).distance)
    bench.arm()
    wanted = lay_pulses(bench, 4.0, 0.03 * speed_m_s, 0.05 * speed_m_s)
    assert max(ground_errors_mm(bench, wanted)) < 1.0
    for report, (start, end) in zip(bench.reports, wanted, strict=True):
        assert report.outcome is PulseOutcome.DONE
        assert report.open_m == pytest.approx(start - speed_m_s * (0.012 + FALL_S), abs=0.001)
        assert report.close_m == pytest.approx(end - speed_m_s * (0.010 + FALL_S), abs=0.001)
        assert bench.distance(report.t_open_s) == pytest.approx(report.open_m, abs=0.001)


@pytest.mark.parametrize(("start_m_s", "accel"), [(0.5, 1.5), (2.0, 1.5), (4.0, -1.5), (6.0, -1.5)])
def test_spray_meets_the_ground_while_the_robot_speeds_up_or_slows_down(
    start_m_s: float, accel: float
) -> None:
    bench = Bench(distance=Motion(start_m_s, accel, 0.8, 2.8).distance)
    bench.arm()
    wanted = lay_pulses(bench, 1.0, 0.05, 0.08)
    assert len(wanted) > 10
    assert max(ground_errors_mm(bench, wanted)) < 1.0


@pytest.mark.parametrize("accel", [1.5, -1.5])
def test_a_sudden_change_of_speed_costs_what_cannot_be_foreseen_and_no_more(accel: float) -> None:
    bench = Bench(distance=Motion(3.0, accel, 2.0, 3.0).distance)
    bench.arm()
    wanted = lay_pulses(bench, 2.0, 0.05, 0.05)
    unforeseen_s = 0.012 + FALL_S + 0.02
    assert max(ground_errors_mm(bench, wanted)) < 1.0 + 1e3 * 0.5 * 1.5 * unforeseen_s**2


@pytest.mark.parametrize("ppm", [-5000.0, 5000.0])
@pytest.mark.parametrize("first_tick", [0, 2**32 - 500_000])
def test_pulses_by_time_survive_a_wrong_clock_and_its_wrap(ppm: float, first_tick: int) -> None:
    settings = SimulatorSettings(valves=8, clock_ppm=ppm, first_tick=first_tick)
    bench = Bench(settings=settings, has_encoder=False)
    bench.run(3.0)
    bench.controller.arm()
    bench.run(0.1)
    events = []
    for _ in range(20):
        now_s = bench.clock.now_s()
        events.append(bench.spray(1, now_s + 0.3, now_s + 0.35, by_distance=False))
        bench.run(0.1)
    bench.run(1.0)
    edges = [e.t_s + FALL_S for e in bench.simulator.valve_edges]
    wanted = [t for e in events for t in (e.open_at, e.close_at)]
    assert edges == pytest.approx(wanted, abs=0.002)
    for event in events:
        report = bench.report(event)
        assert report.outcome is PulseOutcome.DONE
        assert report.t_open_s == pytest.approx(event.open_at - 0.032, abs=0.002)


def test_each_nozzle_has_its_own_channel_and_latencies() -> None:
    boom = BoomConfig(
        nozzle_count=3,
        nozzles=(NozzleConfig(nozzle=1, channel=6, open_latency_ms=30.0, close_latency_ms=25.0),),
    )
    bench = Bench(
        config=Config(boom=boom),
        settings=SimulatorSettings(
            valves=8,
            open_latency_s=(0.012,) * 6 + (0.030, 0.012),
            close_latency_s=(0.010,) * 6 + (0.025, 0.010),
        ),
    )
    bench.arm()
    start = bench.here_m + 0.3
    events = [bench.spray(nozzle, start, start + 0.1) for nozzle in range(3)]
    bench.run(0.31)
    assert bench.status.open_mask == 0b111
    bench.run(0.5)
    assert {e.valve for e in bench.simulator.valve_edges} == {0, 6, 2}
    for valve in (0, 6, 2):
        assert bench.ground_edges(valve) == pytest.approx([start, start + 0.1], abs=0.001)
    assert [bench.report(e).nozzle_id for e in events] == [0, 1, 2]


def test_pwm_nozzles_are_switched_and_counted_by_their_duty() -> None:
    boom = BoomConfig(
        nozzle_count=8, open_latency_ms=3.0, close_latency_ms=3.0, pwm_duty_percent=40
    )
    settings = SimulatorSettings(valves=8, open_latency_s=0.003, close_latency_s=0.003)
    bench = Bench(config=Config(boom=boom), settings=settings)
    bench.arm()
    event = bench.spray(2, bench.here_m + 0.3, bench.here_m + 0.7)
    bench.run(1.0)
    edges = [e for e in bench.simulator.coil_edges if e.valve == 2]
    assert [e.is_open for e in edges] == [True, False] * 20
    on_s = sum(b.t_s - a.t_s for a, b in zip(edges[::2], edges[1::2], strict=True))
    assert on_s == pytest.approx(0.4 * 0.4, abs=0.002)
    report = bench.report(event)
    assert report.outcome is PulseOutcome.DONE
    assert report.t_close_s - report.t_open_s == pytest.approx(0.4, abs=0.002)
    told_l = Boom(boom).confirmed_volume_l(2, report.t_close_s - report.t_open_s)
    assert told_l == pytest.approx(bench.simulator.volume_l, rel=0.02)


def test_two_nozzles_on_one_channel_are_refused() -> None:
    boom = BoomConfig(nozzle_count=4, nozzles=(NozzleConfig(nozzle=1, channel=3),))
    with pytest.raises(ConfigError, match=r"nozzles 1 and 3 both use channel 3"):
        nozzle_channels(boom)


@pytest.mark.parametrize("close_latency_ms", [6.0, 12.0, 20.0])
@pytest.mark.parametrize("by_distance", [True, False])
def test_abutting_pulses_keep_the_valve_open(close_latency_ms: float, by_distance: bool) -> None:
    bench = Bench(
        config=small_config(close_latency_ms=close_latency_ms),
        settings=SimulatorSettings(valves=8, close_latency_s=close_latency_ms / 1e3),
    )
    bench.arm()
    start = (bench.here_m if by_distance else bench.clock.now_s()) + 0.3
    edges = [start + 0.0773 * i for i in range(5)]
    events = []
    for opens, closes in itertools.pairwise(edges):
        events.append(bench.spray(4, opens, closes, by_distance=by_distance))
        bench.run(0.05)
    bench.run(0.6)
    assert [e.is_open for e in bench.simulator.coil_edges] == [True, False]
    assert bench.ground_edges(4) == pytest.approx([edges[0], edges[-1]], abs=0.002)
    assert all(bench.report(e).outcome is PulseOutcome.DONE for e in events)


def test_impossible_pulses_are_refused_one_by_one_with_the_reason() -> None:
    bench = Bench()
    bench.arm()
    here, now_s = bench.here_m, bench.clock.now_s()
    refused = {
        "after its moment": bench.spray(0, here + 0.01, here + 0.05),
        "behind": bench.spray(0, here - 1.0, here - 0.9),
        "further ahead": bench.spray(1, here + 40.0, here + 40.1),
        "further ahead ": bench.spray(2, now_s + 5.0, now_s + 5.1, by_distance=False),
        "longer than the open-time": bench.spray(2, now_s + 1.0, now_s + 2.5, by_distance=False),
        "ends where it begins": bench.spray(3, here + 0.5, here + 0.5),
        "has no nozzle 8": bench.spray(8, here + 0.5, here + 0.6),
    }
    good = bench.spray(4, here + 0.5, here + 0.6)
    refused["overlaps"] = bench.spray(4, here + 0.55, here + 0.65)
    bench.run(1.0)
    for words, event in refused.items():
        report = bench.report(event)
        late = words in ("after its moment", "behind")
        assert report.outcome is (PulseOutcome.LATE if late else PulseOutcome.REJECTED)
        if words != "behind":
            assert words.strip() in report.detail
        assert math.isnan(report.t_open_s)
    assert bench.report(good).outcome is PulseOutcome.DONE
    assert {e.valve for e in bench.simulator.coil_edges} == {4}


def test_a_controller_without_encoder_refuses_pulses_by_distance() -> None:
    bench = Bench(has_encoder=False)
    bench.arm()
    event = bench.spray(0, 1.0, 1.1)
    bench.run(0.2)
    assert "encoder" in bench.report(event).detail
    assert bench.odometry == []


def test_pulses_for_an_unarmed_controller_are_refused() -> None:
    bench = Bench()
    bench.run(1.0)
    event = bench.spray(0, bench.here_m + 0.3, bench.here_m + 0.4)
    bench.run(1.0)
    assert bench.report(event).outcome is PulseOutcome.REJECTED
    assert "not armed" in bench.report(event).detail
    assert bench.simulator.coil_edges == []


def test_pulses_that_are_not_reached_stay_shut() -> None:
    motion = Motion(1.0, -1.5, 1.5, 1.5 + 0.95 / 1.5)
    bench = Bench(distance=motion.distance)
    bench.arm()
    here = bench.here_m
    events = [bench.spray(0, here + 0.2 + 0.1 * i, here + 0.24 + 0.1 * i) for i in range(10)]
    bench.run(1.0)
    reached = sum(here + 0.24 + 0.1 * i < bench.here_m for i in range(10))
    assert 0 < reached < 10
    assert len(bench.reports) == reached
    assert bench.status.queued == len(events) - reached
    bench.controller.disarm()
    bench.run(0.1)
    assert len(bench.reports) == 10


def test_more_pulses_than_the_queue_holds_wait_at_the_host() -> None:
    bench = Bench(settings=SimulatorSettings(valves=8, queue=16))
    bench.arm()
    here = bench.here_m
    events = [
        bench.spray(i % 8, here + 0.2 + 0.1 * (i // 8), here + 0.23 + 0.1 * (i // 8))
        for i in range(80)
    ]
    bench.run(2.0)
    assert [bench.report(e).outcome for e in events] == [PulseOutcome.DONE] * 80


def test_the_heartbeat_overtakes_bulk_on_a_slow_wire() -> None:
    config = Config(boom=BoomConfig(nozzle_count=8), controller=ControllerConfig(baud=57600))
    bench = Bench(config=config, settings=SimulatorSettings(valves=8, baud=57600.0))
    bench.run(2.0)
    bench.controller.arm()
    bench.run(0.2)
    here = bench.here_m
    for i in range(400):
        start = here + 1.5 + 0.05 * (i // 8)
        bench.spray(i % 8, start, start + 0.02)
    bench.run(0.9)
    assert {s.state for s in bench.statuses[-8:]} == {ControllerState.ARMED}
    bench.run(5.0)
    assert {r.outcome for r in bench.reports} == {PulseOutcome.DONE}
    assert len(bench.reports) == 400


def test_odometry_tells_position_and_speed() -> None:
    motion = Motion(0.5, 1.5, 2.0, 3.0)
    bench = Bench(distance=motion.distance)
    bench.run(4.0)
    settled = [s for s in bench.odometry if s.t_s > 1.0]
    assert len(settled) > 200
    for sample in settled:
        assert sample.source is OdometrySource.WHEEL
        assert sample.distance_m == pytest.approx(motion.distance(sample.t_s), abs=1 / COUNTS_PER_M)
        ramp = min(max(sample.t_s - 2.0, 0.0), 1.0)
        changing = any(0.0 < sample.t_s - t_s < 0.05 for t_s in (2.0, 3.0))
        assert sample.speed_m_s == pytest.approx(0.5 + 1.5 * ramp, abs=0.08 if changing else 0.005)


def test_odometry_of_a_standing_and_a_reversing_robot() -> None:
    bench = Bench(distance=lambda t_s: 2.0 - min(max(t_s - 1.0, 0.0), 1.0) * 0.4)
    bench.run(3.0)
    speeds = {round(s.t_s, 2): s.speed_m_s for s in bench.odometry}
    assert speeds[0.9] == 0.0
    assert speeds[1.9] == pytest.approx(-0.4, abs=0.01)
    assert speeds[2.8] == 0.0
    assert bench.odometry[-1].distance_m == pytest.approx(1.6, abs=0.002)


def test_pressure_flow_tank_and_volume_are_reported() -> None:
    bench = Bench()
    bench.arm()
    before = bench.status
    here = bench.here_m
    for nozzle in range(8):
        bench.spray(nozzle, here + 0.2, here + 1.0)
    bench.run(0.6)
    during = bench.status
    assert during.pressure_kpa == pytest.approx(300.0 * 0.8, rel=0.01)
    assert during.flow_l_min == pytest.approx(8 * 0.4 * math.sqrt(0.8), rel=0.01)
    bench.run(1.0)
    after = bench.status
    litres = 8 * 0.4 * math.sqrt(0.8) / 60.0 * 0.8
    assert after.volume_l - before.volume_l == pytest.approx(litres, rel=0.02)
    assert before.tank_l - after.tank_l == pytest.approx(litres, abs=0.002)
    assert after.flow_l_min == 0.0


def spray_now_and_then(bench: Bench, seconds: float) -> None:
    end_s = bench.clock.now_s() + seconds
    turn = 0
    while bench.clock.now_s() < end_s:
        here = bench.here_m
        for nozzle in (turn % 8, (turn + 3) % 8):
            bench.spray(nozzle, here + 0.2, here + 0.28)
        bench.run(0.1)
        turn += 1
    bench.run(0.5)


def test_a_valve_that_is_stuck_shut_is_found_among_the_others() -> None:
    bench = Bench()
    bench.arm()
    spray_now_and_then(bench, 5.0)
    assert bench.status.fault_mask == 0
    bench.simulator.break_valve(5, bench.clock.now_s(), stuck_closed=True)
    spray_now_and_then(bench, 8.0)
    assert bench.status.fault_mask == 1 << 5


def test_an_open_coil_is_reported_with_its_pulse() -> None:
    bench = Bench()
    bench.arm()
    bench.simulator.break_valve(2, bench.clock.now_s(), open_coil=True)
    event = bench.spray(2, bench.here_m + 0.2, bench.here_m + 0.3)
    bench.run(0.6)
    report = bench.report(event)
    assert report.outcome is PulseOutcome.FAILED
    assert math.isnan(report.t_open_s)
    assert "no current" in report.detail
    assert bench.status.fault_mask == 1 << 2
    assert bench.simulator.valve_edges == []


def test_a_leak_disarms_and_keeps_the_controller_disarmed() -> None:
    bench = Bench()
    bench.arm()
    bench.simulator.break_valve(1, bench.clock.now_s(), stuck_open=True)
    bench.run(0.5)
    assert bench.controller.state is ControllerState.SAFE
    assert "flows" in bench.status.cause
    bench.controller.arm()
    bench.run(0.2)
    assert bench.controller.state is ControllerState.SAFE
    assert "leaks" in bench.status.cause


def test_the_same_run_gives_the_same_edges() -> None:
    def edges() -> list[tuple[int, float]]:
        bench = Bench(
            settings=SimulatorSettings(valves=8, bit_error_rate=1e-4),
            wrap=lambda wire: LossyWire(wire, seed=2, drop=0.02, repeat=0.02, swap=0.0),
        )
        bench.arm()
        lay_pulses(bench, 1.0, 0.03, 0.03)
        return [(e.valve, e.t_s) for e in bench.simulator.valve_edges]

    assert edges() == edges()


class CloseLater:
    """A wire on which the last bytes still arrive after it was closed."""

    def __init__(self, wire: SimulatedWire) -> None:
        self.moments, self.read, self.write = wire.moments, wire.read, wire.write

    def close(self) -> None:
        return


def test_closing_shuts_the_valves_and_answers_what_is_left() -> None:
    bench = Bench()
    bench.arm()
    event = bench.spray(0, bench.here_m + 0.5, bench.here_m + 0.6)
    bench.run(0.1)
    bench.controller.close()
    bench.messages += bench.controller.poll()
    assert bench.report(event).outcome is PulseOutcome.LOST
    assert bench.controller.state is ControllerState.DISCONNECTED
    bench.controller.close()


def test_closing_disarms() -> None:
    wires: list[CloseLater] = []

    def wrap(wire: SimulatedWire) -> CloseLater:
        wires.append(CloseLater(wire))
        return wires[0]

    bench = Bench(wrap=wrap)
    bench.arm()
    bench.controller.close()
    list(wires[0].moments(bench.clock.now_s() + 0.05))
    assert bench.simulator.state is State.SAFE
    assert bench.simulator.cause is Cause.COMMAND


@pytest.mark.parametrize(
    ("boom", "controller", "words"),
    [
        ({"pwm_duty_percent": 40}, {}, "leaves the coil on for 8 ms.*would never open"),
        (
            {"pwm_duty_percent": 40, "open_latency_ms": 3.0},
            {"kind": "pgn239"},
            "a relay board .*pgn239.* cannot switch",
        ),
        ({"pwm_period_ms": 19}, {}, "pwm_period_ms"),
    ],
)
def test_pwm_that_cannot_be_is_refused_in_words(
    boom: dict[str, object], controller: dict[str, object], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        parse_config({"boom": boom, "controller": controller}, source="field.toml")
