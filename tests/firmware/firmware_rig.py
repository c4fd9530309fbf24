"""The host's link and a controller in virtual time, joined by a wire that may be bad."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from firmware_machines import BAUD, CoilEdge, Machine

from firmware_bridge.codes import Alive, State
from firmware_bridge.frames import Odometry, Status, Strobe, ValveTiming
from firmware_bridge.link import (
    Connected,
    Disconnected,
    HostLink,
    Limits,
    LinkPhase,
    PulseAnswer,
    PulseCommand,
    Pwm,
    Refused,
)

STEP_S = 0.001
_T = TypeVar("_T")


@dataclass(slots=True, kw_only=True)
class BadWire:
    """What a wire does to frames and bits; each way has its own."""

    seed: int = 1
    bit_error_rate: float = 0.0
    loss: float = 0.0
    duplication: float = 0.0
    reordering: float = 0.0
    cut: bool = False
    _held: bytes = b""
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def pass_on(self, data: bytes) -> bytes:
        """Return what arrives of some bytes; frames are lost, doubled and swapped whole."""
        if self.cut:
            return b""
        if self.loss or self.duplication or self.reordering:
            data = b"".join(self._frames(data))
        return self._flip(data) if self.bit_error_rate else data

    def _frames(self, data: bytes) -> Iterator[bytes]:
        for frame in (part + b"\0" for part in data.split(b"\0")[:-1]):
            if self._random.random() < self.loss:
                continue
            if not self._held and self._random.random() < self.reordering:
                self._held = frame
                continue
            yield frame
            if self._random.random() < self.duplication:
                yield frame
            if self._held:
                yield self._held
                self._held = b""

    def _flip(self, data: bytes) -> bytes:
        flipped = bytearray(data)
        for i in range(len(flipped)):
            for bit in range(8):
                if self._random.random() < self.bit_error_rate:
                    flipped[i] ^= 1 << bit
        return bytes(flipped)


class Rig:
    """Runs a `HostLink` against a machine.

    ``clock_ppm`` is how much too slow the host's clock is against the controller's.
    """

    def __init__(
        self,
        machine: Machine,
        *,
        timing: ValveTiming | None = None,
        valves: int = 16,
        max_open_ms: int = 200,
        standstill_ms: int = 200,
        reach_counts: int = 20_000,
        nozzle_ml_min: int = 0,
        nominal_kpa: int = 0,
        session_id: int = 7,
        clock_ppm: float = 0.0,
        row_step_counts: int = 0,
        pwm: Pwm | None = None,
    ) -> None:
        self.machine = machine
        self.now_s = 0.0
        self.to_controller = BadWire(seed=1)
        self.to_host = BadWire(seed=2)
        self.alive = Alive.ALL
        self.beating = True
        self.ground_m_s = math.nan
        self.polling = True
        self.events: list[
            Connected | Disconnected | Refused | PulseAnswer | Status | Odometry | Strobe
        ] = []
        self._host_rate = 1.0 - clock_ppm * 1e-6
        timing = timing or ValveTiming(0, 0, 0)
        self.link = HostLink(
            session_id=session_id,
            valves=dict.fromkeys(range(valves), timing),
            limits=Limits(
                max_open_ms=max_open_ms,
                standstill_ms=standstill_ms,
                reach_subcounts=reach_counts * 16,
                nozzle_ml_min=nozzle_ml_min,
                nominal_kpa=nominal_kpa,
                row_step_subcounts=row_step_counts * 16,
            ),
            baud=BAUD,
            pwm=pwm,
        )
        self._next_id = 0

    def host_s(self, t_s: float) -> float:
        """Return what the host's clock shows at a time of the simulation."""
        return t_s * self._host_rate

    def step(self) -> None:
        """Let one millisecond pass."""
        host_s = self.host_s(self.now_s)
        if self.polling:
            if self.beating and Alive.APPLICATION in self.alive:
                self.link.beat(
                    host_s,
                    camera_alive=Alive.CAMERA in self.alive,
                    model_alive=Alive.MODEL in self.alive,
                    planner_alive=Alive.PLANNER in self.alive,
                    ground_m_s=self.ground_m_s,
                )
            self.link.poll(host_s)
            data = self.to_controller.pass_on(self.link.outgoing(host_s))
            if data:
                self.machine.write(data, self.now_s)
        self.now_s += STEP_S
        self.machine.advance(self.now_s)
        for t_s, frame in self.machine.read():
            data = self.to_host.pass_on(frame)
            if data and self.polling:
                self.link.receive(data, self.host_s(t_s))
        self.events += self.link.take_events()

    def run(self, seconds: float) -> None:
        """Let time pass."""
        until_s = self.now_s + seconds
        while self.now_s < until_s - STEP_S / 2:
            self.step()

    def connect(self) -> None:
        """Run until the session is open and the clock is known."""
        while not (self.link.phase is LinkPhase.READY and self.link.clock.converged):
            self.step()
            if self.now_s > 30.0:
                raise TimeoutError("the link did not come up")

    def arm(self) -> None:
        """Connect and arm."""
        self.connect()
        self.link.arm(self.host_s(self.now_s))
        self.run(0.06)
        if self.state is not State.ARMED:
            raise AssertionError(f"not armed: {self.link.status} {self.of(Refused)}")

    @property
    def state(self) -> State:
        """State in the newest status."""
        status = self.link.status
        if status is None:
            raise AssertionError("no status has come")
        return State(status.state)

    @property
    def status(self) -> Status:
        """The newest status."""
        status = self.link.status
        if status is None:
            raise AssertionError("no status has come")
        return status

    def of(self, kind: type[_T]) -> list[_T]:
        """Return the events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def tick_in(self, seconds: float) -> int:
        """Return the controller's tick so long from now, as the host knows it."""
        return round(self.link.clock.tick_at(self.host_s(self.now_s + seconds)))

    def pulse_time(self, valve: int, in_s: float, length_s: float) -> int:
        """Command a pulse so long from now; returns its id."""
        return self.pulse(valve, False, self.tick_in(in_s), round(length_s * 250_000))

    def pulse(self, valve: int, by_distance: bool, start: int, length: int) -> int:
        """Command a pulse; returns its id."""
        self._next_id += 1
        self.link.pulses(
            [
                PulseCommand(
                    event_id=self._next_id,
                    valve=valve,
                    by_distance=by_distance,
                    start=start,
                    length=length,
                )
            ]
        )
        return self._next_id

    def answers(self) -> dict[int, PulseAnswer]:
        """Return what became of the pulses, by their id."""
        return {answer.event_id: answer for answer in self.of(PulseAnswer)}

    def valve_edges(self, valve: int | None = None) -> list[CoilEdge]:
        """Return the switching of one valve, or of all."""
        return [
            edge for edge in self.machine.edges() if edge.valve >= 0 and valve in (None, edge.valve)
        ]

    def openings(self, valve: int | None = None) -> list[tuple[float, float]]:
        """Return begin and end of every time that a coil was on, in order of their begin."""
        began: dict[int, float] = {}
        spans: list[tuple[float, float]] = []
        for edge in self.valve_edges(valve):
            if edge.on:
                began[edge.valve] = edge.t_s
            else:
                spans.append((began.pop(edge.valve), edge.t_s))
        if began:
            raise AssertionError(f"valves {sorted(began)} are still open")
        return sorted(spans)
