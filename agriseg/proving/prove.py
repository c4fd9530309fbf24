"""The whole proof: labelled sets, recorded runs, and the word on whether a model is offered."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from agriseg.errors import AgrisegError, ModelFileError
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.messages import Frame, UInt8Array
from agriseg.models.bundle import open_bundle
from agriseg.models.runtime import open_segmenter
from agriseg.opencv import cv2
from agriseg.proving.runs import (
    RunDifference,
    Tell,
    compare_on_run,
    frames_with_pictures,
    paint_places,
)
from agriseg.proving.sets import LabelledSet, compare_on_sets, verdict_on
from agriseg.recording.reader import open_run
from agriseg.registry.durable import write_durably
from agriseg.registry.proof import Proof, RunProof
from agriseg.registry.provenance import model_ref

PLACES_NAME = "places"
PLACES_FILE = "places.json"
_QUALITY = 88


def prove(
    old: Path,
    new: Path,
    sets: Sequence[LabelledSet],
    runs: Sequence[Path],
    out: Path,
    *,
    threads: int = 0,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    tell: Tell = lambda _, __: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Proof:
    """Compare a new model with an old one.

    Parameters
    ----------
    old, new : Path
        Folders of bundles.
    sets : sequence of LabelledSet
    runs : sequence of Path
        Recorded runs; one that cannot be replayed is told, not raised.
    out : Path
        Folder for pictures of the places where the runs differ, worst first, and their list.
    threads : int
    now : callable
    tell, cancelled : callable
        Told what is done and the share of it, 0 to 1; asked whether to give up.

    Raises
    ------
    ModelFileError
        A model is damaged, or both are the same.
    DatasetError
        A labelled picture cannot be read.
    RegistryError
        A picture cannot be written.
    ReplayCancelled
        It was given up.
    """
    first, second = model_ref(open_bundle(old)), model_ref(open_bundle(new))
    if first.weights_sha256 == second.weights_sha256:
        raise ModelFileError(
            f"{new}: has the same weights as {first.name} {first.version}; nothing to prove"
        )
    judged = compare_on_sets(old, new, sets, threads=threads, tell=tell) if sets else []
    is_offered, sentence = verdict_on(judged)
    return Proof(
        made_at=now(),
        old=first,
        new=second,
        sets=tuple(judged),
        runs=tuple(_on_run(run, old, new, out, threads, tell, cancelled) for run in runs),
        is_offered=is_offered,
        sentence=sentence,
    )


def _on_run(
    run: Path,
    old: Path,
    new: Path,
    out: Path,
    threads: int,
    tell: Tell,
    cancelled: Callable[[], bool],
) -> RunProof:
    def told(what: str, share: float) -> None:
        tell(f"{run.name}: {what}", share)

    try:
        found = compare_on_run(run, old, new, tell=told, cancelled=cancelled)
        _draw(found, old, new, out / run.name, threads)
    except ModelFileError:
        raise
    except AgrisegError as error:
        return RunProof(
            run=str(run),
            old_litres=0.0,
            new_litres=0.0,
            only_old_m2=0.0,
            only_new_m2=0.0,
            both_m2=0.0,
            crop_risk_m2=0.0,
            places=0,
            problem=str(error),
        )
    return RunProof(
        run=str(run),
        old_litres=found.old_litres,
        new_litres=found.new_litres,
        only_old_m2=found.only_old_m2,
        only_new_m2=found.only_new_m2,
        both_m2=found.both_m2,
        crop_risk_m2=found.crop_risk_m2,
        places=found.place_count,
        notes=found.notes,
    )


def _draw(found: RunDifference, old: Path, new: Path, folder: Path, threads: int) -> None:
    """Write a picture of each place and their list."""
    wanted = {place.frame_id for place in found.places if place.frame_id >= 0}
    pictures: dict[int, UInt8Array] = {}
    with open_run(found.run) as run:
        camera = run.config.camera
        for frame_id, index in frames_with_pictures(run).items():
            if frame_id in wanted:
                pictures[frame_id] = run.frame(index).image
    labels = {
        name: _labels(model, pictures, threads) for name, model in (("old", old), ("new", new))
    }
    ground = GroundPlane(camera.intrinsics, camera.pose, (camera.width_px, camera.height_px))
    shown = [place for place in found.places if place.frame_id in pictures]
    painted = paint_places(shown, pictures, labels, 1.0 / ground.centre_gsd_m)
    listed = []
    for rank, (place, picture) in enumerate(zip(shown, painted, strict=True), start=1):
        name = f"{rank:02d}.jpg"
        encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1]
        write_durably(folder / name, encoded.tobytes())
        listed.append({"picture": name, **asdict(place)})
    text = json.dumps(listed, indent=2, allow_nan=False)
    write_durably(folder / PLACES_FILE, text.encode())


def _labels(model: Path, pictures: dict[int, UInt8Array], threads: int) -> dict[int, UInt8Array]:
    segmenter = open_segmenter(model, runtime="openvino", threads=threads)
    try:
        return {
            frame_id: segmenter.segment(
                Frame(frame_id=frame_id, t_capture_s=0.0, image=image)
            ).labels
            for frame_id, image in pictures.items()
        }
    finally:
        segmenter.close()
