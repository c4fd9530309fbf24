"""The Cortex-M3 build in QEMU: the core runs there too. Its clock is only roughly right."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from firmware_build import FIRMWARE, run
from firmware_realtime import RealTimeHost

from firmware_bridge.codes import Outcome

PROGRAMS = {
    "arm-none-eabi-gcc": "gcc-arm-none-eabi, libnewlib-arm-none-eabi",
    "qemu-system-arm": "qemu-system-arm",
}


@pytest.fixture
def board(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Return the running board, its serial port on the pipes."""
    missing = [packages for program, packages in PROGRAMS.items() if not shutil.which(program)]
    if missing:
        pytest.skip(f"Debian packages {', '.join(missing)} are not installed")
    run(["make", "-s", "-C", FIRMWARE, f"BUILD={tmp_path}", "mps2"])
    process = subprocess.Popen(
        [
            *("qemu-system-arm", "-machine", "mps2-an385", "-display", "none"),
            *("-monitor", "none", "-serial", "stdio"),
            *("-kernel", str(tmp_path / "mps2-an385" / "agriseg.elf")),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    )
    with process:
        yield process
        process.terminate()
        process.wait(timeout=10)


def test_the_cortex_build_connects_arms_and_sprays(board: subprocess.Popen[bytes]) -> None:
    assert board.stdin is not None
    assert board.stdout is not None
    host = RealTimeHost(read_fd=board.stdout.fileno(), write_fd=board.stdin.fileno(), valves=64)
    assert host.arm().identity.name == "AgriSeg MPS2 AN385"
    outcomes = [answer.outcome for answer in host.spray(20, ahead_s=0.6)]
    assert set(outcomes) <= {Outcome.DONE, Outcome.LATE}
    assert outcomes.count(Outcome.DONE) >= 10
