"""Opens the valves one by one for a moment, each only after the operator has said yes."""

from __future__ import annotations

import math
import os
import select
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TextIO

from agriseg.controller_tools.board_link import BoardLink, watching_limits
from agriseg.errors import ControllerError
from firmware_bridge.codes import CAUSE_WORDS, OUTCOME_WORDS, Capability, Outcome, State
from firmware_bridge.frames import NOT_MEASURED_U16, NOT_MEASURED_U32, Status
from firmware_bridge.link import Limits, LinkEvent, PulseAnswer, PulseCommand, Refused
from firmware_bridge.modular import mask_to_int

STATE_S = 2.0
"""Longest wait for the controller to arm, to answer, or to be safe again."""
SETTLE_S = 0.5
"""Liquid and meter come to rest; the newest report then belongs to the pulse."""
LEAD_S = 0.15
COIL_TOLERANCE_MS = 2.0
NOMINAL_KPA = 300

Ask = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValveResult:
    """What became of one valve's pulse.

    ``commanded_ms`` is the coil time asked for: the pulse of spray with the valve's latencies
    in it. ``confirmed_ms`` is the coil time that the controller reports; NaN if it never
    switched the coil on. ``measured_ml`` is NaN without a flow meter.
    """

    valve: int
    commanded_ms: float
    confirmed_ms: float
    trouble: tuple[str, ...]
    measured_ml: float
    pressure_kpa: float

    @property
    def is_good(self) -> bool:
        """Whether the controller confirmed the pulse and found no fault."""
        return not self.trouble

    def line(self) -> str:
        """Return the result for people."""
        confirmed = (
            f"confirmed {self.confirmed_ms:.1f} ms"
            if math.isfinite(self.confirmed_ms)
            else "confirmed: never opened"
        )
        parts = [f"commanded {self.commanded_ms:.1f} ms", confirmed]
        if math.isfinite(self.measured_ml):
            parts.append(f"{self.measured_ml:.1f} ml measured")
        if math.isfinite(self.pressure_kpa):
            parts.append(f"{self.pressure_kpa:.0f} kPa")
        verdict = "ok" if self.is_good else "FAULT: " + "; ".join(self.trouble)
        return f"valve {self.valve + 1}: {', '.join(parts)}: {verdict}"


def limits_of_a_test(baud: int, pulse_ms: float, nozzle_l_min: float | None) -> Limits:
    """Return the limits of a test: no valve is open for longer than its pulse and a little."""
    watching = watching_limits(baud)
    return Limits(
        max_open_ms=math.ceil(pulse_ms) + 50,
        standstill_ms=0,
        reach_subcounts=0,
        odometry_ms=watching.odometry_ms,
        status_ms=watching.status_ms,
        nozzle_ml_min=0 if nozzle_l_min is None else round(1e3 * nozzle_l_min),
        nominal_kpa=NOMINAL_KPA,
    )


class Operator:
    """Asks a person at the terminal, and keeps the link alive while waiting.

    Parameters
    ----------
    board : BoardLink
    fd : int
        Descriptor that the answers come from; its end counts as ``q``.
    out : TextIO
        Where the questions go.
    """

    def __init__(self, board: BoardLink, fd: int, out: TextIO) -> None:
        self._board = board
        self._fd = fd
        self._out = out
        self._typed = bytearray()
        self._ended = False

    def ask(self, question: str) -> str:
        """Return the answer's first letter, small; empty where only Enter was pressed."""
        self._out.write(question + " ")
        self._out.flush()
        while b"\n" not in self._typed and not self._ended:
            self._board.serve()
            if select.select([self._fd], [], [], 0.0)[0]:
                data = os.read(self._fd, 1024)
                self._typed += data
                self._ended = not data
        line, _, rest = bytes(self._typed).partition(b"\n")
        self._typed = bytearray(rest)
        if self._ended and not line:
            return "q"
        return line.decode(errors="replace").strip().lower()[:1]


