"""The native controller: a process on a pseudo-terminal, in real time."""

from __future__ import annotations

import os
import subprocess
import termios
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
from firmware_build import FIRMWARE, missing_packages, run
from firmware_realtime import RealTimeHost

from firmware_bridge.codes import Capability, Outcome

VALVES = 64


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the native controller."""
    missing = missing_packages()
    if missing:
        pytest.skip(missing)
    build = tmp_path_factory.mktemp("native")
    run(["make", "-s", "-C", FIRMWARE, f"BUILD={build}", "native"])
    return build / "native" / "agriseg-controller"


@pytest.fixture
def controller(program: Path) -> Iterator[subprocess.Popen[str]]:
    """Return the running controller; the wheel turns at 1 m/s."""
    process = subprocess.Popen(
        [program, "--speed", "2000"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        yield process
        process.terminate()
        process.wait(timeout=5)


@pytest.fixture
def port(controller: subprocess.Popen[str]) -> Iterator[int]:
    """Return the controller's pseudo-terminal, opened."""
    assert controller.stdout is not None
    path = controller.stdout.readline().strip()
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    tty.setraw(fd, termios.TCSANOW)
    yield fd
    os.close(fd)


def test_the_native_controller_sprays_what_it_is_told(port: int) -> None:
    host = RealTimeHost(read_fd=port, write_fd=port, valves=VALVES)
    identity = host.arm().identity
    assert (identity.name, identity.valves) == ("AgriSeg native", VALVES)
    assert identity.capabilities & Capability.SIMULATED
    answers = host.spray(40)
    assert sorted(answer.event_id for answer in answers) == list(range(40))
    # A busy computer may make some late; none is lost and none is refused.
    outcomes = [answer.outcome for answer in answers]
    assert set(outcomes) <= {Outcome.DONE, Outcome.LATE}
    assert outcomes.count(Outcome.DONE) >= 30
    assert host.link.status is not None
    assert host.link.status.speed / 16 == pytest.approx(2000, rel=0.05)


def test_it_ends_with_its_standard_input(program: Path) -> None:
    done = subprocess.run(
        [program], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10, check=True
    )
    assert done.stdout.startswith("/dev/pts/")


def test_an_unknown_option_is_named(program: Path) -> None:
    done = subprocess.run([program, "--fast"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--speed COUNTS_PER_S" in done.stderr
