"""Builds the firmware and the test harnesses around it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
FIRMWARE = REPOSITORY / "firmware_bridge" / "firmware"
SOURCES = Path(os.environ.get("FIRMWARE_SOURCES", FIRMWARE))
"""The C sources to test; the tests of seeded defects point it to changed copies."""
HARNESS = Path(__file__).resolve().parent
CORE = (
    "framing.c",
    "wheel.c",
    "valve_scheduler.c",
    "safety.c",
    "timer.c",
    "supervision.c",
    "telemetry.c",
    "controller.c",
)
SIMAVR_HEADERS = Path("/usr/include/simavr/sim_avr.h")


def missing_packages(*, avr: bool = False, simavr: bool = False, clang: bool = False) -> str:
    """Return a sentence that names what is not installed; empty if nothing is missing."""
    missing = [] if shutil.which("gcc") else ["gcc"]
    if avr and not shutil.which("avr-gcc"):
        missing += ["gcc-avr", "avr-libc"]
    if simavr and not SIMAVR_HEADERS.exists():
        missing += ["libsimavr-dev", "libelf-dev"]
    if clang and not shutil.which("clang"):
        missing += ["clang", "libclang-rt-14-dev"]
    return f"Debian packages {', '.join(missing)} are not installed" if missing else ""


def run(command: Sequence[str | Path]) -> str:
    """Run a compiler; its messages are the error."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def build_fake(target: Path, *, sources: Path = FIRMWARE, options: Sequence[str] = ()) -> Path:
    """Compile the core with the test board into a shared library."""
    run(
        [
            "gcc",
            *("-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-g", "-shared", "-fPIC"),
            *('-DBOARD_HEADER="fake_board.h"', f"-I{sources}", f"-I{HARNESS}", *options),
            *(sources / name for name in CORE),
            HARNESS / "fake_board.c",
            *("-lm", "-o", target),
        ]
    )
    return target


def build_mega(build: Path, *, sources: Path = FIRMWARE) -> Path:
    """Build the Mega 2560's firmware with its own Makefile; returns the ELF file."""
    run(["make", "-s", "-C", sources, f"BUILD={build}", "mega2560"])
    return build / "mega2560" / "agriseg.elf"


def build_simavr_shim(target: Path) -> Path:
    """Compile the shim around the installed simavr."""
    run(
        [
            "gcc",
            *("-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O2", "-shared", "-fPIC"),
            *("-I/usr/include/simavr", "-Wno-unused-parameter", f"-I{HARNESS}"),
            HARNESS / "simavr_shim.c",
            *("-lsimavr", "-lelf", "-lm", "-o", target),
        ]
    )
    return target
