"""What another model sees in a run's recorded pictures, while the run is being decided on."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Protocol

from agriseg.config import ModelConfig
from agriseg.errors import AgrisegError, RecordingError
from agriseg.messages import Frame
from agriseg.pipeline import FieldPipeline
from agriseg.pipeline_journal import FramePatch, MapPatch
from agriseg.ports import Segmenter
from agriseg.recording.evidence import decode_patch, encode_patch
from agriseg.recording.reader import Run, open_run
from agriseg.recording.topics import EncodedImage
from agriseg.replay.driver import new_pipeline

_FRAMES_A_SPAN = 100
_JOIN_S = 5.0

Span = tuple[int, int]
Patches = dict[int, EncodedImage]


class PictureLook(Protocol):
    """A model that looks at a run's pictures, once; each frame's evidence can be asked often."""

    def patch(self, frame_id: int) -> MapPatch | None:
        """Return the evidence of a frame; None where its picture was not kept.

        Frames that were not looked at yet must be asked for in order.

        Raises
        ------
        ModelFileError, RecordingError
            The model or the run cannot be opened.
        """
        ...

    def close(self) -> None:
        """Give up what is not done yet."""
        ...


def look_again(run: Path, model: ModelConfig, workers: int = 1) -> PictureLook:
    """Let a model look at a run's recorded pictures.

    Parameters
    ----------
    run : Path
    model : ModelConfig
    workers : int
        Processes that look from now on, whether evidence is asked for or not; 1: none, each
        picture is looked at when its evidence is asked for.

    Raises
    ------
    RecordingError
        The run cannot be opened, or kept no pictures.
    ModelFileError
        The model cannot be opened.
    """
    with open_run(run) as recording:
        count = recording.frame_count
    if not count:
        raise RecordingError(f"{run}: this run kept no pictures, so no model can look at them")
    return LookAlone(run, model) if workers <= 1 else LookTogether(run, model, count, workers)


class LookAlone:
    """Looks in this thread, at each picture when its evidence is asked for.

    Parameters
    ----------
    run : Path
    model : ModelConfig
    """

    def __init__(self, run: Path, model: ModelConfig) -> None:
        self._segmenter = open_model(model)
        self._run = open_run(run)
        self._found: Patches = {}
        self._seen: Iterator[tuple[int, EncodedImage | None]] = _looked(
            self._run, self._segmenter, new_pipeline(self._run.config), (0, self._run.frame_count)
        )
        self._upto = -1

    def patch(self, frame_id: int) -> MapPatch | None:
        """Return the evidence of a frame; None where its picture was not kept."""
        while self._upto < frame_id:
            number, image = next(self._seen, (-1, None))
            if number < 0:
                break
            self._upto = number
            if image is not None:
                self._found[number] = image
        found = self._found.get(frame_id)
        return None if found is None else decode_patch(found)

    def close(self) -> None:
        """Release model and run."""
        self._segmenter.close()
        self._run.close()


class LookTogether:
    """Looks in processes of its own, each with a model on one thread, ahead of what is asked for.

    Parameters
    ----------
    run : Path
    model : ModelConfig
    count : int
        Frames with pictures.
    workers : int
    """

    def __init__(self, run: Path, model: ModelConfig, count: int, workers: int) -> None:
        self._changed = threading.Condition()
        self._spans = [(a, min(a + _FRAMES_A_SPAN, count)) for a in range(0, count, _FRAMES_A_SPAN)]
        self._next_span = 0
        self._last_frame: dict[int, int] = {}
        """Of each span that is done, by its place."""
        self._done: list[int] = []
        """Last frames of the spans that are done, from the first on without a gap."""
        self._found: Patches = {}
        self._problem: BaseException | None = None
        self._closed = False
        # Not forked: the parent may have threads, and its runtimes do not survive a fork.
        context = multiprocessing.get_context("spawn")
        self._processes: list[BaseProcess] = []
        self._threads: list[threading.Thread] = []
        for number in range(min(workers, len(self._spans))):
            ours, theirs = context.Pipe()
            process = context.Process(
                target=_serve, args=(theirs, run, model), name=f"agriseg-look-{number}", daemon=True
            )
            process.start()
            theirs.close()
            thread = threading.Thread(
                target=self._lead, args=(ours,), name=f"agriseg-look-{number}", daemon=True
            )
            thread.start()
            self._processes.append(process)
            self._threads.append(thread)

    def patch(self, frame_id: int) -> MapPatch | None:
        """Return the evidence of a frame, once it is there; None where its picture was not kept."""
        with self._changed:
            self._changed.wait_for(lambda: self._knows(frame_id))
            if self._problem is not None:
                raise self._problem
            found = self._found.get(frame_id)
        return None if found is None else decode_patch(found)

    def close(self) -> None:
        """End the processes."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for process in self._processes:
            process.terminate()
        for thread in self._threads:
            thread.join(_JOIN_S)
        for process in self._processes:
            process.join(_JOIN_S)
            process.close()
        self._processes.clear()
        self._threads.clear()

    def _knows(self, frame_id: int) -> bool:
        return (
            self._problem is not None
            or self._closed
            or len(self._done) == len(self._spans)
            or bool(self._done and self._done[-1] >= frame_id)
        )

    def _lead(self, pipe: Connection) -> None:
        """Give one process its spans and take what it saw; in a thread of its own."""
        try:
            while (place := self._take_span()) is not None:
                pipe.send(self._spans[place])
                answer = pipe.recv()
                if isinstance(answer, BaseException):
                    raise answer
                self._keep(place, *answer)
        except (OSError, EOFError, AgrisegError) as error:
            self._fail(error)
        finally:
            pipe.close()

    def _take_span(self) -> int | None:
        with self._changed:
            if self._closed or self._problem is not None or self._next_span == len(self._spans):
                return None
            self._next_span += 1
            return self._next_span - 1

    def _keep(self, place: int, last_frame: int, patches: Patches) -> None:
        with self._changed:
            self._found |= patches
            self._last_frame[place] = last_frame
            while len(self._done) in self._last_frame:
                before = self._done[-1] if self._done else -1
                self._done.append(max(before, self._last_frame.pop(len(self._done))))
            self._changed.notify_all()

    def _fail(self, error: BaseException) -> None:
        with self._changed:
            if isinstance(error, AgrisegError):
                self._problem = error
            elif not self._closed:
                self._problem = RecordingError(
                    f"a process that looked at the recorded pictures ended ({error!r}); try again"
                    " with --workers 1"
                )
            self._changed.notify_all()


