"""Puts firmware on an Arduino Mega 2560 by avrdude, and asks the board afterwards who it is."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from agriseg.controller_tools.board_link import BoardLink
from agriseg.errors import ControllerError, PortError
from agriseg.ports import Clock
from firmware_bridge.errors import PortUnavailableError
from firmware_bridge.frames import HelloReply
from firmware_bridge.transport import open_port

BOOTLOADER_BAUD = 115_200
FLASH_TIMEOUT_S = 180.0


def avrdude_command(hex_file: Path, port: str) -> list[str]:
    """Return the command that writes ``hex_file`` through the Mega's bootloader."""
    return [
        *("avrdude", "-p", "atmega2560", "-c", "wiring", "-P", port),
        *("-b", str(BOOTLOADER_BAUD), "-D", "-U", f"flash:w:{hex_file}:i"),
    ]


def check_avrdude() -> None:
    """See that avrdude can be run.

    Raises
    ------
    ControllerError
        It is not installed.
    """
    if shutil.which("avrdude") is None:
        raise ControllerError(
            "avrdude is not installed, and it is what writes to the board: sudo apt-get install"
            " avrdude"
        )


def check_hex(path: Path) -> None:
    """See that a file is Intel HEX: lines of a colon and hexadecimal digits, an end record.

    Raises
    ------
    ControllerError
        It is missing, empty, or something else.
    """
    try:
        lines = path.read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError) as error:
        raise ControllerError(f"{path}: the firmware file cannot be read ({error})") from error
    for number, line in enumerate(lines, start=1):
        if not _is_record(line):
            raise ControllerError(
                f"{path}: line {number} is {line[:24]!r}, not an Intel HEX record; give the .hex"
                " file that `make -C firmware_bridge/firmware mega2560` builds"
            )
    if not lines or lines[-1].upper() != ":00000001FF":
        raise ControllerError(f"{path}: the Intel HEX file is cut off: its end record is missing")


def _is_record(line: str) -> bool:
    try:
        data = bytes.fromhex(line[1:])
    except ValueError:
        return False
    return line.startswith(":") and len(data) >= 5 and sum(data) & 0xFF == 0


def check_port(port: str) -> None:
    """See that the port can be used now.

    Raises
    ------
    PortError
        It is absent, busy, not permitted, or no serial port.
    """
    try:
        open_port(port, BOOTLOADER_BAUD).close()
    except PortUnavailableError as error:
        raise PortError(str(error)) from error


def flash(hex_file: Path, port: str) -> None:
    """Write the firmware; takes some ten seconds.

    Raises
    ------
    ControllerError
        avrdude failed; its last words are in the message.
    """
    command = avrdude_command(hex_file, port)
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=FLASH_TIMEOUT_S
        )
    except subprocess.TimeoutExpired as error:
        raise ControllerError(
            f"avrdude had not ended after {FLASH_TIMEOUT_S:g} s and was stopped; unplug the board,"
            " plug it in and try again"
        ) from error
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise ControllerError(
            f"avrdude failed with status {done.returncode}: {' / '.join(lines[-3:]) or 'no words'};"
            f" is an Arduino Mega 2560 on {port}, and does nothing else use it?"
        )


def verify(port: str, baud: int, clock: Clock) -> HelloReply:
    """Ask the board who it is after it was written.

    Raises
    ------
    ControllerError
        It does not answer as an AgriSeg controller of this program's version.
    """
    try:
        board = BoardLink(port, baud, clock)
        try:
            return board.connect()
        finally:
            board.close()
    except ControllerError as error:
        raise type(error)(f"the firmware was written, but the check failed: {error}") from error
