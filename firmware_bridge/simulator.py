"""A sprayer controller that behaves as the firmware does, without input or output.

Bytes and times in, bytes out. Between events it only computes when the next one is, so
virtual time passes much faster than real time. Times are host times in seconds; the
controller's own clock drifts against them as set.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

from firmware_bridge.bit_errors import BitErrors
from firmware_bridge.codec import FrameSplitter, parse_host, unwrap
from firmware_bridge.codes import (
    Alive,
    Capability,
    Cause,
    Outcome,
    Result,
    State,
    StatusFlag,
)
from firmware_bridge.errors import FrameError
from firmware_bridge.frames import (
    MAX_RUNS,
    MAX_VALVES_IN_FRAME,
    NOT_MEASURED_U16,
    NOT_MEASURED_U32,
    RESULTS_IN_ACK,
    SEQUENCED_TYPES,
    UNKNOWN_GROUND,
    Ack,
    Arm,
    Beat,
    Clear,
    ConfigLimits,
    ConfigPwm,
    ConfigValves,
    ControllerFrame,
    Disarm,
    EStop,
    Flush,
    Hello,
    HelloReply,
    HostFrame,
    Odometry,
    Pulse,
    PulsesDistance,
    PulsesTime,
    ReadValves,
    ReportAck,
    RowsDistance,
    Status,
    Strobe,
    Time,
    TimeReply,
    Valves,
    ValveTiming,
)
from firmware_bridge.modular import signed32, unwrapped
from firmware_bridge.simulated_flow import FlowWatch
from firmware_bridge.simulated_hydraulics import (
    SimulatedHydraulics,
    ValveEdge,
)
from firmware_bridge.simulated_outbox import Outbox
from firmware_bridge.simulated_reports import ReportBook
from firmware_bridge.simulated_scheduler import Rules, Slot, ValveScheduler
from firmware_bridge.simulated_settings import SimulatedClock, SimulatorSettings
from firmware_bridge.simulated_wheel import SimulatedWheel

__all__ = ["ControllerSimulator", "SimulatorSettings"]

DEADMAN_S = 0.25
WHEEL_PERIOD_S = 0.01
TELEMETRY_BACKLOG_S = 0.02
"""With more than this waiting to be sent, telemetry is left out."""
GAP_REPEAT_S = 0.01
MOVING_MM_S = 300
ENCODER_SILENCE_S = 0.2
SHORTEST_PERIOD_MS, LONGEST_PERIOD_MS = 20, 100
MIN_TIME_EXCHANGES = 8
MAX_CLOCK_ERROR_US = 2000
WINDOW_FRAMES = 8
RX_BYTES = 1024


class ControllerSimulator:
    """The simulated sprayer controller.

    Parameters
    ----------
    settings : SimulatorSettings
    count_at : callable or None
        The wheel encoder's count at a host time in seconds; None for a controller without.
    t_s : float
        Host time at which it is switched on.
    """

    def __init__(
        self,
        settings: SimulatorSettings,
        count_at: Callable[[float], int] | None = None,
        t_s: float = 0.0,
    ) -> None:
        self._settings = settings
        self._count_at = count_at
        self._hydraulics = SimulatedHydraulics(settings.hydraulics(), t_s)
        self._bit_errors_in = BitErrors(settings.bit_error_rate, settings.seed)
        self._bit_errors_out = BitErrors(settings.bit_error_rate, settings.seed + 1)
        self.silent = False
        """While true nothing is sent and nothing heard, as with a pulled cable."""
        self._estop_pressed = False
        self._boot_id = settings.boot_id
        self._boot(t_s, Cause.BOOT)

    def _boot(self, t_s: float, cause: Cause) -> None:
        settings = self._settings
        self._now_s = t_s
        self._clock = SimulatedClock(settings, t_s)
        self._state = State.ESTOP if self._estop_pressed else State.SAFE
        self._cause = Cause.ESTOP_INPUT if self._estop_pressed else cause
        self._splitter = FrameSplitter()
        self._outbox = Outbox(settings.baud, self._bit_errors_out, t_s)
        self._wheel = None if self._count_at is None else SimulatedWheel(self._count_at, t_s)
        self._rules = Rules(resolution_s=settings.resolution_s)
        self._scheduler = ValveScheduler(
            settings.valves, self._hydraulics, self._wheel, self._rules, self._finish
        )
        self._timings = [ValveTiming(0, 0, 0)] * settings.valves
        self._flow = FlowWatch(self._hydraulics, settings.valves, t_s)
        self._no_current: set[int] = set()
        self._limits = ConfigLimits(200, 200, 10, 50, 0, 0, 0)
        self._late = self._rejected = self._bad_frames = 0
        self._strobes = 0
        self._wheel_due_s = t_s + WHEEL_PERIOD_S
        self._status_due_s = t_s
        self._start_session(0)

    def _start_session(self, session: int) -> None:
        self._session = session
        self._expected_seq = 0
        self._results = deque([int(Result.NONE)] * RESULTS_IN_ACK, maxlen=RESULTS_IN_ACK)
        self._gap_told_s = -math.inf
        self._beat_s = -math.inf
        self._moving_since_s = math.inf
        self._time_exchanges = 0
        self._reports = ReportBook(self._outbox, self._clock)
        self._odometry_due_s = self._now_s if session else math.inf

    # What people and tests see and do

    @property
    def state(self) -> State:
        """State now."""
        return self._state

    @property
    def now_s(self) -> float:
        """Host time up to which everything has happened."""
        return self._now_s

    @property
    def cause(self) -> Cause:
        """Why it is not ARMED."""
        return self._cause

    @property
    def valve_edges(self) -> list[ValveEdge]:
        """Truth: when each valve's spray began and ceased, in order of time.

        Spray reaches the ground one fall time later.
        """
        return list(self._hydraulics.edges)

    @property
    def coil_edges(self) -> list[ValveEdge]:
        """When each coil was switched, in order of time."""
        return list(self._hydraulics.coil_edges)

    @property
    def volume_l(self) -> float:
        """Volume sprayed since it was switched on."""
        return self._hydraulics.volume_l

    def poured_l(self, valve: int) -> float:
        """Truth: volume that one nozzle has let through since it was switched on."""
        return self._hydraulics.poured_l(valve)

    def reset(self, t_s: float, cause: Cause = Cause.WATCHDOG) -> None:
        """Restart the controller: coils off, another boot id, no session."""
        self.advance(t_s)
        self._scheduler.close_all(t_s)
        self._boot_id = self._boot_id % 0xFFFF + 1
        self._boot(t_s, cause)

    def press_estop(self, t_s: float) -> None:
        """Press the emergency stop at the machine."""
        self.advance(t_s)
        self._estop_pressed = True
        self._stop(Cause.ESTOP_INPUT)

    def release_estop(self, t_s: float) -> None:
        """Release the emergency stop; the controller stays latched."""
        self.advance(t_s)
        self._estop_pressed = False

    def strobe(self, t_s: float) -> None:
        """Raise the camera's strobe line: clock and wheel are latched and told."""
        self.advance(t_s)
        if self._session and self._outbox.backlog_s(self._now_s) < TELEMETRY_BACKLOG_S:
            position = signed32(round(self._position()))
            self._send(Strobe(self._strobes, self._tick(), position))
        self._strobes = self._strobes + 1 & 0xFFFF

    def break_valve(
        self,
        valve: int,
        t_s: float,
        *,
        stuck_open: bool = False,
        stuck_closed: bool = False,
        open_coil: bool = False,
    ) -> None:
        """Give a valve the named faults from ``t_s`` on, and take the others away."""
        self.advance(t_s)
        hydraulics = self._hydraulics
        for broken, valves in (
            (stuck_closed, hydraulics.stuck_closed),
            (open_coil, hydraulics.open_coil),
        ):
            (valves.add if broken else valves.discard)(valve)
        hydraulics.set_stuck_open(valve, t_s, stuck_open)

    # The wire

    def receive(self, data: bytes, t_s: float) -> None:
        """Take bytes whose last one arrived at ``t_s``."""
        self.advance(t_s)
        if self.silent:
            return
        for encoded in self._splitter.feed(self._bit_errors_in.apply(data)):
            try:
                frame_type, seq, payload = unwrap(encoded)
            except FrameError:
                self._bad_frames += 1
                continue
            if frame_type in SEQUENCED_TYPES:
                self._take_sequenced(frame_type, seq, payload)
            else:
                self._take_unsequenced(frame_type, payload)

    def outgoing(self) -> bytes:
        """Return the bytes sent since the last call."""
        return b"".join(data for _, data in self.outgoing_timed())

    def outgoing_timed(self) -> list[tuple[float, bytes]]:
        """Return the frames sent since the last call, each with the time of its last byte."""
        return self._outbox.take()

    def _send(self, frame: ControllerFrame) -> None:
        if not self.silent:
            self._outbox.send(frame, self._now_s)

    def _take_unsequenced(self, frame_type: int, payload: bytes) -> None:
        try:
            frame = parse_host(frame_type, payload)
        except FrameError:
            self._bad_frames += 1
            return
        if isinstance(frame, Hello):
            self._hello(frame)
        elif isinstance(frame, EStop):
            self._stop(Cause.ESTOP_COMMAND)
        elif isinstance(frame, Beat):
            self._beat(frame)
        elif self._session == 0:
            return
        elif isinstance(frame, Time):
            self._time_exchanges += 1
            leaves = self._clock.ticks_at(max(self._outbox.free_s, self._now_s))
            self._send(TimeReply(frame.stamp, self._tick(), leaves & 0xFFFF_FFFF))
        elif isinstance(frame, ReportAck):
            self._reports.acknowledged(frame.report_next, self._now_s)
        elif isinstance(frame, ReadValves) and frame.first < self._settings.valves:
            page = self._timings[frame.first : frame.first + MAX_VALVES_IN_FRAME]
            self._send(Valves(frame.first, tuple(page)))

    def _hello(self, hello: Hello) -> None:
        settings = self._settings
        fits = hello.protocol == settings.protocol and hello.schema == settings.schema
        if fits and hello.session not in (0, self._session):
            self._leave_armed(Cause.NEW_SESSION)
            self._start_session(hello.session)
        self._send(self._identity(hello.session))

    def _identity(self, session: int) -> HelloReply:
        settings = self._settings
        capabilities = (
            Capability.PRESSURE
            | Capability.FLOW
            | Capability.TANK
            | Capability.COIL_CURRENT
            | Capability.STROBE
            | Capability.ESTOP_INPUT
            | Capability.SIMULATED
            | Capability.PWM
            | Capability.ROWS
        )
        if self._wheel is not None:
            capabilities |= Capability.ENCODER | Capability.SPEED_CHECK
        return HelloReply(
            session=session,
            boot=self._boot_id,
            tick_hz=settings.tick_hz,
            valves=settings.valves,
            queue=settings.queue,
            window=WINDOW_FRAMES,
            rx_bytes=RX_BYTES,
            capabilities=int(capabilities),
            max_open_ms=settings.max_open_ms,
            min_lead_us=round(self._rules.min_lead_s * 1e6),
            horizon_ms=round(self._rules.horizon_s * 1e3),
            late_us=round(self._rules.late_s * 1e6),
            firmware=settings.firmware,
            name=settings.name,
            protocol=settings.protocol,
            schema=settings.schema,
        )

    def _beat(self, beat: Beat) -> None:
        if beat.session != self._session or self._session == 0:
            self._leave_armed(Cause.WRONG_SESSION)
            return
        self._reports.acknowledged(beat.report_next, self._now_s)
        moves = MOVING_MM_S < beat.ground_mm_s != UNKNOWN_GROUND
        self._moving_since_s = min(self._moving_since_s, self._now_s) if moves else math.inf
        if beat.alive & Alive.ALL == Alive.ALL:
            self._beat_s = self._now_s
            return
        self._beat_s = -math.inf
        for bit, cause in (
            (Alive.APPLICATION, Cause.NO_APPLICATION),
            (Alive.CAMERA, Cause.NO_CAMERA),
            (Alive.MODEL, Cause.NO_MODEL),
            (Alive.PLANNER, Cause.NO_PLANNER),
        ):
            if not beat.alive & bit:
                self._leave_armed(cause)
                return

    def _take_sequenced(self, frame_type: int, seq: int, payload: bytes) -> None:
        if self._session == 0:
            return
        ahead = (seq - self._expected_seq) & 0xFF
        if ahead == 0:
            self._expected_seq = seq + 1 & 0xFF
            self._results.appendleft(int(self._execute(frame_type, payload)))
            self._acknowledge(0)
        elif ahead >= 0x80:
            self._acknowledge(0)
        elif self._now_s - self._gap_told_s >= GAP_REPEAT_S:
            self._gap_told_s = self._now_s
            self._acknowledge(Ack.GAP)

    def _acknowledge(self, flags: int) -> None:
        free = self._settings.queue - self._reports.taken
        self._send(Ack(self._expected_seq, flags, free, bytes(self._results)))

    def _execute(self, frame_type: int, payload: bytes) -> Result:
        try:
            frame = parse_host(frame_type, payload)
        except FrameError as error:
            return Result.UNKNOWN_TYPE if error.reason == "type" else Result.BAD_LENGTH
        return self._command(frame)

    def _command(self, frame: HostFrame) -> Result:
        if isinstance(frame, PulsesTime | PulsesDistance):
            return self._queue(frame)
        if isinstance(frame, Arm):
            return self._arm(frame)
        if isinstance(frame, Disarm):
            return self._disarm()
        if isinstance(frame, Clear):
            return self._clear()
        if isinstance(frame, Flush):
            self._scheduler.flush(self._now_s)
            return Result.OK
        if isinstance(frame, ConfigLimits):
            return self._configure_limits(frame)
        if isinstance(frame, ConfigValves):
            return self._configure_valves(frame)
        if isinstance(frame, ConfigPwm):
            return self._configure_pwm(frame)
        if isinstance(frame, RowsDistance):
            return self._queue_rows(frame)
        return Result.UNKNOWN_TYPE

    # States

    def _arm(self, frame: Arm) -> Result:
        if self._state is State.ESTOP:
            return Result.ESTOP_LATCHED
        if frame.boot != self._boot_id:
            return Result.WRONG_BOOT
        if self._now_s - self._beat_s > DEADMAN_S:
            return Result.NO_BEAT
        unsure = frame.clock_error_us > MAX_CLOCK_ERROR_US
        if unsure or self._time_exchanges < MIN_TIME_EXCHANGES:
            return Result.CLOCK_NOT_CONVERGED
        if self._flow.supervision.leak:
            return Result.LEAK
        self._enter(State.ARMED, Cause.NONE)
        return Result.OK

    def _disarm(self) -> Result:
        self._scheduler.close_all(self._now_s)
        if self._state is not State.ESTOP:
            self._enter(State.SAFE, Cause.COMMAND)
        return Result.OK

    def _clear(self) -> Result:
        if self._state is State.ESTOP:
            if self._estop_pressed:
                return Result.ESTOP_PRESSED
            self._enter(State.SAFE, Cause.CLEARED)
        return Result.OK

    def _stop(self, cause: Cause) -> None:
        self._scheduler.close_all(self._now_s)
        if self._state is not State.ESTOP:
            self._enter(State.ESTOP, cause)

    def _leave_armed(self, cause: Cause) -> None:
        if self._state is State.ARMED:
            self._scheduler.close_all(self._now_s)
            self._enter(State.SAFE, cause)

    def _enter(self, state: State, cause: Cause) -> None:
        self._state, self._cause = state, cause
        self._send_status()

    def _configure_limits(self, frame: ConfigLimits) -> Result:
        if self._state is State.ARMED:
            return Result.WRONG_STATE
        if not 1 <= frame.max_open_ms <= self._settings.max_open_ms:
            return Result.BAD_VALUE
        if frame.odometry_ms < 5 or frame.status_ms < 20:
            return Result.BAD_VALUE
        self._limits = frame
        self._rules.max_open_s = frame.max_open_ms * 1e-3
        self._rules.standstill_s = frame.standstill_ms * 1e-3
        self._rules.reach = float(frame.reach)
        return Result.OK

    def _configure_valves(self, frame: ConfigValves) -> Result:
        if self._state is State.ARMED:
            return Result.WRONG_STATE
        if frame.first + len(frame.valves) > self._settings.valves:
            return Result.BAD_VALUE
        for valve, timing in enumerate(frame.valves, start=frame.first):
            self._timings[valve] = timing
            self._scheduler.set_timing(valve, timing)
        return Result.OK

    def _configure_pwm(self, frame: ConfigPwm) -> Result:
        if self._state is State.ARMED:
            return Result.WRONG_STATE
        fits = (
            SHORTEST_PERIOD_MS <= frame.period_ms <= LONGEST_PERIOD_MS
            and frame.first + len(frame.duty_percent) <= self._settings.valves
            and all(1 <= percent <= 100 for percent in frame.duty_percent)
        )
        if not fits:
            return Result.BAD_VALUE
        for valve, percent in enumerate(frame.duty_percent, start=frame.first):
            on_ms = max(1, (percent * frame.period_ms + 50) // 100)
            self._scheduler.set_duty(valve, on_ms * 1e-3, frame.period_ms * 1e-3)
        return Result.OK

    # Pulses

    def _queue(self, frame: PulsesTime | PulsesDistance) -> Result:
        if self._reports.taken + len(frame.pulses) > self._settings.queue:
            return Result.QUEUE_FULL
        by_distance = isinstance(frame, PulsesDistance)
        near = round(self._position()) if by_distance else self._tick_unwrapped()
        base = unwrapped(frame.base, near)
        for pulse in frame.pulses:
            self._reports.taken += 1
            self._queue_one(pulse, base, by_distance)
        return Result.OK

    def _queue_rows(self, frame: RowsDistance) -> Result:
        if frame.step == 0 or frame.first + frame.valves > self._settings.valves:
            return Result.BAD_VALUE
        runs = frame.runs()
        if len(runs) > MAX_RUNS:
            return Result.BAD_VALUE
        if self._reports.taken + len(runs) > self._settings.queue:
            return Result.QUEUE_FULL
        base = unwrapped(frame.base, round(self._position()))
        for k, run in enumerate(runs):
            length = (run.end - run.begin) * frame.step
            pulse = Pulse(run.valve, frame.tag + k & 0xFFFF, run.begin * frame.step, length)
            self._reports.taken += 1
            self._queue_one(pulse, base, by_distance=True)
        return Result.OK

    def _queue_one(self, pulse: Pulse, base: int, by_distance: bool) -> None:
        start = float(base + pulse.offset)
        end = start + pulse.length
        if not by_distance:
            start, end = self._clock.time_of(start), self._clock.time_of(end)
        slot = Slot(valve=pulse.valve, tag=pulse.tag, by_distance=by_distance, start=start, end=end)
        if self._state is not State.ARMED:
            refusal: Outcome | None = Outcome.NOT_ARMED
        elif pulse.valve >= self._settings.valves:
            refusal = Outcome.BAD_VALVE
        else:
            refusal = self._scheduler.add(slot, self._now_s)
        if refusal is not None:
            slot.outcome = refusal
            self._finish(slot)

    def _finish(self, slot: Slot) -> None:
        if slot.outcome is Outcome.LATE:
            self._late += 1
        elif slot.outcome >= Outcome.BAD_VALVE:
            self._rejected += 1
        elif slot.outcome < Outcome.LATE:
            self._check_current(slot)
        self._reports.add(slot, self._now_s)

    def _check_current(self, slot: Slot) -> None:
        if slot.valve in self._hydraulics.open_coil:
            slot.outcome = Outcome.NO_CURRENT
            self._no_current.add(slot.valve)
        else:
            self._no_current.discard(slot.valve)

    # Time

    def advance(self, t_s: float) -> None:
        """Let everything happen until ``t_s``."""
        scheduler = self._scheduler
        while True:
            deadman_s = self._beat_s + DEADMAN_S if self._state is State.ARMED else math.inf
            encoder_s = self._encoder_due_s()
            next_s = min(
                scheduler.next_s,
                deadman_s,
                encoder_s,
                self._wheel_due_s,
                self._odometry_due_s,
                self._status_due_s,
                self._reports.due_s,
            )
            if next_s > t_s:
                break
            self._now_s = max(self._now_s, next_s)
            if next_s == scheduler.next_s:
                scheduler.run_edge()
            elif next_s == deadman_s:
                self._leave_armed(Cause.DEADMAN)
            elif next_s == encoder_s:
                self._check_encoder()
            elif next_s == self._wheel_due_s:
                self._sample_wheel()
            elif next_s == self._odometry_due_s:
                self._send_odometry()
            elif next_s == self._status_due_s:
                if self._flow.look(self._now_s, self._limits.nozzle_ml_min):
                    self._leave_armed(Cause.LEAK)
                self._send_telemetry()
            else:
                self._reports.send(self._send, self._now_s)
        self._now_s = max(self._now_s, t_s)

    def _encoder_due_s(self) -> float:
        """Return when the wheel will have been silent too long for a machine that moves."""
        if self._wheel is None or self._state is not State.ARMED:
            return math.inf
        return max(self._moving_since_s, self._wheel.edge_s) + ENCODER_SILENCE_S

    def _check_encoder(self) -> None:
        if self._wheel is not None:
            self._wheel.sample(self._now_s)
        if self._encoder_due_s() <= self._now_s:
            self._leave_armed(Cause.ENCODER)

    def _sample_wheel(self) -> None:
        if self._wheel is not None:
            self._wheel.sample(self._now_s)
        self._wheel_due_s += WHEEL_PERIOD_S
        self._scheduler.replan(self._now_s)

    def _send_odometry(self) -> None:
        self._odometry_due_s = self._now_s + self._limits.odometry_ms * 1e-3
        if self._wheel is not None and self._outbox.backlog_s(self._now_s) < TELEMETRY_BACKLOG_S:
            position = signed32(round(self._position()))
            self._send(Odometry(self._tick(), position, round(self._wheel.speed_at(self._now_s))))

    def _send_telemetry(self) -> None:
        self._status_due_s = self._now_s + self._limits.status_ms * 1e-3
        if self._outbox.backlog_s(self._now_s) < TELEMETRY_BACKLOG_S:
            self._send_status()

    def _send_status(self) -> None:
        hydraulics = self._hydraulics
        hydraulics.advance(self._now_s)
        self._send(
            Status(
                session=self._session,
                boot=self._boot_id,
                state=self._state,
                cause=self._cause,
                flags=int(self._flags()),
                tick=self._tick(),
                position=signed32(round(self._position())),
                speed=0 if self._wheel is None else round(self._wheel.speed_at(self._now_s)),
                queued=self._scheduler.queued,
                pressure=min(round(hydraulics.pressure_kpa * 10.0), NOT_MEASURED_U16 - 1),
                flow=round(self._flow.flow_l_min * 1e3),
                tank=round(hydraulics.tank_l * 1e3),
                volume=min(round(hydraulics.volume_l * 1e6), NOT_MEASURED_U32 - 1),
                late=min(self._late, 0xFFFF),
                rejected=min(self._rejected, 0xFFFF),
                bad_frames=min(self._bad_frames + self._splitter.overlong_count, 0xFFFF),
                open_mask=self._mask(set(self._scheduler.open_valves())),
                fault_mask=self._mask(self._no_current | self._flow.supervision.faulty),
            )
        )

    def _flags(self) -> StatusFlag:
        flags = StatusFlag(0)
        if self._estop_pressed:
            flags |= StatusFlag.ESTOP_PRESSED
        if self._flow.supervision.short:
            flags |= StatusFlag.FLOW_SHORT
        if self._flow.supervision.leak:
            flags |= StatusFlag.LEAK
        if self._hydraulics.tank_l <= 0.0:
            flags |= StatusFlag.TANK_EMPTY
        return flags

    def _mask(self, valves: set[int] | frozenset[int]) -> bytes:
        bits = sum(1 << valve for valve in valves)
        return bits.to_bytes((self._settings.valves + 7) // 8, "little")

    # The clock

    def _tick_unwrapped(self) -> int:
        return self._clock.ticks_at(self._now_s)

    def _tick(self) -> int:
        return self._tick_unwrapped() & 0xFFFF_FFFF

    def _position(self) -> float:
        return 0.0 if self._wheel is None else self._wheel.position(self._now_s)
