"""`agriseg doctor`: each finding says what was found and how to mend it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from agriseg.cameras import CameraDevice
from agriseg.commands import doctor as command
from agriseg.diagnosis import checks
from agriseg.diagnosis.finding import Finding, Level
from agriseg.diagnosis.probe import Answer, Probe, qt_probe, system_libraries
from agriseg.errors import ConfigError
from agriseg.serial_ports import RULE_NAME, SerialPort


def judged(finding: Finding) -> tuple[Level, str]:
    """Return level and text; whatever is not well must say how to mend it."""
    assert (finding.level is Level.OK) == (finding.mend == "")
    return finding.level, f"{finding.found} / {finding.mend}"


@pytest.mark.parametrize(
    ("version", "level"),
    [
        ((3, 10, 12), Level.PROBLEM),
        ((3, 11, 0), Level.OK),
        ((3, 13, 9), Level.OK),
        ((3, 14, 0), Level.PROBLEM),
    ],
)
def test_python_versions(version: tuple[int, int, int], level: Level) -> None:
    assert judged(checks.check_python(version))[0] is level


def test_the_python_versions_are_those_of_the_package(repository: Path) -> None:
    import tomllib

    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    (low, high) = checks.PYTHON_VERSIONS
    assert project["requires-python"] == f">={low[0]}.{low[1]},<{high[0]}.{high[1] + 1}"


def test_one_core_is_too_few_to_be_smooth() -> None:
    assert judged(checks.check_computer(1))[0] is Level.WARNING
    assert judged(checks.check_computer(2))[0] is Level.OK


def test_a_missing_display_is_a_warning_only_where_there_could_be_one() -> None:
    level, text = judged(checks.check_display({}, "Linux"))
    assert level is Level.WARNING
    assert "--headless" in text
    assert judged(checks.check_display({"DISPLAY": ":0"}, "Linux")) == (Level.OK, "DISPLAY=:0 / ")
    assert judged(checks.check_display({}, "Darwin"))[0] is Level.OK


PACKAGES = {"libEGL.so.1": "libegl1", "libxcb-cursor.so.0": "libxcb-cursor0"}


def test_missing_libraries_are_named_with_their_packages() -> None:
    answer = Answer(data={"version": "6.11.3", "missing": ["libxcb-cursor.so.0"]})
    level, text = judged(checks.check_qt(answer, PACKAGES))
    assert level is Level.WARNING
    assert "missing: libxcb-cursor.so.0" in text
    assert text.endswith("apt-get install libxcb-cursor0")


def test_qt_that_does_not_start_is_a_problem() -> None:
    answer = Answer(error="ImportError: libEGL.so.1: cannot open shared object file")
    level, text = judged(checks.check_qt(answer, PACKAGES))
    assert level is Level.PROBLEM
    assert "libEGL.so.1: cannot open" in text
    assert "libegl1 libxcb-cursor0" in text


@pytest.mark.parametrize(
    ("data", "driver", "level", "words"),
    [
        ({"devices": ["H100"], "cuda": "13.0"}, True, Level.OK, "H100"),
        ({"devices": [], "cuda": None}, False, Level.OK, "runs on the processor"),
        ({"devices": [], "cuda": None}, True, Level.WARNING, "built without CUDA"),
        ({"devices": [], "cuda": "13.0"}, True, Level.WARNING, "update the NVIDIA driver"),
    ],
)
def test_cuda(data: dict[str, object], driver: bool, level: Level, words: str) -> None:
    answer = Answer(data={"torch": "2.13.0", **data})
    found_level, text = judged(checks.check_cuda(answer, driver))
    assert found_level is level
    assert words in text


def test_a_runtime_that_cannot_be_loaded_is_a_warning() -> None:
    assert judged(checks.check_cuda(Answer(error="boom"), False))[0] is Level.WARNING
    level, text = judged(checks.check_cpu_runtime(Answer(error="boom")))
    assert level is Level.WARNING
    assert "boom" in text


def test_a_model_that_is_no_bundle_is_a_problem(tmp_path: Path) -> None:
    level, text = judged(checks.check_model(str(tmp_path / "absent")))
    assert level is Level.PROBLEM
    assert "absent" in text


def test_the_shipped_model_is_complete() -> None:
    assert judged(checks.check_model(""))[0] is Level.OK


def camera(source: str, *, permitted: bool = True) -> CameraDevice:
    return CameraDevice(
        source=source, stable_source=source, name="Boom camera", permitted=permitted
    )


def test_cameras_are_listed_with_their_permission() -> None:
    level, text = judged(checks.check_cameras([camera("usb:/dev/video0")], "sim"))
    assert level is Level.OK
    assert "Boom camera (usb:/dev/video0)" in text
    level, text = judged(checks.check_cameras([camera("usb:/dev/video0", permitted=False)], "sim"))
    assert level is Level.WARNING
    assert "usermod -aG video" in text
    assert judged(checks.check_cameras([], "sim"))[0] is Level.OK


@pytest.mark.parametrize("source", ["usb:987", "usb:front", "missing.mp4"])
def test_a_configured_source_that_is_not_there_is_a_problem(source: str) -> None:
    level, text = judged(checks.check_cameras([], source))
    assert level is Level.PROBLEM
    assert source in text


def port(device: str, *, permitted: bool = True) -> SerialPort:
    return SerialPort(
        device=device, description="Arduino Mega 2560", permitted=permitted, group="dialout"
    )


def test_serial_ports_are_listed_with_their_usb_names() -> None:
    level, text = judged(checks.check_serial_ports([port("/dev/ttyACM0")], "sim"))
    assert (level, text) == (Level.OK, "/dev/ttyACM0 (Arduino Mega 2560) / ")
    assert judged(checks.check_serial_ports([], "sim"))[0] is Level.OK


@pytest.mark.parametrize(
    ("wanted", "level"), [("sim", Level.WARNING), ("/dev/ttyACM0", Level.PROBLEM)]
)
def test_a_forbidden_port_names_the_group_to_join(wanted: str, level: Level) -> None:
    ports = [port("/dev/ttyACM0", permitted=False)]
    found_level, text = judged(checks.check_serial_ports(ports, wanted))
    assert found_level is level
    assert "sudo usermod -a -G dialout $USER" in text


def test_a_forbidden_port_names_the_rule_that_comes_with_the_program(repository: Path) -> None:
    _, text = judged(checks.check_serial_ports([port("/dev/ttyACM0", permitted=False)], "sim"))
    rule = repository / "assets" / "udev" / RULE_NAME
    assert f"sudo install -m 644 '{rule}' /etc/udev/rules.d/" in text
    rules = [line for line in rule.read_text().splitlines() if line and not line.startswith("#")]
    matches = [line for line in rules if "idVendor" in line]
    assert any('"2341"' in line and '"0042"' in line for line in matches)
    assert all(line.endswith('TAG+="uaccess"') for line in matches)


def test_a_relay_board_on_the_network_needs_no_serial_port() -> None:
    found = checks.check_serial_ports([], "udp://192.168.5.123:8888")
    assert judged(found)[0] is Level.OK
    assert "was not asked" in found.found


def test_a_configured_port_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    level, text = judged(checks.check_serial_ports([], str(tmp_path / "ttyACM7")))
    assert level is Level.PROBLEM
    assert "ttyACM7 is configured but not there" in text


def test_a_pseudo_terminal_may_be_the_port(tmp_path: Path) -> None:
    terminal = tmp_path / "pts"
    terminal.touch()
    assert judged(checks.check_serial_ports([], str(terminal)))[0] is Level.OK


@pytest.mark.parametrize(
    ("free_bytes", "writable", "level"),
    [
        (80_000_000_000, True, Level.OK),
        (1_000_000_000, True, Level.WARNING),
        (1_000_000, True, Level.PROBLEM),
        (80_000_000_000, False, Level.PROBLEM),
    ],
)
def test_disk(tmp_path: Path, free_bytes: int, writable: bool, level: Level) -> None:
    assert judged(checks.check_disk(tmp_path, free_bytes, writable))[0] is level


def test_a_run_folder_that_is_not_there_yet_is_judged_by_the_one_above(tmp_path: Path) -> None:
    assert checks.nearest_existing(tmp_path / "agriseg" / "runs") == tmp_path


def test_a_probe_that_crashes_hangs_or_babbles_is_an_answer() -> None:
    with Probe("import sys; sys.exit('no such device')") as crashing:
        assert crashing.answer().error == "no such device"
    with Probe("import os; os.abort()") as aborting:
        assert "ended with status" in aborting.answer().error
    with Probe("import threading; threading.Event().wait()") as hanging:
        assert hanging.answer(timeout_s=0.0).error == "no answer within 0 s"
    with Probe("print('welcome'); print('{\"devices\": 3}')") as talking:
        assert talking.answer().data == {"devices": 3}


def test_qt_really_starts_and_an_absent_library_is_noticed() -> None:
    with Probe(qt_probe(["libagriseg-is-absent.so.9"])) as probe:
        data = probe.answer().data
    assert data is not None
    assert data["missing"] == ["libagriseg-is-absent.so.9"]
    assert data["version"].startswith("6.")


def test_every_listed_library_names_its_package() -> None:
    libraries = system_libraries()
    assert libraries["libxcb-cursor.so.0"] == "libxcb-cursor0"
    assert all(".so." in library and package for library, package in libraries.items())


def run_command(*words: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    arguments = parser.parse_args(["doctor", *words])
    status: int = arguments.run(arguments)
    return status


def test_the_whole_diagnosis_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    status = run_command("--json")
    findings = json.loads(capsys.readouterr().out)
    subjects = {finding["subject"]: finding["level"] for finding in findings}
    assert {"Python", "Qt", "CUDA", "Model", "Cameras", "Serial ports", "Disk"} <= set(subjects)
    assert status == (2 if "problem" in subjects.values() else 0)


def test_a_camera_that_is_configured_but_absent_ends_with_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "robot.toml"
    path.write_text('[camera]\nsource = "usb:987"\n')
    assert run_command("--config", str(path)) == 2
    printed = " ".join(capsys.readouterr().out.split())
    assert "problem Cameras usb:987 is configured but not there" in printed
    assert "Problems that keep AgriSeg from running" in printed
    with pytest.raises(ConfigError, match="no such configuration file"):
        run_command("--config", str(tmp_path / "absent.toml"))
