"""How fast every runtime is on this computer, and how far its labels are from float32."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agriseg.errors import AgrisegError
from agriseg.evaluation.loss import AccuracyLoss, Picture, Pictures, measure_loss
from agriseg.messages import Frame
from agriseg.models.bundle import ModelBundle
from agriseg.models.forms import CONVERTED_WHEN_OPENED, FORMS, REFERENCE, open_form, why_missing
from agriseg.models.runtime_memory import MeasuredForm, machine, versions
from agriseg.models.sizing import Size, network_size
from agriseg.models.timing import Turns, time_in_turn
from agriseg.opencv import cv2
from agriseg.ports import Segmenter

SCHEMA = "agriseg-benchmark"
SCHEMA_VERSION = 1
MOST_PICTURES = 12

_FRAMES_PER_TURN = 5
_TURN_S = 0.5
_LEAST_ROUNDS = 3

Tell = Callable[[str], None]
"""Is told in words what is being done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredRuntime:
    """One runtime's times per frame, frame bytes in to byte maps out, and its accuracy."""

    form: str
    name: str
    median_ms: float
    p95_ms: float
    frames: int
    loss: AccuracyLoss

    @property
    def fps(self) -> float:
        """Frames per second at the median."""
        return 1e3 / self.median_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """What was measured, and under which conditions."""

    size: Size
    threads: int
    pictures: str
    runtimes: tuple[MeasuredRuntime, ...]
    unavailable: Mapping[str, str]

    @property
    def best(self) -> MeasuredRuntime:
        """The fastest runtime that loses at most one point of mean IoU against float32."""
        return min((r for r in self.runtimes if r.loss.is_bounded), key=lambda r: r.median_ms)

    @property
    def best_to_open(self) -> MeasuredRuntime:
        """The same among those that open without converting the model first."""
        bounded = (r for r in self.runtimes if r.loss.is_bounded)
        quick = (r for r in bounded if r.form not in CONVERTED_WHEN_OPENED)
        return min(quick, key=lambda r: r.median_ms)