def _serve(pipe: Connection, run: Path, model: ModelConfig) -> None:
    """Look at spans of a run as they are asked for, until nobody asks any more."""
    try:
        segmenter = open_model(model)
        try:
            with open_run(run) as recording:
                pipeline = new_pipeline(recording.config)
                while True:
                    span = pipe.recv()
                    seen = list(_looked(recording, segmenter, pipeline, span))
                    last = max((number for number, _ in seen), default=-1)
                    pipe.send((last, {n: image for n, image in seen if image is not None}))
        finally:
            segmenter.close()
    except (EOFError, BrokenPipeError):
        return
    except AgrisegError as error:
        pipe.recv()
        pipe.send(error)


def _looked(
    run: Run, segmenter: Segmenter, pipeline: FieldPipeline, span: Span
) -> Iterator[tuple[int, EncodedImage | None]]:
    """Yield number and evidence of a span's frames; None where a frame shows nothing."""
    for index in range(*span):
        try:
            recorded = run.picture(index)
        except RecordingError:
            continue
        record = recorded.record
        image = None
        if record.vehicle is not None:
            frame = Frame(
                frame_id=record.frame_id, t_capture_s=record.t_capture_s, image=recorded.image
            )
            patch = pipeline.patch_of(segmenter.segment(frame), record.vehicle)
            if patch is not None:
                image = encode_patch(
                    FramePatch(
                        frame_id=record.frame_id, t_capture_s=record.t_capture_s, patch=patch
                    )
                )
        yield record.frame_id, image


def open_model(model: ModelConfig) -> Segmenter:
    """Open a model that looks at recorded pictures.

    Raises
    ------
    ModelFileError
        It cannot be opened.
    """
    from agriseg.models.runtime import open_segmenter
    from agriseg.segmentation.color_index import ExcessGreenSegmenter

    if model.method == "exg":
        return ExcessGreenSegmenter()
    return open_segmenter(model.path, runtime=model.runtime, threads=model.threads or 1)
