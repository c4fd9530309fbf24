"""`agriseg config`: what it prints is a whole, usable configuration."""

from __future__ import annotations

import argparse
import tomllib
from pathlib import Path

import pytest

from agriseg.commands import config as command
from agriseg.config import Config, load_config, parse_config
from agriseg.errors import ConfigError


def run_command(*words: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    arguments = parser.parse_args(["config", *words])
    status: int = arguments.run(arguments)
    return status


def test_the_printed_configuration_is_the_built_in_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command() == 0
    printed = capsys.readouterr().out
    assert parse_config(tomllib.loads(printed), "printed") == Config()
    sections = tomllib.loads(printed)
    assert set(sections) == set(Config.model_fields)
    assert "lost_after_s = 0.8  # 0.1 to 1 seconds" in printed
    assert 'mode = "spot"  # one of "off", "spot", "band", "broadcast"' in printed
    assert "# Below it no valve opens: a standing robot does not spray." in printed
    assert all(len(line) <= 100 for line in printed.splitlines())


def test_the_explained_lists_can_be_uncommented(capsys: pytest.CaptureFixture[str]) -> None:
    run_command()
    printed = capsys.readouterr().out
    filled = printed.replace("#   [[boom.nozzles]]", "[[boom.nozzles]]").replace(
        "#   nozzle = ...", "nozzle = 3"
    )
    config = parse_config(tomllib.loads(filled), "filled")
    assert [nozzle.nozzle for nozzle in config.boom.nozzles] == [3]
    assert config.spray == Config().spray


def test_write_makes_a_file_and_never_replaces_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "robot.toml"
    assert run_command("--write", str(path)) == 0
    assert load_config(path) == Config()
    path.write_text("config_version = 1\n")
    with pytest.raises(ConfigError, match=r"robot\.toml: this file exists and is not overwritten"):
        run_command("--write", str(path))
    assert path.read_text() == "config_version = 1\n"
    with pytest.raises(ConfigError, match="cannot be written"):
        run_command("--write", str(tmp_path / "no folder" / "robot.toml"))


def test_check_tells_what_a_file_changes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "robot.toml"
    path.write_text('[camera]\nsource = "usb:0"\n[camera.controls]\ngain = 3\n[boom]\npitch_m=0.04')
    assert run_command("--check", str(path)) == 0
    printed = capsys.readouterr().out
    assert "it changes 2 values:" in printed
    assert '  camera.source = "usb:0"  (built-in: "sim")' in printed
    assert "  camera.controls.gain = 3.0  (built-in: -)" in printed
    path.write_text("")
    run_command("--check", str(path))
    assert "it changes nothing" in capsys.readouterr().out


def test_check_refuses_a_file_that_cannot_be_used(tmp_path: Path) -> None:
    path = tmp_path / "robot.toml"
    path.write_text("[boom]\npitch_m = -0.04\n")
    with pytest.raises(ConfigError, match=r"robot\.toml: boom\.pitch_m is -0\.04"):
        run_command("--check", str(path))
