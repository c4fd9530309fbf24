"""How often degraded pictures and other crops are told from familiar ones, and what it costs.

    python tests/benchmarks/bench_familiarity.py MODEL CONFIG.toml --data DIR [--images 24]

For every source on disk: frames of its held-out groups as they are (false alarms), and made dark,
overexposed, blurred, or smeared with mud on a fifth of the lens. "Another crop" leaves a source out
of the reference and counts how many of its images are noticed. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from agriseg.datasets.labels import read_image
from agriseg.messages import Float64Array, Frame, UInt8Array
from agriseg.models.familiarity import FamiliarFrames, frame_features, reference_and_threshold
from agriseg.models.fitting import FALSE_ALARMS
from agriseg.models.naming import find_model
from agriseg.models.runtime import open_segmenter
from agriseg.models.training_config import load_training_config
from agriseg.models.training_sources import list_held_out, list_training
from agriseg.ports import Segmenter

T = TypeVar("T")
Degrade = Callable[[UInt8Array, np.random.Generator], UInt8Array]


def night(image: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """A twelfth of the light, with the noise that comes with it."""
    noisy = image.astype(np.float32) / 12.0 + rng.normal(0.0, 3.0, image.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def overexposed(image: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """Three times the light."""
    return np.clip(image.astype(np.float32) * 3.0 + 40.0, 0, 255).astype(np.uint8)


def defocused(image: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """Blurred by 0.6 % of the longer side (6 px of 960)."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), max(image.shape) * 0.006), np.uint8)


def muddy(image: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """Brown, soft-edged spots on a fifth of the picture."""
    height, width = image.shape[:2]
    share = np.zeros((height, width), np.float32)
    while share.mean() < 0.2:
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        cv2.circle(share, centre, int(rng.uniform(0.06, 0.14) * width), (1.0,), -1)
    share = np.asarray(cv2.GaussianBlur(share, (0, 0), width * 0.02), np.float32)[..., None]
    mud = np.array([40.0, 58.0, 75.0])
    return (image * (1.0 - share) + mud * share).astype(np.uint8)


DEGRADED: Mapping[str, Degrade] = {
    "night": night,
    "overexposed": overexposed,
    "out of focus": defocused,
    "mud on the lens": muddy,
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", type=Path, default=Path())
    parser.add_argument("--images", type=int, default=24, help="held-out images of each source")
    parser.add_argument("--reference", type=int, default=120, help="training images of each source")
    parser.add_argument("--threads", type=int, default=0)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    config = load_training_config(args.config)
    sources = [source for source in config.enabled_sources if source.kind != "simulation"]
    segmenter = open_segmenter(find_model(args.model), runtime="openvino", threads=args.threads)
    known = {
        name: [features(segmenter, read_image(s.image_path)) for s in spread(found, args.reference)]
        for name, found in list_training(sources, args.data).items()
    }
    held_out = {
        name: [example.load()[0] for example in spread(found, args.images)]
        for name, found in list_held_out(sources, args.data, config.seed).items()
    }
    plain = {name: [features(segmenter, i) for i in found] for name, found in held_out.items()}
    rows = [("as they are", plain)]
    for words, degrade in DEGRADED.items():
        rng = np.random.default_rng(5)
        rows.append(
            (
                words,
                {
                    name: [features(segmenter, degrade(i, rng)) for i in found]
                    for name, found in held_out.items()
                },
            )
        )
    familiar = fitted(known, plain)
    names = list(plain)
    print("| called unfamiliar |", " | ".join(names), "|")
    print("|---" * (len(names) + 1) + "|")
    for words, found in rows:
        shares = [f"{100 * share(familiar, found[name]):.0f} %" for name in names]
        print(f"| {words} |", " | ".join(shares), "|")
    others = []
    for name in names:
        rest = fitted(
            {k: v for k, v in known.items() if k != name},
            {k: v for k, v in plain.items() if k != name},
        )
        others.append(f"{100 * share(rest, known[name] + plain[name]):.0f} %")
    print("| left out of the reference |", " | ".join(others), "|")
    print(f"\nfalse alarms allowed {FALSE_ALARMS:.0%}, threshold {familiar.threshold:.3f}")
    print(f"cost {cost_ms(segmenter, familiar, held_out[names[0]][0]):.2f} ms a frame")


def spread(items: Sequence[T], count: int) -> list[T]:
    """Return some, spread over all."""
    return list(items[:: max(1, len(items) // count)][:count])


def features(segmenter: Segmenter, image: UInt8Array) -> Float64Array:
    """Return what a frame is told by."""
    frame = Frame(frame_id=0, t_capture_s=0.0, image=image)
    return frame_features(image, segmenter.segment(frame))


def fitted(
    known: Mapping[str, list[Float64Array]], held_out: Mapping[str, list[Float64Array]]
) -> FamiliarFrames:
    """Fit on all sources."""
    return reference_and_threshold(
        [one for found in known.values() for one in found],
        [one for found in held_out.values() for one in found],
        FALSE_ALARMS,
    )


def share(familiar: FamiliarFrames, found: list[Float64Array]) -> float:
    """Return the share beyond the threshold."""
    return float(np.mean([familiar.distance(one) > familiar.threshold for one in found]))


def cost_ms(segmenter: Segmenter, familiar: FamiliarFrames, image: UInt8Array) -> float:
    """Return the median time of judging one frame of 960x544."""
    image = np.ascontiguousarray(cv2.resize(image, (960, 544)))
    seen = segmenter.segment(Frame(frame_id=0, t_capture_s=0.0, image=image))
    times = []
    for _ in range(100):
        began_s = time.perf_counter()
        familiar.judge(image, seen)
        times.append(time.perf_counter() - began_s)
    return 1e3 * float(np.median(times))


if __name__ == "__main__":
    main()
