"""The field engine as the window sees it: starts the process, reads it without waiting."""

from __future__ import annotations

import math
import multiprocessing
import time
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from agriseg.calibration.overlay import calibrated_or_plain
from agriseg.config import Config
from agriseg.engine_messages import EngineFailed, EngineMessage
from agriseg.messages import (
    CommandKind,
    EngineCommand,
    EngineHealth,
    EngineSnapshot,
    Picture,
)
from agriseg.picture_ring import PictureRingReader, RingHandle

MAX_PICTURE_PX = (1280, 960)
"""Greatest width and height of the picture; larger frames are scaled down."""

_END_WAIT_S = 5.0


def _run_engine(
    config: Config, ring: RingHandle, connection: Connection, *, may_begin: bool
) -> None:
    """Run in the spawned process; what the window must not import is imported here."""
    from agriseg.engine_process import engine_main

    engine_main(config, ring, connection, may_begin=may_begin)


class ProcessEngineClient:
    """Implements `agriseg.ports.EngineClient` with a spawned process and shared memory."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._context = multiprocessing.get_context("spawn")
        self._ring: PictureRingReader | None = None
        self._connection: Connection | None = None
        self._process: SpawnProcess | None = None
        self._snapshot: EngineSnapshot | None = None
        self._heard_s = -math.inf
        self._failure = ""
        self._has_spoken = False
        self._has_started = False

    def configure(self, config: Config) -> None:
        """Use ``config`` from the next start on."""
        self._config = config

    def start(self) -> None:
        """Start the engine's process; one that still runs has hung and is killed first.

        A simulated field begins to be sprayed by itself the first time only: whoever paused it, and
        came back from a calibration or a crash, is asked to hold Start as on a real machine.

        What a killed engine leaves behind ends by itself: the link finds its pipe closed and
        shuts the valves.
        """
        self._end(patience_s=0.0)
        width_px, height_px = MAX_PICTURE_PX
        nozzles = calibrated_or_plain(self._config).config.boom.nozzle_count
        self._ring = PictureRingReader(width_px, height_px, nozzles)
        ours, theirs = self._context.Pipe()
        self._connection = ours
        self._failure = ""
        self._has_spoken = False
        self._heard_s = time.monotonic()
        self._process = self._context.Process(
            target=_run_engine,
            args=(self._config, self._ring.handle, theirs),
            kwargs={"may_begin": not self._has_started},
            name="agriseg-engine",
        )
        self._process.start()
        self._has_started = True
        theirs.close()

    def fileno(self) -> int:
        """Return the pipe's descriptor; it becomes readable when something is there."""
        if self._connection is None:
            raise ValueError("the engine has not been started")
        return self._connection.fileno()

    def read_snapshot(self) -> EngineSnapshot | None:
        """Return the newest snapshot not yet read, if any."""
        self._drain()
        snapshot, self._snapshot = self._snapshot, None
        return snapshot

    def read_picture(self) -> Picture | None:
        """Return the next picture not yet read, if any; of more than two the newest two."""
        self._drain()
        return self._ring.read() if self._ring is not None else None

    def send(self, command: EngineCommand) -> None:
        """Send an order; to an engine that has ended it is dropped, its nozzles are closed."""
        if self._connection is None:
            return
        try:
            self._connection.send(command)
        except OSError:
            self._note_end()

    def health(self) -> EngineHealth:
        """Return whether the engine lives and how long it has been silent."""
        self._drain()
        alive = self._process is not None and self._process.is_alive() and not self._failure
        return EngineHealth(
            alive=alive,
            silent_s=time.monotonic() - self._heard_s,
            message=self._failure or ("" if alive else "The field engine has ended."),
        )

    def close(self) -> None:
        """Ask the engine to close the nozzles and end.

        One that has not spoken yet is still being built: it has armed nothing, and is not waited
        for.
        """
        self.send(EngineCommand(kind=CommandKind.SHUTDOWN))
        self._end(patience_s=_END_WAIT_S if self._has_spoken else 0.0)

    def _end(self, patience_s: float) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.join(patience_s)
            if process.is_alive():
                process.kill()
                process.join()
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._ring = None

    def _drain(self) -> None:
        connection = self._connection
        if connection is None:
            return
        try:
            while connection.poll():
                self._take(connection.recv())
        except (EOFError, OSError):
            self._note_end()

    def _take(self, message: EngineMessage) -> None:
        self._heard_s = time.monotonic()
        self._has_spoken = True
        if isinstance(message, EngineFailed):
            self._failure = message.text
        elif isinstance(message, EngineSnapshot):
            self._snapshot = message

    def _note_end(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._failure = self._failure or "The field engine ended unexpectedly."