class ValveTest:
    """The walk along the valves.

    Parameters
    ----------
    board : BoardLink
        Connected, its clocks compared, its limits from `limits_of_a_test`.
    pulse_ms : float
        How long each valve is to spray.
    """

    def __init__(self, board: BoardLink, pulse_ms: float) -> None:
        self._board = board
        self._pulse_ms = pulse_ms
        self._status: Status | None = None
        self._answer: PulseAnswer | None = None
        self._refusal = ""

    def walk(
        self, valves: Sequence[int], ask: Ask, say: Callable[[str], None]
    ) -> list[ValveResult]:
        """Ask before each valve, open it if told to, and say what came of it.

        Whatever ends the walk, the valves are closed first.

        Raises
        ------
        ControllerError
            The controller refuses, falls silent, or the port went away.
        """
        results: list[ValveResult] = []
        try:
            for valve in valves:
                answer = self._ask_until_clear(valve, ask)
                if answer == "q":
                    break
                if answer == "n":
                    say(f"valve {valve + 1}: left out")
                    continue
                results.append(self._pulse(valve))
                say(results[-1].line())
        finally:
            self.close_all()
        return results

    def close_all(self) -> None:
        """Close every valve and wait until the controller has confirmed it.

        The controller that does not confirm gets an emergency stop; one that is out of reach
        closes its valves by itself when the heartbeat is missing.
        """
        board, link = self._board, self._board.link
        try:
            board.vouch(False)
            link.disarm(board.now_s)
            if not board.serve_until(self._is_safe, STATE_S, self._take):
                link.emergency_stop(board.now_s)
                board.serve_until(self._is_safe, STATE_S, self._take)
        except ControllerError:
            return

    def _ask_until_clear(self, valve: int, ask: Ask) -> str:
        question = f"Spray with valve {valve + 1} for {self._pulse_ms:g} ms? [y/n/q]"
        while (answer := ask(question)) not in ("y", "n", "q"):
            question = f"Please answer y (spray), n (leave valve {valve + 1} out) or q (end)."
        return answer

    def _pulse(self, valve: int) -> ValveResult:
        before = self._fresh_status()
        self._arm()
        self._answer = None
        board, link = self._board, self._board.link
        timing = link.valve_table[valve]
        rate_hz = board.identity.tick_hz
        ahead_s = LEAD_S + 1e-5 * (timing.open_10us + timing.fall_10us)
        link.pulses(
            [
                PulseCommand(
                    event_id=valve,
                    valve=valve,
                    by_distance=False,
                    start=round(link.clock.tick_at(board.now_s + ahead_s)),
                    length=round(1e-3 * self._pulse_ms * rate_hz),
                )
            ]
        )
        patience_s = ahead_s + 1e-3 * self._pulse_ms + STATE_S
        if not board.serve_until(lambda: self._answer is not None, patience_s, self._take):
            raise ControllerError(f"{board.port}: no report of valve {valve + 1} came; it was shut")
        self._disarm()
        board.serve_until(lambda: False, SETTLE_S, self._take)
        return self._result(valve, before, self._fresh_status())

    def _result(self, valve: int, before: Status, after: Status) -> ValveResult:
        answer, timing = self._answer, self._board.link.valve_table[valve]
        assert answer is not None
        opened = answer.outcome < Outcome.LATE
        on_ticks = answer.close_tick - answer.open_tick & 0xFFFF_FFFF
        confirmed_ms = 1e3 * on_ticks / self._board.identity.tick_hz if opened else math.nan
        commanded_ms = self._pulse_ms + 1e-2 * (timing.open_10us - timing.close_10us)
        trouble: list[str] = []
        if answer.outcome != Outcome.DONE:
            words = OUTCOME_WORDS.get(answer.outcome, f"reason {answer.outcome}")
            trouble.append(words)
        elif abs(confirmed_ms - commanded_ms) > COIL_TOLERANCE_MS:
            trouble.append("the coil was not on for as long as commanded")
        if mask_to_int(after.fault_mask) >> valve & 1:
            trouble.append("the controller finds that the valve does not follow (coil or flow)")
        return ValveResult(
            valve=valve,
            commanded_ms=commanded_ms,
            confirmed_ms=confirmed_ms,
            trouble=tuple(trouble),
            measured_ml=_volume_ml(before, after),
            pressure_kpa=math.nan if after.pressure == NOT_MEASURED_U16 else 0.1 * after.pressure,
        )

    def _arm(self) -> None:
        board, link = self._board, self._board.link
        self._refusal = ""
        board.vouch(True)
        board.serve_until(lambda: False, 0.1, self._take)
        link.arm(board.now_s)
        board.serve_until(lambda: self._is_armed() or bool(self._refusal), STATE_S, self._take)
        if not self._is_armed():
            state = self._status
            cause = "" if state is None else CAUSE_WORDS.get(state.cause, "")
            raise ControllerError(
                f"{board.port}: the controller did not arm: {self._refusal or cause or 'no reason'}"
            )

    def _disarm(self) -> None:
        board = self._board
        board.vouch(False)
        board.link.disarm(board.now_s)
        if not board.serve_until(self._is_safe, STATE_S, self._take):
            raise ControllerError(f"{board.port}: the controller did not confirm that it is safe")

    def _fresh_status(self) -> Status:
        self._status = None
        self._board.serve_until(lambda: self._status is not None, STATE_S, self._take)
        if self._status is None:
            raise ControllerError(f"{self._board.port}: the controller has fallen silent")
        return self._status

    def _take(self, event: LinkEvent) -> None:
        if isinstance(event, Status):
            self._status = event
        elif isinstance(event, PulseAnswer):
            self._answer = event
        elif isinstance(event, Refused):
            self._refusal = event.words

    def _is_armed(self) -> bool:
        return self._status is not None and self._status.state == State.ARMED

    def _is_safe(self) -> bool:
        status = self._status
        return status is not None and status.state != State.ARMED and not any(status.open_mask)


def is_simulated(board: BoardLink) -> bool:
    """Return whether the controller says that it is simulated: no liquid can flow."""
    return bool(board.identity.capabilities & Capability.SIMULATED)


def parse_valves(text: str, count: int) -> tuple[int, ...]:
    """Return the valves, counted from 0, that a text like ``1-4,7`` names, counted from 1.

    Raises
    ------
    ControllerError
        It is not such a list, or names a valve that the controller does not have.
    """
    valves: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdigit() or (dash and not last.isdigit()):
            raise ControllerError(f"--valves: {part!r} is not a number or a range; such as 1-4,7")
        ends = int(first), int(last or first)
        if not 1 <= ends[0] <= ends[1] <= count:
            raise ControllerError(
                f"--valves: {part.strip()} is not among the controller's valves 1 to {count}"
            )
        valves += range(ends[0] - 1, ends[1])
    return tuple(dict.fromkeys(valves))


def _volume_ml(before: Status, after: Status) -> float:
    if NOT_MEASURED_U32 in (before.volume, after.volume):
        return math.nan
    return 1e-3 * (after.volume - before.volume & 0xFFFF_FFFF)
