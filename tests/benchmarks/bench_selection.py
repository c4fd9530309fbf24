"""Ten rounds of selected frames against random ones: soy is known, peanut is to be learnt.

    python tests/benchmarks/bench_selection.py [--data DIR] [--seeds 4] [--a-round 2] [--rounds 10]

DIR holds the folders ``soy`` and ``peanut``. The learner is a cheap one, not the product's
training: a linear classifier of pixels on frozen features (efficientnet-lite0 as trained on
ImageNet, from the extra ``train``, at a quarter of the picture, and colours), fitted by logistic
regression to 40 soy frames and all peanut frames labelled so far. That the same holds for a whole
network is not shown.

Each round adds frames to those labelled: selected as `agriseg labels select` does it (doubt of the
present learner, variety, no near duplicates; of the labels nothing is looked at), or at random. In
every seed both choose from the same random four fifths of the peanut frames, of which the last four
blocks of 20 are kept out: on them mean IoU is measured. Prints mean IoU by round as a Markdown
table, and how many labels each way needs for what the other reaches.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from agriseg.datasets.folder import list_folder
from agriseg.datasets.labels import Sample
from agriseg.messages import ClassId, Float64Array, Segmentation, UInt8Array
from agriseg.models.backbone_weights import load_lite0_backbone
from agriseg.models.networks import EfficientNetLite0
from agriseg.segmentation.metrics import PixelScores
from agriseg.selection.candidates import Candidate
from agriseg.selection.describing import Described, describe, wrong_of
from agriseg.selection.selecting import pick
from agriseg.selection.valuing import Weights

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
SIZE_PX = (480, 352)
"""Of the pictures as the features see them; a multiple of 32."""
HELD_OUT = ("block12", "block13", "block14", "block15")
SOY_FRAMES = 40
PIXELS_A_FRAME = 700
FEATURE_LEVELS = 3
STEPS = 60

Features = NDArray[np.float16]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Known:
    """A frame with its features ``(h, w, F)``, its mask ``(h, w)`` and what it looks like."""

    features: Features
    mask: UInt8Array
    described: Described


class FrozenFeatures:
    """Features of pixels that never change."""

    def __init__(self) -> None:
        network = nn.Module()
        network.backbone = EfficientNetLite0()
        load_lite0_backbone(network)
        self._backbone = network.backbone.eval()

    @torch.inference_mode()
    def of(self, sample: Sample) -> Known:
        """Look at a frame."""
        full, mask = sample.load()
        image = np.asarray(cv2.resize(full, SIZE_PX, interpolation=cv2.INTER_AREA))
        rgb = torch.from_numpy(image[..., ::-1].astype(np.float32) / 255.0)
        batch = ((rgb - 0.498) / 0.502).permute(2, 0, 1)[None]
        size = (SIZE_PX[1] // 4, SIZE_PX[0] // 4)
        maps = self._backbone(batch)[:FEATURE_LEVELS]
        deep = [nn.functional.interpolate(one, size, mode="bilinear")[0] for one in maps]
        features = torch.cat(deep).permute(1, 2, 0).numpy()
        colours = _colours(image, size)
        small = cv2.resize(mask, (size[1], size[0]), interpolation=cv2.INTER_NEAREST)
        return Known(
            features=np.concatenate([features, colours], axis=2).astype(np.float16),
            mask=np.asarray(small, np.uint8),
            described=describe(full, None),
        )


def _colours(image: UInt8Array, size: tuple[int, int]) -> NDArray[np.float32]:
    small = cv2.resize(image, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    plain = small.astype(np.float32) / 255.0
    lab = cv2.cvtColor(plain, cv2.COLOR_BGR2LAB) / 100.0
    excess = 2.0 * plain[..., 1] - plain[..., 0] - plain[..., 2]
    wide = cv2.GaussianBlur(excess, (0, 0), 4.0)
    return np.dstack([lab, excess, wide])


class PixelLearner:
    """Logistic regression of three classes, fitted anew each round."""

    def __init__(self, frames: Sequence[Known], seed: int) -> None:
        rng = np.random.default_rng(seed)
        drawn = [self._draw(frame, rng) for frame in frames]
        x = torch.from_numpy(np.concatenate([one[0] for one in drawn]).astype(np.float32))
        y = torch.from_numpy(np.concatenate([one[1] for one in drawn]).astype(np.int64))
        self._centre, self._spread = x.mean(0), x.std(0) + 1e-3
        torch.manual_seed(seed)
        self._linear = nn.Linear(x.shape[1], 3)
        self._fit((x - self._centre) / self._spread, y)

    @staticmethod
    def _draw(
        frame: Known, rng: np.random.Generator
    ) -> tuple[NDArray[np.float16], NDArray[np.uint8]]:
        places = np.flatnonzero(frame.mask.ravel() != ClassId.IGNORE)
        chosen = rng.choice(places, min(PIXELS_A_FRAME, len(places)), replace=False)
        flat = frame.features.reshape(-1, frame.features.shape[2])
        return flat[chosen], frame.mask.ravel()[chosen]

    def _fit(self, x: torch.Tensor, y: torch.Tensor) -> None:
        share = torch.bincount(y, minlength=3).float() / len(y)
        weight = (share + 1e-3) ** -0.5
        best = torch.optim.LBFGS(self._linear.parameters(), max_iter=STEPS)

        def loss() -> torch.Tensor:
            best.zero_grad()
            value = nn.functional.cross_entropy(self._linear(x), y, weight)
            value = value + 1e-3 * self._linear.weight.square().sum()
            value.backward()
            return value

        best.step(loss)

    @torch.inference_mode()
    def see(self, frame: Known) -> Segmentation:
        """Classify a frame's pixels."""
        h, w, count = frame.features.shape
        x = torch.from_numpy(frame.features.reshape(-1, count).astype(np.float32))
        logits = self._linear((x - self._centre) / self._spread)
        shares = torch.softmax(logits, 1).numpy().reshape(h, w, 3)
        bytes_ = np.round(shares * 255.0).astype(np.uint8)
        return Segmentation(
            frame_id=0,
            t_capture_s=0.0,
            labels=shares.argmax(2).astype(np.uint8),
            weed_probability=bytes_[..., ClassId.WEED].copy(),
            crop_probability=bytes_[..., ClassId.CROP].copy(),
            forward_ms=0.0,
            segmenter="linear",
        )


