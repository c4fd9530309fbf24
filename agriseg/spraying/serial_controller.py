"""The sprayer controller behind the `SprayController` port: metres and host time to the wire.

Nozzles become channels, odometer metres become encoder counts, host seconds become ticks
of the controller's clock, and back. The protocol itself is `firmware_bridge`'s.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Mapping, Sequence

from agriseg.config import BoomConfig, Config
from agriseg.errors import ConfigError, ControllerError, ProtocolError
from agriseg.messages import (
    ControllerCapabilities,
    ControllerMessage,
    ControllerState,
    ControllerStatus,
    LinkStatistics,
    OdometrySample,
    OdometrySource,
    PulseOutcome,
    PulseReport,
    ValveEvent,
)
from agriseg.ports import Clock
from firmware_bridge.codes import CAUSE_WORDS, OUTCOME_WORDS, Capability, Outcome, State
from firmware_bridge.errors import PortLostError, ProtocolMismatchError
from firmware_bridge.frames import (
    NOT_MEASURED_U16,
    NOT_MEASURED_U32,
    SUBCOUNTS,
    HelloReply,
    Odometry,
    Status,
    ValveTiming,
)
from firmware_bridge.link import (
    Connected,
    Disconnected,
    HostLink,
    Limits,
    LinkEvent,
    LinkPhase,
    PulseAnswer,
    PulseCommand,
    Pwm,
    Refused,
)
from firmware_bridge.modular import mask_to_int, unwrapped
from firmware_bridge.wires import Wire

_LOG = logging.getLogger(__name__)

REACH_M = 30.0
"""Distance pulses further ahead than this are refused: a sign of a wrong odometer."""
MIN_STANDSTILL_MS = 200
MAX_STANDSTILL_MS = 2000
STANDSTILL_COUNTS = 3.0
MIN_JUDGED_PER_M = 20.0 * SUBCOUNTS
"""Coarser wheels may give no edge for 200 ms at 0.3 m/s."""
STATUS_PERIOD_S = 0.5
ODOMETRY_BYTES = 18
STATUS_BYTES = 64
TELEMETRY_SHARE = 0.1
SAME_MOMENT_S = 0.001
RATE_WINDOW_S = 1.0

_STATES = {
    State.SAFE: ControllerState.SAFE,
    State.ARMED: ControllerState.ARMED,
    State.ESTOP: ControllerState.ESTOP,
}
_OUTCOMES = {
    Outcome.DONE: PulseOutcome.DONE,
    Outcome.CAPPED: PulseOutcome.CAPPED,
    Outcome.CUT: PulseOutcome.CUT,
    Outcome.STANDSTILL: PulseOutcome.CUT,
    Outcome.NO_CURRENT: PulseOutcome.FAILED,
    Outcome.LATE: PulseOutcome.LATE,
    Outcome.FLUSHED: PulseOutcome.FLUSHED,
    Outcome.LOST: PulseOutcome.LOST,
}


def nozzle_channels(boom: BoomConfig) -> tuple[int, ...]:
    """Return the controller's channel of each nozzle.

    Raises
    ------
    ConfigError
        Two nozzles share a channel.
    """
    channels = list(range(boom.nozzle_count))
    for nozzle in boom.nozzles:
        if nozzle.channel is not None:
            channels[nozzle.nozzle] = nozzle.channel
    owner: dict[int, int] = {}
    for index, channel in enumerate(channels):
        if channel in owner:
            raise ConfigError(
                f"boom.nozzles.channel: nozzles {owner[channel]} and {index} both use channel"
                f" {channel}; give each nozzle a channel of its own"
            )
        owner[channel] = index
    return tuple(channels)


def valve_timings(boom: BoomConfig) -> Mapping[int, ValveTiming]:
    """Return each channel's latencies as the wire has them."""
    special = {nozzle.nozzle: nozzle for nozzle in boom.nozzles}
    timings: dict[int, ValveTiming] = {}
    for index, channel in enumerate(nozzle_channels(boom)):
        own = special.get(index)
        open_ms = own.open_latency_ms if own else None
        close_ms = own.close_latency_ms if own else None
        timings[channel] = ValveTiming(
            open_10us=round(100 * (boom.open_latency_ms if open_ms is None else open_ms)),
            close_10us=round(100 * (boom.close_latency_ms if close_ms is None else close_ms)),
            fall_10us=round(100 * boom.fall_ms),
        )
    return timings


