"""`agriseg calibrate` for the steps that drive and spray, on the simulated yard."""

from __future__ import annotations

from pathlib import Path

import pytest

from agriseg.app import main


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "robot.toml"
    path.write_text(
        f"""
[camera]
width_px = 480
height_px = 272
[boom]
nozzle_count = 4
pitch_m = 0.2
footprint_across_m = 0.21
[calibration]
directory = "{tmp_path / "calibration"}"
[simulation.truth]
"boom.nozzles.2.flow_l_min" = 0.5
""",
        encoding="utf-8",
    )
    return path


def calibrate(*arguments: str) -> int:
    return main(["calibrate", *arguments])


def test_a_catch_test_names_the_worn_nozzle(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("flow", "--config", str(config), "--set", "seconds=10", "--accept")
    assert calibrate(*asked) == 0
    out = capsys.readouterr().out
    assert "Nozzle 3 gives +2" in out
    assert "it is worn; replace it" in out
    assert "accepted, kept in" in out
    assert calibrate("history", "--config", str(config)) == 0
    assert "boom.nozzles.2.flow_l_min: 0.4 -> 0.5" in capsys.readouterr().out


def test_cups_may_be_given_and_left_out(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("flow", "--config", str(config), "--set", "seconds=10", "--cups", "66,-,66,66")
    assert calibrate(*asked) == 0
    out = capsys.readouterr().out
    assert "boom.nozzles.0.flow_l_min" in out
    assert "boom.nozzles.1.flow_l_min" not in out
    assert "not accepted" in out


def test_an_empty_cup_ends_it_and_nothing_changes(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("flow", "--config", str(config), "--set", "seconds=10", "--cups", "66,0,66,66")
    assert calibrate(*asked, "--accept") == 2
    assert "nothing came out" in capsys.readouterr().err
    assert calibrate("history", "--config", str(config)) == 0
    assert capsys.readouterr().out == ""


def test_a_boom_is_carried_from_one_machine_to_another(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    boom = tmp_path / "boom.toml"
    assert calibrate("boom-file", "--config", str(config), "--export", str(boom)) == 0
    boom.write_text(boom.read_text().replace("fall_ms = 20.0", "fall_ms = 35.0"))
    assert calibrate("boom-file", "--config", str(config), "--import", str(boom)) == 0
    assert "1 value taken over" in capsys.readouterr().out
    assert calibrate("show", "--config", str(config)) == 0
    assert "boom.fall_ms = 35" in capsys.readouterr().out
    assert calibrate("boom-file", "--config", str(config), "--export", str(boom)) == 2
    assert "is not overwritten" in capsys.readouterr().err


def test_without_a_verification_there_is_no_certificate(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert calibrate("certificate", "--config", str(config), "--out", str(tmp_path)) == 2
    assert "do the step Verification first" in capsys.readouterr().err
