"""Times the shipped model's forward pass, per runtime.

Run it on an idle machine: ``python tests/benchmarks/bench_model.py [--size 960x544]``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from agriseg.errors import ModelFileError
from agriseg.messages import Frame
from agriseg.models import available_runtimes, open_segmenter
from agriseg.models.runtime import RuntimeName
from agriseg.models.sizing import Size

_WARM_UP_FRAMES = 10


def time_forward_ms(
    runtime: RuntimeName, model: Path | None, size: Size, threads: int, frames: int
) -> tuple[str, list[float]]:
    """Return the segmenter's name and the forward time of every frame, milliseconds."""
    rng = np.random.default_rng(1)
    segmenter = open_segmenter(model, runtime=runtime, threads=threads)
    times_ms = []
    for number in range(_WARM_UP_FRAMES + frames):
        image = rng.integers(0, 256, (size.height_px, size.width_px, 3), dtype=np.uint8)
        result = segmenter.segment(Frame(frame_id=number, t_capture_s=0.0, image=image))
        times_ms.append(result.forward_ms)
    segmenter.close()
    return segmenter.name, times_ms[_WARM_UP_FRAMES:]


def main(argv: Sequence[str] | None = None) -> None:
    """Print one line per runtime."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="960x544", help="frame size, WIDTHxHEIGHT")
    parser.add_argument("--model", type=Path, help="bundle (default: the shipped one)")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (0: cores less one)")
    parser.add_argument("--frames", type=int, default=100)
    arguments = parser.parse_args(argv)
    size = Size(*(int(side) for side in arguments.size.split("x")))
    print(f"{'runtime':44} {'p50 ms':>8} {'p95 ms':>8} {'min ms':>8}")
    for runtime in available_runtimes():
        try:
            name, times_ms = time_forward_ms(
                runtime, arguments.model, size, arguments.threads, arguments.frames
            )
        except ModelFileError as error:
            print(f"{runtime}: {error}")
            continue
        p50, p95 = np.percentile(times_ms, [50, 95])
        print(f"{name:44} {p50:8.1f} {p95:8.1f} {min(times_ms):8.1f}")


if __name__ == "__main__":
    main()