def valve_pwm(boom: BoomConfig) -> Pwm | None:
    """Return each channel's duty; None where coils are on as long as their nozzle sprays."""
    if boom.pwm_duty_percent == 100:
        return None
    duties = dict.fromkeys(nozzle_channels(boom), boom.pwm_duty_percent)
    return Pwm(period_ms=boom.pwm_period_ms, duty_percent=duties)


def link_limits(config: Config) -> Limits:
    """Return what the controller is asked to obey."""
    counts_per_s = config.wheel.counts_per_m * config.spray.min_speed_m_s
    baud = config.controller.baud
    standstill_ms = math.ceil(1000.0 * STANDSTILL_COUNTS / counts_per_s)
    return Limits(
        max_open_ms=round(config.boom.max_open_ms),
        standstill_ms=min(max(standstill_ms, MIN_STANDSTILL_MS), MAX_STANDSTILL_MS),
        reach_subcounts=round(REACH_M * config.wheel.counts_per_m * SUBCOUNTS),
        odometry_ms=_telemetry_period_ms(ODOMETRY_BYTES, baud, fastest_ms=10),
        status_ms=_telemetry_period_ms(STATUS_BYTES, baud, fastest_ms=50),
        nozzle_ml_min=round(config.boom.flow_l_min * 1e3) * config.controller.supervise_flow,
        nominal_kpa=round(config.boom.nominal_pressure_kpa),
        row_step_subcounts=row_step_subcounts(config),
    )


def row_step_subcounts(config: Config) -> int:
    """Return the grid of rows, as near to ``controller.row_step_mm`` as the wire can say it.

    At least one sixteenth of an encoder count; 0 without rows.
    """
    if config.controller.row_step_mm == 0.0:
        return 0
    wanted = 1e-3 * config.controller.row_step_mm * config.wheel.counts_per_m * SUBCOUNTS
    return min(max(1, round(wanted)), 0xFFFF)


def _telemetry_period_ms(frame_bytes: int, baud: int, *, fastest_ms: int) -> int:
    """Return how often a frame may come so that it takes at most a tenth of the wire."""
    return min(max(fastest_ms, math.ceil(1e4 * frame_bytes / baud / TELEMETRY_SHARE)), 250)


