"""Real time, real processes, a real pseudo-terminal: smoke tests with room for a busy computer."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest

from agriseg.cameras.synthetic import SyntheticCamera
from agriseg.clock import VirtualClock
from agriseg.config import parse_config
from agriseg.headless import run_headless
from agriseg.messages import OdometrySample, OdometrySource
from agriseg.opencv import cv2
from agriseg.recording.reader import open_run
from agriseg.simulation.opening import open_world
from agriseg.simulation.trajectory import Trajectory

pytestmark = pytest.mark.alone

SPEED_M_S = 1.0
RATE_HZ = 20.0


def test_controller_on_a_pseudo_terminal_confirms_what_is_commanded(tmp_path: Path) -> None:
    config = parse_config(
        {"model": {"method": "truth"}, "simulation": {"speed_m_s": SPEED_M_S}}, source="test"
    )
    summary = run_headless(config, seconds=4.0, out=tmp_path / "run", realtime=True).summary
    pulses = summary["pulses"]
    assert pulses["confirmed"] >= 5
    assert pulses["unanswered"] == 0
    assert pulses["by_outcome"]["rejected"] == 0
    assert summary["crop_area_sprayed_fraction"] < 0.02


@pytest.fixture
def drive_video(tmp_path: Path) -> Path:
    """Film four seconds of the simulated field."""
    config = parse_config({"simulation": {"speed_m_s": SPEED_M_S, "seed": 5}}, source="test")
    camera = SyntheticCamera(
        open_world(config), Trajectory(config.simulation), config.camera, VirtualClock(), 0.0
    )
    path = tmp_path / "drive.avi"
    size = (config.camera.width_px, config.camera.height_px)
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), RATE_HZ, size)
    for _ in range(80):
        frame = camera.read(1.0)
        assert frame is not None
        video.write(frame.image)
    video.release()
    return path


def test_video_is_sprayed_by_its_own_motion(tmp_path: Path, drive_video: Path) -> None:
    config = parse_config(
        {"model": {"method": "exg"}, "camera": {"source": str(drive_video)}}, source="test"
    )
    summary = run_headless(config, seconds=10.0, out=tmp_path / "run", realtime=False).summary
    assert summary["pulses"]["confirmed"] > 10
    assert summary["sprayed_area_fraction"] > 0.02
    with open_run(tmp_path / "run") as run:
        messages = [record.message for record in run.records()]
    readings = [message for message in messages if isinstance(message, OdometrySample)]
    assert {reading.source for reading in readings} == {OdometrySource.VISUAL}
    steps_m = [b.distance_m - a.distance_m for a, b in pairwise(readings)]
    assert len(steps_m) > 20
    assert summary["distance_m"] > 3.0  # the film waited for Start, so all of it was driven
    # However late a busy computer reads the file: it sees every frame.
    assert median(steps_m) == pytest.approx(SPEED_M_S / RATE_HZ, rel=0.02)
