"""Builds the controller firmware: for this computer, or for a board."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from platformdirs import user_cache_path

import firmware_bridge
from agriseg.errors import ControllerError

SOURCES = Path(firmware_bridge.__file__).parent / "firmware"
COMPILERS = ("gcc",)
BOARD_COMPILERS = ("avr-gcc", "avr-objcopy", "avr-size")


def build_directory() -> Path:
    """Return where built firmware is kept: the user's cache, for the sources may be read-only."""
    return user_cache_path("agriseg", appauthor=False) / "firmware"


def missing_for_native() -> str:
    """Return what is missing to build the native firmware, in words; empty when nothing is."""
    missing = [name for name in ("make", *COMPILERS) if shutil.which(name) is None]
    return f"no {' and no '.join(missing)}" if missing else ""


def build_native() -> Path:
    """Build the firmware as a program for this computer; return its path.

    Raises
    ------
    ControllerError
        The compiler failed.
    """
    _make("native")
    return build_directory() / "native" / "agriseg-controller"


def build_hex() -> Path:
    """Build the firmware of the Mega 2560; return the Intel HEX file.

    Raises
    ------
    ControllerError
        The tools are not installed, or the compiler failed.
    """
    missing = [name for name in ("make", *BOARD_COMPILERS) if shutil.which(name) is None]
    if missing:
        raise ControllerError(
            f"the firmware cannot be built: {', '.join(missing)} not found; install the Debian"
            " packages make, gcc-avr and avr-libc, or give a built file with --hex"
        )
    _make("mega2560")
    return hex_path()


def hex_path() -> Path:
    """Return where `build_hex` puts its file."""
    return build_directory() / "mega2560" / "agriseg.hex"


def make_command(target: str) -> list[str]:
    """Return the command that builds ``target``."""
    return ["make", "-s", "-C", str(SOURCES), f"BUILD={build_directory()}", target]


def _make(target: str) -> None:
    build_directory().mkdir(parents=True, exist_ok=True)
    done = subprocess.run(make_command(target), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise ControllerError(
            f"the firmware could not be built ({' '.join(make_command(target))}): "
            + (said[-1] if said else f"make ended with status {done.returncode}")
        )
