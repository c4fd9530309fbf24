"""The only crossing between the window and the field engine.

The engine's process announces news on a descriptor; the bridge fetches the next picture and
the newest snapshot, at most at screen rate, and hands them on as signals. Of two pictures that
come close after each other both are shown; what is older is skipped, and nothing queues. It
also watches the engine: silence is told, and a dead process is started again, which never
resumes spraying.
"""

from __future__ import annotations

import logging
from collections import deque

from PySide6.QtCore import QObject, QSocketNotifier, Qt, QTimer, Signal, Slot

from agriseg.config import Config
from agriseg.errors import AgrisegError
from agriseg.messages import CommandKind, EngineCommand, EngineSnapshot, EngineState
from agriseg.ports import Clock, EngineClient
from ui.models.status import LinkView, StopWatch

log = logging.getLogger(__name__)

PICTURE_INTERVAL_MS = 16
"""Pictures are shown at most this often: 60 a second, as a screen does.

Much longer than this, and of two pictures that came close after each other, since the model was
late with the first, one would not be shown.
"""
SNAPSHOT_INTERVAL_S = 0.095
WATCH_INTERVAL_MS = 100
SILENT_AFTER_S = 0.5
SILENT_WHILE_STARTING_S = 3.0
"""Loading a model holds the engine's interpreter for seconds."""
FIRST_WORD_WITHIN_S = 30.0
RESTART_DEAD_AFTER_S = 1.0
RESTART_HUNG_AFTER_S = 10.0
RESTARTS_PER_MINUTE = 3
STOP_REPEAT_S = 0.5
END_WITHIN_S = 5.0
"""An engine that was asked to end has this long to close nozzles and files."""


