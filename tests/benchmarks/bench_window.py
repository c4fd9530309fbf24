"""Measures the window beside the working engine: pictures, event-loop lag, memory.

    QT_QPA_PLATFORM=offscreen python tests/benchmarks/bench_window.py --seconds 60

The real engine runs on the simulated field with the shipped model, in its own processes. Frames
are counted along their way: exposed by the camera (their numbers), understood by the model, handed
to the window, painted. Lag is how much later than asked a 10 ms timer fires. Memory is the resident
set of the window's process and of it with all below it, at the first picture, once a minute, and
at the end. Only figures of an otherwise idle computer mean anything.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import psutil
from PySide6.QtCore import QEvent, QObject, QSettings, Qt, QTimer

from agriseg.clock import MonotonicClock
from agriseg.config import parse_config
from agriseg.engine_client import ProcessEngineClient
from agriseg.messages import EngineSnapshot, EngineState, Picture
from ui.application import build_window, make_application
from ui.bridge import EngineBridge
from ui.main_window import MainWindow

PERIOD_S = 0.010
MINUTE_S = 60.0


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Resident memory, megabytes: of the window's process, and of it with all below it."""

    at_s: float
    window_mb: float
    all_mb: float


def resident(at_s: float) -> Memory:
    """Return the memory of this moment."""
    own = psutil.Process()
    window = own.memory_info().rss
    below = 0
    for child in own.children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it has just ended
            below += child.memory_info().rss
    return Memory(at_s=at_s, window_mb=window / 1e6, all_mb=(window + below) / 1e6)


class FrameCounter(QObject):
    """Counts frames on their way to the screen, from the first picture on."""

    def __init__(self, window: MainWindow, bridge: EngineBridge, memory_period_s: float) -> None:
        super().__init__()
        self.memory: list[Memory] = []
        self.ids: list[int] = []
        self.painted = 0
        self.last: EngineSnapshot | None = None
        self._understood: tuple[float, int] | None = None
        self._began_s = time.perf_counter()
        self._fresh = False
        self._each_minute = QTimer(self)
        self._each_minute.setInterval(round(memory_period_s * 1e3))
        self._each_minute.timeout.connect(self.look_at_memory)
        window.operate.camera.installEventFilter(self)
        bridge.picture_arrived.connect(self._take_picture)
        bridge.snapshot_arrived.connect(self._take_snapshot)

    @property
    def elapsed_s(self) -> float:
        """Time since the first picture."""
        return time.perf_counter() - self._began_s

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Count the first painting of each picture."""
        if event.type() is QEvent.Type.Paint and self._fresh:
            self._fresh = False
            self.painted += 1
        return False

    def understood_per_s(self) -> float:
        """Return the frames that the model understood, a second while spraying."""
        if self.last is None or self._understood is None:
            return float("nan")
        since_s, frames = self._understood
        elapsed_s = self.last.t_s - since_s
        return (self.last.totals.frames - frames) / elapsed_s if elapsed_s > 0 else float("nan")

    def look_at_memory(self) -> None:
        """Keep the memory of this moment."""
        self.memory.append(resident(self.elapsed_s))

    def _take_picture(self, picture: Picture) -> None:
        if not self.ids:
            self._began_s = time.perf_counter()
            self.look_at_memory()
            self._each_minute.start()
        self.ids.append(picture.frame_id)
        self._fresh = True

    def _take_snapshot(self, snapshot: EngineSnapshot) -> None:
        if snapshot.state is not EngineState.SPRAYING:
            self._understood = None
        elif self._understood is None:
            self._understood = (snapshot.t_s, snapshot.totals.frames)
        self.last = snapshot


def main() -> int:
    """Run the window for a while and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=60.0, help="such as 1800 for memory")
    parser.add_argument("--method", choices=("network", "exg"), default="network")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(options.seconds, options.method, Path(folder))
    return 0


def measure(seconds: float, method: str, folder: Path) -> None:
    """Open the window, let it work, print what was measured."""
    config = parse_config(
        {
            "model": {"method": method},
            "recording": {"directory": str(folder / "runs"), "max_disk_gb": 2.0},
        },
        source="benchmark",
    )
    application = make_application()
    store = QSettings(str(folder / "settings.ini"), QSettings.Format.IniFormat)
    clock = MonotonicClock()
    window, bridge = build_window(application, ProcessEngineClient(config), config, clock, store)
    counter = FrameCounter(window, bridge, min(MINUTE_S, seconds / 4))
    window.show()
    bridge.start()
    meter = LagMeter()
    QTimer.singleShot(round(seconds * 1e3), application.exit)
    application.exec()
    counter.look_at_memory()
    elapsed_s = counter.elapsed_s
    bridge.close()
    report(counter, meter, elapsed_s, config.camera.fps)


def report(counter: FrameCounter, meter: LagMeter, elapsed_s: float, asked_fps: float) -> None:
    """Print the figures."""
    if len(counter.ids) < 2:
        print("no picture came")
        return
    exposed = counter.ids[-1] - counter.ids[0] + 1
    print(f"over {elapsed_s:.0f} s from the first picture, a second:")
    print(f"  {asked_fps:5.1f} pictures asked of the camera")
    print(f"  {exposed / elapsed_s:5.1f} exposed")
    print(f"  {counter.understood_per_s():5.1f} understood by the model (last stretch of spraying)")
    print(f"  {len(counter.ids) / elapsed_s:5.1f} handed to the window")
    print(f"  {counter.painted / elapsed_s:5.1f} shown")
    lags = np.array(meter.lags_ms)
    p50, p99 = np.percentile(lags, (50, 99))
    print(f"event-loop lag p50 {p50:.1f} ms, p99 {p99:.1f} ms, max {lags.max():.1f} ms")
    for memory in counter.memory:
        print(
            f"memory after {memory.at_s:6.0f} s: window {memory.window_mb:.0f} MB,"
            f" all processes {memory.all_mb:.0f} MB"
        )
    first, last = counter.memory[0], counter.memory[-1]
    print(f"growth of the window {last.window_mb - first.window_mb:+.0f} MB")
    if counter.last is not None:
        reasons = " ".join(counter.last.not_ready) or "none"
        state = counter.last.state.value
        print(f"state at the end: {state}; what keeps it from spraying: {reasons}")


if __name__ == "__main__":
    sys.exit(main())
