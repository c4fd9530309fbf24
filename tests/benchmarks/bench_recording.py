"""What recording costs: ``python tests/benchmarks/bench_recording.py [--frames N] [--images DIR]``.

Prints processor time of the whole process for each 1280x720 frame with mask, evidence, steps, plan,
pulses and odometry, how long the caller is held up, the size of an hour at 20 frames a second, the
time to open the run and to seek in it, and the memory that reading takes. Pictures are a pan over
one large picture, as from a robot at 1 m/s, with sensor noise. ``--unpaced`` records as fast as it
goes, such as the 72000 frames of an hour, to be read.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from agriseg.clock import MonotonicClock, VirtualClock
from agriseg.config import Config
from agriseg.messages import (
    ClassId,
    Frame,
    OdometrySample,
    OdometrySource,
    Plant,
    PulseOutcome,
    PulseReport,
    Segmentation,
    SprayPlan,
    StageTimes,
    UInt8Array,
    ValveEvent,
)
from agriseg.opencv import cv2
from agriseg.pipeline_journal import (
    FramePatch,
    MapPatch,
    PipelineStep,
    PipelineSteps,
    StepKind,
)
from agriseg.recording.reader import open_run
from agriseg.recording.recorder import RunDescription, RunRecorder

WIDTH, HEIGHT, FPS = 1280, 720, 20.0
STAGE = StageTimes(
    capture_ms=15.0,
    segment_ms=35.0,
    project_ms=2.0,
    plan_ms=1.0,
    link_ms=0.3,
    forward_ms=30.0,
    overhead_ms=8.0,
)


def main() -> None:
    """Record in real time, read back, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=400)
    parser.add_argument("--unpaced", action="store_true", help="as fast as it goes")
    parser.add_argument("--images", type=Path, help="folder of field pictures; drawn by default")
    arguments = parser.parse_args()
    pictures = pan(load(arguments.images)[0] if arguments.images else drawn(0))
    with tempfile.TemporaryDirectory() as folder:
        record(Path(folder) / "run", pictures, arguments.frames, is_paced=not arguments.unpaced)
        read(Path(folder) / "run")


def load(folder: Path) -> list[UInt8Array]:
    """Return up to 40 pictures of a folder at the benchmark's size."""
    files = sorted(p for p in folder.iterdir() if p.suffix.lower() in (".jpg", ".png", ".jpeg"))
    images = [cv2.imread(str(file)) for file in files[:40]]
    return [np.asarray(cv2.resize(i, (WIDTH, HEIGHT)), np.uint8) for i in images if i is not None]


def pan(picture: UInt8Array) -> list[UInt8Array]:
    """Return pictures of a camera that moves 53 rows from one to the next, there and back."""
    rows = HEIGHT + 53 * 19
    ground = cv2.resize(picture, (WIDTH, rows), interpolation=cv2.INTER_CUBIC)
    rng = np.random.default_rng(2)
    views = []
    for first in range(0, rows - HEIGHT + 1, 53):
        noise = rng.normal(0.0, 2.0, (HEIGHT, WIDTH, 1))
        seen = ground[first : first + HEIGHT] + noise
        views.append(np.clip(seen, 0, 255).astype(np.uint8))
    return views + views[-2:0:-1]


