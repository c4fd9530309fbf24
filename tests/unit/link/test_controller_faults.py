"""Every fault closes the valves; nothing is sprayed late, twice or by a phantom."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from link_bench import Bench, LossyWire, Motion, small_config

from agriseg.config import BoomConfig, Config, WheelConfig
from agriseg.errors import ControllerError, ProtocolError
from agriseg.messages import ControllerCapabilities, ControllerState, PulseOutcome
from firmware_bridge import frames
from firmware_bridge.codec import decode_controller, encode
from firmware_bridge.codes import Alive, Capability, State
from firmware_bridge.simulator import ControllerSimulator, SimulatorSettings
from firmware_bridge.wires import SimulatedWire


def last_closed_s(bench: Bench) -> float:
    edges = bench.simulator.coil_edges
    assert not edges[-1].is_open
    return edges[-1].t_s


def open_valve(bench: Bench, nozzle: int = 2) -> None:
    """Have one valve open for long, and another pulse waiting."""
    here = bench.here_m
    bench.spray(nozzle, here + 0.1, here + 0.9)
    bench.spray(nozzle, here + 1.5, here + 1.6)
    bench.run(0.2)
    assert bench.status.open_mask == 1 << nozzle


def test_a_dead_host_closes_everything_within_271_ms() -> None:
    bench = Bench()
    bench.arm()
    open_valve(bench)
    died_s = bench.clock.now_s()
    bench.simulator.advance(died_s + 1.0)
    assert last_closed_s(bench) - died_s <= 0.271
    assert bench.simulator.state is State.SAFE
    assert [e.is_open for e in bench.simulator.coil_edges] == [True, False]


def test_a_pulled_cable_loses_the_pulses_and_plugging_it_in_sprays_nothing() -> None:
    bench = Bench()
    bench.arm()
    open_valve(bench)
    bench.simulator.silent = True
    bench.run(0.5)
    assert bench.controller.state is ControllerState.DISCONNECTED
    assert "silent" in bench.status.cause
    assert [r.outcome for r in bench.reports] == [PulseOutcome.LOST] * 2
    bench.simulator.silent = False
    bench.run(2.0)
    assert bench.controller.state is ControllerState.SAFE
    assert len(bench.simulator.coil_edges) == 2
    bench.controller.arm()
    bench.run(0.1)
    assert bench.controller.state is ControllerState.ARMED
    assert len(bench.reports) == 2


def test_a_silent_application_closes_the_valves_though_the_link_lives() -> None:
    bench = Bench()
    bench.arm()
    open_valve(bench)
    silent_from_s = bench.clock.now_s()
    for _ in range(50):
        bench.clock.sleep_until(bench.clock.now_s() + 0.02)
        bench.messages += bench.controller.poll()
    assert last_closed_s(bench) - silent_from_s <= 0.31
    assert bench.controller.state is ControllerState.SAFE
    assert "application" in bench.status.cause


@pytest.mark.parametrize(
    ("dead", "words"),
    [
        (0, "the camera stopped delivering"),
        (1, "the model stopped answering"),
        (2, "the planner stopped answering"),
    ],
)
def test_what_is_dead_closes_the_valves_at_once_and_is_named(dead: int, words: str) -> None:
    bench = Bench()
    bench.arm()
    open_valve(bench)
    bench.alive[dead] = False
    said_s = bench.clock.now_s()
    bench.run(0.1)
    assert last_closed_s(bench) - said_s <= 0.03
    assert bench.status.cause == words
    bench.alive[dead] = True
    bench.run(0.5)
    assert bench.controller.state is ControllerState.SAFE


def test_a_wheel_sensor_that_falls_silent_while_the_machine_moves_disarms() -> None:
    bench = Bench(distance=lambda t_s: min(t_s, 2.5))
    bench.ground_m_s = 1.0
    bench.arm()
    bench.run(2.4 - bench.clock.now_s())
    assert bench.controller.state is ControllerState.ARMED
    bench.run(0.4)
    assert bench.controller.state is ControllerState.SAFE
    assert bench.status.cause == "the wheel encoder gives no edges while the machine moves"


def test_a_wheel_that_is_too_coarse_to_be_judged_is_not() -> None:
    config = Config(boom=BoomConfig(nozzle_count=8), wheel=WheelConfig(counts_per_m=19.0))
    bench = Bench(distance=lambda t_s: min(t_s, 2.5), config=config)
    bench.ground_m_s = 1.0
    bench.arm()
    bench.run(3.0)
    assert bench.controller.state is ControllerState.ARMED


def test_a_heartbeat_of_another_session_disarms() -> None:
    bench = Bench()
    bench.arm()
    open_valve(bench)
    bench.simulator.receive(encode(frames.Beat(99, int(Alive.ALL), 0)), bench.clock.now_s())
    assert bench.simulator.state is State.SAFE
    assert last_closed_s(bench) == pytest.approx(bench.clock.now_s(), abs=1e-6)


def test_another_program_that_says_hello_disarms() -> None:
    bench = Bench()
    bench.arm()
    open_valve(bench)
    bench.simulator.receive(encode(frames.Hello(99)), bench.clock.now_s())
    assert bench.simulator.state is State.SAFE
    bench.run(0.2)
    assert {r.outcome for r in bench.reports} == {PulseOutcome.LOST}
    assert "another program took it over" in [status.cause for status in bench.statuses]
    bench.run(1.0)
    assert bench.controller.state is ControllerState.SAFE


def test_a_reset_in_the_run_is_noticed_and_not_armed_again() -> None:
    bench = Bench()
    bench.arm()
    open_valve(bench)
    before = bench.odometry[-1]
    bench.simulator.reset(bench.clock.now_s())
    bench.run(2.0)
    assert bench.controller.state is ControllerState.SAFE
    assert [r.outcome for r in bench.reports] == [PulseOutcome.LOST] * 2
    assert len(bench.simulator.coil_edges) == 2
    boots = [m.boot_id for m in bench.messages if isinstance(m, ControllerCapabilities)]
    assert boots == [1, 2]
    assert bench.odometry[-1].distance_m > before.distance_m


def test_an_emergency_stop_is_latched_until_cleared() -> None:
    bench = Bench()
    bench.arm()
    open_valve(bench)
    ordered_s = bench.clock.now_s()
    bench.controller.emergency_stop()
    bench.run(0.1)
    assert last_closed_s(bench) - ordered_s <= 0.006
    assert bench.controller.state is ControllerState.ESTOP
    assert sorted(r.outcome.value for r in bench.reports) == ["cut", "flushed"]
    bench.controller.arm()
    bench.run(0.1)
    assert bench.controller.state is ControllerState.ESTOP
    assert "latched" in bench.status.cause
    bench.controller.clear_stop()
    bench.run(0.5)
    assert bench.controller.state is ControllerState.SAFE
    assert len(bench.simulator.coil_edges) == 2


def test_a_pressed_button_cannot_be_cleared_and_its_release_resumes_nothing() -> None:
    bench = Bench()
    bench.arm()
    open_valve(bench)
    pressed_s = bench.clock.now_s()
    bench.simulator.press_estop(pressed_s)
    assert last_closed_s(bench) == pytest.approx(pressed_s, abs=1e-6)
    bench.run(0.1)
    bench.controller.clear_stop()
    bench.run(0.2)
    assert bench.controller.state is ControllerState.ESTOP
    assert "still pressed" in bench.status.cause
    bench.simulator.release_estop(bench.clock.now_s())
    bench.run(0.5)
    assert bench.controller.state is ControllerState.ESTOP
    assert len(bench.simulator.coil_edges) == 2


def test_an_emergency_stop_reaches_a_controller_through_a_lossy_wire() -> None:
    bench = Bench(wrap=lambda w: LossyWire(w, seed=5, drop=0.4, repeat=0.0, swap=0.0))
    bench.run(6.0)
    bench.controller.emergency_stop()
    bench.run(0.5)
    assert bench.simulator.state is State.ESTOP


def test_disarming_cuts_and_forgets() -> None:
    bench = Bench()
    bench.arm()
    open_valve(bench)
    bench.controller.disarm()
    bench.run(0.1)
    assert bench.controller.state is ControllerState.SAFE
    assert bench.status.cause == "disarmed by command"
    assert sorted(r.outcome.value for r in bench.reports) == ["cut", "flushed"]


def test_flushing_lets_an_open_pulse_end() -> None:
    bench = Bench()
    bench.arm()
    open_valve(bench)
    bench.controller.flush()
    bench.run(1.2)
    assert bench.controller.state is ControllerState.ARMED
    assert [r.outcome for r in bench.reports] == [PulseOutcome.FLUSHED, PulseOutcome.DONE]


def test_a_wheel_that_stops_under_an_open_valve_shuts_it() -> None:
    motion = Motion(1.0, -2.0, 1.5, 2.0)
    bench = Bench(distance=motion.distance)
    bench.arm()
    stop_m = motion.distance(2.0)
    event = bench.spray(0, stop_m - 0.05, stop_m + 0.1)
    bench.run(1.5)
    report = bench.report(event)
    assert report.outcome is PulseOutcome.CUT
    assert "stood still" in report.detail
    assert report.t_close_s == pytest.approx(2.0 + 0.2, abs=0.02)


def test_the_open_time_limit_holds() -> None:
    bench = Bench(config=small_config(max_open_ms=100.0))
    bench.arm()
    event = bench.spray(0, bench.here_m + 0.1, bench.here_m + 0.5)
    bench.run(0.6)
    report = bench.report(event)
    assert report.outcome is PulseOutcome.CAPPED
    assert report.t_close_s - report.t_open_s == pytest.approx(0.1, abs=0.001)


@pytest.mark.error_logs
def test_another_protocol_version_ends_the_connection() -> None:
    settings = SimulatorSettings(valves=8, protocol=2, schema=0xBEEF, name="newer")
    bench = Bench(settings=settings)
    with pytest.raises(ProtocolError, match=r"'newer'.*version 2.*0xbeef.*version 1.*flash"):
        bench.run(1.0)
    with pytest.raises(ProtocolError):
        bench.controller.poll()
    assert bench.controller.state is ControllerState.DISCONNECTED
    assert bench.simulator.coil_edges == []


@pytest.mark.error_logs
def test_a_boom_with_more_nozzles_than_the_controller_has_valves_is_refused() -> None:
    bench = Bench(settings=SimulatorSettings(valves=4))
    with pytest.raises(ControllerError, match=r"channel 7.*4 valves.*boom.nozzle_count"):
        bench.run(2.0)


class OldHello:
    """A wire to a controller that says that it has no PWM."""

    def __init__(self, wire: SimulatedWire) -> None:
        self._wire = wire
        self.moments, self.write, self.close = wire.moments, wire.write, wire.close

    def read(self, t_s: float) -> list[tuple[float, bytes]]:
        return [(arrival_s, self._without_pwm(data)) for arrival_s, data in self._wire.read(t_s)]

    @staticmethod
    def _without_pwm(data: bytes) -> bytes:
        frame, seq = decode_controller(data[:-1])
        if isinstance(frame, frames.HelloReply):
            frame = replace(frame, capabilities=frame.capabilities & ~Capability.PWM)
        return encode(frame, seq)


@pytest.mark.error_logs
def test_a_controller_without_pwm_ends_the_connection_where_pwm_is_set() -> None:
    boom = BoomConfig(nozzle_count=8, open_latency_ms=3.0, pwm_duty_percent=40)
    bench = Bench(config=Config(boom=boom), wrap=OldHello)
    with pytest.raises(ProtocolError, match=r"'AgriSeg simulator' cannot.*PWM.*100 percent"):
        bench.run(2.0)


class TalkativeWire:
    """A board with other firmware."""

    def __init__(self, says: bytes) -> None:
        self._says = says

    def moments(self, now_s: float) -> tuple[float, ...]:
        return (now_s,)

    def read(self, t_s: float) -> list[tuple[float, bytes]]:
        return [(t_s, self._says)]

    def write(self, data: bytes, t_s: float) -> None:
        return

    def close(self) -> None:
        return


@pytest.mark.error_logs
@pytest.mark.parametrize(
    ("says", "named"),
    [
        (b"$PANDA,1234,0,0*5E\r\n", r"\$PANDA.*looks like AgOpenGPS"),
        (b"\x80\x81\x7b\xea\x08\0\0\0\0\0\0\0\0\x6d", "looks like AgOpenGPS"),
        (b"\r\nGrbl 1.1h ['$' for help]\r\n", "Grbl"),
        (b"$GNGGA,123519,4807.038,N\r\n", "looks like a GNSS receiver"),
        (b"hello, world\r\n", r"hello, world.*, which is not the AgriSeg"),
    ],
)
def test_a_board_with_other_firmware_is_named(says: bytes, named: str) -> None:
    bench = Bench(wrap=lambda _: TalkativeWire(says))
    with pytest.raises(ProtocolError, match=rf"{named}.*other firmware"):
        bench.run(5.0)


def check_no_phantom_and_exactly_once(bench: Bench, events: list[tuple[int, float, float]]) -> None:
    """Every opening of a coil belongs to exactly one report of an opened pulse."""
    ids = [r.event_id for r in bench.reports]
    assert len(ids) == len(set(ids)) == len(events)
    opened = sum(e.is_open for e in bench.simulator.coil_edges)
    done = [r for r in bench.reports if r.outcome is PulseOutcome.DONE]
    assert opened == len(done)
    for valve in range(8):
        wanted = sorted(a for nozzle, a, _ in events if nozzle == valve)
        for edge in bench.ground_edges(valve)[::2]:
            assert min(abs(edge - a) for a in wanted) < 0.001


def drive_and_spray(bench: Bench, seconds: float = 6.0) -> list[tuple[int, float, float]]:
    """Spray all nozzles every 8 cm, planned 0.2 to 0.25 m ahead at 1 m/s."""
    bench.run(3.0)
    bench.controller.arm()
    bench.run(0.3)
    assert bench.controller.state is ControllerState.ARMED
    events: list[tuple[int, float, float]] = []
    next_m = bench.here_m + 0.2
    end_s = bench.clock.now_s() + seconds
    while bench.clock.now_s() < end_s:
        while next_m < bench.here_m + 0.25:
            for nozzle in range(8):
                start = next_m + 0.002 * nozzle
                bench.spray(nozzle, start, start + 0.03)
                events.append((nozzle, start, start + 0.03))
            next_m += 0.08
        bench.run(0.02)
    bench.run(1.5)
    return events


@pytest.mark.parametrize("rate", [1e-5, 1e-4, 5e-4])
def test_bit_errors_cost_no_pulse_and_make_none(rate: float) -> None:
    bench = Bench(settings=SimulatorSettings(valves=8, bit_error_rate=rate))
    events = drive_and_spray(bench)
    check_no_phantom_and_exactly_once(bench, events)
    assert {r.outcome for r in bench.reports} == {PulseOutcome.DONE}
    if rate > 1e-5:
        assert bench.status.link.checksum_errors > 0


def test_a_thousandth_of_bits_wrong_makes_no_phantom() -> None:
    bench = Bench(settings=SimulatorSettings(valves=8, bit_error_rate=1e-3))
    events = drive_and_spray(bench)
    check_no_phantom_and_exactly_once(bench, events)


def test_lost_repeated_and_swapped_frames_cost_no_pulse_and_make_none() -> None:
    bench = Bench(wrap=lambda w: LossyWire(w, seed=7, drop=0.05, repeat=0.1, swap=0.1))
    events = drive_and_spray(bench)
    check_no_phantom_and_exactly_once(bench, events)
    assert {r.outcome for r in bench.reports} == {PulseOutcome.DONE}
    assert bench.status.link.resent_frames > 0


def test_garbage_on_the_wire_makes_no_phantom() -> None:
    bench = Bench()
    bench.arm()
    bench.simulator.receive(random.Random(1).randbytes(20_000), bench.clock.now_s())
    event = bench.spray(1, bench.here_m + 0.2, bench.here_m + 0.25)
    bench.run(0.5)
    assert bench.report(event).outcome is PulseOutcome.DONE
    assert sum(e.is_open for e in bench.simulator.coil_edges) == 1


def test_everything_survives_a_tail_of_garbage_in_the_middle_of_a_frame() -> None:
    bench = Bench()
    bench.arm()
    bench.simulator.receive(encode(frames.EStop())[:3] + b"\x11" * 300, bench.clock.now_s())
    bench.run(0.3)
    assert bench.controller.state is ControllerState.ARMED


HOSTILE = st.tuples(st.integers(0, 255), st.integers(0, 255), st.binary(max_size=124))


@settings(max_examples=200, deadline=None)
@given(st.lists(HOSTILE, max_size=20), st.booleans())
def test_frames_with_hostile_contents_never_open_an_unarmed_valve(
    hostile: list[tuple[int, int, bytes]], with_session: bool
) -> None:
    simulator = ControllerSimulator(SimulatorSettings(valves=8), lambda t_s: int(2000 * t_s))
    if with_session:
        simulator.receive(encode(frames.Hello(5)), 0.01)
    for i, (frame_type, seq, payload) in enumerate(hostile):
        simulator.receive(encode(_Raw(frame_type, payload), seq), 0.02 + 0.01 * i)
    simulator.advance(1.0)
    assert simulator.coil_edges == []


class _Raw:
    """A frame with any type and payload, correctly wrapped."""

    def __init__(self, frame_type: int, payload: bytes) -> None:
        self.TYPE = frame_type
        self._payload = payload

    def payload(self) -> bytes:
        return self._payload


class HostileWire:
    """Correctly wrapped frames with hostile contents, besides a well-behaved controller."""

    def __init__(self, wire: object, hostile: list[tuple[int, int, bytes]]) -> None:
        self._wire = wire
        self._hostile = hostile

    def __getattr__(self, name: str) -> object:
        return getattr(self._wire, name)

    def read(self, t_s: float) -> list[tuple[float, bytes]]:
        arrived = list(self._wire.read(t_s))  # type: ignore[attr-defined]
        if self._hostile and t_s > 1.0:
            frame_type, seq, payload = self._hostile.pop()
            if frame_type != frames.HelloReply.TYPE:
                arrived.append((t_s, encode(_Raw(frame_type, payload), seq)))
        return arrived


CONTROLLER_TYPES = st.sampled_from(sorted(frames.CONTROLLER_FRAMES))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(CONTROLLER_TYPES, st.integers(0, 255), st.binary(max_size=124))))
def test_the_host_survives_hostile_contents(hostile: list[tuple[int, int, bytes]]) -> None:
    bench = Bench(wrap=lambda wire: HostileWire(wire, hostile))
    bench.run(1.5)
    assert isinstance(bench.controller.state, ControllerState)


def test_arming_right_after_the_first_signs_of_life_is_not_refused() -> None:
    bench = Bench()
    bench.alive = [True, True, False]
    bench.run(1.2)
    bench.alive = [True, True, True]
    bench.controller.beat(*bench.alive)
    bench.controller.arm()
    bench.run(0.3)
    assert bench.controller.state is ControllerState.ARMED


def test_arming_right_after_a_silence_of_the_application_is_not_refused() -> None:
    bench = Bench()
    bench.run(1.2)
    for _ in range(20):  # the link's process goes on by itself and tells of the silence
        bench.clock.sleep_until(bench.clock.now_s() + 0.02)
        bench.messages += bench.controller.poll()
    bench.controller.beat(*bench.alive)
    bench.controller.arm()
    bench.run(0.3)
    assert bench.controller.state is ControllerState.ARMED
