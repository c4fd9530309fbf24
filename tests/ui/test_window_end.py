"""The whole program ends cleanly whenever it is told to: nothing left, nothing complained of."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

PROGRAM = """
import sys
from PySide6.QtCore import QTimer
from agriseg.engine_client import ProcessEngineClient
from ui import application, main

moment = sys.argv.pop(1)
build = application.build_window

def build_and_tell(*arguments, **more):
    window, bridge = build(*arguments, **more)
    told = []

    def tell(_anything=None):
        if not told:
            told.append(True)
            print("now", flush=True)

    if moment == "starting":
        QTimer.singleShot(0, tell)
    elif moment == "picture":
        bridge.picture_arrived.connect(tell)
    else:
        bridge.snapshot_arrived.connect(lambda s: s.state.value == moment and tell())
    return window, bridge

application.build_window = build_and_tell
if __name__ == "__main__":
    sys.exit(main.main())
"""
pytestmark = pytest.mark.alone

LOG_LINE = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (INFO|WARNING) ")
WITHIN_S = 120


@pytest.mark.skipif(sys.platform == "win32", reason="ends by signals")
@pytest.mark.parametrize(
    ("moment", "number"),
    [
        ("starting", signal.SIGTERM),
        ("picture", signal.SIGINT),
        ("spraying", signal.SIGTERM),
    ],
)
def test_a_signal_ends_everything_without_a_complaint(
    tmp_path: Path, repository: Path, moment: str, number: signal.Signals
) -> None:
    config = tmp_path / "robot.toml"
    config.write_text(
        '[model]\nmethod = "exg"\n[camera]\nfps = 5.0\n[camera.intrinsics]\n'
        f"[recording]\ndirectory = {str(tmp_path / 'runs')!r}\n"
    )
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    process = subprocess.Popen(
        [sys.executable, str(program), moment, "--config", str(config)],
        cwd=repository,
        env={**os.environ, "PYTHONPATH": str(repository), "XDG_CONFIG_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "now\n"
        below = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
        _, complaint = process.communicate(timeout=WITHIN_S)
        _, alive = psutil.wait_procs(below, timeout=30.0)
    finally:
        process.kill()
        process.wait()
    complaints = [line for line in complaint.splitlines() if not LOG_LINE.match(line)]
    assert not complaints, "\n".join(complaints)
    assert process.returncode == 0
    assert alive == []
