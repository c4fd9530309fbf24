"""The controller link as a process of its own, so that neither picture nor model delays it."""

from __future__ import annotations

import contextlib
import logging
import math
import multiprocessing
import secrets
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess

from agriseg.clock import MonotonicClock
from agriseg.config import Config
from agriseg.errors import AgrisegError, ControllerError, PortError, ProtocolError
from agriseg.messages import (
    ControllerMessage,
    ControllerState,
    ControllerStatus,
    PulseOutcome,
    PulseReport,
    ValveEvent,
)
from agriseg.process_names import LINK, show_name
from agriseg.scheduling import keep_deadlines
from agriseg.spraying.message_pipe import MessagePipe
from agriseg.spraying.relay_controller import RelayController
from agriseg.spraying.relay_frames import RelayKind
from agriseg.spraying.relay_wire import WaitableWire, open_relay_wire, send_all_off
from agriseg.spraying.serial_controller import SerialController
from firmware_bridge.errors import PortUnavailableError
from firmware_bridge.transport import SerialWire

_LOG = logging.getLogger(__name__)

WAIT_S = 0.003
HEARTBEAT_S = 0.1
SILENCE_S = 1.0
"""Longest silence of the process while armed; the controller has closed its valves by then."""
IDLE_SILENCE_S = 5.0
"""Longest silence otherwise: a computer that is busy starting up has nothing to close."""
START_S = 30.0
CLOSE_S = 2.0
MAX_BACKLOG_BYTES = 1_000_000
_ENDED = "the process of the controller link ended unexpectedly; "
_SILENT = "the process of the controller link has been silent for {:g} s and was ended; "
_CLOSES_BY_ITSELF = "the controller shuts its valves by itself within 0.25 s; connect again"
_RELAY_WAS_TOLD = (
    "the relay board was told to switch off, and does so by itself after {:g} s; connect again"
)
_ERRORS: dict[str, type[ControllerError]] = {
    error.__name__: error for error in (ControllerError, PortError, ProtocolError)
}


