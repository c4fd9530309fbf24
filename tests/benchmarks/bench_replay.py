"""How fast a run is decided again: ``python tests/benchmarks/bench_replay.py RUN [--model M]``.

Prints, for the run as it was, for another sensitivity and, with ``--model``, for a model that looks
at the recorded pictures, the time that it takes and how many times real time that is.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

from agriseg.recording.reader import open_run
from agriseg.replay.settings import ReplaySettings
from agriseg.replay.what_if import WhatIf


def main() -> None:
    """Replay and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--model", default="", help="folder of a bundle")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    with open_run(arguments.run) as run:
        duration_s = run.duration_s
    began_s = time.perf_counter()
    models = [arguments.model] if arguments.model else []
    with WhatIf(arguments.run, workers=arguments.workers, models=models) as what_if:
        replay(what_if, arguments.model, began_s, duration_s)


def replay(what_if: WhatIf, model: str, began_s: float, duration_s: float) -> None:
    """Decide again and print; the model looks from the beginning, so its time counts from there."""
    tell("as it was", began_s, duration_s)
    print(f"every pulse the same: {what_if.original.same_pulses}")
    settings = [ReplaySettings().with_value("sensitivity", "0.7")]
    if model:
        what_if.replay(ReplaySettings(model=model))
        tell(f"as it was, and with model {model}", began_s, duration_s)
    for setting in settings:
        began_s = time.perf_counter()
        what_if.replay(setting)
        tell(setting.words(), began_s, duration_s)


def tell(what: str, began_s: float, duration_s: float) -> None:
    """Print how long something took."""
    spent_s = time.perf_counter() - began_s
    print(f"{what}: {spent_s:.1f} s for {duration_s:.0f} s, {duration_s / spent_s:.1f} x real time")


if __name__ == "__main__":
    main()
