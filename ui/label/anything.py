"""A model of the segment-anything family in a process of its own, for as long as it is used."""

from __future__ import annotations

import logging
import multiprocessing
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from agriseg.errors import AgrisegError
from agriseg.labelling.edits import Point
from agriseg.labelling.tools.regions import Region

log = logging.getLogger(__name__)

_POLL_MS = 30
_ENDS_WITHIN_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Clicks:
    """Clicks on a thing, and beside it, (u, v) px, in a picture's file."""

    picture: Path
    inside: tuple[Point, ...]
    outside: tuple[Point, ...] = ()


class AnythingProcess(QObject):
    """Opens the two files once, looks at a picture once, then answers clicks."""

    busied = Signal(str)
    """What it is doing; empty when it waits for clicks."""
    answered = Signal(object, object)
    """Carries `Clicks` and the `Region` that they mean."""
    failed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._asked: Clicks | None = None
        self._waiting: Clicks | None = None
        self._is_idle = False
        self._poll = QTimer(self)
        self._poll.setInterval(_POLL_MS)
        self._poll.timeout.connect(self._collect)

    @property
    def is_running(self) -> bool:
        """Whether a model is open, or being opened."""
        return self._process is not None

    def start(self, encoder: Path, decoder: Path) -> None:
        """Open a model; the one before is given up."""
        self.stop()
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, encoder, decoder), name="agriseg-anything", daemon=True
        )
        self._process.start()
        theirs.close()
        self._set_busy("The model is being opened")

    def ask(self, clicks: Clicks) -> None:
        """Ask what clicks mean; while it is busy only the newest question waits."""
        if self._pipe is None:
            return
        if not self._is_idle:
            self._waiting = clicks
            return
        self._asked, self._waiting = clicks, None
        self._pipe.send(clicks)
        self._set_busy("The model is looking")

    def stop(self) -> None:
        """End the process."""
        process, pipe = self._process, self._pipe
        self._process = self._pipe = self._asked = self._waiting = None
        self._is_idle = False
        self._poll.stop()
        if pipe is not None:
            pipe.close()
        if process is not None:
            process.terminate()
            process.join(_ENDS_WITHIN_S)
            if process.is_alive():
                process.kill()
                process.join()
            process.close()

    def _set_busy(self, what: str) -> None:
        self._is_idle = not what
        if what:
            self._poll.start()
        else:
            self._poll.stop()
        self.busied.emit(what)

    def _collect(self) -> None:
        try:
            if self._pipe is None or not self._pipe.poll():
                return
            news = self._pipe.recv()
        except (EOFError, OSError):
            self._fail("The model's process ended; touch the picture to open it again.")
            return
        if isinstance(news, str) and news:
            self._fail(news)
            return
        asked, waiting = self._asked, self._waiting
        self._set_busy("")
        if asked is not None and isinstance(news, Region):
            self.answered.emit(asked, news)
        if waiting is not None:
            self.ask(waiting)

    def _fail(self, text: str) -> None:
        self.stop()
        self.busied.emit("")
        self.failed.emit(text)


def _serve(pipe: Connection, encoder: Path, decoder: Path) -> None:
    """Answer clicks until the window has gone; an empty string says that the model is open."""
    import os

    from agriseg.datasets.labels import read_image
    from agriseg.labelling.tools.segment_anything import SeenPicture, SegmentAnything

    os.nice(10)
    seen: SeenPicture | None = None
    looked_at: Path | None = None
    try:
        model = SegmentAnything(encoder, decoder)
        pipe.send("")
        while True:
            clicks: Clicks = pipe.recv()
            if seen is None or clicks.picture != looked_at:
                seen, looked_at = model.look(read_image(clicks.picture)), clicks.picture
            region = model.region(seen, clicks.inside, clicks.outside)
            pipe.send(Region(region.rect, np.ascontiguousarray(region.mask)))
    except (EOFError, BrokenPipeError):
        return
    except AgrisegError as error:
        pipe.send(str(error))
    except Exception as error:  # the window says it; the process has no other voice
        log.exception("the model broke")
        pipe.send(f"The model could not answer ({type(error).__name__}: {error}).")
    finally:
        pipe.close()
