"""`agriseg controller`, as people use it: processes, pseudo-terminals, typed answers."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

if sys.platform == "win32":
    pytest.skip("pseudo-terminals exist on Linux and macOS only", allow_module_level=True)

from served_board import (
    PATIENCE_S,
    REPOSITORY,
    RealLooking,
    agriseg,
    command,
    environment,
    served,
    simulator,
)

from agriseg.spraying.relay_frames import RelayKind, sections_message
from agriseg.spraying.relay_wire import open_relay_wire
from firmware_bridge.codes import State

NATIVE = pytest.param(
    (),
    id="native",
    marks=pytest.mark.skipif(
        not (shutil.which("make") and shutil.which("gcc")),
        reason="make and gcc are not installed",
    ),
)
REFERENCE = pytest.param(("--python",), id="python")


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run the command line beside the test; it is interrupted at the end."""
    process = subprocess.Popen(
        command(*arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        env=environment(),
    )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            try:
                process.wait(PATIENCE_S)
            finally:
                process.kill()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.fixture(params=[NATIVE, REFERENCE])
def port(request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the port of a controller started by `agriseg controller sim`; it moves at 1 m/s."""
    with running("controller", "sim", "--speed", "1", *request.param) as process:
        path = first_line(process)
        assert path.startswith("/dev/")
        yield path


# sim


def test_sim_ends_after_the_asked_time() -> None:
    done = agriseg("controller", "sim", "--python", "--seconds", "0.5")
    assert done.returncode == 0
    assert done.stdout.startswith("/dev/")
    assert "agriseg controller monitor --port /dev/" in done.stderr


def test_without_a_compiler_sim_says_so_and_runs_the_reference(tmp_path: Path) -> None:
    done = agriseg("controller", "sim", "--seconds", "0.5", path=str(tmp_path))
    assert done.returncode == 0
    assert done.stdout.startswith("/dev/")
    assert "the Python reference controller runs here (no make and no gcc)" in done.stderr


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_sim_leaves_no_process_behind(end: signal.Signals) -> None:
    with running("controller", "sim") as process:
        first_line(process)
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(end)
        assert process.wait(PATIENCE_S) == (130 if end is signal.SIGINT else -signal.SIGKILL)
        _, alive = psutil.wait_procs(children, PATIENCE_S)
    assert alive == []


@pytest.mark.parametrize("way", [(), ("--udp", "0")])
def test_sim_runs_a_relay_board_that_says_what_it_switches(way: tuple[str, ...]) -> None:
    arguments = ("controller", "sim", "--kind", "pgn239", "--board-period-ms", "0", *way)
    with running(*arguments) as process:
        wire = open_relay_wire(first_line(process), 38400)
        wire.write(sections_message(RelayKind.PGN239, 0b100), time.monotonic())
        assert first_line(process).endswith(" output 3 on")
        wire.write(sections_message(RelayKind.PGN239, 0), time.monotonic())
        assert first_line(process).endswith(" output 3 off")
        wire.close()


def test_sim_refuses_udp_for_an_agriseg_controller() -> None:
    done = agriseg("controller", "sim", "--udp", "8888")
    assert done.returncode == 2
    assert "--udp is for relay boards only" in done.stderr


# monitor


def test_monitor_tells_the_state_in_lines(port: str) -> None:
    done = agriseg("controller", "monitor", "--port", port, "--seconds", "1.5")
    assert (done.returncode, done.stderr) == (0, "")
    identity, first, *_ = done.stdout.splitlines()
    assert "valves, queue of" in identity
    assert first.startswith("SAFE (the controller has just started) | valves ........ ........")
    assert "faulty none known" in first
    assert "0 came too late, 0 were rejected" in first
    assert "counts/s = 1.0" in first or "counts/s = 0.9" in first


def test_monitor_writes_json_with_what_is_not_measured_as_null(port: str) -> None:
    done = agriseg("controller", "monitor", "--port", port, "--seconds", "1.5", "--json")
    assert done.returncode == 0
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(reports) >= 3
    last = reports[-1]
    assert last["state"] == "SAFE"
    assert (last["open_valves"], last["faulty_valves"]) == ([], [])
    assert last["pressure_kpa"] == pytest.approx(300.0, abs=1.0)
    assert last["speed_m_s"] == pytest.approx(1.0, abs=0.1)
    assert last["wheel_counts"] > reports[0]["wheel_counts"]
    assert last["received_frames"] > 0
    assert "NaN" not in done.stdout


def test_monitor_keeps_a_table_on_a_terminal() -> None:
    ours, theirs = pty.openpty()
    with served(simulator()) as port:
        process = subprocess.Popen(
            command("controller", "monitor", "--port", port, "--seconds", "1"),
            stdout=theirs,
            stderr=subprocess.PIPE,
            cwd=REPOSITORY,
            env={**environment(), "TERM": "xterm", "COLUMNS": "100"},
        )
        os.close(theirs)
        shown = _read_all(ours)
        with process:
            assert process.wait(PATIENCE_S) == 0
    assert "AgriSeg simulator" in shown
    assert "confirmed open" in shown
    assert "Ctrl-C ends" in shown


def _read_all(fd: int) -> str:
    shown = b""
    try:
        while data := os.read(fd, 4096):
            shown += data
    except OSError:  # Linux: the other end of the terminal is closed
        pass
    finally:
        os.close(fd)
    return shown.decode(errors="replace")


def test_monitor_tells_of_a_stop_at_the_machine() -> None:
    board = simulator()
    with served(board) as port, running("controller", "monitor", "--port", port) as process:
        assert process.stdout is not None
        first_line(process)
        assert first_line(process).startswith("SAFE")
        board.press_estop(time.monotonic())
        line = first_line(process)
        while line.startswith("SAFE"):
            line = first_line(process)
    assert line.startswith(
        "ESTOP (emergency stop at the machine; the emergency stop is pressed) | valves ...."
    )


# test


def test_each_valve_opens_only_after_a_yes() -> None:
    board = simulator()
    with served(board) as port:
        done = agriseg("controller", "test", "--port", port, typed="y\nn\nperhaps\ny\nq\n")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "Spray with valve 1 for 100 ms? [y/n/q]" in done.stdout
    assert "valve 2: left out" in done.stdout
    assert "Please answer y (spray), n (leave valve 3 out) or q (end)." in done.stdout
    assert lines[-1].endswith("tested 2 of 4 valves: no fault found")
    switched = [(edge.valve, edge.is_open) for edge in board.coil_edges]
    assert switched == [(0, True), (0, False), (2, True), (2, False)]
    on, off = board.coil_edges[:2]
    assert off.t_s - on.t_s == pytest.approx(0.1, abs=0.003)
    assert "valve 1: commanded 100.0 ms, confirmed 100." in done.stdout or (
        "valve 1: commanded 100.0 ms, confirmed 99." in done.stdout
    )
    assert board.state is State.SAFE


def test_without_an_answer_nothing_opens() -> None:
    board = simulator()
    with served(board) as port:
        done = agriseg("controller", "test", "--port", port, typed="")
    assert done.returncode == 0
    assert "tested 0 of 4 valves" in done.stdout
    assert board.coil_edges == []


def test_faulty_valves_are_named() -> None:
    board = simulator()
    board.break_valve(1, time.monotonic(), open_coil=True)
    with served(board) as port:
        done = agriseg("controller", "test", "--port", port, "--valves", "1-3", "--yes")
    assert done.returncode == 1
    assert "valve 2: commanded 100.0 ms" in done.stdout
    assert "FAULT: the coil drew no current, so the valve did not open" in done.stdout
    assert done.stdout.splitlines()[-1] == "tested 3 of 3 valves: failed: 2"


def test_yes_walks_a_simulated_controller(port: str) -> None:
    done = agriseg("controller", "test", "--port", port, "--valves", "1,3", "--yes")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "tested 2 of 2 valves: no fault found"


def test_yes_is_refused_for_a_real_controller() -> None:
    board = simulator(RealLooking)
    with served(board) as port:
        done = agriseg("controller", "test", "--port", port, "--yes")
    assert done.returncode == 2
    assert "--yes is refused" in done.stderr
    assert "is a real controller" in done.stderr
    assert board.coil_edges == []


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_test_closes_the_valve(end: signal.Signals) -> None:
    board = simulator()
    arguments = ("controller", "test", "--port", "{port}", "--pulse-ms", "1000", "--yes")
    with served(board) as port:
        filled = [part.format(port=port) for part in arguments]
        with running(*filled) as process:
            deadline_s = time.monotonic() + PATIENCE_S
            while not board.coil_edges:
                assert time.monotonic() < deadline_s
                threading.Event().wait(0.005)
            process.send_signal(end)
            assert process.wait(PATIENCE_S) == 130
            ended_s = time.monotonic()
            assert board.state is State.SAFE
    on, off = board.coil_edges
    assert (on.is_open, off.is_open) == (True, False)
    assert off.t_s - on.t_s < 0.9
    assert off.t_s < ended_s


def test_a_killed_test_leaves_the_valve_to_the_controllers_deadman() -> None:
    board = simulator()
    with (
        served(board) as port,
        running(
            "controller", "test", "--port", port, "--pulse-ms", "1000", "--yes", "--valves", "1"
        ) as process,
    ):
        deadline_s = time.monotonic() + PATIENCE_S
        while not board.coil_edges:
            assert time.monotonic() < deadline_s
            threading.Event().wait(0.005)
        process.kill()
        killed_s = time.monotonic()
        while len(board.coil_edges) < 2:
            assert time.monotonic() < deadline_s
            threading.Event().wait(0.005)
    assert board.coil_edges[1].t_s - killed_s < 0.35


def test_a_latched_stop_is_named() -> None:
    board = simulator()
    board.press_estop(time.monotonic())
    with served(board) as port:
        done = agriseg("controller", "test", "--port", port, "--yes")
    assert done.returncode == 2
    assert "did not arm: the emergency stop is latched" in done.stderr


# flash


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """Return a folder of programs with an avrdude that notes how it was called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    avrdude = folder / "avrdude"
    avrdude.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/called\n[ -z "$FAIL" ] || exit 3\n')
    avrdude.chmod(0o755)
    return folder


@pytest.fixture
def hex_file(tmp_path: Path) -> Path:
    path = tmp_path / "board.hex"
    path.write_text(":0400000001020304F2\n:00000001FF\n")
    return path


def flash(tools: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return agriseg("controller", "flash", *arguments, path=f"{tools}:/usr/bin:/bin")


def test_flash_writes_and_asks_the_board_who_it_is(
    tools: Path, hex_file: Path, tmp_path: Path
) -> None:
    with served(simulator()) as port:
        done = flash(tools, "--port", port, "--hex", hex_file)
    assert done.returncode == 0, done.stderr
    called = (tmp_path / "called").read_text().split()
    assert called == [
        *("-p", "atmega2560", "-c", "wiring", "-P", port, "-b", "115200", "-D"),
        *("-U", f"flash:w:{hex_file}:i"),
    ]
    assert "the board answers: AgriSeg simulator" in done.stdout


def test_flash_dry_run_prints_the_commands_and_calls_nothing(tools: Path, tmp_path: Path) -> None:
    done = flash(tools, "--port", "/dev/ttyACM7", "--dry-run")
    assert done.returncode == 0
    build, write = done.stdout.splitlines()
    assert build.startswith("make -s -C")
    assert build.endswith(" mega2560")
    assert write.startswith("avrdude -p atmega2560 -c wiring -P /dev/ttyACM7 -b 115200 -D -U flash")
    assert not (tmp_path / "called").exists()


def test_flash_fails_with_avrdudes_status(
    tools: Path, hex_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIL", "1")
    with served(simulator()) as port:
        done = flash(tools, "--port", port, "--hex", hex_file)
    assert done.returncode == 2
    assert "avrdude failed with status 3" in done.stderr


def test_flash_notices_a_board_that_stays_silent(tools: Path, hex_file: Path) -> None:
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    done = flash(tools, "--port", os.ttyname(theirs), "--hex", hex_file)
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 2
    assert "the firmware was written, but the check failed" in done.stderr
    assert "nothing answered within" in done.stderr


def test_flash_without_avrdude_says_how_to_get_it(hex_file: Path, tmp_path: Path) -> None:
    done = agriseg(
        "controller", "flash", "--port", "/dev/ttyACM7", "--hex", hex_file, path=str(tmp_path)
    )
    assert done.returncode == 2
    assert "avrdude is not installed" in done.stderr


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("hello\n", "line 1 is 'hello', not an Intel HEX record"),
        (":0400000001020304F3\n:00000001FF\n", "line 1 is ':0400000001020304F3'"),
        (":0400000001020304F2\n", "its end record is missing"),
        ("", "its end record is missing"),
    ],
)
def test_flash_refuses_what_is_not_firmware(
    tools: Path, tmp_path: Path, text: str, sentence: str
) -> None:
    path = tmp_path / "x.hex"
    path.write_text(text)
    done = flash(tools, "--port", "/dev/ttyACM7", "--hex", path)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert not (tmp_path / "called").exists()


# bad input


@pytest.mark.parametrize("action", ["monitor", "test", "flash"])
def test_an_absent_port_is_named(action: str, tools: Path, hex_file: Path) -> None:
    extra = ("--hex", hex_file) if action == "flash" else ()
    done = agriseg(
        "controller", action, "--port", "/dev/ttyNone", *extra, path=f"{tools}:/usr/bin:/bin"
    )
    assert done.returncode == 2
    assert "/dev/ttyNone: there is no such serial port" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_busy_port_is_named() -> None:
    with served(simulator()) as port, running("controller", "monitor", "--port", port) as process:
        first_line(process)
        done = agriseg("controller", "monitor", "--port", port)
    assert done.returncode == 2
    assert "another program is using the serial port" in done.stderr


def test_other_firmware_is_named() -> None:
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    ended = threading.Event()

    def talk() -> None:
        while not ended.wait(0.05):
            os.write(ours, b"Grbl 1.1f ['$' for help]\r\n")

    thread = threading.Thread(target=talk)
    thread.start()
    try:
        done = agriseg("controller", "monitor", "--port", os.ttyname(theirs))
    finally:
        ended.set()
        thread.join()
        os.close(ours)
        os.close(theirs)
    assert done.returncode == 2
    assert "Grbl 1.1f" in done.stderr
    assert "other firmware" in done.stderr


def test_another_protocol_version_is_named() -> None:
    from firmware_bridge.simulator import ControllerSimulator, SimulatorSettings

    board = ControllerSimulator(
        SimulatorSettings(valves=4, baud=0.0, protocol=9), None, time.monotonic()
    )
    with served(board) as port:
        done = agriseg("controller", "test", "--port", port, "--yes")
    assert done.returncode == 2
    assert "speaks protocol version 9" in done.stderr
    assert "flash the firmware" in done.stderr


@pytest.mark.parametrize(
    ("valves", "sentence"),
    [
        ("5", "5 is not among the controller's valves 1 to 4"),
        ("0-2", "0-2 is not among the controller's valves 1 to 4"),
        ("3-2", "3-2 is not among the controller's valves 1 to 4"),
        ("a", "'a' is not a number or a range"),
    ],
)
def test_a_valve_that_is_not_there_is_refused(valves: str, sentence: str) -> None:
    board = simulator()
    with served(board) as port:
        done = agriseg("controller", "test", "--port", port, "--yes", "--valves", valves)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert board.coil_edges == []
