"""Two models on a recorded run: what each would have sprayed, and where they differ most."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from agriseg.geometry.ground_plane import GroundPlane
from agriseg.messages import ClassId, UInt8Array, VehicleState
from agriseg.opencv import cv2
from agriseg.recording import topics
from agriseg.recording.reader import Run, open_run
from agriseg.recording.topics import FrameRecord
from agriseg.replay.judging import Reference, commanded_litres
from agriseg.replay.settings import ReplaySettings
from agriseg.replay.what_if import WhatIf
from agriseg.segmentation.drawing import draw_labels
from agriseg.spraying.boom import Boom

MOST_PLACES = 24
_LEAST_M2 = 4e-4
"""Smaller differences are the edges of the same spot."""
_SAME_TIME_S = 1e-6
_CELL_PX = 320
_CONTEXT_M = 0.15

Tell = Callable[[str, float], None]
Kind = Literal["crop newly sprayed", "weed no longer sprayed", "newly sprayed", "no longer sprayed"]
_RANK: Mapping[Kind, int] = {
    "crop newly sprayed": 0,
    "weed no longer sprayed": 1,
    "newly sprayed": 2,
    "no longer sprayed": 3,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A patch of ground that one model would spray and the other not.

    Attributes
    ----------
    kind : str
        By what the model of the run saw there.
    area_m2, crop_m2, weed_m2 : float
        Of the patch, and of crop and weed in it.
    s_m, y_m : float
        Its middle, along the track and to the left.
    length_m, width_m : float
        Its extent along the track and across.
    frame_id : int
        The picture that shows it best; -1 where none does.
    u_px, v_px : float
        Its middle there.
    """

    kind: Kind
    area_m2: float
    crop_m2: float
    weed_m2: float
    s_m: float
    y_m: float
    length_m: float
    width_m: float
    frame_id: int
    u_px: float
    v_px: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDifference:
    """Two models on one run.

    Attributes
    ----------
    run : Path
    old_litres, new_litres : float
    only_old_m2, only_new_m2, both_m2 : float
        Ground that one or both would wet.
    crop_risk_m2 : float
        Of what only the new one would wet, what the model of the run saw as crop.
    places : tuple of Place
        Worst first, at most `MOST_PLACES`.
    place_count : int
        Of all.
    notes : tuple of str
        What makes the replay less than exact.
    """

    run: Path
    old_litres: float
    new_litres: float
    only_old_m2: float
    only_new_m2: float
    both_m2: float
    crop_risk_m2: float
    places: tuple[Place, ...]
    place_count: int
    notes: tuple[str, ...]


