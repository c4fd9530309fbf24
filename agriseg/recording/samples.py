"""The report's sample pictures: those that tell most, with what the model saw drawn on them."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import numpy as np

from agriseg.errors import RecordingError
from agriseg.messages import ClassId, Float64Array, UInt8Array
from agriseg.opencv import cv2
from agriseg.overlay import CROP_RGB, OVERLAY_ALPHA, WEED_RGB
from agriseg.recording.history import RunHistory
from agriseg.recording.pictures import encode_jpeg
from agriseg.recording.reader import Run

_MOST_SAMPLES = 6
_WIDTH_PX = 640
_QUALITY = 82
_APART_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A picture with overlay beside the bare one, as ``data:`` addresses, and why it was chosen."""

    bare_uri: str
    overlay_uri: str
    title: str
    text: str


def choose_samples(run: Run, history: RunHistory) -> list[Sample]:
    """Return up to six pictures: most weeds, least sure, weeds close to crop, typical, first."""
    times = run.frame_times_s
    if not len(times):
        return []
    scores = _scores(history, times)
    chosen: dict[int, str] = {}
    for title, score, count in scores:
        for _ in range(count):
            index = _best(score, times, list(chosen))
            if index is not None and len(chosen) < _MOST_SAMPLES:
                chosen[index] = title
    samples = [_sample(run, history, index, title) for index, title in sorted(chosen.items())]
    return [sample for sample in samples if sample is not None]


def overlay_on(image: UInt8Array, labels: UInt8Array) -> UInt8Array:
    """Return the (H, W, 3) BGR picture with crop and weed tinted and outlined."""
    out = image.copy()
    for class_id, rgb in ((ClassId.CROP, CROP_RGB), (ClassId.WEED, WEED_RGB)):
        mask = labels == class_id
        tint = np.array(rgb[::-1], np.float64)
        out[mask] = (image[mask] * (1.0 - 0.7 * OVERLAY_ALPHA) + tint * 0.7 * OVERLAY_ALPHA).astype(
            np.uint8
        )
        outlines, _ = cv2.findContours(
            mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
        )
        cv2.drawContours(out, outlines, -1, tuple(int(v) for v in tint), 1, cv2.LINE_AA)
    return out


def _scores(history: RunHistory, times: Float64Array) -> list[tuple[str, Float64Array, int]]:
    """Return, for each reason to show a picture, how well each of them fits it."""
    frame_t = np.array(history.frame_t_s)
    rows = np.clip(np.searchsorted(frame_t, times - 1e-6), 0, len(frame_t) - 1)
    weed = np.array([history.frames[row].weed_cover for row in rows], np.float64)
    crop = np.array([history.frames[row].crop_cover for row in rows], np.float64)
    weed, crop = np.nan_to_num(weed), np.nan_to_num(crop)
    typical = -np.abs(weed - np.median(weed))
    doubt = _doubt(history, [history.frames[row].frame_id for row in rows])
    return [
        ("Most weeds", weed, 2),
        ("Least sure", doubt, 2),
        ("Weeds among crop", np.sqrt(weed * crop), 1),
        ("Typical", typical, 1),
    ]


def _doubt(history: RunHistory, frame_ids: list[int]) -> Float64Array:
    """Return how unsure the least certain plant of each frame's plans was, -inf without any."""
    doubt = {
        frame_id: max(1.0 - 2.0 * abs(confidence - 0.5) for confidence in confidences)
        for frame_id, confidences in history.confidences.items()
    }
    return np.array([doubt.get(frame_id, -np.inf) for frame_id in frame_ids], np.float64)


def _best(score: Float64Array, times: Float64Array, taken: list[int]) -> int | None:
    """Return the best-scored picture that is not close in time to one already taken."""
    free = np.isfinite(score)
    for index in taken:
        free &= np.abs(times - times[index]) > _APART_S
    if not free.any():
        return None
    return int(np.flatnonzero(free)[np.argmax(score[free])])


def _sample(run: Run, history: RunHistory, index: int, title: str) -> Sample | None:
    try:
        frame = run.frame(index)
    except RecordingError:
        return None
    scale = min(1.0, _WIDTH_PX / frame.image.shape[1])
    size = (round(frame.image.shape[1] * scale), round(frame.image.shape[0] * scale))
    image = np.asarray(cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA), np.uint8)
    labels = np.asarray(cv2.resize(frame.labels, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    text = (
        f"{frame.t_s - history.start_s:.1f} s, weed {100 * frame.record.weed_cover:.1f} %,"
        f" crop {100 * frame.record.crop_cover:.1f} %"
    )
    return Sample(
        bare_uri=_uri(image),
        overlay_uri=_uri(overlay_on(image, labels)),
        title=title,
        text=text,
    )


def _uri(image: UInt8Array) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(encode_jpeg(image, _QUALITY)).decode()