def drawn(seed: int) -> UInt8Array:
    """Return soil-like noise with green blots."""
    rng = np.random.default_rng(seed)
    small = rng.normal(0.0, 25.0, (HEIGHT // 3, WIDTH // 3))
    soil = cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    image = np.clip(soil[..., None] + np.array([70.0, 95.0, 120.0]), 0, 255).astype(np.uint8)
    for _ in range(30):
        centre = (int(rng.integers(WIDTH)), int(rng.integers(HEIGHT)))
        cv2.circle(image, centre, int(rng.integers(6, 30)), (50, 140, 60), -1)
    return image


def mask_of(image: UInt8Array) -> UInt8Array:
    """Return labels by the excess of green, smooth as a network's: left crop, right weed."""
    smooth = cv2.GaussianBlur(image, (0, 0), 4.0)
    blue, green, red = (smooth[..., channel].astype(np.int16) for channel in range(3))
    plant = 2 * green - red - blue > 25
    side = np.where(np.arange(WIDTH) < WIDTH // 2, ClassId.CROP, ClassId.WEED).astype(np.uint8)
    return np.where(plant, side, np.uint8(0))


def record(directory: Path, pictures: list[UInt8Array], frames: int, *, is_paced: bool) -> None:
    """Record at 20 frames a second and print what it cost."""
    clock = MonotonicClock() if is_paced else VirtualClock()
    masks = [mask_of(picture) for picture in pictures]
    recorder = RunRecorder(
        directory, Config(), RunDescription(), clock=clock, wait_for_room=not is_paced
    )
    patches = [patch_of(mask) for mask in masks]
    held_ms = []
    start_s, processor_s = clock.now_s(), time.process_time()
    for index in range(frames):
        clock.sleep_until(start_s + index / FPS)
        frame, segmentation = made(index, pictures, masks, clock.now_s())
        plan = planned(index, clock.now_s())
        began_s = time.perf_counter()
        recorder.frame(frame, segmentation, None, STAGE)
        recorder.plan(plan)
        recorder.journal(stepped(index, patches[index % len(patches)], clock.now_s()))
        for event in plan.events:
            recorder.controller(reported(event, clock.now_s()))
        for _ in range(3):
            recorder.controller(moved(index, clock.now_s()))
        held_ms.append((time.perf_counter() - began_s) * 1e3)
    recorder.close()
    processor_ms = (time.process_time() - processor_s) * 1e3
    counters = recorder.counters
    size = sum(file.stat().st_size for file in directory.glob("*.mcap"))
    data = sum(file.stat().st_size for file in directory.glob("data-*.mcap"))
    per_hour = FPS * 3600.0 / frames / 1e9
    p50, p99 = np.percentile(held_ms, (50, 99))
    print(f"{frames} frames of {WIDTH}x{HEIGHT}, {counters.pictures_dropped} pictures dropped")
    print(f"processor time: {processor_ms / frames:.2f} ms a frame")
    print(f"caller held up: p50 {p50:.3f} ms, p99 {p99:.3f} ms, max {max(held_ms):.3f} ms")
    print(f"size: {size * per_hour:.2f} GB an hour, {data * per_hour:.3f} without pictures")


def patch_of(mask: UInt8Array) -> MapPatch:
    """Return evidence as the map would take it: smooth, in 64 levels, 4 mm cells."""
    planes = []
    for class_id in (ClassId.WEED, ClassId.CROP):
        sure = np.where(mask == class_id, np.uint8(255), np.uint8(0))
        soft = cv2.resize(cv2.GaussianBlur(sure, (0, 0), 3.0), (301, 169))
        planes.append(np.ascontiguousarray(soft.T // 4 * 4))
    return MapPatch(weed=planes[0], crop=planes[1])


def stepped(index: int, patch: MapPatch, t_s: float) -> PipelineSteps:
    """Return what a pipeline is given in a twentieth of a second."""
    steps = [PipelineStep(kind=StepKind.PLAN, t_s=t_s + 0.005 * k) for k in range(11)]
    steps += [PipelineStep(kind=StepKind.READING, sample=moved(index, t_s)) for _ in range(3)]
    steps.append(PipelineStep(kind=StepKind.FRAME, t_s=t_s - 0.05, frame_id=index))
    taken = FramePatch(frame_id=index, t_capture_s=t_s - 0.05, patch=patch)
    return PipelineSteps(t_s=t_s, first=15 * index, steps=tuple(steps), patches=(taken,))


def made(
    index: int, pictures: list[UInt8Array], masks: list[UInt8Array], t_s: float
) -> tuple[Frame, Segmentation]:
    """Return a frame and its segmentation."""
    which = index % len(pictures)
    frame = Frame(frame_id=index, t_capture_s=t_s - 0.05, image=pictures[which])
    segmentation = Segmentation(
        frame_id=index,
        t_capture_s=frame.t_capture_s,
        labels=masks[which],
        weed_probability=masks[which],
        crop_probability=masks[which],
        forward_ms=30.0,
        segmenter="benchmark",
    )
    return frame, segmentation


def planned(index: int, t_s: float) -> SprayPlan:
    """Return a plan with three pulses and three plants."""
    events = tuple(
        ValveEvent(
            event_id=3 * index + k,
            nozzle_id=(index + 5 * k) % 24,
            by_distance=True,
            open_at=0.1 * index,
            close_at=0.1 * index + 0.05,
            wanted_s_min_m=0.1 * index,
            wanted_s_max_m=0.1 * index + 0.05,
        )
        for k in range(3)
    )
    plants = tuple(
        Plant(
            plant_id=3 * index + k,
            class_id=ClassId.WEED,
            s_m=0.1 * index,
            y_m=0.1 * k,
            s_min_m=0.1 * index,
            s_max_m=0.1 * index + 0.04,
            y_min_m=0.1 * k,
            y_max_m=0.1 * k + 0.04,
            area_m2=0.001,
            confidence=0.87,
            decision="spray: weed, sure",
        )
        for k in range(3)
    )
    return SprayPlan(frame_id=index, t_plan_s=t_s, events=events, plants=plants)


def reported(event: ValveEvent, t_s: float) -> PulseReport:
    """Return the report of a pulse done as asked."""
    return PulseReport(
        event_id=event.event_id,
        nozzle_id=event.nozzle_id,
        outcome=PulseOutcome.DONE,
        t_open_s=t_s,
        t_close_s=t_s + 0.02,
        open_m=event.open_at,
        close_m=event.close_at,
    )


def moved(index: int, t_s: float) -> OdometrySample:
    """Return an odometer reading."""
    return OdometrySample(
        t_s=t_s, distance_m=0.1 * index, speed_m_s=2.0, source=OdometrySource.WHEEL
    )


def read(directory: Path) -> None:
    """Open the run, seek in it, and print how long it takes."""
    began_s = time.perf_counter()
    with open_run(directory) as run:
        count = run.frame_count
        print(f"opened with {count} pictures in {(time.perf_counter() - began_s) * 1e3:.0f} ms")
        seek_ms = []
        for index in np.random.default_rng(1).integers(0, count, 60):
            began_s = time.perf_counter()
            run.frame(int(index))
            seek_ms.append((time.perf_counter() - began_s) * 1e3)
        p50, p95 = np.percentile(seek_ms, (50, 95))
        print(f"seek to any frame: p50 {p50:.1f} ms, p95 {p95:.1f} ms")
        resident_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"memory of this process at most: {resident_mb:.0f} MB")


if __name__ == "__main__":
    main()