def mean_iou(learner: PixelLearner, frames: Sequence[Known]) -> float:
    """Judge a learner on frames that it never saw."""
    scores = PixelScores.empty()
    for frame in frames:
        scores = scores + PixelScores.of(learner.see(frame).labels, frame.mask)
    return scores.mean_iou


def select(
    learner: PixelLearner, pool: Sequence[Known], labelled: Sequence[Known], count: int
) -> list[int]:
    """Choose as the product does; every fourth pixel tells the doubt."""
    described = []
    for frame in pool:
        coarse = replace(frame, features=frame.features[::2, ::2], mask=frame.mask[::2, ::2])
        seen = learner.see(coarse)
        described.append(replace(frame.described, wrong=wrong_of(seen)))
    candidates = [
        Candidate(name=str(n), origin=Path(), index=n, group="") for n in range(len(pool))
    ]
    known = [frame.described for frame in labelled]
    return list(pick(described, candidates, known, count, Weights()).places)


def run_rounds(
    soy: Sequence[Known],
    pool: Sequence[Known],
    held_out: Sequence[Known],
    *,
    rounds: int,
    a_round: int,
    seed: int,
    is_active: bool,
) -> list[float]:
    """Return mean IoU before the first round and after each."""
    rng = np.random.default_rng(1000 + seed)
    left, labelled = list(pool), list[Known]()
    learner = PixelLearner(soy, seed)
    curve = [mean_iou(learner, held_out)]
    for _ in range(rounds):
        if is_active:
            places = select(learner, left, labelled, a_round)
        else:
            places = rng.choice(len(left), a_round, replace=False).tolist()
        labelled += [left[place] for place in places]
        left = [frame for place, frame in enumerate(left) if place not in set(places)]
        learner = PixelLearner([*soy, *labelled], seed)
        curve.append(mean_iou(learner, held_out))
    return curve


def labels_for(curve: Float64Array, goal: float, a_round: int) -> float:
    """Return after how many labels a curve reaches a mean IoU; NaN where it does not."""
    best = np.maximum.accumulate(curve)
    if best[-1] < goal:
        return float("nan")
    place = int(np.argmax(best >= goal))
    if place == 0:
        return 0.0
    below, above = best[place - 1], best[place]
    return a_round * (place - 1 + (goal - below) / (above - below))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=SHARED)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--a-round", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=10)
    args = parser.parse_args()
    if not (args.data / "peanut").is_dir():
        print(f"no labelled field images in {args.data}; name their folder with --data")
        return
    started_s = time.process_time()
    features = FrozenFeatures()
    peanut = list_folder(args.data / "peanut", "peanut")
    soy_samples = list_folder(args.data / "soy", "soy")
    step = len(soy_samples) // SOY_FRAMES
    soy = [features.of(sample) for sample in soy_samples[::step][:SOY_FRAMES]]
    everything = [features.of(sample) for sample in peanut if sample.group not in HELD_OUT]
    held_out = [features.of(sample) for sample in peanut if sample.group in HELD_OUT]
    print(f"features after {time.process_time() - started_s:.0f} s of CPU", flush=True)

    curves: dict[bool, list[list[float]]] = {True: [], False: []}
    for seed in range(args.seeds):
        rng = np.random.default_rng(seed)
        places = sorted(rng.choice(len(everything), len(everything) * 4 // 5, replace=False))
        pool = [everything[place] for place in places]
        for is_active in (True, False):
            curve = run_rounds(
                soy,
                pool,
                held_out,
                rounds=args.rounds,
                a_round=args.a_round,
                seed=seed,
                is_active=is_active,
            )
            curves[is_active].append(curve)
        print(f"seed {seed} after {time.process_time() - started_s:.0f} s of CPU", flush=True)
    report(np.array(curves[True]), np.array(curves[False]), args.a_round)


def report(active: Float64Array, chance: Float64Array, a_round: int) -> None:
    """Print curves and what they say."""
    print("\n| labels | selected | random |\n|---|---|---|")
    for place in range(active.shape[1]):
        a, r = active[:, place], chance[:, place]
        selected, at_random = (f"{x.mean():.4f} ± {x.std():.4f}" for x in (a, r))
        print(f"| {place * a_round} | {selected} | {at_random} |")
    a, r = active.mean(axis=0), chance.mean(axis=0)
    for place in sorted({len(r) // 2, len(r) - 1}):
        mine = labels_for(a, float(r[place]), a_round)
        print(
            f"mean IoU {r[place]:.4f} takes {place * a_round} random labels and {mine:.1f} "
            f"selected ones: {mine / (place * a_round):.0%}"
        )
    wins = int((active[:, 1:].mean(axis=1) > chance[:, 1:].mean(axis=1)).sum())
    print(f"selected is better over the ten rounds in {wins} of {len(active)} seeds")


if __name__ == "__main__":
    main()
