"""`agriseg calibrate ground` on the simulated field, with parts of the machine to watch by."""

from __future__ import annotations

from pathlib import Path

import pytest

from agriseg.app import main
from agriseg.calibration.mark_choice import marks_of
from agriseg.calibration.profiles import open_store
from agriseg.config import Config, load_config
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.simulation.machine_marks import MachineMarks


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "robot.toml"
    made.write_text(
        f"""
[camera]
width_px = 640
height_px = 360
[calibration]
directory = "{tmp_path / "calibration"}"
[simulation]
machine_marks = 2
""",
        encoding="utf-8",
    )
    return made


def calibrate(path: Path, *arguments: str) -> int:
    return main(["calibrate", "ground", "--config", str(path), "--accept", *arguments])


def plates_px(config: Config) -> list[tuple[float, float]]:
    camera = config.camera
    ground = GroundPlane(camera.intrinsics, camera.pose, (camera.width_px, camera.height_px))
    return [(float(u), float(v)) for u, v in MachineMarks(ground, 2).centres_px]


def test_parts_are_named_by_pixel_kept_and_found_again(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = load_config(path)
    plates = plates_px(config)
    marks = [part for u, v in plates for part in ("--mark", f"{u:.0f},{v:.0f}")]
    assert calibrate(path, *marks) == 0
    assert "watched by 2 parts of the machine" in capsys.readouterr().out
    entry = open_store(config).newest("ground")
    assert entry is not None
    kept = marks_of(entry.facts)
    assert [mark.u_px for mark in kept] == pytest.approx([u for u, _ in plates], abs=1.0)
    assert calibrate(path) == 0
    assert "watched by 2 parts of the machine" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("mark", "words"),
    [("120", "expected U,V in pixels"), ("1,2", "picture's edge"), ("nan,2", "expected U,V")],
)
def test_a_place_that_cannot_be_watched_changes_nothing(
    path: Path, capsys: pytest.CaptureFixture[str], mark: str, words: str
) -> None:
    assert calibrate(path, "--mark", mark) == 2
    assert words in capsys.readouterr().err
    assert open_store(load_config(path)).history() == ()
