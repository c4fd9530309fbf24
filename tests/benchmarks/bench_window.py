"""Measures the window beside the working engine: pictures, event-loop lag, memory.

    python tests/benchmarks/bench_window.py --seconds 60
    python tests/benchmarks/bench_window.py --seconds 1800    # memory over half an hour

The real engine runs on the simulated field with the shipped model, in its own processes, and is
started again after each stop, as an operator would; stops are listed at the end. While it sprays,
frames are counted along their way: exposed by the camera (their numbers), understood by the model,
handed to the window, shown; the age of a picture is from its exposure to its painting. Lag is how
much later than asked a 10 ms timer fires, from the first picture on. Memory is each process's
resident set, compared between the first minute (a quarter of a shorter run) and the end. Without a
screen: QT_QPA_PLATFORM=offscreen, or under Xvfb. Only figures of an otherwise idle computer mean
anything.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from array import array
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from PySide6.QtCore import QEvent, QObject, QSettings, Qt, QTimer
from soak import Memory, Restarter, memory_table, resident

from agriseg.clock import MonotonicClock
from agriseg.config import parse_config
from agriseg.engine_client import ProcessEngineClient
from agriseg.messages import EngineSnapshot, EngineState, Picture
from ui.application import build_window, make_application
from ui.bridge import EngineBridge
from ui.main_window import MainWindow

PERIOD_S = 0.010
MINUTE_S = 60.0
ENDLESS_GB = 1000.0
FIRST_PICTURE_WITHIN_S = 120.0


class LagMeter:
    """Fires a precise timer and keeps how late it came."""

    def __init__(self) -> None:
        self.lags_ms = array("d")
        self._due_s = 0.0
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._fired)

    def start(self) -> None:
        """Begin to measure."""
        self._due_s = time.perf_counter() + PERIOD_S
        self._timer.start(round(PERIOD_S * 1e3))

    def _fired(self) -> None:
        now_s = time.perf_counter()
        self.lags_ms.append(max(0.0, now_s - self._due_s) * 1e3)
        self._due_s = now_s + PERIOD_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Frames on their way to the screen up to a moment, or between two."""

    t_s: float = 0.0
    exposed: int = 0
    understood: int = 0
    handed: int = 0
    shown: int = 0

    def plus(self, later: Counts, earlier: Counts) -> Counts:
        """Return these and what was counted from ``earlier`` to ``later``."""
        return Counts(
            t_s=self.t_s + later.t_s - earlier.t_s,
            exposed=self.exposed + later.exposed - earlier.exposed,
            understood=self.understood + later.understood - earlier.understood,
            handed=self.handed + later.handed - earlier.handed,
            shown=self.shown + later.shown - earlier.shown,
        )


