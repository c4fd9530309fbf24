"""A host without rules of its own, to see what the controller makes of any frame."""

from __future__ import annotations

from typing import TypeVar

from firmware_machines import Machine

from firmware_bridge.codec import decode_controller, encode
from firmware_bridge.codes import Alive, Outcome, Result, State
from firmware_bridge.frames import (
    UNKNOWN_GROUND,
    Ack,
    Arm,
    Beat,
    ConfigLimits,
    ConfigValves,
    ControllerFrame,
    Frame,
    Hello,
    HelloReply,
    Pulse,
    PulseReports,
    PulsesDistance,
    PulsesTime,
    ReportAck,
    Status,
    Time,
    TimeReply,
    ValveTiming,
)

SESSION = 0x11223344
LIMITS = ConfigLimits(
    max_open_ms=200,
    standstill_ms=200,
    odometry_ms=10,
    status_ms=50,
    reach=16 * 20_000,
    nozzle_ml_min=0,
    nominal_kpa=0,
)
TICK_HZ = 250_000
_T = TypeVar("_T")


class RawHost:
    """Sends frames one by one and keeps all that comes back."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.now_s = 0.0
        self.received: list[tuple[float, ControllerFrame]] = []
        self.seq = 0
        self.beats = 0
        self.beating = True
        self.alive = int(Alive.ALL)
        self.ground_mm_s = UNKNOWN_GROUND
        self.session = SESSION

    def run(self, seconds: float) -> None:
        """Let time pass, with a heartbeat every 50 ms if it beats."""
        until_s = self.now_s + seconds
        while self.now_s < until_s - 1e-9:
            self.now_s = min(until_s, self.now_s + 0.01)
            self.machine.advance(self.now_s)
            if self.beating and self.now_s >= 0.05 * self.beats:
                self.beats = int(self.now_s / 0.05) + 1
                self.send(Beat(self.session, self.alive, 0, self.ground_mm_s))
            self._collect()

    def _collect(self) -> None:
        for t_s, data in self.machine.read():
            self.received.append((t_s, decode_controller(data[:-1])[0]))

    def raw(self, data: bytes) -> None:
        """Put bytes on the wire now."""
        self.machine.write(data, self.now_s)

    def send(self, frame: Frame, seq: int = 0) -> None:
        """Put a frame on the wire now."""
        self.raw(encode(frame, seq))

    def command(self, frame: Frame) -> Result:
        """Send a sequenced frame; return what the controller answers."""
        self.send(frame, self.seq)
        self.seq = (self.seq + 1) & 0xFF
        self.run(0.02)
        ack = self.last(Ack)
        assert ack.expected == self.seq
        return Result(ack.results[0])

    def open_session(self, session: int = SESSION) -> HelloReply:
        """Begin a session."""
        self.session, self.seq = session, 0
        self.send(Hello(session))
        self.run(0.02)
        return self.last(HelloReply)

    def exchange_times(self, count: int = 8) -> None:
        """Ask for the controller's clock."""
        for stamp in range(count):
            self.send(Time(stamp))
            self.run(0.01)

    def arm(self, boot: int | None = None, clock_error_us: int = 100) -> Result:
        """Ask for ARMED."""
        return self.command(
            Arm(self.last(HelloReply).boot if boot is None else boot, clock_error_us)
        )

    def make_ready(
        self,
        timing: ValveTiming | None = None,
        limits: ConfigLimits = LIMITS,
        *more: Frame,
    ) -> None:
        """Open a session, configure it, exchange times and arm."""
        valves = self.open_session().valves
        for frame in (limits, *more):
            assert self.command(frame) is Result.OK
        if timing is not None:
            for first in range(0, valves, 16):
                assert self.command(ConfigValves(first, (timing,) * 16)) is Result.OK
        self.exchange_times()
        self.run(0.06)
        assert self.arm() is Result.OK
        assert self.state is State.ARMED

    def all(self, kind: type[_T]) -> list[_T]:
        """Return all frames of a kind."""
        return [frame for _, frame in self.received if isinstance(frame, kind)]

    def last(self, kind: type[_T]) -> _T:
        """Return the newest frame of a kind."""
        return self.all(kind)[-1]

    @property
    def state(self) -> State:
        """State in the newest status."""
        return State(self.last(Status).state)

    def tick(self) -> int:
        """Return the controller's clock now, by asking."""
        self.send(Time(0xFFFF))
        sent_s = self.now_s
        self.run(0.01)
        reply = self.last(TimeReply)
        wire_s = len(encode(Time(0xFFFF))) * 10 / 500_000
        return reply.rx_tick + round((self.now_s - sent_s - wire_s) * TICK_HZ) & 0xFFFF_FFFF

    def pulses(self, base: int, *pulses: Pulse, by_distance: bool = False) -> Result:
        """Command pulses."""
        if by_distance:
            return self.command(PulsesDistance(base, pulses))
        return self.command(PulsesTime(base & 0xFFFF_FFFF, pulses))

    def outcomes(self) -> dict[int, Outcome]:
        """Return the outcomes reported so far, by tag."""
        return {
            report.tag: Outcome(report.outcome)
            for frame in self.all(PulseReports)
            for report in frame.reports
        }

    def acknowledge_reports(self) -> None:
        """Acknowledge all reports that have come."""
        frames = self.all(PulseReports)
        if frames:
            newest = max(frame.index + len(frame.reports) for frame in frames)
            self.send(ReportAck(newest & 0xFFFF))
            self.run(0.01)

    def edges(self, valve: int) -> list[tuple[float, bool]]:
        """Return the switching of one valve."""
        return [(e.t_s, e.on) for e in self.machine.edges() if e.valve == valve]
