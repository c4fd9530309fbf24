"""Time of the stages after the model, per frame: ``python tests/benchmarks/bench_pipeline.py``.

960x544 labels with certain probabilities, 24 nozzles, 4 mm cells, 2 m/s and 20 frames a
second; ``plan`` is the first plan of a frame, ``commit`` one of those between frames. Figures are
the time that one thread had on a core, so that other work on the computer does not count.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "sim"))

from label_field import SIZE, Drive, make_config, scattered

from agriseg.geometry.ground_plane import GroundPlane
from agriseg.geometry.visual_odometry import VisualOdometry
from agriseg.messages import Frame, OdometrySample, OdometrySource


def clock() -> float:
    """Time that this thread had on a core: a busy computer does not count."""
    return time.thread_time()


def _two_m_s(t: float) -> float:
    return 2.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=60)
    frames = parser.parse_args().frames
    cv2.setNumThreads(1)
    for lens in ({}, {"k1": -0.25, "k2": 0.06}):
        print("distorting lens" if lens else "lens without distortion")
        drive = Drive(scattered(12.0, seed=5), make_config(camera={"intrinsics": lens}), _two_m_s)
        for name, seconds in _stages(drive, frames).items():
            _report(name, seconds)
        _report("visual", _visual_odometry(drive.ground, frames))


def _stages(drive: Drive, frames: int) -> dict[str, list[float]]:
    project, plan, commit = [], [], []
    for index in range(frames):
        t = 0.05 * index
        drive.pipeline.odometry.add(
            OdometrySample(t_s=t, distance_m=2.0 * t, speed_m_s=2.0, source=OdometrySource.WHEEL)
        )
        frame, segmentation = drive._see(index, t, 2.0 * t)
        start = clock()
        drive.pipeline.integrate(frame, segmentation)
        mapped = clock()
        drive.pipeline.plan(t + 0.03)
        planned = clock()
        drive.pipeline.plan(t + 0.04)
        project.append(mapped - start)
        plan.append(planned - mapped)
        commit.append(clock() - planned)
    return {"project": project, "plan": plan, "commit": commit}


def _visual_odometry(ground: GroundPlane, frames: int) -> list[float]:
    rng = np.random.default_rng(1)
    texture = cv2.GaussianBlur(rng.integers(0, 255, (6000, 960, 3), np.uint8), (0, 0), 3.0)
    odometry, seconds = VisualOdometry(ground), []
    for index in range(frames):
        top = 5000 - 80 * (index % 60)
        image = np.ascontiguousarray(texture[top : top + SIZE[1]])
        frame = Frame(frame_id=index, t_capture_s=0.05 * index, image=image)
        start = clock()
        odometry.add(frame)
        seconds.append(clock() - start)
    return seconds


def _report(name: str, seconds: list[float]) -> None:
    milliseconds = 1e3 * np.array(seconds)
    p50, p95 = np.percentile(milliseconds, [50, 95])
    print(f"  {name:8s} p50 {p50:6.2f} ms  p95 {p95:6.2f} ms")


if __name__ == "__main__":
    main()
