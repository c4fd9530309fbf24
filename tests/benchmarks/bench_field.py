"""Time of the simulated field: ``python tests/benchmarks/bench_field.py``."""

from __future__ import annotations

import time

import numpy as np

from agriseg.cameras.synthetic import SyntheticCamera
from agriseg.clock import VirtualClock
from agriseg.config import Config, SimulationConfig
from agriseg.opencv import cv2
from agriseg.simulation.opening import open_world
from agriseg.simulation.procedural_field import TILE_M
from agriseg.simulation.trajectory import Trajectory
from agriseg.simulation.truth import TruthSegmenter

FRAMES = 60
TILES = 24


def main() -> None:
    """Print what a frame costs on ground that is there, and what new ground costs."""
    cv2.setNumThreads(1)
    began = time.perf_counter()
    world = open_world(Config())
    print(f"field opened in {_ms(began):.0f} ms")
    tiles = []
    for index in range(TILES):
        began = time.perf_counter()
        world.tile(index)
        tiles.append(_ms(began))
    per_m = float(np.mean(tiles[4:])) / TILE_M
    print(f"new ground: {per_m:.0f} ms per metre, {0.1 * per_m:.1f} ms per frame at 2 m/s, 20/s")
    _frames()


def _frames() -> None:
    """Stand still over one place, so that no ground is made."""
    config = Config(simulation=SimulationConfig(speed_m_s=0.0))
    world, trajectory = open_world(config), Trajectory(config.simulation)
    camera = SyntheticCamera(world, trajectory, config.camera, VirtualClock(), 0.0)
    segmenter = TruthSegmenter(world, trajectory, config.camera, 0.0)
    rendering, labelling = [], []
    for _ in range(FRAMES):
        began = time.perf_counter()
        frame = camera.read(1.0)
        rendering.append(_ms(began))
        assert frame is not None
        began = time.perf_counter()
        segmenter.segment(frame)
        labelling.append(_ms(began))
    print(f"frame 960x544: {np.median(rendering[3:]):.1f} ms p50")
    print(f"true labels: {np.median(labelling[3:]):.1f} ms p50")


def _ms(began_s: float) -> float:
    return 1e3 * (time.perf_counter() - began_s)


if __name__ == "__main__":
    main()
