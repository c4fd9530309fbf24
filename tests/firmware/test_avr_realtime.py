"""The Mega's binary in simavr by the computer's clock, on a pseudo-terminal: a smoke test.

A busy computer makes pulses late, which is told; what fails here is a pulse that is not
answered, or one that is sprayed and was not commanded.
"""

from __future__ import annotations

import os
import subprocess
import sys
import termios
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
from firmware_build import HARNESS
from firmware_realtime import RealTimeHost

from firmware_bridge.codes import Outcome

VALVES = 16
PULSES = 48


@pytest.fixture
def controller(simavr_shim: Path, mega_elf: Path) -> Iterator[subprocess.Popen[str]]:
    """Return the running controller; the wheel turns at 1 m/s."""
    command = [sys.executable, HARNESS / "simavr_pty.py", simavr_shim, mega_elf, "--speed", "2000"]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with process:
        yield process
        process.kill()


def test_the_mega_sprays_in_real_time_through_a_port(controller: subprocess.Popen[str]) -> None:
    assert controller.stdout is not None
    port = os.open(controller.stdout.readline().strip(), os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        tty.setraw(port, termios.TCSANOW)
        host = RealTimeHost(read_fd=port, write_fd=port, valves=VALVES)
        identity = host.arm().identity
        assert (identity.name, identity.valves) == ("AgriSeg Mega 2560", VALVES)
        answers = host.spray(PULSES, ahead_s=0.5)
        assert host.link.status is not None
        assert host.link.status.speed / 16 == pytest.approx(2000, rel=0.1)
    finally:
        os.close(port)
    told, _ = controller.communicate("")
    edges = [line.split() for line in told.splitlines()]
    opened = [int(valve) for _, valve, on in edges if int(valve) >= 0 and on == "1"]
    assert sorted(answer.event_id for answer in answers) == list(range(PULSES))
    assert {answer.outcome for answer in answers} <= {Outcome.DONE, Outcome.LATE}
    done = [answer.valve for answer in answers if answer.outcome == Outcome.DONE]
    assert len(done) >= PULSES // 2
    assert sorted(opened) == sorted(done)
