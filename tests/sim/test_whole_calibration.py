"""A machine with wrong factory values, calibrated through the steps alone, then sent spraying."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from agriseg.calibration.overlay import calibrated
from agriseg.calibration.steps import StepResult, accept_result
from agriseg.calibration.store import CalibrationStore
from agriseg.calibration.yard import Leg
from agriseg.calibration.yard_tests import run_test
from agriseg.commands.calibrate_step import StepRun, run_step
from agriseg.config import Config, parse_config
from agriseg.config_values import true_config, with_values
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.headless import run_headless
from agriseg.messages import Float64Array
from agriseg.spraying.boom import Boom

NOZZLES = 24
PICTURED = ("camera", "ground")
DRIVEN = ("wheel", "nozzles", "latency", "verification")
CAMERA = {
    "camera.intrinsics.fx_px": 822.0,
    "camera.intrinsics.fy_px": 819.0,
    "camera.intrinsics.cx_px": 471.0,
    "camera.intrinsics.cy_px": 280.0,
    "camera.intrinsics.k1": -0.11,
    "camera.intrinsics.k2": 0.04,
    "camera.pose.x_m": 1.58,
    "camera.pose.y_m": 0.03,
    "camera.pose.z_m": 1.05,
    "camera.pose.roll_deg": 1.5,
    "camera.pose.pitch_deg": 6.0,
    "camera.pose.yaw_deg": -1.0,
}


class Obedient:
    """A guide that lets every test go on."""

    def drive(self, leg: Leg) -> None:
        pass

    def say(self, text: str, fraction: float) -> None:
        pass

    def stopped(self) -> bool:
        return False

    def confirmed(self) -> bool:
        return False


UNWATCHED = {"camera.moved_stop_deg": 0.0, "camera.height_stop_fraction": 0.0}
"""A camera so far off closes the nozzles within a second or two; here its spray is to be seen."""


def wrong_machine(directory: Path, seed: int, camera: Mapping[str, float] = CAMERA) -> Config:
    """Return a machine of which nothing is as its configuration says: camera to wheel."""
    rng = np.random.default_rng(seed)
    truth = {
        **camera,
        "wheel.counts_per_m": 2000.0 * float(rng.uniform(0.95, 1.05)),
        "boom.x_m": float(rng.uniform(-0.05, 0.05)),
        "boom.y_offset_m": float(rng.uniform(-0.02, 0.02)),
    }
    for nozzle in range(NOZZLES):
        truth[f"boom.nozzles.{nozzle}.open_latency_ms"] = float(rng.uniform(14.0, 24.0))
        truth[f"boom.nozzles.{nozzle}.close_latency_ms"] = float(rng.uniform(4.0, 9.0))
    return parse_config(
        {
            "model": {"method": "truth"},
            "boom": {"nozzle_count": NOZZLES},
            "calibration": {"directory": str(directory / "calibration")},
            "simulation": {"seed": seed, "truth": truth, "speed_m_s": 2.0},
        },
        source="test",
    )


def accepted(step: str, configured: Config, store: CalibrationStore) -> StepResult:
    """Measure a step with what is in force and accept it."""
    in_force = calibrated(configured, store).config
    result = run_test(in_force, step, {}, Obedient()).result
    assert result is not None
    accept_result(
        step,
        result,
        store=store,
        configured=configured,
        in_force=in_force,
        when=datetime.now(UTC),
    )
    return result


def chain(config: Config, out: Path) -> tuple[float, dict[str, float]]:
    """Return the share of reachable weeds hit, and the leading edge's percentiles in mm."""
    summary = run_headless(config, seconds=6.0, out=out, realtime=False).summary
    score = summary["truth_score"]
    assert score["weeds_reachable"] >= 20
    return score["weeds_hit_fraction"], score["position_error_mm"]


def seen_from_camera(config: Config) -> tuple[Float64Array, Float64Array]:
    """Return where nozzles (N, 2) and ground in the picture (M, 2) lie, from the camera's foot.

    Where base_link is along the machine is nobody's to measure: all calibrations share it.
    """
    camera, boom = config.camera, Boom(config.boom)
    plane = GroundPlane(camera.intrinsics, camera.pose, (camera.width_px, camera.height_px))
    u, v = np.meshgrid(np.linspace(60, 900, 8), np.linspace(40, 500, 6))
    ground = plane.ground_from_image(np.column_stack((u.ravel(), v.ravel())))
    foot = np.array([camera.pose.x_m, camera.pose.y_m])
    return np.column_stack((boom.x_m, boom.y_m)) - foot, ground - foot


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("camera", "pictured"),
    [({}, ()), (CAMERA, PICTURED)],
    ids=["boom-valves-wheel", "camera-too"],
)
def test_wrong_factory_values_are_calibrated_away(
    tmp_path: Path, camera: dict[str, float], pictured: tuple[str, ...]
) -> None:
    configured = wrong_machine(tmp_path, 4, camera)
    store = CalibrationStore(tmp_path / "calibration" / "simulated.jsonl")
    _, wrong_mm = chain(with_values(configured, UNWATCHED, "test"), tmp_path / "wrong")
    for step in pictured:
        run_step(StepRun(step=step, configured=configured, accept=True))
    results = {step: accepted(step, configured, store) for step in DRIVEN}
    in_force, truth = calibrated(configured, store).config, true_config(configured)
    believed, true = Boom(in_force.boom), Boom(truth.boom)
    (nozzles, ground), (true_nozzles, true_ground) = map(seen_from_camera, (in_force, truth))
    off = {
        "ground_p95_mm": 1e3 * float(np.percentile(np.hypot(*(ground - true_ground).T), 95)),
        "nozzle_mm": 1e3 * float(np.abs(nozzles - true_nozzles).max()),
        "open_ms": 1e3 * float(np.abs(believed.open_delay_s - true.open_delay_s).max()),
        "close_ms": 1e3 * float(np.abs(believed.close_delay_s - true.close_delay_s).max()),
        "wheel_percent": 100.0 * abs(in_force.wheel.counts_per_m / truth.wheel.counts_per_m - 1.0),
    }
    hit, right_mm = chain(in_force, tmp_path / "right")
    sys.stdout.write(f"{off}, hit {hit:.4f}, leading edge {right_mm}\n")
    assert wrong_mm["p99"] > 20.0
    assert results["verification"].facts["passed"]
    assert off["ground_p95_mm"] <= 3.0
    assert off["nozzle_mm"] < 5.0
    assert max(off["open_ms"], off["close_ms"]) < 2.0
    assert off["wheel_percent"] < 0.3
    assert hit >= 0.995
    assert right_mm["p99"] <= 10.0
