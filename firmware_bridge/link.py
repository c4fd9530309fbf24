"""The host's end of the link, without input or output: bytes and times in, bytes out.

`HostLink` opens the session, keeps clock and heartbeat, delivers commands in order, and
answers every commanded pulse exactly once. It never reads a clock and never waits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from firmware_bridge.clock_sync import ClockSync
from firmware_bridge.codec import FrameSplitter, decode_controller, encode
from firmware_bridge.codes import RESULT_WORDS, Alive, Capability, Outcome, Result, State
from firmware_bridge.errors import FrameError
from firmware_bridge.frames import (
    UNKNOWN_GROUND,
    Ack,
    Arm,
    Beat,
    Clear,
    ControllerFrame,
    Disarm,
    EStop,
    Flush,
    Hello,
    HelloReply,
    HostFrame,
    Odometry,
    PulseReports,
    ReadValves,
    ReportAck,
    Status,
    Strobe,
    Time,
    TimeReply,
    ValveTiming,
)
from firmware_bridge.link_setup import configuration
from firmware_bridge.link_values import (
    Connected,
    Disconnected,
    Limits,
    LinkCounters,
    LinkEvent,
    LinkPhase,
    PulseAnswer,
    PulseCommand,
    Pwm,
    Refused,
)
from firmware_bridge.modular import signed32
from firmware_bridge.pulse_book import OFFSET_LIMIT, PulseBook, tags_of
from firmware_bridge.recognition import ForeignDevice, require_protocol
from firmware_bridge.sender import CommandSender

__all__ = [
    "Connected",
    "Disconnected",
    "HostLink",
    "Limits",
    "LinkCounters",
    "LinkEvent",
    "LinkPhase",
    "PulseAnswer",
    "PulseCommand",
    "Pwm",
    "Refused",
]

HELLO_PERIOD_S = 0.2
BEAT_PERIOD_S = 0.05
APPLICATION_SILENCE_S = 0.25
CONTROLLER_SILENCE_S = 0.3
TIME_PERIOD_S = 0.2
TIME_PERIOD_CONVERGING_S = 0.03
TIME_REPLY_LIMIT_S = 1.0
ESTOP_REPEAT_S = 0.02
READ_VALVES_PERIOD_S = 0.1
BULK_AHEAD_S = 0.004
"""Bulk is handed to the port only this far ahead, so that a heartbeat never waits longer."""
CONFIGURE_AGAIN_S = 1.0
FASTEST_PWM_MS = 20


class HostLink:
    """Protocol core of the host.

    Parameters
    ----------
    session_id : int
        First session number, 1 to 2^32 - 1; each reconnection takes the next one. Different
        programs should choose different ones, so that each is recognised.
    valves : mapping of valve number to its latencies
    limits : Limits
    baud : float
        Bits per second on the wire; 0 where bytes take no time, such as a pseudo-terminal.
    pwm : Pwm or None
        None: every coil is on as long as its valve is open.
    """

    def __init__(
        self,
        *,
        session_id: int,
        valves: Mapping[int, ValveTiming],
        limits: Limits,
        baud: float,
        pwm: Pwm | None = None,
    ) -> None:
        self._valves = dict(valves)
        self._pwm = pwm or Pwm(period_ms=FASTEST_PWM_MS, duty_percent={})
        self._limits = limits
        self._byte_s = 10.0 / baud if baud > 0 else 0.0
        self._session = session_id & 0xFFFF_FFFF or 1
        self._splitter = FrameSplitter()
        self._events: list[LinkEvent] = []
        self._urgent: list[HostFrame] = []
        self._again: list[bytes] = []
        self._wire_free_s = -math.inf
        self._alive = Alive(0)
        self._alive_s = -math.inf
        self._ground_mm_s = UNKNOWN_GROUND
        self._estop_wanted = False
        self.counters = LinkCounters()
        self._foreign = ForeignDevice()
        self._ever_understood = False
        self._start_session()

    def _start_session(self) -> None:
        self.phase = LinkPhase.CONNECTING
        self.identity: HelloReply | None = None
        self.status: Status | None = None
        self.clock = ClockSync(1.0)
        self.valve_table: dict[int, ValveTiming] = {}
        self._sender = CommandSender(1, 0)
        self._book = PulseBook(self._limits.row_step_subcounts)
        self._report_next = 0
        self._reports_ahead: set[int] = set()
        self._foreign_status = 0
        self._questions: dict[int, float] = {}
        self._next_stamp = 0
        self._heard_s = -math.inf
        self._urgent.clear()
        self._again.clear()
        self._due = dict.fromkeys(("hello", "beat", "time", "estop", "valves"), -math.inf)

    # What the application asks for

    def beat(
        self,
        now_s: float,
        *,
        camera_alive: bool,
        model_alive: bool,
        planner_alive: bool,
        ground_m_s: float = math.nan,
    ) -> None:
        """Say what is alive; must come at least every 0.25 s.

        That it comes is the application's own sign of life. ``ground_m_s`` is the speed by
        something else than the wheel, NaN if unknown: a wheel encoder that gives no edges
        while the machine moves makes the controller close its valves.
        """
        self._ground_mm_s = (
            UNKNOWN_GROUND
            if math.isnan(ground_m_s)
            else round(min(1e3 * abs(ground_m_s), UNKNOWN_GROUND - 1))
        )
        alive = (
            Alive.APPLICATION
            | Alive.CAMERA * camera_alive
            | Alive.MODEL * model_alive
            | Alive.PLANNER * planner_alive
        )
        was_silent = now_s - self._alive_s > APPLICATION_SILENCE_S
        if alive != self._alive or was_silent:  # valves close on what fell, ARM needs what rose
            self._due["beat"] = -math.inf
        self._alive, self._alive_s = alive, now_s

    def arm(self, now_s: float) -> None:
        """Ask for ARMED; refused here with a `Refused` event where it cannot succeed."""
        del now_s
        identity = self.identity
        if self.phase is not LinkPhase.READY or identity is None:
            self._refuse("arm", "the controller is not connected")
        elif not self.clock.converged:
            self._refuse("arm", RESULT_WORDS[Result.CLOCK_NOT_CONVERGED])
        elif not self._sender.is_pending(Arm):
            error_us = math.ceil(self.clock.error_s * 1e6)
            self._sender.submit(Arm(identity.boot, error_us))

    def disarm(self, now_s: float) -> None:
        """Close all valves and forget all pulses."""
        del now_s
        self._drop_pending()
        if self.phase is not LinkPhase.CONNECTING:
            self._urgent.append(Beat(self._session, 0, self._report_next))
            if not self._sender.is_pending(Disarm):
                self._sender.submit(Disarm())

    def emergency_stop(self, now_s: float) -> None:
        """Close everything at once; repeated until the controller says that it has."""
        del now_s
        self._drop_pending()
        self._estop_wanted = True
        self._due["estop"] = -math.inf

    def clear_stop(self, now_s: float) -> None:
        """Ask the controller to leave the latched stop."""
        del now_s
        self._estop_wanted = False
        if self.phase is LinkPhase.READY:
            self._sender.submit(Clear())
        else:
            self._refuse("clear", "the controller is not connected")

    def flush(self, now_s: float) -> None:
        """Forget the pulses that have not begun."""
        del now_s
        self._drop_pending()
        if self.phase is LinkPhase.READY:
            self._sender.submit(Flush())

    def pulses(self, commands: Sequence[PulseCommand]) -> None:
        """Command pulses; each is answered by exactly one `PulseAnswer`."""
        for command in commands:
            outcome = self._unsendable(command)
            if outcome is None:
                self._book.add(command)
            else:
                self._answer(command, outcome)

    def _unsendable(self, command: PulseCommand) -> Outcome | None:
        if self.phase is not LinkPhase.READY or self._estop_wanted:
            return Outcome.NOT_ARMED
        if command.length <= 0:
            return Outcome.EMPTY
        if command.length >= OFFSET_LIMIT:
            return Outcome.TOO_LONG
        if not 0 <= command.valve <= 0xFF:
            return Outcome.BAD_VALVE
        if self._book.is_full:
            return Outcome.QUEUE_FULL
        return None

    def disconnect(self, reason: str) -> None:
        """End the session: what is outstanding is lost, a new hello is needed."""
        was_connected = self.phase is not LinkPhase.CONNECTING
        for command in self._book.all():
            self._answer(command, Outcome.LOST)
        self._session = self._session % 0xFFFF_FFFF + 1
        self._start_session()
        if was_connected:
            self._events.append(Disconnected(reason))

    def take_events(self) -> list[LinkEvent]:
        """Return what happened since the last call, oldest first."""
        events, self._events = self._events, []
        return events

    @property
    def outstanding(self) -> int:
        """Pulses commanded and not yet answered."""
        return len(self._book)

    @property
    def heard_foreign(self) -> bytes:
        """The first bytes of what was heard before anything was understood."""
        return self._foreign.heard

    # Bytes from the wire

    def receive(self, data: bytes, now_s: float) -> None:
        """Take bytes whose last one arrived at ``now_s``.

        Raises
        ------
        ProtocolMismatchError
            The other end speaks another protocol or version.
        """
        self.counters.received_bytes += len(data)
        for encoded in self._splitter.feed(data):
            try:
                frame, _ = decode_controller(encoded)
            except FrameError:
                self.counters.bad_frames += 1
                continue
            self._ever_understood = True
            self.counters.received_frames += 1
            self._take(frame, len(encoded) + 1, now_s)
        if not self._ever_understood:
            self._foreign.hear(data, now_s)

    def _take(self, frame: ControllerFrame, size: int, now_s: float) -> None:
        if isinstance(frame, HelloReply):
            self._heard_s = now_s
            self._identify(frame, now_s)
            return
        if self.phase is LinkPhase.CONNECTING:
            return
        self._heard_s = now_s
        if isinstance(frame, Odometry | Strobe):
            self._events.append(frame)
        elif isinstance(frame, Status):
            self._take_status(frame)
        elif isinstance(frame, PulseReports):
            self._take_reports(frame)
        elif isinstance(frame, Ack):
            for answer in self._sender.acknowledge(frame, now_s, self._again.append):
                if not self._take_result(answer.frame, answer.result):
                    return
        elif isinstance(frame, TimeReply):
            self._take_time(frame, size, now_s)
        else:
            self.valve_table |= dict(enumerate(frame.valves, start=frame.first))

    def _identify(self, hello: HelloReply, now_s: float) -> None:
        require_protocol(hello)
        if self.phase is not LinkPhase.CONNECTING or hello.session != self._session:
            return
        self.identity = hello
        self.clock = ClockSync(float(hello.tick_hz))
        self._sender = CommandSender(hello.window, hello.rx_bytes)
        self.phase = LinkPhase.CONFIGURING
        self._due["beat"] = now_s

    def _take_status(self, status: Status) -> None:
        identity = self.identity
        if identity is None:
            return
        if status.session != self._session:
            self._foreign_status += 1
            if self._foreign_status >= 2:
                restarted = status.boot != identity.boot
                self.disconnect(
                    "the controller restarted" if restarted else "another program took it over"
                )
            return
        self._foreign_status = 0
        self.status = status
        if status.state == State.ESTOP:
            self._estop_wanted = False
        self._events.append(status)

    def _take_reports(self, frame: PulseReports) -> None:
        for index, report in enumerate(frame.reports, start=frame.index):
            if not self._is_new_report(index & 0xFFFF):
                continue
            command = self._book.take(report.tag)
            if command is None:
                continue
            open_tick = frame.tick + report.open_ticks
            open_position = frame.position + report.open_position
            self._answer(
                command,
                report.outcome,
                open_tick=open_tick & 0xFFFF_FFFF,
                close_tick=open_tick + report.on_ticks & 0xFFFF_FFFF,
                open_position=signed32(open_position),
                close_position=signed32(open_position + report.run),
            )
        self._urgent.append(ReportAck(self._report_next))

    def _is_new_report(self, index: int) -> bool:
        """Note a report's index; false if it has come before."""
        if (index - self._report_next) & 0xFFFF >= 0x8000 or index in self._reports_ahead:
            return False
        self._reports_ahead.add(index)
        while self._report_next in self._reports_ahead:
            self._reports_ahead.remove(self._report_next)
            self._report_next = self._report_next + 1 & 0xFFFF
        return True

    def _take_result(self, frame: HostFrame, result: int) -> bool:
        """Take what became of a command; return whether the session goes on."""
        if result == Result.OK:
            return True
        full = result == Result.QUEUE_FULL
        for tag in tags_of(frame):
            command = self._book.take(tag)
            if command is not None:
                self._answer(command, Outcome.QUEUE_FULL if full else Outcome.REFUSED)
        name = type(frame).__name__.lower()
        words = RESULT_WORDS.get(result, f"the controller gives the unknown reason {result}")
        self._refuse(name, words)
        if self.phase is not LinkPhase.CONFIGURING:
            return True
        heard_s = self._heard_s
        self.disconnect(f"the controller refused its configuration ({name}): {words}")
        self._due["hello"] = heard_s + CONFIGURE_AGAIN_S
        return False

    def _take_time(self, reply: TimeReply, size: int, now_s: float) -> None:
        sent_s = self._questions.pop(reply.stamp, None)
        if sent_s is None or now_s - sent_s > TIME_REPLY_LIMIT_S:
            return
        self.clock.add(sent_s, now_s - size * self._byte_s, reply.rx_tick, reply.tx_tick)

    def _answer(
        self,
        command: PulseCommand,
        outcome: int,
        *,
        open_tick: int = 0,
        close_tick: int = 0,
        open_position: int = 0,
        close_position: int = 0,
    ) -> None:
        self._events.append(
            PulseAnswer(
                event_id=command.event_id,
                valve=command.valve,
                outcome=outcome,
                open_tick=open_tick,
                close_tick=close_tick,
                open_position=open_position,
                close_position=close_position,
            )
        )

    def _refuse(self, command: str, words: str) -> None:
        self._events.append(Refused(command, words))

    def _drop_pending(self) -> None:
        for command in self._book.drop_pending():
            self._answer(command, Outcome.FLUSHED)

    # Time

    def poll(self, now_s: float) -> None:
        """Do what is due: heartbeat, clock, hello, silence."""
        if self.phase is not LinkPhase.CONNECTING and (
            now_s - self._heard_s > CONTROLLER_SILENCE_S
        ):
            self.disconnect(
                f"the controller has been silent for {CONTROLLER_SILENCE_S * 1e3:.0f} ms"
            )
        if self._estop_wanted and self._is_due("estop", ESTOP_REPEAT_S, now_s):
            self._urgent.append(EStop())
        if self.phase is LinkPhase.CONNECTING:
            if self._is_due("hello", HELLO_PERIOD_S, now_s):
                self._urgent.append(Hello(self._session))
            return
        if self._is_due("beat", BEAT_PERIOD_S, now_s):
            fresh = now_s - self._alive_s <= APPLICATION_SILENCE_S
            alive = self._alive if fresh else Alive(0)
            ground = self._ground_mm_s if fresh else UNKNOWN_GROUND
            self._urgent.append(Beat(self._session, int(alive), self._report_next, ground))
        period_s = TIME_PERIOD_S if self.clock.converged else TIME_PERIOD_CONVERGING_S
        if self._is_due("time", period_s, now_s):
            self._ask_time(now_s)
        if self.phase is LinkPhase.CONFIGURING:
            self._configure(now_s)

    def _is_due(self, name: str, period_s: float, now_s: float) -> bool:
        if now_s < self._due[name]:
            return False
        self._due[name] = now_s + period_s
        return True

    def _ask_time(self, now_s: float) -> None:
        stale = [k for k, t_s in self._questions.items() if now_s - t_s > TIME_REPLY_LIMIT_S]
        for stamp in stale:
            del self._questions[stamp]
        self._urgent.append(Time(self._next_stamp))
        self._next_stamp = self._next_stamp + 1 & 0xFFFF_FFFF

    def _configure(self, now_s: float) -> None:
        identity = self.identity
        if identity is None:
            return
        missing = next((v for v in range(identity.valves) if v not in self.valve_table), None)
        if missing is not None:
            if self._is_due("valves", READ_VALVES_PERIOD_S, now_s):
                self._urgent.append(ReadValves(missing))
        elif self._due["valves"] < math.inf:
            self._due["valves"] = math.inf
            for frame in configuration(
                identity, self.valve_table, self._valves, self._limits, self._pwm
            ):
                self._sender.submit(frame)
        elif self._sender.is_idle:
            self.phase = LinkPhase.READY
            self._events.append(Connected(identity))

    # Bytes to the wire

    def outgoing(self, now_s: float) -> bytes:
        """Return the bytes to write now; urgent frames first, bulk only as the wire takes it."""
        out = bytearray()
        for frame in self._urgent:
            self._write(out, encode(frame), now_s)
            if isinstance(frame, Time):
                self._questions[frame.stamp] = self._wire_free_s
        self._urgent.clear()
        for data in self._again or (self._sender.resend(now_s),):
            self._write_commands(out, data, now_s)
        self._again.clear()
        while self._wire_free_s - now_s < BULK_AHEAD_S:
            if not self._sender.has_waiting:
                self._submit_pulses(now_s)
            encoded = self._sender.next_frame()
            if encoded is None:
                break
            self._write_commands(out, encoded, now_s)
        self.counters.resent_frames = self._sender.resent_count
        return bytes(out)

    def _write_commands(self, out: bytearray, data: bytes, now_s: float) -> None:
        if data:
            self._write(out, data, now_s)
            self._sender.left(self._wire_free_s)

    def _write(self, out: bytearray, data: bytes, now_s: float) -> None:
        out += data
        self._wire_free_s = max(self._wire_free_s, now_s) + len(data) * self._byte_s
        self.counters.sent_frames += data.count(0)
        self.counters.sent_bytes += len(data)

    def _submit_pulses(self, now_s: float) -> None:
        """Put waiting pulses into a frame, as far as window and queue have room."""
        identity = self.identity
        if not self._book.has_pending or not self._sender.window_open or identity is None:
            return
        frame = self._book.next_frame(
            identity.queue,
            has_rows=bool(identity.capabilities & Capability.ROWS),
            is_lossy=self._sender.is_lossy(now_s),
        )
        if frame is not None:
            self._sender.submit(frame)
