"""Measures the start from outside: ``python tests/benchmarks/bench_start.py --starts 5``.

Each start is a process of its own that runs what the ``agriseg`` command runs. Timed from its
execution on are: the window on the screen, the engine's first word, the first live picture
painted, and the window usable (a picture is shown and nothing keeps the machine from spraying, so
that Start can be held; the simulated field starts by itself). Shown under Xvfb where there is no
display, off screen where there is no Xvfb. Only figures of an otherwise idle computer mean
anything; the first start warms the disk's cache and is not counted.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WITHIN_S = 60.0
STEPS = ("window", "engine", "picture", "usable")
PROGRAM = """
import sys
from PySide6.QtCore import QEvent, QObject
from ui import application, main

build = application.build_window

class Teller(QObject):
    def __init__(self, window, bridge):
        super().__init__(window)
        self.told = set()
        self.has_picture = False
        self.camera = window.operate.camera
        window.installEventFilter(self)
        self.camera.installEventFilter(self)
        bridge.picture_arrived.connect(self.picture)
        bridge.snapshot_arrived.connect(self.snapshot)

    def tell(self, step):
        if step not in self.told:
            self.told.add(step)
            print(step, flush=True)

    def eventFilter(self, watched, event):
        if event.type() is QEvent.Type.Paint:
            self.tell("window")
            if watched is self.camera and self.has_picture:
                self.tell("picture")
        return False

    def picture(self, _picture):
        self.has_picture = True

    def snapshot(self, snapshot):
        self.tell("engine")
        ready = snapshot.state.value in ("ready", "spraying") and not snapshot.not_ready
        if ready and "picture" in self.told:
            self.tell("usable")

def build_and_tell(*arguments, **more):
    window, bridge = build(*arguments, **more)
    Teller(window, bridge)
    return window, bridge

application.build_window = build_and_tell
if __name__ == "__main__":
    sys.exit(main.main())
"""


@contextmanager
def display() -> Iterator[dict[str, str]]:
    """Yield the environment of a process that shows a window."""
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        yield {}
        return
    xvfb = shutil.which("Xvfb")
    if xvfb is None:
        yield {"QT_QPA_PLATFORM": "offscreen"}
        return
    read, write = os.pipe()
    command = [xvfb, "-displayfd", str(write), "-screen", "0", "1280x800x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        with os.fdopen(read) as number:
            yield {"DISPLAY": f":{number.readline().strip()}", "QT_QPA_PLATFORM": "xcb"}
    finally:
        server.terminate()
        server.wait()


def start_once(program: Path, folder: Path, environment: dict[str, str]) -> dict[str, float]:
    """Start the program, return the seconds to each step, and end it."""
    began_s = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, str(program), "--config", str(folder / "start.toml")],
        cwd=ROOT,
        env={
            **os.environ,
            **environment,
            "PYTHONPATH": str(ROOT),
            "XDG_CONFIG_HOME": str(folder / "settings"),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    steps: dict[str, float] = {}
    give_up = threading.Timer(WITHIN_S, process.terminate)
    give_up.start()
    for line in process.stdout:
        steps[line.strip()] = time.monotonic() - began_s
        if "usable" in steps:
            break
    give_up.cancel()
    process.send_signal(signal.SIGTERM)
    process.communicate()
    return steps


def main() -> int:
    """Start several times and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--starts", type=int, default=5)
    starts = parser.parse_args().starts
    with tempfile.TemporaryDirectory() as name, display() as environment:
        folder = Path(name)
        runs = folder / "runs"
        (folder / "start.toml").write_text(f"[recording]\ndirectory = {str(runs)!r}\n")
        program = folder / "start.py"
        program.write_text(PROGRAM)
        start_once(program, folder, environment)
        taken = [start_once(program, folder, environment) for _ in range(starts)]
    print(f"seconds from execution, {starts} warm starts")
    for step in STEPS:
        times_s = [steps[step] for steps in taken if step in steps]
        if not times_s:
            print(f"  {step:8} never")
            continue
        print(f"  {step:8} p50 {statistics.median(times_s):5.2f}   max {max(times_s):5.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