class SerialController:
    """A `SprayController` at the far end of a wire.

    The odometer reading is the controller's count over ``wheel.counts_per_m``; when the
    controller restarts, it goes on from where it was.

    Parameters
    ----------
    config : Config
        Boom, wheel, spray and controller sections are used.
    wire : Wire
    clock : Clock
        The clock that stamps what arrives.
    session_id : int
        Number of the first session; a real program picks it at random.
    """

    def __init__(self, *, config: Config, wire: Wire, clock: Clock, session_id: int = 1) -> None:
        self._channels = nozzle_channels(config.boom)
        self._nozzles = {channel: nozzle for nozzle, channel in enumerate(self._channels)}
        self._per_m = config.wheel.counts_per_m * SUBCOUNTS
        self._row_step = row_step_subcounts(config)
        self._wire = wire
        self._clock = clock
        self._link = HostLink(
            session_id=session_id,
            valves=valve_timings(config.boom),
            limits=link_limits(config),
            baud=float(config.controller.baud),
            pwm=valve_pwm(config.boom),
        )
        self._messages: list[ControllerMessage] = []
        self._nozzle_of: dict[int, int] = {}
        self._position = 0
        self._boot: int | None = None
        self._offset = 0
        self._last_ends: dict[int, tuple[float, int]] = {}
        self._cause = "waiting for the controller to answer"
        self._refusal = ""
        self._status: ControllerStatus | None = None
        self._told_s = -math.inf
        self._fatal: ControllerError | None = None
        self._rates: deque[tuple[float, int]] = deque()
        self._closed = False

    # The port

    def arm(self) -> None:
        """Ask for ARMED; a refusal shows as the cause in the next `ControllerStatus`."""
        now_s = self._catch_up()
        self._refusal = ""
        self._link.arm(now_s)
        self._serve(now_s)

    def disarm(self) -> None:
        """Close all valves, empty the queue, go to SAFE."""
        now_s = self._catch_up()
        self._link.disarm(now_s)
        self._serve(now_s)

    def emergency_stop(self) -> None:
        """Close all valves at once and latch; sent until the controller has confirmed."""
        now_s = self._catch_up()
        self._link.emergency_stop(now_s)
        self._serve(now_s)

    def clear_stop(self) -> None:
        """Leave the latched stop for SAFE."""
        now_s = self._catch_up()
        self._refusal = ""
        self._link.clear_stop(now_s)
        self._serve(now_s)

    def queue(self, events: Sequence[ValveEvent]) -> None:
        """Command pulses; each is answered by exactly one `PulseReport` from `poll`."""
        if not events:
            return
        now_s = self._catch_up()
        commands: list[PulseCommand] = []
        for event in events:
            if 0 <= event.nozzle_id < len(self._channels):
                self._nozzle_of[event.event_id] = event.nozzle_id
                commands.append(self._command(event))
            else:
                self._messages.append(self._unknown_nozzle(event))
        self._link.pulses(commands)
        self._serve(now_s)

    def flush(self) -> None:
        """Forget pulses that have not begun."""
        now_s = self._catch_up()
        self._link.flush(now_s)
        self._serve(now_s)

    def beat(
        self,
        camera_alive: bool,
        model_alive: bool,
        planner_alive: bool,
        ground_m_s: float = math.nan,
    ) -> None:
        """Say which of camera, model and planner are alive, at least every 0.25 s.

        ``ground_m_s`` is not told where the encoder is too coarse to be judged by it.
        """
        now_s = self._catch_up()
        self._link.beat(
            now_s,
            camera_alive=camera_alive,
            model_alive=model_alive,
            planner_alive=planner_alive,
            ground_m_s=ground_m_s if self._per_m >= MIN_JUDGED_PER_M else math.nan,
        )
        self._serve(now_s)

    def poll(self) -> Sequence[ControllerMessage]:
        """Return what has arrived since the last call, oldest first.

        Raises
        ------
        ProtocolError
            The other end speaks another protocol or version; the connection has ended.
        ControllerError
            The controller cannot serve this boom.
        """
        now_s = self._catch_up()
        self._serve(now_s)
        if self._fatal is not None and not self._messages:
            raise self._fatal
        if now_s - self._told_s >= STATUS_PERIOD_S and not self._is_ready:
            self._tell_disconnected(now_s)
        messages, self._messages = self._messages, []
        return messages

    @property
    def state(self) -> ControllerState:
        """State last reported."""
        if not self._is_ready or self._status is None:
            return ControllerState.DISCONNECTED
        return self._status.state

    def close(self) -> None:
        """Disarm and release the port."""
        if self._closed:
            return
        if self._fatal is None:
            now_s = self._catch_up()
            self._link.disarm(now_s)
            self._serve(now_s)
            self._closed = True
            self._link.disconnect("the connection was closed")
            self._translate(now_s)
        self._closed = True
        self._wire.close()

    # Serving the wire

    @property
    def _is_ready(self) -> bool:
        return self._fatal is None and self._link.phase is LinkPhase.READY

    def _catch_up(self) -> float:
        """Serve the link up to now; return now."""
        now_s = self._clock.now_s()
        if self._fatal is None and not self._closed:
            for t_s in self._wire.moments(now_s):
                self._serve(t_s)
        return now_s

    def _serve(self, t_s: float) -> None:
        if self._fatal is not None or self._closed:
            return
        try:
            for arrival_s, data in self._wire.read(t_s):
                self._link.receive(data, arrival_s)
            self._link.poll(t_s)
            data = self._link.outgoing(t_s)
            if data:
                self._wire.write(data, t_s)
        except PortLostError as error:
            self._cause = str(error)
            self._link.disconnect(str(error))
        except ProtocolMismatchError as error:
            self._end(ProtocolError(str(error)), t_s)
        self._translate(t_s)

    def _end(self, error: ControllerError, t_s: float) -> None:
        """The link cannot go on: lose what is outstanding, release the port."""
        _LOG.error("%s", error)
        self._link.disconnect(str(error))
        self._cause = str(error)
        self._fatal = error
        self._wire.close()
        self._translate(t_s)
        self._tell_disconnected(t_s)

    # Host to wire

    def _command(self, event: ValveEvent) -> PulseCommand:
        if event.by_distance:
            start, end = self._subcounts(event.open_at), self._subcounts(event.close_at)
        else:
            start, end = self._ticks(event)
        return PulseCommand(
            event_id=event.event_id,
            valve=self._channels[event.nozzle_id],
            by_distance=event.by_distance,
            start=start,
            length=end - start,
        )

    def _subcounts(self, distance_m: float) -> int:
        return round(distance_m * self._per_m) - self._offset

    def _ticks(self, event: ValveEvent) -> tuple[int, int]:
        """Return a pulse's ticks; one that begins where the last ended begins at its tick.

        The clock's estimate moves a little between two plans; without this, abutting
        pulses would come to overlap or to gape by a few microseconds.
        """
        clock = self._link.clock
        start, end = round(clock.tick_at(event.open_at)), round(clock.tick_at(event.close_at))
        last = self._last_ends.get(event.nozzle_id)
        if last is not None and abs(last[0] - event.open_at) < SAME_MOMENT_S:
            start = last[1]
        self._last_ends[event.nozzle_id] = (event.close_at, end)
        return start, end

    @staticmethod
    def _unknown_nozzle(event: ValveEvent) -> PulseReport:
        return PulseReport(
            event_id=event.event_id,
            nozzle_id=event.nozzle_id,
            outcome=PulseOutcome.REJECTED,
            t_open_s=math.nan,
            t_close_s=math.nan,
            open_m=math.nan,
            close_m=math.nan,
            detail=f"the boom has no nozzle {event.nozzle_id}",
        )

    # Wire to host

    def _translate(self, t_s: float) -> None:
        for event in self._link.take_events():
            self._translate_one(event, t_s)

    def _translate_one(self, event: LinkEvent, t_s: float) -> None:
        if isinstance(event, PulseAnswer):
            self._messages.append(self._report(event, t_s))
        elif isinstance(event, Odometry):
            self._take_odometry(event, t_s)
        elif isinstance(event, Status):
            self._take_status(event, t_s)
        elif isinstance(event, Connected):
            self._take_identity(event.identity, t_s)
        elif isinstance(event, Disconnected):
            level = logging.INFO if self._closed else logging.WARNING
            _LOG.log(level, "Controller disconnected: %s", event.reason)
            self._cause = event.reason
            self._last_ends.clear()
            self._tell_disconnected(t_s)
        elif isinstance(event, Refused):
            self._take_refusal(event, t_s)

    def _metres(self, position: int) -> float:
        return (position + self._offset) / self._per_m

    def _report(self, answer: PulseAnswer, t_s: float) -> PulseReport:
        opened = answer.outcome < Outcome.LATE and answer.outcome != Outcome.NO_CURRENT
        clock, nan = self._link.clock, math.nan
        return PulseReport(
            event_id=answer.event_id,
            nozzle_id=self._nozzle_of.pop(answer.event_id, answer.valve),
            outcome=_OUTCOMES.get(Outcome(answer.outcome), PulseOutcome.REJECTED)
            if answer.outcome in OUTCOME_WORDS
            else PulseOutcome.REJECTED,
            t_open_s=clock.time_of(answer.open_tick, t_s) if opened else nan,
            t_close_s=clock.time_of(answer.close_tick, t_s) if opened else nan,
            open_m=self._position_m(answer.open_position) if opened else nan,
            close_m=self._position_m(answer.close_position) if opened else nan,
            detail=OUTCOME_WORDS.get(
                answer.outcome, f"the controller gives the unknown reason {answer.outcome}"
            ),
        )

    def _position_m(self, wire_position: int) -> float:
        return self._metres(unwrapped(wire_position, self._position))

    def _take_odometry(self, frame: Odometry, t_s: float) -> None:
        if not self._link.clock.has_estimate or self._boot is None:
            return
        self._position = unwrapped(frame.position, self._position)
        self._messages.append(
            OdometrySample(
                t_s=self._link.clock.time_of(frame.tick, t_s),
                distance_m=self._metres(self._position),
                speed_m_s=frame.speed / self._per_m,
                source=OdometrySource.WHEEL,
            )
        )

    def _take_identity(self, identity: HelloReply, t_s: float) -> None:
        highest = max(self._channels)
        if highest >= identity.valves:
            self._end(
                ControllerError(
                    f"the boom uses channel {highest}, but the controller {identity.name!r} has"
                    f" {identity.valves} valves (channels 0 to {identity.valves - 1}); correct"
                    " boom.nozzle_count or boom.nozzles.channel, or connect a larger controller"
                ),
                t_s,
            )
            return
        if self._boot is not None and identity.boot != self._boot:
            self._offset = self._on_row(self._offset + self._position)
            self._position = 0
        self._boot = identity.boot
        row_step_m = self._row_step / self._per_m
        self._messages.append(_capabilities(identity, row_step_m))
        _LOG.info("Controller %s connected, %d valves", identity.name, identity.valves)

    def _on_row(self, offset: int) -> int:
        """Round an offset up to the grid of rows, so that metres and wire share the grid."""
        return -(-offset // self._row_step) * self._row_step if self._row_step else offset

    def _take_status(self, status: Status, t_s: float) -> None:
        if not self._is_ready or not self._link.clock.has_estimate:
            return
        state = _STATES[State(status.state)]
        if self._status is not None and self._status.state is not state:
            self._refusal = ""
        cause = CAUSE_WORDS.get(status.cause, f"the controller gives cause {status.cause}")
        self._tell(
            ControllerStatus(
                t_s=self._link.clock.time_of(status.tick, t_s),
                state=state,
                cause="" if state is ControllerState.ARMED else self._refusal or cause,
                open_mask=self._nozzle_mask(status.open_mask),
                fault_mask=self._nozzle_mask(status.fault_mask),
                queued=status.queued,
                pressure_kpa=_measured(status.pressure, NOT_MEASURED_U16, 0.1),
                flow_l_min=_measured(status.flow, NOT_MEASURED_U32, 1e-3),
                tank_l=_measured(status.tank, NOT_MEASURED_U32, 1e-3),
                volume_l=_measured(status.volume, NOT_MEASURED_U32, 1e-6),
                link=self._statistics(t_s),
            )
        )

    def _nozzle_mask(self, mask: bytes) -> int:
        """Return a mask of valves with nozzle n in bit n."""
        valves, nozzles = mask_to_int(mask), 0
        while valves:
            low = valves & -valves
            nozzle = self._nozzles.get(low.bit_length() - 1)
            nozzles |= 0 if nozzle is None else 1 << nozzle
            valves ^= low
        return nozzles

    def _take_refusal(self, refused: Refused, t_s: float) -> None:
        self._refusal = f"{refused.command} was refused: {refused.words}"
        _LOG.info("The command %s", self._refusal)
        if not self._is_ready or self._status is None:
            self._tell_disconnected(t_s)

    def _tell_disconnected(self, t_s: float) -> None:
        status = ControllerStatus(
            t_s=t_s,
            state=ControllerState.DISCONNECTED,
            cause=self._cause,
            link=self._statistics(t_s),
        )
        self._tell(status)

    def _tell(self, status: ControllerStatus) -> None:
        self._status = status
        self._told_s = max(self._told_s, status.t_s)
        self._messages.append(status)

    def _statistics(self, t_s: float) -> LinkStatistics:
        counters, clock = self._link.counters, self._link.clock
        total = counters.sent_bytes + counters.received_bytes
        self._rates.append((t_s, total))
        while t_s - self._rates[0][0] > RATE_WINDOW_S:
            self._rates.popleft()
        since_s, before = self._rates[0]
        return LinkStatistics(
            sent_frames=counters.sent_frames,
            received_frames=counters.received_frames,
            resent_frames=counters.resent_frames,
            checksum_errors=counters.bad_frames,
            rtt_ms=max(clock.round_trip_s, 0.0) * 1e3,
            clock_error_ms=clock.error_s * 1e3 if clock.converged else math.nan,
            sent_bytes=counters.sent_bytes,
            bytes_per_s=(total - before) / (t_s - since_s) if t_s > since_s else 0.0,
        )


def _measured(value: int, not_measured: int, unit: float) -> float:
    return math.nan if value == not_measured else value * unit


def _capabilities(identity: HelloReply, row_step_m: float) -> ControllerCapabilities:
    has = Capability(identity.capabilities & sum(Capability))
    return ControllerCapabilities(
        name=identity.name,
        firmware_version=".".join(map(str, identity.firmware)),
        protocol_version=identity.protocol,
        valve_count=identity.valves,
        queue_depth=identity.queue,
        tick_rate_hz=float(identity.tick_hz),
        boot_id=identity.boot,
        has_encoder=Capability.ENCODER in has,
        has_pressure=Capability.PRESSURE in has,
        has_flow=Capability.FLOW in has,
        has_tank=Capability.TANK in has,
        max_open_ms=float(identity.max_open_ms),
        min_lead_ms=identity.min_lead_us * 1e-3,
        horizon_ms=float(identity.horizon_ms),
        is_simulated=Capability.SIMULATED in has,
        row_step_m=row_step_m if Capability.ROWS in has else 0.0,
    )
