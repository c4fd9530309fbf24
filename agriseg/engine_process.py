"""The engine's process: builds the machine, runs the loop, talks to the window over a pipe."""

from __future__ import annotations

import logging
import os
import select
import signal
import subprocess
import sys
import time
from multiprocessing.connection import Connection

from agriseg.assembly import Machine, build_realtime_machine
from agriseg.config import Config
from agriseg.doorbell import prompt_threads
from agriseg.engine_messages import EngineFailed, EngineMessage, PictureReady
from agriseg.errors import AgrisegError
from agriseg.messages import (
    CommandKind,
    EngineCommand,
    EngineState,
)
from agriseg.overlay import PicturePainter
from agriseg.picture_ring import PictureRingWriter, RingHandle
from agriseg.ports import RunSink
from agriseg.process_names import ENGINE, show_name
from agriseg.publishing.publisher import Publisher, open_publisher
from agriseg.scheduling import stand_apart

_log = logging.getLogger(__name__)

SNAPSHOT_PERIOD_S = 0.1


def engine_main(
    config: Config, ring: RingHandle, connection: Connection, *, may_begin: bool
) -> None:
    """Run the engine until the window asks for its end or goes away.

    With ``may_begin`` a simulated field is sprayed as soon as everything works.
    Entry point of the spawned process. Whatever happens, the nozzles are closed first.
    """
    _prepare_process()
    publisher: Publisher | None = None
    try:
        publisher = open_publisher(config.mqtt)
        machine = build_realtime_machine(config, finish=_write_report, is_scored=False)
    except AgrisegError as error:
        if publisher is not None:
            publisher.close()
        connection.send(EngineFailed(text=str(error)))
        return
    try:
        with prompt_threads():
            loop = _EngineLoop(machine, ring, connection, publisher)
            loop.begins = may_begin and machine.is_simulation
            loop.run()
    except (BrokenPipeError, ConnectionResetError, EOFError):
        _log.info("the window has gone; closing the nozzles")
    except Exception as error:
        _log.exception("the engine's loop broke")
        try:
            machine.engine.close()
        finally:  # whatever else is broken, the operator is told
            connection.send(EngineFailed(text=f"the field engine broke: {error}"))
    finally:
        machine.close()
        if publisher is not None:
            publisher.take(machine.engine.snapshot())
            publisher.close()


class _EngineLoop:
    def __init__(
        self,
        machine: Machine,
        ring: RingHandle,
        connection: Connection,
        publisher: Publisher | None,
    ) -> None:
        self._machine = machine
        self._engine = machine.engine
        self._ring = PictureRingWriter(ring)
        self._connection = connection
        self._publisher = publisher
        self._painter = PicturePainter(ring.layout.max_width_px, ring.layout.max_height_px)
        self._painted_frame: int | None = None
        self._next_snapshot_s = 0.0
        self.begins = False
        """Whether spraying begins by itself, once everything works."""

    def run(self) -> None:
        while not self._handle_commands():
            self._machine.step(self._connection)
            self._publish_picture()
            self._publish_snapshot()

    def _handle_commands(self) -> bool:
        """Carry out what the window asked for; return whether it asked for the end."""
        while self._connection.poll():
            command: EngineCommand = self._connection.recv()
            if command.kind is CommandKind.SHUTDOWN:
                return True
            self._engine.handle(command)
        return False

    def _publish_picture(self) -> None:
        segmented = self._engine.segmented
        frame = segmented.arrival.frame if segmented else self._engine.last_frame
        if frame is None or frame.frame_id == self._painted_frame:
            return
        labels = segmented.segmentation.labels if segmented else None
        self._ring.write(
            self._painter.paint(frame, labels, self._machine.boom_view(self._painter.size(frame)))
        )
        self._painted_frame = frame.frame_id
        self._send(PictureReady(frame_id=frame.frame_id))

    def _publish_snapshot(self) -> None:
        now_s = time.monotonic()
        if now_s < self._next_snapshot_s:
            return
        self._next_snapshot_s = now_s + SNAPSHOT_PERIOD_S
        snapshot = self._engine.snapshot()
        if self.begins and snapshot.state is EngineState.READY:
            self.begins = False
            self._engine.handle(EngineCommand(kind=CommandKind.START))
        if self._publisher is not None:
            self._publisher.take(snapshot)
        self._send(snapshot)

    def _send(self, message: EngineMessage) -> None:
        """Send, unless the window is not reading: it then gets the next one."""
        if _is_writable(self._connection):
            self._connection.send(message)


def _is_writable(connection: Connection) -> bool:
    if sys.platform == "win32":
        return True
    return bool(select.select([], [connection.fileno()], [], 0.0)[1])


def _prepare_process() -> None:
    """Set up the process; it ends with the window, which Ctrl+C in a terminal reaches too."""
    show_name(ENGINE)
    stand_apart()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )


def _write_report(sink: RunSink) -> None:
    """Have the report written by a process of its own, so that nothing here waits for it."""
    subprocess.Popen([sys.executable, "-m", "agriseg", "runs", "report", str(sink.directory)])
