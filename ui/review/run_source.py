"""A run's files, opened and read beside the window's thread."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PySide6.QtGui import QImage

from agriseg.errors import AgrisegError
from agriseg.messages import BoomView, Frame
from agriseg.overlay import PicturePainter
from agriseg.recording.reader import Run, open_run
from ui.models.review_open import PICTURE_SIZE_PX, OpenedRun, open_story, read_frame
from ui.review.picture import PaintedFrame, painted

THUMBNAIL_PX = (320, 190)


class RunSource:
    """One run. All of it but `close` is called in one thread at a time, not the window's.

    Parameters
    ----------
    directory : Path
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._run: Run | None = None
        self._painter = PicturePainter(*PICTURE_SIZE_PX)

    def tell(
        self, progress: Callable[[float], None], cancelled: Callable[[], bool]
    ) -> OpenedRun | None:
        """Read what happened; None when it was cancelled.

        Raises
        ------
        RecordingError
            The run cannot be opened.
        """
        return open_story(self._opened(), progress, cancelled)

    def frame(self, opened: OpenedRun, index: int) -> PaintedFrame | str:
        """Return a picture ready for the screen, or why it cannot be shown."""
        try:
            return painted(read_frame(self._opened(), opened, self._painter, index))
        except AgrisegError as error:
            return str(error)

    def close(self) -> None:
        """Release the files; they are opened again when they are needed."""
        if self._run is not None:
            self._run.close()
            self._run = None

    def _opened(self) -> Run:
        if self._run is None:
            self._run = open_run(self.directory)
        return self._run


def thumbnail(directory: Path) -> QImage:
    """Return a small picture of a run's middle; empty where there is none."""
    try:
        with open_run(directory) as run:
            if not run.frame_count:
                return QImage()
            recorded = run.frame(run.frame_count // 2)
    except AgrisegError:
        return QImage()
    frame = Frame(
        frame_id=recorded.record.frame_id,
        t_capture_s=recorded.record.t_capture_s,
        image=recorded.image,
    )
    boom = BoomView(nozzle_tracks_px=np.empty((0, 2, 2)), swath_px=np.empty((0, 4, 2)))
    picture = PicturePainter(*THUMBNAIL_PX).paint(frame, None, boom)
    height, width = picture.image.shape[:2]
    pixels = picture.image.tobytes()
    return QImage(pixels, width, height, width * 4, QImage.Format.Format_RGB32).copy()