class EngineBridge(QObject):
    """Owns the `EngineClient` on behalf of the window.

    Parameters
    ----------
    client : EngineClient
        Started by `start`, closed by `close`.
    clock : Clock
        The monotonic host clock that snapshots and pictures are stamped with.
    """

    snapshot_arrived = Signal(object)
    """An `EngineSnapshot`, about ten times a second."""
    picture_arrived = Signal(object)
    """A `Picture`, at most sixty times a second; valid until the next."""
    link_changed = Signal(object)
    """A `LinkView`, ten times a second."""
    stop_changed = Signal(object)
    """A `StopPhase`, ten times a second."""
    restarted = Signal(str)
    """The engine was started again by itself; carries why."""
    reconfigured = Signal()
    """The engine is started again, with another configuration."""
    failed = Signal(str)
    """An order could not be given; carries the sentence for the operator."""

    def __init__(self, client: EngineClient, clock: Clock, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._client = client
        self._clock = clock
        self._notifier: QSocketNotifier | None = None
        self._snapshot: EngineSnapshot | None = None
        self._stop = StopWatch()
        self._stop_sent_at_s = float("-inf")
        self._started_at_s = clock.now_s()
        self._heard_at_s: float | None = None
        self._emitted_at_s = float("-inf")
        self._fetched_at_s = float("-inf")
        self._restarts: deque[float] = deque(maxlen=RESTARTS_PER_MINUTE)
        self._restart_count = 0
        self._start_error = ""
        self._closed = False
        self._started = False
        self._ending_since_s: float | None = None
        self._ending_why = ""
        self._suspended = False
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setTimerType(Qt.TimerType.PreciseTimer)
        self._pause.setInterval(PICTURE_INTERVAL_MS)
        self._pause.timeout.connect(self._listen_again)
        self._watch = QTimer(self)
        self._watch.setInterval(WATCH_INTERVAL_MS)
        self._watch.timeout.connect(self.watch)

    @property
    def snapshot(self) -> EngineSnapshot | None:
        """The newest snapshot of the present engine process."""
        return self._snapshot

    def now_s(self) -> float:
        """Return monotonic host time."""
        return self._clock.now_s()

    def start(self) -> None:
        """Start the engine and begin to listen and to watch."""
        self._start_engine()
        self._watch.start()

    def close(self) -> None:
        """Stop spraying, end the engine; further calls do nothing."""
        if self._closed:
            return
        self._closed = True
        self._watch.stop()
        self._pause.stop()
        self._forget_notifier()
        self._client.close()

    def send(self, command: EngineCommand) -> bool:
        """Give an order; return whether it could be sent (`failed` says why not)."""
        try:
            self._client.send(command)
        except (AgrisegError, OSError) as error:
            log.warning("%s could not be sent: %s", command.kind.value, error)
            self.failed.emit(f"The engine did not take the order ({command.kind.value}): {error}")
            return False
        return True

    def stop(self) -> None:
        """Stop in any state: sent now, and again until it is confirmed."""
        self._stop.asked(self._clock.now_s())
        self._send_stop()
        self.stop_changed.emit(self._stop.phase)

    def restart(self, why: str = "") -> None:
        """End the engine's process and start it again; spraying is not resumed."""
        log.warning("the field engine is started again: %s", why or "asked by the operator")
        self._forget_notifier()
        if self._client.health().alive:
            self._client.close()
        self._restart_count += 1
        self._start_engine()
        self.restarted.emit(why)

    def reconfigure(self, config: Config, why: str) -> None:
        """End the engine in order and start it with ``config``; waits for neither.

        The caller sees to it that nothing is being sprayed. ``why`` is shown meanwhile.
        """
        log.info("the field engine is started again: %s", why)
        self._client.configure(config)
        if not self._started:
            return
        self._ending_why = why
        if self._ending_since_s is None:
            self._ending_since_s = self._clock.now_s()
            self._forget_notifier()
            self.send(EngineCommand(kind=CommandKind.SHUTDOWN))
        self._snapshot = None
        self.reconfigured.emit()

    def suspend(self, why: str) -> None:
        """End the engine in order and leave camera and controller to somebody else.

        The caller sees to it that nothing is being sprayed. ``why`` is shown until `resume`.
        """
        log.info("the field engine is ended: %s", why)
        self._suspended = True
        self._ending_why = why
        if self._started and self._ending_since_s is None:
            self._ending_since_s = self._clock.now_s()
            self._forget_notifier()
            self.send(EngineCommand(kind=CommandKind.SHUTDOWN))
        self._snapshot = None

    def resume(self) -> None:
        """Start the engine again after `suspend`."""
        self._suspended = False

    def link(self) -> LinkView:
        """Return how the engine stands right now."""
        now_s = self._clock.now_s()
        waited_s = now_s - self._started_at_s
        if self._ending_since_s is not None:
            return self._view(
                talking=False,
                starting=True,
                alive=True,
                silent_s=now_s - self._ending_since_s,
                message=self._ending_why,
            )
        if not self._started:
            return LinkView(talking=False, starting=True, alive=False, silent_s=0.0)
        if self._start_error:
            return self._view(talking=False, alive=False, silent_s=waited_s)
        health = self._client.health()
        if self._heard_at_s is None:
            starting = health.alive and waited_s < FIRST_WORD_WITHIN_S
            return self._view(
                talking=False,
                starting=starting,
                alive=health.alive,
                silent_s=waited_s,
                message=health.message,
            )
        silent_s = max(now_s - self._heard_at_s, health.silent_s)
        limit_s = SILENT_AFTER_S
        if self._snapshot is not None and self._snapshot.state is EngineState.STARTING:
            limit_s = SILENT_WHILE_STARTING_S
        talking = health.alive and silent_s <= limit_s
        return self._view(
            talking=talking, alive=health.alive, silent_s=silent_s, message=health.message
        )

    @Slot()
    def watch(self) -> None:
        """Look after the engine: fetch what is there, tell silence, restart, repeat stops."""
        if self._ending_since_s is not None:
            self._start_when_ended(self._ending_since_s)
        if self._clock.now_s() - self._fetched_at_s >= PICTURE_INTERVAL_MS / 1000.0:
            self._announced()
        link = self.link()
        self.link_changed.emit(link)
        self._follow_stop()
        self._restart_if_needed(link)

    def _view(
        self,
        *,
        talking: bool,
        alive: bool,
        silent_s: float,
        starting: bool = False,
        message: str = "",
    ) -> LinkView:
        return LinkView(
            talking=talking,
            starting=starting,
            alive=alive,
            silent_s=silent_s,
            message=self._start_error or message,
            restarts=self._restart_count,
        )

    def _start_when_ended(self, since_s: float) -> None:
        """Start the engine once the one before has ended, or has had its time to."""
        waited_s = self._clock.now_s() - since_s
        if self._suspended or (self._client.health().alive and waited_s < END_WITHIN_S):
            return
        self._start_engine()

    def _start_engine(self) -> None:
        self._started = True
        self._ending_since_s = None
        self._snapshot = None
        self._heard_at_s = None
        self._started_at_s = self._clock.now_s()
        try:
            self._client.start()
            descriptor = self._client.fileno()
        except (AgrisegError, OSError) as error:
            log.warning("the field engine could not be started: %s", error)
            self._start_error = str(error)
            return
        self._start_error = ""
        self._notifier = QSocketNotifier(descriptor, QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._announced)

    def _forget_notifier(self) -> None:
        if self._notifier is not None:
            self._notifier.setEnabled(False)
            self._notifier.deleteLater()
            self._notifier = None

    @Slot()
    def _announced(self) -> None:
        """News is there: fetch it, then look away for one screen interval."""
        if self._notifier is not None:
            self._notifier.setEnabled(False)
        self._fetch()
        self._pause.start()

    @Slot()
    def _listen_again(self) -> None:
        """Listen for news, unless the engine has ended and its descriptor is closed.

        What came during the pause is fetched first: to ask for the engine's health reads the
        announcements too, and the descriptor would stay silent about them.
        """
        if self._notifier is None:
            return
        if not self._client.health().alive:
            self._forget_notifier()
        elif self._fetch():
            self._pause.start()
        else:
            self._notifier.setEnabled(True)

    def _fetch(self) -> bool:
        """Take what is there; return whether there was a picture."""
        if self._start_error or self._closed or self._ending_since_s is not None:
            return False
        now_s = self._clock.now_s()
        self._fetched_at_s = now_s
        snapshot = self._client.read_snapshot()
        picture = self._client.read_picture()
        if snapshot is None and picture is None:
            return False
        self._heard_at_s = now_s
        if picture is not None:
            self.picture_arrived.emit(picture)
        if snapshot is not None:
            changed = self._snapshot is None or snapshot.state is not self._snapshot.state
            self._snapshot = snapshot
            if changed or now_s - self._emitted_at_s >= SNAPSHOT_INTERVAL_S:
                self._emitted_at_s = now_s
                self.snapshot_arrived.emit(snapshot)
        return picture is not None

    def _follow_stop(self) -> None:
        now_s = self._clock.now_s()
        phase = self._stop.tick(self._snapshot, now_s)
        if self._stop.pending and now_s - self._stop_sent_at_s >= STOP_REPEAT_S:
            self._send_stop()
        self.stop_changed.emit(phase)

    def _send_stop(self) -> None:
        self._stop_sent_at_s = self._clock.now_s()
        self.send(EngineCommand(kind=CommandKind.STOP))

    def _restart_if_needed(self, link: LinkView) -> None:
        if self._closed or link.talking or link.starting:
            return
        if self._start_error or self._heard_at_s is None:
            return
        alive = self._client.health().alive
        limit_s = RESTART_HUNG_AFTER_S if alive else RESTART_DEAD_AFTER_S
        if link.silent_s < limit_s:
            return
        now_s = self._clock.now_s()
        if len(self._restarts) == RESTARTS_PER_MINUTE and now_s - self._restarts[0] < 60.0:
            return
        self._restarts.append(now_s)
        self.restart(link.message or f"silent for {link.silent_s:.1f} s")