class LinkProcess:
    """A `SprayController` whose `SerialController` lives in another process.

    No call waits for that process, but `close`, which gives it two seconds to shut the valves.
    When it dies or falls silent, `poll` answers what is outstanding as lost, and then raises
    `ControllerError` until `reopen` is called.

    Parameters
    ----------
    config : Config
        ``controller.port`` is the serial port, ``controller.baud`` its rate.
    port : str or None
        A port to use instead, such as a pseudo-terminal's path.
    """

    def __init__(self, config: Config, port: str | None = None) -> None:
        self._config = config
        self._port = config.controller.port if port is None else port
        kind = config.controller.kind
        self._relay_kind = None if kind == "agriseg" else RelayKind(kind)
        self._outstanding: dict[int, int] = {}
        self._lost: list[ControllerMessage] = []
        self._state = ControllerState.DISCONNECTED
        self._error: ControllerError | None = None
        self._start()

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        context = multiprocessing.get_context("spawn")
        self._process: BaseProcess = context.Process(
            target=_run_link,
            args=(self._config, self._port, theirs, secrets.randbits(32) or 1),
            name="agriseg-link",
            daemon=True,
        )
        self._process.start()
        theirs.close()
        self._pipe = MessagePipe(ours)
        self._heard_s = time.monotonic()
        self._has_spoken = False

    def fileno(self) -> int:
        """Return a descriptor that becomes readable when messages are there; -1 after the end."""
        return self._pipe.fileno() if self._error is None else -1

    def reopen(self) -> None:
        """Start the link's process anew; the controller stays disarmed."""
        self.close()
        self._error = None
        self._start()

    # The port

    def arm(self) -> None:
        """Ask for ARMED; a refusal shows as the cause in the next `ControllerStatus`."""
        self._send("arm")

    def disarm(self) -> None:
        """Close all valves, empty the queue, go to SAFE."""
        self._send("disarm")

    def emergency_stop(self) -> None:
        """Close all valves at once and latch."""
        self._send("emergency_stop")

    def clear_stop(self) -> None:
        """Leave the latched stop for SAFE."""
        self._send("clear_stop")

    def queue(self, events: Sequence[ValveEvent]) -> None:
        """Command pulses; each is answered by exactly one `PulseReport` from `poll`."""
        if not events:
            return
        self._outstanding.update((event.event_id, event.nozzle_id) for event in events)
        if self._error is None:
            self._send("queue", tuple(events))
        else:
            self._lose_outstanding()

    def flush(self) -> None:
        """Forget pulses that have not begun."""
        self._send("flush")

    def beat(
        self,
        camera_alive: bool,
        model_alive: bool,
        planner_alive: bool,
        ground_m_s: float = math.nan,
    ) -> None:
        """Say which of camera, model and planner are alive, at least every 0.25 s."""
        self._send("beat", camera_alive, model_alive, planner_alive, ground_m_s)

    def poll(self) -> Sequence[ControllerMessage]:
        """Return what has arrived since the last call, oldest first.

        Raises
        ------
        PortError
            The port could not be opened.
        ProtocolError
            The other end speaks another protocol or version.
        ControllerError
            The link's process died or fell silent; `reopen` starts another.
        """
        messages = self._receive()
        messages += self._lost
        self._lost = []
        if self._error is not None and not messages:
            raise self._error
        return messages

    @property
    def state(self) -> ControllerState:
        """State last reported."""
        return self._state

    def close(self) -> None:
        """Disarm, release the port and end the process."""
        if self._process.is_alive() and self._error is None:
            self._send("close")
        deadline_s = time.monotonic() + CLOSE_S
        while self._process.is_alive() and time.monotonic() < deadline_s:
            self._drain()
            self._process.join(0.005)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._pipe.close()
        if self._error is None:
            self._fail(ControllerError("the controller link was closed"))

    # The other process

    def _send(self, *message: object) -> None:
        if self._error is not None:
            return
        try:
            self._pipe.send(message)
        except EOFError:
            return  # `poll` reads what it still said, then reports its end

    def _drain(self) -> None:
        """Let the other process write its last words."""
        try:
            self._pipe.flush()
            self._pipe.receive()
        except EOFError:
            return

    def _receive(self) -> list[ControllerMessage]:
        messages: list[ControllerMessage] = []
        if self._error is not None:
            return messages
        with contextlib.suppress(EOFError):  # what it still said is read all the same
            self._pipe.flush()
        try:
            arrived = self._pipe.receive()
        except EOFError:
            self._fail(ControllerError(self._in_words(_ENDED)))
            self._switch_off()
            return messages
        for kind, *content in arrived:
            self._heard_s, self._has_spoken = time.monotonic(), True
            if kind == "messages":
                messages += self._noted(content[0])
            else:
                name, text = content
                self._fail(_ERRORS.get(name, ControllerError)(text))
        patience_s = self._patience_s()
        if time.monotonic() - self._heard_s > patience_s:
            self._process.kill()
            self._fail(ControllerError(self._in_words(_SILENT.format(patience_s))))
            self._switch_off()
        return messages

    def _patience_s(self) -> float:
        """Return how long the process may say nothing."""
        if not self._has_spoken:
            return START_S
        return SILENCE_S if self._state is ControllerState.ARMED else IDLE_SILENCE_S

    def _in_words(self, sentence: str) -> str:
        """Return a sentence about the link's end, with what closes the valves then."""
        if self._relay_kind is None:
            return sentence + _CLOSES_BY_ITSELF
        timeout_s = 1e-3 * self._config.controller.relay.board_timeout_ms
        return sentence + _RELAY_WAS_TOLD.format(timeout_s)

    def _switch_off(self) -> None:
        """Tell a relay board to switch off: by itself it would wait for seconds."""
        if self._relay_kind is not None:
            self._process.join(CLOSE_S)
            send_all_off(self._port, self._config.controller.baud, self._relay_kind)

    def _noted(self, messages: Sequence[ControllerMessage]) -> Sequence[ControllerMessage]:
        for message in messages:
            if isinstance(message, PulseReport):
                self._outstanding.pop(message.event_id, None)
            elif isinstance(message, ControllerStatus):
                self._state = message.state
        return messages

    def _fail(self, error: ControllerError) -> None:
        if self._error is not None:
            return
        self._error = error
        self._state = ControllerState.DISCONNECTED
        self._lose_outstanding()
        self._lost.append(
            ControllerStatus(
                t_s=time.monotonic(), state=ControllerState.DISCONNECTED, cause=str(error)
            )
        )

    def _lose_outstanding(self) -> None:
        nan = math.nan
        self._lost += [
            PulseReport(
                event_id=event_id,
                nozzle_id=nozzle_id,
                outcome=PulseOutcome.LOST,
                t_open_s=nan,
                t_close_s=nan,
                open_m=nan,
                close_m=nan,
                detail="the controller link went down, nothing is known of it",
            )
            for event_id, nozzle_id in self._outstanding.items()
        ]
        self._outstanding.clear()


