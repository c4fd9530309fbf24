"""What another model sees in a run's recorded pictures."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from agriseg.config import ModelConfig
from agriseg.errors import RecordingError
from agriseg.messages import Frame
from agriseg.pipeline_journal import FramePatch, MapPatch
from agriseg.ports import Segmenter
from agriseg.recording.evidence import decode_patch, encode_patch
from agriseg.recording.reader import Run, open_run
from agriseg.recording.topics import EncodedImage
from agriseg.replay.driver import new_pipeline

_FRAMES_A_TASK = 200


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeenPictures:
    """A model's evidence of a run, compressed.

    Attributes
    ----------
    model : str
        What looked.
    patches : mapping of frame to image
        In the order of the frames.
    """

    model: str
    patches: Mapping[int, EncodedImage]

    def patch(self, frame_id: int) -> MapPatch | None:
        """Return the evidence of a frame; None where its picture was not kept."""
        found = self.patches.get(frame_id)
        return None if found is None else decode_patch(found)


def look_again(
    run: Path,
    model: ModelConfig,
    *,
    workers: int = 1,
    progress: Callable[[float], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> SeenPictures | None:
    """Let a model look at a run's recorded pictures; None when it was cancelled.

    Parameters
    ----------
    run : Path
    model : ModelConfig
    workers : int
        Processes that share the pictures.
    progress, cancelled : callable
        Told the share that is done, 0 to 1; asked whether to give up.

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
    spans = [(a, min(a + _FRAMES_A_TASK, count)) for a in range(0, count, _FRAMES_A_TASK)]
    found: dict[int, EncodedImage] = {}
    name = ""
    if workers <= 1:
        segmenter = _open(model)
        try:
            for done, span in enumerate(spans):
                if cancelled():
                    return None
                with open_run(run) as recording:
                    found |= _look(recording, segmenter, span)
                progress((done + 1) / len(spans))
            return SeenPictures(model=segmenter.name, patches=found)
        finally:
            segmenter.close()
    # Not forked: the parent may have threads, and its runtimes do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        tasks = [pool.submit(_look_task, run, model, span) for span in spans]
        for done, task in enumerate(as_completed(tasks)):
            if cancelled():
                pool.shutdown(cancel_futures=True)
                return None
            name, patches = task.result()
            found |= patches
            progress((done + 1) / len(spans))
    return SeenPictures(model=name, patches=dict(sorted(found.items())))


def _look_task(
    run: Path, model: ModelConfig, span: tuple[int, int]
) -> tuple[str, dict[int, EncodedImage]]:
    segmenter = _open(model)
    try:
        with open_run(run) as recording:
            return segmenter.name, _look(recording, segmenter, span)
    finally:
        segmenter.close()


def _look(run: Run, segmenter: Segmenter, span: tuple[int, int]) -> dict[int, EncodedImage]:
    pipeline = new_pipeline(run.config)
    found = {}
    for index in range(*span):
        try:
            recorded = run.frame(index)
        except RecordingError:
            continue
        record = recorded.record
        if record.vehicle is None:
            continue
        frame = Frame(
            frame_id=record.frame_id, t_capture_s=record.t_capture_s, image=recorded.image
        )
        patch = pipeline.patch_of(segmenter.segment(frame), record.vehicle)
        if patch is not None:
            found[record.frame_id] = encode_patch(
                FramePatch(frame_id=record.frame_id, t_capture_s=record.t_capture_s, patch=patch)
            )
    return found


def _open(model: ModelConfig) -> Segmenter:
    from agriseg.models.runtime import open_segmenter
    from agriseg.segmentation.color_index import ExcessGreenSegmenter

    if model.method == "exg":
        return ExcessGreenSegmenter()
    path = Path(model.path) if model.path else None
    return open_segmenter(path, runtime=model.runtime, threads=model.threads or 1)
