"""The frame path in real time: ``python tests/benchmarks/bench_realtime.py --seconds 30``.

The engine runs on the simulated field with the shipped model, its own processes for camera, link
and controller, and a recording, as `agriseg run --realtime --headless` does. Printed are the
stages and waits of each frame from exposure to written pulses, and the computing time that each
process took, in per cent of one core. Only figures of an otherwise idle computer mean anything.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from agriseg.config import parse_config
from agriseg.headless import run_headless


class LoadMeter:
    """Looks every half second at the computing time of this process and of those below it."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._began_s = time.monotonic()
        self._thread.start()

    def stop(self) -> dict[str, float]:
        """Return the per cent of a core by process."""
        self._over.set()
        self._thread.join()
        elapsed_s = time.monotonic() - self._began_s
        return {name: 100.0 * seconds / elapsed_s for name, seconds in self.seconds.items()}

    def _watch(self) -> None:
        while not self._over.wait(0.5):
            own = psutil.Process().cpu_times()
            self.seconds["engine"] = own.user + own.system
            for child in multiprocessing.active_children():
                self._note(child.name, child.pid)

    def _note(self, name: str, pid: int | None) -> None:
        try:
            times = psutil.Process(pid).cpu_times()
        except psutil.Error:  # it has just ended
            return
        self.seconds[name] = times.user + times.system


def main() -> int:
    """Run and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--speed", type=float, default=1.0, help="m/s")
    parser.add_argument("--fps", type=float, default=20.0)
    parser.add_argument("--method", choices=("network", "exg", "truth"), default="network")
    parser.add_argument("--threads", type=int, default=0, help="of the model; 0: cores less one")
    arguments = parser.parse_args()
    config = parse_config(
        {
            "model": {"method": arguments.method, "threads": arguments.threads},
            "camera": {"fps": arguments.fps},
            "simulation": {"speed_m_s": arguments.speed},
        },
        source="benchmark",
    )
    with tempfile.TemporaryDirectory() as folder:
        meter = LoadMeter()
        result = run_headless(
            config, seconds=arguments.seconds, out=Path(folder) / "run", realtime=True
        )
        load = meter.stop()
    report(result.summary)
    for name, percent in load.items():
        print(f"{name:28s} {percent:5.0f} % of a core, its start included")
    return 0


def report(summary: dict[str, Any]) -> None:
    """Print what a frame's time went into."""
    times = {f"stage {name}": value for name, value in summary["stage_ms"].items()}
    times |= {f"wait {name}": value for name, value in summary["wait_ms"].items()}
    times |= {name: summary[f"{name}_ms"] for name in ("forward", "overhead", "latency")}
    for name, value in times.items():
        print(f"{name:28s} p50 {value['p50']:7.2f} ms  p95 {value['p95']:7.2f} ms")
    print(f"frames {summary['frames']}, dropped {summary['frames_dropped']}")
    for alarm in summary["alarms"]:
        print(f"{alarm['kind']} at {alarm['t_s']:.1f} s: {alarm['text']}")


if __name__ == "__main__":
    sys.exit(main())
