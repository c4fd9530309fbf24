"""Relay boards behind the `SprayController` port: the host itself switches, at its own clock.

Such a board sets its outputs as the newest message says and confirms nothing. So this end
keeps the times of all pulses, sends each change when it is due, and answers every pulse with
`PulseOutcome.SENT` at best. States and the latched stop are kept here, for the board has
none. What this costs is said in the capabilities, which the planner obeys.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass

from agriseg.config import Config
from agriseg.errors import ConfigError
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
from agriseg.spraying.boom import Boom
from agriseg.spraying.relay_frames import (
    MessageReader,
    RelayKind,
    is_from_board,
    sections_message,
)
from firmware_bridge.codes import CAUSE_WORDS, OUTCOME_WORDS, RESULT_WORDS, Cause, Outcome, Result
from firmware_bridge.errors import PortLostError
from firmware_bridge.wires import Wire

_LOG = logging.getLogger(__name__)

BEAT_LIMIT_S = 0.25
REPEAT_S = 0.1
"""The present outputs are repeated this often, so that a lost message mends itself."""
ALL_OFF_REPEATS = 8
"""After spraying has ended, all-off goes out this often in a row."""
BOARD_SILENCE_S = 1.5
"""A board that has been heard reports five times a second."""
STATUS_S = 0.1
ODOMETRY_S = 0.02
OS_JITTER_S = 0.004
"""By which this process may be late on a computer that is not overloaded."""
LATE_S = 0.02
"""An opening that could not be sent within this is not sent any more."""
HORIZON_S = 4.0
QUEUE = 2000
SAME_MOMENT_S = 0.001
_NAN = math.nan


@dataclass(slots=True, kw_only=True)
class _Pulse:
    """A pulse in times at which messages must go out."""

    event_id: int
    nozzle_id: int
    on_s: float
    off_s: float
    closes_at: float
    is_sent: bool = False


class RelayController:
    """A `SprayController` whose board only understands "set outputs".

    Parameters
    ----------
    config : Config
        Boom and controller sections are used.
    wire : Wire
    clock : Clock
        What pulses are switched by.

    Raises
    ------
    ConfigError
        The boom has more channels than the message has outputs.
    """

    def __init__(self, *, config: Config, wire: Wire, clock: Clock) -> None:
        self._kind = RelayKind(config.controller.kind)
        self._relay = config.controller.relay
        self._boom = Boom(config.boom)
        _check_channels(self._boom, self._kind)
        self._max_open_s = 1e-3 * config.boom.max_open_ms
        self._wire = wire
        self._clock = clock
        self._period_s = 1e-3 * self._relay.message_period_ms
        self._lag_s = 0.5 * (self._period_s + 1e-3 * self._relay.board_period_ms)
        self._reader = MessageReader()
        self._messages: list[ControllerMessage] = []
        self._pulses: list[_Pulse] = []
        self._last: dict[int, _Pulse] = {}
        self._state = ControllerState.DISCONNECTED
        self._cause = "waiting for the relay board's port"
        self._alive = False
        self._alive_s = -math.inf
        self._heard_s: float | None = None
        self._sent_mask = -1
        self._sent_s = -math.inf
        self._offs_left = ALL_OFF_REPEATS
        self._told_s = -math.inf
        self._odometry_s: float | None = None
        self._started_s = clock.now_s()
        self._sent_frames = self._received_frames = self._bad_frames = self._bytes = 0
        self._closed = False

    # The port

    def arm(self) -> None:
        """Go to ARMED, if somebody answers for the valves; the board knows nothing of it."""
        now_s = self._catch_up()
        if self._state is ControllerState.SAFE:
            if self._is_vouched_for(now_s):
                self._enter(ControllerState.ARMED, "", now_s)
            else:
                self._refuse(Result.NO_BEAT, now_s)
        elif self._state is ControllerState.ESTOP:
            self._refuse(Result.ESTOP_LATCHED, now_s)
        self._serve(now_s)

    def disarm(self) -> None:
        """Switch everything off, several times, and forget all pulses."""
        now_s = self._catch_up()
        if self._state is ControllerState.ARMED:
            self._enter(ControllerState.SAFE, CAUSE_WORDS[Cause.COMMAND], now_s)
        self._say_off()
        self._serve(now_s)

    def emergency_stop(self) -> None:
        """Switch everything off at once, and latch here."""
        now_s = self._catch_up()
        if self._state is not ControllerState.DISCONNECTED:
            self._enter(ControllerState.ESTOP, CAUSE_WORDS[Cause.ESTOP_COMMAND], now_s)
        self._say_off()
        self._serve(now_s)

    def clear_stop(self) -> None:
        """Leave the latched stop for SAFE."""
        now_s = self._catch_up()
        if self._state is ControllerState.ESTOP:
            self._enter(ControllerState.SAFE, CAUSE_WORDS[Cause.CLEARED], now_s)
        self._serve(now_s)

    def queue(self, events: Sequence[ValveEvent]) -> None:
        """Take pulses; each is answered by exactly one `PulseReport` from `poll`."""
        now_s = self._catch_up()
        for event in events:
            self._queue_one(event, now_s)
        self._serve(now_s)

    def flush(self) -> None:
        """Forget pulses that have not begun."""
        self._catch_up()
        for pulse in [p for p in self._pulses if not p.is_sent]:
            self._answer(pulse, PulseOutcome.FLUSHED, OUTCOME_WORDS[Outcome.FLUSHED])

    def beat(
        self,
        camera_alive: bool,
        model_alive: bool,
        planner_alive: bool,
        ground_m_s: float = math.nan,
    ) -> None:
        """Say which of camera, model and planner are alive, at least every 0.25 s.

        There is no encoder that ``ground_m_s`` could be compared with.
        """
        del ground_m_s
        now_s = self._catch_up()
        self._alive = camera_alive and model_alive and planner_alive
        self._alive_s = now_s
        if not self._alive and self._state is ControllerState.ARMED:
            missing = (
                (camera_alive, Cause.NO_CAMERA),
                (model_alive, Cause.NO_MODEL),
                (planner_alive, Cause.NO_PLANNER),
            )
            cause = next(cause for alive, cause in missing if not alive)
            self._enter(ControllerState.SAFE, CAUSE_WORDS[cause], now_s)
        self._serve(now_s)

    def poll(self) -> Sequence[ControllerMessage]:
        """Return what there is to say since the last call, oldest first."""
        now_s = self._catch_up()
        if now_s - self._told_s >= STATUS_S:
            self._tell(now_s)
        messages, self._messages = self._messages, []
        return messages

    @property
    def state(self) -> ControllerState:
        """State kept for the board."""
        return self._state

    def close(self) -> None:
        """Switch everything off, several times, and release the port."""
        if self._closed:
            return
        now_s = self._catch_up()
        self._enter(ControllerState.SAFE, "the connection was closed", now_s)
        for _ in range(ALL_OFF_REPEATS):
            self._send(0, now_s)
        self._closed = True
        self._wire.close()

    def next_due_s(self, now_s: float) -> float:
        """Return when the next message must go out, at or after ``now_s``."""
        edges = [t_s for p in self._pulses for t_s in (p.on_s, p.off_s) if t_s > now_s]
        pending = self._wanted_mask(now_s) != self._sent_mask or self._offs_left > 0
        period_s = self._period_s if pending else REPEAT_S
        return max(now_s, min([self._sent_s + period_s, *edges]))

    # Serving

    def _catch_up(self) -> float:
        now_s = self._clock.now_s()
        if not self._closed:
            for t_s in self._wire.moments(now_s):
                self._serve(t_s)
        return now_s

    def _serve(self, t_s: float) -> None:
        if self._closed:
            return
        try:
            self._listen(t_s)
            self._connect(t_s)
            self._watch(t_s)
            self._switch(t_s)
        except PortLostError as error:
            self._lose(str(error), t_s)
        self._assume_speed(t_s)

    def _listen(self, t_s: float) -> None:
        for _, data in self._wire.read(t_s):
            self._bytes += len(data)
            for received in self._reader.feed(data):
                if is_from_board(received):
                    self._received_frames += 1
                    self._heard_s = t_s
                elif not received.checksum_fits:
                    self._bad_frames += 1

    def _connect(self, t_s: float) -> None:
        """Take the board as connected: messages can be sent, and it is not known to be silent."""
        if self._state is not ControllerState.DISCONNECTED or self._is_silent(t_s):
            return
        self._send(0, t_s)
        self._messages.append(self._capabilities())
        self._enter(ControllerState.SAFE, "the relay board was just connected", t_s)

    def _watch(self, t_s: float) -> None:
        if self._is_silent(t_s) and self._state is not ControllerState.DISCONNECTED:
            self._lose(f"the relay board has been silent for {BOARD_SILENCE_S:g} s", t_s)
        if self._state is ControllerState.ARMED and not self._is_vouched_for(t_s):
            self._enter(ControllerState.SAFE, CAUSE_WORDS[Cause.NO_APPLICATION], t_s)

    def _is_silent(self, t_s: float) -> bool:
        return self._heard_s is not None and t_s - self._heard_s > BOARD_SILENCE_S

    def _is_vouched_for(self, t_s: float) -> bool:
        return self._alive and t_s - self._alive_s <= BEAT_LIMIT_S

    def _switch(self, t_s: float) -> None:
        """Send what is due; an opening that is too late is given up."""
        self._note_sent(t_s)
        for pulse in self._pulses:
            if not pulse.is_sent and t_s - pulse.on_s > LATE_S:
                pulse.off_s = -math.inf
        mask = self._wanted_mask(t_s)
        since_s = t_s - self._sent_s
        due = since_s >= self._period_s and (mask != self._sent_mask or self._offs_left > 0)
        if due or since_s >= REPEAT_S or (mask & ~self._sent_mask == 0 and mask != self._sent_mask):
            self._send(mask, t_s)
        for pulse in [p for p in self._pulses if p.off_s <= t_s]:
            if pulse.is_sent:
                self._answer(pulse, PulseOutcome.SENT, "")
            else:
                self._answer(
                    pulse, PulseOutcome.LATE, "the computer was too busy to switch it in time"
                )

    def _wanted_mask(self, t_s: float) -> int:
        if self._state is not ControllerState.ARMED:
            return 0
        mask = 0
        for pulse in self._pulses:
            if pulse.on_s <= t_s < pulse.off_s:
                mask |= 1 << int(self._boom.channels[pulse.nozzle_id])
        return mask

    def _send(self, mask: int, t_s: float) -> None:
        data = sections_message(self._kind, mask, self._relay.constant_speed_m_s or 0.0)
        self._wire.write(data, t_s)
        self._sent_mask, self._sent_s = mask, t_s
        self._offs_left = max(0, self._offs_left - 1) if mask == 0 else 0
        self._sent_frames += 1
        self._bytes += len(data)
        self._note_sent(t_s)

    def _note_sent(self, t_s: float) -> None:
        """Note which pulses the newest message has begun: also one that only keeps a valve open."""
        on = max(self._sent_mask, 0) & self._wanted_mask(t_s)
        for pulse in self._pulses:
            if pulse.on_s <= t_s and on >> int(self._boom.channels[pulse.nozzle_id]) & 1:
                pulse.is_sent = True

    def _say_off(self) -> None:
        self._offs_left = ALL_OFF_REPEATS
        self._sent_mask = -1

    def _lose(self, reason: str, t_s: float) -> None:
        if self._state is ControllerState.DISCONNECTED:
            return
        _LOG.warning("Relay board lost: %s", reason)
        for pulse in list(self._pulses):
            self._answer(pulse, PulseOutcome.LOST, OUTCOME_WORDS[Outcome.LOST])
        self._enter(ControllerState.DISCONNECTED, reason, t_s)

    def _enter(self, state: ControllerState, cause: str, t_s: float) -> None:
        """Change state; leaving ARMED cuts what is open and forgets what waits."""
        if self._state is ControllerState.ARMED and state is not ControllerState.ARMED:
            self._say_off()
            for pulse in list(self._pulses):
                if pulse.is_sent:
                    self._answer(pulse, PulseOutcome.CUT, OUTCOME_WORDS[Outcome.CUT])
                else:
                    self._answer(pulse, PulseOutcome.FLUSHED, OUTCOME_WORDS[Outcome.FLUSHED])
        self._state, self._cause = state, cause
        self._tell(t_s)

    # Pulses

    def _queue_one(self, event: ValveEvent, now_s: float) -> None:
        if not 0 <= event.nozzle_id < len(self._boom):
            self._reject(event, f"the boom has no nozzle {event.nozzle_id}")
            return
        opening_s = float(self._boom.open_delay_s[event.nozzle_id]) + self._lag_s
        closing_s = float(self._boom.close_delay_s[event.nozzle_id]) + self._lag_s
        pulse = _Pulse(
            event_id=event.event_id,
            nozzle_id=event.nozzle_id,
            on_s=event.open_at - opening_s,
            off_s=event.close_at - closing_s,
            closes_at=event.close_at,
        )
        last = self._last.get(event.nozzle_id)
        joins = last is not None and abs(last.closes_at - event.open_at) < SAME_MOMENT_S
        if joins and last is not None:
            pulse.on_s = last.off_s
        outcome = self._outcome_of(event, pulse, last, now_s, joins=joins)
        if outcome is Outcome.LATE:
            self._messages.append(_report(pulse, PulseOutcome.LATE, OUTCOME_WORDS[outcome]))
        elif outcome is not None:
            self._reject(event, OUTCOME_WORDS[outcome])
        else:
            self._pulses.append(pulse)
            self._last[event.nozzle_id] = pulse

    def _outcome_of(
        self, event: ValveEvent, pulse: _Pulse, last: _Pulse | None, now_s: float, *, joins: bool
    ) -> Outcome | None:
        """Return why a pulse cannot be taken, as the firmware would; None if it can."""
        checks = (
            (self._state is not ControllerState.ARMED, Outcome.NOT_ARMED),
            (event.by_distance, Outcome.NO_ENCODER),
            (pulse.off_s <= pulse.on_s, Outcome.EMPTY),
            (pulse.off_s - pulse.on_s > self._max_open_s, Outcome.TOO_LONG),
            (
                last is not None and not joins and pulse.on_s < last.off_s,
                Outcome.OVERLAP,
            ),
            (pulse.on_s < now_s and not (joins and pulse.on_s >= now_s - LATE_S), Outcome.LATE),
            (pulse.on_s > now_s + HORIZON_S, Outcome.TOO_FAR),
            (len(self._pulses) >= QUEUE, Outcome.QUEUE_FULL),
        )
        return next((outcome for holds, outcome in checks if holds), None)

    def _reject(self, event: ValveEvent, words: str) -> None:
        self._messages.append(
            PulseReport(
                event_id=event.event_id,
                nozzle_id=event.nozzle_id,
                outcome=PulseOutcome.REJECTED,
                t_open_s=_NAN,
                t_close_s=_NAN,
                open_m=_NAN,
                close_m=_NAN,
                detail=words,
            )
        )

    def _answer(self, pulse: _Pulse, outcome: PulseOutcome, words: str) -> None:
        self._pulses.remove(pulse)
        self._messages.append(_report(pulse, outcome, words))

    # What is said of it

    def _refuse(self, result: Result, t_s: float) -> None:
        self._cause = f"arm was refused: {RESULT_WORDS[result]}"
        self._tell(t_s)

    def _tell(self, t_s: float) -> None:
        self._told_s = t_s
        elapsed_s = t_s - self._started_s
        self._messages.append(
            ControllerStatus(
                t_s=t_s,
                state=self._state,
                cause=self._cause,
                queued=sum(not pulse.is_sent for pulse in self._pulses),
                link=LinkStatistics(
                    sent_frames=self._sent_frames,
                    received_frames=self._received_frames,
                    checksum_errors=self._bad_frames,
                    clock_error_ms=0.0,
                    bytes_per_s=self._bytes / elapsed_s if elapsed_s > 0.0 else 0.0,
                ),
            )
        )

    def _capabilities(self) -> ControllerCapabilities:
        relay = self._relay
        board_s = 1e-3 * relay.board_period_ms
        jitter_s = 0.5 * (self._period_s + board_s) + OS_JITTER_S
        return ControllerCapabilities(
            name=f"relay board ({self._kind.value.upper()})",
            firmware_version="",
            protocol_version=0,
            valve_count=self._kind.sections,
            queue_depth=QUEUE,
            tick_rate_hz=1.0 / self._period_s,
            boot_id=0,
            has_encoder=False,
            has_pressure=False,
            has_flow=False,
            has_tank=False,
            max_open_ms=1e3 * self._max_open_s,
            min_lead_ms=1e3 * self._lag_s,
            horizon_ms=1e3 * HORIZON_S,
            confirms=False,
            min_open_ms=1e3 * (self._period_s + board_s),
            jitter_ms=1e3 * jitter_s,
            deadman_ms=relay.board_timeout_ms,
        )

    def _assume_speed(self, t_s: float) -> None:
        """Give the constant speed of the configuration as odometry, where there is one."""
        speed_m_s = self._relay.constant_speed_m_s
        if speed_m_s is None or self._state is ControllerState.DISCONNECTED:
            return
        if self._odometry_s is not None and t_s - self._odometry_s < ODOMETRY_S:
            return
        self._odometry_s = t_s
        self._messages.append(
            OdometrySample(
                t_s=t_s,
                distance_m=speed_m_s * (t_s - self._started_s),
                speed_m_s=speed_m_s,
                source=OdometrySource.ASSUMED,
            )
        )


def _report(pulse: _Pulse, outcome: PulseOutcome, words: str) -> PulseReport:
    """Return a report without times: the board has confirmed nothing."""
    return PulseReport(
        event_id=pulse.event_id,
        nozzle_id=pulse.nozzle_id,
        outcome=outcome,
        t_open_s=_NAN,
        t_close_s=_NAN,
        open_m=_NAN,
        close_m=_NAN,
        detail=words,
    )


def _check_channels(boom: Boom, kind: RelayKind) -> None:
    highest = int(boom.channels.max())
    if highest >= kind.sections:
        raise ConfigError(
            f"boom.nozzle_count: the boom uses channel {highest}, but {kind.value} has"
            f" {kind.sections} outputs (channels 0 to {kind.sections - 1}); give controller.kind"
            " pgn229 for up to 64, or use fewer nozzles"
        )
