"""Camera and ground calibration over many rendered trials whose truth is known.

    python tests/benchmarks/bench_lens_and_ground.py --trials 200

Each trial has its own lens, pose (15 degrees of tilt, give or take 2), board positions and sensor
noise. It prints the ground's error over the working area, and how often the truth was inside the
stated uncertainty (95 %: two standard uncertainties), every 20 trials so far, so that a run that is
broken off has told something.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import numpy as np

from agriseg.calibration.board_finder import BoardFinder
from agriseg.calibration.ground_fit import fit_ground, ground_at, ground_std_m, working_area_px
from agriseg.calibration.lens_fit import PARAMETERS, BoardView, fit_lens
from agriseg.config import CameraPoseConfig, IntrinsicsConfig
from agriseg.geometry.boards import BoardSpec
from agriseg.geometry.ground_plane import GroundPlane, camera_axes
from agriseg.geometry.intrinsics import Lens
from agriseg.simulation.board_view import BoardView as RenderedBoard
from agriseg.simulation.props import ground_board_pose, held_board_pose

SIZE = (960, 544)
BOARD = BoardSpec()
BOARD_M = (1e-3 * BOARD.size_mm[0], 1e-3 * BOARD.size_mm[1])
VIEWS = 16
FRAMES = 8
_TELL_EVERY = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--noise", type=float, default=2.0, help="of 255 (default: 2)")
    arguments = parser.parse_args()
    began_s = time.perf_counter()
    errors, inside_ground, inside_lens = [], [], []
    for trial in range(arguments.trials):
        error_m, std_m, lens_ratio = _trial(np.random.default_rng([trial, 17]), arguments.noise)
        errors.append(1e3 * np.hypot(error_m[:, 0], error_m[:, 1]))
        inside_ground.append(np.abs(error_m) < 2.0 * std_m)
        inside_lens.append(np.abs(lens_ratio) < 2.0)
        if (trial + 1) % _TELL_EVERY == 0 or trial + 1 == arguments.trials:
            print(f"{trial + 1} trials, {time.perf_counter() - began_s:.0f} s")
            _tell(errors, inside_ground, inside_lens)


def _tell(
    errors: Sequence[np.ndarray],
    inside_ground: Sequence[np.ndarray],
    inside_lens: Sequence[np.ndarray],
) -> None:
    millimetres = np.concatenate(errors)
    worst = np.array([np.percentile(e, 95) for e in errors])
    print(f"ground error p50 {np.percentile(millimetres, 50):.2f} mm", end=", ")
    print(f"p95 {np.percentile(millimetres, 95):.2f} mm; worst trial's p95 {worst.max():.2f} mm")
    print(f"inside the stated 95 %: ground {100 * np.mean(np.concatenate(inside_ground)):.1f} %")
    for name, share in zip(PARAMETERS, np.mean(inside_lens, axis=0), strict=False):
        print(f"  {name:6} {100 * share:.1f} %", flush=True)


def _trial(rng: np.random.Generator, noise: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return error and stated uncertainty (N, 2) on the ground, and the lens's errors by it."""
    lens = IntrinsicsConfig(
        fx_px=rng.uniform(700, 900),
        fy_px=rng.uniform(700, 900),
        cx_px=rng.normal(479.5, 8.0),
        cy_px=rng.normal(271.5, 8.0),
        k1=rng.uniform(-0.2, 0.05),
        k2=rng.uniform(-0.02, 0.06),
        p1=rng.normal(0.0, 0.0005),
        p2=rng.normal(0.0, 0.0005),
    )
    pose = CameraPoseConfig(
        x_m=1.5,
        y_m=rng.normal(0.0, 0.02),
        z_m=rng.uniform(0.9, 1.1),
        roll_deg=rng.normal(0.0, 1.5),
        pitch_deg=rng.uniform(13.0, 17.0),
        yaw_deg=rng.normal(0.0, 1.5),
    )
    ground = GroundPlane(lens, pose, SIZE)
    board = RenderedBoard(ground.lens, BOARD.cells(), BOARD_M, blur_px=rng.uniform(0.4, 0.8))
    finder = BoardFinder(BOARD)
    views = []
    first = int(rng.integers(0, 1000))
    for index in range(VIEWS):
        seen = finder.find(
            _noisy(board, held_board_pose(ground, 1.2 * (first + index)), noise, rng)
        )
        if seen is not None and not seen.problem:
            views.append(BoardView(corners_px=seen.corners_px, ids=seen.ids))
    fit = fit_lens(BOARD, views, SIZE)
    lens_error = [getattr(fit.intrinsics, n) - getattr(lens, n) for n in PARAMETERS[:8]]
    lying = ground_board_pose(ground)
    seen_px = np.full((FRAMES, BOARD.corner_count, 2), np.nan)
    for index in range(FRAMES):
        seen = finder.find(_noisy(board, lying, noise, rng))
        if seen is not None:
            seen_px[index, seen.ids] = seen.corners_px
    found = np.isfinite(seen_px[:, :, 0]).sum(axis=0) >= FRAMES // 2
    camera = np.column_stack((BOARD.corners_m, np.zeros(BOARD.corner_count)))
    in_camera = camera @ lying.r_camera_board.T + lying.origin_m
    points = in_camera @ camera_axes(pose).T + np.array([pose.x_m, pose.y_m, pose.z_m])
    points[:, 2] = 0.0
    placed = fit_ground(
        intrinsics=fit.intrinsics,
        size=SIZE,
        image_px=np.nanmedian(seen_px, axis=0)[found],
        points_m=points[found],
        lens_covariance=fit.covariance,
    )
    area = working_area_px(ground)
    error = ground_at(Lens(fit.intrinsics, SIZE), placed.pose, area) - ground.ground_from_image(
        area
    )
    std = ground_std_m(placed, fit.intrinsics, SIZE, area, fit.covariance)
    return error, std, np.array(lens_error) / fit.std[:8]


def _noisy(
    board: RenderedBoard, pose: object, noise: float, rng: np.random.Generator
) -> np.ndarray:
    drawn = board.draw(np.full((SIZE[1], SIZE[0], 3), 90, np.uint8), pose)  # type: ignore[arg-type]
    shown = drawn + rng.normal(0.0, noise, drawn.shape)
    return np.clip(shown + 0.5, 0, 255).astype(np.uint8)


if __name__ == "__main__":
    main()