class FrameCounter(QObject):
    """Counts frames on their way to the screen, as long as the machine sprays."""

    def __init__(self, window: MainWindow, bridge: EngineBridge) -> None:
        super().__init__()
        self.while_spraying = Counts()
        self.ages_ms = array("d")
        self.last: EngineSnapshot | None = None
        self.first_picture_s: float | None = None
        self._bridge = bridge
        self._frame_id = 0
        self._handed = self._shown = 0
        self._fresh: Picture | None = None
        self._before: Counts | None = None
        window.operate.camera.installEventFilter(self)
        bridge.picture_arrived.connect(self._take_picture)
        bridge.snapshot_arrived.connect(self._take_snapshot)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Count the first painting of each picture."""
        if event.type() is QEvent.Type.Paint and self._fresh is not None:
            if self._before is not None:
                age_s = self._bridge.now_s() - self._fresh.t_capture_s
                self.ages_ms.append(1e3 * age_s)
            self._fresh = None
            self._shown += 1
        return False

    def _take_picture(self, picture: Picture) -> None:
        if self.first_picture_s is None:
            self.first_picture_s = time.perf_counter()
        self._frame_id = picture.frame_id
        self._handed += 1
        self._fresh = picture

    def _take_snapshot(self, snapshot: EngineSnapshot) -> None:
        self.last = snapshot
        if snapshot.state is not EngineState.SPRAYING:
            self._before = None
            return
        now = Counts(
            t_s=snapshot.t_s,
            exposed=self._frame_id,
            understood=snapshot.totals.frames,
            handed=self._handed,
            shown=self._shown,
        )
        if self._before is not None:
            self.while_spraying = self.while_spraying.plus(now, self._before)
        self._before = now


class Soak(QObject):
    """Goes on for the asked time from the first picture, told of each minute."""

    def __init__(self, counter: FrameCounter, restarter: Restarter, seconds: float) -> None:
        super().__init__()
        self.memory: list[Memory] = []
        self._counter = counter
        self._restarter = restarter
        self._seconds = seconds
        self._told = Counts()
        self._timer = QTimer(self)
        self._timer.setInterval(round(1e3 * min(MINUTE_S, seconds / 4)))
        self._timer.timeout.connect(self.look)

    @property
    def elapsed_s(self) -> float:
        """Time since the first picture."""
        first_s = self._counter.first_picture_s
        return 0.0 if first_s is None else time.perf_counter() - first_s

    def start(self) -> None:
        """Begin at the first picture."""
        self._timer.start()

    def look(self) -> None:
        """Keep the memory of this moment and say how things stand."""
        memory, counts = resident(self.elapsed_s), self._counter.while_spraying
        self.memory.append(memory)
        since_s = counts.t_s - self._told.t_s
        rate = (counts.shown - self._told.shown) / since_s if since_s > 0.0 else 0.0
        sizes = ", ".join(f"{name} {mb:.0f}" for name, mb in memory.by_process_mb.items())
        state = self._counter.last.state.value if self._counter.last else "silent"
        print(
            f"{memory.at_s:6.0f} of {self._seconds:.0f} s: {state}, {rate:.1f} pictures/s shown,"
            f" {len(self._restarter.causes)} stops; MB: {sizes}",
            file=sys.stderr,
            flush=True,
        )
        self._told = counts


def main() -> int:
    """Run the window for a while and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=60.0, help="1800 for memory")
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
            "recording": {"directory": str(folder / "runs"), "max_disk_gb": ENDLESS_GB},
        },
        source="benchmark",
    )
    application = make_application()
    store = QSettings(str(folder / "settings.ini"), QSettings.Format.IniFormat)
    window, bridge = build_window(
        application, ProcessEngineClient(config), config, MonotonicClock(), store
    )
    counter, meter = FrameCounter(window, bridge), LagMeter()
    restarter = Restarter(bridge.send)
    soak = Soak(counter, restarter, seconds)
    give_up = QTimer(singleShot=True, interval=round(1e3 * FIRST_PICTURE_WITHIN_S))
    give_up.timeout.connect(application.exit)
    give_up.start()

    def begin() -> None:
        bridge.picture_arrived.disconnect(begin)
        give_up.stop()
        meter.start()
        soak.start()
        QTimer.singleShot(round(seconds * 1e3), application.exit)

    bridge.picture_arrived.connect(begin)
    bridge.snapshot_arrived.connect(restarter.follow)
    window.show()
    bridge.start()
    application.exec()
    soak.look()
    bridge.close()
    if counter.first_picture_s is None:
        print(f"no picture came within {FIRST_PICTURE_WITHIN_S:g} s")
        return
    report(counter, meter, soak, restarter, config.camera.fps)


def report(
    counter: FrameCounter, meter: LagMeter, soak: Soak, restarter: Restarter, asked_fps: float
) -> None:
    """Print the figures."""
    counts = counter.while_spraying
    print(f"over {soak.elapsed_s:.0f} s, of which {counts.t_s:.0f} s spraying; then, a second:")
    if counts.t_s > 0.0:
        print(f"  {asked_fps:5.1f} pictures asked of the camera")
        for name in ("exposed", "understood", "handed", "shown"):
            print(f"  {getattr(counts, name) / counts.t_s:5.1f} {name}")
        p50, p95 = np.percentile(counter.ages_ms, (50, 95))
        print(f"age of a picture when painted p50 {p50:.0f} ms, p95 {p95:.0f} ms")
    lags = np.array(meter.lags_ms)
    p50, p99 = np.percentile(lags, (50, 99))
    print(f"event-loop lag p50 {p50:.1f} ms, p99 {p99:.1f} ms, max {lags.max():.1f} ms")
    for line in memory_table(soak.memory[0], soak.memory[-1]):
        print(line)
    for cause in restarter.causes:
        print(f"stopped and started again: {cause}")
    if counter.last is not None:
        reasons = " ".join(counter.last.not_ready) or "none"
        state = counter.last.state.value
        print(f"state at the end: {state}; what keeps it from spraying: {reasons}")


if __name__ == "__main__":
    sys.exit(main())