def compare_on_run(
    run: Path,
    old: Path,
    new: Path,
    *,
    workers: int = 1,
    tell: Tell = lambda _, __: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> RunDifference:
    """Let two models decide on a recorded run again, and compare what they would spray.

    Both look at the recorded pictures, also where one of them made the run: then they differ by
    the models alone, not by what the recording lost.

    Raises
    ------
    RecordingError
        The run cannot be decided again, or kept no pictures.
    ModelFileError
        A model cannot be opened.
    ReplayCancelled
        It was given up.
    """
    models = (str(old), str(new))
    with WhatIf(run, workers=workers, models=models, progress=tell, cancelled=cancelled) as what_if:
        config, first = what_if.decide(ReplaySettings(model=str(old)))
        _, second = what_if.decide(ReplaySettings(model=str(new)))
    boom, reference = Boom(config.boom), what_if.reference
    wet_old, wet_new = (reference.wetted(boom, one) for one in (first, second))
    camera = config.camera
    ground = GroundPlane(camera.intrinsics, camera.pose, (camera.width_px, camera.height_px))
    with open_run(run) as recording:
        shown = frames_with_pictures(recording)
    poses = {f: pose for f, pose in what_if.input.poses.items() if f in shown}
    only_old, only_new = wet_old & ~wet_new, wet_new & ~wet_old
    found = [
        *find_places(only_new, reference, is_new=True),
        *find_places(only_old, reference, is_new=False),
    ]
    ordered = sorted(found, key=lambda one: (_RANK[one.kind], -one.area_m2))

    def area_m2(cells: NDArray[np.bool_]) -> float:
        return float(np.count_nonzero(cells)) * reference.cell_m**2

    return RunDifference(
        run=run,
        old_litres=commanded_litres(boom, first),
        new_litres=commanded_litres(boom, second),
        only_old_m2=area_m2(only_old),
        only_new_m2=area_m2(only_new),
        both_m2=area_m2(wet_old & wet_new),
        crop_risk_m2=area_m2(only_new & (reference.labels == ClassId.CROP)),
        places=tuple(_seen(one, ground, poses) for one in ordered[:MOST_PLACES]),
        place_count=len(ordered),
        notes=what_if.input.gaps,
    )


def frames_with_pictures(run: Run) -> dict[int, int]:
    """Return the frames of a run that have a picture, each with its place among them."""
    times_s = run.frame_times_s
    found = {}
    for record in run.records({topics.FRAME}):
        place = run.frame_index_at(record.t_s)
        if (
            isinstance(record.message, FrameRecord)
            and place < len(times_s)
            and abs(times_s[place] - record.t_s) < _SAME_TIME_S
        ):
            found[record.message.frame_id] = place
    return found


def find_places(cells: NDArray[np.bool_], reference: Reference, *, is_new: bool) -> list[Place]:
    """Return connected patches of ground, no picture chosen yet.

    Parameters
    ----------
    cells : (R, C) bool
        In the reference's grid: what only one of the models would wet.
    reference : Reference
    is_new : bool
        Whether that is the new one.
    """
    count, patches, stats, middles = cv2.connectedComponentsWithStats(
        cells.astype(np.uint8), connectivity=8
    )
    cell_m, places = reference.cell_m, []
    for index in range(1, count):
        left, top, columns, rows, size = (int(value) for value in stats[index])
        area_m2 = size * cell_m**2
        if area_m2 < _LEAST_M2:
            continue
        box = np.s_[top : top + rows, left : left + columns]
        labels = reference.labels[box][patches[box] == index]
        crop_m2, weed_m2 = (
            float(np.count_nonzero(labels == class_id)) * cell_m**2
            for class_id in (ClassId.CROP, ClassId.WEED)
        )
        column, row = (float(value) for value in middles[index])
        places.append(
            Place(
                kind=_kind(is_new, crop_m2, weed_m2),
                area_m2=area_m2,
                crop_m2=crop_m2,
                weed_m2=weed_m2,
                s_m=reference.s0_m + (column + 0.5) * cell_m,
                y_m=reference.y0_m + (row + 0.5) * cell_m,
                length_m=columns * cell_m,
                width_m=rows * cell_m,
                frame_id=-1,
                u_px=float("nan"),
                v_px=float("nan"),
            )
        )
    return places


def _kind(is_new: bool, crop_m2: float, weed_m2: float) -> Kind:
    if is_new:
        return "crop newly sprayed" if crop_m2 > 0.0 else "newly sprayed"
    return "weed no longer sprayed" if weed_m2 > 0.0 else "no longer sprayed"


def _seen(place: Place, ground: GroundPlane, poses: Mapping[int, VehicleState]) -> Place:
    """Return the place with the picture in whose middle it is nearest."""
    middle_m = 0.5 * (ground.near_x_m + ground.far_x_m)
    if not poses:
        return place
    frame_id, pose = min(
        poses.items(), key=lambda one: abs(place.s_m - one[1].distance_m - middle_m)
    )
    x_m = place.s_m - pose.distance_m
    if not ground.near_x_m <= x_m <= ground.far_x_m:
        return place
    ((u, v),) = ground.image_from_ground(np.array([[x_m, place.y_m]]))
    return replace(place, frame_id=frame_id, u_px=float(u), v_px=float(v))


def paint_places(
    places: Sequence[Place],
    pictures: Mapping[int, UInt8Array],
    labels: Mapping[str, Mapping[int, UInt8Array]],
    ground_px_per_m: float,
) -> list[UInt8Array]:
    """Return a picture for each place that one shows: cut out around it, each model's labels.

    Parameters
    ----------
    places : sequence of Place
    pictures : mapping of frame to image (H, W, 3) uint8 BGR
    labels : mapping of "old" and "new" to labels (H, W) uint8 by frame
    ground_px_per_m : float
        In the middle of the picture.
    """
    return [
        _painted(place, pictures[place.frame_id], labels, ground_px_per_m)
        for place in places
        if place.frame_id in pictures
    ]


def _painted(
    place: Place,
    image: UInt8Array,
    labels: Mapping[str, Mapping[int, UInt8Array]],
    ground_px_per_m: float,
) -> UInt8Array:
    half = round(ground_px_per_m * (0.5 * max(place.length_m, place.width_m) + _CONTEXT_M))
    half = max(48, min(half, min(image.shape[:2]) // 2))
    u = int(np.clip(round(place.u_px), half, image.shape[1] - half))
    v = int(np.clip(round(place.v_px), half, image.shape[0] - half))
    window = np.s_[v - half : v + half, u - half : u + half]
    cells = [image[window]]
    for name in ("old", "new"):
        cells.append(draw_labels(image[window], labels[name][place.frame_id][window]))
    sized = [cv2.resize(cell, (_CELL_PX, _CELL_PX), interpolation=cv2.INTER_AREA) for cell in cells]
    scale = _CELL_PX / (2.0 * half)
    middle = (round((place.u_px - u + half) * scale), round((place.v_px - v + half) * scale))
    arms = max(6, round(0.5 * ground_px_per_m * max(place.length_m, place.width_m) * scale))
    for cell in sized:
        cv2.circle(cell, middle, arms, (0, 0, 0), 4)
        cv2.circle(cell, middle, arms, (255, 255, 255), 2)
    return np.asarray(np.hstack(sized), dtype=np.uint8)