def _run_link(config: Config, port: str, connection: socket.socket, session_id: int) -> None:
    """Body of the link's process."""
    if threading.current_thread() is threading.main_thread():
        show_name(LINK)
        keep_deadlines()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    pipe = MessagePipe(connection)
    try:
        _serve(config, port, pipe, session_id)
    except EOFError:
        _LOG.info("The engine is gone; the controller link ends")
    finally:
        pipe.close()


def _serve(config: Config, port: str, pipe: MessagePipe, session_id: int) -> None:
    try:
        wire, controller = _open(config, port, session_id)
    except PortUnavailableError as error:
        pipe.send(("error", PortError.__name__, str(error)))
        return
    except AgrisegError as error:
        pipe.send(("error", type(error).__name__, str(error)))
        return
    try:
        _loop(controller, wire, pipe)
    except ControllerError as error:
        pipe.send(("error", type(error).__name__, str(error)))
    finally:
        controller.close()


def _open(
    config: Config, port: str, session_id: int
) -> tuple[WaitableWire, SerialController | RelayController]:
    clock = MonotonicClock()
    if config.controller.kind != "agriseg":
        relay_wire = open_relay_wire(port, config.controller.baud)
        try:
            return relay_wire, RelayController(config=config, wire=relay_wire, clock=clock)
        except AgrisegError:
            relay_wire.close()
            raise
    wire = SerialWire(port, config.controller.baud)
    return wire, SerialController(config=config, wire=wire, clock=clock, session_id=session_id)


def _wait_s(controller: SerialController | RelayController) -> float:
    """Return how long the loop may sleep: a relay board is switched by this loop itself."""
    if isinstance(controller, SerialController):
        return WAIT_S
    now_s = time.monotonic()
    return min(WAIT_S, controller.next_due_s(now_s) - now_s)


def _loop(
    controller: SerialController | RelayController, wire: WaitableWire, pipe: MessagePipe
) -> None:
    orders: dict[str, Callable[..., None]] = {
        order.__name__: order
        for order in (
            controller.arm,
            controller.disarm,
            controller.emergency_stop,
            controller.clear_stop,
            controller.queue,
            controller.flush,
            controller.beat,
        )
    }
    told_s = -math.inf
    while True:
        port = wire.fileno()
        waiting = [pipe.fileno()] if port is None else [pipe.fileno(), port]
        select.select(waiting, [], [], _wait_s(controller))
        for name, *arguments in pipe.receive():
            if name == "close":
                return
            orders[name](*arguments)
        messages = list(controller.poll())
        if pipe.backlog > MAX_BACKLOG_BYTES:
            messages = [message for message in messages if isinstance(message, PulseReport)]
        now_s = time.monotonic()
        if messages or now_s - told_s >= HEARTBEAT_S:
            pipe.send(("messages", messages))
            told_s = now_s
        pipe.flush()
