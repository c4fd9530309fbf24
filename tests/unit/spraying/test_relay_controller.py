"""A relay board behind the controller's port, in virtual time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import pytest

from agriseg.clock import VirtualClock
from agriseg.config import BoomConfig, Config, ControllerConfig, RelayConfig, parse_config
from agriseg.errors import ConfigError
from agriseg.messages import (
    ControllerCapabilities,
    ControllerMessage,
    ControllerState,
    ControllerStatus,
    OdometrySample,
    OdometrySource,
    PulseOutcome,
    PulseReport,
    ValveEvent,
)
from agriseg.simulated_relay_board import SimulatedRelayBoard, VirtualRelayWire
from agriseg.spraying.relay_controller import RelayController
from firmware_bridge.errors import PortLostError

OPEN_DELAY_S = 0.012 + 0.020
CLOSE_DELAY_S = 0.010 + 0.020


class UnreliableWire(VirtualRelayWire):
    """A wire that can be cut, with and without the host noticing."""

    def __init__(self, board: SimulatedRelayBoard, start_s: float) -> None:
        super().__init__(board, start_s)
        self.is_cut = False
        self.is_deaf = False
        self.sent: list[tuple[float, bytes]] = []

    def read(self, t_s: float) -> Sequence[tuple[float, bytes]]:
        if self.is_cut:
            raise PortLostError("/dev/ttyUSB0: the serial port was lost (test)")
        arrived = super().read(t_s)
        return () if self.is_deaf else arrived

    def write(self, data: bytes, t_s: float) -> None:
        if self.is_cut:
            raise PortLostError("/dev/ttyUSB0: the serial port was lost (test)")
        self.sent.append((t_s, data))
        super().write(data, t_s)


class Bench:
    def __init__(self, *, loop_ms: float = 0.0, **relay: Any) -> None:
        self.config = Config(
            boom=BoomConfig(nozzle_count=8),
            controller=ControllerConfig(
                kind="pgn239", relay=RelayConfig(board_period_ms=loop_ms, **relay)
            ),
        )
        self.clock = VirtualClock()
        self.board = SimulatedRelayBoard(outputs=16, loop_s=1e-3 * loop_ms, timeout_s=4.2, t_s=0.0)
        self.wire = UnreliableWire(self.board, 0.0)
        self.controller = RelayController(config=self.config, wire=self.wire, clock=self.clock)
        self.messages: list[ControllerMessage] = []
        self.alive = True
        self._ids = itertools.count()

    def run(self, seconds: float, *, beats: bool = True) -> None:
        end_s = self.clock.now_s() + seconds
        while self.clock.now_s() < end_s - 1e-9:
            self.clock.sleep_until(min(self.clock.now_s() + 0.005, end_s))
            if beats:
                self.controller.beat(self.alive, True, True)
            self.messages += self.controller.poll()

    def arm(self) -> None:
        self.run(0.3)
        self.controller.arm()
        self.run(0.05)
        assert self.controller.state is ControllerState.ARMED

    def spray(self, nozzle: int, in_s: float, length_s: float) -> ValveEvent:
        return self.spray_at(nozzle, self.clock.now_s() + in_s, length_s)

    def spray_at(self, nozzle: int, open_at: float, length_s: float) -> ValveEvent:
        event = ValveEvent(
            event_id=next(self._ids),
            nozzle_id=nozzle,
            by_distance=False,
            open_at=open_at,
            close_at=open_at + length_s,
            wanted_s_min_m=0.0,
            wanted_s_max_m=0.1,
        )
        self.controller.queue([event])
        return event

    def report(self, event: ValveEvent) -> PulseReport:
        found = [
            m for m in self.messages if isinstance(m, PulseReport) and m.event_id == event.event_id
        ]
        assert len(found) == 1
        return found[0]

    @property
    def status(self) -> ControllerStatus:
        return [m for m in self.messages if isinstance(m, ControllerStatus)][-1]

    @property
    def capabilities(self) -> list[ControllerCapabilities]:
        return [m for m in self.messages if isinstance(m, ControllerCapabilities)]

    def edges(self) -> list[tuple[int, bool]]:
        return [(edge.output, edge.is_on) for edge in self.board.edges]


def test_a_pulse_reaches_the_ground_when_asked_and_is_never_called_confirmed() -> None:
    bench = Bench()
    bench.arm()
    event = bench.spray(3, 0.4, 0.1)
    bench.run(1.0)
    on, off = bench.board.edges
    assert (on.output, on.is_on, off.is_on) == (3, True, False)
    jitter_s = 1e-3 * bench.capabilities[0].jitter_ms
    assert on.t_s + OPEN_DELAY_S == pytest.approx(event.open_at, abs=jitter_s)
    assert off.t_s + CLOSE_DELAY_S == pytest.approx(event.close_at, abs=jitter_s)
    report = bench.report(event)
    assert report.outcome is PulseOutcome.SENT
    assert math.isnan(report.t_open_s)
    statuses = [m for m in bench.messages if isinstance(m, ControllerStatus)]
    assert {status.open_mask for status in statuses} == {0}


@pytest.mark.parametrize("loop_ms", [0.0, 50.0, 200.0])
def test_every_edge_is_within_the_jitter_that_the_capabilities_state(loop_ms: float) -> None:
    bench = Bench(loop_ms=loop_ms)
    bench.arm()
    capabilities = bench.capabilities[0]
    length_s = 1e-3 * capabilities.min_open_ms + 0.03
    events = [bench.spray(n, 0.5 + 0.0637 * n, length_s) for n in range(8)]
    bench.run(3.0)
    assert {bench.report(event).outcome for event in events} == {PulseOutcome.SENT}
    for event in events:
        mine = [e.t_s for e in bench.board.edges if e.output == event.nozzle_id]
        assert len(mine) == 2
        errors_ms = (
            1e3 * (mine[0] + OPEN_DELAY_S - event.open_at),
            1e3 * (mine[1] + CLOSE_DELAY_S - event.close_at),
        )
        assert max(map(abs, errors_ms)) <= capabilities.jitter_ms


def test_capabilities_state_the_limits() -> None:
    bench = Bench(loop_ms=200.0, board_timeout_ms=4200.0)
    bench.run(0.1)
    (stated,) = bench.capabilities
    assert not stated.confirms
    assert not stated.has_encoder
    assert stated.valve_count == 16
    assert stated.min_open_ms == pytest.approx(210.0)
    assert stated.jitter_ms == pytest.approx(109.0)
    assert stated.min_lead_ms == pytest.approx(105.0)
    assert stated.deadman_ms == pytest.approx(4200.0)


def test_abutting_pulses_keep_the_valve_open() -> None:
    bench = Bench()
    bench.arm()
    first = bench.spray(0, 0.4, 0.1)
    second = bench.spray_at(0, first.close_at, 0.1)
    third = bench.spray_at(0, second.close_at, 0.1)
    bench.run(1.2)
    assert [bench.report(e).outcome for e in (first, second, third)] == [PulseOutcome.SENT] * 3
    on, off = bench.board.edges
    assert off.t_s - on.t_s == pytest.approx(0.3, abs=0.015)


@pytest.mark.parametrize(
    ("in_s", "length_s", "outcome", "words"),
    [
        (0.02, 0.1, PulseOutcome.LATE, "after its moment"),
        (9.0, 0.1, PulseOutcome.REJECTED, "further ahead"),
        (0.4, 1.5, PulseOutcome.REJECTED, "longer than the open-time limit"),
        (0.4, -0.01, PulseOutcome.REJECTED, "ends where it begins"),
    ],
)
def test_a_pulse_that_cannot_be_right_is_refused(
    in_s: float, length_s: float, outcome: PulseOutcome, words: str
) -> None:
    bench = Bench()
    bench.arm()
    event = bench.spray(0, in_s, length_s)
    bench.run(0.5)
    assert bench.report(event).outcome is outcome
    assert words in bench.report(event).detail
    assert bench.board.edges == []


def test_overlap_is_refused_and_the_earlier_pulse_stands() -> None:
    bench = Bench()
    bench.arm()
    first = bench.spray(0, 0.4, 0.2)
    second = bench.spray_at(0, first.open_at + 0.1, 0.2)
    bench.run(1.0)
    assert bench.report(first).outcome is PulseOutcome.SENT
    assert "overlaps" in bench.report(second).detail
    assert len(bench.board.edges) == 2


def test_unarmed_by_distance_and_unknown_nozzles_are_refused() -> None:
    bench = Bench()
    bench.run(0.3)
    unarmed = bench.spray(0, 0.4, 0.1)
    bench.arm()
    unknown = bench.spray(8, 0.4, 0.1)
    by_distance = ValveEvent(
        event_id=99,
        nozzle_id=0,
        by_distance=True,
        open_at=1.0,
        close_at=1.1,
        wanted_s_min_m=1.0,
        wanted_s_max_m=1.1,
    )
    bench.controller.queue([by_distance])
    bench.run(1.5)
    assert "not armed" in bench.report(unarmed).detail
    assert bench.report(unknown).detail == "the boom has no nozzle 8"
    assert "no wheel encoder" in bench.report(by_distance).detail
    assert bench.board.edges == []


def test_a_busy_computer_gives_a_pulse_up_instead_of_spraying_late() -> None:
    bench = Bench()
    bench.arm()
    event = bench.spray(0, 0.4, 0.1)
    on_s = event.open_at - OPEN_DELAY_S
    bench.run(on_s - bench.clock.now_s() - 0.03)
    bench.wire.moments = lambda now_s: (now_s,)  # type: ignore[method-assign]
    bench.clock.sleep_until(on_s + 0.05)
    bench.run(0.3)
    assert bench.report(event).outcome is PulseOutcome.LATE
    assert "too busy" in bench.report(event).detail
    assert bench.board.edges == []


# Stops


def assert_all_off_repeatedly(bench: Bench, since_s: float, at_least: int = 5) -> None:
    assert bench.board.mask == 0
    after = [data for t_s, data in bench.wire.sent if t_s >= since_s]
    assert len(after) >= at_least
    assert {data[11:13] for data in after} == {b"\x00\x00"}


def open_valve(bench: Bench) -> ValveEvent:
    bench.arm()
    event = bench.spray(2, 0.2, 0.8)
    bench.run(0.4)
    assert bench.board.mask == 1 << 2
    return event


@pytest.mark.parametrize("stop", ["disarm", "emergency_stop"])
def test_a_stop_switches_everything_off_at_once_and_several_times(stop: str) -> None:
    bench = Bench()
    event = open_valve(bench)
    waiting = bench.spray(3, 1.0, 0.1)
    stopped_s = bench.clock.now_s()
    getattr(bench.controller, stop)()
    assert bench.board.mask == 0
    bench.run(0.15)
    assert_all_off_repeatedly(bench, stopped_s)
    assert bench.report(event).outcome is PulseOutcome.CUT
    assert bench.report(waiting).outcome is PulseOutcome.FLUSHED


def test_a_latched_stop_is_left_by_clearing_only_and_never_resumes() -> None:
    bench = Bench()
    open_valve(bench)
    bench.controller.emergency_stop()
    bench.controller.arm()
    bench.run(0.1)
    assert bench.controller.state is ControllerState.ESTOP
    assert "latched" in bench.status.cause
    bench.controller.clear_stop()
    bench.run(0.5)
    assert bench.controller.state is ControllerState.SAFE
    assert bench.board.mask == 0


def test_a_dead_camera_switches_off() -> None:
    bench = Bench()
    open_valve(bench)
    bench.alive = False
    since_s = bench.clock.now_s()
    bench.run(0.2)
    assert_all_off_repeatedly(bench, since_s + 0.005)
    assert bench.status.cause == "the camera stopped delivering"


def test_a_silent_engine_switches_off_within_a_quarter_of_a_second() -> None:
    bench = Bench()
    open_valve(bench)
    since_s = bench.clock.now_s()
    bench.run(0.4, beats=False)
    off = bench.board.edges[-1]
    assert not off.is_on
    assert off.t_s - since_s <= 0.26
    assert bench.controller.state is ControllerState.SAFE


def test_closing_the_connection_switches_off_several_times() -> None:
    bench = Bench()
    open_valve(bench)
    since_s = bench.clock.now_s()
    bench.controller.close()
    assert_all_off_repeatedly(bench, since_s)


def test_a_dead_host_leaves_the_valve_to_the_boards_own_timeout() -> None:
    bench = Bench(loop_ms=200.0)
    bench.arm()
    bench.spray(2, 0.4, 0.9)
    bench.run(0.6)
    assert bench.board.mask
    died_s = bench.wire.sent[-1][0]
    bench.board.advance(died_s + 6.0)
    assert bench.board.edges[-1].t_s - died_s == pytest.approx(4.3, abs=0.15)


def test_arming_needs_somebody_who_answers_for_the_valves() -> None:
    bench = Bench()
    bench.alive = False
    bench.run(0.3)
    bench.controller.arm()
    bench.run(0.05)
    assert bench.controller.state is ControllerState.SAFE
    assert "no heartbeat" in bench.status.cause


# Connection


def test_a_lost_port_loses_the_pulses_and_comes_back_unarmed() -> None:
    bench = Bench()
    event = open_valve(bench)
    bench.wire.is_cut = True
    bench.run(0.2)
    assert bench.controller.state is ControllerState.DISCONNECTED
    assert bench.report(event).outcome is PulseOutcome.LOST
    bench.wire.is_cut = False
    bench.run(0.5)
    assert bench.controller.state is ControllerState.SAFE
    assert bench.board.mask == 0
    assert len(bench.capabilities) == 2


def test_a_board_that_was_heard_and_falls_silent_is_lost() -> None:
    bench = Bench()
    open_valve(bench)
    bench.wire.is_deaf = True
    bench.run(2.0)
    assert bench.controller.state is ControllerState.DISCONNECTED
    assert "silent for 1.5 s" in bench.status.cause
    bench.wire.is_deaf = False
    bench.run(0.5)
    assert bench.controller.state is ControllerState.SAFE


def test_a_board_that_never_answers_is_used_all_the_same() -> None:
    bench = Bench()
    bench.wire.is_deaf = True
    bench.arm()
    event = bench.spray(0, 0.3, 0.1)
    bench.run(3.0)
    assert bench.report(event).outcome is PulseOutcome.SENT
    assert bench.controller.state is ControllerState.ARMED
    assert bench.status.link.received_frames == 0


def test_the_outputs_are_repeated_so_that_a_lost_message_mends_itself() -> None:
    bench = Bench()
    bench.run(1.05)
    gaps = [b - a for (a, _), (b, _) in itertools.pairwise(bench.wire.sent)]
    assert max(gaps) <= 0.11


# Odometry and configuration


def test_a_constant_speed_is_given_as_assumed_odometry() -> None:
    bench = Bench(constant_speed_m_s=1.5)
    bench.run(2.0)
    samples = [m for m in bench.messages if isinstance(m, OdometrySample)]
    assert {sample.source for sample in samples} == {OdometrySource.ASSUMED}
    first, last = samples[0], samples[-1]
    assert (last.distance_m - first.distance_m) / (last.t_s - first.t_s) == pytest.approx(1.5)
    assert bench.wire.sent[-1][1][6] == 54


def test_without_one_there_is_no_odometry_of_the_board() -> None:
    bench = Bench()
    bench.run(1.0)
    assert not any(isinstance(m, OdometrySample) for m in bench.messages)


def test_a_boom_with_more_channels_than_outputs_is_refused() -> None:
    config = Config(boom=BoomConfig(nozzle_count=24), controller=ControllerConfig(kind="pgn239"))
    board = SimulatedRelayBoard(outputs=16, loop_s=0.0, timeout_s=4.2, t_s=0.0)
    with pytest.raises(ConfigError, match=r"channel 23, but pgn239 has 16 outputs.*pgn229"):
        RelayController(config=config, wire=VirtualRelayWire(board, 0.0), clock=VirtualClock())


@pytest.mark.parametrize(
    ("controller", "sentence"),
    [
        ({"port": "udp://192.168.5.123:8888"}, "only relay boards"),
        ({"relay": {"board_period_ms": 0.0}}, "for relay boards"),
        ({"kind": "pgn238"}, "controller.kind is 'pgn238'"),
        ({"kind": "pgn239", "relay": {"message_period_ms": 1.0}}, "expected 2 to 100"),
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(
    controller: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        parse_config({"controller": controller}, source="test")
