"""Measures the window beside the working engine: event-loop lag, memory, time to be usable.

    QT_QPA_PLATFORM=offscreen python tests/benchmarks/bench_window.py --seconds 60

The real engine runs on the simulated field with the shipped model, in its own processes. Lag is
how much later than asked a 10 ms timer fires. Memory is the resident set of the window's process
and of all processes below it, one minute (or a quarter of the run) after the start and at its end.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import psutil
from PySide6.QtCore import QSettings, Qt, QTimer

from agriseg.clock import MonotonicClock
from agriseg.config import Config, parse_config
from agriseg.engine_client import ProcessEngineClient
from agriseg.messages import EngineSnapshot
from ui.application import build_window, make_application

PERIOD_S = 0.010


class LagMeter:
    """Fires a precise timer and keeps how late it came."""

    def __init__(self) -> None:
        self.lags_ms: list[float] = []
        self._due_s = time.perf_counter() + PERIOD_S
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._fired)
        self._timer.start(round(PERIOD_S * 1e3))

    def _fired(self) -> None:
        now_s = time.perf_counter()
        self.lags_ms.append(max(0.0, now_s - self._due_s) * 1e3)
        self._due_s = now_s + PERIOD_S


def resident_mb() -> tuple[float, float]:
    """Return the resident memory of this process and of it with all below it, megabytes."""
    own = psutil.Process()
    below = 0
    for child in own.children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it has just ended
            below += child.memory_info().rss
    return own.memory_info().rss / 1e6, (own.memory_info().rss + below) / 1e6


def main() -> int:
    """Run the window for a while and print the figures."""
    started_s = time.perf_counter()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder:
        measure(seconds, started_s, Path(folder))
    return 0


def measure(seconds: float, started_s: float, folder: Path) -> None:
    """Open the window, let it work, print what was measured."""
    config: Config = parse_config(
        {"recording": {"directory": str(folder / "runs"), "max_disk_gb": 2.0}}, source="benchmark"
    )
    application = make_application()
    store = QSettings(str(folder / "settings.ini"), QSettings.Format.IniFormat)
    clock = MonotonicClock()
    window, bridge = build_window(application, ProcessEngineClient(config), config, clock, store)
    snapshots: list[EngineSnapshot] = []
    pictures = [0]
    bridge.snapshot_arrived.connect(lambda snapshot: snapshots.append(snapshot) or None)
    bridge.picture_arrived.connect(lambda _: pictures.__setitem__(0, pictures[0] + 1))
    window.show()
    application.processEvents()
    print(f"window on the screen {time.perf_counter() - started_s:.2f} s after the start")
    bridge.start()
    meter = LagMeter()
    early: list[tuple[float, float]] = []
    QTimer.singleShot(round(min(60.0, seconds / 4) * 1e3), lambda: early.append(resident_mb()))
    late: list[tuple[float, float]] = []
    QTimer.singleShot(round(seconds * 1e3), lambda: late.append(resident_mb()))
    QTimer.singleShot(round(seconds * 1e3) + 1, application.exit)
    application.exec()
    bridge.close()
    lags = np.array(meter.lags_ms)
    p50, p99 = np.percentile(lags, (50, 99))
    print(f"lag p50 {p50:.1f} ms, p99 {p99:.1f} ms, max {lags.max():.1f} ms over {seconds:.0f} s")
    print(f"pictures shown {pictures[0] / seconds:.1f} a second")
    for name, first, last in zip(("window", "all processes"), early[0], late[0], strict=True):
        print(f"memory of {name}: {first:.0f} MB early, {last:.0f} MB at the end")
    last_snapshot = snapshots[-1]
    reasons = " ".join(last_snapshot.not_ready) or "none"
    print(f"state at the end: {last_snapshot.state.value}; what keeps it from spraying: {reasons}")


if __name__ == "__main__":
    sys.exit(main())
