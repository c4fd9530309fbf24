"""`tools/setup.sh firmware`: compilers for the tests, installed where possible."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("the set-up script is for Unix", allow_module_level=True)

PROGRAMS = {
    "dpkg-query": """for package; do :; done
grep -qx "$package" {root}/installed && echo 'install ok installed' || exit 1""",
    "apt-get": """echo "$@" >>{root}/asked
[ -z "${{BROKEN:-}}" ] || exit 100
[ "$1" = update ] || shift 3
[ "$1" = update ] || for package; do echo "$package" >>{root}/installed; done""",
    "id": "echo 0",
}


@pytest.fixture
def tree(tmp_path: Path, repository: Path) -> Path:
    """Return a source tree with the script, a list of packages, and a make-believe apt."""
    for name in ("tools/setup.sh", "firmware_bridge/firmware/debian-packages.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(repository / name, tmp_path / name)
    (tmp_path / ".venv").mkdir()
    (tmp_path / "installed").write_text("gcc\nmake\n")
    (tmp_path / "bin").mkdir()
    for name, body in PROGRAMS.items():
        program = tmp_path / "bin" / name
        program.write_text(f"#!/bin/sh\n{body.format(root=tmp_path)}\n")
        program.chmod(0o755)
    return tmp_path


def set_up(tree: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    path = f"{tree / 'bin'}:{os.environ['PATH']}"
    environment = {k: v for k, v in os.environ.items() if k != "REQUIRE_FIRMWARE_TOOLS"}
    return subprocess.run(
        ["sh", tree / "tools/setup.sh", "firmware"],
        env={**environment, "PATH": path, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def wanted(tree: Path) -> set[str]:
    return set((tree / "firmware_bridge/firmware/debian-packages.txt").read_text().split())


def test_what_is_missing_is_installed_once(tree: Path) -> None:
    done = set_up(tree)
    assert done.returncode == 0, done.stderr
    assert set((tree / "installed").read_text().split()) == wanted(tree)
    assert "gcc" not in (tree / "asked").read_text().split()
    assert (tree / ".venv/.firmware-tools").exists()
    (tree / "asked").unlink()
    assert set_up(tree).returncode == 0
    assert not (tree / "asked").exists()


def test_a_person_without_the_packages_goes_on_and_is_told(tree: Path) -> None:
    done = set_up(tree, BROKEN="1")
    assert done.returncode == 0
    assert "tests of the firmware are skipped without: gcc-avr" in done.stdout
    assert not (tree / ".venv/.firmware-tools").exists()


def test_continuous_integration_fails_without_the_packages(tree: Path) -> None:
    done = set_up(tree, BROKEN="1", REQUIRE_FIRMWARE_TOOLS="1")
    assert done.returncode == 1
    assert "the firmware cannot be tested without: gcc-avr" in done.stderr


def test_the_list_names_every_compiler_and_simulator_that_tests_use(repository: Path) -> None:
    listed = (repository / "firmware_bridge/firmware/debian-packages.txt").read_text().split()
    needed = {"gcc", "make", "gcc-avr", "avr-libc", "simavr", "libsimavr-dev", "libelf-dev"}
    needed |= {"clang", "gcc-arm-none-eabi", "libnewlib-arm-none-eabi", "qemu-system-arm"}
    assert needed <= set(listed)