def run_benchmark(
    bundle: ModelBundle,
    pictures: Pictures,
    size: Size,
    *,
    threads: int,
    seconds: float,
    tell: Tell = lambda _: None,
) -> Benchmark:
    """Measure every runtime there is, in turn, in rounds.

    Parameters
    ----------
    bundle : ModelBundle
    pictures : Pictures
        Brought to ``size``; at most 12 of them are used.
    size : Size
        Of the frames.
    threads : int
        CPU threads.
    seconds : float
        How long to measure speed, all runtimes together; opening and comparing come on top.
    tell : callable
    """
    loads = pictures.load[:: max(1, -(-len(pictures.load) // MOST_PICTURES))]
    shown = [_resized(load(), size) for load in loads]
    unavailable = {form: why_missing(bundle, form) for form in FORMS}
    segmenters: dict[str, Segmenter] = {}
    try:
        for form in [form for form, why in unavailable.items() if not why]:
            tell(f"opening {form}")
            try:
                segmenters[form] = _open_and_try(bundle, form, threads, shown[0][0])
            except (AgrisegError, RuntimeError, ValueError, ImportError, OSError) as error:
                if form == REFERENCE:
                    raise
                unavailable[form] = str(error)
        losses = {}
        for form, segmenter in segmenters.items():
            tell(f"comparing the labels of {form} with float32")
            losses[form] = measure_loss(segmenters[REFERENCE], segmenter, shown)
        tell(f"measuring speed for {seconds:.0f} s")
        times_ms = measure_in_turn(segmenters, [image for image, _ in shown], seconds)
        return Benchmark(
            size=size,
            threads=threads,
            pictures=pictures.name,
            runtimes=tuple(
                _measured(form, segmenter, times_ms[form], losses[form])
                for form, segmenter in segmenters.items()
            ),
            unavailable={form: why for form, why in unavailable.items() if why},
        )
    finally:
        for segmenter in segmenters.values():
            segmenter.close()


def measure_in_turn(
    segmenters: Mapping[str, Segmenter],
    images: Sequence[NDArray[np.uint8]],
    seconds: float,
    now_s: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Time segmenters in rounds, each a few frames at a turn; see `agriseg.models.timing`.

    Parameters
    ----------
    segmenters : mapping of name to Segmenter
    images : sequence of (H, W, 3) uint8
        Shown in turn.
    seconds : float
        At least three rounds are done, however long they take.
    now_s : callable
        Clock.

    Returns
    -------
    dict of name to times in milliseconds
    """
    frames = _frames(images)
    return time_in_turn(
        {name: partial(_show_next, one, frames) for name, one in segmenters.items()},
        Turns(rounds=_LEAST_ROUNDS, seconds=seconds, runs=_FRAMES_PER_TURN, turn_s=_TURN_S),
        now_s,
    )


def benchmark_figures(bundle: ModelBundle, benchmark: Benchmark) -> dict[str, Any]:
    """Return everything that ``agriseg benchmark --json`` writes."""
    best, size = benchmark.best, benchmark.size
    looked_at = network_size(size, bundle.manifest.input.long_side_px)
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "model": f"{bundle.manifest.name} {bundle.manifest.version}",
        "architecture": bundle.manifest.architecture,
        "size": f"{size.width_px}x{size.height_px}",
        "network_size": f"{looked_at.width_px}x{looked_at.height_px}",
        "threads": benchmark.threads,
        "pictures": benchmark.pictures,
        "machine": machine(),
        "versions": versions(),
        "best": {"runtime": best.form, "fps": best.fps, "median_ms": best.median_ms},
        "remembered": benchmark.best_to_open.form,
        "runtimes": {
            runtime.form: {
                "name": runtime.name,
                "median_ms": runtime.median_ms,
                "p95_ms": runtime.p95_ms,
                "fps": runtime.fps,
                "frames": runtime.frames,
                "difference": runtime.loss.figures(),
            }
            for runtime in benchmark.runtimes
        },
        "unavailable": dict(benchmark.unavailable),
    }


def to_remember(benchmark: Benchmark) -> MeasuredForm:
    """Return what `agriseg.models.runtime_memory` keeps of a benchmark."""
    best = benchmark.best_to_open
    return MeasuredForm(
        form=best.form,
        fps=best.fps,
        size=benchmark.size,
        threads=benchmark.threads,
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _open_and_try(
    bundle: ModelBundle, form: str, threads: int, image: NDArray[np.uint8]
) -> Segmenter:
    """Open a form and show it one frame: some runtimes refuse a network only then."""
    segmenter = open_form(bundle, form, threads, may_convert=True)
    segmenter.segment(Frame(frame_id=0, t_capture_s=0.0, image=image))
    return segmenter


def _measured(
    form: str, segmenter: Segmenter, times_ms: Sequence[float], loss: AccuracyLoss
) -> MeasuredRuntime:
    median_ms, p95_ms = np.percentile(times_ms, [50, 95])
    return MeasuredRuntime(
        form=form,
        name=segmenter.name,
        median_ms=float(median_ms),
        p95_ms=float(p95_ms),
        frames=len(times_ms),
        loss=loss,
    )


def _resized(picture: Picture, size: Size) -> Picture:
    image, truth = picture
    shape = (size.width_px, size.height_px)
    scaled = cv2.resize(image, shape, interpolation=cv2.INTER_AREA)
    mask = None if truth is None else cv2.resize(truth, shape, interpolation=cv2.INTER_NEAREST)
    return np.asarray(scaled, np.uint8), None if mask is None else np.asarray(mask, np.uint8)


def _show_next(segmenter: Segmenter, frames: Iterator[Frame]) -> None:
    segmenter.segment(next(frames))


def _frames(images: Sequence[NDArray[np.uint8]]) -> Iterator[Frame]:
    number = 0
    while True:
        image = images[number % len(images)]
        yield Frame(frame_id=number, t_capture_s=0.0, image=image)
        number += 1
